"""One conversation in captures that are mangled in known ways: what comes out is known, too."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence

import pytest
from capture.made_captures import CLIENT, FIN, SERVER, Talk, Wire, client_hello, keylog, pcap_of, server_hello
from capture.made_captures import raw as handshake

from schemas.code_points import ContentType
from tls13.capture import (
    Capture,
    CaptureWarning,
    Direction,
    Endpoint,
    Gap,
    GapReason,
    Message,
    NoteKind,
    WarningKind,
    read_capture,
)
from tls13.capture.network.link import Segment

SEEDS = range(25)
Said = dict[Direction, list[bytes]]


def conversation(initial: tuple[int, int] = (1000, 900_000)) -> list[Segment]:
    """A record in each segment: the handshake, then 60 of application data, with key updates among them."""
    talk = Talk(Wire(initial=initial).open()).handshake()
    for number in range(60):
        sender = CLIENT if number % 3 else SERVER
        if number in (20, 40):
            talk.update(CLIENT, "CLIENT_TRAFFIC_SECRET_0")
        talk.say(sender, f"message {number} ".encode() * (1 + number % 7))
    return talk.wire.close().segments


SEGMENTS = conversation()
FIRST_DATA = 3 + 2 + 3
"""Behind TCP's handshake, the hellos, and the rest of TLS's handshake."""


def read(segments: Sequence[Segment]) -> tuple[Said, list[Gap], list[Message], Capture]:
    """What each side said, and gaps and opaque messages, of the only connection."""
    capture = read_capture(io.BytesIO(pcap_of(segments)), keylog=keylog())
    (connection,) = capture
    said: Said = {direction: [] for direction in Direction}
    gaps, opaque = [], []
    for item in connection.messages:
        if isinstance(item, Gap):
            gaps.append(item)
        elif item.opaque or item.note is not None:
            opaque.append(item)
        else:
            assert item.error is None
            said[item.direction].append(item.raw)
    return said, gaps, opaque, capture


WHOLE = read(SEGMENTS)[0]


def retimed(segments: Sequence[Segment]) -> list[Segment]:
    """In this order, each with a time of its own."""
    return [segment._replace(timestamp=SEGMENTS[0].timestamp + 1000 * at) for at, segment in enumerate(segments)]


def resegmented(segments: Sequence[Segment], chance: random.Random) -> list[Segment]:
    """Each payload in pieces of its own, some of which overlap those before them."""
    pieces = []
    for segment in segments:
        at = 0
        while at < len(segment.payload):
            start, end = max(0, at - chance.randrange(3)), min(len(segment.payload), at + chance.randrange(1, 90))
            payload, sequence = segment.payload[start:end], (segment.sequence + start) % 2**32
            pieces.append(segment._replace(payload=payload, length=len(payload), sequence=sequence))
            at = end
        if not segment.payload:
            pieces.append(segment)
    return pieces


def reordered(segments: Sequence[Segment], chance: random.Random) -> list[Segment]:
    """Each at most a few places from its own, none before TCP's handshake is over."""
    keys = [at + chance.random() * 6 if at > 2 else at - 10 for at in range(len(segments))]
    return [segments[at] for at in sorted(range(len(segments)), key=keys.__getitem__)]


def repeated(segments: Sequence[Segment], chance: random.Random) -> list[Segment]:
    """Some twice, the second time later and with the bytes changed: the first copy counts."""
    found = list(segments)
    for at in sorted(chance.sample(range(3, len(segments) - 3), 15), reverse=True):
        again = segments[at]
        later = min(at + chance.randrange(1, 8), len(segments) - 3)
        found.insert(later + 1, again._replace(payload=bytes(len(again.payload))))
    return found


