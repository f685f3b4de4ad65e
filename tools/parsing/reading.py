"""One capture from its first packet to its last, to an output; and what there is to say of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from tls13.capture import WHOLE, Capture, CaptureError, Connection, Part
from tools.parsing.filter_properties import Need
from tools.parsing.findings import Findings, Sealed
from tools.parsing.follow import Follower
from tools.parsing.inputs import Input, open_capture
from tools.parsing.plan import Plan, Prepared
from tools.parsing.report import Trees
from tools.parsing.stream import Stream
from tools.parsing.tally import Counting, Tally
from tools.parsing.visit import Visit
from tools.values.tree import count_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one input: `warnings` a line each, `note` what is to be said without a warning, "" for nothing.

    `sealed` counts what stays encrypted without being a fault. `missing` is what was asked for and is not there, or
    cannot be shown; `failure` is why there was nothing to read; "" where nothing is wrong. `hint` is about either.
    """

    complete: bool
    warnings: tuple[str, ...] = ()
    sealed: Sealed = field(default_factory=Sealed)
    note: str = ""
    tally: Tally | None = None
    missing: str = ""
    failure: str = ""
    hint: str = ""


Watch = Callable[[Capture], None]
"""Called with a capture before it is read."""


def read_input(
    which: Input,
    file: BinaryIO | None,
    ready: Prepared,
    output: Trees | Stream,
    watch: Watch = lambda capture: None,
    *,
    part: Part = WHOLE,
    findings: Findings | None = None,
) -> Outcome:
    """Reads all of it, or of a connection that is followed all that is needed; or only one part's connections.

    Of several parts, the first counts what is no connection's. `findings` are told what was wrong.
    """
    findings = findings or Findings(keys_given=ready.keys_given)
    try:
        capture = open_capture(which, file, ready.secrets, dict(ready.plan.psks), part)
    except CaptureError as error:
        return Outcome(False, failure=str(error), hint=error.hint)
    with capture:
        watch(capture)
        reading = _Reading(which.name, capture, findings, ready)
        if isinstance(output, Trees):
            reading.by_connection(output)
        else:
            reading.as_it_comes(output)
        if not (isinstance(output, Stream) and output.satisfied):
            findings.finish(capture)
        if isinstance(output, Counting) and not part.index:
            output.end_file(capture.statistics)
        return _outcome(which, capture, findings, output)


def labelled(outcome: Outcome, which: Input, plan: Plan) -> Outcome:
    """The same, with its input named in the warnings where there are several."""
    if not plan.name_files:
        return outcome
    return replace(outcome, warnings=tuple(f"{which.shown_as}: {each}" for each in outcome.warnings))


class _Reading:
    """One capture on its way to an output."""

    def __init__(self, name: str, capture: Capture, findings: Findings, ready: Prepared) -> None:
        self._name = name
        self._capture = capture
        self._findings = findings
        self._filter = ready.selected

    def by_connection(self, output: Trees) -> None:
        """Connection by connection."""
        for connection in self._capture:
            output.show(self._visit(connection, as_a_whole=False))

    def as_it_comes(self, output: Stream) -> None:
        """Message by message, so that none has to wait; where it takes a whole connection to filter, that does."""
        late = output.as_a_whole and not self._filter.about_messages
        if self._filter.need is not Need.nothing and not late:
            self._by_connection_to(output)
            return
        present: dict[Connection, Visit] = {}
        for connection, item in self._capture.in_order(judged=output.as_a_whole):
            visit = present.get(connection)
            if visit is None:
                visit = present[connection] = self._visit(connection, as_a_whole=output.as_a_whole)
            if item is None:
                del present[connection]
                self._end(visit, output)
            elif (passed := visit.take(item)) is not None and output.wants(connection):
                output.item(visit.facts, passed)
            if output.satisfied:
                return

    def _by_connection_to(self, output: Stream) -> None:
        for connection in self._capture:
            visit = self._visit(connection, as_a_whole=output.as_a_whole)
            for item in visit.items():
                if output.wants(connection):
                    output.item(visit.facts, item)
            self._end(visit, output)
            if output.satisfied:
                return

    def _visit(self, connection: Connection, *, as_a_whole: bool) -> Visit:
        return Visit(self._name, connection, self._findings.of_connection(), self._filter, as_a_whole=as_a_whole)

    def _end(self, visit: Visit, output: Stream) -> None:
        visit.finish()
        if output.wants(visit.facts.connection):
            output.end(visit.facts, passed=visit.passed)


def _outcome(which: Input, capture: Capture, findings: Findings, output: Trees | Stream) -> Outcome:
    outcome = Outcome(findings.complete, tuple(findings.lines()), findings.sealed)
    if isinstance(output, Follower):
        return _followed(outcome, output, which)
    note = "" if findings.messages else _nothing(which, capture)
    return replace(outcome, note=note, tally=output.tally if isinstance(output, Counting) else None)


def _followed(outcome: Outcome, follower: Follower, which: Input) -> Outcome:
    """The same, with why nothing was shown, if so."""
    if follower.found and follower.data:
        return outcome
    if follower.found:
        why = f": {follower.why}" if follower.why else ""
        missing, hint = f"connection {follower.number} has no data that can be read{why}", ""
    else:
        missing = f"no TLS connection {follower.number} in {which.shown_as}"
        hint = "--summary lists those that there are"
    return replace(outcome, complete=False, missing=missing, hint=hint)


def _nothing(which: Input, capture: Capture) -> str:
    """Why nothing was printed."""
    seen = capture.statistics
    packets, connections = count_of(seen.packets, "packet"), count_of(seen.connections, "TCP connection")
    return f"No TLS in {which.shown_as}: {packets}, {connections}"
