"""Captures to connections and their messages: the whole way, a packet at a time.

with read_capture("some.pcapng", keylog=KeyLog.load("some.keylog")) as capture:
    for connection in capture:
        for message in connection.messages:
            ...
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from schemas.code_points import ContentType
from tls13.capture.conversation import Conversation
from tls13.capture.decryption import Secrets
from tls13.capture.diagnostics import CaptureWarning, WarningKind, WarningLog
from tls13.capture.files import PacketReader, Source
from tls13.capture.limits import Limits
from tls13.capture.link import Endpoint, segment
from tls13.capture.messages import Direction, Gap, Message
from tls13.capture.records import CapturedRecord, Hole, RecordStream, Start
from tls13.capture.streams import Chunk, Ended, Ending, Event, Flow, Missing, Reassembler
from tls13.keylog import KeyLog


def read_capture(source: Source, *, keylog: KeyLog | None = None, limits: Limits | None = None) -> Capture:
    """The TLS connections of a capture: pcap, pcapng, gzip of either, by path or as a binary stream.

    Secrets are looked up in `keylog` and in the capture itself. Raises CaptureError where there is no capture to read;
    what is wrong further on ends in warnings.
    """
    limits = limits or Limits()
    return Capture(PacketReader(source, limits), keylog or KeyLog(), limits)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a capture held, so far: packets and their captured bytes; packets that are not TCP; connections, and those
    of them that are over and were not TLS.
    """

    packets: int
    bytes: int
    other_packets: int
    connections: int
    not_tls: int


class Capture(Iterator["Connection"]):
    """Iterates over the TLS connections of a capture, each when it has ended or the capture has.

    One with very many messages comes earlier; its `messages` then read on in the capture.
    """

    def __init__(self, packets: PacketReader, keylog: KeyLog, limits: Limits) -> None:
        self._packets = packets
        self._secrets = Secrets(keylog, packets.secrets)
        self._limits = limits
        self._log = WarningLog()
        self._reassembler = Reassembler(limits, self._log)
        self._open: dict[int, Connection] = {}
        self._ready: deque[Connection] = deque()
        self._backlog = 0
        self._packet_count = self._byte_count = self._other_count = self._not_tls_count = 0
        self._is_over = False

    def __next__(self) -> Connection:
        while not self._ready:
            if not self._read_on():
                raise StopIteration
        return self._ready.popleft()

    @property
    def warnings(self) -> tuple[CaptureWarning, ...]:
        """What could not be read as it stands, of the file as a whole; complete when the iteration is over."""
        return (*self._packets.warnings, *self._log)

    @property
    def statistics(self) -> Statistics:
        """Counts so far."""
        return Statistics(
            packets=self._packet_count,
            bytes=self._byte_count,
            other_packets=self._other_count,
            connections=self._reassembler.connections,
            not_tls=self._not_tls_count,
        )

    def close(self) -> None:
        """Closes the file, where it was given as a path. What was read of it still comes out."""
        self._packets.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_on(self) -> bool:
        """Reads one packet, and ends all connections after the last. False once there is nothing more to come."""
        if self._is_over:
            return False
        packet = next(self._packets, None)
        if packet is None:
            self._is_over = True
            self._handle(self._reassembler.finish())
            return True
        self._packet_count += 1
        self._byte_count += len(packet.data)
        found = segment(packet, self._log)
        if found is None:
            self._other_count += 1
        else:
            self._handle(self._reassembler.feed(found))
        return True

    def _handle(self, events: Iterator[Event]) -> None:
        for event in events:
            flow = event.flow
            connection = self._open.get(flow.number)
            if connection is None:
                connection = self._open[flow.number] = Connection(flow, self, self._secrets, self._limits)
            connection._follow(event)
            if isinstance(event, Ended):
                del self._open[flow.number]
                self._not_tls_count += not connection._is_tls
                if connection._is_tls:
                    self._give_out(connection)

    def _give_out(self, connection: Connection) -> None:
        if not connection._given_out:
            connection._given_out = True
            self._ready.append(connection)


