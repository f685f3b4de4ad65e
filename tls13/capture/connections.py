"""A connection of a capture as whoever reads it gets it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

from schemas.code_points import ContentType
from tls13.capture.diagnostics import CaptureWarning, WarningKind, WarningLog
from tls13.capture.judging.judgement import Judgement
from tls13.capture.limits import Limits
from tls13.capture.messages import AnyHandshake, Direction, Gap, Message, parsed_size
from tls13.capture.network.addresses import Endpoint
from tls13.capture.network.flows import Chunk, Ending, Event, Flow, Missing, Transport
from tls13.capture.opening.decryption import Secrets
from tls13.capture.quic.conversation import QuicConversation
from tls13.capture.quic.crypto_streams import CryptoStream
from tls13.capture.tls.conversation import Conversation
from tls13.capture.tls.record_starts import Start
from tls13.capture.tls.records import Found, Hole, RecordStream
from tls13.capture.tls.starttls import Cleartext, cleartext_before


class Backlog(Protocol):
    """Where a connection's messages go, and where more of them come from."""

    limits: Limits
    secrets: Secrets
    waiting: int
    """What the messages of all connections take that wait to be taken, in bytes of memory."""
    judged: bool
    """Whether anybody may ask for a connection's judgement."""

    def read_on(self, asking: Connection | None = None) -> bool:
        """Reads one more packet, or ends the connection that asks where there is none. False after that."""

    def give_out(self, connection: Connection) -> None:
        """Hands the connection to whoever reads the capture, unless it has been."""

    def passes(self, connection: Connection, item: Message | Gap) -> bool:
        """Whether the item has been passed on at once, so that it need not wait."""


