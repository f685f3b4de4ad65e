"""Datagrams in fragments, of both IP versions: put together in any order, bounded, and told of where they are not."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

import pytest
from capture.made_captures import ACK, CLIENT, SERVER, START, ipv4, ipv6, tcp
from hypothesis import given
from hypothesis import strategies as st

from tls13.capture import CaptureWarning, Endpoint, Limits, WarningKind
from tls13.capture.diagnostics import WarningLog
from tls13.capture.files.packets import Packet
from tls13.capture.network.link import Datagram, Layers, Segment

SEGMENT = Segment(START, CLIENT, SERVER, 1, 2, ACK, bytes(range(256)) * 4, 1024)
CLIENT6, SERVER6 = Endpoint("2001:db8::1", 50000), Endpoint("2001:db8::2", 443)
SEGMENT6 = SEGMENT._replace(source=CLIENT6, destination=SERVER6)
MORE = 0x2000


def fragments4(payload: bytes, size: int = 400, identification: int = 7) -> list[bytes]:
    """A TCP datagram of IPv4 in fragments. RFC 791 §3.2: offsets in units of eight bytes."""
    found = []
    for at in range(0, len(payload), size):
        more = MORE if at + size < len(payload) else 0
        data = bytearray(ipv4(CLIENT.address, SERVER.address, payload[at : at + size], fragment=more | at // 8))
        data[4:6] = struct.pack(">H", identification)
        found.append(bytes(data))
    return found


def fragments6(payload: bytes, size: int = 400, identification: int = 7) -> list[bytes]:
    """The same of IPv6. RFC 8200 §4.5: next header, reserved, offset and flag, identification."""
    found = []
    for at in range(0, len(payload), size):
        header = struct.pack(">BBHI", 6, 0, at | (at + size < len(payload)), identification)
        found.append(ipv6(CLIENT6.address, SERVER6.address, header + payload[at : at + size], next_header=44))
    return found


def read(
    datagrams: Sequence[bytes], limits: Limits | None = None
) -> tuple[list[Segment | Datagram], list[CaptureWarning]]:
    log = WarningLog()
    layers = Layers(limits or Limits(), log)
    opened = [layers.open(Packet(START, 101, data, len(data))) for data in datagrams]
    layers.finish()
    return [each for each in opened if each is not None], list(log)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 0, 2, 2, 1], [0, 1, 2, 2, 1]])
def test_fragments_make_the_datagram_in_any_order(order: list[int]) -> None:
    whole4, whole6 = fragments4(tcp(SEGMENT)), fragments6(tcp(SEGMENT6))
    assert len(whole4) == len(whole6) == 3
    assert read([whole4[index] for index in order]) == ([SEGMENT], [])
    assert read([whole6[index] for index in order]) == ([SEGMENT6], [])


def test_fragments_of_different_datagrams_do_not_mix() -> None:
    other = SEGMENT._replace(sequence=9, payload=bytes(1024))
    first, second = fragments4(tcp(SEGMENT), identification=1), fragments4(tcp(other), identification=2)
    mixed = [each for pair in zip(first, second, strict=True) for each in pair]
    assert read(mixed) == ([SEGMENT, other], [])


def test_overlapping_fragments_keep_the_first_bytes() -> None:
    payload = tcp(SEGMENT)
    head = fragments4(payload, 400)[0]
    rest = fragments4(b"x" * 200 + payload[200:], 200)[1:]
    rest[0] = ipv4(CLIENT.address, SERVER.address, b"y" * 200 + payload[400:600], fragment=MORE | 200 // 8)
    data = bytearray(rest[0])
    data[4:6] = struct.pack(">H", 7)
    assert read([head, bytes(data), *rest[1:]]) == ([SEGMENT], [])


def test_what_stays_in_pieces_is_warned_of_once_for_all() -> None:
    lost = [each for number in range(3) for each in fragments4(tcp(SEGMENT), identification=number)[:2]]
    found, (warning,) = read(lost)
    assert not found
    assert (warning.kind, warning.count) == (WarningKind.fragment, 3)


def test_fragments_that_wait_are_bounded_and_the_newest_survive() -> None:
    heads = [fragments4(tcp(SEGMENT), identification=number)[0] for number in range(1000)]
    rest = fragments4(tcp(SEGMENT), identification=999)[1:]
    found, warnings = read([*heads, *rest], Limits(fragments=20_000))
    assert found == [SEGMENT]
    assert warnings[0].kind is WarningKind.limit
    assert warnings[0].count + warnings[1].count == 999


def test_a_datagram_cannot_be_longer_than_any() -> None:
    beyond = ipv4(CLIENT.address, SERVER.address, bytes(100), fragment=0x1FFF)
    found, (warning,) = read([beyond])
    assert not found
    assert warning.kind is WarningKind.fragment


def test_fragments_that_contradict_each_other_are_dropped_with_a_warning() -> None:
    whole = fragments4(tcp(SEGMENT))
    ends_early = bytearray(ipv4(CLIENT.address, SERVER.address, bytes(8), fragment=50))
    ends_early[4:6] = struct.pack(">H", 7)
    found, warnings = read([whole[0], whole[2], bytes(ends_early)])
    assert not found
    assert {warning.kind for warning in warnings} == {WarningKind.fragment}


@given(seed=st.integers(0, 2**32), drop=st.integers(0, 12), size=st.sampled_from([8, 16, 104, 512]))
def test_fragments_in_any_disorder_make_the_datagram_or_nothing(seed: int, drop: int, size: int) -> None:
    chance = random.Random(seed)
    pieces = fragments4(tcp(SEGMENT), size)
    kept = pieces if drop >= len(pieces) or drop > 8 else pieces[:drop] + pieces[drop + 1 :]
    shuffled = kept + chance.choices(kept, k=5)
    chance.shuffle(shuffled)
    found, _ = read(shuffled)
    assert (SEGMENT in found) == (kept is pieces)
    assert all(each == SEGMENT for each in found)
