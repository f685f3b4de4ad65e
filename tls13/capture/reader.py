"""Captures to connections and their messages: the whole way, a packet at a time.

with read_capture("some.pcapng", keylog=KeyLog.load("some.keylog")) as capture:
    for connection in capture:
        for message in connection.messages:
            ...
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType

from tls13.capture.common_knowledge import CommonKnowledge
from tls13.capture.connections import Connection
from tls13.capture.diagnostics import CaptureWarning, WarningKind, WarningLog
from tls13.capture.files.formats import PacketReader, Source
from tls13.capture.limits import Limits
from tls13.capture.messages import Gap, Message
from tls13.capture.network.dtls import dtls_records
from tls13.capture.network.flows import Ended, Event, Flow, Transport
from tls13.capture.network.link import Datagram, Layers, Segment
from tls13.capture.network.streams import Reassembler
from tls13.capture.opening.decryption import Secrets
from tls13.capture.parts import WHOLE, Part
from tls13.capture.quic.datagrams import QuicConnections
from tls13.capture.quic.packets import is_quic
from tls13.closing import Closing
from tls13.keylog import KeyLog

Item = tuple[Connection, Message | Gap | None]
"""What a connection says next; None when it has ended."""


def read_capture(
    source: Source,
    *,
    keylog: KeyLog | None = None,
    limits: Limits | None = None,
    psks: Mapping[bytes, bytes] = MappingProxyType({}),
    part: Part = WHOLE,
) -> Capture:
    """The TLS connections of a capture, by path or as a binary stream.

    It may be pcap or pcapng, compressed with gzip or zstd or not, or TLS records of one side without packets, as bytes
    or in hexadecimal. Secrets are looked up in `keylog` and in the capture itself; `psks` are external pre-shared keys
    by identity. `part` leaves the connections of other parts out. Raises CaptureError where there is no capture to
    read; what is wrong further on ends in warnings.
    """
    limits = limits or Limits()
    packets = PacketReader(source, limits)
    common = CommonKnowledge(exchange=part.exchange if part.of > 1 else None)
    return Capture(packets, Secrets(keylog or KeyLog(), packets.secrets, psks=psks, common=common), limits, part)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a capture held, so far.

    Packets and their captured bytes; packets that carry neither TCP nor QUIC's long headers; TCP connections, and
    those of them that are over and were not TLS; QUIC connections; records of DTLS, which are not read.
    """

    packets: int
    bytes: int
    other_packets: int
    connections: int
    not_tls: int
    quic: int = 0
    dtls: int = 0


