"""UDP datagrams to the streams of CRYPTO frames in QUIC's Initial packets: ClientHello and ServerHello. RFC 9001 §4, §5

What follows them is under keys of the handshake and is not read: a connection ends here where the client has got them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

from schemas.errors import DecodeError
from schemas.quic_packets import ConnectionCloseFrame, CryptoFrame, QuicVersion
from tls13.capture.diagnostics import WarningKind, WarningLog
from tls13.capture.limits import Limits
from tls13.capture.network.addresses import Endpoint
from tls13.capture.network.flows import Chunk, Ended, Ending, Event, Flow, Missing, Transport
from tls13.capture.network.link import Datagram
from tls13.capture.network.pieces import Pieces
from tls13.capture.quic.packets import LongPacket, PacketType, crypto_data, frames, long_packets
from tls13.capture.quic.protection import InitialProtection, initial_protection

_Key = tuple[Endpoint, Endpoint]
_Protection = tuple[InitialProtection, InitialProtection]


class QuicFlow(Flow):
    """A connection: endpoints[0] is the client."""

    __slots__ = ("connection_id", "protection", "retried", "streams")

    def __init__(self, number: int, datagram: Datagram, packet: LongPacket, protection: _Protection) -> None:
        ends = datagram.source, datagram.destination
        super().__init__(number, Transport.quic, datagram.timestamp, ends, opener_known=True)
        self.connection_id = packet.destination_connection_id
        self.protection = {packet.version: protection}
        self.retried = False
        """Whether the server has sent Retry, after which the client begins again under another connection ID."""
        self.streams = Pieces(), Pieces()

    def begin_again(self, packet: LongPacket, protection: _Protection) -> None:
        """The client has got a Retry packet, and sends its hello again. RFC 9000 §17.2.5.2"""
        self.connection_id = packet.destination_connection_id
        self.protection = {packet.version: protection}

    def sides(self, version: QuicVersion) -> _Protection:
        """The protection of both sides. Either version may be gone over to from the other. RFC 9369 §4"""
        if version not in self.protection:
            self.protection[version] = initial_protection(version, self.connection_id)
        return self.protection[version]

    def end(self, ending: Ending) -> Iterator[Event]:
        """Delivers what waits, gaps and all."""
        self.ended = True
        for sender, pieces in enumerate(self.streams):
            while pieces.waiting:
                yield from self.skip(sender)
        yield Ended(self, ending)

    def finish(self) -> Iterator[Event]:
        """See `Flow`."""
        if not self.ended:
            yield from self.end(Ending.unfinished)

    def deliver(self, sender: int, timestamp: int) -> Iterator[Event]:
        """What is next in order, made so by a packet of that time."""
        for piece in self.streams[sender].take():
            yield Chunk(self, sender, max(timestamp, piece.timestamp), piece.start, piece.data)

    def skip(self, sender: int) -> Iterator[Event]:
        """Waits no longer for the bytes that are missing first."""
        pieces = self.streams[sender]
        timestamp, at = pieces.waiting[0].timestamp, pieces.offset
        yield Missing(self, sender, timestamp, at, pieces.skip())
        yield from self.deliver(sender, timestamp)


class QuicConnections:
    """Sorts Initial packets into flows. `connections` counts them all, `log` gets what limits do."""

    def __init__(self, limits: Limits, log: WarningLog) -> None:
        self.connections = 0
        self._limits = limits
        self._log = log
        self._flows: OrderedDict[_Key, QuicFlow] = OrderedDict()
        """Those last heard of last."""

    def feed(self, datagram: Datagram) -> Sequence[Event]:
        """What the datagram adds to its flow, or ends of others."""
        return [event for packet in long_packets(datagram.payload) for event in self._packet(datagram, packet)]

    def finish(self) -> Iterator[Event]:
        """The capture is over: the ends of all flows that are still open, oldest first."""
        for flow in sorted(self._flows.values(), key=lambda each: each.number):
            yield from flow.finish()
        self._flows.clear()

    def _packet(self, datagram: Datagram, packet: LongPacket) -> Iterator[Event]:
        source, destination = datagram.source, datagram.destination
        key = (source, destination) if source <= destination else (destination, source)
        flow = self._flows.get(key)
        if packet.type is PacketType.initial:
            yield from self._initial(key, flow, datagram, packet)
        elif flow is None or flow.ended:
            return
        elif packet.type is PacketType.retry:
            flow.retried = True
        elif packet.type is PacketType.negotiation:
            yield from flow.end(Ending.reset)
        elif packet.type is PacketType.handshake and datagram.source == flow.endpoints[0]:
            # RFC 9001 §4.9.1: from here on the client has no use for Initial packets.
            yield from flow.end(Ending.encrypted)

    def _initial(self, key: _Key, flow: QuicFlow | None, datagram: Datagram, packet: LongPacket) -> Iterator[Event]:
        if flow is not None:
            sender = 0 if datagram.source == flow.endpoints[0] else 1
            opened = flow.sides(packet.version)[sender].open(packet.raw, packet.protected_at)
            if opened is not None:
                yield from self._payload(flow, sender, datagram.timestamp, opened.payload)
                return
        protection = initial_protection(packet.version, packet.destination_connection_id)
        opened = protection[0].open(packet.raw, packet.protected_at)
        if opened is None:
            text = "a QUIC Initial packet does not open: it is damaged, or the client's first one is not in the capture"
            self._log.add(WarningKind.unreadable, text)
            return
        if flow is not None and flow.retried and not flow.ended and packet.has_token:
            flow.begin_again(packet, protection)
        else:
            if flow is not None and not flow.ended:
                yield from flow.end(Ending.replaced)
            flow = self._flows[key] = QuicFlow(self.connections, datagram, packet, protection)
            self.connections += 1
        self._flows.move_to_end(key)
        yield from self._payload(flow, 0, datagram.timestamp, opened.payload)
        yield from self._make_room()

    def _payload(self, flow: QuicFlow, sender: int, timestamp: int, payload: bytes) -> Iterator[Event]:
        """What the frames of a packet add."""
        if flow.ended:
            return
        flow.last_seen = timestamp
        try:
            for frame in frames(payload):
                if isinstance(frame, ConnectionCloseFrame):
                    yield from flow.end(Ending.reset)
                    return
                yield from self._crypto(flow, sender, timestamp, frame)
        except DecodeError as error:
            self._log.add(WarningKind.unreadable, f"a frame in a QUIC Initial packet is not readable: {error}")

    def _crypto(self, flow: QuicFlow, sender: int, timestamp: int, frame: CryptoFrame) -> Iterator[Event]:
        pieces = flow.streams[sender]
        data = crypto_data(frame)
        if frame.offset + len(data) > self._limits.handshake_message:
            self._log.add(WarningKind.limit, "a QUIC handshake longer than a message may be: its end is not kept")
            return
        pieces.add(frame.offset, timestamp, data)
        yield from flow.deliver(sender, timestamp)
        while pieces.waiting and (
            pieces.cost > self._limits.reordered or len(pieces.waiting) > self._limits.reordered_segments
        ):
            yield from flow.skip(sender)

    def _make_room(self) -> Iterator[Event]:
        if len(self._flows) > self._limits.connections:
            _, flow = self._flows.popitem(last=False)
            if not flow.ended:
                what = f"over {self._limits.connections} connections at once"
                self._log.add(WarningKind.limit, f"{what}: silent ones are given up")
                yield from flow.end(Ending.forgotten)
