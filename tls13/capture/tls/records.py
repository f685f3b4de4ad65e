"""A byte stream to TLS records: finds where TLS starts, and finds it again behind what is missing. RFC 9846 §5.1.

A connection may begin as something else (STARTTLS), be under way where the capture starts, or have holes. What is
looked for is a record header at the start of a segment whose neighbours agree with it; in the middle of one only
where the connection was under way already, and behind a hole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from schemas.code_points import ContentType, HandshakeType
from schemas.record import RecordHeader
from tls13.capture.tls.record_search import RecordSearch
from tls13.capture.tls.record_starts import (
    ANSWER_TYPES,
    ANY_TYPE,
    HEADER,
    HEADER_LENGTH,
    HELLO_TYPE,
    MAJOR_VERSION,
    MAX_LEGACY_CIPHERTEXT,
    NEWEST_MINOR_VERSION,
    READABLE_TYPES,
    STARTS,
    Start,
    is_content,
    is_header,
    sslv2_hello_length,
)
from tls13.capture.tls.starttls import INTRODUCTION, KEPT


class CapturedRecord(NamedTuple):
    """A record, header included. `offset` is where it starts in its stream; of an incomplete one `raw` is the start."""

    timestamp: int
    number: int
    offset: int
    header: RecordHeader
    raw: bytes

    @property
    def fragment(self) -> bytes:
        """What follows the header."""
        return self.raw[HEADER_LENGTH:]

    @property
    def is_complete(self) -> bool:
        """Whether all of it is there."""
        return len(self.raw) == HEADER_LENGTH + self.header.length


class GapReason(StrEnum):
    """Why bytes of a stream are no records."""

    missing = "missing"
    """The capture does not hold them."""
    not_tls = "not TLS"
    """They are there, and are something else, or cannot be told apart behind a hole."""
    sslv2_hello = "SSL 2.0 hello"
    """They are a ClientHello in the form of SSL 2.0, which has no record around it. RFC 5246 §E.2"""


class Hole(NamedTuple):
    """`length` bytes of a stream that are no records."""

    timestamp: int
    offset: int
    length: int
    reason: GapReason


Found = CapturedRecord | Hole


class RecordStream:
    """Cuts one direction of a connection into records. Holds at most a record and what one segment adds to it.

    `from_start` says that the stream is seen from its first byte, so that TLS in it starts with a hello.
    """

    __slots__ = (
        "_base",
        "_before",
        "_buffer",
        "_discard_until",
        "_from_start",
        "_lost_from",
        "_number",
        "_search",
        "_wanted",
        "start",
    )

    def __init__(self, from_start: bool) -> None:
        self.start: Start | None = None
        """What TLS started with, None before it has."""
        self._from_start = from_start
        self._search = None if from_start else RecordSearch()
        """What looks for TLS in the middle of a segment."""
        self._before = _Before()
        self._buffer = bytearray()
        self._base = 0
        """The offset of the buffer's first byte."""
        self._wanted = 0
        """How many bytes in the buffer make its first record whole, or show its length."""
        self._number = 0
        self._discard_until = 0
        """The end of a record that has a hole in it."""
        self._lost_from: int | None = None
        """Where records could no longer be told apart; None where they can."""

    def __len__(self) -> int:
        """How many bytes are held."""
        return len(self._buffer) + (len(self._search.data) if self._search is not None else 0)

    @property
    def cleartext(self) -> bytes:
        """What came before TLS, or some of its first and last bytes."""
        return bytes(self._before.text)

    def feed(self, timestamp: int, offset: int, data: bytes, answering: bool) -> Sequence[Found]:
        """What the bytes at `offset` complete. `answering` says that the other direction speaks TLS already."""
        if self.start is None:
            if not self._starts(timestamp, offset, data, answering):
                return ()
            self._search = None
            return [*self._before.holes, *self._held_records(timestamp)]
        if self._lost_from is not None or offset < self._discard_until:
            return list(self._feed_behind_hole(timestamp, offset, data))
        if not self._buffer:
            return self._records(timestamp, offset, data)
        self._buffer += data
        return () if len(self._buffer) < self._wanted else self._held_records(timestamp)

    def miss(self, timestamp: int, offset: int, length: int) -> Iterator[Found]:
        """The next `length` bytes are not in the capture."""
        missing = Hole(timestamp, offset, length, GapReason.missing)
        end = offset + length
        if self.start is None:
            self._before.add(timestamp, self._base, self._buffer)
            self._before.hole(missing)
            self._buffer.clear()
            self._from_start = False
            self._search = RecordSearch()
            return
        if self._lost_from is None and offset >= self._discard_until:
            self._discard_until = self._record_end()
        yield from self._rest(timestamp, offset)
        yield missing
        self._base = end
        if end > self._discard_until or self._lost_from is not None:
            self._lost_from = end

    def finish(self, timestamp: int) -> Iterator[Found]:
        """The stream is over: what it leaves unfinished."""
        self._search = None
        if self.start is None:
            self._before.add(timestamp, self._base, self._buffer)
            yield from self._before.holes
        else:
            yield from self._rest(timestamp, self._base + len(self._buffer))

    # -- before TLS starts

    def _starts(self, timestamp: int, offset: int, data: bytes, answering: bool) -> bool:
        """Whether TLS starts in what is held together with `data`, or with `data` alone. Fills the buffer if so."""
        if self._buffer:
            self._buffer += data
            verdict = self._judge(timestamp, answering)
            if verdict is not False:
                return verdict is True
            waited = self._buffer[: -len(data)]
            self._before.add(timestamp, self._base, waited)
            if self._search is not None:
                self._search.add(self._base, waited)
        self._buffer[:] = data
        self._base = offset
        verdict = self._judge(timestamp, answering)
        if verdict is False:
            self._before.add(timestamp, self._base, self._buffer)
            if self._search is not None and self._search.add(offset, self._buffer):
                self._base, self._buffer[:] = self._search.offset, self._search.data
                self._before.end_at(self._base)
                return self._judge(timestamp, answering) is True
            self._buffer.clear()
        return verdict is True

    def _judge(self, timestamp: int, answering: bool) -> bool | None:
        """Whether the buffer starts like TLS, None where more is needed to tell. Steps over an introduction."""
        if self._from_start and not answering:
            introduction = INTRODUCTION.match(self._buffer)
            if introduction is not None:
                self._before.add(timestamp, self._base, self._buffer[: introduction.end()])
                self._drop(introduction.end())
            elif length := sslv2_hello_length(self._buffer):
                self._before.hole(Hole(timestamp, self._base, length, GapReason.sslv2_hello))
                self._drop(length)
                self.start = Start.client_hello
                return True
            elif length is None:
                return None
        data = self._buffer
        types = ANY_TYPE if not self._from_start else ANSWER_TYPES if answering else HELLO_TYPE
        agrees = is_header(data, types)
        if not agrees:
            return agrees
        length = int.from_bytes(data[3:5], "big")
        end = HEADER_LENGTH + length
        agrees = is_content(data[0], data[HEADER_LENGTH:end], length, not self._from_start)
        if agrees:
            agrees = is_header(data[end : end + HEADER_LENGTH], ANY_TYPE) is not False
        if agrees:
            hello = data[0] == ContentType.handshake
            self.start = STARTS.get(HandshakeType(data[HEADER_LENGTH]), Start.other) if hello else Start.other
        return agrees

    # -- records

    def _held_records(self, timestamp: int) -> Sequence[Found]:
        """The whole records in the buffer."""
        return self._records(timestamp, self._base, bytes(self._buffer))

    def _records(self, timestamp: int, offset: int, data: bytes) -> Sequence[Found]:
        """The whole records in bytes that start with one, and in what follows bytes that are none. Keeps the rest."""
        found: list[Found] = []
        at = 0
        while True:
            at, wanted = self._cut(timestamp, offset, data, at, found)
            if wanted:
                break
            lost, (at, is_believed) = at, _next_record(data, at)
            if not is_believed:
                self._lost_from = offset + lost
                break
            found.append(Hole(timestamp, offset + lost, at - lost, GapReason.not_tls))
        self._base = offset + at
        self._buffer[:] = data[at:]
        self._wanted = wanted
        return found

    def _cut(self, timestamp: int, offset: int, data: bytes, at: int, found: list[Found]) -> tuple[int, int]:
        """Adds the whole records from `at` on to those found.

        Returns where they end, and how many bytes the record there needs that is not whole: 0 where there is none.
        """
        size = len(data)
        while size - at >= HEADER_LENGTH:
            length = data[at + 3] << 8 | data[at + 4]
            if (
                data[at] not in READABLE_TYPES
                or data[at + 1] != MAJOR_VERSION
                or data[at + 2] > NEWEST_MINOR_VERSION
                or length > MAX_LEGACY_CIPHERTEXT
            ):
                return at, 0
            end = at + HEADER_LENGTH + length
            if end > size:
                return at, HEADER_LENGTH + length
            header = _header(data[at : at + HEADER_LENGTH])
            found.append(CapturedRecord(timestamp, self._number, offset + at, header, data[at:end]))
            self._number += 1
            at = end
        return at, HEADER_LENGTH

    def _drop(self, length: int) -> None:
        del self._buffer[:length]
        self._base += length

    # -- holes

    def _feed_behind_hole(self, timestamp: int, offset: int, data: bytes) -> Iterator[Found]:
        """What the bytes complete, where they belong to a record with a hole, or nothing tells where records start."""
        skip = max(self._discard_until - offset, 0)
        if not self._buffer:
            self._base = offset + min(skip, len(data))
        segment_at = len(self._buffer)
        self._buffer += data[skip:]
        if self._lost_from is not None:
            if not self._finds_again(segment_at):
                return
            yield from self._lost(timestamp, self._base)
            self._lost_from = None
        yield from self._held_records(timestamp)

    def _record_end(self) -> int:
        """Where the record that has begun in the buffer ends; 0 where none has shown its length."""
        if len(self._buffer) < HEADER_LENGTH:
            return 0
        return self._base + HEADER_LENGTH + int.from_bytes(self._buffer[3:5], "big")

    def _rest(self, timestamp: int, until: int) -> Iterator[Found]:
        """What is held, as it is: nothing more joins it."""
        if self._lost_from is not None:
            yield from self._lost(timestamp, until)
        elif len(self._buffer) >= HEADER_LENGTH:
            header = _header(bytes(self._buffer[:HEADER_LENGTH]))
            yield CapturedRecord(timestamp, self._number, self._base, header, bytes(self._buffer))
            self._number += 1
        elif self._buffer:
            yield Hole(timestamp, self._base, len(self._buffer), GapReason.not_tls)
        self._buffer.clear()

    def _lost(self, timestamp: int, until: int) -> Iterator[Hole]:
        """The bytes since `_lost_from`, in which no record was found."""
        if self._lost_from is not None and until > self._lost_from:
            yield Hole(timestamp, self._lost_from, until - self._lost_from, GapReason.not_tls)

    def _finds_again(self, segment_at: int) -> bool:
        """Whether the buffer holds a place that is a record's start beyond doubt. Drops what is before it."""
        at, is_believed = _next_record(bytes(self._buffer), 0, segment_at)
        self._drop(at)
        return is_believed


