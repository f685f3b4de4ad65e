"""A byte stream to TLS records: finds where TLS starts, and finds it again behind what is missing. RFC 9846 §5.1.

A connection may begin as something else (STARTTLS), be under way where the capture starts, or have holes. What is
looked for is always a record header at the start of a segment whose neighbours agree with it; only behind a hole
is it looked for in the middle of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from schemas.code_points import AlertLevel, ContentType, HandshakeType
from schemas.record import MAX_PLAINTEXT, RecordHeader

HEADER_LENGTH = 5
MAX_LEGACY_CIPHERTEXT = MAX_PLAINTEXT + 2048
"""RFC 5246 §6.2.3: what older versions allow, more than TLS 1.3 does."""


class CapturedRecord(NamedTuple):
    """A record, header included. `offset` is where it starts in its stream; of an incomplete one `raw` is the start."""

    timestamp: int
    number: int
    offset: int
    header: RecordHeader
    raw: bytes

    @property
    def fragment(self) -> bytes:
        return self.raw[HEADER_LENGTH:]

    @property
    def is_complete(self) -> bool:
        return len(self.raw) == HEADER_LENGTH + self.header.length


class GapReason(StrEnum):
    """Why bytes of a stream are no records."""

    missing = "missing"
    """The capture does not hold them."""
    not_tls = "not TLS"
    """They are there, and are something else, or cannot be told apart behind a hole."""


class Hole(NamedTuple):
    """`length` bytes of a stream that are no records."""

    timestamp: int
    offset: int
    length: int
    reason: GapReason


class Start(StrEnum):
    """What a TLS stream starts with, as far as that tells who is who."""

    client_hello = "client_hello"
    server_hello = "server_hello"
    other = "other"


class RecordStream:
    """Cuts one direction of a connection into records. Holds at most a record and what one segment adds to it.

    `from_start` says that the stream is seen from its first byte, so that TLS in it starts with a hello.
    """

    def __init__(self, from_start: bool) -> None:
        self.start: Start | None = None
        """What TLS started with, None before it has."""
        self._from_start = from_start
        self._before = _Before()
        self._buffer = bytearray()
        self._base = 0
        """The offset of the buffer's first byte."""
        self._number = 0
        self._discard_until = 0
        """The end of a record that has a hole in it."""
        self._lost_from: int | None = None
        """Where records could no longer be told apart; None where they can."""

    def __len__(self) -> int:
        """How many bytes are held."""
        return len(self._buffer)

    def feed(self, timestamp: int, offset: int, data: bytes, answering: bool) -> Iterator[CapturedRecord | Hole]:
        """What the bytes at `offset` complete. `answering` says that the other direction speaks TLS already."""
        segment_at = 0
        if self.start is None:
            if not self._starts(timestamp, offset, data, answering):
                return
            yield from self._before.holes
        else:
            skip = max(self._discard_until - offset, 0)
            if not self._buffer:
                self._base = offset + min(skip, len(data))
            segment_at = len(self._buffer)
            self._buffer += data[skip:]
        while self._lost_from is None or self._finds_again(segment_at):
            if self._lost_from is not None:
                yield from self._lost(timestamp, self._base)
                self._lost_from = None
            yield from self._records(timestamp)
            if self._lost_from is None:
                return
            segment_at = -1

    def miss(self, timestamp: int, offset: int, length: int) -> Iterator[CapturedRecord | Hole]:
        """The next `length` bytes are not in the capture."""
        missing = Hole(timestamp, offset, length, GapReason.missing)
        end = offset + length
        if self.start is None:
            self._before.add(timestamp, self._base, len(self._buffer), GapReason.not_tls)
            self._before.add(*missing)
            self._buffer.clear()
            self._from_start = False
            return
        if self._lost_from is None and offset >= self._discard_until:
            self._discard_until = self._record_end()
        yield from self._rest(timestamp, offset)
        yield missing
        self._base = end
        if end > self._discard_until or self._lost_from is not None:
            self._lost_from = end

    def finish(self, timestamp: int) -> Iterator[CapturedRecord | Hole]:
        """The stream is over: what it leaves unfinished."""
        if self.start is None:
            self._before.add(timestamp, self._base, len(self._buffer), GapReason.not_tls)
            yield from self._before.holes
        else:
            yield from self._rest(timestamp, self._base + len(self._buffer))

    # -- before TLS starts

    def _starts(self, timestamp: int, offset: int, data: bytes, answering: bool) -> bool:
        """Whether TLS starts in what is held together with `data`, or with `data` alone. Fills the buffer if so."""
        if self._buffer:
            self._buffer += data
            verdict = self._judge(answering)
            if verdict is not False:
                return verdict is True
            held = len(self._buffer) - len(data)
            self._before.add(timestamp, self._base, held, GapReason.not_tls)
        self._buffer[:] = data
        self._base = offset
        verdict = self._judge(answering)
        if verdict is False:
            self._before.add(timestamp, offset, len(data), GapReason.not_tls)
            self._buffer.clear()
        return verdict is True

    def _judge(self, answering: bool) -> bool | None:
        """Whether the buffer starts like TLS, None where more is needed to tell."""
        data = self._buffer
        types = _ANY_TYPE if not self._from_start else _ANSWER_TYPES if answering else _HELLO_TYPE
        agrees = _is_header(data, types)
        if not agrees:
            return agrees
        length = int.from_bytes(data[3:5], "big")
        end = HEADER_LENGTH + length
        agrees = _is_content(data[0], data[HEADER_LENGTH:end], length, not self._from_start)
        if agrees:
            agrees = _is_header(data[end : end + HEADER_LENGTH], _ANY_TYPE) is not False
        if agrees:
            hello = data[0] == ContentType.handshake
            self.start = _STARTS.get(HandshakeType(data[HEADER_LENGTH]), Start.other) if hello else Start.other
        return agrees

    # -- records

    def _records(self, timestamp: int) -> Iterator[CapturedRecord]:
        """The whole records in the buffer. Sets `_lost_from` where what follows is no record."""
        at = 0
        while len(self._buffer) - at >= HEADER_LENGTH:
            header = bytes(self._buffer[at : at + HEADER_LENGTH])
            if not _is_header(header, _READABLE_TYPES):
                self._lost_from = self._base + at
                break
            parsed = RecordHeader.parse(header)
            end = at + HEADER_LENGTH + parsed.length
            if end > len(self._buffer):
                break
            yield self._record(timestamp, self._base + at, parsed, bytes(memoryview(self._buffer)[at:end]))
            at = end
        self._drop(at)

    def _record(self, timestamp: int, offset: int, header: RecordHeader, raw: bytes) -> CapturedRecord:
        self._number += 1
        return CapturedRecord(timestamp, self._number - 1, offset, header, raw)

    def _drop(self, length: int) -> None:
        del self._buffer[:length]
        self._base += length

    # -- holes

    def _record_end(self) -> int:
        """Where the record that has begun in the buffer ends; 0 where none has shown its length."""
        if len(self._buffer) < HEADER_LENGTH:
            return 0
        return self._base + HEADER_LENGTH + int.from_bytes(self._buffer[3:5], "big")

    def _rest(self, timestamp: int, until: int) -> Iterator[CapturedRecord | Hole]:
        """What is held, as it is: nothing more joins it."""
        if self._lost_from is not None:
            yield from self._lost(timestamp, until)
        elif len(self._buffer) >= HEADER_LENGTH:
            header = RecordHeader.parse(bytes(self._buffer[:HEADER_LENGTH]))
            yield self._record(timestamp, self._base, header, bytes(self._buffer))
        elif self._buffer:
            yield Hole(timestamp, self._base, len(self._buffer), GapReason.not_tls)
        self._buffer.clear()

    def _lost(self, timestamp: int, until: int) -> Iterator[Hole]:
        """The bytes since `_lost_from`, in which no record was found."""
        if self._lost_from is not None and until > self._lost_from:
            yield Hole(timestamp, self._lost_from, until - self._lost_from, GapReason.not_tls)

    def _finds_again(self, segment_at: int) -> bool:
        """Whether the buffer holds a place that is a record's start beyond doubt. Drops what is before it.

        A header is believed where its record ends with the data or another header follows, and at the start of a
        segment, which is at `segment_at` in the buffer.
        """
        data = bytes(self._buffer)
        for match in _HEADER.finditer(data):
            at = match.start()
            end = at + HEADER_LENGTH + int.from_bytes(data[at + 3 : at + HEADER_LENGTH], "big")
            following = _is_header(data[end : end + HEADER_LENGTH], _ANY_TYPE)
            if _is_header(data[at : at + HEADER_LENGTH], _ANY_TYPE) and following is not False:
                believed = following is True or end == len(data) or at == segment_at
                self._drop(at)
                return believed
        self._drop(max(len(data) - HEADER_LENGTH + 1, 0))
        return False


