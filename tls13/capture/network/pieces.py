"""Bytes in pieces that come in any order, twice or overlapping: put in order, the first copy of each."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple


class Piece(NamedTuple):
    """Bytes with their place, and the time of the packet they came in."""

    start: int
    timestamp: int
    data: bytes

    @property
    def end(self) -> int:
        """The place behind them."""
        return self.start + len(self.data)


class Pieces:
    """What waits for the bytes before it."""

    __slots__ = ("offset", "size", "waiting")

    def __init__(self) -> None:
        self.offset = 0
        """Of the next byte to take."""
        self.waiting: list[Piece] = []
        """In order, without overlap, all behind a gap."""
        self.size = 0
        """How many bytes wait."""

    @property
    def cost(self) -> int:
        """Of what waits, in bytes of memory."""
        return self.size + _OVERHEAD * len(self.waiting)

    def add(self, start: int, timestamp: int, data: bytes) -> None:
        """Adds what of the data is new, in as many pieces as there are holes for it."""
        end = start + len(data)
        at = max(start, self.offset)
        index = bisect_left(self.waiting, at, key=_end)
        while at < end:
            following = self.waiting[index] if index < len(self.waiting) else None
            until = end if following is None else min(end, following.start)
            if at < until:
                self.waiting.insert(index, Piece(at, timestamp, data[at - start : until - start]))
                self.size += until - at
                index += 1
            at = until if following is None else max(until, following.end)
            index += following is not None

    def take(self) -> list[Piece]:
        """What is next in order, which moves the offset."""
        taken = 0
        for piece in self.waiting:
            if piece.start != self.offset:
                break
            self.offset = piece.end
            self.size -= len(piece.data)
            taken += 1
        pieces = self.waiting[:taken]
        del self.waiting[:taken]
        return pieces

    def skip(self) -> int:
        """Moves the offset to what waits first. Returns how many bytes that leaves out."""
        length = self.waiting[0].start - self.offset
        self.offset += length
        return length


def _end(piece: Piece) -> int:
    return piece.end


_OVERHEAD = 200
"""What Python takes for a piece besides its bytes."""
