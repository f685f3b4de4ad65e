"""A session goes on in another connection: every peer's with our server, and ours with every peer. RFC 9846 §2.2"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from driven import reach
from ours import RETRYING, OurServer, Serve
from peers import Start
from stacks import Stack, each_stack

from certs import Pki
from schemas.code_points import CipherSuite
from tls13 import ClientConfig, Negotiated, TLSSocket, TrustStore
from tls13.events import TicketReceived
from tls13.sessions import MemoryTickets, SealedTickets, Session

STORES = {"sealed tickets": SealedTickets, "tickets kept in memory": MemoryTickets}
SUITES = (CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384)

each_store = pytest.mark.parametrize("store", STORES.values(), ids=STORES)
each_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
each_way = pytest.mark.parametrize("retry", [False, True], ids=["at once", "after a HelloRetryRequest"])


def both(server: OurServer) -> tuple[Negotiated, Negotiated]:
    """What the two connections have agreed on: the second goes on with the first."""
    first, second = server.negotiated(), server.negotiated()
    assert not first.resumed
    assert first.signature_scheme is not None
    assert second.resumed
    assert second.signature_scheme is None
    assert second.group is not None
    assert second.cipher_suite is first.cipher_suite
    assert second.server_name == first.server_name
    return first, second


@each_store
@each_suite
@each_way
def test_openssl_client(
    serve: Serve,
    s_client: Start,
    tmp_path: Path,
    store: Callable[[], SealedTickets | MemoryTickets],
    suite: CipherSuite,
    retry: bool,
) -> None:
    server = serve(ticket_store=store(), cipher_suites=(suite,), **(RETRYING if retry else {}))
    session = tmp_path / "session.pem"
    for options in ("-sess_out", session), ("-sess_in", session):
        peer = s_client(server, *options)
        peer.send(b"hello\n")
        peer.wait_for(r"(?m)^hello$")
        peer.close_input()
        assert peer.wait() == 0, peer.text
    assert f"Reused, TLSv1.3, Cipher is {suite.name}\n" in peer.text
    assert [each.retried for each in both(server)] == [retry, retry]


@each_store
@each_suite
def test_gnutls_client(
    serve: Serve,
    gnutls_cli: Start,
    log: Callable[[], str],
    store: Callable[[], SealedTickets | MemoryTickets],
    suite: CipherSuite,
) -> None:
    server = serve(ticket_store=store(), cipher_suites=(suite,))
    peer = gnutls_cli(server, "--resume", "--waitresumption")
    peer.converse()
    assert "This is a resumed session" in log()
    both(server)


@each_store
@each_suite
@each_way
def test_nss_client(
    serve: Serve,
    tstclnt: Start,
    store: Callable[[], SealedTickets | MemoryTickets],
    suite: CipherSuite,
    retry: bool,
) -> None:
    def answer(tls: TLSSocket) -> None:
        tls.sendall(tls.recv())

    server = serve(ticket_store=store(), cipher_suites=(suite,), handler=answer, **(RETRYING if retry else {}))
    peer = tstclnt(server, "-u", "-L", "2", "-I", "x25519,P384")
    assert peer.wait() == 0, peer.text
    assert "1 stateless resumes" in peer.text
    assert [each.retried for each in both(server)] == [retry, retry]


@each_store
@each_suite
@each_stack
def test_stacks_client(
    serve: Serve,
    stack: Stack,
    pki: Pki,
    store: Callable[[], SealedTickets | MemoryTickets],
    suite: CipherSuite,
) -> None:
    server = serve(ticket_store=store(), cipher_suites=(suite,))
    stack.connect(server.port, ca=pki.ca, count=2)
    assert [stack.done()["resumed"], stack.done()["resumed"]] == ["false", "true"]
    both(server)


def resumed(
    port: int, trust: TrustStore, suite: CipherSuite, request: bytes = b"hello\n", *, file: Path | None = None
) -> None:
    """Our client goes to the server twice, and the second connection goes on with the first."""
    config = ClientConfig(trust=trust, cipher_suites=(suite,))
    with reach(port, config).handshake() as tls:
        tls.send(request)
        session = tls.wait_for(TicketReceived).session
        tls.part()
    assert session is not None
    if file is not None:
        session.save(file)
        session = Session.load(file)
    with reach(port, config, session=session).handshake() as again:
        again.send(request)
        again.part()
    assert not tls.negotiated.resumed
    assert again.negotiated.resumed
    assert again.negotiated.cipher_suite is suite
    # Whom the first connection has seen stands for the second one too.
    assert again.negotiated.peer_certificates == tls.negotiated.peer_certificates


@each_suite
@pytest.mark.parametrize("saved", [False, True], ids=["kept", "saved and loaded"])
def test_openssl_server(s_server: Start, trust: TrustStore, tmp_path: Path, suite: CipherSuite, saved: bool) -> None:
    peer = s_server(connections=2)
    resumed(peer.port, trust, suite, file=tmp_path / "session" if saved else None)
    assert peer.wait() == 0, peer.text
    assert peer.text.count("\nReused session-id\n") == 1


@each_suite
def test_gnutls_server(gnutls_serv: Start, trust: TrustStore, suite: CipherSuite) -> None:
    peer = gnutls_serv("--disable-client-cert").ready()
    resumed(peer.port, trust, suite)
    peer.end()
    assert "This is a resumed session" in peer.text


@each_suite
def test_nss_server(selfserv: Start, trust: TrustStore, suite: CipherSuite) -> None:
    peer = selfserv("-u").ready()
    resumed(peer.port, trust, suite, b"GET nothing HTTP/1.0\r\n\r\n")


@each_suite
@each_stack
def test_stacks_server(stack: Stack, pki: Pki, trust: TrustStore, suite: CipherSuite) -> None:
    files = pki.server("ecdsa-p256")
    server = stack.listen(cert=files.certificate, key=files.key, count=2)
    resumed(server.port, trust, suite)
    told = [stack.done()["resumed"] for _ in range(2)]
    if stack.name != "tlslite":
        # Its server does not say so.
        assert told == ["false", "true"]
