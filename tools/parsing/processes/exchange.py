"""What the processes that read one capture tell each other, in the capture's order: an `Exchange` by files."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from heapq import merge
from operator import itemgetter
from pathlib import Path
from threading import Lock

from tls13.capture import Notice
from tls13.closing import Closing
from tools.parsing.processes.mailbox import Journal, JournalReader, working_in

_Told = tuple[int, Notice]
_Note = tuple[int, int, list[_Told]]
"""How far its writer had come, in the capture's order and in bytes, and what it had told since the note before."""

_AT_ONCE = 1000
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0001, 0.01
_THE_END = 2**64


def make_exchange(stem: Path, of: int) -> None:
    """The files of an exchange between so many parts, before any of them opens it. Raises CommandError."""
    with working_in(stem.parent):
        for index in range(of):
            _notices(stem, index).touch()


class FileExchange(Closing):
    """That of part `index` of `of`. All of a capture's have the same `stem`, and folder, see `make_exchange`.

    `position` tells how many bytes of the capture the part has read; `BytesRead` gives that to other processes.
    """

    def __init__(self, stem: Path, index: int, of: int) -> None:
        self.position: Callable[[], int] = int
        self._stem = stem
        self._awaited = _awaited(stem, index)
        self._journal: Journal[_Note] = Journal(_notices(stem, index))
        self._readers = _readers(stem, of)
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

    def is_awaited(self) -> bool:
        """Whether another part waits for this one, and has not been told here in the last moments."""
        try:
            self._awaited.unlink()
        except FileNotFoundError:
            return False
        return True

    def close(self) -> None:
        """This part is through: nobody waits for it any more."""
        with ExitStack() as files:
            for each in (self._journal, *self._readers):
                files.enter_context(each)
            self._publish(_THE_END)

    def _publish(self, now: int) -> None:
        self._journal.add((now, self.position(), self._told))
        self._told = []

    def _wait_for(self, index: int) -> None:
        """Takes the next that a part has told. Whoever started the parts ends them when one of them has failed."""
        pause = _SHORTEST_PAUSE
        while (note := self._readers[index].read()) is None:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            if pause == _LONGEST_PAUSE:
                with working_in(self._stem.parent):
                    _awaited(self._stem, index).touch()
        self._passed[index], _, told = note
        self._heard[index].extend(told)


class BytesRead(Closing):
    """How many bytes of a capture its parts have read, between them."""

    def __init__(self, stem: Path, of: int) -> None:
        self._readers = _readers(stem, of)
        self._positions = [0] * of
        self._asking = Lock()

    def __call__(self) -> int:
        with self._asking:
            for index, reader in enumerate(self._readers):
                while (note := reader.read()) is not None:
                    self._positions[index] = note[1]
            return sum(self._positions) // len(self._positions)

    def close(self) -> None:
        """Nothing more is added to it, though another thread may still ask."""
        with self._asking:
            while self._readers:
                self._readers.pop().close()


def _readers(stem: Path, of: int) -> list[JournalReader[_Note]]:
    return [JournalReader(_notices(stem, index)) for index in range(of)]


def _until(now: int, told: deque[_Told]) -> Iterator[_Told]:
    while told and told[0][0] <= now:
        yield told.popleft()


def _notices(stem: Path, index: int) -> Path:
    return stem.with_name(f"{stem.name}-{index}-notices")


def _awaited(stem: Path, index: int) -> Path:
    return stem.with_name(f"{stem.name}-{index}-awaited")
