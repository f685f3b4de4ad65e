"""What a server does so that early data is not taken twice. RFC 9846 §8."""

from __future__ import annotations

import heapq
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from tls13.errors import ConfigurationError


class ReplayStore(Protocol):
    """Remembers what was seen. Shared by all servers that open each other's tickets, it is a SET NX of Redis, say."""

    def add(self, key: bytes, until: datetime, now: datetime) -> bool:
        """Remembers `key` at least until then; whether it is new. False whenever that can't be told."""


class MemoryReplayStore:
    """Remembers in this process: for one server alone, with tickets that none before it has made.

    When `capacity` keys are remembered and none is over yet, nothing new is taken.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        if capacity < 1:
            raise ConfigurationError(f"a replay store for {capacity} keys", "give 1 or more")
        self._capacity = capacity
        self._known: set[bytes] = set()
        self._ends: list[tuple[datetime, bytes]] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def add(self, key: bytes, until: datetime, now: datetime) -> bool:
        """See `ReplayStore`."""
        with self._lock:
            while self._ends and self._ends[0][0] <= now:
                self._known.discard(heapq.heappop(self._ends)[1])
            if key in self._known or len(self._known) >= self._capacity:
                return False
            self._known.add(key)
            heapq.heappush(self._ends, (until, key))
            return True


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyDataPolicy:
    """How a server takes early data. §8

    At most `max_size` bytes of it, from a client whose clock agrees within `window` about the ticket's age (§8.3), and
    from each ClientHello once (§8.2). `since` is when `replays` began to remember, where that was later than the first
    of the tickets: of a server that starts again with its old sealing keys. None is taken for a while then. Raises
    ConfigurationError for a size or time that is not positive.
    """

    max_size: int = 2**14
    window: timedelta = timedelta(seconds=10)
    replays: ReplayStore = field(default_factory=MemoryReplayStore)
    since: datetime | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.max_size < 2**32:
            raise ConfigurationError(f"early data of at most {self.max_size} bytes", "give 1 to 4294967295")
        if self.window <= timedelta(0):
            raise ConfigurationError("the early data window is not a positive time")

    def remembers(self, now: datetime) -> bool:
        """Whether whatever is still fresh would be known if it had come before. §8.2"""
        return self.since is None or now >= self.since + 2 * self.window

    def is_fresh(self, claimed_age: int, age: int) -> bool:
        """Whether a ticket's age as its client claims it is near enough to what it is here; both in milliseconds."""
        return timedelta(milliseconds=abs(claimed_age - age)) <= self.window
