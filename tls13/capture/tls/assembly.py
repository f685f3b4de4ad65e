"""What records hold to messages: handshake messages put together, everything else a message each. RFC 9846 §5.1"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schemas.alert import Alert
from schemas.code_points import ContentType
from schemas.errors import DecodeError
from schemas.handshake import ClientHello, HandshakeHeader
from schemas.record import ChangeCipherSpec
from tls13.capture.messages import AnyHandshake, Direction, Epoch, Message, Note, NoteKind
from tls13.capture.tls.records import CapturedRecord

HANDSHAKE_HEADER_LENGTH = 4


class Content(NamedTuple):
    """What a record holds, decrypted where it has an epoch."""

    record: CapturedRecord
    content_type: ContentType
    data: bytes
    epoch: Epoch = Epoch.plaintext
    generation: int = 0


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
        """The messages that the content completes."""
        first = self._first
        if first is not None and (first.epoch, first.generation) != (content.epoch, content.generation):
            yield from self.abandon()
        skipped = min(self._skip, len(content.data))
        self._skip -= skipped
        self._buffer += content.data[skipped:]
        while len(self._buffer) >= HANDSHAKE_HEADER_LENGTH:
            header = HandshakeHeader.parse(bytes(self._buffer[:HANDSHAKE_HEADER_LENGTH]))
            length = HANDSHAKE_HEADER_LENGTH + header.length
            if length > self._limit:
                yield self._too_long(content, length)
            elif length <= len(self._buffer):
                yield self._message(content, length)
            else:
                break
        if self._buffer and self._first is None:
            self._first = content

    def abandon(self) -> Iterator[Message]:
        """Gives out what is there of a message whose rest does not come."""
        if self._first is not None:
            note = Note(NoteKind.incomplete, f"only the first {len(self._buffer)} bytes of a message are there")
            yield message_of(self._direction, self._first, raw=bytes(self._buffer), note=note)
        self._buffer.clear()
        self._first = None
        self._skip = 0

    def _message(self, content: Content, length: int, note: Note | None = None) -> Message:
        """The first message in the buffer, completed by `content`."""
        raw = bytes(self._buffer[:length])
        del self._buffer[:length]
        first, self._first = self._first or content, None
        return message_of(self._direction, first, raw=raw, note=note, timestamp=content.record.timestamp)

    def _too_long(self, content: Content, length: int) -> Message:
        self._skip = max(length - len(self._buffer), 0)
        text = f"a message of {length} bytes, over the limit of {self._limit}: only its start is kept"
        return self._message(content, min(length, len(self._buffer)), Note(NoteKind.too_long, text))


def message_of(
    direction: Direction,
    content: Content,
    *,
    raw: bytes | None = None,
    value: Alert | ChangeCipherSpec | None = None,
    error: DecodeError | None = None,
    note: Note | None = None,
    timestamp: int | None = None,
) -> Message:
    """A message that can be read: all of the content, unless other bytes are given."""
    record, content_type, data, epoch, generation = content
    return Message(
        timestamp=record.timestamp if timestamp is None else timestamp,
        direction=direction,
        record=record.number,
        offset=record.offset,
        content_type=content_type,
        protected=epoch is not Epoch.plaintext,
        opaque=False,
        epoch=epoch,
        generation=generation,
        raw=data if raw is None else raw,
        value=value,
        error=error,
        note=note,
    )


def parsed(direction: Direction, content: Content, schema: type[Alert] | type[ChangeCipherSpec]) -> Message:
    """A message that is all of its record."""
    try:
        value = schema.parse(content.data)
    except DecodeError as error:
        return message_of(direction, content, error=error)
    return message_of(direction, content, value=value)


def as_handshake(
    message: Message, value: AnyHandshake | None, error: DecodeError | None = None, inner: ClientHello | None = None
) -> Message:
    """The handshake message as it was parsed, or why it was not. `dataclasses.replace` takes three times as long."""
    return Message(
        timestamp=message.timestamp,
        direction=message.direction,
        record=message.record,
        offset=message.offset,
        content_type=message.content_type,
        protected=message.protected,
        opaque=False,
        epoch=message.epoch,
        generation=message.generation,
        raw=message.raw,
        value=value,
        error=error,
        note=None,
        inner=inner,
    )


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
