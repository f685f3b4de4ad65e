"""UDP datagrams to the streams of CRYPTO frames in QUIC's Initial packets: ClientHello and ServerHello. RFC 9001 §4, §5

What follows them is under keys of the handshake and is not read: a connection ends here where the client has got them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.errors import DecodeError
from schemas.quic_packets import CryptoFrame
from tls13.capture.diagnostics import WarningKind, WarningLog
from tls13.capture.limits import Limits
from tls13.capture.network.flows import Ending, Event
from tls13.capture.network.link import Datagram
from tls13.capture.quic.flow import CLIENT, SERVER, QuicFlow
from tls13.capture.quic.known_flows import KnownFlows
from tls13.capture.quic.packets import LongPacket, crypto_data, frames, long_packets, unread_version
from tls13.capture.quic.versions import PacketType
from tls13.capture.quic.waiting import WaitingPacket, WaitingPackets


class _Placed(NamedTuple):
    """An opened Initial packet: its flow, which may be a new one, who has sent it, and what is in it."""

    flow: QuicFlow
    sender: int
    payload: bytes


class QuicConnections:
    """Sorts Initial packets into flows. `connections` counts them all, `log` gets what limits do."""

    def __init__(self, limits: Limits, log: WarningLog) -> None:
        self.connections = 0
        self._limits = limits
        self._log = log
        self._flows = KnownFlows()
        self._unfinished = 0
        self._heard: list[QuicFlow] = []
        """Of whom something came last."""
        self._waiting = WaitingPackets(log)

    def feed(self, datagram: Datagram) -> Sequence[Event]:
        """What the datagram adds to its flow, or ends of others."""
        # Whoever reads the events has told by now what is held of those before.
        while self._heard:
            self._count(self._heard.pop())
        unread = unread_version(datagram.payload)
        if unread is not None:
            self._log.add(WarningKind.unsupported, f"QUIC packets of {unread} are not read")
            return ()
        events = [event for packet in long_packets(datagram.payload) for event in self._packet(datagram, packet)]
        return [*events, *self._make_room()] if self._unfinished > self._limits.unfinished else events

    def finish(self) -> Iterator[Event]:
        """The capture is over: the ends of all flows that are still open, oldest first."""
        self._waiting.finish()
        for flow in self._flows.in_order():
            yield from flow.finish()
        self._flows.clear()

    def _packet(self, datagram: Datagram, packet: LongPacket) -> Iterator[Event]:
        if packet.type is PacketType.initial:
            if packet.is_cut:
                self._log.add(WarningKind.snapped, "a QUIC Initial packet is cut off: what is in it is not read")
            yield from self._initial(WaitingPacket(datagram, packet), datagram.timestamp)
            return
        match packet.type, self._flows.matching(datagram, packet):
            case PacketType.handshake, (flow, sender) if sender == CLIENT:
                yield from self._closed(flow, Ending.encrypted)
            case PacketType.retry, (flow, sender) if sender == SERVER:
                flow.takes(packet.source_connection_id)
                yield from self._try_again(datagram)
            case PacketType.negotiation, (flow, sender) if sender == SERVER:
                # RFC 9000 §6.2: where the server has spoken already, where the IDs are not the client's, and where the
                # client's version is among those that are offered, it is somebody else's word.
                spoken = flow.streams[SERVER].offset or flow.version in packet.versions
                if flow.knows(packet.source_connection_id) and not spoken:
                    # The client may try another version, with the same IDs: that is a connection of its own.
                    self._heard.append(self._flows.remove(flow))
                    yield from flow.end(Ending.reset)
            case PacketType.negotiation, None if not self._flows.candidates(datagram, packet):
                text = "a QUIC server does not speak the version in which its client began: that is not read"
                self._log.add(WarningKind.unsupported, text)

    def _initial(self, waiting: WaitingPacket, timestamp: int) -> Iterator[Event]:
        """An Initial packet that comes, or that has waited until `timestamp`."""
        datagram, packet = waiting
        placed = None if packet.is_cut else self._placed(datagram, packet)
        if placed is None:
            yield from self._wait(waiting)
            return
        flow, sender, payload = placed
        is_new = flow.number == self.connections
        if is_new:
            yield from self._begin(flow)
        self._flows.heard_of(flow, packet.source_connection_id if sender == SERVER else b"")
        yield from self._payload(flow, sender, timestamp, payload)
        if is_new:
            yield from self._try_again(datagram)

    def _placed(self, datagram: Datagram, packet: LongPacket) -> _Placed | None:
        """The packet opened, by the keys of a flow that is known, by its own, or by those of one that was cut."""
        for flow, sender in self._flows.candidates(datagram, packet):
            opened = flow.open(sender, packet)
            if opened is not None:
                return _Placed(flow, sender, opened.payload)
        flow = QuicFlow(self.connections, datagram, packet)
        opened = flow.open(CLIENT, packet)
        if opened is not None:
            return _Placed(self._before_retry(datagram, packet) or flow, CLIENT, opened.payload)
        for head in self._waiting.heads(datagram):
            flow = QuicFlow(self.connections, head.datagram, head.packet)
            sender = CLIENT if head.datagram.source == datagram.source else SERVER
            opened = flow.open(sender, packet)
            if opened is not None:
                return _Placed(flow, sender, opened.payload)
        return None

    def _before_retry(self, datagram: Datagram, packet: LongPacket) -> QuicFlow | None:
        """The flow that a packet goes on with, where the Retry packet in between is not in the capture."""
        found = self._flows.matching(datagram, packet)
        if not packet.has_token or not packet.source_connection_id or found is None:
            return None
        flow, sender = found
        if sender != CLIENT or flow.server_id:
            return None
        flow.takes(packet.destination_connection_id)
        return flow

    def _wait(self, waiting: WaitingPacket) -> Iterator[Event]:
        datagram, packet = waiting
        if not packet.is_cut:
            self._waiting.add(waiting)
            return
        found = self._flows.matching(datagram, packet)
        if found is None or (found[1] == CLIENT and not found[0].knows(packet.destination_connection_id)):
            self._waiting.add(waiting)
            yield from self._try_again(datagram)

    def _try_again(self, datagram: Datagram) -> Iterator[Event]:
        """There are new keys for what waits between those ends."""
        for waiting in self._waiting.take(datagram):
            yield from self._initial(waiting, datagram.timestamp)

    def _begin(self, flow: QuicFlow) -> Iterator[Event]:
        self.connections += 1
        replaced = self._flows.add(flow)
        if replaced is not None and not replaced.ended:
            self._heard.append(replaced)
            yield from replaced.end(replaced.ending or Ending.replaced)
        if len(self._flows) > self._limits.connections:
            yield from self._forget(f"over {self._limits.connections} connections at once")

    def _make_room(self) -> Iterator[Event]:
        while self._unfinished > self._limits.unfinished and len(self._flows) > 1:
            yield from self._forget(f"over {self._limits.unfinished} bytes unfinished at once")

    def _forget(self, why: str) -> Iterator[Event]:
        """Gives up the one that has been silent for longest."""
        oldest = self._flows.oldest()
        if not oldest.ended:
            if oldest.ending is None:
                self._log.add(WarningKind.limit, f"{why}: silent ones are given up")
            yield from oldest.end(oldest.ending or Ending.forgotten)
        self._count(oldest)

    def _count(self, flow: QuicFlow) -> None:
        """What is kept of a flow that is not whole yet."""
        now = 0 if flow.ended else flow.held + sum(pieces.cost for pieces in flow.streams)
        self._unfinished += now - flow.counted
        flow.counted = now

    def _closed(self, flow: QuicFlow, ending: Ending) -> Iterator[Event]:
        """RFC 9001 §4.9.1: the client has no use for Initial packets from here on. The last ones may come late."""
        flow.ending = flow.ending or ending
        self._heard.append(flow)
        if flow.streams[SERVER].offset and not any(pieces.waiting for pieces in flow.streams):
            yield from flow.end(flow.ending)

    def _payload(self, flow: QuicFlow, sender: int, timestamp: int, payload: bytes) -> Iterator[Event]:
        """What the frames of a packet add."""
        if flow.ended:
            return
        flow.last_seen = max(flow.last_seen, timestamp)
        self._heard.append(flow)
        try:
            for frame in frames(payload):
                if isinstance(frame, CryptoFrame):
                    yield from self._crypto(flow, sender, timestamp, frame)
                    continue
                if sender == SERVER:
                    yield from flow.end(Ending.reset)
                else:
                    yield from self._closed(flow, Ending.reset)
                return
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
