"""0-RTT with OpenSSL, GnuTLS and NSS: accepted, refused, and refused by a HelloRetryRequest. RFC 9846 §2.3, §4.3.10

Go, Java, Node and tlslite-ng have none over TCP.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from driven import Driven, DrivenServer, Serving, reach
from ours import RETRYING, load
from peers import Peer, Start

from certs import Pki
from tls13 import ClientConfig, ServerConfig, TrustStore
from tls13.config import system_clock
from tls13.early_data import EarlyDataPolicy
from tls13.events import DataReceived, EarlyData, EarlyDataReceived, EarlyDataRejected, PeerClosed, TicketReceived

EARLY = b"GET early HTTP/1.0\r\n\r\n"
APPLICATION_DATA = b"\x17\x03\x03"

each_way = pytest.mark.parametrize("retry", [False, True], ids=["refused at once", "refused by a HelloRetryRequest"])


class SeenBefore:
    """A replay store that takes everything for a replay."""

    def add(self, key: bytes, until: datetime, now: datetime) -> bool:
        return False


@pytest.fixture
def serve_early(pki: Pki) -> Iterator[Serving]:
    """Our server, which takes early data and answers whatever comes first."""
    with ExitStack() as running:

        def run(
            script: Callable[[Driven], None] = answer, policy: EarlyDataPolicy | None = None, **settings: Any
        ) -> DrivenServer:
            credentials = (load(pki.server("ecdsa-p256")),)
            config = ServerConfig(credentials=credentials, early_data=policy or EarlyDataPolicy(), **settings)
            return running.enter_context(DrivenServer(config, script))

        yield run


def answer(tls: Driven) -> None:
    tls.handshake()
    while not any(isinstance(event, DataReceived | EarlyDataReceived | PeerClosed) for event in tls.events):
        tls.step()
    for event in tls.events:
        if isinstance(event, DataReceived | EarlyDataReceived):
            early = isinstance(event, EarlyDataReceived)
            tls.send(b"answer to %s%s" % (b"early " if early else b"", event.data))
    tls.part()


def early_of(tls: Driven) -> bytes:
    """The early data that the client has sent and we have taken."""
    return b"".join(event.data for event in tls.events if isinstance(event, EarlyDataReceived))


def refusing(retry: bool) -> dict[str, Any]:
    return RETRYING if retry else {"policy": EarlyDataPolicy(replays=SeenBefore())}


@pytest.fixture
def early_file(tmp_path: Path) -> Path:
    file = tmp_path / "early"
    file.write_bytes(EARLY)
    return file


def two_openssl_connections(server: DrivenServer, s_client: Start, tmp_path: Path, early_file: Path) -> Peer:
    session = tmp_path / "session.pem"
    peer = s_client(server, "-sess_out", session, "-quiet", "-ign_eof")
    peer.send(b"hello\n")
    assert peer.wait() == 0, peer.text
    assert server.end().negotiated.early_data is EarlyData.not_sent
    peer = s_client(server, "-sess_in", session, "-early_data", early_file, "-ign_eof")
    peer.send(b"late\n")
    assert peer.wait() == 0, peer.text
    return peer


def test_openssl_client_is_answered_early(
    serve_early: Serving, s_client: Start, tmp_path: Path, early_file: Path
) -> None:
    server = serve_early()
    peer = two_openssl_connections(server, s_client, tmp_path, early_file)
    assert "Early data was accepted\n" in peer.text
    assert "answer to early GET" in peer.text
    assert early_of(server.end()) == EARLY


@each_way
def test_early_data_of_openssl_client_is_skipped(
    serve_early: Serving, s_client: Start, tmp_path: Path, early_file: Path, retry: bool
) -> None:
    server = serve_early(**refusing(retry))
    peer = two_openssl_connections(server, s_client, tmp_path, early_file)
    assert "Early data was rejected\n" in peer.text
    assert "answer to late\n" in peer.text
    end = server.end()
    assert end.negotiated.early_data is EarlyData.rejected
    assert end.negotiated.resumed
    assert end.negotiated.retried == retry
    assert not early_of(end)


def test_gnutls_client_is_answered_early(
    serve_early: Serving, gnutls_cli: Start, log: Callable[[], str], early_file: Path
) -> None:
    server = serve_early()
    peer = gnutls_cli(server, "--resume", "--waitresumption", "--earlydata", early_file)
    assert peer.wait() == 0, peer.text
    assert "This is a resumed session" in log()
    assert peer.stdout == b"answer to early " + EARLY
    server.end()
    assert early_of(server.end()) == EARLY


def test_early_data_of_gnutls_client_is_skipped(serve_early: Serving, gnutls_cli: Start, early_file: Path) -> None:
    """Only if refused at once: after a HelloRetryRequest, GnuTLS 3.7 announces early data again, and gives up."""
    server = serve_early(**refusing(retry=False))
    peer = gnutls_cli(server, "--resume", "--waitresumption", "--earlydata", early_file)
    server.end()
    peer.send(b"late\n")
    assert peer.wait() == 0, peer.text
    assert peer.stdout == b"answer to late\n"
    end = server.end()
    assert end.negotiated.early_data is EarlyData.rejected
    assert end.negotiated.resumed


def test_nss_client_is_answered_early(serve_early: Serving, tstclnt: Start) -> None:
    """tstclnt sends nothing early any more when the server has answered, so ours gives it the time it needs."""
    connections = iter(range(2))

    def answer_slowly(tls: Driven) -> None:
        if next(connections) == 1:
            while APPLICATION_DATA not in tls.transport.recv(2**16, socket.MSG_PEEK):
                pass
        answer(tls)

    server = serve_early(script=answer_slowly)
    peer = tstclnt(server, "-u", "-Z", "-f", "-L", "2", request=EARLY)
    assert peer.wait() == 0, peer.text
    assert "answer to early GET" in peer.text
    server.end()
    assert early_of(server.end()) == EARLY


@each_way
def test_early_data_of_nss_client_is_skipped(serve_early: Serving, tstclnt: Start, retry: bool) -> None:
    server = serve_early(**refusing(retry))
    peer = tstclnt(server, "-u", "-Z", "-f", "-L", "2", "-I", "x25519,P384", request=EARLY)
    assert peer.wait() == 0, peer.text
    # What was refused it sends again.
    assert peer.text.count(f"answer to {EARLY.decode()}") == 2
    server.end()
    end = server.end()
    assert end.negotiated.early_data is EarlyData.rejected
    assert end.negotiated.retried == retry


def offered_again(
    port: int, config: ClientConfig, request: bytes = EARLY, clock: Callable[[], datetime] = system_clock
) -> Driven:
    """Our client's second connection, handshaken, with early data for the session that the first has brought.

    A `clock` that differs from the first connection's makes the session look older to the server than it knows it is.
    """
    with reach(port, config).handshake() as tls:
        tls.send(request)
        session = tls.wait_for(TicketReceived).session
        tls.part()
    return reach(port, replace(config, clock=clock), session=session, early=EARLY).handshake()


def much_later() -> datetime:
    return system_clock() + timedelta(minutes=1)


def sent_again(tls: Driven) -> None:
    """What the server has refused is given back to us, and goes out once more."""
    assert tls.negotiated.early_data is EarlyData.rejected
    refused = tls.wait_for(EarlyDataRejected).data
    assert refused == EARLY
    tls.send(refused)


@pytest.fixture
def hasty(trust: TrustStore) -> ClientConfig:
    """A client that sends early data where it may."""
    return ClientConfig(trust=trust, early_data=True)


def test_openssl_server_takes_our_early_data(s_server: Start, hasty: ClientConfig) -> None:
    peer = s_server("-early_data", connections=2)
    with offered_again(peer.port, hasty) as tls:
        assert tls.negotiated.early_data is EarlyData.accepted
        tls.send(b"late\n")
        peer.wait_for("(?m)^late$")
        tls.part()
    assert peer.wait() == 0, peer.text
    assert "Early data received:\n" in peer.text
    assert peer.stdout.count(EARLY) == 2


def test_openssl_server_refuses_our_early_data_for_its_age(s_server: Start, hasty: ClientConfig) -> None:
    peer = s_server("-early_data", connections=2)
    with offered_again(peer.port, hasty, clock=much_later) as tls:
        sent_again(tls)
        peer.wait_for("(?m)^GET early", times=2)
        tls.part()


def test_openssl_server_refuses_our_early_data_by_a_retry(s_server: Start, hasty: ClientConfig) -> None:
    peer = s_server("-early_data", "-groups", "P-384", connections=2)
    with offered_again(peer.port, hasty) as tls:
        assert tls.negotiated.retried
        sent_again(tls)
        peer.wait_for("(?m)^GET early", times=2)
        tls.part()


GNUTLS_OPTIONS = ("--disable-client-cert", "--earlydata", "--maxearlydata=1000")


def test_gnutls_server_takes_our_early_data(gnutls_serv: Start, hasty: ClientConfig) -> None:
    peer = gnutls_serv(*GNUTLS_OPTIONS).ready()
    with offered_again(peer.port, hasty) as tls:
        assert tls.negotiated.early_data is EarlyData.accepted
        tls.send(b"late\n")
        assert tls.receive(1)
        tls.part()


def test_gnutls_server_refuses_our_early_data_for_its_age(gnutls_serv: Start, hasty: ClientConfig) -> None:
    peer = gnutls_serv(*GNUTLS_OPTIONS).ready()
    with offered_again(peer.port, hasty, clock=much_later) as tls:
        sent_again(tls)
        assert tls.receive(1)
        tls.part()


def test_nss_server_refuses_our_early_data_for_its_age(selfserv: Start, hasty: ClientConfig) -> None:
    """That it also takes some, a later module tests: in its first ten seconds it does not."""
    peer = selfserv("-u", "-Z").ready()
    with offered_again(peer.port, hasty, clock=much_later) as tls:
        sent_again(tls)
        assert EARLY in tls.receive(2 * len(EARLY))


def test_nss_server_refuses_our_early_data_by_a_retry(selfserv: Start, hasty: ClientConfig) -> None:
    peer = selfserv("-u", "-Z", "-I", "P384").ready()
    with offered_again(peer.port, hasty) as tls:
        assert tls.negotiated.retried
        sent_again(tls)
        assert EARLY in tls.receive(2 * len(EARLY))
