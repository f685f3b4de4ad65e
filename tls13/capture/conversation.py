"""The records of both directions of a connection, in capture order, to its messages.

It follows the handshake as far as telling which keys come next takes, and judges nothing. What it cannot read it passes
on with a note that says why. Nothing in a record makes it raise.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from schemas import tls10, tls12
from schemas.alert import Alert
from schemas.code_points import CipherSuite, ContentType, HandshakeType, ProtocolVersion
from schemas.errors import DecodeError
from schemas.extensions import EarlyDataIndication, SupportedVersions
from schemas.handshake import (
    ClientHello,
    EndOfEarlyData,
    Finished,
    Handshake,
    HandshakeHeader,
    KeyUpdate,
    ServerHello,
)
from schemas.record import ChangeCipherSpec
from tls13.capture.decryption import Opened, Opener, Secrets
from tls13.capture.limits import Limits
from tls13.capture.messages import AnyHandshake, Direction, Epoch, Gap, Message, Note, NoteKind
from tls13.capture.records import CapturedRecord, Hole
from tls13.crypto.aead import SUITES

HANDSHAKE_HEADER_LENGTH = 4
_CLIENT_RANDOM = slice(6, 38)
"""Of a ClientHello with its handshake header."""
_HELLOS = (HandshakeType.client_hello, HandshakeType.server_hello)
_LEGACY_ENCRYPTED = Note(NoteKind.legacy_version, "encrypted under TLS 1.2 or older: not decrypted")


class Conversation:
    """Turns a connection's records into messages. `records` counts them by direction and outer content type."""

    def __init__(self, secrets: Secrets, limits: Limits) -> None:
        self.records: Counter[tuple[Direction, ContentType]] = Counter()
        self._sides = {direction: _Side(direction, secrets, limits) for direction in Direction}
        self._limits = limits
        self._client_random: bytes | None = None
        self._suite: CipherSuite | None = None
        """What the ServerHello chose, None before it."""
        self._legacy = False
        """Whether it is known to be TLS 1.2 or older."""
        self._older: type[tls12.Handshake | tls10.Handshake] = tls12.Handshake
        """The form of handshake messages in the clear, which only TLS 1.2 and older have besides the hellos."""
        self._expecting = False
        """Whether both sides have been told what keys come next."""

    def record(self, direction: Direction, record: CapturedRecord) -> Iterator[Message]:
        """The messages that the record completes."""
        content_type = record.header.type
        self.records[direction, content_type] += 1
        side = self._sides[direction]
        if side.held and content_type is ContentType.handshake:
            # A second ClientHello: what came before it was early data, or is not to be read at all.
            yield from self._release(side, read=False)
        if side.held:
            side.hold(record)
        elif content_type is ContentType.application_data and record.is_complete and self._awaits_hello(side):
            opened = side.opener.open(record)
            if opened is None:
                side.hold(record)
            else:
                yield from self._opened(side, record, opened)
        else:
            yield from self._read(side, record)
        if side.held_bytes > self._limits.held:
            side.waits = False
            yield from self._release(side, read=False)

    @property
    def unfinished(self) -> int:
        """Bytes that are kept of messages not whole yet, and of records that wait."""
        return sum(len(side.assembly) + side.held_bytes for side in self._sides.values())

    def hole(self, direction: Direction, hole: Hole) -> Iterator[Message | Gap]:
        """Bytes that are no records: what was begun before them stays so."""
        side = self._sides[direction]
        yield from side.assembly.abandon()
        side.opener.skip_bytes(hole.length)
        yield Gap(
            timestamp=hole.timestamp,
            direction=direction,
            offset=hole.offset,
            length=hole.length,
            reason=hole.reason,
        )

    def finish(self) -> Iterator[Message]:
        """The connection is over: what waits comes out as it is."""
        for side in self._sides.values():
            yield from self._release(side, read=False)
            yield from side.assembly.abandon()

    # -- records

    def _awaits_hello(self, side: _Side) -> bool:
        """Whether the other side's hello, which it takes to tell the keys, is still to come.

        Of the server's that is so only where the capture has the two sides in the wrong order.
        """
        if not side.waits:
            return False
        if side.direction is Direction.client:
            return self._client_random is not None and self._suite is None
        return self._client_random is None and self._is_tls13

    @property
    def _is_tls13(self) -> bool:
        """Whether the ServerHello has chosen TLS 1.3."""
        return self._suite is not None and not self._legacy

    def _release(self, side: _Side, read: bool) -> Iterator[Message]:
        """Gives out what was held, read now that its keys are known, or else as it is."""
        held, side.held, side.held_bytes = side.held, deque(), 0
        for record in held:
            if read or record.header.type is not ContentType.application_data:
                yield from self._read(side, record)
            else:
                yield _opaque(side, record, side.opener.epoch, side.opener.why_not(record))

    def _read(self, side: _Side, record: CapturedRecord) -> Iterator[Message]:
        content_type = record.header.type
        if not record.is_complete:
            yield from side.assembly.abandon()
            yield self._incomplete(side, record)
        elif content_type is ContentType.application_data:
            if self._legacy:
                yield _opaque(side, record, Epoch.legacy, _LEGACY_ENCRYPTED)
            else:
                yield from self._opened(side, record, side.opener.open(record))
        elif side.legacy_encrypted or (not self._is_tls13 and _is_encrypted_alert(record)):
            yield _opaque(side, record, Epoch.legacy, _LEGACY_ENCRYPTED)
        else:
            yield from self._content(side, _Content(record, content_type, record.fragment))
            if content_type is ContentType.change_cipher_spec:
                # Where neither hello was seen, what follows is encrypted under some older version.
                side.legacy_encrypted = not self._is_tls13 and (self._legacy or self._client_random is None)

    def _incomplete(self, side: _Side, record: CapturedRecord) -> Message:
        length, there = record.header.length, len(record.fragment)
        note = Note(NoteKind.incomplete, f"only {there} of the record's {length} bytes are in the capture")
        if record.header.type is ContentType.application_data:
            side.opener.skip_record()
            return _opaque(side, record, side.opener.epoch, note)
        return _message(side, _Content(record, record.header.type, record.fragment), note=note)

    def _opened(self, side: _Side, record: CapturedRecord, opened: Opened | Note | None) -> Iterator[Message]:
        if isinstance(opened, Opened):
            content_type, content, epoch, generation = opened
            yield from self._content(side, _Content(record, content_type, content, epoch, generation))
        else:
            yield from side.assembly.abandon()
            yield _opaque(side, record, side.opener.epoch, opened or side.opener.why_not(record))

    def _content(self, side: _Side, content: _Content) -> Iterator[Message]:
        match content.content_type:
            case ContentType.handshake:
                for message in side.assembly.add(content):
                    yield from self._handshake(side, message)
            case ContentType.alert:
                yield _parsed(side, content, Alert)
            case ContentType.change_cipher_spec:
                yield _parsed(side, content, ChangeCipherSpec)
            case _:
                yield _message(side, content)

    # -- handshake messages

    def _handshake(self, side: _Side, message: Message) -> Iterator[Message]:
        if message.note is not None:
            yield message
            return
        if message.handshake_type is HandshakeType.client_hello and not message.protected:
            # Taken from its place, so that a mistake further on in the message does not cost the keys.
            self._client_random = message.raw[_CLIENT_RANDOM]
        try:
            handshake = self._parse(message)
        except DecodeError as error:
            yield replace(message, error=error)
            return
        yield replace(message, value=handshake)
        if message.protected:
            self._change_keys(side, handshake)
        else:
            yield from self._follow_hello(side, handshake)

    def _parse(self, message: Message) -> AnyHandshake:
        """The message by the grammar of its version. Raises DecodeError."""
        if message.protected:
            return Handshake.parse(message.raw)
        if message.handshake_type not in _HELLOS:
            return self._older.parse(message.raw)
        try:
            hello = Handshake.parse(message.raw)
        except DecodeError:
            if (older := _older_hello(message.raw)) is not None:
                return older
            raise
        chosen_by_extension = not isinstance(hello.message, ServerHello) or (
            SupportedVersions.server_hello.find(hello.message.extensions) is not None
        )
        return hello if chosen_by_extension else _older_hello(message.raw) or hello

    def _change_keys(self, side: _Side, handshake: AnyHandshake) -> None:
        match handshake.message:
            case EndOfEarlyData():
                side.opener.advance(Epoch.handshake)
            case Finished():
                side.opener.advance(Epoch.application)
            case KeyUpdate():
                side.opener.update()
            case _:
                pass

    def _follow_hello(self, side: _Side, handshake: AnyHandshake) -> Iterator[Message]:
        match handshake.message:
            case ClientHello() as hello:
                self._client_hello(side, hello)
                yield from self._release(self._sides[side.direction.opposite], read=True)
            case ServerHello(cipher_suite=suite):
                self._chosen(suite, legacy=False)
                yield from self._release(self._sides[side.direction.opposite], read=True)
            case tls12.ServerHello(cipher_suite=suite, server_version=version):
                self._older = tls12.Handshake if version >= ProtocolVersion.TLS12 else tls10.Handshake
                self._chosen(suite, legacy=True)
                yield from self._release(self._sides[side.direction.opposite], read=True)
            case _:
                pass

    def _client_hello(self, side: _Side, hello: ClientHello) -> None:
        if self._suite is not None:
            self._expect_handshake()
            return
        side.opener.start_over()
        if EarlyDataIndication.client_hello.find(hello.extensions) is not None:
            offered = [SUITES[suite] for suite in hello.cipher_suites if suite in SUITES]
            side.opener.expect_early_data(hello.random, offered)

    def _chosen(self, suite: CipherSuite, *, legacy: bool) -> None:
        if self._suite is None:
            self._suite = suite
            self._legacy = legacy
            self._expect_handshake()

    def _expect_handshake(self) -> None:
        """Both hellos have been seen, or one is missing: tells both sides what keys come next."""
        if self._suite is None or self._legacy or self._client_random is None or self._expecting:
            return
        self._expecting = True
        suites = [SUITES[self._suite]] if self._suite in SUITES else []
        for side in self._sides.values():
            side.opener.expect_handshake(self._client_random, suites)


