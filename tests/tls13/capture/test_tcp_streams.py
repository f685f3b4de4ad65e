"""Segments to byte streams: whatever order they come in, and whatever of them is missing."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from capture.made_captures import ACK, CLIENT, FIN, RST, SERVER, SYN, Wire, in_order
from hypothesis import given
from hypothesis import strategies as st

from tls13.capture import Ending, Endpoint, Limits, WarningKind
from tls13.capture.diagnostics import WarningLog
from tls13.capture.network.link import Segment
from tls13.capture.network.streams import Chunk, Ended, Event, Missing, Reassembler


def events(segments: Iterable[Segment], limits: Limits | None = None) -> list[Event]:
    reassembler = Reassembler(limits or Limits(), WarningLog())
    found = [event for segment in segments for event in reassembler.feed(segment)]
    return found + list(reassembler.finish())


def streams(found: Iterable[Event], number: int = 0) -> tuple[bytes, bytes]:
    """The bytes of both directions, gaps as question marks; checks that offsets follow each other."""
    data = [b"", b""]
    for event in found:
        if isinstance(event, Chunk | Missing) and event.flow.number == number:
            assert event.offset == len(data[event.sender])
            data[event.sender] += event.data if isinstance(event, Chunk) else b"?" * event.length
    return data[0], data[1]


def endings(found: Iterable[Event]) -> list[tuple[int, Ending]]:
    return [(event.flow.number, event.ending) for event in found if isinstance(event, Ended)]


def talk(initial: tuple[int, int] = (1000, 900_000)) -> Wire:
    wire = Wire(initial=initial).open()
    wire.send(CLIENT, b"hello ")
    wire.send(CLIENT, b"there")
    wire.send(SERVER, b"general ")
    wire.send(SERVER, b"greetings")
    return wire.close()


# -- whole streams -----------------------------------------------------------------------------------------


def test_a_plain_connection_gives_both_streams_and_ends() -> None:
    found = events(talk().segments)
    assert streams(found) == (b"hello there", b"general greetings")
    assert endings(found) == [(0, Ending.finished)]
    assert found[0].flow.endpoints == (CLIENT, SERVER)
    assert found[0].flow.opener_known


def test_sequence_numbers_wrap_around() -> None:
    for distance in range(1, 20):
        found = events(talk((2**32 - distance, 2**32 - distance)).segments)
        assert streams(found) == (b"hello there", b"general greetings")
        assert endings(found) == [(0, Ending.finished)]


@given(data=st.data())
def test_streams_survive_reordering_retransmission_and_resegmentation(data: st.DataObject) -> None:
    """The same bytes, cut anew and more than once, in any order after the handshake."""
    said = {CLIENT: data.draw(st.binary(max_size=40)), SERVER: data.draw(st.binary(max_size=40))}
    first = {side: data.draw(st.integers(0, 2**32 - 1)) for side in said}
    wire = Wire(initial=(first[CLIENT], first[SERVER])).open()
    pieces = [
        (side, start, bytes(said[side][start:end]))
        for side in said
        for start, end in [
            *((at, at + 7) for at in range(0, len(said[side]), 7)),
            *data.draw(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6)),
        ]
    ]
    opening = list(wire.segments)
    template = opening[-1]
    for side, start, piece in data.draw(st.permutations(pieces)):
        source, destination = (CLIENT, SERVER) if side == CLIENT else (SERVER, CLIENT)
        sequence = (first[side] + 1 + start) % 2**32
        wire.segments.append(Segment(template.timestamp, source, destination, sequence, 0, 0, piece, len(piece)))
    found = events(wire.segments)
    assert streams(found) == (said[CLIENT], said[SERVER])
    assert not any(isinstance(event, Missing) for event in found)


def test_of_bytes_that_come_twice_the_first_copy_counts() -> None:
    wire = Wire().open()
    wire.send(CLIENT, b"abc")
    last = wire.segments[-1]
    wire.segments += [
        last._replace(sequence=last.sequence + 6, payload=b"GHI", length=3),
        last._replace(sequence=last.sequence, payload=b"xxxxxxxxxJK", length=11),
        last._replace(sequence=last.sequence + 2, payload=b"yyyy", length=4),
    ]
    assert streams(events(wire.segments))[0] == b"abcxxxGHIJK"


def test_a_chunk_carries_the_time_of_the_packet_that_completed_it() -> None:
    wire = talk()
    hello, there = wire.segments[3], wire.segments[4]
    swapped = [*wire.segments[:3], *in_order([hello, there], [1, 0]), *wire.segments[5:]]
    found = [event for event in events(swapped) if isinstance(event, Chunk)]
    assert [(event.timestamp, event.data) for event in found[:2]] == [
        (there.timestamp, b"hello "),
        (there.timestamp, b"there"),
    ]


def test_data_on_syn_and_on_fin_counts() -> None:
    wire = Wire()
    wire.send(CLIENT, b"early ", flags=SYN)
    wire.send(SERVER, flags=SYN | ACK)
    wire.send(CLIENT, b"late", flags=FIN | ACK)
    wire.send(SERVER, b"bye", flags=FIN | ACK)
    found = events(wire.segments)
    assert streams(found) == (b"early late", b"bye")
    assert endings(found) == [(0, Ending.finished)]


def test_keep_alives_and_late_retransmissions_change_nothing() -> None:
    wire = talk()
    hello = wire.segments[3]
    keep_alive = wire.segments[4]._replace(sequence=wire.segments[4].sequence - 1, payload=b"\0", length=1)
    found = events([*wire.segments[:5], keep_alive, hello, *wire.segments[5:], hello, wire.segments[-2]])
    assert streams(found) == (b"hello there", b"general greetings")
    assert endings(found) == [(0, Ending.finished)]


@pytest.mark.parametrize("first", [0, 3, 5], ids=["with SYN", "under way", "later still"])
def test_a_capture_in_reversed_order_is_warned_of(first: int) -> None:
    log = WarningLog()
    reassembler = Reassembler(Limits(), log)
    for segment in reversed(talk().segments[first:]):
        reassembler.feed(segment)
    assert [(each.kind, "reordercap" in str(each)) for each in log] == [(WarningKind.unreadable, True)]


def test_retransmissions_from_before_the_capture_are_not_warned_of() -> None:
    wire = talk()
    log = WarningLog()
    reassembler = Reassembler(Limits(), log)
    again = wire.segments[3]._replace(timestamp=wire.segments[-1].timestamp)
    for segment in [*wire.segments[5:], again]:
        reassembler.feed(segment)
    assert not list(log)


# -- where connections start and end -----------------------------------------------------------------------


def test_the_opener_is_known_from_syn_ack_alone() -> None:
    found = events(talk().segments[1:])
    assert found[0].flow.endpoints == (CLIENT, SERVER)
    assert streams(found) == (b"hello there", b"general greetings")


def test_syn_and_syn_ack_in_the_wrong_order_are_one_connection() -> None:
    found = events(in_order(talk().segments, [1, 0, *range(2, 10)]))
    assert streams(found) == (b"hello there", b"general greetings")
    assert endings(found) == [(0, Ending.finished)]


def test_a_connection_under_way_starts_with_its_first_data() -> None:
    found = events(talk().segments[4:])
    assert not found[0].flow.opener_known
    assert streams(found) == (b"there", b"general greetings")
    assert endings(found) == [(0, Ending.finished)]


def test_under_way_an_acknowledgment_tells_where_the_other_direction_is() -> None:
    wire = talk()
    found = events(in_order(wire.segments[4:], [0, 2, 1, 3, 4, 5]))
    assert streams(found) == (b"there", b"general greetings")


def reset_after(*, seconds: float) -> list[Event]:
    """What a server says that long after its client's RST, and another connection later on."""
    wire = Wire().open()
    wire.send(CLIENT, b"abc")
    wire.send(CLIENT, flags=RST)
    wire.send(SERVER, b"under way")
    late = wire.segments[-1]._replace(timestamp=wire.segments[-2].timestamp + int(seconds * 10**9))
    other = Wire(server=Endpoint("192.0.2.99", 443)).open().segments[0]
    return events([*wire.segments[:-1], late, other._replace(timestamp=late.timestamp + 3 * 10**9)])


