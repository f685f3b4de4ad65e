"""The CRYPTO frames of both sides of a QUIC connection, to its hellos. RFC 9001 §4"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from schemas.code_points import ContentType
from schemas.errors import DecodeError
from schemas.handshake import ClientHello, Handshake
from tls13.capture.judging.judge import Judge
from tls13.capture.judging.judgement import Judgement
from tls13.capture.judging.unjudged import Unjudged
from tls13.capture.limits import Limits
from tls13.capture.messages import Direction, Gap, Message
from tls13.capture.network.flows import Ending, Transport
from tls13.capture.opening.decryption import ConnectionSecrets, Secrets
from tls13.capture.opening.encrypted_hello import InnerHellos
from tls13.capture.tls.assembly import Assembly, Content
from tls13.capture.tls.records import CapturedRecord, GapReason, Hole


class QuicConversation:
    """Does for QUIC what `Conversation` does for records. There are none, so none are counted."""

    records: Mapping[tuple[Direction, ContentType], int] = MappingProxyType({})

    def __init__(self, secrets: Secrets, limits: Limits, *, judged: bool = True) -> None:
        self._secrets = ConnectionSecrets(secrets)
        self._inner_hellos = InnerHellos(self._secrets)
        self._assemblies = {side: Assembly(side, limits.handshake_message) for side in Direction}
        self._lost: set[Direction] = set()
        """Those in whose stream nothing tells any more where messages start."""
        self._judge = Judge(Transport.quic, secrets.common) if judged else Unjudged()

    def record(self, direction: Direction, record: CapturedRecord) -> Iterator[Message | Gap]:
        """The messages that the piece completes; behind a hole, no more than that there is one."""
        if direction in self._lost:
            length = len(record.fragment)
            yield self._gap(direction, Hole(record.timestamp, record.offset, length, GapReason.not_tls))
            return
        content = Content(record, ContentType.handshake, record.fragment)
        for message in self._assemblies[direction].add(content):
            yield self._seen(self._parsed(message))

    def hole(self, direction: Direction, hole: Hole) -> Iterator[Message | Gap]:
        """Bytes that are missing: the message that was begun before them stays so."""
        yield from self._abandon(direction)
        self._lost.add(direction)
        yield self._gap(direction, hole)

    def finish(self) -> Iterator[Message]:
        """The connection is over: what waits comes out as it is."""
        for direction in Direction:
            yield from self._abandon(direction)

    @property
    def unfinished(self) -> int:
        """Bytes that are kept of messages not whole yet."""
        return sum(map(len, self._assemblies.values()))

    def judgement(self, ending: Ending) -> Judgement:
        """What is to be said of the connection, which ended so."""
        return self._judge.judgement(ending)

    def _abandon(self, direction: Direction) -> Iterator[Message]:
        for message in self._assemblies[direction].abandon():
            yield self._seen(message)

    def _gap(self, direction: Direction, hole: Hole) -> Gap:
        gap = Gap.of(direction, hole)
        self._judge.see(gap)
        return gap

    def _seen(self, message: Message) -> Message:
        self._judge.see(message)
        return message

    def _parsed(self, message: Message) -> Message:
        if message.note is not None:
            return message
        try:
            value = Handshake.parse(message.raw)
        except DecodeError as error:
            return replace(message, error=error)
        if isinstance(value.message, ClientHello):
            self._secrets.client_randoms = (value.message.random,)
        opening = self._inner_hellos.see(message.raw, value.message, self._judge)
        return replace(message, value=value, inner=None if opening is None else opening.inner)