class Connection:
    """One TLS connection. `messages` is a single pass; what its other attributes tell is complete after it.

    `number` counts all connections of the capture with its `transport` from 0: TCP connections as tshark's tcp.stream
    does (which counts those that only ICMP quotes, too), QUIC connections by themselves. `started` is its first
    packet's time, in nanoseconds since the epoch. `client` is the side that sent the ClientHello; where the capture
    lacks it, the one that opened the connection, or else the one with the higher port.
    """

    __slots__ = (
        "_backlog",
        "_client_index",
        "_conversation",
        "_cost",
        "_is_taken",
        "_items",
        "_log",
        "_messages",
        "_streams",
        "ending",
        "flow",
        "number",
        "started",
    )

    def __init__(self, flow: Flow, backlog: Backlog) -> None:
        self.number = flow.number
        self.started = flow.started
        self.ending: Ending = Ending.unfinished
        self.flow = flow
        """What the capture knows of it."""
        self._backlog = backlog
        self._streams = _streams_of(flow)
        self._log: WarningLog | None = None
        self._conversation: Conversation | QuicConversation | None = None
        """None before TLS has started."""
        self._client_index: int | None = None
        self._items: deque[tuple[int, Message | Gap]] | None = None
        self._cost = 0
        self._is_taken = False
        """Whether what is read now is read for it, so that it does not have to wait."""
        self._messages: Iterator[Message | Gap] | None = None

    @property
    def transport(self) -> Transport:
        """What carries it."""
        return self.flow.transport

    @property
    def client(self) -> Endpoint:
        """The TLS client's address and port."""
        return self.flow.endpoints[self._client]

    @property
    def server(self) -> Endpoint:
        """The TLS server's address and port."""
        return self.flow.endpoints[1 - self._client]

    @property
    def upgraded_from(self) -> Cleartext | None:
        """The protocol that came first in the connection, as with STARTTLS; None where TLS did.

        Its bytes are a Gap, whose reason is not_tls, in the messages.
        """
        client, server = self._streams[self._client], self._streams[1 - self._client]
        return cleartext_before(client.cleartext, server.cleartext)

    @property
    def messages(self) -> Iterator[Message | Gap]:
        """What was said, in the order of the capture, with what is missing of it. The same iterator every time."""
        if self._messages is None:
            self._messages = self._drain()
        return self._messages

    @property
    def warnings(self) -> tuple[CaptureWarning, ...]:
        """What was not kept or read of this connection."""
        return tuple(self._log or ())

    @property
    def records(self) -> Mapping[tuple[Direction, ContentType], int]:
        """How many records each side sent of each outer type; none in QUIC, which has no records."""
        return MappingProxyType({}) if self._conversation is None else self._conversation.records

    @property
    def judgement(self) -> Judgement:
        """What is to be said of the connection as a whole; complete once `messages` is exhausted.

        Raises LookupError where the capture is read without judging its connections.
        """
        return self._talk().judgement(self.ending)

    @property
    def is_tls(self) -> bool:
        """Whether TLS has started in it, as it has in every connection that a capture gives out."""
        return self._streams[0].start is not None or self._streams[1].start is not None

    # -- what the capture tells it

    def follow(self, event: Event) -> None:
        """The next event of the flow."""
        flow, streams = self.flow, self._streams
        if isinstance(event, Chunk):
            _, sender, timestamp, offset, data = event
            answering = streams[1 - sender].start is not None
            self._take(sender, streams[sender].feed(timestamp, offset, data, answering))
        elif isinstance(event, Missing):
            _, sender, timestamp, offset, length = event
            self._take(sender, streams[sender].miss(timestamp, offset, length))
        else:
            self.ending = event.ending
            self._end()
        if flow.ended:
            flow.held = 0
        else:
            begun = 0 if self._conversation is None else self._conversation.unfinished
            flow.held = len(streams[0]) + len(streams[1]) + begun

    def forget(self) -> None:
        """Nobody takes it: its messages go."""
        self._items = None
        self._backlog.waiting -= self._cost
        self._cost = 0

    def _end(self) -> None:
        if self.is_tls:
            for sender, stream in enumerate(self._streams):
                self._take(sender, stream.finish(self.flow.last_seen))
            for message in self._talk().finish():
                self._keep(message)

    def _take(self, sender: int, found: Iterable[Found]) -> None:
        for each in found:
            direction = _DIRECTIONS[sender == self._client]
            talk = self._conversation or self._talk()
            items = talk.hole(direction, each) if isinstance(each, Hole) else talk.record(direction, each)
            for item in items:
                self._keep(item)

    def _talk(self) -> Conversation | QuicConversation:
        """What makes messages of records; made when TLS has started."""
        if self._conversation is None:
            limits, secrets = self._backlog.limits, self._backlog.secrets
            kind = QuicConversation if self.flow.transport is Transport.quic else Conversation
            self._conversation = kind(secrets, limits, judged=self._backlog.judged)
        return self._conversation

    @property
    def _client(self) -> int:
        """Which end of the flow is the client; settled when it is first asked, after TLS has started."""
        if self._client_index is None:
            self._client_index = self._find_client()
        return self._client_index

    def _find_client(self) -> int:
        for sender, stream in enumerate(self._streams):
            if stream.start is Start.client_hello:
                return sender
            if stream.start is Start.server_hello:
                return 1 - sender
        if self.flow.opener_known:
            return 0
        first, second = self.flow.endpoints
        return 0 if first.port >= second.port else 1

    # -- messages that wait

    def _keep(self, item: Message | Gap) -> None:
        """Puts an item where `messages` finds it, unless too much waits there already."""
        backlog = self._backlog
        if backlog.passes(self, item):
            return
        cost, limits = _cost(item), backlog.limits
        mine, together = self._cost + cost, backlog.waiting + cost
        is_large = mine > limits.total_backlog // _LARGE
        if mine > limits.backlog // 2 or (is_large and together > limits.total_backlog // 2):
            # Half of a limit is left for what comes before somebody gets round to taking this.
            backlog.give_out(self)
        if mine > limits.backlog or (together > limits.total_backlog and not self._is_taken):
            self._log = self._log or WarningLog()
            self._log.add(WarningKind.limit, "a message was not kept: too many wait to be taken")
            return
        if self._items is None:
            self._items = deque()
        self._items.append((cost, item))
        self._cost = mine
        backlog.waiting += cost

    def _drain(self) -> Iterator[Message | Gap]:
        while True:
            while self._items:
                cost, item = self._items.popleft()
                self._cost -= cost
                self._backlog.waiting -= cost
                yield item
            if self.flow.ended:
                return
            self._is_taken = True
            goes_on = self._backlog.read_on(self)
            self._is_taken = False
            if not goes_on:
                return


def _streams_of(flow: Flow) -> tuple[RecordStream | CryptoStream, RecordStream | CryptoStream]:
    if flow.transport is Transport.quic:
        return CryptoStream(Start.client_hello), CryptoStream(Start.server_hello)
    return RecordStream(flow.opener_known), RecordStream(flow.opener_known)


def _cost(item: Message | Gap) -> int:
    """About what an item takes in memory."""
    if isinstance(item, Gap):
        return _OVERHEAD
    body = item.value.message if isinstance(item.value, AnyHandshake) else item.value
    return _OVERHEAD + parsed_size(len(item.raw), body)


_DIRECTIONS = (Direction.server, Direction.client)
"""Whether it is the client."""
_LARGE = 16
"""A connection is given out before its end for the room of all only where this part of it is its own."""
_OVERHEAD = 400