def test_what_was_under_way_when_a_connection_was_reset_comes_still() -> None:
    found = reset_after(seconds=1)
    assert streams(found) == (b"abc", b"under way")
    assert endings(found) == [(0, Ending.reset), (1, Ending.unfinished)]


def test_a_connection_is_over_two_seconds_after_it_was_reset() -> None:
    found = reset_after(seconds=2.001)
    assert streams(found) == (b"abc", b"")
    assert endings(found) == [(0, Ending.reset), (1, Ending.unfinished)]


def test_a_connection_that_goes_on_after_a_forged_reset_is_followed() -> None:
    wire = Wire().open()
    wire.send(CLIENT, b"abc")
    wire.send(CLIENT, flags=RST)
    said = wire.segments
    for number in range(8):
        wire.send(SERVER, b"%d" % number)
        said[-1] = said[-1]._replace(timestamp=said[-2].timestamp + 10**9)
    found = events(wire.segments)
    assert streams(found) == (b"abc", b"01234567")
    assert endings(found) == [(0, Ending.reset)]


def test_connections_that_were_reset_are_bounded() -> None:
    limits = Limits(connections=10)
    wires = [Wire(client=Endpoint("192.0.2.1", 2000 + number)).open() for number in range(20)]
    for wire in wires:
        wire.send(wire.client, flags=RST)
    found = events([segment for wire in wires for segment in wire.segments], limits)
    assert endings(found[:14]) == [(number, Ending.reset) for number in range(14)]
    assert len(endings(found)) == 20