def test_the_conversation_is_read_whole_when_nothing_is_mangled() -> None:
    said, gaps, opaque, capture = read(SEGMENTS)
    assert said[Direction.client][0] == handshake(client_hello())
    assert said[Direction.server][0] == handshake(server_hello())
    assert sum(text.startswith(b"message") for side in said.values() for text in side) == 60
    assert not gaps
    assert not opaque
    assert not capture.warnings


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("initial", [(1000, 900_000), (2**32 - 700, 2**32 - 50)], ids=["", "wrap-around"])
def test_nothing_is_lost_by_disorder_repetition_and_overlap(seed: int, initial: tuple[int, int]) -> None:
    chance = random.Random(seed)
    mangled: Sequence[Segment] = conversation(initial)
    chosen = chance.sample([resegmented, reordered, repeated], chance.randrange(1, 4))
    for mangle in (resegmented, reordered, repeated):
        # Repetition last: the changed copies must stay behind the true ones.
        mangled = mangle(mangled, chance) if mangle in chosen else mangled
    said, gaps, opaque, capture = read(retimed(mangled))
    assert said == WHOLE
    assert not gaps
    assert not opaque
    assert not capture.warnings


@pytest.mark.parametrize("seed", SEEDS)
def test_dropped_segments_are_gaps_and_all_others_are_read(seed: int) -> None:
    chance = random.Random(seed)
    # KeyUpdates stay: the records behind a missing one do not open.
    updates = {at for at in range(1, len(SEGMENTS)) if len(SEGMENTS[at].payload) == 5 + 5 + 1 + 16}
    candidates = [at for at in range(FIRST_DATA, len(SEGMENTS) - 3) if at not in updates]
    dropped = set(chance.sample(candidates, chance.randrange(1, 10)))
    expected = {direction: list(said) for direction, said in WHOLE.items()}
    holes: list[tuple[Direction, int, int]] = []
    for direction, end in ((Direction.client, CLIENT), (Direction.server, SERVER)):
        first = next(each.sequence for each in SEGMENTS if each.source == end) + 1
        before_was_dropped = False
        for at, segment in enumerate(SEGMENTS):
            if segment.source != end or not segment.payload:
                continue
            if at in dropped:
                place, length = segment.sequence - first, len(segment.payload)
                if before_was_dropped:
                    _, place, more = holes.pop()
                    length += more
                holes.append((direction, place, length))
                expected[direction].remove(said_in(at))
            before_was_dropped = at in dropped
    said, gaps, opaque, _ = read(retimed([each for at, each in enumerate(SEGMENTS) if at not in dropped]))
    assert said == expected
    assert sorted((gap.direction, gap.offset, gap.length) for gap in gaps) == sorted(holes)
    assert {gap.reason for gap in gaps} == {GapReason.missing}
    assert not opaque


def said_in(at: int) -> bytes:
    """What the record in that segment says."""
    before = sum(bool(each.payload) and each.source == SEGMENTS[at].source for each in SEGMENTS[:at])
    return WHOLE[direction_of(SEGMENTS[at])][before]


def direction_of(segment: Segment) -> Direction:
    return Direction.client if segment.source == CLIENT else Direction.server