class _Before:
    """What came before TLS started, in a few holes whatever their number."""

    def __init__(self) -> None:
        self.holes: list[Hole] = []

    def add(self, timestamp: int, offset: int, length: int, reason: GapReason) -> None:
        if not length:
            return
        last = self.holes[-1] if self.holes else None
        if last is not None and (last.reason is reason or len(self.holes) == _HOLES_BEFORE_START):
            self.holes[-1] = last._replace(length=offset + length - last.offset)
        else:
            self.holes.append(Hole(timestamp, offset, length, reason))


_HOLES_BEFORE_START = 8


# -- what looks like a record ------------------------------------------------------------------------------


_HELLO_TYPE = frozenset({ContentType.handshake})
_ANSWER_TYPES = frozenset({ContentType.handshake, ContentType.alert})
_ANY_TYPE = frozenset(
    {ContentType.change_cipher_spec, ContentType.alert, ContentType.handshake, ContentType.application_data}
)
_READABLE_TYPES = _ANY_TYPE | {ContentType.heartbeat}
_HEADER = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")
_MAJOR_VERSION = 3
_NEWEST_MINOR_VERSION = 4
_SHORTEST_PROTECTED = 17


def _is_header(data: bytes | bytearray, types: frozenset[ContentType]) -> bool | None:
    """Whether a record header starts the data, None where there is not enough of it to tell."""
    if data[:1] and data[0] not in types:
        return False
    if data[1:2] and data[1] != _MAJOR_VERSION:
        return False
    if data[2:3] and data[2] > _NEWEST_MINOR_VERSION:
        return False
    if len(data) < HEADER_LENGTH:
        return None
    return int.from_bytes(data[3:5], "big") <= MAX_LEGACY_CIPHERTEXT


def _is_content(content_type: int, content: bytes | bytearray, length: int, under_way: bool) -> bool | None:
    """Whether a record of that type and length may start so, None where there is not enough of it to tell.

    `under_way` is for records that may come from anywhere in a connection, rather than from its start.
    """
    if content_type == ContentType.application_data:
        return length >= _SHORTEST_PROTECTED
    if not content:
        return None if length else False
    if content_type == ContentType.change_cipher_spec:
        return length == 1 and content[0] == 1
    if content_type == ContentType.alert:
        plain = length == 2 and content[0] in _ALERT_LEVELS
        return plain or (under_way and length >= _SHORTEST_PROTECTED)
    if content[0] not in _STARTS:
        return under_way and HandshakeType(content[0]).is_registered
    if length < _HELLO_SHOWN or len(content) >= _HELLO_SHOWN:
        return content[1:2] <= b"\x01" and content[4:5] in (b"", b"\x03")
    return None


_STARTS = {HandshakeType.client_hello: Start.client_hello, HandshakeType.server_hello: Start.server_hello}
_ALERT_LEVELS = (AlertLevel.warning, AlertLevel.fatal)
_HELLO_SHOWN = 5
"""Bytes of a hello: type, length, and the version's first byte."""
