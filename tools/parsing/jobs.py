"""Many captures, one after the other or several at a time: the same output either way, in the order of the inputs."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, TextIO

from tls13.capture import Capture
from tools.failures import CommandError
from tools.parsing.inputs import STDIN, Input, standard_input
from tools.parsing.outputs import output_of
from tools.parsing.plan import Plan, Prepared, prepared
from tools.parsing.progress import Reading
from tools.parsing.reading import Outcome, read_input
from tools.values.tree import console

Outcomes = Generator[Outcome, None, None]


def read_all(inputs: Sequence[Input], ready: Prepared, out: TextIO, progress: Reading, jobs: int) -> Outcomes:
    """Reads each input, up to `jobs` at a time, and gives what came of it. Standard input can't be read elsewhere."""
    if jobs > 1 and len(inputs) > 1 and all(each.name != STDIN for each in inputs):
        return read_side_by_side(inputs, ready.plan, out, progress, jobs)
    return read_in_turn(inputs, ready, out, progress)


def read_in_turn(inputs: Sequence[Input], ready: Prepared, out: TextIO, progress: Reading) -> Outcomes:
    """Reads each input, and gives what came of it."""
    for which in inputs:
        with ExitStack() as opened:
            file = _opened(which, opened)

            def watch(capture: Capture) -> None:
                progress.watch(lambda: capture.position)

            outcome = read_input(which, file, ready, output_of(ready.plan, out), watch)
        progress.done(which)
        yield outcome


def read_side_by_side(inputs: Sequence[Input], plan: Plan, out: TextIO, progress: Reading, jobs: int) -> Outcomes:
    """The same, with so many processes. What they print waits in files until its turn comes."""
    if out.isatty():
        plan = replace(plan, terminal_width=console(out).width)
    with TemporaryDirectory(prefix="tls13-") as folder, _processes(min(jobs, len(inputs))) as pool:
        files = [Path(folder, str(number)) for number in range(len(inputs))]
        with _without_interrupts():
            tasks = [pool.submit(_read_apart, which, plan, file) for which, file in zip(inputs, files, strict=True)]
        for which, printed, task in zip(inputs, files, tasks, strict=True):
            outcome = _result(task, which)
            with printed.open("rb") as file:
                shutil.copyfileobj(file, out.buffer)
            printed.unlink()
            progress.done(which)
            yield outcome


@contextmanager
def _processes(number: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that are gone behind it, whatever they are at: nobody waits for what nobody wants any more."""
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(number, multiprocessing.get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that are started in here leave Ctrl-C to this one, from their first instruction on."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _read_apart(which: Input, plan: Plan, printed: Path) -> Outcome:
    """Reads one input in a process of its own, and prints to a file."""
    with printed.open("w", encoding="utf-8", errors="backslashreplace") as out:
        return read_input(which, None, _once_prepared(plan), output_of(plan, out))


@cache
def _once_prepared(plan: Plan) -> Prepared:
    """In a process that serves one plan only."""
    return prepared(plan)


def _result(task: Future[Outcome], which: Input) -> Outcome:
    try:
        return task.result()
    except BrokenProcessPool:
        raise CommandError(f"the process that read {which.shown_as} was killed", "try fewer --jobs") from None


def _opened(which: Input, opened: ExitStack) -> BinaryIO | None:
    """The input's file, None where it can't be opened: that is for the reader to tell."""
    if which.name == STDIN:
        return standard_input()
    try:
        return opened.enter_context(open(which.name, "rb"))
    except OSError:
        return None
