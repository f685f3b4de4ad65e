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

from schemas.code_points import ContentType, ProtocolVersion
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
    Part,
    Statistics,
    Transport,
    WarningKind,
    read_capture,
)
from tls13.capture.network.link import Segment
from tls13.capture.parts import WHOLE
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
    short = ipv4("192.0.2.1", "192.0.2.2", bytes(5))
    capture = read_capture(io.BytesIO(pcap([(START, short)] * 500)))
    assert list(capture) == []
    (warning,) = capture.warnings
    assert warning.count == 500
    assert str(warning).endswith("(500 times)")


# -- in the order of the capture ---------------------------------------------------------------------------


def test_messages_come_in_the_order_of_the_capture_and_none_wait() -> None:
    segments = interleaved(between(CLIENTS[0], b"x" * 5000), between(CLIENTS[1], b"y" * 5000))
    capture = capture_of(segments, Limits(backlog=6000, total_backlog=6000))
    items = list(capture.in_order())
    times = [item.timestamp for _, item in items if item is not None]
    assert times == sorted(times)
    said = [(connection.number, item.raw) for connection, item in items if isinstance(item, Message)]
    assert [text[:3] for number, text in said if number == 0][-2:] == [b"xxx", b"bye"]
    assert [text[:3] for number, text in said if number == 1][-2:] == [b"yyy", b"bye"]
    assert [connection.ending for connection, item in items if item is None] == [Ending.finished] * 2
    assert not any(connection.warnings for connection, _ in items)
    assert list(capture) == []


def test_each_connection_ends_once_behind_its_last_message() -> None:
    capture = capture_of([*between(CLIENTS[0]), *Wire(client=CLIENTS[1]).open().segments, *between(CLIENTS[2])])
    seen: dict[int, list[bool]] = {}
    for connection, item in capture.in_order():
        seen.setdefault(connection.number, []).append(item is None)
        assert list(connection.messages if item is None else []) == []
    assert {number: ended.index(True) + 1 == len(ended) for number, ended in seen.items()} == {0: True, 2: True}


# -- other input -------------------------------------------------------------------------------------------


def test_records_without_packets_make_one_connection() -> None:
    for data in (HELLO + ANSWER, (HELLO + ANSWER).hex(" ").encode()):
        (connection,) = read_capture(io.BytesIO(data))
        messages = [item for item in connection.messages if isinstance(item, Message)]
        assert [message.raw for message in messages] == [HELLO[5:], ANSWER[5:]]
        assert {message.direction for message in messages} == {Direction.client}
        assert connection.client.port == 1
    (connection,) = read_capture(io.BytesIO(ANSWER))
    assert [item.direction for item in connection.messages] == [Direction.server]


def test_dtls_is_named_counted_and_passed_over() -> None:
    record_of_dtls = bytes.fromhex("16 fefd 0000 000000000000 0003 010203")
    alert = bytes.fromhex("15 fefd 0001 000000000001 0002 0100")

    def udp(payload: bytes) -> bytes:
        return struct.pack(">HHHH", 5000, 6000, 8 + len(payload), 0) + payload

    datagrams = [record_of_dtls + alert, alert, alert + b"\x16", alert[:-1], b"\x16\xfe\xfd"]
    packets = [(START, ipv4("192.0.2.1", "192.0.2.2", udp(payload), protocol=17)) for payload in datagrams]
    capture = read_capture(io.BytesIO(pcap(packets)))
    assert list(capture) == []
    assert (capture.statistics.dtls, capture.statistics.other_packets) == (4, 5)
    (warning,) = capture.warnings
    assert warning.kind is WarningKind.unsupported
    assert str(warning) == ("DTLS 1.2 between 192.0.2.1:5000 and 192.0.2.2:6000: its records are not read (4 times)")


