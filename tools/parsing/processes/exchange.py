"""What the processes that read one capture tell each other, in the capture's order: an `Exchange` by files."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from heapq import merge
from operator import itemgetter
from pathlib import Path

from tls13.capture import Notice
from tls13.closing import Closing
from tools.parsing.processes.mailbox import Journal, JournalReader

_Told = tuple[int, Notice]
_Note = tuple[int, list[_Told]]
"""How far its writer had come, and what it had told since the note before."""

_AT_ONCE = 1000
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0001, 0.01
_THE_END = 2**64


class FileExchange(Closing):
    """That of part `index` of `of`. All of a capture's have the same `stem`, and folder.

    `position` tells how many bytes of the capture the part has read; `BytesRead` gives that to other processes.
    """

    def __init__(self, stem: Path, index: int, of: int) -> None:
        self.position: Callable[[], int] = int
        self._journal: Journal[_Note] = Journal(_notices(stem, index))
        self._readers: list[JournalReader[_Note]] = [JournalReader(_notices(stem, each)) for each in range(of)]
        self._positions: Journal[int] = Journal(_position(stem, index))
        self._told: list[_Told] = []
        self._heard: list[deque[_Told]] = [deque() for _ in range(of)]
        self._passed = [0] * of

    def tell(self, now: int, notice: Notice) -> None:
        """See `Exchange`."""
        self._told.append((now, notice))
        if len(self._told) >= _AT_ONCE:
            self._publish(now)

    def heard(self, now: int) -> Iterator[Notice]:
        """See `Exchange`."""
        self._publish(now)
        while True:
            together = min(now, *self._passed)
            for _, notice in merge(*(_until(together, each) for each in self._heard), key=itemgetter(0)):
                yield notice
            if together >= now:
                return
            self._wait_for(self._passed.index(min(self._passed)))

    def passed(self, now: int) -> None:
        """See `Exchange`."""
        self._publish(now)
        self._positions.add(self.position())

    def close(self) -> None:
        """This part is through: nobody waits for it any more."""
        self.passed(_THE_END)
        self._journal.close()
        self._positions.close()

    def _publish(self, now: int) -> None:
        self._journal.add((now, self._told))
        self._told = []

    def _wait_for(self, index: int) -> None:
        """Takes the next that a part has told."""
        pause = _SHORTEST_PAUSE
        while (note := self._readers[index].read()) is None:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self._passed[index], told = note
        self._heard[index].extend(told)


class BytesRead:
    """How many bytes of a capture its parts have read, between them."""

    def __init__(self, stem: Path, of: int) -> None:
        self._readers: list[JournalReader[int]] = [JournalReader(_position(stem, each)) for each in range(of)]
        self._positions = [0] * of

    def __call__(self) -> int:
        for index, reader in enumerate(self._readers):
            while (position := reader.read()) is not None:
                self._positions[index] = position
        return sum(self._positions) // len(self._positions)


def _until(now: int, told: deque[_Told]) -> Iterator[_Told]:
    while told and told[0][0] <= now:
        yield told.popleft()


def _notices(stem: Path, index: int) -> Path:
    return stem.with_name(f"{stem.name}-{index}-notices")


def _position(stem: Path, index: int) -> Path:
    return stem.with_name(f"{stem.name}-{index}-position")