@pytest.mark.parametrize("seed", SEEDS)
def test_corrupted_records_stay_closed_and_all_others_are_read(seed: int) -> None:
    chance = random.Random(seed)
    updates = {at for at in range(len(SEGMENTS)) if len(SEGMENTS[at].payload) == 5 + 5 + 1 + 16}
    candidates = [at for at in range(FIRST_DATA, len(SEGMENTS) - 3) if at not in updates]
    damaged = chance.sample(candidates, 3)
    mangled, expected = list(SEGMENTS), {direction: list(said) for direction, said in WHOLE.items()}
    for at in damaged:
        payload = bytearray(SEGMENTS[at].payload)
        payload[chance.randrange(5, len(payload))] ^= 1 << chance.randrange(8)
        mangled[at] = SEGMENTS[at]._replace(payload=bytes(payload))
        expected[direction_of(SEGMENTS[at])].remove(said_in(at))
    said, gaps, opaque, _ = read(mangled)
    assert said == expected
    assert not gaps
    assert [(item.note.kind, item.raw) for item in opaque if item.note] == [
        (NoteKind.not_decrypted, mangled[at].payload[5:]) for at in sorted(damaged)
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_file_cut_anywhere_gives_what_came_before(seed: int) -> None:
    chance = random.Random(seed)
    file = pcap_of(SEGMENTS)
    kept = chance.randrange(4, len(SEGMENTS))
    end = len(pcap_of(SEGMENTS[:kept]))
    cut = file[: end + chance.randrange(1, 16)]
    capture = read_capture(io.BytesIO(cut), keylog=keylog())
    messages = [item.raw for connection in capture for item in connection.messages if isinstance(item, Message)]
    expected = read(SEGMENTS[:kept])[0]
    assert sorted(messages) == sorted(text for side in expected.values() for text in side)
    assert [warning.kind for warning in capture.warnings] == [WarningKind.cut_short]


@pytest.mark.parametrize("seed", SEEDS)
def test_packets_cut_short_leave_gaps_as_long_as_what_was_cut(seed: int) -> None:
    chance = random.Random(seed)
    candidates = [at for at in range(FIRST_DATA, len(SEGMENTS) - 3) if len(SEGMENTS[at].payload) > 40]
    at = chance.choice(candidates)
    left = chance.randrange(6, 30)
    file = bytearray(pcap_of(SEGMENTS))
    packet = len(pcap_of(SEGMENTS[:at]))
    whole = len(pcap_of(SEGMENTS[: at + 1])) - packet - 16
    kept = 40 + left
    file[packet + 8 : packet + 12] = kept.to_bytes(4, "little")
    del file[packet + 16 + kept : packet + 16 + whole]
    capture = read_capture(io.BytesIO(bytes(file)), keylog=keylog())
    (connection,) = capture
    items = list(connection.messages)
    gaps = [item for item in items if isinstance(item, Gap)]
    assert [(gap.length, gap.reason) for gap in gaps] == [(len(SEGMENTS[at].payload) - left, GapReason.missing)]
    notes = [(item.note.kind, item.raw) for item in items if isinstance(item, Message) and item.note]
    assert notes == [(NoteKind.incomplete, SEGMENTS[at].payload[5:left])]
    texts = [item.raw for item in items if isinstance(item, Message) and item.note is None]
    assert len(texts) == sum(map(len, WHOLE.values())) - 1
    assert kinds(capture.warnings) == [WarningKind.snapped]


def kinds(warnings: Sequence[CaptureWarning]) -> list[WarningKind]:
    return [warning.kind for warning in warnings]


def test_a_connection_under_way_is_read_from_its_next_record() -> None:
    said, gaps, opaque, _ = read(SEGMENTS[FIRST_DATA:])
    assert not any(said.values())
    assert not gaps
    assert len(opaque) == sum(bool(each.payload) for each in SEGMENTS[FIRST_DATA:])
    assert {item.note.kind for item in opaque if item.note} == {NoteKind.no_hello}


def test_a_connection_that_is_never_closed_is_read_whole() -> None:
    said, gaps, opaque, _ = read([each for each in SEGMENTS if not each.flags & FIN][:-1])
    assert said == WHOLE
    assert not gaps
    assert not opaque


def test_ports_used_again_make_another_connection_with_its_own_keys() -> None:
    again = conversation((77_000, 5))
    capture = read_capture(io.BytesIO(pcap_of(retimed([*SEGMENTS, *again]))), keylog=keylog())
    first, second = capture
    for connection in (first, second):
        assert connection.client == Endpoint(*CLIENT)
        texts = [item.raw for item in connection.messages if isinstance(item, Message)]
        assert len(texts) == sum(map(len, WHOLE.values()))
    assert (first.number, second.number) == (0, 1)


def test_records_of_two_connections_in_one_another_are_kept_apart() -> None:
    other = Talk(Wire(client=Endpoint("192.0.2.77", 40_000)).open())
    other.wire.send(other.wire.client, b"not TLS at all, not even close")
    mixed = [each for pair in zip(SEGMENTS, other.wire.segments * 20, strict=False) for each in pair]
    said, gaps, opaque, capture = read(retimed(mixed + SEGMENTS[len(mixed) // 2 :]))
    assert said == WHOLE
    assert not gaps
    assert not opaque
    assert capture.statistics.not_tls == 1


def test_the_records_are_counted_in_spite_of_gaps() -> None:
    kept = [each for at, each in enumerate(SEGMENTS) if at != FIRST_DATA + 5]
    capture = read_capture(io.BytesIO(pcap_of(retimed(kept))), keylog=keylog())
    (connection,) = capture
    list(connection.messages)
    sealed = sum(count for (_, kind), count in connection.records.items() if kind is ContentType.application_data)
    assert sealed == 3 + 60 + 2 - 1
