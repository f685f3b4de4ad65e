"""Connections as they are found among packets, and what happens in them, whatever carries them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from tls13.capture.network.addresses import Endpoint
from tls13.capture.network.pieces import Pieces


class Transport(StrEnum):
    """What carries a connection's TLS."""

    tcp = "tcp"
    quic = "quic"
    """RFC 9001: in CRYPTO frames, without records. Only what Initial packets carry is read."""


class Ending(StrEnum):
    """How a connection ended, as far as the capture shows."""

    finished = "finished"
    """Both sides sent FIN, and everything before it is there or known to be missing."""
    reset = "reset"
    """A side sent RST, or QUIC's CONNECTION_CLOSE."""
    replaced = "replaced"
    """Another connection began between the same ports."""
    unfinished = "unfinished"
    """It was still open where the capture ends."""
    forgotten = "forgotten"
    """It was given up, open and silent for longest, to make room for others."""
    encrypted = "encrypted"
    """It went on in QUIC packets under keys of the handshake, which are not read."""


class Flow(ABC):
    """A connection and its two streams of bytes. `endpoints[0]` is who opened it, or was seen first."""

    __slots__ = ("counted", "ended", "endpoints", "held", "last_seen", "number", "opener_known", "started", "transport")

    def __init__(
        self,
        number: int,
        transport: Transport,
        started: int,
        endpoints: tuple[Endpoint, Endpoint],
        opener_known: bool,
    ) -> None:
        self.number = number
        self.transport = transport
        self.started = started
        self.endpoints = endpoints
        self.opener_known = opener_known
        """Whether endpoints[0] is known to have opened the connection, rather than only to be seen first."""
        self.last_seen = started
        self.ended = False
        self.held = 0
        """Bytes that whoever reads the events keeps of them, told by it."""
        self.counted = 0
        """What of it a total of unfinished bytes has in it."""

    @abstractmethod
    def pieces(self, sender: int) -> Pieces:
        """That side's bytes, put in order."""

    @abstractmethod
    def finish(self) -> Iterator[Event]:
        """What is left where the capture is over, and the end; nothing where it has ended."""

    def deliver(self, sender: int, timestamp: int) -> Iterator[Event]:
        """What is next in order, made so by a packet of that time."""
        for piece in self.pieces(sender).take():
            yield Chunk(self, sender, max(timestamp, piece.timestamp), piece.start, piece.data)

    def skip(self, sender: int) -> Iterator[Event]:
        """Waits no longer for the bytes that are missing first."""
        pieces = self.pieces(sender)
        timestamp, at = pieces.waiting[0].timestamp, pieces.offset
        yield Missing(self, sender, timestamp, at, pieces.skip())
        yield from self.deliver(sender, timestamp)

    def give_up(self) -> Iterator[Event]:
        """Waits no longer for anything that is missing so far."""
        for sender in range(len(self.endpoints)):
            while self.pieces(sender).waiting:
                yield from self.skip(sender)


class Chunk(NamedTuple):
    """Bytes of a stream, in order. `sender` is 0 or 1, an index of `Flow.endpoints`; `offset` counts from the stream's
    start, or from where the capture picks it up. `timestamp` is that of the packet that made them deliverable.
    """

    flow: Flow
    sender: int
    timestamp: int
    offset: int
    data: bytes


class Missing(NamedTuple):
    """`length` bytes of a stream that the capture does not hold."""

    flow: Flow
    sender: int
    timestamp: int
    offset: int
    length: int


class Ended(NamedTuple):
    """The last event of a flow."""

    flow: Flow
    ending: Ending


Event = Chunk | Missing | Ended
