"""NSS's tstclnt against our server, and our client against its selfserv.

tstclnt sends a file, prints what comes back and goes on until the server closes. selfserv gives the file that a GET
asks for, and the request itself where there is none of that name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from driven import reach
from nss_programs import ask
from ours import CIPHER_SUITES, Dial, Serve, answer
from peers import PATIENCE, Peer

from certs import Flaw, Pki
from schemas.code_points import AlertDescription, CipherSuite, NamedGroup
from tls13 import AlertReceived, ClientConfig, TLSSocket, TrustStore
from tls13.errors import CertificateExpired, NoCommonGroup, UnknownCA
from tls13.events import EarlyData, TicketReceived

GROUPS = {
    NamedGroup.x25519: "x25519",
    NamedGroup.secp256r1: "P256",
    NamedGroup.secp384r1: "P384",
    NamedGroup.secp521r1: "P521",
}
KEY_TYPES = ("rsa", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521")
MEGABYTE = 2**20

Client = Callable[..., Peer]
SelfServ = Callable[..., Peer]
Database = Callable[..., str]


def content(peer: Peer, request: bytes = b"hello\n") -> None:
    """tstclnt has ended well, and put out at the end what it had sent."""
    assert peer.wait() == 0, peer.text
    assert peer.stdout.endswith(request)


def number(suite: CipherSuite) -> str:
    """How the option -c is told."""
    return f":{int(suite):04X}"


def shown(secret: bytes) -> str:
    """A pattern for how both programs show keying material."""
    return r":\s*".join(f"{each:02x}" for each in secret)


@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_client_and_our_server_use_the_suite(serve: Serve, tstclnt: Client, suite: CipherSuite) -> None:
    server = serve(handler=answer(6))
    content(tstclnt(server, "-c", number(suite)))
    negotiated = server.negotiated()
    assert negotiated.cipher_suite is suite
    assert negotiated.server_name == "localhost"
    assert server.ending() is None


@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_our_client_and_server_use_the_suite(selfserv: SelfServ, dial: Dial, suite: CipherSuite) -> None:
    tls = dial(selfserv(), cipher_suites=(suite,))
    assert ask(tls).startswith(b"GET nothing ")
    assert tls.negotiated.cipher_suite is suite


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_client_and_our_server_use_the_group(serve: Serve, tstclnt: Client, group: NamedGroup) -> None:
    server = serve(handler=answer(6), groups=(group,))
    content(tstclnt(server, "-I", GROUPS[group]))
    negotiated = server.negotiated()
    assert negotiated.group is group
    assert not negotiated.retried


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_our_client_and_server_use_the_group(selfserv: SelfServ, dial: Dial, group: NamedGroup) -> None:
    tls = dial(selfserv(), groups=(group,))
    assert ask(tls)
    assert tls.negotiated.group is group
    assert not tls.negotiated.retried


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_client_believes_our_certificate(serve: Serve, tstclnt: Client, key_type: str) -> None:
    server = serve(key_type, handler=answer(6))
    # tstclnt believes an RSA key only if it may encipher, too, which no key for TLS 1.3 alone has to: it is told to.
    peer = tstclnt(server, *(("-o",) if key_type == "rsa" else ()))
    content(peer)
    scheme = server.negotiated().signature_scheme
    assert scheme is not None
    assert f"Signature Scheme: {scheme.name}\n" in peer.text


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_our_client_believes_the_certificate(selfserv: SelfServ, dial: Dial, key_type: str) -> None:
    tls = dial(selfserv(key_type=key_type))
    assert ask(tls)
    assert tls.negotiated.signature_scheme is not None
    assert ("rsa" if key_type == "rsa" else "ecdsa") in tls.negotiated.signature_scheme.name


@pytest.mark.parametrize("compatible", [True, False], ids=["compatible", "incompatible"])
@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_client_is_asked_again(serve: Serve, tstclnt: Client, suite: CipherSuite, compatible: bool) -> None:
    server = serve(handler=answer(6), groups=(NamedGroup.secp384r1,))
    content(tstclnt(server, "-I", "x25519,P384", "-c", number(suite), *(("-e",) if compatible else ())))
    negotiated = server.negotiated()
    assert negotiated.retried
    assert negotiated.group is NamedGroup.secp384r1
    assert server.ending() is None


@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_our_client_is_asked_again(selfserv: SelfServ, dial: Dial, suite: CipherSuite) -> None:
    groups = (NamedGroup.x25519, NamedGroup.secp384r1)
    tls = dial(selfserv("-I", "P384"), cipher_suites=(suite,), groups=groups, key_shares=1)
    assert ask(tls)
    assert tls.negotiated.retried
    assert tls.negotiated.group is NamedGroup.secp384r1


def test_application_protocol_is_agreed_on_with_the_server(selfserv: SelfServ, dial: Dial) -> None:
    tls = dial(selfserv("-Q"), application_protocols=("h2", "http/1.1"))
    assert ask(tls)
    assert tls.negotiated.application_protocol == "http/1.1"


def test_server_without_a_common_application_protocol_refuses_us(selfserv: SelfServ, dial: Dial) -> None:
    with pytest.raises(AlertReceived) as refusal:
        dial(selfserv("-Q"), application_protocols=("h2",))
    assert refusal.value.alert is AlertDescription.no_application_protocol


def test_megabyte_of_the_client_comes_back_whole(
    serve: Serve, tstclnt: Client, random_bytes: Callable[[int], bytes]
) -> None:
    payload = random_bytes(MEGABYTE)
    server = serve(handler=answer(MEGABYTE))
    content(tstclnt(server, request=payload), payload)


def test_megabyte_of_the_server_comes_whole(
    selfserv: SelfServ, dial: Dial, tmp_path: Path, random_bytes: Callable[[int], bytes]
) -> None:
    payload = random_bytes(MEGABYTE)
    file = tmp_path / "payload"
    file.write_bytes(payload)
    assert ask(dial(selfserv()), str(file)).lstrip(b"\0") == payload.lstrip(b"\0")


def test_client_that_knows_another_issuer_refuses_us(
    serve: Serve, tstclnt: Client, database: Database, strangers_ca: Path
) -> None:
    server = serve(handler=answer(6))
    assert tstclnt(server, db=database(trusted=strangers_ca)).wait() != 0
    ending = server.ending()
    assert isinstance(ending, AlertReceived)
    assert ending.alert is AlertDescription.unknown_ca


def test_client_refuses_us_for_another_name(serve: Serve, tstclnt: Client) -> None:
    server = serve(handler=answer(6))
    assert tstclnt(server, name="other.test").wait() != 0
    assert isinstance(server.ending(), AlertReceived)


def test_server_of_another_issuer_is_refused(selfserv: SelfServ, dial: Dial, strangers_ca: Path) -> None:
    peer = selfserv()
    with pytest.raises(UnknownCA):
        dial(peer, trust=TrustStore.load(strangers_ca))
    peer.wait_for("SSL_ERROR_UNKNOWN_CA_ALERT|Peer does not recognize and trust the CA")


def test_expired_certificate_is_refused(selfserv: SelfServ, dial: Dial, pki: Pki) -> None:
    with pytest.raises(CertificateExpired):
        dial(selfserv(files=pki.flawed(Flaw.EXPIRED)))


def test_client_without_a_common_group_is_refused(serve: Serve, tstclnt: Client) -> None:
    server = serve(groups=(NamedGroup.secp521r1,))
    assert tstclnt(server, "-I", "x25519,P256").wait() != 0
    assert isinstance(server.ending(), NoCommonGroup)


def test_server_without_a_common_group_refuses_us(selfserv: SelfServ, dial: Dial) -> None:
    with pytest.raises(AlertReceived) as refusal:
        dial(selfserv("-I", "P384"), groups=(NamedGroup.secp256r1,))
    assert refusal.value.alert is AlertDescription.handshake_failure


@pytest.mark.parametrize("suite", [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384])
@pytest.mark.parametrize("context", [None, b"context"], ids=["without context", "with context"])
def test_client_exports_what_our_server_exports(
    serve: Serve, tstclnt: Client, suite: CipherSuite, context: bytes | None
) -> None:
    secrets: list[bytes] = []

    def export(tls: TLSSocket) -> None:
        secrets.append(tls.export_keying_material(b"EXPORTER-test", 32, context or b""))
        answer(6)(tls)

    peer = tstclnt(serve(handler=export, cipher_suites=(suite,)), "-x", exporter(context))
    assert peer.wait() == 0, peer.text
    assert re.search(shown(secrets[0]), peer.text)


@pytest.mark.parametrize("suite", [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384])
@pytest.mark.parametrize("context", [None, b"context"], ids=["without context", "with context"])
def test_server_exports_what_our_client_exports(
    selfserv: SelfServ, dial: Dial, suite: CipherSuite, context: bytes | None
) -> None:
    peer = selfserv("-x", exporter(context))
    tls = dial(peer, cipher_suites=(suite,))
    secret = tls.export_keying_material(b"EXPORTER-test", 32, context or b"")
    assert ask(tls)
    peer.wait_for(shown(secret))


def exporter(context: bytes | None) -> str:
    return "EXPORTER-test:32" if context is None else f"EXPORTER-test:32:0x{context.hex()}"


def test_server_takes_our_early_data(selfserv: SelfServ, trust: TrustStore) -> None:
    """In its first ten seconds it takes none, as it may have run before without remembering: this may have to wait."""
    peer = selfserv("-u", "-Z").ready()
    config = ClientConfig(trust=trust, early_data=True)
    request = b"GET nothing HTTP/1.0\r\n\r\n"
    early_data = EarlyData.rejected
    deadline = time.monotonic() + PATIENCE
    while early_data is EarlyData.rejected and time.monotonic() < deadline:
        with reach(peer.port, config).handshake() as first:
            first.send(request)
            session = first.wait_for(TicketReceived).session
            first.part()
        with reach(peer.port, config, session=session, early=request).handshake() as tls:
            early_data = tls.negotiated.early_data
            if early_data is EarlyData.accepted:
                assert request in tls.receive(len(request))
    assert early_data is EarlyData.accepted


@pytest.mark.parametrize("request_peer", [False, True], ids=["alone", "and asks for its"])
def test_client_follows_our_key_updates(serve: Serve, tstclnt: Client, request_peer: bool) -> None:
    def answer_with_new_keys(tls: TLSSocket) -> None:
        for _ in range(3):
            tls.update_keys(request_peer=request_peer)
            tls.sendall(b"new keys\n")
        answer(100_000)(tls)

    server = serve(handler=answer_with_new_keys)
    content(tstclnt(server, request=bytes(100_000)), bytes(100_000))
    assert server.ending() is None


@pytest.mark.parametrize("request_peer", [False, True], ids=["alone", "and asks for its"])
def test_server_follows_our_key_updates(selfserv: SelfServ, dial: Dial, request_peer: bool) -> None:
    tls = dial(selfserv())
    for _ in range(3):
        tls.update_keys(request_peer=request_peer)
    assert ask(tls)
