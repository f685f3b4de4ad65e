"""Captures with anything wrong in them: all the way from bytes to messages, nothing is raised and everything ends."""

from __future__ import annotations

import contextlib
import io
import random
from pathlib import Path

import pytest
from capture.made_captures import CLIENT, SERVER, Talk, keylog, pcap_of
from hypothesis import given
from hypothesis import strategies as st

from schemas.code_points import ContentType
from tls13.capture import Capture, CaptureError, CaptureWarning, Gap, Limits, Message, read_capture
from tls13.capture.network.link import Segment
from tls13.keylog import KeyLog

TIGHT = Limits(
    block=2**16,
    connections=3,
    unfinished=2000,
    reordered=1000,
    reordered_segments=4,
    overdue=1,
    handshake_message=300,
    held=200,
    backlog=5000,
    total_backlog=8000,
    sequence_numbers=4,
)


def drain(data: bytes, keys: KeyLog | None = None, limits: Limits | None = None) -> Capture | None:
    """Reads everything, and says everything that there is to say about it."""
    with contextlib.suppress(CaptureError):
        capture = read_capture(io.BytesIO(data), keylog=keys, limits=limits)
        for connection in capture:
            assert all(isinstance(item, Message | Gap) for item in connection.messages)
            assert str(connection.client)
            assert str(connection.ending)
            assert all(isinstance(warning, CaptureWarning) for warning in connection.warnings)
        assert all(str(warning) for warning in capture.warnings)
        return capture
    return None


def talk() -> list[Segment]:
    made = Talk()
    made.hellos()
    made.rest_of_handshake()
    made.say(CLIENT, b"ping" * 30)
    made.update(CLIENT, "CLIENT_TRAFFIC_SECRET_0")
    made.say(CLIENT, b"pong" * 30)
    made.say(SERVER, b"data" * 100)
    return made.wire.close().segments


SEGMENTS = talk()
FILE = pcap_of(SEGMENTS)


@given(data=st.data(), tight=st.booleans())
def test_mangled_segments_end_in_messages(data: st.DataObject, tight: bool) -> None:
    """Reordered, dropped, repeated, cut and corrupted segments."""
    segments = []
    for index in data.draw(st.lists(st.integers(0, len(SEGMENTS) - 1), max_size=40)):
        segment = SEGMENTS[index]
        payload = bytearray(segment.payload)
        match data.draw(st.sampled_from(["whole", "whole", "whole", "cut", "corrupt", "shifted", "flags"])):
            case "cut":
                payload = payload[: data.draw(st.integers(0, 40))]
            case "corrupt" if payload:
                payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
            case "shifted":
                moved = (segment.sequence + data.draw(st.integers(-50, 50))) % 2**32
                segment = segment._replace(sequence=moved)
            case "flags":
                segment = segment._replace(flags=data.draw(st.integers(0, 255)))
        segments.append(segment._replace(payload=bytes(payload), length=len(payload)))
    drain(pcap_of(segments), keylog(), TIGHT if tight else None)


@given(payloads=st.lists(st.tuples(st.booleans(), st.binary(max_size=60)), max_size=15))
def test_any_record_contents_end_in_messages(payloads: list[tuple[bool, bytes]]) -> None:
    """Records of every kind, sealed and plain, whatever is in them."""
    made = Talk().handshake()
    for sealed, content in payloads:
        kind = content[0] % 8 + 18 if content else 23
        if sealed:
            made.send(CLIENT, "CLIENT_TRAFFIC_SECRET_0", content[1:], ContentType(kind))
        else:
            made.wire.send(SERVER, bytes([kind, 3, 3]) + len(content[1:]).to_bytes(2, "big") + content[1:])
    drain(pcap_of(made.wire.segments), keylog())


@given(at=st.integers(0, len(FILE) - 1), data=st.binary(min_size=1, max_size=8))
def test_changed_bytes_end_in_messages_or_an_error(at: int, data: bytes) -> None:
    drain(FILE[:at] + data + FILE[at + len(data) :], keylog())


@given(at=st.integers(0, len(FILE)))
def test_a_file_cut_anywhere_ends_in_messages_or_an_error(at: int) -> None:
    drain(FILE[:at], keylog())


@pytest.mark.parametrize("kind", ["public", "recorded"])
def test_real_captures_with_damage_end_in_messages_or_an_error(kind: str, shared: Path) -> None:
    chance = random.Random(kind)
    for path in sorted((shared / "captures" / kind).glob("*.pcap*")):
        whole = path.read_bytes()
        if len(whole) > 100_000:
            continue
        beside = path.with_suffix(".keylog")
        keys = KeyLog.load(beside) if beside.exists() else None
        for _ in range(30):
            damaged = bytearray(whole)
            for _ in range(chance.choice([1, 3, 30])):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            drain(bytes(damaged), keys, chance.choice([None, TIGHT]))