def test_a_connection_tells_what_carries_it_and_what_is_to_be_said_of_it() -> None:
    capture = capture_of(between(CLIENTS[0]))
    (connection,) = capture
    assert data(connection) == [b"hello", b"bye"]
    assert connection.transport is Transport.tcp
    assert connection.judgement.negotiated.version is ProtocolVersion.TLS13
    assert capture.position == len(pcap_of(between(CLIENTS[0])))


def test_parts_of_a_capture_are_together_the_whole() -> None:
    file = pcap_of(
        interleaved(*(between(client) for client in CLIENTS))
        + Wire(client=Endpoint("192.0.2.9", 1)).open().close().segments
    )
    parts = [read_capture(io.BytesIO(file), keylog=keylog(), part=Part(index, 2)) for index in range(2)]
    numbers = [[connection.number for connection in part if data(connection) == [b"hello", b"bye"]] for part in parts]
    assert sorted([*numbers[0], *numbers[1]]) == [0, 1, 2]
    assert [part.statistics.connections for part in parts] == [4, 4]
    assert sum(part.statistics.not_tls for part in parts) == 1


@pytest.mark.parametrize("of", [2, 3])
def test_parts_share_connections_out_even_where_each_gives_up_others(of: int) -> None:
    begun = record(ContentType.application_data, bytes(5000))
    wires = [Wire(client=Endpoint("192.0.2.1", port)).open() for port in range(2000, 2060)]
    for wire in wires:
        wire.send(wire.client, record(ContentType.handshake, raw(client_hello())))
        wire.send(wire.client, begun[:4000])
    first = [segment for wire in wires[:40] for segment in wire.segments]
    for wire in wires[:40]:
        wire.send(wire.client, begun[4000:])
    # Those that were given up by then are new ones to whoever reads on.
    again = [wire.segments[-1] for wire in wires[:40]]
    file = pcap_of([*first, *again, *(segment for wire in wires[40:] for segment in wire.segments)])

    def ports(part: Part) -> list[int]:
        capture = read_capture(io.BytesIO(file), part=part, limits=Limits(unfinished=20_000))
        return [connection.client.port for connection in capture if connection.client.port >= 2040]

    shared = [port for index in range(of) for port in ports(Part(index, of))]
    assert sorted(shared) == sorted(ports(WHOLE)) == list(range(2040, 2060))


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
    assert capture.waiting == 0
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


def test_connections_that_nobody_takes_are_bounded_and_the_one_that_is_read_is_whole() -> None:
    """A long one is read to its end while ever more others wait."""
    long = Talk().handshake()
    for _ in range(30):
        long.say(CLIENT, b"x" * 1000)
    first = long.wire.segments
    others = [segment for port in range(2000, 2200) for segment in between(Endpoint("192.0.2.9", port))]
    talk_on = [*first[:30], *others, *first[30:]]
    segments = [segment._replace(timestamp=START + at * 1000) for at, segment in enumerate(talk_on)]
    capture = capture_of(segments, Limits(backlog=20_000, total_backlog=400_000))
    connection = next(capture)
    assert len(data(connection)) == 30
    assert connection.ending is Ending.unfinished
    rest = list(capture)
    assert 10 < len(rest) < 30
    assert [warning.kind for warning in capture.warnings] == [WarningKind.limit]
    assert capture.warnings[0].count == 200 - len(rest)
    assert all(data(each) == [b"hello", b"bye"] for each in rest)
    assert capture.waiting == 0


def test_many_closed_connections_do_not_push_out_one_that_is_open() -> None:
    talk = Talk().handshake()
    others = [segment for port in range(2000, 2100) for segment in between(Endpoint("192.0.2.9", port))]
    before = len(talk.wire.segments)
    talk.say(CLIENT, b"still here")
    segments = [*talk.wire.segments[:before], *others, *talk.wire.segments[before:]]
    capture = capture_of(segments, Limits(connections=2))
    found = list(capture)
    assert data(found[-1]) == [b"still here"]
    assert not capture.warnings
