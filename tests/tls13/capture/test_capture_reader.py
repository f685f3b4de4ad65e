"""Captures to connections: which come out, when, who is who in them, and what bounds what is kept."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from capture.made_captures import (
    ACK,
    CLIENT,
    FINISHED,
    RST,
    SERVER,
    START,
    Talk,
    Wire,
    client_hello,
    in_order,
    ipv4,
    keylog,
    pcap,
    pcap_of,
    raw,
    record,
    server_hello,
)

from schemas.code_points import ContentType
from tls13.capture import (
    Capture,
    CaptureError,
    Connection,
    Direction,
    Ending,
    Endpoint,
    Gap,
    GapReason,
    Limits,
    Message,
    Statistics,
    WarningKind,
    read_capture,
)
from tls13.capture.link import Segment
from tls13.errors import ConfigurationError

HELLO = record(ContentType.handshake, raw(client_hello()))
ANSWER = record(ContentType.handshake, raw(server_hello()))


def capture_of(segments: Sequence[Segment], limits: Limits | None = None) -> Capture:
    return read_capture(io.BytesIO(pcap_of(segments)), keylog=keylog(), limits=limits)


def between(client: Endpoint, said: bytes = b"hello") -> list[Segment]:
    """A connection to SERVER that says that much under protection, and ends."""
    talk = Talk(Wire(client=client).open())
    talk.wire.send(client, HELLO)
    talk.wire.send(SERVER, ANSWER)
    for content in (said, b"bye"):
        talk.wire.send(client, talk.sealed(client, "CLIENT_TRAFFIC_SECRET_0", content, ContentType.application_data))
    return talk.wire.close().segments


def interleaved(*connections: list[Segment]) -> list[Segment]:
    """Segments of several connections in turn."""
    mixed = [segment for row in zip(*connections, strict=True) for segment in row]
    return [segment._replace(timestamp=START + number * 1000) for number, segment in enumerate(mixed)]


def data(connection: Connection) -> list[bytes]:
    return [
        item.raw
        for item in connection.messages
        if isinstance(item, Message) and item.content_type is ContentType.application_data
    ]


CLIENTS = [Endpoint("192.0.2.1", 50000 + number) for number in range(3)]


def test_a_path_needs_no_closing_when_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    path.write_bytes(pcap_of(between(CLIENTS[0])))
    for connection in read_capture(path, keylog=keylog()):
        assert data(connection) == [b"hello", b"bye"]
    with read_capture(path) as capture:
        next(capture)
    with pytest.raises(CaptureError, match="absent"):
        read_capture(tmp_path / "absent")


def test_a_closed_capture_ends_early_without_complaint(tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    path.write_bytes(pcap_of([*between(CLIENTS[0]), *between(CLIENTS[1])]))
    capture = read_capture(path, keylog=keylog())
    connection = next(capture)
    capture.close()
    assert data(connection) == [b"hello", b"bye"]
    assert list(capture) == []


def test_connections_come_out_as_they_end_with_tsharks_numbers() -> None:
    first, second, third = (between(client) for client in CLIENTS)
    capture = capture_of(interleaved(first[:-3], second[:-3], third[:-3]) + second[-3:] + first[-3:])
    found = [(connection.number, connection.client, connection.ending) for connection in capture]
    assert found == [
        (1, CLIENTS[1], Ending.finished),
        (0, CLIENTS[0], Ending.finished),
        (2, CLIENTS[2], Ending.unfinished),
    ]


def test_a_connection_tells_its_ends_its_start_and_its_record_counts() -> None:
    segments = between(CLIENTS[0])
    (connection,) = capture_of(segments)
    assert (connection.client, connection.server) == (CLIENTS[0], SERVER)
    assert (str(connection.client), str(Endpoint("2001:db8::1", 443))) == ("192.0.2.1:50000", "[2001:db8::1]:443")
    assert connection.started == START
    assert connection.messages is connection.messages
    assert data(connection) == [b"hello", b"bye"]
    assert list(connection.messages) == []
    assert connection.records == {
        (Direction.client, ContentType.handshake): 1,
        (Direction.server, ContentType.handshake): 1,
        (Direction.client, ContentType.application_data): 2,
    }
    assert connection.warnings == ()


def test_what_is_not_tls_is_counted_and_left_out() -> None:
    plain = Wire().open()
    plain.send(CLIENT, b"GET / HTTP/1.0\r\n\r\n")
    plain.close()
    packets = pcap_of([*plain.segments, *between(CLIENTS[1])])
    packets += pcap([(START, ipv4("192.0.2.1", "192.0.2.2", bytes(20), protocol=17))])[24:]
    capture = read_capture(io.BytesIO(packets), keylog=keylog())
    assert [connection.number for connection in capture] == [1]
    length = len(packets) - 24 - 16 * (len(plain.segments) + len(between(CLIENTS[1])) + 1)
    assert capture.statistics == Statistics(
        packets=len(plain.segments) + len(between(CLIENTS[1])) + 1,
        bytes=length,
        other_packets=1,
        connections=2,
        not_tls=1,
    )


def test_starttls_shows_what_came_before_as_a_gap() -> None:
    wire = Wire().open()
    wire.send(SERVER, b"220 ready\r\n")
    wire.send(CLIENT, b"STARTTLS\r\n")
    wire.send(SERVER, b"220 go ahead\r\n")
    wire.send(CLIENT, HELLO)
    wire.send(SERVER, ANSWER)
    (connection,) = capture_of(wire.segments)
    gaps = [item for item in connection.messages if isinstance(item, Gap)]
    assert [(gap.direction, gap.offset, gap.length, gap.reason) for gap in gaps] == [
        (Direction.client, 0, 10, GapReason.not_tls),
        (Direction.server, 0, 25, GapReason.not_tls),
    ]
    assert str(gaps[0]) == "10 bytes of the client from byte 0 on are not TLS"


def test_an_answer_that_is_no_tls_is_a_gap() -> None:
    wire = Wire().open()
    wire.send(CLIENT, HELLO)
    wire.send(SERVER, b"HTTP/1.1 400 Bad Request\r\n\r\n")
    (connection,) = capture_of(wire.close().segments)
    _, gap = connection.messages
    assert isinstance(gap, Gap)
    assert (gap.direction, gap.length, gap.reason) == (Direction.server, 28, GapReason.not_tls)


# -- who is who --------------------------------------------------------------------------------------------


def test_the_client_is_who_says_client_hello_even_where_the_other_side_connected() -> None:
    wire = Wire().open()
    wire.send(SERVER, HELLO)
    wire.send(CLIENT, ANSWER)
    (connection,) = capture_of(wire.segments)
    assert (connection.client, connection.server) == (SERVER, CLIENT)


def test_a_server_hello_alone_tells_the_server() -> None:
    wire = Wire()
    wire.send(CLIENT, ANSWER)
    (connection,) = capture_of(wire.segments)
    assert (connection.client, connection.server) == (SERVER, CLIENT)


def test_without_hello_or_syn_the_lower_port_is_the_server() -> None:
    wire = Wire()
    wire.send(SERVER, record(ContentType.application_data, bytes(40)))
    (connection,) = capture_of(wire.segments)
    assert (connection.client, connection.server) == (CLIENT, SERVER)


# -- endings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "ending"),
    [([], Ending.unfinished), ([RST], Ending.reset), ([RST | ACK], Ending.reset)],
)
def test_a_connection_says_how_it_ended(last: list[int], ending: Ending) -> None:
    wire = Wire().open()
    wire.send(CLIENT, HELLO)
    for flags in last:
        wire.send(SERVER, flags=flags)
    (connection,) = capture_of(wire.segments)
    assert len(list(connection.messages)) == 1
    assert connection.ending is ending


def test_both_fins_are_an_end_even_with_bytes_missing() -> None:
    wire = Wire().open()
    wire.send(CLIENT, HELLO)
    wire.send(CLIENT, b"lost")
    del wire.segments[-1]
    (connection,) = capture_of(wire.close().segments)
    assert connection.ending is Ending.finished
    assert [str(item) for item in connection.messages if isinstance(item, Gap)] == [
        f"4 bytes of the client from byte {len(HELLO)} on are not in the capture"
    ]


def test_a_capture_cut_short_shows_everything_before_and_warns() -> None:
    file = pcap_of(between(CLIENTS[0]))
    capture = read_capture(io.BytesIO(file[:-5]), keylog=keylog())
    (connection,) = capture
    assert data(connection) == [b"hello", b"bye"]
    (warning,) = capture.warnings
    assert warning.kind is WarningKind.cut_short
    assert str(warning).startswith("the capture is cut short: it ends at byte")


def test_the_same_warning_is_counted_not_repeated() -> None:
    fragment = ipv4("192.0.2.1", "192.0.2.2", bytes(20), fragment=0x2000)
    capture = read_capture(io.BytesIO(pcap([(START, fragment)] * 500)))
    assert list(capture) == []
    (warning,) = capture.warnings
    assert warning.count == 500
    assert str(warning).endswith("(500 times)")


# -- limits ------------------------------------------------------------------------------------------------


def test_a_connection_of_many_messages_comes_out_early_and_whole() -> None:
    talk = Talk().handshake()
    for number in range(500):
        talk.say(CLIENT, b"%03d" % number * 100)
    file = io.BytesIO(pcap_of(talk.wire.close().segments))
    capture = read_capture(file, keylog=keylog(), limits=Limits(backlog=20_000))
    connection = next(capture)
    assert capture.statistics.packets < 100
    assert [each[:3] for each in data(connection)] == [b"%03d" % number for number in range(500)]
    assert connection.ending is Ending.finished
    assert connection.warnings == ()
    assert list(capture) == []


def test_messages_that_nobody_takes_are_dropped_with_a_warning() -> None:
    segments = interleaved(between(CLIENTS[0], b"x" * 5000), between(CLIENTS[1], b"y" * 5000))
    first, second = list(capture_of(segments, Limits(backlog=6000)))
    for connection in (first, second):
        assert data(connection) == [b"bye"]
        assert [warning.kind for warning in connection.warnings] == [WarningKind.limit]


def test_messages_of_all_connections_together_are_bounded() -> None:
    connections = [between(Endpoint("192.0.2.1", port), b"x" * 1000) for port in range(1000, 1100)]
    capture = capture_of(interleaved(*connections), Limits(total_backlog=30_000))
    found = list(capture)
    assert len(found) == 100
    kept = sum(len(item.raw) for each in found for item in each.messages if isinstance(item, Message))
    assert 0 < kept < 30_000
    assert any(connection.warnings for connection in found)


def test_records_and_messages_begun_are_bounded_over_all_connections() -> None:
    connections = []
    for port in range(1000, 1100):
        wire = Wire(client=Endpoint("192.0.2.1", port)).open()
        wire.send(wire.client, HELLO)
        wire.send(wire.client, struct.pack(">BHH", 22, 0x0303, 16_000) + bytes(1000))
        connections.append(wire.segments)
    capture = capture_of(interleaved(*connections), Limits(unfinished=20_000))
    found = list(capture)
    assert len(found) == 100
    assert sum(connection.ending is Ending.forgotten for connection in found) >= 80
    assert [warning.kind for warning in capture.warnings] == [WarningKind.limit]


def test_records_that_wait_for_a_server_hello_are_bounded() -> None:
    wire = Wire().open()
    wire.send(CLIENT, HELLO)
    for _ in range(100):
        wire.send(CLIENT, record(ContentType.application_data, bytes(1000)))
    capture = capture_of(wire.segments, Limits(held=10_000, backlog=400_000))
    (connection,) = capture
    assert len(list(connection.messages)) == 101


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="capture limit backlog is below 1"):
        Limits(backlog=0)


def test_two_captures_can_be_read_at_once() -> None:
    one, two = capture_of(between(CLIENTS[0], b"one")), capture_of(between(CLIENTS[1], b"two"))
    first, second = next(one), next(two)
    pairs = list(zip(data(first), data(second), strict=True))
    assert pairs == [(b"one", b"two"), (b"bye", b"bye")]


def test_segments_in_any_near_order_give_the_same_messages() -> None:
    talk = Talk().handshake()
    for number in range(20):
        talk.say(CLIENT if number % 3 else SERVER, b"%d" % number)
    segments = talk.wire.close().segments
    (plain,) = capture_of(segments)
    expected = [item.raw for item in plain.messages if isinstance(item, Message)]
    order = list(range(len(segments)))
    for at in range(3, len(order) - 4, 2):
        order[at], order[at + 1] = order[at + 1], order[at]
    (mangled,) = capture_of(in_order(segments, order))
    found = list(mangled.messages)
    assert not any(isinstance(item, Gap) for item in found)
    assert sorted(item.raw for item in found if isinstance(item, Message)) == sorted(expected)
    assert raw(FINISHED) in expected