class Connection:
    """One TLS connection. `messages` is a single pass; what its other attributes tell is complete after it.

    `number` counts all TCP connections of the capture from 0, as tshark's tcp.stream does; `started` is its first
    packet's time, in nanoseconds since the epoch. `client` is the side that sent the ClientHello; where the capture
    lacks it, the one that opened the connection, or else the one with the higher port.
    """

    def __init__(self, flow: Flow, capture: Capture, secrets: Secrets, limits: Limits) -> None:
        self.number = flow.number
        self.started = flow.started
        self.ending: Ending = Ending.unfinished
        self._flow = flow
        self._capture = capture
        self._limits = limits
        self._log = WarningLog()
        self._conversation = Conversation(secrets, limits)
        self._streams = RecordStream(flow.opener_known), RecordStream(flow.opener_known)
        self._client_index: int | None = None
        self._backlog: deque[tuple[int, Message | Gap]] = deque()
        self._backlog_cost = 0
        self._given_out = False
        self._messages = self._drain()

    @property
    def client(self) -> Endpoint:
        """The TLS client's address and port."""
        return self._flow.endpoints[self._client]

    @property
    def server(self) -> Endpoint:
        """The TLS server's address and port."""
        return self._flow.endpoints[1 - self._client]

    @property
    def messages(self) -> Iterator[Message | Gap]:
        """What was said, in the order of the capture, with what is missing of it. The same iterator every time."""
        return self._messages

    @property
    def warnings(self) -> tuple[CaptureWarning, ...]:
        """What was not kept or read of this connection."""
        return tuple(self._log)

    @property
    def records(self) -> Mapping[tuple[Direction, ContentType], int]:
        """How many records each side sent of each outer type."""
        return self._conversation.records

    # -- what the capture tells it

    @property
    def _is_tls(self) -> bool:
        return any(stream.start is not None for stream in self._streams)

    def _follow(self, event: Event) -> None:
        match event:
            case Chunk(_, sender, timestamp, offset, data):
                answering = self._streams[1 - sender].start is not None
                self._take(sender, self._streams[sender].feed(timestamp, offset, data, answering))
            case Missing(_, sender, timestamp, offset, length):
                self._take(sender, self._streams[sender].miss(timestamp, offset, length))
            case Ended(flow, ending):
                self.ending = ending
                self._end(flow)
        buffered = sum(len(stream) for stream in self._streams)
        self._flow.held = 0 if self._flow.ended else buffered + self._conversation.unfinished

    def _end(self, flow: Flow) -> None:
        if self._is_tls:
            for sender, stream in enumerate(self._streams):
                self._take(sender, stream.finish(flow.last_seen))
            for message in self._conversation.finish():
                self._keep(message)

    def _take(self, sender: int, found: Iterator[CapturedRecord | Hole]) -> None:
        for each in found:
            direction = Direction.client if sender == self._client else Direction.server
            if isinstance(each, Hole):
                items: Iterator[Message | Gap] = self._conversation.hole(direction, each)
            else:
                items = self._conversation.record(direction, each)
            for item in items:
                self._keep(item)

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
        if self._flow.opener_known:
            return 0
        first, second = self._flow.endpoints
        return 0 if first.port >= second.port else 1

    # -- the backlog

    def _keep(self, item: Message | Gap) -> None:
        """Puts an item where `messages` finds it, unless too much waits there already."""
        cost = _cost(item)
        mine, all_together = self._backlog_cost + cost, self._capture._backlog + cost
        if mine > self._limits.backlog // 2 or all_together > self._limits.total_backlog // 2:
            # Half of a limit is left for what comes before somebody gets round to taking this.
            self._capture._give_out(self)
        if mine > self._limits.backlog or all_together > self._limits.total_backlog:
            self._log.add(WarningKind.limit, "a message was not kept: too many wait to be taken")
            return
        self._backlog.append((cost, item))
        self._backlog_cost = mine
        self._capture._backlog = all_together

    def _drain(self) -> Iterator[Message | Gap]:
        while True:
            while self._backlog:
                cost, item = self._backlog.popleft()
                self._backlog_cost -= cost
                self._capture._backlog -= cost
                yield item
            if self._flow.ended or not self._capture._read_on():
                return


def _cost(item: Message | Gap) -> int:
    """About what an item takes in memory; what is parsed takes several times its bytes."""
    if isinstance(item, Gap):
        return _OVERHEAD
    return _OVERHEAD + len(item.raw) * (_PARSED if item.value is not None else 1)


_OVERHEAD = 400
_PARSED = 8
