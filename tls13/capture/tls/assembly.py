"""What records hold to messages: handshake messages put together, everything else a message each. RFC 9846 §5.1"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from schemas.alert import Alert
from schemas.code_points import ContentType, HandshakeType
from schemas.errors import DecodeError
from schemas.handshake import ClientHello, HandshakeHeader
from schemas.record import ChangeCipherSpec
from tls13.capture.messages import AnyHandshake, Direction, Epoch, Message, Note, NoteKind, handshake_type_of
from tls13.capture.tls.records import CapturedRecord

HANDSHAKE_HEADER_LENGTH = 4


class Content(NamedTuple):
    """What a record holds, decrypted where it has an epoch. `generation` counts KeyUpdates."""

    record: CapturedRecord
    content_type: ContentType
    data: bytes
    epoch: Epoch = Epoch.plaintext
    generation: int = 0


class Whole(NamedTuple):
    """A message put together, a handshake message with its header. `content` is what it begins in; of some not all."""

    content: Content
    raw: bytes
    timestamp: int
    note: Note | None = None

    @property
    def epoch(self) -> Epoch:
        """Which keys protected it."""
        return self.content.epoch

    @property
    def handshake_type(self) -> HandshakeType:
        """What its header says that it is."""
        return handshake_type_of(self.raw[0])

    def shown(
        self,
        direction: Direction,
        value: AnyHandshake | Alert | ChangeCipherSpec | None = None,
        error: DecodeError | None = None,
        inner: ClientHello | None = None,
    ) -> Message:
        """The message as it was parsed, or why it was not."""
        record, content_type, _, epoch, generation = self.content
        return Message(
            timestamp=self.timestamp,
            direction=direction,
            record=record.number,
            offset=record.offset,
            content_type=content_type,
            protected=epoch is not Epoch.plaintext,
            opaque=False,
            epoch=epoch,
            generation=generation,
            raw=self.raw,
            value=value,
            error=error,
            note=self.note,
            inner=inner,
        )


class Assembly:
    """Handshake messages of one direction, put together from the records that they are spread over. RFC 9846 §5.1"""

    __slots__ = ("_buffer", "_direction", "_first", "_limit", "_skip")

    def __init__(self, direction: Direction, limit: int) -> None:
        self._direction = direction
        self._limit = limit
        self._buffer = bytearray()
        self._first: Content | None = None
        """Where the message in the buffer began."""
        self._skip = 0
        """Bytes still to come of a message over the limit."""

    def __len__(self) -> int:
        return len(self._buffer)

    def add(self, content: Content) -> Iterator[Message]:
        """The messages that the content completes, not parsed."""
        for each in self.whole(content):
            yield each.shown(self._direction)

    def whole(self, content: Content) -> list[Whole]:
        """What there is of messages that the content completes, or that end before it."""
        data = content.data
        if not self._buffer and not self._skip and _length(data) == len(data) <= self._limit:
            # By far the most: a record that is a message.
            return [Whole(content, data, content.record.timestamp)]
        first, found = self._first, []
        if first is not None and (first.epoch, first.generation) != (content.epoch, content.generation):
            found = self._begun()
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._buffer += data[skipped:]
        while (length := _length(self._buffer)) is not None:
            if length > self._limit:
                found.append(self._too_long(content, length))
            elif length <= len(self._buffer):
                found.append(self._cut(content, length))
            else:
                break
        if self._buffer and self._first is None:
            self._first = content
        return found

    def abandon(self) -> Iterator[Message]:
        """Gives out what is there of a message whose rest does not come."""
        for each in self._begun():
            yield each.shown(self._direction)

    def _begun(self) -> list[Whole]:
        found = []
        if self._first is not None:
            note = Note(NoteKind.incomplete, f"only the first {len(self._buffer)} bytes of a message are there")
            found.append(Whole(self._first, bytes(self._buffer), self._first.record.timestamp, note))
        self._buffer.clear()
        self._first = None
        self._skip = 0
        return found

    def _cut(self, content: Content, length: int, note: Note | None = None) -> Whole:
        """The first message in the buffer, completed by `content`."""
        raw = bytes(self._buffer[:length])
        del self._buffer[:length]
        first, self._first = self._first or content, None
        return Whole(first, raw, content.record.timestamp, note)

    def _too_long(self, content: Content, length: int) -> Whole:
        self._skip = max(length - len(self._buffer), 0)
        text = f"a message of {length} bytes, over the limit of {self._limit}: only its start is kept"
        return self._cut(content, min(length, len(self._buffer)), Note(NoteKind.too_long, text))


def _length(data: bytes | bytearray) -> int | None:
    """How long the message is that starts the data, None where its header is not all there."""
    if len(data) < HANDSHAKE_HEADER_LENGTH:
        return None
    return HANDSHAKE_HEADER_LENGTH + _header(bytes(data[:HANDSHAKE_HEADER_LENGTH])).length


@lru_cache(maxsize=1024)
def _header(data: bytes) -> HandshakeHeader:
    """The header, which nobody changes: so it may be shared. Few are different."""
    return HandshakeHeader.parse(data)


def message_of(
    direction: Direction,
    content: Content,
    *,
    value: Alert | ChangeCipherSpec | None = None,
    error: DecodeError | None = None,
    note: Note | None = None,
) -> Message:
    """A message that is all of a record's content, and can be read."""
    whole = Whole(content, content.data, content.record.timestamp, note)
    return whole.shown(direction, value, error)


def parsed(direction: Direction, content: Content, schema: type[Alert] | type[ChangeCipherSpec]) -> Message:
    """A message that is all of its record."""
    try:
        value = schema.parse(content.data)
    except DecodeError as error:
        return message_of(direction, content, error=error)
    return message_of(direction, content, value=value)


def opaque(direction: Direction, record: CapturedRecord, epoch: Epoch, generation: int, note: Note) -> Message:
    """A protected record that was not decrypted."""
    return Message(
        timestamp=record.timestamp,
        direction=direction,
        record=record.number,
        offset=record.offset,
        content_type=record.header.type,
        protected=True,
        opaque=True,
        epoch=epoch,
        generation=generation,
        raw=record.fragment,
        value=None,
        error=None,
        note=note,
    )
