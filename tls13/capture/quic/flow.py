"""A QUIC connection as a flow: its connection IDs, its keys, and its streams of CRYPTO frames. RFC 9001 §5.2"""

from __future__ import annotations

from collections.abc import Iterator

from schemas.quic_packets import QuicVersion
from tls13.capture.network.flows import Ended, Ending, Event, Flow, Transport
from tls13.capture.network.link import Datagram
from tls13.capture.network.pieces import Pieces
from tls13.capture.quic.packets import LongPacket
from tls13.capture.quic.protection import InitialProtection, Opened, initial_protection
from tls13.capture.quic.versions import FORMS

_MOST_KEY_SOURCES = 4
CLIENT, SERVER = 0, 1
"""Indices of `Flow.endpoints` and of what there is for each side."""


class QuicFlow(Flow):
    """A connection: endpoints[0] is the client. `packet` is the first of its Initial packets, whole or cut."""

    __slots__ = ("_key_sources", "_protections", "client_id", "ending", "server_id", "streams", "version")

    def __init__(self, number: int, datagram: Datagram, packet: LongPacket) -> None:
        ends = datagram.source, datagram.destination
        super().__init__(number, Transport.quic, datagram.timestamp, ends, opener_known=True)
        self.client_id = packet.source_connection_id
        """As the client wants it: its packets come from it, the server's go to it. It stays the same."""
        self.server_id = b""
        """As the server wants it, once it has said so."""
        self.streams = Pieces(), Pieces()
        self.ending: Ending | None = None
        """How it ends as soon as what crosses that on the way is there."""
        self._key_sources = [packet.destination_connection_id]
        self.version = packet.version
        """That of its first packet."""
        self._protections: dict[tuple[QuicVersion, bytes], tuple[InitialProtection, InitialProtection]] = {}

    def knows(self, connection_id: bytes) -> bool:
        """Whether the client has sent to that connection ID."""
        return connection_id in (*self._key_sources, self.server_id)

    def takes(self, connection_id: bytes) -> None:
        """After a Retry packet the keys come from the connection ID that it gave. RFC 9001 §5.2"""
        if connection_id in self._key_sources:
            return
        self._key_sources.append(connection_id)
        if len(self._key_sources) > _MOST_KEY_SOURCES:
            # Anybody may have sent those packets; the first one is the client's word.
            forgotten = self._key_sources.pop(1)
            for version in FORMS:
                self._protections.pop((version, forgotten), None)

    def open(self, sender: int, packet: LongPacket) -> Opened | None:
        """The packet without its protection, None where it is not that side's or damaged.

        The version of its header goes first; sides may go over to another in the middle (RFC 9369 §4), where clients
        have been met that keep the keys of the first one.
        """
        for version in dict.fromkeys((packet.version, self.version)):
            for connection_id in reversed(self._key_sources):
                opened = self._protection(version, connection_id)[sender].open(packet.raw, packet.protected_at)
                if opened is not None:
                    return opened
        return None

    def pieces(self, sender: int) -> Pieces:
        """See `Flow`."""
        return self.streams[sender]

    def end(self, ending: Ending) -> Iterator[Event]:
        """Delivers what waits, gaps and all."""
        self.ended = True
        yield from self.give_up()
        self._protections.clear()
        yield Ended(self, ending)

    def finish(self) -> Iterator[Event]:
        """See `Flow`."""
        if not self.ended:
            yield from self.end(self.ending or Ending.unfinished)

    def _protection(self, version: QuicVersion, connection_id: bytes) -> tuple[InitialProtection, InitialProtection]:
        key = version, connection_id
        protection = self._protections.get(key)
        if protection is None:
            protection = initial_protection(version, connection_id)
            # Of an ended connection there are only a few late packets, and many of those may be remembered.
            if not self.ended:
                self._protections[key] = protection
        return protection
