"""IP datagrams in fragments, put together. RFC 791 §3.2, RFC 8200 §4.5"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from tls13.capture.diagnostics import WarningKind, WarningLog
from tls13.capture.limits import Limits
from tls13.capture.network.pieces import Pieces

_LONGEST = 2**16 - 1
_TWINS_WITHIN = 100_000_000
"""Nanoseconds: a packet that is captured twice is so at once, while an identification comes again much later."""
_REMEMBERED = 1024
_OVERHEAD = 500
"""What Python takes for a datagram without its pieces."""


class Fragment(NamedTuple):
    """A part of a datagram's payload. `key` tells the datagram from others: addresses, identification, protocol."""

    key: bytes
    timestamp: int
    offset: int
    data: bytes
    is_last: bool


class _Datagram:
    """A datagram of which some is there."""

    __slots__ = ("length", "pieces")

    def __init__(self) -> None:
        self.pieces = Pieces()
        self.length: int | None = None
        """None before the last fragment has told it."""

    def add(self, fragment: Fragment) -> bool:
        """Whether the fragment goes with the others: none ends behind the last one."""
        end = fragment.offset + len(fragment.data)
        if fragment.is_last and self.length is None:
            self.length = end
        self.pieces.add(fragment.offset, fragment.timestamp, fragment.data)
        return self.length is None or max(end, self.pieces.waiting[-1].end) <= self.length

    def payload(self) -> bytes | None:
        """All of it, None as long as some is missing."""
        if self.pieces.size != self.length:
            return None
        return b"".join(piece.data for piece in self.pieces.waiting)


class Fragments:
    """Holds fragments until their datagram is whole; when they are too many, those that have waited for longest go."""

    def __init__(self, limits: Limits, log: WarningLog) -> None:
        self._limit = limits.fragments
        self._log = log
        self._waiting: OrderedDict[bytes, _Datagram] = OrderedDict()
        self._whole: OrderedDict[bytes, int] = OrderedDict()
        """When the last ones were complete: a fragment that was captured twice begins no other datagram."""
        self._cost = 0

    def add(self, fragment: Fragment) -> bytes | None:
        """The payload that the fragment completes."""
        end = fragment.offset + len(fragment.data)
        if end > _LONGEST or not fragment.data:
            self._log.add(WarningKind.fragment, "an IP fragment is empty, or ends beyond the longest datagram")
            return None
        last = self._whole.get(fragment.key)
        if last is not None and fragment.timestamp - last < _TWINS_WITHIN:
            return None
        datagram = self._waiting.get(fragment.key)
        if datagram is None:
            datagram = self._waiting[fragment.key] = _Datagram()
            self._cost += _OVERHEAD
        before = datagram.pieces.cost
        agrees = datagram.add(fragment)
        self._cost += datagram.pieces.cost - before
        payload = datagram.payload() if agrees else None
        if not agrees:
            self._log.add(WarningKind.fragment, "IP fragments contradict each other on how long their datagram is")
        if payload is not None or not agrees:
            self._drop(fragment.key)
        if payload is not None:
            self._whole[fragment.key] = fragment.timestamp
            if len(self._whole) > _REMEMBERED:
                self._whole.popitem(last=False)
        while self._cost > self._limit:
            self._drop(next(iter(self._waiting)))
            self._log.add(WarningKind.limit, "over the limit of IP fragments: the oldest are given up")
        return payload

    def finish(self) -> None:
        """There are no more packets: what is not whole will not be."""
        if self._waiting:
            text = "IP datagrams in fragments lack some of them: their segments are missing"
            self._log.add(WarningKind.fragment, text, len(self._waiting))
        self._waiting.clear()
        self._cost = 0

    def _drop(self, key: bytes) -> None:
        datagram = self._waiting.pop(key)
        self._cost -= datagram.pieces.cost + _OVERHEAD