def test_a_connection_never_closed_is_unfinished() -> None:
    assert endings(events(talk().segments[:7])) == [(0, Ending.unfinished)]


@pytest.mark.parametrize("closed", [True, False])
def test_a_new_syn_between_the_same_ports_is_another_connection(closed: bool) -> None:
    first, second = talk(), talk((77_000, 88_000))
    found = events([*(first.segments if closed else first.segments[:6]), *second.segments])
    assert streams(found, 0) == ((b"hello there", b"general greetings") if closed else (b"hello there", b"general "))
    assert streams(found, 1) == (b"hello there", b"general greetings")
    assert endings(found) == [(0, Ending.finished if closed else Ending.replaced), (1, Ending.finished)]


def test_a_retransmitted_syn_is_not_another_connection() -> None:
    wire = talk()
    found = events([wire.segments[0], *wire.segments[:2], wire.segments[1], *wire.segments[2:5], *wire.segments])
    assert streams(found) == (b"hello there", b"general greetings")
    assert endings(found) == [(0, Ending.finished)]


@pytest.mark.parametrize("taken", [0, 1], ids=["the first", "the second"])
@pytest.mark.parametrize("acknowledged_between", [False, True])
def test_of_two_answers_the_one_that_the_client_takes_counts(taken: int, acknowledged_between: bool) -> None:
    wire = talk()
    opening, answer, acknowledgment = wire.segments[:3]
    other = answer._replace(sequence=answer.sequence + 12345)
    answers = [answer, other] if taken == 0 else [other, answer]
    if acknowledged_between and taken == 0:
        answers.insert(1, acknowledgment)
    found = events([opening, *answers, *wire.segments[2:]])
    assert streams(found) == (b"hello there", b"general greetings")
    assert endings(found) == [(0, Ending.finished)]


def test_connections_at_once_are_kept_apart() -> None:
    one, two = talk(), talk()
    other = Endpoint("192.0.2.9", 50000)
    moved = [
        segment._replace(
            source=other if segment.source == CLIENT else SERVER,
            destination=other if segment.destination == CLIENT else SERVER,
        )
        for segment in two.segments
    ]
    mixed = [segment for pair in zip(one.segments, moved, strict=True) for segment in pair]
    found = events(mixed)
    assert streams(found, 0) == streams(found, 1) == (b"hello there", b"general greetings")


# -- what is missing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [3, 4, 5, 6])
def test_a_segment_that_never_comes_is_a_gap_of_its_length(index: int) -> None:
    wire = talk()
    lost = wire.segments.pop(index)
    found = events(wire.segments)
    whole = b"hello there" + b"general greetings"
    assert b"".join(streams(found)) == whole.replace(lost.payload, b"?" * len(lost.payload), 1)
    assert [event.length for event in found if isinstance(event, Missing)] == [len(lost.payload)]
    assert endings(found) == [(0, Ending.finished)]


def test_a_gap_is_waited_for_until_its_receiver_has_acknowledged_it_often_enough() -> None:
    wire = Wire().open()
    wire.send(CLIENT, b"lost")
    wire.send(CLIENT, b"kept")
    del wire.segments[-2]
    for _ in range(10):
        wire.send(SERVER)
    reassembler = Reassembler(Limits(overdue=10), WarningLog())
    waited = [event for segment in wire.segments for event in reassembler.feed(segment)]
    assert waited == []
    given_up = list(reassembler.feed(wire.segments[-1]))
    assert streams(given_up)[0] == b"????kept"
    assert [event.timestamp for event in given_up if isinstance(event, Chunk)] == [wire.segments[3].timestamp]


def test_bytes_that_follow_the_acknowledgment_late_still_fill_their_place() -> None:
    wire = Wire().open()
    wire.send(CLIENT, b"late")
    wire.send(CLIENT, b"kept")
    wire.send(SERVER)
    found = events(in_order(wire.segments, [0, 1, 2, 4, 5, 3]))
    assert streams(found)[0] == b"latekept"


