"""Bytes taken apart as values that stand one behind the other: records, what the records carry, messages, structures.

A handshake message may be split over records: it is put together again, and each of its bytes still tells where it
stands in the input.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas import Node, Struct, tls10, tls12
from schemas.alert import Alert
from schemas.code_points import CipherSuite, ContentType, HandshakeType
from schemas.errors import DecodeError
from schemas.handshake import Handshake, ServerHello
from schemas.record import ChangeCipherSpec, TLSCiphertext, TLSPlaintext
from schemas.trace import MISPLACED, Trace, trace
from schemas.vocabulary import CodePoint

RECORD_HEADER = 5
MESSAGE_HEADER = 4
HANDSHAKES: tuple[type[Struct], ...] = (Handshake, tls12.Handshake, tls10.Handshake)
"""The forms of a handshake message, TLS 1.3's first: the same type may stand for another message in an older one."""

PROTECTED = "behind a change_cipher_spec, and no message to be seen: protected, it seems"


@dataclass(frozen=True, slots=True)
class Places:
    """Where bytes that were put together stand in the input: stretches, by where they start here and there."""

    stretches: tuple[tuple[int, int], ...]

    @classmethod
    def at(cls, offset: int) -> Places:
        """One stretch, that starts there."""
        return cls(((0, offset),))

    def of(self, offset: int) -> int:
        """Where in the input the byte at `offset` stands."""
        here, there = self.stretches[max(0, bisect(self.stretches, offset, key=lambda each: each[0]) - 1)]
        return there + offset - here

    def behind(self, offset: int) -> Places:
        """The places of the bytes from `offset` on."""
        later = tuple((here - offset, there) for here, there in self.stretches if here > offset)
        return Places(((0, self.of(offset)), *later))


@dataclass(slots=True, kw_only=True)
class Piece:
    """One value: its bytes, its parts with offsets in them, and where they stand in the input.

    `title` tells it from its neighbours, `note` is what there is to say of it. `inner` are the pieces that its last
    part holds, or ends.
    """

    title: str
    data: bytes
    places: Places
    trace: Trace
    note: str = ""
    inner: list[Piece] = field(default_factory=list)

    def walk(self) -> Iterator[Piece]:
        """This piece and those in it."""
        yield self
        for each in self.inner:
            yield from each.walk()

    @property
    def errors(self) -> list[DecodeError]:
        """Why this is no such value, if it is none; offsets are counted in the piece."""
        return [each for each in (self.trace.error, self.trace.further) if each is not None]

    def in_input(self, error: DecodeError) -> DecodeError:
        """An error of this piece with its offset counted in the input."""
        return DecodeError(error.expected, error.found, offset=self.places.of(error.offset), path=error.path)

    @property
    def doubts(self) -> int:
        """How many code points in it nobody registered, and how many extensions stand where they may not."""
        return sum(1 for part in self.trace.parts() if is_strange(part.value) or part.remark.startswith(MISPLACED))

    @property
    def understood(self) -> int:
        """How many of its bytes were read as something."""
        ends = (leaf.content for leaf in self.trace.leaves() if leaf.complete)
        return sum(end - start for start, end in ends)


def is_strange(value: object) -> bool:
    """Whether a value is a code point that means nothing here, and is not reserved to mean nothing."""
    return isinstance(value, CodePoint) and not value.is_registered and not value.is_grease


def piece_of(schema: Node[Any] | type[Any], data: bytes, *, title: str = "", places: Places | None = None) -> Piece:
    """`data` as one value."""
    return Piece(title=title, data=data, places=places or Places.at(0), trace=trace(schema, data))


def messages(data: bytes, forms: Sequence[type[Struct]] = HANDSHAKES) -> list[Piece]:
    """Handshake messages, one behind the other, without records around them."""
    reassembly = Reassembly(forms)
    reassembly.add(data, 0, 0)
    found = [*reassembly.complete(), *reassembly.rest()]
    for number, each in enumerate(found, 1):
        each.title = f"handshake message {number} of {len(found)}" if len(found) > 1 else "handshake message"
    return found


def records(data: bytes, form: type[Struct] | None = None) -> list[Piece]:
    """Records, one behind the other, with what is in those that are not protected.

    With `form`, TLSPlaintext or TLSCiphertext, all are read as such.
    """
    reading = _Records(form)
    position = 0
    while position < len(data):
        length = int.from_bytes(data[position + 3 : position + RECORD_HEADER], "big")
        reading.add(data[position : position + RECORD_HEADER + length], position)
        position += RECORD_HEADER + length
    reading.end()
    return reading.found


