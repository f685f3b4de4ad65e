"""Servers that ask who the client is when the handshake is over. RFC 9846 §4.7.2

OpenSSL, GnuTLS and NSS do it in both roles; tlslite-ng as well. Go, Java and Node have none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from driven import Driven, DrivenServer, reach
from ours import load, own
from peers import Peer, Start
from stacks import Stack

from certs import Pki
from schemas.certificate import Certificate
from schemas.code_points import AlertDescription
from schemas.handshake import CertificateVerify, Finished
from tls13 import AlertReceived, ClientConfig, Observation, ServerConfig, TrustStore
from tls13.config import ClientAuthentication
from tls13.errors import CertificateRequired, ConfigurationError
from tls13.events import ClientAuthenticated, DataReceived, MessageObserved

KEY_TYPES = ("rsa", "ecdsa-p256")
NSS_OPTIONS = ("-r", "-r", "-r", "-r", "-E")
"""Require a certificate, on the second handshake."""

each_key_type = pytest.mark.parametrize("key_type", KEY_TYPES)
only_tlslite = pytest.mark.parametrize("stack_name", ["tlslite"])


@pytest.fixture
def asking(pki: Pki, trust: TrustStore) -> ServerConfig:
    """Our server, which asks nobody before the handshake is over."""
    late = ClientAuthentication(policy=trust, required=False, in_handshake=False)
    return ServerConfig(credentials=(load(pki.server("ecdsa-p256")),), client_authentication=late)


@pytest.fixture
def sent() -> list[type]:
    """The handshake messages that our client has sent."""
    return []


@pytest.fixture
def known(pki: Pki, trust: TrustStore, sent: list[type]) -> Callable[[str], ClientConfig]:
    """Our client, which has a certificate and shows it late."""

    def note(observation: Observation) -> None:
        if isinstance(observation, MessageObserved) and observation.sent:
            sent.append(type(observation.message))

    def config(key_type: str) -> ClientConfig:
        credentials = (load(pki.client(key_type)),)
        return ClientConfig(trust=trust, credentials=credentials, post_handshake_auth=True, observer=note)

    return config


def ask_late(tls: Driven) -> None:
    """Asks in the middle of the conversation, and hands on what the client says."""
    tls.handshake()
    request = tls.receive(1)
    context = tls.connection.request_certificate()
    tls.send(request)
    answer = tls.wait_for(ClientAuthenticated)
    assert answer.context == context
    tls.events.append(answer)
    tls.send(b"thank you\n")
    tls.part()


def shown(tls: Driven) -> bytes | None:
    """The certificate that the client has shown late."""
    return next(iter(tls.wait_for(ClientAuthenticated).certificates), None)


def is_thanked(peer: Peer) -> None:
    """A client that says something, and hears the end of `ask_late`."""
    peer.send(b"hello\n")
    peer.wait_for("thank you\n")


@each_key_type
def test_openssl_client(asking: ServerConfig, s_client: Start, intermediate: Path, pki: Pki, key_type: str) -> None:
    files = pki.client(key_type)
    with DrivenServer(asking, ask_late) as server:
        identity = ("-cert", files.certificate, "-key", files.key, "-cert_chain", intermediate)
        peer = s_client(server, "-enable_pha", *identity)
        is_thanked(peer)
        assert shown(server.end()) == own(files)


def test_openssl_client_without_a_certificate(asking: ServerConfig, s_client: Start) -> None:
    with DrivenServer(asking, ask_late) as server:
        peer = s_client(server, "-enable_pha")
        is_thanked(peer)
        assert shown(server.end()) is None


def test_openssl_client_that_takes_no_request_is_not_asked(asking: ServerConfig, s_client: Start) -> None:
    def ask(tls: Driven) -> None:
        tls.handshake()
        with pytest.raises(ConfigurationError):
            tls.connection.request_certificate()
        tls.part()

    with DrivenServer(asking, ask) as server:
        s_client(server)
        server.end()


@each_key_type
def test_openssl_server(
    s_server: Start, pki: Pki, known: Callable[[str], ClientConfig], sent: list[type], key_type: str
) -> None:
    peer = s_server("-msg", "-CAfile", pki.ca)
    with reach(peer.port, known(key_type)).handshake() as tls:
        tls.send(b"hello\n")
        peer.wait_for("(?m)^hello$")
        assert CertificateVerify not in sent
        peer.send(b"c\n")
        peer.wait_for(">>> .*, CertificateRequest\n")
        peer.send(b"who are you\n")
        assert tls.receive(1) == b"who are you\n"
        tls.send(b"me\n")
        peer.wait_for("(?m)^me$")
        tls.part()
    assert sent[-3:] == [Certificate, CertificateVerify, Finished]
    assert peer.wait() == 0, peer.text
    assert "<<< TLS 1.3, Handshake [length 0024], Finished\n" in peer.text.split("CertificateRequest\n")[-1]


def test_gnutls_client(asking: ServerConfig, gnutls_cli: Start, pki: Pki) -> None:
    files = pki.client("ecdsa-p256")
    with DrivenServer(asking, ask_late) as server:
        identity = ("--x509certfile", files.certificate, "--x509keyfile", files.key)
        peer = gnutls_cli(server, "--post-handshake-auth", *identity)
        is_thanked(peer)
        assert shown(server.end()) == own(files)


def test_gnutls_client_without_a_certificate(asking: ServerConfig, gnutls_cli: Start) -> None:
    with DrivenServer(asking, ask_late) as server:
        peer = gnutls_cli(server, "--post-handshake-auth")
        is_thanked(peer)
        assert shown(server.end()) is None


@each_key_type
def test_gnutls_server(
    gnutls_serv: Start, pki: Pki, known: Callable[[str], ClientConfig], sent: list[type], key_type: str
) -> None:
    peer = gnutls_serv("--disable-client-cert", "--verify-client-cert", "--x509cafile", str(pki.ca)).ready()
    with reach(peer.port, known(key_type)).handshake() as tls:
        assert CertificateVerify not in sent
        tls.send(b"**REAUTH**\n")
        assert tls.receive(1)
        tls.send(b"hello\n")
        assert tls.receive(6).endswith(b"hello\n")
        tls.part()
    assert sent[-3:] == [Certificate, CertificateVerify, Finished]
    peer.end()
    assert "*** Sending re-auth request" in peer.text


def test_nss_client(asking: ServerConfig, tstclnt: Start, database: Callable[..., str], pki: Pki) -> None:
    files = pki.client("ecdsa-p256")
    with DrivenServer(asking, ask_late) as server:
        peer = tstclnt(server, "-E", "-n", "own", db=database(files))
        assert peer.wait() == 0, peer.text
        assert peer.stdout.endswith(b"hello\nthank you\n")
        assert shown(server.end()) == own(files)


@each_key_type
def test_nss_server(selfserv: Start, known: Callable[[str], ClientConfig], sent: list[type], key_type: str) -> None:
    peer = selfserv(*NSS_OPTIONS).ready()
    with reach(peer.port, known(key_type)).handshake() as tls:
        assert CertificateVerify not in sent
        tls.send(b"GET nothing HTTP/1.0\r\n\r\n")
        assert tls.receive(1)
        tls.part()
    assert sent[-3:] == [Certificate, CertificateVerify, Finished]


@only_tlslite
def test_tlslite_client(asking: ServerConfig, stack: Stack, pki: Pki) -> None:
    files = pki.client("ecdsa-p256")

    def ask(tls: Driven) -> None:
        tls.handshake()
        request = tls.receive(6)
        tls.connection.request_certificate()
        tls.send(request)
        tls.events.append(tls.wait_for(ClientAuthenticated))
        tls.send(tls.receive(6))
        tls.echo()

    with DrivenServer(asking, ask) as server:
        stack.connect(server.port, ca=pki.ca, cert=files.certificate, key=files.key, rounds=3)
        stack.done()
        assert shown(server.end()) == own(files)


@only_tlslite
@each_key_type
def test_tlslite_server(stack: Stack, pki: Pki, known: Callable[[str], ClientConfig], key_type: str) -> None:
    server = pki.server("ecdsa-p256")
    stack.listen(cert=server.certificate, key=server.key, auth="late")
    with reach(stack.port, known(key_type)).handshake() as tls:
        for _ in range(3):
            tls.send(b"hello\n")
            assert tls.wait_for(DataReceived).data == b"hello\n"
        tls.part()
    assert stack.done()["peer"] == hashlib.sha256(own(pki.client(key_type))).hexdigest()


def test_client_that_must_show_a_certificate_and_has_none(
    pki: Pki, trust: TrustStore, gnutls_cli: Start, log: Callable[[], str]
) -> None:
    late = ClientAuthentication(policy=trust, in_handshake=False)
    config = ServerConfig(credentials=(load(pki.server("ecdsa-p256")),), client_authentication=late)
    with DrivenServer(config, ask_late) as server:
        peer = gnutls_cli(server, "--post-handshake-auth")
        peer.send(b"hello\n")
        assert peer.wait() != 0
        with pytest.raises(CertificateRequired):
            server.end()
    assert f"Received alert [{int(AlertDescription.certificate_required)}]" in peer.text + log()


def test_nss_server_that_must_have_a_certificate_refuses_us_late(selfserv: Start, trust: TrustStore) -> None:
    peer = selfserv(*NSS_OPTIONS).ready()
    with reach(peer.port, ClientConfig(trust=trust, post_handshake_auth=True)).handshake() as tls:
        tls.send(b"GET nothing HTTP/1.0\r\n\r\n")
        with pytest.raises(AlertReceived) as refusal:
            tls.wait_for(DataReceived)
    assert refusal.value.alert is AlertDescription.certificate_required
