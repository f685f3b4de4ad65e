"""Clients that prove who they are: every peer's to our server, and ours to every peer's. RFC 9846 §4.4.2, §4.7.2"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nss_programs import ask
from ours import Dial, OurServer, Serve, answer, load, own
from peers import Peer, Start
from stacks import ABILITIES, Stack, each_stack

from certs import KeyFiles, Pki
from schemas.code_points import AlertDescription
from tls13 import AlertReceived, TrustStore
from tls13.config import ClientAuthentication
from tls13.crypto.signatures import SIGNATURES
from tls13.errors import CertificateRequired, UnknownCA

OpenSSLClient = Callable[[OurServer, KeyFiles | None], Peer]

EVERY_KEY_TYPE = ("rsa", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "ed448")
NSS_KEY_TYPES = ("rsa", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521")

each_key_type = pytest.mark.parametrize("key_type", EVERY_KEY_TYPE)
each_nss_key_type = pytest.mark.parametrize("key_type", NSS_KEY_TYPES)
each_stack_and_key_type = pytest.mark.parametrize(
    ("stack_name", "key_type"), [(name, each) for name, all_ in ABILITIES.items() for each in all_.key_types]
)


@pytest.fixture
def asking(trust: TrustStore) -> dict[str, Any]:
    """Settings of our server that asks and takes no for an answer."""
    return {"client_authentication": ClientAuthentication(policy=trust, required=False)}


@pytest.fixture
def demanding(trust: TrustStore) -> dict[str, Any]:
    """Settings of our server that serves nobody unknown."""
    return {"client_authentication": ClientAuthentication(policy=trust)}


@pytest.fixture
def stranger(strangers_pki: Pki) -> KeyFiles:
    """A client of another authority."""
    return strangers_pki.client("ecdsa-p256")


def served(server: OurServer, files: KeyFiles | None) -> None:
    """Our server has served a client that showed this."""
    shown = server.negotiated().peer_certificates
    assert shown[:1] == (() if files is None else (own(files),))
    assert server.ending() is None


def refused(server: OurServer, reason: type[Exception]) -> None:
    assert isinstance(server.ending(), reason)


def options(files: KeyFiles | None, certificate: str, key: str) -> tuple[str | Path, ...]:
    return () if files is None else (certificate, files.certificate, key, files.key)


@pytest.fixture
def openssl_client(s_client: Start, intermediate: Path) -> OpenSSLClient:
    """s_client with that certificate, which has sent a line."""

    def run(server: OurServer, files: KeyFiles | None) -> Peer:
        chain = () if files is None else ("-cert_chain", intermediate)
        peer = s_client(server, *options(files, "-cert", "-key"), *chain)
        peer.send(b"hello\n")
        return peer

    return run


@each_key_type
def test_openssl_client_shows_its_certificate(
    serve: Serve, openssl_client: OpenSSLClient, pki: Pki, demanding: dict[str, Any], key_type: str
) -> None:
    server = serve(**demanding)
    peer = openssl_client(server, pki.client(key_type))
    # It may come in the middle of what s_client tells about the ticket.
    peer.wait_for(r"hello\n")
    peer.close_input()
    assert peer.wait() == 0, peer.text
    served(server, pki.client(key_type))


def test_openssl_client_without_a_certificate(
    serve: Serve, openssl_client: OpenSSLClient, asking: dict[str, Any], demanding: dict[str, object]
) -> None:
    server = serve(**asking)
    peer = openssl_client(server, None)
    peer.wait_for(r"(?m)^hello$")
    peer.close_input()
    assert peer.wait() == 0, peer.text
    served(server, None)
    server = serve(**demanding)
    openssl_client(server, None).wait_for(f"SSL alert number {int(AlertDescription.certificate_required)}\n")
    refused(server, CertificateRequired)


def test_openssl_client_of_a_stranger_is_refused(
    serve: Serve, openssl_client: OpenSSLClient, stranger: KeyFiles, asking: dict[str, Any]
) -> None:
    server = serve(**asking)
    openssl_client(server, stranger).wait_for(f"SSL alert number {int(AlertDescription.unknown_ca)}\n")
    refused(server, UnknownCA)


@each_key_type
def test_openssl_server_believes_our_certificate(s_server: Start, dial: Dial, pki: Pki, key_type: str) -> None:
    peer = s_server("-Verify", "2", "-CAfile", pki.ca, "-verify_return_error")
    tls = dial(peer, credentials=(load(pki.client(key_type)),))
    tls.sendall(b"hello\n")
    peer.wait_for(r"(?m)^hello$")
    assert "subject=CN = client\n" in peer.text
    assert "Verify return code" not in peer.text or "Verify return code: 0" in peer.text


def test_openssl_server_refuses_our_certificate(s_server: Start, dial: Dial, pki: Pki, stranger: KeyFiles) -> None:
    peer = s_server("-Verify", "2", "-CAfile", pki.ca, "-verify_return_error")
    # Since the server names whom it believes, a certificate of somebody else's stays here.
    with pytest.raises(AlertReceived) as refusal:
        dial(peer, credentials=(load(stranger),)).recv()
    assert refusal.value.alert in (AlertDescription.unknown_ca, AlertDescription.certificate_required)


@each_key_type
def test_gnutls_client_shows_its_certificate(
    serve: Serve, gnutls_cli: Start, pki: Pki, demanding: dict[str, Any], key_type: str
) -> None:
    server = serve(**demanding)
    gnutls_cli(server, *options(pki.client(key_type), "--x509certfile", "--x509keyfile")).converse()
    served(server, pki.client(key_type))


def test_gnutls_client_without_a_certificate(
    serve: Serve,
    gnutls_cli: Start,
    asking: dict[str, Any],
    demanding: dict[str, Any],
) -> None:
    server = serve(**asking)
    gnutls_cli(server).converse()
    served(server, None)
    server = serve(**demanding)
    assert gnutls_cli(server).wait() != 0
    refused(server, CertificateRequired)


@each_key_type
def test_gnutls_server_believes_our_certificate(gnutls_serv: Start, dial: Dial, pki: Pki, key_type: str) -> None:
    peer = gnutls_serv("--require-client-cert", "--verify-client-cert", "--x509cafile", str(pki.ca))
    with dial(peer, credentials=(load(pki.client(key_type)),)) as tls:
        tls.sendall(b"hello\n")
        assert tls.recv() == b"hello\n"
    peer.end()
    assert "The certificate is trusted." in peer.text


def test_gnutls_server_refuses_us_without_a_certificate(gnutls_serv: Start, dial: Dial, pki: Pki) -> None:
    peer = gnutls_serv("--require-client-cert", "--verify-client-cert", "--x509cafile", str(pki.ca))
    with pytest.raises(AlertReceived) as refusal:
        dial(peer).recv()
    assert refusal.value.alert is AlertDescription.certificate_required


@each_nss_key_type
def test_nss_client_shows_its_certificate(
    serve: Serve,
    tstclnt: Start,
    database: Callable[..., str],
    pki: Pki,
    demanding: dict[str, Any],
    key_type: str,
) -> None:
    server = serve(handler=answer(6), **demanding)
    peer = tstclnt(server, "-n", "own", db=database(pki.client(key_type)))
    assert peer.wait() == 0, peer.text
    served(server, pki.client(key_type))


def test_nss_client_without_a_certificate(
    serve: Serve, tstclnt: Start, asking: dict[str, Any], demanding: dict[str, object]
) -> None:
    server = serve(handler=answer(6), **asking)
    assert tstclnt(server).wait() == 0
    served(server, None)
    server = serve(handler=answer(6), **demanding)
    assert tstclnt(server).wait() != 0
    refused(server, CertificateRequired)


@each_nss_key_type
def test_nss_server_believes_our_certificate(selfserv: Start, dial: Dial, pki: Pki, key_type: str) -> None:
    peer = selfserv("-r", "-r")
    assert ask(dial(peer, credentials=(load(pki.client(key_type)),)))
    peer.wait_for("selfserv: subject DN: CN=client")


def test_nss_server_and_our_client_without_a_certificate(selfserv: Start, dial: Dial) -> None:
    assert ask(dial(selfserv("-r")))
    with pytest.raises(AlertReceived) as refusal:
        ask(dial(selfserv("-r", "-r")))
    assert refusal.value.alert is AlertDescription.certificate_required


@each_stack_and_key_type
def test_stacks_client_shows_its_certificate(
    serve: Serve, stack: Stack, pki: Pki, demanding: dict[str, Any], key_type: str
) -> None:
    # ML-DSA is not among those that are asked for unless it is wanted.
    server = serve(**demanding, signature_schemes=tuple(SIGNATURES))
    files = pki.client(key_type)
    stack.connect(server.port, ca=pki.ca, cert=files.certificate, key=files.key)
    stack.done()
    served(server, files)


@each_stack
def test_stacks_client_without_a_certificate(
    serve: Serve, stack: Stack, pki: Pki, asking: dict[str, Any], demanding: dict[str, object]
) -> None:
    server = serve(**asking)
    stack.connect(server.port, ca=pki.ca)
    stack.done()
    served(server, None)
    server = serve(**demanding)
    stack.connect(server.port, ca=pki.ca)
    stack.failed()
    refused(server, CertificateRequired)


@each_stack
def test_stacks_client_of_a_stranger_is_refused(
    serve: Serve, stack: Stack, pki: Pki, trust: TrustStore, stranger: KeyFiles
) -> None:
    # Asked without naming authorities, it shows what it has.
    server = serve(client_authentication=ClientAuthentication(policy=Silent(trust)))
    stack.connect(server.port, ca=pki.ca, cert=stranger.certificate, key=stranger.key)
    stack.failed()
    refused(server, UnknownCA)


class Silent:
    """Believes whom another policy believes, and does not say whom."""

    authorities = ()

    def __init__(self, policy: TrustStore) -> None:
        self.verify_client = policy.verify_client


@each_stack_and_key_type
def test_stacks_server_believes_our_certificate(dial: Dial, stack: Stack, pki: Pki, key_type: str) -> None:
    server, files = pki.server("ecdsa-p256"), pki.client(key_type)
    listening = stack.listen(cert=server.certificate, key=server.key, ca=pki.ca, auth="require")
    with dial(listening, credentials=(load(files),)) as tls:
        tls.sendall(b"hello\n")
        assert tls.recv() == b"hello\n"
    assert stack.done()["peer"] == hashlib.sha256(own(files)).hexdigest()


@each_stack
def test_stacks_server_asks_and_our_client_has_none(dial: Dial, stack: Stack, pki: Pki) -> None:
    server = pki.server("ecdsa-p256")
    listening = stack.listen(cert=server.certificate, key=server.key, ca=pki.ca, auth="request")
    with dial(listening) as tls:
        tls.sendall(b"hello\n")
        assert tls.recv() == b"hello\n"
    assert "peer" not in stack.done()


@pytest.mark.parametrize("stack_name", [name for name in ABILITIES if name != "tlslite"])
def test_stacks_server_refuses_us_without_a_certificate(dial: Dial, stack: Stack, pki: Pki) -> None:
    """tlslite-ng leaves it to the application what an unknown client may do."""
    server = pki.server("ecdsa-p256")
    listening = stack.listen(cert=server.certificate, key=server.key, ca=pki.ca, auth="require")
    with pytest.raises(AlertReceived) as refusal:
        dial(listening).recv()
    assert refusal.value.alert in (AlertDescription.certificate_required, AlertDescription.bad_certificate)
    stack.failed()
