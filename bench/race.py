"""Timing that a busy machine does not spoil: everybody in turn, many times, and of each the shortest."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from time import perf_counter

from bench.contenders import OPERATIONS, OURS, Contender, Task
from bench.samples import SAMPLES, Kind, sample

LAP = 0.001
"""Seconds that one measurement takes at least, so that the clock's own cost does not show."""

ROUNDS = 60

TARGETS: Mapping[tuple[str, Kind], Mapping[str, float]] = {
    ("parse", Kind.client_hello): {"aioquic": 2.5, "tlslite-ng": 8, "scapy": 50},
    ("build", Kind.client_hello): {"tlslite-ng": 1},
    ("construct and build", Kind.client_hello): {"tlslite-ng": 1},
}
"""How many times as long as ours a peer takes, at least."""


@dataclass(frozen=True, slots=True)
class Case:
    """One of the OPERATIONS on one of the SAMPLES."""

    operation: str
    sample: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.sample}"


CASES = tuple(Case(operation, name) for operation in OPERATIONS for name in SAMPLES)


@dataclass(frozen=True, slots=True)
class Result:
    """The shortest time of each contender in seconds."""

    case: Case
    kind: Kind
    seconds: Mapping[str, float]

    @property
    def ours(self) -> float:
        return self.seconds[OURS]

    @property
    def ratios(self) -> Mapping[str, float]:
        """How many times as long as ours each of the others takes."""
        return {name: each / self.ours for name, each in self.seconds.items() if name != OURS}

    @property
    def targets(self) -> Mapping[str, float]:
        """Those for this case whose peer took part."""
        wanted = TARGETS.get((self.case.operation, self.kind), {})
        return {name: ratio for name, ratio in wanted.items() if name in self.seconds}

    @property
    def missed(self) -> list[str]:
        """A line for each target that is not reached."""
        return [
            f"{self.case}: {name} takes {self.ratios[name]:.2f} times as long as ours, {least:g} were wanted"
            for name, least in self.targets.items()
            if self.ratios[name] < least
        ]


def run(case: Case, contenders: list[Contender]) -> Result:
    """All who can take part in it. Raises Unavailable where the sample is not there."""
    entered = sample(case.sample)
    tasks = {
        each.name: each.preparations(case.operation)[entered.kind](entered.data)
        for each in contenders
        if entered.kind in each.preparations(case.operation)
    }
    return Result(case, entered.kind, race(tasks))


def race(tasks: Mapping[str, Task], rounds: int = ROUNDS, least: float = LAP) -> dict[str, float]:
    """The shortest time of each task in seconds: in each round everybody runs once, each time another one first.

    `least` is how many seconds each runs then. A longer lap counts for less that it starts where another one left off.
    """
    with without_collection():
        lengths = {name: lap_length(task, least) for name, task in tasks.items()}
        order = deque(tasks)
        best = dict.fromkeys(tasks, float("inf"))
        for _ in range(rounds):
            for name in order:
                best[name] = min(best[name], lap(tasks[name], lengths[name]) / lengths[name])
            order.rotate(1)
            gc.collect()
        return best


def lap(task: Task, count: int) -> float:
    """Seconds that so many runs take."""
    runs = repeat(None, count)
    start = perf_counter()
    for _ in runs:
        task()
    return perf_counter() - start


def lap_length(task: Task, least: float) -> int:
    """How many runs fill a lap. The first one, which may compile or import something, does not count."""
    task()
    count = 1
    while lap(task, count) < least:
        count *= 2
    return count


@contextmanager
def without_collection() -> Iterator[None]:
    """As timeit does: garbage is collected between the laps, what was there before not at all."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
