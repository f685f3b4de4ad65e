"""The records of both directions of a connection, in capture order, to its messages.

It follows the handshake as far as telling which keys come next takes; what is to be said of it, the judge says. What
it cannot read it passes on with a note that says why. Nothing in a record makes it raise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from operator import attrgetter

from schemas import Struct, tls10, tls12
from schemas.alert import Alert
from schemas.code_points import CipherSuite, ContentType, HandshakeType, ProtocolVersion
from schemas.errors import DecodeError
from schemas.extensions import EarlyDataIndication, SupportedVersions
from schemas.handshake import (
    ClientHello,
    EndOfEarlyData,
    Finished,
    Handshake,
    HelloRetryRequest,
    KeyUpdate,
    ServerHello,
)
from schemas.record import MAX_CIPHERTEXT, ChangeCipherSpec
from tls13.capture.judging.judge import Judge
from tls13.capture.judging.judgement import Judgement
from tls13.capture.judging.unjudged import Unjudged
from tls13.capture.limits import Limits
from tls13.capture.messages import AnyHandshake, Direction, Epoch, Gap, Message, Note, NoteKind
from tls13.capture.network.flows import Ending
from tls13.capture.opening.decryption import ConnectionSecrets, Opener, Secrets
from tls13.capture.opening.encrypted_hello import InnerHellos
from tls13.capture.opening.external_psks import PskSchedule
from tls13.capture.opening.tls12_decryption import Tls12Opener, Tls12Session
from tls13.capture.tls.assembly import Assembly, Content, Whole, message_of, opaque, parsed
from tls13.capture.tls.readable_hello import readable_hello
from tls13.capture.tls.record_starts import is_content
from tls13.capture.tls.records import CapturedRecord, Hole
from tls13.crypto.aead import SUITES

_CLIENT_RANDOM = slice(6, 38)
"""Of a ClientHello with its handshake header."""
_HELLOS = (HandshakeType.client_hello, HandshakeType.server_hello)
_CLEAR_EPOCHS = (Epoch.plaintext, Epoch.legacy)
"""In which hellos tell new keys: those of TLS 1.2 may come encrypted, in a renegotiation."""

_KEPT_FREELY = 2**15
"""Bytes that a connection may keep for its judgement without being called unfinished for it."""


class Conversation:
    """Turns a connection's records into messages. `records` counts them by direction and outer content type."""

    __slots__ = (
        "_client_random",
        "_expecting",
        "_inner_hellos",
        "_judge",
        "_legacy",
        "_limits",
        "_older",
        "_psks",
        "_secrets",
        "_sides",
        "_suite",
        "_tls12",
        "records",
    )

    def __init__(self, secrets: Secrets, limits: Limits, *, judged: bool = True) -> None:
        self.records: Counter[tuple[Direction, ContentType]] = Counter()
        self._secrets = ConnectionSecrets(secrets)
        self._judge = Judge(common=secrets.common) if judged else Unjudged()
        self._tls12 = Tls12Session(self._secrets, limits)
        self._inner_hellos = InnerHellos(self._secrets)
        self._psks = PskSchedule(secrets.psks, self._secrets) if secrets.psks else None
        self._sides = {direction: _Side(direction, self._secrets, limits) for direction in Direction}
        self._limits = limits
        self._client_random: bytes | None = None
        self._suite: CipherSuite | None = None
        """What the ServerHello chose, None before it."""
        self._legacy = False
        """Whether it is known to be TLS 1.2 or older."""
        self._older: type[tls12.Handshake | tls10.Handshake] = tls12.Handshake
        """The form of the handshake messages of TLS 1.2 and older."""
        self._expecting = False
        """Whether both sides have been told what keys come next."""

    def record(self, direction: Direction, record: CapturedRecord) -> Iterator[Message]:
        """The messages that the record completes."""
        header = record.header
        self.records[direction, header.type] += 1
        if not 0 < header.length <= MAX_CIPHERTEXT:
            self._judge.see_record(direction, record.timestamp, record.number, header)
        return self._seen(self._take(self._sides[direction], record))

    @property
    def unfinished(self) -> int:
        """Bytes that are kept of messages not whole yet, of records that wait, and, beyond a little, for judgement."""
        one, other = self._sides.values()
        waiting = len(one.assembly) + len(other.assembly) + one.held_bytes + other.held_bytes
        return waiting + max(self._judge.kept - _KEPT_FREELY, 0)

    def hole(self, direction: Direction, hole: Hole) -> Iterator[Message | Gap]:
        """Bytes that are no records: what was begun before them stays so."""
        side = self._sides[direction]
        yield from self._seen(side.assembly.abandon())
        side.skip_bytes(hole.length)
        gap = Gap.of(direction, hole)
        self._judge.see(gap)
        yield gap

    def finish(self) -> Iterator[Message]:
        """The connection is over: what waits comes out as it is."""
        left: list[Message] = []
        for side in self._sides.values():
            left += self._release(side, read=False)
            left += side.assembly.abandon()
        yield from self._seen(sorted(left, key=attrgetter("timestamp")))

    def judgement(self, ending: Ending) -> Judgement:
        """What is to be said of what has come so far. `ending` is how the connection ended."""
        return self._judge.judgement(ending)

    def _seen(self, messages: Iterable[Message]) -> Iterator[Message]:
        for message in messages:
            self._judge.see(message)
            yield message

    # -- records

    def _take(self, side: _Side, record: CapturedRecord) -> Iterator[Message]:
        content_type = record.header.type
        other = self._sides[side.direction.opposite]
        if other.held and content_type is ContentType.application_data:
            # The hello that the other side waits for would have come before this.
            other.waits = False
            yield from self._release(other, read=False)
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
        held, side.held, side.held_bytes = side.held, [], 0
        for record in held:
            if read or record.header.type is not ContentType.application_data:
                yield from self._read(side, record)
            else:
                yield side.opaque(record, side.opener.why_not(record))

    def _read(self, side: _Side, record: CapturedRecord) -> Iterable[Message]:
        content_type = record.header.type
        if not record.is_complete:
            return self._incomplete(side, record)
        if side.tls12 is not None:
            return self._opened(side, record, side.tls12.open(record))
        if self._legacy and (content_type is ContentType.application_data or side.has_gap):
            return self._read_without_change(side, record)
        if content_type is ContentType.application_data:
            return self._opened(side, record, side.opener.open(record))
        if side.has_changed and self._suite is None and _is_encrypted_handshake(record):
            # TLS 1.3 goes on in the clear behind ChangeCipherSpec with hellos only, after a HelloRetryRequest.
            self._legacy = True
            side.tls12 = self._tls12.opener(side.direction)
            return self._opened(side, record, side.tls12.open(record))
        if not self._is_tls13 and _is_encrypted_alert(record):
            return (side.opaque(record, self._tls12.why_not(), Epoch.legacy),)
        return self._content(side, Content(record, content_type, record.fragment))

    def _read_without_change(self, side: _Side, record: CapturedRecord) -> Iterable[Message]:
        """A record before TLS 1.3 whose ChangeCipherSpec may be missing; application data is never in the clear."""
        opener = self._tls12.opener(side.direction)
        opener.skip_bytes(0)
        opened = opener.open(record)
        if isinstance(opened, Content) or record.header.type is ContentType.application_data:
            side.tls12 = opener
            return self._opened(side, record, opened)
        return self._content(side, Content(record, record.header.type, record.fragment))

    def _incomplete(self, side: _Side, record: CapturedRecord) -> Iterator[Message]:
        yield from side.assembly.abandon()
        length, there = record.header.length, len(record.fragment)
        note = Note(NoteKind.incomplete, f"only {there} of its {length} bytes are in the capture")
        if side.tls12 is not None or record.header.type is ContentType.application_data:
            side.skip_bytes(0)
            yield side.opaque(record, note)
        else:
            yield message_of(side.direction, Content(record, record.header.type, record.fragment), note=note)

    def _opened(self, side: _Side, record: CapturedRecord, opened: Content | Note | None) -> Iterable[Message]:
        if isinstance(opened, Content):
            return self._content(side, opened)
        return self._sealed(side, record, opened or side.opener.why_not(record))

    def _sealed(self, side: _Side, record: CapturedRecord, note: Note) -> Iterator[Message]:
        yield from side.assembly.abandon()
        yield side.opaque(record, note)

    def _content(self, side: _Side, content: Content) -> Iterator[Message]:
        match content.content_type:
            case ContentType.handshake:
                for message in side.assembly.whole(content):
                    yield from self._handshake(side, message)
            case ContentType.alert:
                yield parsed(side.direction, content, Alert)
            case ContentType.change_cipher_spec:
                yield parsed(side.direction, content, ChangeCipherSpec)
                # Where neither hello was seen, what follows is encrypted under some older version.
                if content.epoch in _CLEAR_EPOCHS and (self._legacy or (self._suite or self._client_random) is None):
                    side.tls12 = self._tls12.opener(side.direction)
                side.has_changed = True
            case _:
                yield message_of(side.direction, content)

    # -- handshake messages

    def _handshake(self, side: _Side, message: Whole) -> Iterator[Message]:
        if message.note is not None:
            yield message.shown(side.direction)
            return
        if message.handshake_type is HandshakeType.client_hello and message.epoch in _CLEAR_EPOCHS:
            # Taken from its place, so that a mistake further on in the message does not cost the keys.
            self._client_random = message.raw[_CLIENT_RANDOM]
            if not self._expecting:
                self._secrets.client_randoms = (self._client_random,)
        try:
            handshake = self._parse(message)
        except DecodeError as error:
            yield message.shown(side.direction, error=error)
            yield from self._follow_readable(side, message)
            return
        is_hello = message.epoch is Epoch.plaintext and not self._expecting
        inner = self._inner_hello(message, handshake) if is_hello else None
        shown = message.shown(side.direction, handshake, inner=inner)
        if message.epoch not in _CLEAR_EPOCHS:
            yield shown
            self._change_keys(side, message, handshake)
            return
        # What waited came before. Only where it opens now does the capture have the two sides in the wrong order.
        waited = list(self._follow_hello(side, message, handshake.message, inner))
        opened = next((at for at, each in enumerate(waited) if each.protected and not each.opaque), len(waited))
        yield from waited[:opened]
        yield shown
        yield from waited[opened:]

    def _follow_readable(self, side: _Side, message: Whole) -> Iterator[Message]:
        """Goes on with what can be read of a ClientHello that does not parse."""
        is_hello = message.handshake_type is HandshakeType.client_hello and message.epoch in _CLEAR_EPOCHS
        readable = readable_hello(message.raw) if is_hello else None
        if readable is not None:
            yield from self._follow_hello(side, message, readable.hello, None)

    def _parse(self, message: Whole) -> AnyHandshake:
        """The message by the grammar of its version. Raises DecodeError."""
        if message.epoch not in _CLEAR_EPOCHS:
            return Handshake.parse(message.raw)
        if message.handshake_type not in _HELLOS:
            return self._older.parse(message.raw)
        if message.epoch is Epoch.legacy:
            return tls12.Handshake.parse(message.raw)
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

    def _inner_hello(self, message: Whole, handshake: AnyHandshake) -> ClientHello | None:
        """The hello inside an encrypted one, if it opens. Of a server's hello only whether it takes that one."""
        opening = self._inner_hellos.see(message.raw, handshake.message, self._judge)
        if opening is None:
            return None
        if opening.inner is None:
            self._secrets.hints = [f"an encrypted ClientHello was offered, and {opening.why_not}"]
        return opening.inner

    def _change_keys(self, side: _Side, message: Whole, handshake: AnyHandshake) -> None:
        if self._psks is not None and side.direction is Direction.server:
            self._psks.server_message(message.handshake_type, message.raw)
        match handshake.message:
            case EndOfEarlyData():
                side.opener.advance(Epoch.handshake)
            case Finished():
                side.opener.advance(Epoch.application)
            case KeyUpdate():
                side.opener.update()
            case _:
                pass

    def _follow_hello(self, side: _Side, message: Whole, body: Struct, inner: ClientHello | None) -> Iterator[Message]:
        """Learns what the hello tells of the keys that come next, and reads what waited for it."""
        match body:
            case ClientHello() | tls12.ClientHello() as hello:
                self._tls12.client_hello(hello)
                self._client_hello(side, message, hello, inner)
            case HelloRetryRequest() as retry:
                if self._psks is not None and retry.cipher_suite in SUITES:
                    self._psks.hello_retry_request(message.raw, SUITES[retry.cipher_suite].hash_name)
                yield from self._release(self._sides[side.direction.opposite], read=False)
                return
            case ServerHello() as hello:
                if self._psks is not None:
                    self._psks.server_hello(message.raw, hello)
                self._chosen(hello.cipher_suite, legacy=False)
            case tls12.ServerHello(cipher_suite=suite, server_version=version) as hello:
                self._older = tls12.Handshake if version >= ProtocolVersion.TLS12 else tls10.Handshake
                self._tls12.server_hello(hello)
                self._chosen(suite, legacy=True)
            case older:
                self._legacy = self._legacy or self._suite is None
                self._tls12.see(older)
                return
        yield from self._release(self._sides[side.direction.opposite], read=True)

    def _client_hello(
        self, side: _Side, message: Whole, hello: ClientHello | tls12.ClientHello, inner: ClientHello | None
    ) -> None:
        if self._psks is not None and isinstance(hello, ClientHello):
            # Of an inner hello the pre-shared keys are the real ones; outside stand random bytes. RFC 9849 §6.1.2
            raw = message.raw if inner is None else Handshake.of(inner).build()
            self._psks.client_hello(raw, inner or hello)
            self._judge.see_binders(self._psks.origins)
        if self._suite is not None:
            self._expect_handshake()
            return
        side.opener.start_over()
        if EarlyDataIndication.client_hello.find(hello.extensions) is not None:
            side.opener.expect_early_data([SUITES[suite] for suite in hello.cipher_suites if suite in SUITES])

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
            side.opener.expect_handshake(suites)


