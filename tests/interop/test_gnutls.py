"""GnuTLS, as a client of our server and as the server of our client."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from ours import CIPHER_SUITES, Dial, Serve, receive, sending
from peers import Peer

from certs import Flaw, Pki
from schemas.code_points import AlertDescription, CipherSuite, KeyUpdateRequest, NamedGroup, SignatureScheme
from schemas.handshake import KeyUpdate
from tls13 import AlertReceived, Observation, TLSSocket
from tls13.errors import CertificateExpired, NoApplicationProtocol, UnsupportedVersion
from tls13.events import MessageObserved

CIPHERS = {
    CipherSuite.TLS_AES_128_GCM_SHA256: "AES-128-GCM",
    CipherSuite.TLS_AES_256_GCM_SHA384: "AES-256-GCM",
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256: "CHACHA20-POLY1305",
}
GROUPS = {NamedGroup.x25519: "X25519", NamedGroup.secp256r1: "SECP256R1"}
SIGNATURES = {
    SignatureScheme.rsa_pss_rsae_sha256: ("rsa", "RSA-PSS-RSAE-SHA256"),
    SignatureScheme.rsa_pss_rsae_sha384: ("rsa", "RSA-PSS-RSAE-SHA384"),
    SignatureScheme.rsa_pss_rsae_sha512: ("rsa", "RSA-PSS-RSAE-SHA512"),
    SignatureScheme.ecdsa_secp256r1_sha256: ("ecdsa-p256", "ECDSA-SECP256R1-SHA256"),
    SignatureScheme.ed25519: ("ed25519", "EdDSA-Ed25519"),
}


def priority(
    *, suite: CipherSuite | None = None, groups: tuple[NamedGroup, ...] = (), scheme: SignatureScheme | None = None
) -> tuple[str, str]:
    """A priority string that leaves GnuTLS TLS 1.3 and no choice where one is named here."""
    words = ["NORMAL", "-VERS-ALL", "+VERS-TLS1.3"]
    if suite is not None:
        words += ["-CIPHER-ALL", f"+{CIPHERS[suite]}"]
    if groups:
        words += ["-GROUP-ALL", *(f"+GROUP-{GROUPS[group]}" for group in groups)]
    if scheme is not None:
        # The certificates are signed with ECDSA whatever the server's own key is.
        own = SIGNATURES[scheme][1].upper()
        words += ["-SIGN-ALL", f"+SIGN-{own}", "+SIGN-ECDSA-SHA256"]
    return "--priority", ":".join(words)


def description(suite: CipherSuite, group: NamedGroup, scheme: SignatureScheme) -> str:
    """How both programs put what was agreed on."""
    return f"(TLS1.3-X.509)-(ECDHE-{GROUPS[group]})-({SIGNATURES[scheme][1]})-({CIPHERS[suite]})\n"


@pytest.mark.parametrize("scheme", SIGNATURES, ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_client_and_our_server_agree(
    serve: Serve,
    gnutls_cli: Callable[..., Peer],
    log: Callable[[], str],
    suite: CipherSuite,
    group: NamedGroup,
    scheme: SignatureScheme,
) -> None:
    server = serve(SIGNATURES[scheme][0])
    peer = gnutls_cli(server, *priority(suite=suite, groups=(group,), scheme=scheme))
    peer.converse()
    assert peer.stdout == b"hello\n"
    assert description(suite, group, scheme) in log()
    assert "The certificate is trusted." in log()
    negotiated = server.negotiated()
    assert (negotiated.cipher_suite, negotiated.group, negotiated.signature_scheme) == (suite, group, scheme)
    assert negotiated.server_name == "localhost"
    assert server.ending() is None


@pytest.mark.parametrize("scheme", SIGNATURES, ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_our_client_and_server_agree(
    gnutls_serv: Callable[..., Peer],
    dial: Dial,
    suite: CipherSuite,
    group: NamedGroup,
    scheme: SignatureScheme,
) -> None:
    peer = gnutls_serv("--disable-client-cert", key_type=SIGNATURES[scheme][0])
    tls = dial(peer, cipher_suites=(suite,), groups=(group,), signature_schemes=(scheme,))
    tls.sendall(b"hello\n")
    assert tls.recv() == b"hello\n"
    tls.close()
    negotiated = tls.negotiated
    assert (negotiated.cipher_suite, negotiated.group, negotiated.signature_scheme) == (suite, group, scheme)
    assert len(negotiated.peer_certificates) == 2
    peer.end()
    assert description(suite, group, scheme) in peer.text
    assert "Given server name[1]: localhost" in peer.text


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 10_000_000])
def test_payload_of_the_client_comes_back_whole(
    serve: Serve, gnutls_cli: Callable[..., Peer], random_bytes: Callable[[int], bytes], size: int
) -> None:
    payload = random_bytes(size)
    server = serve()
    peer = gnutls_cli(server, *priority())
    peer.send(payload)
    peer.close_input()
    assert peer.wait() == 0, peer.text
    assert peer.stdout == payload
    assert server.ending() is None


@pytest.mark.parametrize("size", [1, 16384, 16385, 10_000_000])
def test_our_payload_comes_back_whole(
    gnutls_serv: Callable[..., Peer], dial: Dial, random_bytes: Callable[[int], bytes], size: int
) -> None:
    # The server gives back lines of text: what is sent is random bytes as such, of this size with its line ends.
    payload = base64.encodebytes(random_bytes(size))[:size]
    payload = payload[:-1] + b"\n"
    tls = dial(gnutls_serv("--disable-client-cert"))
    with sending(tls.sendall, payload):
        assert receive(tls, len(payload)) == payload


@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_client_without_a_share_for_our_group_is_asked_again(
    serve: Serve, gnutls_cli: Callable[..., Peer], log: Callable[[], str], suite: CipherSuite
) -> None:
    server = serve(groups=(NamedGroup.secp256r1,), cipher_suites=(suite,))
    peer = gnutls_cli(server, "--single-key-share", *priority(groups=tuple(GROUPS)))
    peer.converse()
    assert server.negotiated().retried
    assert "(ECDHE-SECP256R1)" in log()


@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_hello_retry_request_is_answered(gnutls_serv: Callable[..., Peer], dial: Dial, suite: CipherSuite) -> None:
    peer = gnutls_serv("--disable-client-cert", *priority(suite=suite, groups=(NamedGroup.secp256r1,)))
    tls = dial(peer)
    answer_comes(tls)
    assert tls.negotiated.retried
    assert tls.negotiated.cipher_suite is suite
    assert tls.negotiated.group is NamedGroup.secp256r1


@pytest.mark.parametrize("ours", [True, False], ids=["ours on", "ours off"])
@pytest.mark.parametrize("theirs", ["%COMPAT", "%DISABLE_TLS13_COMPAT_MODE"], ids=["theirs on", "theirs off"])
def test_each_side_may_do_without_compatibility_mode(
    gnutls_serv: Callable[..., Peer], dial: Dial, ours: bool, theirs: str
) -> None:
    option, words = priority()
    tls = dial(gnutls_serv("--disable-client-cert", option, f"{words}:{theirs}"), middlebox_compatibility=ours)
    answer_comes(tls)


def test_client_may_do_without_compatibility_mode(serve: Serve, gnutls_cli: Callable[..., Peer]) -> None:
    server = serve()
    option, words = priority()
    gnutls_cli(server, option, f"{words}:%DISABLE_TLS13_COMPAT_MODE").converse()
    assert server.ending() is None


def test_application_protocol_is_agreed_on_with_the_client(
    serve: Serve, gnutls_cli: Callable[..., Peer], log: Callable[[], str]
) -> None:
    server = serve(application_protocols=("http/1.1", "h2"))
    gnutls_cli(server, "--alpn", "h2", "--alpn", "http/1.1").converse()
    assert server.negotiated().application_protocol == "http/1.1"
    assert "- Application protocol: http/1.1\n" in log()


def test_client_without_a_common_application_protocol_is_refused(
    serve: Serve, gnutls_cli: Callable[..., Peer], log: Callable[[], str]
) -> None:
    server = serve(application_protocols=("foo",))
    peer = gnutls_cli(server, "--alpn", "h2")
    assert peer.wait() != 0
    assert f"Received alert [{int(AlertDescription.no_application_protocol)}]" in peer.text + log()
    assert isinstance(server.ending(), NoApplicationProtocol)


def test_application_protocol_is_agreed_on_with_the_server(gnutls_serv: Callable[..., Peer], dial: Dial) -> None:
    peer = gnutls_serv("--disable-client-cert", "--alpn", "h2", "--alpn", "http/1.1")
    tls = dial(peer, application_protocols=("foo", "http/1.1"))
    answer_comes(tls)
    assert tls.negotiated.application_protocol == "http/1.1"


def test_client_updates_both_sides_keys(serve: Serve, gnutls_cli: Callable[..., Peer]) -> None:
    updates: list[tuple[bool, KeyUpdateRequest]] = []
    peer = gnutls_cli(serve(observer=key_updates_into(updates)), "--inline-commands")
    peer.send(b"^rekey^\n")
    peer.converse()
    assert updates == [(False, KeyUpdateRequest.update_requested), (True, KeyUpdateRequest.update_not_requested)]


def test_client_updates_its_own_keys(serve: Serve, gnutls_cli: Callable[..., Peer]) -> None:
    updates: list[tuple[bool, KeyUpdateRequest]] = []
    peer = gnutls_cli(serve(observer=key_updates_into(updates)), "--inline-commands")
    peer.send(b"^rekey1^\n")
    peer.converse()
    assert updates == [(False, KeyUpdateRequest.update_not_requested)]


def test_server_answers_our_key_update(gnutls_serv: Callable[..., Peer], dial: Dial) -> None:
    updates: list[tuple[bool, KeyUpdateRequest]] = []
    tls = dial(gnutls_serv("--disable-client-cert"), observer=key_updates_into(updates))
    answer_comes(tls)
    tls.update_keys(request_peer=True)
    answer_comes(tls)
    tls.update_keys()
    answer_comes(tls)
    assert updates == [
        (True, KeyUpdateRequest.update_requested),
        (False, KeyUpdateRequest.update_not_requested),
        (True, KeyUpdateRequest.update_not_requested),
    ]


def test_tickets_of_the_server_are_handed_over(gnutls_serv: Callable[..., Peer], dial: Dial) -> None:
    tls = dial(gnutls_serv("--disable-client-cert"))
    answer_comes(tls)
    assert tls.sessions
    assert all(each.state.ticket for each in tls.sessions)


def test_request_for_a_certificate_is_answered_with_none(gnutls_serv: Callable[..., Peer], dial: Dial) -> None:
    answer_comes(dial(gnutls_serv()))


def test_server_that_must_have_a_certificate_says_so(gnutls_serv: Callable[..., Peer], dial: Dial) -> None:
    tls = dial(gnutls_serv("--require-client-cert"))
    with pytest.raises(AlertReceived) as refusal:
        tls.recv()
    assert refusal.value.alert is AlertDescription.certificate_required


@pytest.mark.parametrize("version", ["1.2", "1.1", "1.0"])
def test_client_of_an_older_version_is_refused(
    serve: Serve, gnutls_cli: Callable[..., Peer], log: Callable[[], str], version: str
) -> None:
    server = serve()
    peer = gnutls_cli(server, "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}")
    assert peer.wait() != 0
    assert f"Received alert [{int(AlertDescription.protocol_version)}]" in peer.text + log()
    assert isinstance(server.ending(), UnsupportedVersion)


@pytest.mark.parametrize("version", ["1.2", "1.1", "1.0"])
def test_server_of_an_older_version_refuses_us(gnutls_serv: Callable[..., Peer], dial: Dial, version: str) -> None:
    with pytest.raises(AlertReceived) as refusal:
        dial(gnutls_serv("--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}"))
    # GnuTLS 3.7 says handshake_failure, where RFC 9846 §4.3.1 wants protocol_version.
    assert refusal.value.alert in (AlertDescription.handshake_failure, AlertDescription.protocol_version)


def test_client_that_knows_another_issuer_refuses_us(
    serve: Serve, gnutls_cli: Callable[..., Peer], strangers_ca: Path
) -> None:
    server = serve()
    assert gnutls_cli(server, trusted=strangers_ca).wait() != 0
    assert isinstance(server.ending(), AlertReceived)


def test_expired_certificate_is_refused(gnutls_serv: Callable[..., Peer], dial: Dial, pki: Pki) -> None:
    with pytest.raises(CertificateExpired):
        dial(gnutls_serv(files=pki.flawed(Flaw.EXPIRED)))


def test_end_of_the_client_is_clean_and_so_is_ours(serve: Serve, gnutls_cli: Callable[..., Peer]) -> None:
    """The client half-closes, and gets the answer to what it has sent all the same."""

    def answer_at_the_end(tls: TLSSocket) -> None:
        heard = bytearray()
        while data := tls.recv():
            heard += data
        tls.sendall(bytes(heard.upper()))

    server = serve(handler=answer_at_the_end)
    peer = gnutls_cli(server)
    peer.send(b"hello\n")
    peer.close_input()
    assert peer.wait() == 0, peer.text
    assert peer.stdout == b"HELLO\n"
    assert server.ending() is None


def answer_comes(tls: TLSSocket) -> None:
    tls.sendall(b"hello\n")
    assert tls.recv() == b"hello\n"


def key_updates_into(updates: list[tuple[bool, KeyUpdateRequest]]) -> Callable[[Observation], None]:
    """An observer that notes each KeyUpdate: whether we sent it, and what it asks for."""

    def watch(observation: Observation) -> None:
        if isinstance(observation, MessageObserved) and isinstance(observation.message, KeyUpdate):
            updates.append((observation.sent, observation.message.request_update))

    return watch