def _older_hello(raw: bytes) -> tls12.Handshake | None:
    """A hello as TLS 1.2 and older have it, None where it is none."""
    try:
        return tls12.Handshake.parse(raw)
    except DecodeError:
        return None


class _Side:
    """What is kept of one direction."""

    def __init__(self, direction: Direction, secrets: Secrets, limits: Limits) -> None:
        self.direction = direction
        self.opener = Opener(direction, secrets, limits)
        self.assembly = _Assembly(self, limits.handshake_message)
        self.held: deque[CapturedRecord] = deque()
        self.held_bytes = 0
        self.waits = True
        """Whether records may be held for a hello; not after too many have been."""
        self.legacy_encrypted = False
        """Whether ChangeCipherSpec has made handshake messages and alerts unreadable, as before TLS 1.3."""

    def hold(self, record: CapturedRecord) -> None:
        """Keeps a record until the other side's hello is there."""
        self.held.append(record)
        self.held_bytes += len(record.raw)


class _Content(NamedTuple):
    """What a record holds, decrypted where it has an epoch."""

    record: CapturedRecord
    content_type: ContentType
    data: bytes
    epoch: Epoch = Epoch.plaintext
    generation: int = 0


class _Assembly:
    """Handshake messages of one direction, put together from the records that they are spread over. RFC 9846 §5.1"""

    def __init__(self, side: _Side, limit: int) -> None:
        self._side = side
        self._limit = limit
        self._buffer = bytearray()
        self._first: _Content | None = None
        """Where the message in the buffer began."""
        self._skip = 0
        """Bytes still to come of a message over the limit."""

    def __len__(self) -> int:
        return len(self._buffer)

    def add(self, content: _Content) -> Iterator[Message]:
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
            yield _message(self._side, self._first, raw=bytes(self._buffer), note=note)
        self._buffer.clear()
        self._first = None
        self._skip = 0

    def _message(self, content: _Content, length: int, note: Note | None = None) -> Message:
        """The first message in the buffer, completed by `content`."""
        raw = bytes(self._buffer[:length])
        del self._buffer[:length]
        first, self._first = self._first or content, None
        return _message(self._side, first, raw=raw, note=note, timestamp=content.record.timestamp)

    def _too_long(self, content: _Content, length: int) -> Message:
        self._skip = max(length - len(self._buffer), 0)
        text = f"a message of {length} bytes, over the limit of {self._limit}: only its start is kept"
        return self._message(content, min(length, len(self._buffer)), Note(NoteKind.too_long, text))


