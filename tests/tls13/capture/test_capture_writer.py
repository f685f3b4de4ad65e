"""Connections into capture files: what tshark and this package's own reader make of them."""

from __future__ import annotations

import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from capture.made_captures import CLIENT, SERVER, Talk, keylog
from capture.tshark import Tshark

from tls13.capture import (
    CaptureError,
    CaptureWriter,
    Direction,
    Ending,
    Endpoint,
    Message,
    Recording,
    read_capture,
)

WARN = 0x600000
"""tshark's severity of a warning; notes, as of a connection that closes, are below it."""

CLIENT6, SERVER6 = Endpoint("2001:db8::1", 50000), Endpoint("2001:db8::2", 443)


def clock() -> Callable[[], float]:
    """Seconds, a quarter further every time."""
    times: Iterator[float] = (1_700_000_000 + tick / 4 for tick in range(10**6))
    return lambda: next(times)


def record_talk(recording: Recording, content: bytes) -> None:
    """A whole TLS connection, with that content from the server."""
    talk = Talk().handshake()
    talk.say(CLIENT, b"ping")
    for at in range(0, len(content), 2**14):
        talk.say(SERVER, content[at : at + 2**14])
    for segment in talk.wire.segments[3:]:
        direction = Direction.client if segment.source == CLIENT else Direction.server
        recording.sent(direction, segment.payload)
    recording.close()


def contents(path: Path) -> list[tuple[Endpoint, Endpoint, Ending, bytes, bytes]]:
    """Of each connection: its ends, how it ended, and the application data of both sides."""
    found = []
    with read_capture(path) as capture:
        for connection in capture:
            said = {Direction.client: b"", Direction.server: b""}
            for item in connection.messages:
                assert isinstance(item, Message)
                assert not item.opaque
                if item.value is None:
                    said[item.direction] += item.raw
            found.append((connection.client, connection.server, connection.ending, *said.values()))
        assert capture.warnings == ()
    return found


@pytest.mark.parametrize(("client", "server"), [(CLIENT, SERVER), (CLIENT6, SERVER6)], ids=["IPv4", "IPv6"])
def test_a_recording_reads_back_decrypted_by_the_secrets_inside(
    tmp_path: Path, client: Endpoint, server: Endpoint
) -> None:
    path = tmp_path / "talk.pcapng"
    content = bytes(range(256)) * 800
    with CaptureWriter(path, clock()) as writer:
        for secret in keylog():
            writer.secret(*secret)
        record_talk(writer.open(client, server), content)
    assert contents(path) == [(client, server, Ending.finished, b"ping", content)]


def test_packets_have_the_time_of_the_injected_clock(tmp_path: Path) -> None:
    path = tmp_path / "talk.pcapng"
    with CaptureWriter(path, clock()) as writer:
        record_talk(writer.open(CLIENT, SERVER), b"pong")
    (connection,) = read_capture(path)
    times = [item.timestamp for item in connection.messages]
    assert connection.started == 1_700_000_000 * 10**9
    assert times[:3] == [connection.started + quarter * 250_000_000 for quarter in (1, 2, 3)]


def test_connections_between_the_same_ports_and_from_several_threads_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "talk.pcapng"
    with CaptureWriter(path) as writer:
        for secret in keylog():
            writer.secret(*secret)
        for content in (b"first", b"second"):
            record_talk(writer.open(CLIENT, SERVER), content)
        threads = [
            threading.Thread(
                target=lambda port: record_talk(writer.open(Endpoint("192.0.2.7", port), SERVER), b"%d" % port * 9999),
                args=(port,),
            )
            for port in range(40_000, 40_008)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = contents(path)
    assert [each[-1] for each in found[:2]] == [b"first", b"second"]
    assert sorted((each[0].port, each[-1]) for each in found[2:]) == [
        (port, b"%d" % port * 9999) for port in range(40_000, 40_008)
    ]


def test_what_was_written_so_far_can_be_read_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "talk.pcapng"
    with CaptureWriter(path) as writer:
        recording = writer.open(CLIENT, SERVER)
        recording.sent(Direction.client, Talk().handshake().wire.segments[3].payload)
        (connection,) = read_capture(path)
        assert len(list(connection.messages)) == 1
        assert connection.ending is Ending.unfinished


def test_nothing_is_recorded_of_no_bytes_or_after_the_end(tmp_path: Path) -> None:
    path = tmp_path / "talk.pcapng"
    writer = CaptureWriter(path)
    with writer.open(CLIENT, SERVER) as recording:
        recording.sent(Direction.client, b"")
    size = path.stat().st_size
    recording.sent(Direction.client, b"late")
    recording.close()
    unclosed = writer.open(CLIENT, SERVER)
    writer.close()
    writer.close()
    unclosed.sent(Direction.client, b"late")
    assert path.stat().st_size > size
    capture = read_capture(path)
    assert list(capture) == []
    assert capture.statistics.packets == 3 + 3 + 3


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "talk.pcapng"
    CaptureWriter(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"cannot write capture .*absent/talk: No such file"):
        CaptureWriter(tmp_path / "absent" / "talk")
    with CaptureWriter(tmp_path / "talk") as writer:
        with pytest.raises(CaptureError, match="localhost is no IPv4 address"):
            writer.open(Endpoint("localhost", 1), SERVER)
        with pytest.raises(CaptureError, match=r"192\.0\.2\.2 is no IPv6 address"):
            writer.open(CLIENT6, SERVER)


def test_an_address_with_a_zone_is_recorded_without_it(tmp_path: Path) -> None:
    path = tmp_path / "talk"
    with CaptureWriter(path) as writer:
        for secret in keylog():
            writer.secret(*secret)
        record_talk(writer.open(Endpoint("fe80::1%eth0", 50000), Endpoint("fe80::2%3", 443)), b"pong")
    assert contents(path)[0][:2] == (Endpoint("fe80::1", 50000), Endpoint("fe80::2", 443))


@pytest.mark.parametrize(("client", "server"), [(CLIENT, SERVER), (CLIENT6, SERVER6)], ids=["IPv4", "IPv6"])
def test_tshark_reads_a_recording_without_complaint(
    tmp_path: Path, client: Endpoint, server: Endpoint, tshark: Tshark
) -> None:
    path = tmp_path / "talk.pcapng"
    content = b"0123456789" * 20_000
    with CaptureWriter(path, clock()) as writer:
        for secret in keylog():
            writer.secret(*secret)
        record_talk(writer.open(client, server), content)
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    complaints = tshark.run(path, *checks, "-Y", f"_ws.expert.severity >= {WARN} || _ws.malformed")
    assert complaints == ""
    assert tshark.run(path, *checks, "-Y", "tcp.analysis.flags") == ""
    assert tshark.run(path, *checks, "-Y", "tcp.analysis.bytes_in_flight > 65535") == ""
    assert tshark.application_data(path, 0, SERVER.port) == (b"ping", content)


def test_the_platforms_addresses_fit(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, address = listener.accept()
        with client, server, CaptureWriter(tmp_path / "talk") as writer:
            writer.open(Endpoint(*address), Endpoint(*listener.getsockname())).close()
