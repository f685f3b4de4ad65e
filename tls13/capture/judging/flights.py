"""The flights of a handshake: what each side sent without waiting for the other, and when. RFC 9846 §2"""

from __future__ import annotations

from tls13.capture.judging.judgement import Flight
from tls13.capture.messages import Direction

_MOST_FLIGHTS = 16
_MOST_MESSAGES = 32
ENCRYPTED = "encrypted"


class FlightLog:
    """Collects flights from a handshake's messages in order."""

    __slots__ = ("_flights",)

    def __init__(self) -> None:
        self._flights: list[_Open] = []

    def add(self, direction: Direction, timestamp: int, name: str) -> None:
        """One message more. What goes beyond the first flights and messages only moves the last one's end."""
        last = self._flights[-1] if self._flights else None
        if last is None or (last.direction is not direction and len(self._flights) < _MOST_FLIGHTS):
            last = _Open(direction, timestamp)
            self._flights.append(last)
        last.ended = timestamp
        if len(last.messages) < _MOST_MESSAGES and (name != ENCRYPTED or last.messages[-1:] != [ENCRYPTED]):
            last.messages.append(name)

    @property
    def flights(self) -> tuple[Flight, ...]:
        """Those so far."""
        return tuple(
            Flight(direction=each.direction, started=each.started, ended=each.ended, messages=tuple(each.messages))
            for each in self._flights
        )


class _Open:
    """A flight that may still grow."""

    __slots__ = ("direction", "ended", "messages", "started")

    def __init__(self, direction: Direction, started: int) -> None:
        self.direction = direction
        self.started = self.ended = started
        self.messages: list[str] = []