@pytest.mark.parametrize("limits", [Limits(reordered=5000), Limits(reordered_segments=10)])
def test_what_waits_behind_a_gap_is_bounded(limits: Limits) -> None:
    wire = Wire().open()
    wire.send(CLIENT, b"lost")
    del wire.segments[-1]
    for _ in range(30):
        wire.send(CLIENT, b"x" * 300)
    log = WarningLog()
    reassembler = Reassembler(limits, log)
    found = [event for segment in wire.segments for event in reassembler.feed(segment)]
    assert streams(found)[0] == b"????" + b"x" * 9000
    assert [warning.kind for warning in log] == [WarningKind.limit]
    assert streams([*found, *reassembler.finish()])[0] == b"????" + b"x" * 9000


def test_the_tail_that_only_acknowledgments_tell_of_is_a_gap() -> None:
    wire = Wire().open()
    wire.send(CLIENT, b"lost")
    del wire.segments[-1]
    wire.send(SERVER)
    assert streams(events(wire.segments))[0] == b"????"


def test_acknowledging_an_unseen_fin_is_no_gap() -> None:
    wire = Wire().open()
    wire.send(CLIENT, b"all")
    wire.send(CLIENT, flags=FIN | ACK)
    del wire.segments[-1]
    wire.send(SERVER)
    assert streams(events(wire.segments))[0] == b"all"


def test_a_segment_cut_by_the_capture_leaves_a_gap_behind_it() -> None:
    wire = talk()
    hello = wire.segments[3]
    wire.segments[3] = hello._replace(payload=hello.payload[:2])
    assert streams(events(wire.segments))[0] == b"he????there"


def test_one_direction_alone_shows_the_other_as_a_gap() -> None:
    wire = talk()
    found = events(segment for segment in wire.segments[:7] if segment.source == SERVER)
    assert streams(found) == (b"?" * 11, b"general greetings")


@given(
    data=st.lists(
        st.tuples(st.booleans(), st.integers(0, 63), st.integers(0, 63), st.integers(0, 31), st.binary(max_size=8)),
        max_size=40,
    ),
    closeness=st.sampled_from([1, 2**26]),
)
def test_any_segments_end_in_streams_without_overlap(
    data: list[tuple[bool, int, int, int, bytes]], closeness: int
) -> None:
    segments = [
        Segment(0, *ends, a * closeness, b * closeness, flags, more, len(more))
        for forth, a, b, flags, more in data
        for ends in [(CLIENT, SERVER) if forth else (SERVER, CLIENT)]
    ]
    found = events(segments, Limits(overdue=2))
    for number in {event.flow.number for event in found}:
        for sender in (0, 1):
            offset = 0
            for event in found:
                if isinstance(event, Chunk | Missing) and (event.flow.number, event.sender) == (number, sender):
                    assert event.offset == offset
                    offset += len(event.data) if isinstance(event, Chunk) else event.length
    assert len({number for number, _ in endings(found)}) == len(endings(found))


# -- limits ------------------------------------------------------------------------------------------------


def test_the_longest_silent_connection_makes_room_for_a_new_one() -> None:
    log = WarningLog()
    reassembler = Reassembler(Limits(connections=2), log)
    found: list[Event] = []
    for port in (1, 2, 1, 3):
        wire = Wire(client=Endpoint("192.0.2.1", port)).open()
        wire.send(Endpoint("192.0.2.1", port), b"data")
        found += [event for segment in wire.segments for event in reassembler.feed(segment)]
    assert endings(found) == [(1, Ending.forgotten)]
    assert [warning.kind for warning in log] == [WarningKind.limit]
    assert reassembler.connections == 3


def test_bytes_out_of_order_are_bounded_over_all_connections() -> None:
    log = WarningLog()
    reassembler = Reassembler(Limits(unfinished=10_000), log)
    found: list[Event] = []
    for port in range(1, 21):
        client = Endpoint("192.0.2.1", port)
        wire = Wire(client=client).open()
        wire.send(client, b"lost")
        wire.send(client, b"x" * 1000)
        del wire.segments[-2]
        found += [event for segment in wire.segments for event in reassembler.feed(segment)]
    forgotten = [number for number, ending in endings(found) if ending is Ending.forgotten]
    assert forgotten == list(range(12))
    assert all(streams(found, number)[0] == b"????" + b"x" * 1000 for number in forgotten)
    assert [warning.kind for warning in log] == [WarningKind.limit]
