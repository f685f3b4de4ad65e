"""tshark reads, and decrypts, the captures that we write of our own connections."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from ours import CIPHER_SUITES, OurServer, receive, sending
from peers import PATIENCE, Peer, installed

from schemas.code_points import CipherSuite, ContentType, HandshakeType, NamedGroup
from tls13 import ClientConfig, Connection, Observation, TLSSocket, TrustStore
from tls13.capture import CaptureWriter, Direction, Endpoint, Message, read_capture
from tls13.events import SecretDerived

FLIGHTS = [
    HandshakeType.client_hello,
    HandshakeType.server_hello,
    HandshakeType.encrypted_extensions,
    HandshakeType.certificate,
    HandshakeType.certificate_verify,
    HandshakeType.finished,
    HandshakeType.finished,
    HandshakeType.new_session_ticket,
]

Talk = Callable[[TLSSocket], None]
Tshark = Callable[..., list[list[str]]]


@pytest.fixture
def record(trust: TrustStore, tmp_path: Path) -> Callable[..., Path]:
    """Has our client talk to our server, and gives the capture of it with its secrets inside."""

    def run(server: OurServer, talk: Talk) -> Path:
        file = tmp_path / "connection.pcapng"
        with CaptureWriter(file) as writer, socket.create_connection(("127.0.0.1", server.port), PATIENCE) as transport:

            def watch(observation: Observation) -> None:
                if isinstance(observation, SecretDerived):
                    writer.secret(observation.label, observation.client_random, observation.secret)

            ends = Endpoint(*transport.getsockname()), Endpoint(*transport.getpeername())
            connection = Connection.client(ClientConfig(trust=trust, observer=watch), "localhost")
            with writer.open(*ends) as recording:

                def tap(sent: bool, data: bytes) -> None:
                    recording.sent(Direction.client if sent else Direction.server, data)

                with TLSSocket(transport, connection, tap=tap) as tls:
                    tls.do_handshake()
                    talk(tls)
                    tls.finish()
                    assert tls.recv() == b""
        return file

    return run


@pytest.fixture
def tshark(start: Callable[..., Peer]) -> Callable[..., list[list[str]]]:
    """Of each packet of a capture that a filter lets through, all values of some fields, packet by packet.

    tshark is given no key log: it has to do with what the capture holds.
    """
    program = installed("tshark", "tshark")

    def run(file: Path, port: int, only: str, *fields: str) -> list[list[str]]:
        # Whatever protocol that port is registered for, and whatever the data look like.
        meaning = ("-d", f"tcp.port=={port},tls", "-d", f"tls.port=={port},data", "-o", "tls.keylog_file:")
        wanted = [word for field in fields for word in ("-e", field)]
        peer = start(program, "-r", file, *meaning, "-Y", only, "-T", "fields", "-E", "occurrence=a", *wanted)
        assert peer.wait() == 0, peer.text
        return [line.split("\t") for line in peer.stdout.decode().splitlines()]

    return run


def handshake_types(tshark: Tshark, file: Path, port: int) -> list[HandshakeType]:
    """Every handshake message of the capture, in order."""
    packets = tshark(file, port, "tls.handshake", "tls.handshake.type")
    return [HandshakeType(int(number)) for (numbers,) in packets for number in numbers.split(",")]


def say(*lines: bytes) -> Talk:
    """Sends each line and waits for its echo."""

    def talk(tls: TLSSocket) -> None:
        for line in lines:
            tls.sendall(line)
            assert tls.recv() == line

    return talk


@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_every_message_is_decrypted(
    serve: Callable[..., OurServer], record: Callable[..., Path], tshark: Tshark, suite: CipherSuite
) -> None:
    server = serve(cipher_suites=(suite,))
    file = record(server, say(b"hello", b"goodbye"))
    assert handshake_types(tshark, file, server.port) == FLIGHTS
    data = tshark(file, server.port, "tls.app_data", "tcp.dstport", "data.data")
    to_server = [to_port == str(server.port) for to_port, _ in data]
    assert to_server == [True, False, True, False]
    assert [bytes.fromhex(line) for _, line in data] == [b"hello", b"hello", b"goodbye", b"goodbye"]
    alerts = tshark(file, server.port, "tls.alert_message", "tls.alert_message.desc")
    assert alerts == [["0"], ["0"]]


def test_second_hello_and_retry_request_are_read(
    serve: Callable[..., OurServer], record: Callable[..., Path], tshark: Tshark
) -> None:
    server = serve(groups=(NamedGroup.secp256r1,))
    file = record(server, say(b"hello"))
    hello, server_hello, *rest = FLIGHTS
    # On the wire a HelloRetryRequest is a ServerHello of a certain random.
    assert handshake_types(tshark, file, server.port) == [hello, server_hello, hello, server_hello, *rest]


def test_data_after_a_key_update_is_decrypted(
    serve: Callable[..., OurServer], record: Callable[..., Path], tshark: Tshark
) -> None:
    def talk(tls: TLSSocket) -> None:
        say(b"before")(tls)
        tls.update_keys(request_peer=True)
        say(b"after")(tls)

    server = serve()
    file = record(server, talk)
    assert handshake_types(tshark, file, server.port) == [*FLIGHTS, *[HandshakeType.key_update] * 2]
    data = tshark(file, server.port, "tls.app_data", "data.data")
    assert [bytes.fromhex(line) for (line,) in data] == [b"before", b"before", b"after", b"after"]


def test_every_generation_of_keys_is_read_here_as_there(
    serve: Callable[..., OurServer], record: Callable[..., Path], tshark: Tshark
) -> None:
    def talk(tls: TLSSocket) -> None:
        for number in range(4):
            say(b"%d" % number)(tls)
            tls.update_keys(request_peer=bool(number % 2))

    server = serve()
    file = record(server, talk)
    data = tshark(file, server.port, "tls.app_data", "data.data")
    (connection,) = read_capture(file)
    said = [each for each in connection.messages if isinstance(each, Message)]
    ours = [each for each in said if each.content_type is ContentType.application_data]
    assert [each.raw for each in ours] == [bytes.fromhex(line) for (line,) in data]
    assert [each.raw for each in ours] == [b"0", b"0", b"1", b"1", b"2", b"2", b"3", b"3"]
    assert [each.generation for each in ours if each.direction is Direction.client] == [0, 1, 2, 3]
    assert [each.generation for each in ours if each.direction is Direction.server] == [0, 0, 1, 1]
    assert [each.handshake_type for each in said if each.handshake_type] == handshake_types(tshark, file, server.port)


def test_data_of_many_records_is_decrypted_whole(
    serve: Callable[..., OurServer],
    record: Callable[..., Path],
    tshark: Tshark,
    random_bytes: Callable[[int], bytes],
) -> None:
    payload = random_bytes(200_000)

    def talk(tls: TLSSocket) -> None:
        with sending(tls.sendall, payload):
            assert receive(tls, len(payload)) == payload

    server = serve()
    file = record(server, talk)
    sent = {True: bytearray(), False: bytearray()}
    for to_port, pieces in tshark(file, server.port, "tls.app_data", "tcp.dstport", "data.data"):
        sent[to_port == str(server.port)] += bytes.fromhex(pieces.replace(",", ""))
    assert sent[True] == payload
    assert sent[False] == payload