class _Records:
    """Records as they come, and the handshake messages in them."""

    def __init__(self, form: type[Struct] | None) -> None:
        self._form = form
        self._messages = Reassembly(HANDSHAKES)
        self._changed_cipher = False
        self.found: list[Piece] = []

    def add(self, raw: bytes, offset: int) -> None:
        number, content_type = len(self.found), ContentType(raw[0])
        ciphertext = content_type is ContentType.application_data
        form = self._form or (TLSCiphertext if ciphertext else TLSPlaintext)
        record = piece_of(form, raw, title=f"record {number + 1}, {content_type}", places=Places.at(offset))
        self.found.append(record)
        if len(raw) > RECORD_HEADER and form is TLSPlaintext:
            self._open(record, number, content_type, raw[RECORD_HEADER:], offset + RECORD_HEADER)

    def end(self) -> None:
        """No more records come: a message that is not complete never will be."""
        for each in self._messages.rest():
            record = self.found[self._messages.last_record]
            if record.errors:
                # The record is cut, and the message with it: that need not be said twice.
                each.trace = Trace(each.trace.root, each.trace.further)
            record.inner.append(each)

    def _open(self, record: Piece, number: int, content_type: ContentType, content: bytes, offset: int) -> None:
        places = Places.at(offset)
        if content_type is ContentType.handshake:
            if self._changed_cipher and not self._messages.pending and not looks_like_message(content):
                record.note = PROTECTED
                return
            self._messages.add(content, offset, number)
            record.inner.extend(self._messages.complete())
            if self._messages.pending:
                record.note = "ends inside a handshake message"
        elif content_type is ContentType.alert and self._changed_cipher and len(content) != ALERT_LENGTH:
            record.note = PROTECTED
        elif content_type is ContentType.alert:
            record.inner.append(piece_of(Alert, content, title="alert", places=places))
        elif content_type is ContentType.change_cipher_spec:
            self._changed_cipher = True
            record.inner.append(piece_of(ChangeCipherSpec, content, title="change cipher spec", places=places))


ALERT_LENGTH = 2


@dataclass(frozen=True, slots=True)
class Fragment:
    """A record's content among bytes that are being put together: where it starts there, and in the input."""

    start: int
    place: int
    record: int


class Reassembly:
    """Handshake messages out of fragments: several in one, or one in several. RFC 9846 §5.1"""

    def __init__(self, forms: Sequence[type[Struct]]) -> None:
        self._forms = list(forms)
        self._data = b""
        self._fragments: list[Fragment] = []
        self._suite: CipherSuite | None = None
        self.last_record = 0

    @property
    def pending(self) -> bool:
        """Whether part of a message waits for the rest of it."""
        return bool(self._data)

    def add(self, content: bytes, offset: int, record: int) -> None:
        """The content of a record, which starts there in the input."""
        self._fragments.append(Fragment(len(self._data), offset, record))
        self._data += content
        self.last_record = record

    def complete(self) -> Iterator[Piece]:
        """The messages that are complete."""
        start, data = 0, self._data
        while len(data) >= start + MESSAGE_HEADER:
            end = start + MESSAGE_HEADER + int.from_bytes(data[start + 1 : start + MESSAGE_HEADER], "big")
            if len(data) < end:
                break
            yield self._message(data[start:end], start, end)
            start = end
        self._data = data[start:]
        self._fragments = self._within(start, len(data)) if self._data else []

    def rest(self) -> Iterator[Piece]:
        """The message that is not."""
        if self._data:
            yield self._message(self._data, 0, len(self._data))

    def _message(self, data: bytes, start: int, end: int) -> Piece:
        """A message in the form that fits it best; the next one is rather of the same form than of another."""
        fragments = self._within(start, end)
        first, last = fragments[0].record + 1, fragments[-1].record + 1
        title = f"handshake message, out of records {first} to {last}" if last > first else "handshake message"
        places = Places(tuple((each.start, each.place) for each in fragments))
        tried: list[tuple[Piece, type[Struct]]] = []
        for form in self._forms:
            piece = piece_of(form, data, title=title, places=places)
            tried.append((piece, form))
            if not piece.errors and not piece.doubts:
                break
        best, form = min(tried, key=lambda each: (len(each[0].errors), each[0].doubts, -each[0].understood))
        self._forms = [form, *(each for each in self._forms if each is not form)]
        self._tell_key_exchange(best)
        return best

    def _tell_key_exchange(self, piece: Piece) -> None:
        """Opens a key exchange message of TLS 1.2 and older, whose form the suite tells that ServerHello chose."""
        value = piece.trace.root.value
        message = value.message if isinstance(value, (Handshake, tls12.Handshake, tls10.Handshake)) else None
        if isinstance(message, (ServerHello, tls12.ServerHello)):
            self._suite = message.cipher_suite
        if self._suite is None or not isinstance(message, (tls12.ServerKeyExchange, tls12.ClientKeyExchange)):
            return
        exchange = (tls10 if isinstance(value, tls10.Handshake) else tls12).key_exchange(self._suite)
        server = isinstance(message, tls12.ServerKeyExchange)
        form = None if exchange is None else exchange.server if server else exchange.client
        if form is not None:
            places = piece.places.behind(MESSAGE_HEADER)
            piece.inner.append(piece_of(form, piece.data[MESSAGE_HEADER:], title=f"by {self._suite}", places=places))

    def _within(self, start: int, end: int) -> list[Fragment]:
        """The fragments that hold these bytes, counted from `start` on; the first may begin before it."""
        last = bisect(self._fragments, end - 1, key=lambda each: each.start)
        first = max(0, bisect(self._fragments, start, key=lambda each: each.start) - 1)
        found = [Fragment(each.start - start, each.place, each.record) for each in self._fragments[first:last]]
        head = found[0]
        return [Fragment(0, head.place - head.start, head.record), *found[1:]]


def looks_like_message(data: bytes) -> bool:
    """Whether handshake data begins with the header of a message of a sensible size."""
    return len(data) >= MESSAGE_HEADER and HandshakeType(data[0]).is_registered and data[1] == 0
