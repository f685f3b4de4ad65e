"""Ratios between what takes two times, and what they are wanted to be."""

from __future__ import annotations

import operator
import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to put two times in relation.

    `ratio` takes ours and the other's in seconds; `form` is how it is written, `words` what it is.
    """

    ratio: Callable[[float, float], float]
    form: str
    words: str
    more_is_better: bool


class Ratio(Enum):
    """How a ratio is to be read."""

    RATE = Reading(lambda ours, theirs: theirs / ours, "{:.2f}", "x its rate", True)
    TIME = Reading(lambda ours, theirs: ours / theirs, "{:.2f}", "x its time", False)
    OVERHEAD = Reading(lambda ours, theirs: ours / theirs - 1, "{:.0%}", " more", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Something of ours beside something else, in seconds, and what the ratio is wanted to be, if it is."""

    what: str
    ours: float
    beside: str
    theirs: float
    ratio: Ratio
    goal: float | None

    @property
    def figure(self) -> float:
        """The ratio that was measured."""
        return self.ratio.value.ratio(self.ours, self.theirs)

    @property
    def reached(self) -> bool:
        """Whether it is as good as it is wanted."""
        at_least_as_good = operator.ge if self.ratio.value.more_is_better else operator.le
        return self.goal is None or at_least_as_good(self.figure, self.goal)

    @property
    def measured(self) -> str:
        """The ratio, in words."""
        return self.ratio.value.form.format(self.figure) + self.ratio.value.words

    @property
    def aim(self) -> str:
        """The goal."""
        if self.goal is None:
            return ""
        return f"{'≥' if self.ratio.value.more_is_better else '≤'} {self.ratio.value.form.format(self.goal)}"

    def __str__(self) -> str:
        return f"{self.what} beside {self.beside}: {self.measured}, {self.aim} was wanted"


def table(title: str, comparisons: Iterable[Comparison]) -> Table:
    """A line for each comparison."""
    made = Table(title=f"{title} (Python {platform.python_version()})", box=SIMPLE)
    made.add_column("", no_wrap=True)
    made.add_column("tls13", justify="right", no_wrap=True)
    made.add_column("beside", no_wrap=True)
    for heading in ("its time", "ratio", "goal"):
        made.add_column(heading, justify="right", no_wrap=True)
    for each in comparisons:
        style = "" if each.goal is None else "green" if each.reached else "red"
        times = [f"{seconds * 1e6:.0f} µs" for seconds in (each.ours, each.theirs)]
        made.add_row(each.what, times[0], each.beside, times[1], Text(each.measured, style), each.aim)
    return made
