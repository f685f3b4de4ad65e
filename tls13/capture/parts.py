"""One capture in several parts, each for a process of its own; together they give what one reader of it all would.

A connection may depend on others: on the session that it resumes, on what its server took from them. Where parts have
an exchange, they tell each other. It puts in order what they tell by how far in the capture each was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

from schemas.code_points import CipherSuite, NamedGroup
from tls13.capture.network.addresses import Endpoint


class Clock:
    """How far a capture has been read: a number that grows, and is at the same packets the same in every part."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0


@dataclass(frozen=True, slots=True)
class ServerTook:
    """The server of that name supports these."""

    name: str
    suite: CipherSuite | None
    groups: tuple[NamedGroup, ...]


@dataclass(frozen=True, slots=True)
class TicketIssued:
    """A server has issued a ticket of TLS 1.3, which has that SHA-256."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class SessionBegun:
    """A session of TLS 1.2 has that main secret; its session ID or ticket has that SHA-256."""

    digest: bytes
    main_secret: bytes


Notice = ServerTook | TicketIssued | SessionBegun
"""What a connection shows that may matter to later ones."""


class Exchange(Protocol):
    """What the parts of one capture tell each other. `now` is always how far the part has been read."""

    def tell(self, now: int, notice: Notice) -> None:
        """This part has met that."""

    def heard(self, now: int) -> Iterable[Notice]:
        """What all parts have told, this one too, up to there and not given here before, in the capture's order.

        Waits until the others have come so far, so that all parts have to be read at the same time.
        """

    def passed(self, now: int) -> None:
        """This part has come so far: called now and then."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some connections of a capture: all those between the same two ends, one share of `of`.

    So a capture can be read by several processes at once: each reads all of its packets, and only its own connections.
    `Capture.order` tells how to put together what they give out. Warnings and statistics are those of the whole capture
    in each, except for `Statistics.not_tls`, which adds up, and for what comes of limits: each part has those for its
    own connections. Without an exchange a part knows nothing of the connections of others.
    """

    index: int
    of: int
    exchange: Exchange | None = None

    def has(self, endpoints: Iterable[Endpoint]) -> bool:
        """Whether a connection between these is one of them. Every process of any machine says the same."""
        if self.of == 1:
            return True
        ends = " ".join(sorted(map(str, endpoints)))
        return crc32(ends.encode()) % self.of == self.index


WHOLE = Part(0, 1)
