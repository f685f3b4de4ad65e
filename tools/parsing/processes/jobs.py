"""Captures one after the other, or by several processes at a time: the same output either way, in the same order.

Several processes share the inputs by their sizes. A large capture is read by more than one: each reads all of its
packets, and prints its own connections.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import BinaryIO, TextIO

from tls13.capture import Capture
from tools.failures import CommandError
from tools.parsing.inputs import STDIN, Input, standard_input
from tools.parsing.outputs import output_of
from tools.parsing.plan import Mode, Prepared
from tools.parsing.processes.spread import Spread, packed
from tools.parsing.progress import Reading
from tools.parsing.reading import Outcome, labelled, read_input
from tools.values.tree import console

Outcomes = Generator[Outcome, None, None]

SMALLEST_PART = 10**6
"""Bytes of a capture that are worth a process: about what is read while another one starts."""


def read_all(inputs: Sequence[Input], ready: Prepared, out: TextIO, progress: Reading, jobs: int) -> Outcomes:
    """Reads each input, by up to `jobs` processes, and gives what came of it.

    One connection is read by one process, and so is what --follow shows.
    """
    if jobs > 1 and ready.plan.mode not in (Mode.followed_text, Mode.followed_bytes):
        parts = shares(inputs, jobs)
        if len(inputs) > 1 or sum(parts) > 1:
            return read_side_by_side(inputs, parts, ready, out, progress, jobs)
    return read_in_turn(inputs, ready, out, progress)


def shares(inputs: Sequence[Input], jobs: int) -> list[int]:
    """How many processes read each input, by its size; none what can only be read here."""
    sizes = [each.size or 0 for each in inputs]
    together = max(sum(sizes), 1)
    fair = (min(round(jobs * size / together), size // SMALLEST_PART) for size in sizes)
    return [max(share, 1) if each.is_anywhere else 0 for each, share in zip(inputs, fair, strict=True)]


def read_in_turn(inputs: Sequence[Input], ready: Prepared, out: TextIO, progress: Reading) -> Outcomes:
    """Reads each input, and gives what came of it."""
    for which in inputs:
        with ExitStack() as opened:
            file = _opened(which, opened)

            def watch(capture: Capture) -> None:
                progress.watch(lambda: capture.position)

            outcome = read_input(which, file, ready, output_of(ready.plan, out), watch)
        progress.done(which)
        yield labelled(outcome, which, ready.plan)


def read_side_by_side(
    inputs: Sequence[Input], parts: Sequence[int], ready: Prepared, out: TextIO, progress: Reading, jobs: int
) -> Outcomes:
    """The same, by so many processes for each input. What they print waits in files until its turn comes."""
    plan = ready.plan
    if out.isatty():
        plan = replace(plan, terminal_width=console(out).width)
    with _left_before_the_end(), _processes(max(1, min(jobs, sum(parts)))) as (pool, folder):
        secrets = packed(ready.secrets)
        with _undisturbed():
            spreads = [
                Spread(which, number, plan, secrets, folder / str(place), pool) if number else None
                for place, (which, number) in enumerate(zip(inputs, parts, strict=True))
            ]
        for which, spread in zip(inputs, spreads, strict=True):
            if spread is None:
                yield from read_in_turn([which], ready, out, progress)
                continue
            with spread.bytes_read() as position:
                progress.watch(position)
                outcome = spread.put_together(out, keys_given=ready.keys_given)
                progress.done(which)
            yield outcome


@contextmanager
def _processes(number: int) -> Iterator[tuple[Executor, Path]]:
    """Processes, and a folder for what they print, both of which are gone behind it.

    Whatever the processes are at: nobody waits for what nobody wants any more.
    """
    before = set(multiprocessing.active_children())
    with _undisturbed():
        folder = _temporary_folder()
        pool = ProcessPoolExecutor(number, multiprocessing.get_context("spawn"), _end_with_parent, (folder.name,))
    try:
        yield pool, Path(folder.name)
    finally:
        with _undisturbed():
            pool.shutdown(wait=False, cancel_futures=True)
            started = set(multiprocessing.active_children()) - before
            for process in started:
                process.kill()
            for process in started:
                process.join()
            folder.cleanup()


def _temporary_folder() -> TemporaryDirectory[str]:
    """One that nobody else can read. Raises CommandError."""
    try:
        return TemporaryDirectory(prefix="tls13-", ignore_cleanup_errors=True)
    except OSError as error:
        what = f"cannot make a temporary folder: {error.strerror or error}"
        raise CommandError(what, "set TMPDIR to a folder with room, or leave out --jobs") from None


def _end_with_parent(folder: str) -> None:
    """In a process of the pool: it ends when the one does that it reads for, even where that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_after, args=(parent, folder), daemon=True).start()


def _end_after(process: BaseProcess, folder: str) -> None:
    process.join()
    # Others may still be writing there, until it is gone.
    for _ in range(_TRIES):
        if os.path.exists(folder):
            shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


_TRIES = 100
_ENDING = (signal.SIGHUP, signal.SIGTERM)


@contextmanager
def _left_before_the_end() -> Iterator[None]:
    """What ends a process without more ado, as when a terminal is closed, leaves this block first.

    The status is then what a shell makes of that signal.
    """

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    changed = [each for each in _ENDING if signal.getsignal(each) is signal.SIG_DFL]
    for each in changed:
        signal.signal(each, leave)
    try:
        yield
    finally:
        for each in changed:
            signal.signal(each, signal.SIG_DFL)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals that end this process wait until the block is left.

    Processes that are started in it never take one: a terminal sends them to all, and this one ends the others.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *_ENDING})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _opened(which: Input, opened: ExitStack) -> BinaryIO | None:
    """The input's file, None where it can't be opened: that is for the reader to tell."""
    if which.name == STDIN:
        return standard_input()
    try:
        return opened.enter_context(open(which.name, "rb"))
    except OSError:
        return None
