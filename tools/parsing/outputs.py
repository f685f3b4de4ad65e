"""Where connections go that are read: one output for each thing that `tls13 parse` can print.

Trees take connections one by one; all others take messages in the order of the capture, so that none has to wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TextIO

from tls13.capture import Gap
from tools.parsing.facts import Entry, Facts
from tools.parsing.follow import FollowedBytes, FollowedText
from tools.parsing.plan import Mode, Plan
from tools.parsing.report import Trees
from tools.parsing.stream import Stream
from tools.parsing.summary import Summary, SummaryObjects
from tools.parsing.tally import Counting
from tools.values.ndjson import Lines, json_line
from tools.values.tree import console


class Messages(Stream):
    """Writes the messages and gaps that pass as JSON, an object and line each."""

    def __init__(self, out: BinaryIO) -> None:
        self._write: Callable[[bytes], object] = out.write
        self._connections: dict[Facts, Lines] = {}

    def item(self, facts: Facts, item: Entry | Gap) -> None:
        """Writes one of them."""
        lines = self._connections.get(facts)
        if lines is None:
            lines = self._connections[facts] = Lines(facts)
        self._write(json_line(lines.gap(item) if isinstance(item, Gap) else lines.line(item)))

    def end(self, facts: Facts, *, passed: bool) -> None:
        """Forgets the connection."""
        self._connections.pop(facts, None)


def output_of(plan: Plan, out: TextIO, begin: Callable[[str], None] | None = None) -> Trees | Stream:
    """What the plan asks for, on a text stream or the bytes below it. Statistics are for the caller to print.

    For `begin` see `Trees`.
    """
    match plan.mode:
        case Mode.messages:
            return Messages(out.buffer)
        case Mode.summary_objects:
            return SummaryObjects(out.buffer)
        case Mode.followed_bytes:
            return FollowedBytes(plan.follow, out.buffer)
        case Mode.statistics | Mode.statistics_object:
            return Counting()
    printed = console(out, terminal_width=plan.terminal_width)
    match plan.mode:
        case Mode.trees:
            return Trees(printed, dump=plan.dump, name_files=plan.name_files, begin=begin)
        case Mode.summary:
            return Summary(printed, name_files=plan.name_files)
        case Mode.followed_text:
            return FollowedText(plan.follow, printed, dump=plan.dump)
