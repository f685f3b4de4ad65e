"""One capture read by several processes, a part each, and what they print put together again."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from heapq import merge
from operator import itemgetter
from pathlib import Path
from shutil import disk_usage
from typing import TextIO

from tls13.capture import Capture, Part
from tls13.keylog import KeyLog
from tools.failures import CommandError
from tools.parsing.findings import Findings, Sealed
from tools.parsing.inputs import Input
from tools.parsing.outputs import output_of
from tools.parsing.plan import Plan, Prepared, prepared
from tools.parsing.processes.exchange import BytesRead, FileExchange, make_exchange
from tools.parsing.processes.mailbox import Inbox, Outbox
from tools.parsing.processes.pieces import Heading, PartFindings, Piece, Pieces, Printer
from tools.parsing.reading import Outcome, labelled, read_input
from tools.parsing.tally import Tally

_PAUSE = 0.01


class Spread:
    """An input that so many processes of a pool read. They leave files that begin with `stem`.

    `secrets` are packed by `packed`: they go to the processes as they are, as a key log may be a pipe, which can be
    read once. The parts of one capture wait for each other, so that the pool must have room for all of them.
    Raises CommandError where a process is killed, or the files can't be written; so does `put_together`.
    """

    def __init__(self, which: Input, parts: int, plan: Plan, secrets: bytes, stem: Path, pool: Executor) -> None:
        self._which = which
        self._plan = plan
        self._stem = stem
        make_exchange(stem, parts)
        reserve = disk_usage(stem.parent).free // 2
        with self._telling_of_the_killed():
            self._tasks = [
                pool.submit(_read_part, which, plan, secrets, stem, index, parts, reserve) for index in range(parts)
            ]

    def bytes_read(self) -> BytesRead:
        """How many bytes of the input have been read: it can be asked until it is closed."""
        return BytesRead(self._stem, len(self._tasks))

    def put_together(self, out: TextIO, *, keys_given: bool) -> Outcome:
        """Prints it all while it is read, and tells what came of it."""
        findings = Findings(keys_given=keys_given)
        with self._telling_of_the_killed():
            parts = (self._pieces(index, task) for index, task in enumerate(self._tasks))
            Printer(out, name_files=self._plan.name_files).print(merge(*parts, key=itemgetter(0)), findings)
            outcome = _together([each.result() for each in self._tasks], findings)
        return labelled(outcome, self._which, self._plan)

    def _pieces(self, index: int, task: Future[Outcome]) -> Iterator[Piece]:
        """What a part prints, as it comes. It ends when any of them has failed, as the others may wait for that."""
        inbox: Inbox[list[Piece]] = Inbox(_printed(self._stem, index))
        while True:
            was_done = task.done()
            batch = inbox.take()
            if batch is not None:
                yield from batch
                continue
            for each in wait(self._tasks, 0 if was_done else _PAUSE, FIRST_EXCEPTION).done:
                each.result()
            if was_done:
                return

    @contextmanager
    def _telling_of_the_killed(self) -> Iterator[None]:
        try:
            yield
        except BrokenProcessPool:
            what = f"a process that read {self._which.shown_as} was killed"
            raise CommandError(what, "try fewer --jobs") from None


def packed(secrets: KeyLog) -> bytes:
    """Secrets as `Spread` takes them."""
    return pickle.dumps(secrets, pickle.HIGHEST_PROTOCOL)


def _read_part(which: Input, plan: Plan, secrets: bytes, stem: Path, index: int, of: int, reserve: int) -> Outcome:
    """In a process of its own: reads one part, and leaves what is to be printed."""
    ready = _once_prepared(plan, secrets)
    with FileExchange(stem, index, of) as exchange:
        pieces = Pieces(Outbox(_printed(stem, index), reserve, exchange.is_awaited))
        findings = PartFindings(pieces, keys_given=ready.keys_given)
        printed = pieces.text()
        output = output_of(plan, printed, lambda file: pieces.add(Heading(file)))

        def watch(capture: Capture) -> None:
            pieces.order = lambda: capture.order
            exchange.position = lambda: capture.position

        part = Part(index, of, exchange)
        outcome = read_input(which, None, ready, output, watch, part=part, findings=findings)
    pieces.send()
    return replace(outcome, sealed=Sealed())


@lru_cache(1)
def _once_prepared(plan: Plan, secrets: bytes) -> Prepared:
    """In a process that serves one plan only."""
    return prepared(plan, pickle.loads(secrets))


def _together(parts: list[Outcome], findings: Findings) -> Outcome:
    """What came of the whole, whose connections the findings have been told of."""
    if all(each.failure for each in parts):
        return parts[0]
    lines = dict.fromkeys(line for each in parts for line in (*each.warnings, each.failure) if line)
    findings.finish_with(lines, all(each.complete for each in parts))
    note = parts[0].note if all(each.note for each in parts) else ""
    return Outcome(findings.complete, tuple(findings.lines()), findings.sealed, note, _sum(parts))


def _sum(parts: Iterable[Outcome]) -> Tally | None:
    tallies = [each.tally for each in parts if each.tally is not None]
    if not tallies:
        return None
    together = Tally()
    for each in tallies:
        together.add(each)
    return together


def _printed(stem: Path, index: int) -> Path:
    return stem.with_name(f"{stem.name}-{index}-printed")