def _is_encrypted_alert(record: CapturedRecord) -> bool:
    """TLS 1.2 and older encrypt alerts in records of their own type, and a connection may be seen only from there."""
    return record.header.type is ContentType.alert and record.header.length != _ALERT_LENGTH


_ALERT_LENGTH = 2


def _message(
    side: _Side,
    content: _Content,
    *,
    raw: bytes | None = None,
    note: Note | None = None,
    timestamp: int | None = None,
) -> Message:
    """A message with nothing parsed: all of the content, unless other bytes are given."""
    return Message(
        timestamp=content.record.timestamp if timestamp is None else timestamp,
        direction=side.direction,
        record=content.record.number,
        offset=content.record.offset,
        content_type=content.content_type,
        protected=content.epoch is not Epoch.plaintext,
        opaque=False,
        epoch=content.epoch,
        generation=content.generation,
        raw=content.data if raw is None else raw,
        value=None,
        error=None,
        note=note,
    )


def _parsed(side: _Side, content: _Content, schema: type[Alert] | type[ChangeCipherSpec]) -> Message:
    """A message that is all of its record."""
    message = _message(side, content)
    try:
        return replace(message, value=schema.parse(message.raw))
    except DecodeError as error:
        return replace(message, error=error)


def _opaque(side: _Side, record: CapturedRecord, epoch: Epoch, note: Note) -> Message:
    """A protected record that was not decrypted."""
    content = _Content(record, record.header.type, record.fragment, epoch)
    return replace(_message(side, content, note=note), protected=True, opaque=True)
