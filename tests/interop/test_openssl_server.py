"""Our client against OpenSSL's s_server."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from ours import CIPHER_SUITES, Dial, receive, sending
from peers import Peer

from certs import Flaw, Pki
from schemas.code_points import AlertDescription, CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme
from tls13 import AlertReceived, NoVerification, TLSError, TLSSocket, TruncationError, TrustStore
from tls13.errors import BadCertificate, CertificateExpired, UnknownCA

# The key that a scheme needs, and s_server's name for the scheme: versions of it differ.
SCHEMES = {
    SignatureScheme.rsa_pss_rsae_sha256: ("rsa", r"(RSA-PSS\+SHA256|rsa_pss_rsae_sha256)"),
    SignatureScheme.rsa_pss_rsae_sha384: ("rsa", r"(RSA-PSS\+SHA384|rsa_pss_rsae_sha384)"),
    SignatureScheme.rsa_pss_rsae_sha512: ("rsa", r"(RSA-PSS\+SHA512|rsa_pss_rsae_sha512)"),
    SignatureScheme.ecdsa_secp256r1_sha256: ("ecdsa-p256", r"(ECDSA\+SHA256|ecdsa_secp256r1_sha256)"),
    SignatureScheme.ed25519: ("ed25519", r"[Ee]d25519"),
}
GROUPS = (NamedGroup.x25519, NamedGroup.secp256r1)

Serving = Callable[..., Peer]


def converse(tls: TLSSocket, peer: Peer) -> None:
    """A line each way. The answers of s_server follow what it prints about the connection."""
    tls.sendall(b"a question\n")
    peer.wait_for(r"(?m)^a question$")
    peer.send(b"an answer\n")
    assert tls.recv() == b"an answer\n"


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_both_sides_agree_on_suite_group_and_signature(
    s_server: Serving, dial: Dial, suite: CipherSuite, group: NamedGroup, scheme: SignatureScheme
) -> None:
    key_type, scheme_said = SCHEMES[scheme]
    peer = s_server(key_type=key_type)
    tls = dial(peer, cipher_suites=(suite,), groups=(group,), signature_schemes=(scheme,))
    converse(tls, peer)

    negotiated = tls.negotiated
    assert negotiated.version is ProtocolVersion.TLS13
    assert negotiated.cipher_suite is suite
    assert negotiated.group is group
    assert negotiated.signature_scheme is scheme
    assert len(negotiated.peer_certificates) == 2
    assert not negotiated.retried
    assert f"CIPHER is {suite.name}\n" in peer.text
    assert re.search(rf"(?m)^Shared groups: {group.name}$", peer.text)
    assert re.search(rf"(?m)^Shared Signature Algorithms: {scheme_said}$", peer.text)


@pytest.mark.parametrize("group", ["X25519", "P-256"])
@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_choice_of_the_server_is_followed(s_server: Serving, dial: Dial, suite: CipherSuite, group: str) -> None:
    peer = s_server("-ciphersuites", suite.name, "-groups", group)
    tls = dial(peer, key_shares=3)
    converse(tls, peer)
    assert tls.negotiated.cipher_suite is suite
    assert tls.negotiated.group is {"X25519": NamedGroup.x25519, "P-256": NamedGroup.secp256r1}[group]
    assert not tls.negotiated.retried


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 10_000_000])
def test_payload_comes_back_whole(
    s_server: Serving, dial: Dial, random_bytes: Callable[[int], bytes], size: int
) -> None:
    payload = random_bytes(size)
    peer = s_server("-quiet")
    peer.echo_back()
    tls = dial(peer)
    with sending(tls.sendall, payload):
        assert receive(tls, len(payload)) == payload
    assert peer.stdout == payload
    tls.finish()
    assert tls.recv() == b""
    tls.close()
    assert peer.wait() == 0, peer.text


@pytest.mark.parametrize("options", [("-max_send_frag", "512"), ("-record_padding", "1000")])
def test_small_and_padded_records_are_read(
    s_server: Serving, dial: Dial, random_bytes: Callable[[int], bytes], options: tuple[str, ...]
) -> None:
    payload = random_bytes(100_000)
    peer = s_server("-quiet", *options)
    tls = dial(peer)
    with sending(peer.send, payload):
        assert receive(tls, len(payload)) == payload


@pytest.mark.parametrize("middlebox", [True, False], ids=["compatible", "incompatible"])
@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_hello_retry_request_is_answered(s_server: Serving, dial: Dial, suite: CipherSuite, middlebox: bool) -> None:
    peer = s_server("-msg", "-groups", "P-256", "-ciphersuites", suite.name)
    tls = dial(peer, middlebox_compatibility=middlebox)
    converse(tls, peer)
    assert tls.negotiated.retried
    assert tls.negotiated.group is NamedGroup.secp256r1
    assert len(re.findall(r"^<<< .*, ClientHello$", peer.text, re.MULTILINE)) == 2
    assert change_cipher_specs(peer) == (2 if middlebox else 1)


def test_client_that_sends_no_share_is_asked_for_one(s_server: Serving, dial: Dial) -> None:
    peer = s_server()
    tls = dial(peer, key_shares=0)
    converse(tls, peer)
    assert tls.negotiated.retried


@pytest.mark.parametrize("groups", ["X25519", "P-256"], ids=["alone", "and another share"])
def test_cookie_of_a_stateless_server_is_given_back(s_server: Serving, dial: Dial, groups: str) -> None:
    peer = s_server("-msg", "-stateless", "-groups", groups)
    # A stateless s_server stumbles over the change_cipher_spec of any client, its own included.
    tls = dial(peer, middlebox_compatibility=False)
    converse(tls, peer)
    assert tls.negotiated.retried
    assert len(re.findall(r"^<<< .*, ClientHello$", peer.text, re.MULTILINE)) == 2


@pytest.mark.parametrize("theirs", [True, False], ids=["theirs on", "theirs off"])
@pytest.mark.parametrize("ours", [True, False], ids=["ours on", "ours off"])
def test_each_side_may_do_without_compatibility_mode(s_server: Serving, dial: Dial, ours: bool, theirs: bool) -> None:
    peer = s_server("-msg", *(() if theirs else ("-no_middlebox",)))
    tls = dial(peer, middlebox_compatibility=ours)
    converse(tls, peer)
    assert change_cipher_specs(peer) == ours + theirs


def change_cipher_specs(peer: Peer) -> int:
    """How many change_cipher_spec records went by, either way: -msg shows the five bytes of their header."""
    return len(re.findall(r"^ +14 03 03 00 01$", peer.text, re.MULTILINE))


def test_favourite_application_protocol_of_the_server_is_taken(s_server: Serving, dial: Dial) -> None:
    peer = s_server("-alpn", "http/1.1,h2")
    tls = dial(peer, application_protocols=("foo", "h2", "http/1.1"))
    converse(tls, peer)
    assert tls.negotiated.application_protocol == "http/1.1"
    assert "ALPN protocols selected: http/1.1\n" in peer.text


def test_server_that_knows_no_application_protocol_chooses_none(s_server: Serving, dial: Dial) -> None:
    peer = s_server()
    tls = dial(peer, application_protocols=("h2",))
    converse(tls, peer)
    assert tls.negotiated.application_protocol is None


def test_server_without_a_common_application_protocol_refuses(s_server: Serving, dial: Dial) -> None:
    with pytest.raises(AlertReceived) as refusal:
        dial(s_server("-alpn", "foo"), application_protocols=("h2",))
    assert refusal.value.alert is AlertDescription.no_application_protocol


def test_server_learns_the_name_that_we_ask_for(s_server: Serving, dial: Dial, pki: Pki, intermediate: Path) -> None:
    second = pki.server("rsa")
    peer = s_server("-servername", "localhost", "-cert2", second.certificate, "-key2", second.key)
    # The certificate for a name comes without its chain from s_server.
    tls = dial(peer, trust=TrustStore.load(intermediate))
    converse(tls, peer)
    assert 'Hostname in TLS extension: "localhost"' in peer.text
    assert tls.negotiated.signature_scheme is SignatureScheme.rsa_pss_rsae_sha256


def test_address_is_not_sent_as_a_name(s_server: Serving, dial: Dial) -> None:
    peer = s_server("-tlsextdebug")
    tls = dial(peer, server_name="127.0.0.1")
    converse(tls, peer)
    assert 'TLS client extension "supported versions"' in peer.text
    assert 'TLS client extension "server name"' not in peer.text


@pytest.mark.parametrize(
    ("flaw", "reason", "alert"),
    [
        (Flaw.EXPIRED, CertificateExpired, AlertDescription.certificate_expired),
        (Flaw.WRONG_NAME, BadCertificate, AlertDescription.bad_certificate),
        (Flaw.UNKNOWN_CA, UnknownCA, AlertDescription.unknown_ca),
    ],
    ids=lambda value: str(value) if isinstance(value, Flaw) else "",
)
def test_flawed_certificate_is_refused_and_the_server_told_why(
    s_server: Serving, dial: Dial, pki: Pki, flaw: Flaw, reason: type[TLSError], alert: AlertDescription
) -> None:
    peer = s_server(files=pki.flawed(flaw))
    with pytest.raises(reason):
        dial(peer)
    peer.wait_for(f"SSL alert number {int(alert)}\n")


def test_server_of_a_stranger_is_refused(s_server: Serving, dial: Dial, strangers_ca: Path) -> None:
    peer = s_server()
    with pytest.raises(UnknownCA):
        dial(peer, trust=TrustStore.load(strangers_ca))
    peer.wait_for(f"SSL alert number {int(AlertDescription.unknown_ca)}\n")


def test_any_server_is_accepted_when_nothing_is_to_be_verified(s_server: Serving, dial: Dial, pki: Pki) -> None:
    peer = s_server(files=pki.flawed(Flaw.EXPIRED))
    converse(dial(peer, trust=NoVerification(), server_name="other.test"), peer)


@pytest.mark.parametrize(
    ("request_peer", "key_updates_from_the_server"), [(False, 0), (True, 3)], ids=["alone", "and asks for its"]
)
def test_client_updates_its_keys(
    s_server: Serving, dial: Dial, request_peer: bool, key_updates_from_the_server: int
) -> None:
    peer = s_server("-msg")
    tls = dial(peer)
    for round_ in range(3):
        tls.update_keys(request_peer=request_peer)
        tls.sendall(f"question {round_}\n".encode())
        peer.wait_for(rf"(?m)^question {round_}$")
        peer.send(f"answer {round_}\n".encode())
        assert tls.recv() == f"answer {round_}\n".encode()
    tls.close()
    assert peer.wait() == 0, peer.text
    assert len(re.findall(r"^<<< .*, KeyUpdate$", peer.text, re.MULTILINE)) == 3
    assert len(re.findall(r"^>>> .*, KeyUpdate$", peer.text, re.MULTILINE)) == key_updates_from_the_server


@pytest.mark.parametrize(("command", "key_updates_from_us"), [("k", 0), ("K", 3)], ids=["alone", "and asks for ours"])
def test_server_updates_its_keys(s_server: Serving, dial: Dial, command: str, key_updates_from_us: int) -> None:
    peer = s_server("-msg")
    tls = dial(peer)
    for round_ in range(3):
        tls.sendall(f"question {round_}\n".encode())
        peer.wait_for(rf"(?m)^question {round_}$")
        peer.send(f"{command}\n".encode())
        peer.wait_for(r">>> .*, KeyUpdate", times=round_ + 1)
        peer.send(f"answer {round_}\n".encode())
        assert tls.recv() == f"answer {round_}\n".encode()
    converse(tls, peer)
    assert len(re.findall(r"^>>> .*, KeyUpdate$", peer.text, re.MULTILINE)) == 3
    assert len(re.findall(r"^<<< .*, KeyUpdate$", peer.text, re.MULTILINE)) == key_updates_from_us


@pytest.mark.parametrize("tickets", [0, 1, 4])
def test_tickets_are_handed_over(s_server: Serving, dial: Dial, tickets: int) -> None:
    peer = s_server("-num_tickets", str(tickets))
    tls = dial(peer)
    converse(tls, peer)
    assert len(tls.sessions) == tickets
    assert len({each.state.ticket for each in tls.sessions}) == tickets
    assert all(each.state.ticket_lifetime == 7200 for each in tls.sessions)


def test_server_sees_our_close_notify(s_server: Serving, dial: Dial) -> None:
    peer = s_server("-msg")
    tls = dial(peer)
    converse(tls, peer)
    tls.close()
    assert peer.wait() == 0, peer.text
    assert "<<< TLS 1.3, Alert [length 0002], warning close_notify" in peer.text


def test_client_sees_the_close_notify_of_the_server(s_server: Serving, dial: Dial) -> None:
    tls = dial(s_server("-www"))
    tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
    page = b""
    while piece := tls.recv():
        page += piece
    assert b"Cipher is TLS_AES_128_GCM_SHA256" in page
    assert page.rstrip().endswith(b"</HTML>")
    assert tls.recv() == b""


def test_server_that_vanishes_is_no_end_of_data(s_server: Serving, dial: Dial) -> None:
    peer = s_server()
    tls = dial(peer)
    converse(tls, peer)
    peer.kill()
    with pytest.raises(TruncationError):
        tls.recv()


def test_request_for_a_certificate_is_answered_with_none(s_server: Serving, dial: Dial, pki: Pki) -> None:
    peer = s_server("-msg", "-verify", "1", "-CAfile", pki.ca)
    tls = dial(peer)
    converse(tls, peer)
    assert re.search(r"(?m)^>>> .*, CertificateRequest$", peer.text)
    assert re.search(r"(?m)^<<< TLS 1.3, Handshake \[length 0008\], Certificate$", peer.text)


def test_server_that_must_have_a_certificate_says_so(s_server: Serving, dial: Dial, pki: Pki) -> None:
    tls = dial(s_server("-Verify", "1", "-CAfile", pki.ca))
    with pytest.raises(AlertReceived) as refusal:
        tls.recv()
    assert refusal.value.alert is AlertDescription.certificate_required
    assert "client certificate" in refusal.value.hint


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_1", "-tls1"])
def test_server_of_an_older_version_refuses_us(s_server: Serving, dial: Dial, version: str) -> None:
    peer = s_server(version, "-cipher", "ALL:@SECLEVEL=0")
    with pytest.raises(AlertReceived) as refusal:
        dial(peer)
    assert refusal.value.alert is AlertDescription.protocol_version
    assert "TLS 1.3" in refusal.value.hint


def test_server_with_no_common_suite_refuses(s_server: Serving, dial: Dial) -> None:
    with pytest.raises(AlertReceived) as refusal:
        dial(s_server("-ciphersuites", "TLS_AES_128_CCM_8_SHA256"))
    assert refusal.value.alert is AlertDescription.handshake_failure


def test_server_that_can_sign_by_none_of_our_schemes_refuses(s_server: Serving, dial: Dial) -> None:
    with pytest.raises(AlertReceived) as refusal:
        dial(s_server(key_type="ed25519"), signature_schemes=(SignatureScheme.rsa_pss_rsae_sha256,))
    assert refusal.value.alert is AlertDescription.handshake_failure
