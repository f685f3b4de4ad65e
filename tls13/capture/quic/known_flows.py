"""QUIC connections found again by what their packets have outside. RFC 9000 §5.2"""

from __future__ import annotations

from collections import OrderedDict

from tls13.capture.network.addresses import Endpoint
from tls13.capture.network.link import Datagram
from tls13.capture.quic.flow import CLIENT, SERVER, QuicFlow
from tls13.capture.quic.packets import LongPacket


class KnownFlows:
    """The flows, found by the ends of a datagram, or by the connection ID that a server has given its side."""

    def __init__(self) -> None:
        self._all: OrderedDict[QuicFlow, None] = OrderedDict()
        """Those last heard of last."""
        self._between: dict[frozenset[Endpoint], list[QuicFlow]] = {}
        self._by_server: dict[tuple[Endpoint, bytes], QuicFlow] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, flow: QuicFlow) -> QuicFlow | None:
        """Adds a new one. Returns the one that has to give way to it where there are many between the same ends."""
        self._all[flow] = None
        here = self._between.setdefault(frozenset(flow.endpoints), [])
        here.append(flow)
        return self.remove(here[0]) if len(here) > _MOST_BETWEEN else None

    def heard_of(self, flow: QuicFlow, server_id: bytes) -> None:
        """A packet of the flow has been opened; the server may have given its connection ID in it."""
        if flow in self._all:
            self._all.move_to_end(flow)
            if server_id and not flow.server_id:
                flow.server_id = server_id
                self._by_server[flow.endpoints[SERVER], server_id] = flow

    def candidates(self, datagram: Datagram, packet: LongPacket) -> list[tuple[QuicFlow, int]]:
        """Those that a packet may be of, likeliest first, with the side that would have sent it."""
        source, destination = datagram.source, datagram.destination
        found: dict[QuicFlow, int] = {}
        for end, connection_id, sender in (
            (destination, packet.destination_connection_id, CLIENT),
            (source, packet.source_connection_id, SERVER),
        ):
            # The client may have got another address on the way. RFC 9000 §9
            flow = self._by_server.get((end, connection_id))
            if flow is not None:
                found.setdefault(flow, sender)
        for flow in reversed(self._between.get(frozenset((source, destination)), [])):
            found.setdefault(flow, CLIENT if source == flow.endpoints[CLIENT] else SERVER)
        return list(found.items())

    def matching(self, datagram: Datagram, packet: LongPacket) -> tuple[QuicFlow, int] | None:
        """The open flow that a packet is of by its connection IDs, with the side that has sent it."""
        for flow, sender in self.candidates(datagram, packet):
            clients = packet.source_connection_id if sender == CLIENT else packet.destination_connection_id
            if clients == flow.client_id and not flow.ended:
                return flow, sender
        return None

    def oldest(self) -> QuicFlow:
        """Takes out the one that has been silent for longest."""
        return self.remove(next(iter(self._all)))

    def in_order(self) -> list[QuicFlow]:
        """All, in the order in which they began."""
        return sorted(self._all, key=lambda each: each.number)

    def clear(self) -> None:
        """Forgets all."""
        self._all.clear()
        self._between.clear()
        self._by_server.clear()

    def remove(self, flow: QuicFlow) -> QuicFlow:
        """Takes out a flow."""
        del self._all[flow]
        ends = frozenset(flow.endpoints)
        here = self._between[ends]
        here.remove(flow)
        if not here:
            del self._between[ends]
        by_server = flow.endpoints[SERVER], flow.server_id
        if self._by_server.get(by_server) is flow:
            del self._by_server[by_server]
        return flow


_MOST_BETWEEN = 8
