"""OpenSSL's s_client against our server."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from ours import CIPHER_SUITES, Serve, echo
from peers import PATIENCE, Peer

from certs import KeyType, Pki, Profile, generate
from schemas.code_points import AlertDescription, CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme
from tls13 import AlertReceived, Credential, TLSSocket
from tls13.errors import NoApplicationProtocol, UnrecognizedName, UnsupportedVersion

# What our server must hold to sign by a scheme, and how s_client puts it that it did: versions of it differ.
SCHEMES = {
    SignatureScheme.rsa_pss_rsae_sha256: ("rsa", r"digest: SHA256\nPeer signature type: (RSA-PSS|rsa_pss_rsae_sha256)"),
    SignatureScheme.rsa_pss_rsae_sha384: ("rsa", r"digest: SHA384\nPeer signature type: (RSA-PSS|rsa_pss_rsae_sha384)"),
    SignatureScheme.rsa_pss_rsae_sha512: ("rsa", r"digest: SHA512\nPeer signature type: (RSA-PSS|rsa_pss_rsae_sha512)"),
    SignatureScheme.ecdsa_secp256r1_sha256: (
        "ecdsa-p256",
        r"digest: SHA256\nPeer signature type: (ECDSA|ecdsa_secp256r1_sha256)",
    ),
    SignatureScheme.ed25519: ("ed25519", r"Peer signature type: [Ee]d25519"),
}
GROUPS = {
    NamedGroup.x25519: ("X25519", r"(Server|Peer) Temp Key: X25519, 253 bits"),
    NamedGroup.secp256r1: ("P-256", r"(Server|Peer) Temp Key: ECDH, prime256v1, 256 bits"),
}

# How -msg shows a change_cipher_spec record: its five bytes of header.
CHANGE_CIPHER_SPEC = re.compile(r"^ +14 03 03 00 01$", re.MULTILINE)

Client = Callable[..., Peer]


def converse(peer: Peer, line: str = "hello") -> None:
    """Has a line echoed, then ends s_client, which must be content."""
    peer.send(f"{line}\n".encode())
    peer.wait_for(rf"(?m)^{line}$")
    peer.close_input()
    assert peer.wait() == 0, peer.text


def was_told(peer: Peer, alert: AlertDescription) -> bool:
    """Whether s_client says that it received this alert."""
    return f"SSL alert number {int(alert)}\n" in peer.text


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_both_sides_agree_on_suite_group_and_signature(
    serve: Serve, s_client: Client, suite: CipherSuite, group: NamedGroup, scheme: SignatureScheme
) -> None:
    key_type, signature_said = SCHEMES[scheme]
    group_name, group_said = GROUPS[group]
    server = serve(key_type)
    peer = s_client(server, "-ciphersuites", suite.name, "-groups", group_name, "-sigalgs", scheme.name)
    converse(peer)

    assert f"New, TLSv1.3, Cipher is {suite.name}\n" in peer.text
    assert re.search(group_said, peer.text)
    assert re.search(signature_said, peer.text)
    assert "Verify return code: 0 (ok)" in peer.text
    assert "Verified peername: localhost" in peer.text
    negotiated = server.negotiated()
    assert negotiated.version is ProtocolVersion.TLS13
    assert negotiated.cipher_suite is suite
    assert negotiated.group is group
    assert negotiated.signature_scheme is scheme
    assert negotiated.server_name == "localhost"
    assert not negotiated.retried
    assert server.ending() is None


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 10_000_000])
def test_payload_comes_back_whole(
    serve: Serve, s_client: Client, random_bytes: Callable[[int], bytes], size: int
) -> None:
    payload = random_bytes(size)
    server = serve()
    peer = s_client(server, "-quiet", "-no_ign_eof", "-nocommands")
    peer.send(payload)
    assert peer.wait_for_output(size) == payload
    peer.close_input()
    assert peer.wait() == 0, peer.text
    assert peer.stdout == payload
    assert server.ending() is None


@pytest.mark.parametrize("options", [("-max_send_frag", "512"), ("-record_padding", "1000"), ("-maxfraglen", "512")])
def test_small_and_padded_records_are_read(
    serve: Serve, s_client: Client, random_bytes: Callable[[int], bytes], options: tuple[str, ...]
) -> None:
    payload = random_bytes(100_000)
    server = serve()
    peer = s_client(server, "-quiet", "-no_ign_eof", "-nocommands", *options)
    peer.send(payload)
    assert peer.wait_for_output(len(payload)) == payload
    peer.close_input()
    assert peer.wait() == 0, peer.text
    assert server.ending() is None


@pytest.mark.parametrize("middlebox", [True, False], ids=["compatible", "incompatible"])
@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_client_without_a_share_for_our_group_is_asked_again(
    serve: Serve, s_client: Client, suite: CipherSuite, middlebox: bool
) -> None:
    server = serve(groups=(NamedGroup.secp256r1,), cipher_suites=(suite,))
    compatibility = () if middlebox else ("-no_middlebox",)
    peer = s_client(server, "-msg", "-groups", "X25519:P-256", *compatibility)
    converse(peer)
    assert len(re.findall(r"^>>> .*, ClientHello$", peer.text, re.MULTILINE)) == 2
    assert re.search(GROUPS[NamedGroup.secp256r1][1], peer.text)
    assert len(CHANGE_CIPHER_SPEC.findall(peer.text)) == (2 if middlebox else 0)
    negotiated = server.negotiated()
    assert negotiated.retried
    assert negotiated.group is NamedGroup.secp256r1


@pytest.mark.parametrize("middlebox", [True, False], ids=["compatible", "incompatible"])
def test_change_cipher_spec_is_sent_only_to_a_client_in_compatibility_mode(
    serve: Serve, s_client: Client, middlebox: bool
) -> None:
    peer = s_client(serve(), "-msg", *(() if middlebox else ("-no_middlebox",)))
    converse(peer)
    assert len(CHANGE_CIPHER_SPEC.findall(peer.text)) == (2 if middlebox else 0)


@pytest.mark.parametrize(("ours", "chosen"), [(("http/1.1", "h2"), "http/1.1"), (("h2",), "h2"), (("foo", "h2"), "h2")])
def test_our_favourite_application_protocol_is_chosen(
    serve: Serve, s_client: Client, ours: tuple[str, ...], chosen: str
) -> None:
    server = serve(application_protocols=ours)
    peer = s_client(server, "-alpn", "h2,http/1.1")
    converse(peer)
    assert f"ALPN protocol: {chosen}\n" in peer.text
    assert server.negotiated().application_protocol == chosen


def test_client_without_a_common_application_protocol_is_refused(serve: Serve, s_client: Client) -> None:
    server = serve(application_protocols=("foo",))
    peer = s_client(server, "-alpn", "h2,http/1.1")
    assert peer.wait() != 0
    assert was_told(peer, AlertDescription.no_application_protocol)
    assert isinstance(server.ending(), NoApplicationProtocol)


@pytest.mark.parametrize("ours", [(), ("h2",)])
def test_no_application_protocol_is_chosen_unless_both_sides_ask(
    serve: Serve, s_client: Client, ours: tuple[str, ...]
) -> None:
    server = serve(application_protocols=ours)
    peer = s_client(server, *(() if ours else ("-alpn", "h2")))
    converse(peer)
    assert "No ALPN negotiated" in peer.text
    assert server.negotiated().application_protocol is None


def test_certificate_is_chosen_by_the_name_that_the_client_asks_for(serve: Serve, s_client: Client, pki: Pki) -> None:
    other = pki.authority.issue(Profile.server(("other.test",), now=pki.now), generate(KeyType.ED25519))
    files = pki.server("rsa")
    credentials = (
        Credential.load(files.certificate, files.key),
        Credential.from_der(other.certificate_list, other.key_der),
    )
    server = serve(credentials=credentials)
    peer = s_client(server, "-servername", "other.test", "-verify_hostname", "other.test")
    converse(peer)
    assert "Verified peername: other.test" in peer.text
    assert server.negotiated().server_name == "other.test"
    peer = s_client(server)
    converse(peer)
    assert "Verified peername: localhost" in peer.text
    assert server.negotiated().server_name == "localhost"


def test_certificate_is_chosen_by_what_the_client_can_verify(serve: Serve, s_client: Client) -> None:
    server = serve("ed25519", "rsa", "ecdsa-p256")
    for scheme, (_, signature_said) in SCHEMES.items():
        peer = s_client(server, "-sigalgs", scheme.name)
        converse(peer)
        assert re.search(signature_said, peer.text)
        assert server.negotiated().signature_scheme is scheme


def test_client_that_names_no_server_is_served(serve: Serve, s_client: Client) -> None:
    server = serve()
    converse(s_client(server, "-noservername"))
    assert server.negotiated().server_name is None


def test_strict_server_refuses_a_name_that_it_has_no_certificate_for(serve: Serve, s_client: Client) -> None:
    server = serve(require_server_name=True)
    peer = s_client(server, "-servername", "other.test")
    assert peer.wait() != 0
    assert was_told(peer, AlertDescription.unrecognized_name)
    assert isinstance(server.ending(), UnrecognizedName)


@pytest.mark.parametrize(
    ("options", "alert"),
    [
        (("-verify_hostname", "other.test"), AlertDescription.bad_certificate),
        (("-CAfile", "strangers"), AlertDescription.unknown_ca),
    ],
    ids=["for its name", "for its issuer"],
)
def test_client_that_refuses_our_certificate_is_reported(
    serve: Serve, s_client: Client, strangers_ca: Path, options: tuple[str, ...], alert: AlertDescription
) -> None:
    server = serve()
    peer = s_client(server, *(strangers_ca if each == "strangers" else each for each in options))
    assert peer.wait() != 0
    assert "verify error" in peer.text
    ending = server.ending()
    assert isinstance(ending, AlertReceived)
    assert ending.alert is alert


@pytest.mark.parametrize(("command", "key_updates_from_us"), [("k", 0), ("K", 1)], ids=["alone", "and asks for ours"])
def test_client_updates_its_keys(serve: Serve, s_client: Client, command: str, key_updates_from_us: int) -> None:
    server = serve()
    peer = s_client(server, "-msg")
    for round_ in range(3):
        peer.send(f"before {round_}\n".encode())
        peer.wait_for(f"(?m)^before {round_}$")
        peer.send(f"{command}\n".encode())
        peer.wait_for("KEYUPDATE", times=round_ + 1)
    converse(peer, "after")
    assert len(re.findall(r"^>>> .*, KeyUpdate$", peer.text, re.MULTILINE)) == 3
    assert len(re.findall(r"^<<< .*, KeyUpdate$", peer.text, re.MULTILINE)) == 3 * key_updates_from_us
    assert server.ending() is None


@pytest.mark.parametrize(
    ("request_peer", "key_updates_from_the_client"), [(False, 0), (True, 2)], ids=["alone", "and asks for its"]
)
def test_server_updates_its_keys(
    serve: Serve, s_client: Client, request_peer: bool, key_updates_from_the_client: int
) -> None:
    def echo_with_new_keys(tls: TLSSocket) -> None:
        while data := tls.recv():
            tls.update_keys(request_peer=request_peer)
            tls.sendall(data)

    server = serve(handler=echo_with_new_keys)
    peer = s_client(server, "-msg")
    for line in ("first", "second"):
        peer.send(f"{line}\n".encode())
        peer.wait_for(rf"(?m)^{line}$")
    converse(peer, "third")
    # s_client answers with the next line that it sends, so not after the third.
    assert len(re.findall(r"^<<< .*, KeyUpdate$", peer.text, re.MULTILINE)) == 3
    assert len(re.findall(r"^>>> .*, KeyUpdate$", peer.text, re.MULTILINE)) == key_updates_from_the_client
    assert server.ending() is None


@pytest.mark.parametrize("tickets", [0, 1, 3])
def test_client_is_given_tickets(serve: Serve, s_client: Client, tickets: int) -> None:
    peer = s_client(serve(tickets=tickets), "-msg")
    converse(peer)
    assert len(re.findall(r"^<<< .*, NewSessionTicket$", peer.text, re.MULTILINE)) == tickets


def test_client_sees_our_close_notify(serve: Serve, s_client: Client) -> None:
    server = serve(handler=lambda tls: tls.sendall(b"that is all\n"))
    peer = s_client(server, "-msg")
    assert peer.wait() == 0, peer.text
    assert "that is all\n" in peer.text
    assert "<<< TLS 1.3, Alert [length 0002], warning close_notify" in peer.text


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_1", "-tls1"])
def test_client_of_an_older_version_is_refused(serve: Serve, s_client: Client, version: str) -> None:
    server = serve()
    peer = s_client(server, version, "-cipher", "ALL:@SECLEVEL=0")
    assert peer.wait() != 0
    assert was_told(peer, AlertDescription.protocol_version)
    assert isinstance(server.ending(), UnsupportedVersion)
    converse(s_client(server))


def test_many_clients_at_once_are_served(serve: Serve, s_client: Client, random_bytes: Callable[[int], bytes]) -> None:
    everybody_is_here = threading.Barrier(8, timeout=PATIENCE)

    def echo_once_all_are_here(tls: TLSSocket) -> None:
        everybody_is_here.wait()
        echo(tls)

    server = serve(handler=echo_once_all_are_here)
    payloads = [random_bytes(100_000) for _ in range(8)]
    peers = [s_client(server, "-quiet", "-no_ign_eof", "-nocommands") for _ in payloads]
    for peer, payload in zip(peers, payloads, strict=True):
        peer.send(payload)
    for peer, payload in zip(peers, payloads, strict=True):
        assert peer.wait_for_output(len(payload)) == payload
        peer.close_input()
        assert peer.wait() == 0, peer.text
    assert [server.ending() for _ in peers] == [None] * 8
