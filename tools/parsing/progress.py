"""How far a long reading is, on standard error where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from tools.parsing.inputs import Input

LONG = 4_000_000
"""Bytes from which on a reading is long."""


class Reading(Progress):
    """Bytes read, the rate, and the time that is left, drawn now and then until it is closed; nothing of it stays.

    `watch` says where the bytes of the next input are counted; `done` that it has been read.
    """

    def __init__(self, inputs: Iterable[Input], *, shown: bool) -> None:
        sizes = [each.size for each in inputs]
        self._total = None if None in sizes else sum(size for size in sizes if size is not None)
        self._shown = shown and (self._total is None or self._total >= LONG)
        self._before = 0
        self._position: Callable[[], int] = int
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(20),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(file=sys.stderr, markup=False, emoji=False, highlight=False),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not self._shown,
            refresh_per_second=4,
        )
        self.add_task("reading", total=self._total)

    def watch(self, position: Callable[[], int]) -> None:
        """From here on `position` tells how many bytes of the present input have been read."""
        self._position = position

    def done(self, which: Input) -> None:
        """The present input has been read."""
        self._position = int
        self._before += which.size or 0

    def get_renderables(self) -> Iterable[RenderableType]:
        """What is drawn; called each time it is."""
        for task in self.task_ids:
            self.update(task, completed=self._before + self._position())
        yield self.make_tasks_table(self.tasks)


def shows_progress(*, output_is_terminal: bool) -> bool:
    """Whether there is somebody to see it, and nothing else on the screen that it would disturb."""
    return sys.stderr is not None and sys.stderr.isatty() and not output_is_terminal