def _next_record(data: bytes, start: int, segment_at: int = -1) -> tuple[int, bool]:
    """Where a record may start next, and whether that is beyond doubt. Before that none does.

    A header is believed where its record ends with the data or another header follows, and at the start of a segment,
    which is at `segment_at`.
    """
    for match in HEADER.finditer(data, start):
        at = match.start()
        end = at + HEADER_LENGTH + int.from_bytes(data[at + 3 : at + HEADER_LENGTH], "big")
        following = is_header(data[end : end + HEADER_LENGTH], ANY_TYPE)
        if is_header(data[at : at + HEADER_LENGTH], ANY_TYPE) and following is not False:
            return at, following is True or end == len(data) or at == segment_at
    return max(len(data) - HEADER_LENGTH + 1, start), False


@lru_cache(maxsize=1024)
def _header(data: bytes) -> RecordHeader:
    """The header, which nobody changes: so it may be shared."""
    return RecordHeader.parse(data)


class _Before:
    """What came before TLS started, in a few holes whatever their number."""

    __slots__ = ("holes", "text")

    def __init__(self) -> None:
        self.holes: list[Hole] = []
        self.text = bytearray()
        """The first and the last of the bytes, up to KEPT together."""

    def add(self, timestamp: int, offset: int, data: bytes | bytearray) -> None:
        """Cleartext."""
        self.text += data
        if len(self.text) > KEPT:
            del self.text[KEPT // 2 : -KEPT // 2]
        self.hole(Hole(timestamp, offset, len(data), GapReason.not_tls))

    def end_at(self, offset: int) -> None:
        """TLS starts there, in the middle of what was added last: that was the end of a record and no cleartext."""
        last = self.holes.pop()
        self.text.clear()
        self.hole(last._replace(length=offset - last.offset))

    def hole(self, hole: Hole) -> None:
        """What is missing or no cleartext, unless it is empty."""
        if not hole.length:
            return
        last = self.holes[-1] if self.holes else None
        if last is not None and (last.reason is hole.reason or len(self.holes) == _HOLES_BEFORE_START):
            self.holes[-1] = last._replace(length=hole.offset + hole.length - last.offset)
        else:
            self.holes.append(hole)


_HOLES_BEFORE_START = 8