def _older_hello(raw: bytes) -> tls12.Handshake | None:
    """A hello as TLS 1.2 and older have it, None where it is none."""
    try:
        return tls12.Handshake.parse(raw)
    except DecodeError:
        return None


class _Side:
    """What is kept of one direction."""

    __slots__ = ("assembly", "direction", "has_changed", "has_gap", "held", "held_bytes", "opener", "tls12", "waits")

    def __init__(self, direction: Direction, secrets: ConnectionSecrets, limits: Limits) -> None:
        self.direction = direction
        self.opener = Opener(direction, secrets, limits)
        self.tls12: Tls12Opener | None = None
        """Set by ChangeCipherSpec, which before TLS 1.3 makes all that follows unreadable without keys."""
        self.assembly = Assembly(direction, limits.handshake_message)
        self.held: list[CapturedRecord] = []
        self.held_bytes = 0
        self.has_gap = False
        """Whether something is missing from before its ChangeCipherSpec."""
        self.has_changed = False
        """Whether ChangeCipherSpec has been seen."""
        self.waits = True
        """Whether records may be held for a hello; not after too many have been."""

    def hold(self, record: CapturedRecord) -> None:
        """Keeps a record until the other side's hello is there."""
        self.held.append(record)
        self.held_bytes += len(record.raw)

    def skip_bytes(self, length: int) -> None:
        """Bytes of protected records are missing."""
        if self.tls12 is None:
            self.opener.skip_bytes(length)
            self.has_gap = True
        else:
            self.tls12.skip_bytes(length)

    def opaque(self, record: CapturedRecord, note: Note, epoch: Epoch | None = None) -> Message:
        """A protected record that was not decrypted."""
        if self.tls12 is not None:
            return opaque(self.direction, record, Epoch.legacy, 0, note)
        return opaque(self.direction, record, epoch or self.opener.epoch, self.opener.generation, note)


def _is_encrypted_alert(record: CapturedRecord) -> bool:
    """TLS 1.2 and older encrypt alerts in records of their own type, and a connection may be seen only from there."""
    return record.header.type is ContentType.alert and record.header.length != _ALERT_LENGTH


def _is_encrypted_handshake(record: CapturedRecord) -> bool:
    """TLS 1.2 and older encrypt Finished in a record of its own type."""
    content_type, length = record.header.type, record.header.length
    return content_type is ContentType.handshake and not is_content(content_type, record.fragment, length, False)


_ALERT_LENGTH = 2