class Capture(Closing, Iterator[Connection]):
    """Iterates over the TLS connections of a capture, each when it has ended or the capture has.

    One with very many messages comes earlier; its `messages` then read on in the capture. Those of others wait for as
    long; where that can be too much, `in_order` keeps none waiting.
    """

    def __init__(self, packets: PacketReader, secrets: Secrets, limits: Limits, part: Part = WHOLE) -> None:
        self.order = 0
        """Where in the capture that has its place which was given out last: what parts give out is sorted by it."""
        self._part = part
        self._clock = secrets.common.clock
        self.limits = limits
        self.secrets = secrets
        self.waiting = 0
        """What messages take that wait to be taken, in bytes of memory."""
        self.judged = True
        """Whether connections are judged that begin now."""
        self._packets = packets
        self._log = WarningLog()
        self._layers = Layers(limits, self._log)
        self._reassembler = Reassembler(limits, self._log)
        self._quic = QuicConnections(limits, self._log)
        self._open: dict[Flow, Connection] = {}
        self._early: set[Connection] = set()
        """Those given out before they have ended."""
        self._ready: deque[tuple[int, Connection]] = deque()
        self._passing: deque[tuple[int, Item]] | None = None
        """What `in_order` gives out next, and its order; None where nobody has asked for it."""
        self._packet_count = self._byte_count = self._other_count = self._not_tls_count = self._dtls_count = 0
        self._endings: Iterator[Event] | None = None
        """Once the last packet has been read: the ends of what is still open."""

    def __next__(self) -> Connection:
        while not self._ready:
            if not self.read_on():
                raise StopIteration
        self.order, connection = self._ready.popleft()
        self.waiting -= _CONNECTION
        return connection

    def in_order(self, *, judged: bool = True) -> Iterator[Item]:
        """Every message in the order of the capture, with its connection, and None behind a connection's last.

        In place of the iteration over connections: their `messages` then give out nothing that comes here. Without
        `judged` a connection has no `judgement`, and its messages come in seven eighths of the time.
        """
        self.judged = judged
        if self._passing is None:
            self._passing = deque()
        while True:
            while self._passing:
                self.order, item = self._passing.popleft()
                yield item
            if not self.read_on():
                return

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
            quic=self._quic.connections,
            dtls=self._dtls_count,
        )

    @property
    def position(self) -> int:
        """How many bytes of the file or stream have been read, compressed where it is."""
        return self._packets.position

    def close(self) -> None:
        """Closes the file, where it was given as a path. What was read of it still comes out."""
        self._packets.close()

    # -- reading

    def read_on(self, asking: Connection | None = None) -> bool:
        """Reads one packet; after the last, ends the connection that asks, or else the next that is open.

        False once there is nothing more to come.
        """
        if self._endings is not None:
            return self._end_one(self._endings, asking)
        packet = next(self._packets, None)
        if packet is None:
            self._layers.finish()
            self._pass(_OVER)
            self._endings = chain(self._reassembler.finish(), self._quic.finish())
            return True
        self._packet_count += 1
        if not self._packet_count % _NOW_AND_THEN:
            self._pass(self._clock.now)
        self._byte_count += len(packet.data)
        found = self._layers.open(packet)
        if isinstance(found, Segment):
            events = self._reassembler.feed(found)
            if events:
                self._handle(events)
        elif found is None:
            self._other_count += 1
        else:
            self._datagram(found)
        return True

    def _end_one(self, endings: Iterator[Event], asking: Connection | None) -> bool:
        """The capture is over. Ends are told one by one, so that connections can be taken one by one."""
        if asking is not None:
            self._clock.now = _OVER + self.order
            self._handle(asking.flow.finish())
            return True
        for event in endings:
            self._clock.now = _order_of_end(event.flow)
            self._handle((event,))
            if isinstance(event, Ended):
                return True
        return False

    def _datagram(self, datagram: Datagram) -> None:
        if is_quic(datagram.payload):
            self._handle(self._quic.feed(datagram))
            return
        self._other_count += 1
        version, records = dtls_records(datagram.payload)
        if records:
            self._dtls_count += records
            ends = " and ".join(sorted(map(str, (datagram.source, datagram.destination))))
            self._log.add(WarningKind.unsupported, f"{version} between {ends}: its records are not read", records)

    def _handle(self, events: Iterable[Event]) -> None:
        clock = self._clock
        for event in events:
            clock.now += 1
            flow = event.flow
            connection = self._open.get(flow)
            if connection is None:
                if not self._part.has(flow.endpoints):
                    continue
                connection = self._open[flow] = Connection(flow, self)
            connection.follow(event)
            if isinstance(event, Ended):
                del self._open[flow]
                self._ended(connection)

    def _ended(self, connection: Connection) -> None:
        if not connection.is_tls:
            self._not_tls_count += connection.transport is Transport.tcp
        elif self._passing is not None:
            self._passing.append((self._clock.now, (connection, None)))
        elif connection in self._early:
            self._early.remove(connection)
        elif self.waiting > self.limits.total_backlog:
            self._log.add(WarningKind.limit, "a connection was left out: too many wait to be taken")
            connection.forget()
        else:
            self._put(connection)

    def _put(self, connection: Connection) -> None:
        self._ready.append((self._clock.now, connection))
        self.waiting += _CONNECTION

    def _pass(self, now: int) -> None:
        if self._part.exchange is not None:
            self._part.exchange.passed(now)

    # -- what connections ask for

    def give_out(self, connection: Connection) -> None:
        """Makes the connection the next of the iteration, unless it has come out already."""
        if connection not in self._early:
            self._early.add(connection)
            self._put(connection)

    def passes(self, connection: Connection, item: Message | Gap) -> bool:
        """Whether the item goes out by `in_order`."""
        if self._passing is None:
            return False
        self._passing.append((self._clock.now, (connection, item)))
        return True


_CONNECTION = 16_000
"""About what a connection takes in memory besides its messages, in bytes."""
_NOW_AND_THEN = 4096
"""After how many packets other parts hear how far this one is."""
_OVER, _ENDS = 2**62, 2**63
"""Where the clock stands behind the last packet: for connections that ask for their end, and for all others."""


def _order_of_end(flow: Flow) -> int:
    """Those that the capture leaves open end by transport and number."""
    return _ENDS + (2**61 if flow.transport is Transport.quic else 0) + 2 * flow.number
