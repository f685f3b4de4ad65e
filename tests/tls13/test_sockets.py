"""The blocking rim: what it waits for, how long, and what others notice of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from endpoints import Endpoints

from tls13 import Server, TLSSocket, TruncationError, accept, connect
from tls13.config import ClientConfig


def echo(tls: TLSSocket) -> None:
    while data := tls.recv():
        tls.sendall(data)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
        with ours, theirs:
            yield ours, theirs


def config(endpoints: Endpoints) -> ClientConfig:
    return endpoints.client_config


def test_a_handshake_has_one_deadline_however_often_the_peer_says_something(
    endpoints: Endpoints, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    done = threading.Event()

    def drip() -> None:
        for byte in endpoints.client().data_to_send():
            if done.wait(0.05):
                return
            theirs.send(bytes([byte]))

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        with pytest.raises(TimeoutError):
            accept(ours, endpoints.server_config, timeout=0.3)
    finally:
        done.set()
        dripping.join()


def test_a_full_server_can_be_stopped_while_clients_wait(endpoints: Endpoints) -> None:
    with Server(("127.0.0.1", 0), endpoints.server_config, echo, max_clients=1) as server:
        clients = [socket.create_connection(server.address) for _ in range(3)]
    for each in clients:
        each.close()


def test_a_client_that_fails_disturbs_no_other(endpoints: Endpoints) -> None:
    failed = threading.Event()
    with (
        Server(("127.0.0.1", 0), endpoints.server_config, echo, on_error=lambda *_: failed.set()) as server,
        connect("localhost", server.address[1], config(endpoints), timeout=20) as tls,
    ):
        with socket.create_connection(server.address) as stranger:
            stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert stranger.recv(7) == b"\x15\x03\x03\x00\x02\x02\x0a"
        assert failed.wait(20)
        tls.sendall(b"still there?")
        assert tls.recv() == b"still there?"
        assert tls.getpeername() == server.address


def test_small_messages_do_not_wait_for_each_other(
    endpoints: Endpoints, pair: tuple[socket.socket, socket.socket]
) -> None:
    TLSSocket(pair[0], endpoints.client())
    assert pair[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_end_of_the_transport_is_no_end_of_the_data(endpoints: Endpoints) -> None:
    def cut(tls: TLSSocket) -> None:
        tls.sendall(b"half")
        tls._transport.shutdown(socket.SHUT_RDWR)

    with (
        Server(("127.0.0.1", 0), endpoints.server_config, cut) as server,
        connect("localhost", server.address[1], config(endpoints), timeout=20) as tls,
    ):
        assert tls.recv() == b"half"
        with pytest.raises(TruncationError):
            tls.recv()
