"""One capture from its first packet to its last, to an output; and what there is to say of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from tls13.capture import Capture, CaptureError, Connection
from tools.parsing.filter_properties import Need
from tools.parsing.findings import Findings, Sealed
from tools.parsing.follow import Follower
from tools.parsing.inputs import Input, open_capture
from tools.parsing.plan import Prepared
from tools.parsing.report import Trees
from tools.parsing.stream import Stream
from tools.parsing.tally import Counting, Tally
from tools.parsing.visit import Visit
from tools.values.tree import count_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one input: `warnings` a line each, `note` what is to be said without a warning, "" for nothing.

    `sealed` counts what stays encrypted without being a fault. `failure` is why there was nothing to read, "" where
    there was.
    """

    complete: bool
    warnings: tuple[str, ...] = ()
    sealed: Sealed = field(default_factory=Sealed)
    note: str = ""
    tally: Tally | None = None
    failure: str = ""
    hint: str = ""


Watch = Callable[[Capture], None]
"""Called with a capture before it is read."""


def read_input(
    which: Input, file: BinaryIO | None, ready: Prepared, output: Trees | Stream, watch: Watch = lambda capture: None
) -> Outcome:
    """Reads all of it, or of a connection that is followed all that is needed."""
    findings = Findings(keys_given=ready.keys_given)
    try:
        capture = open_capture(which, file, ready.secrets, dict(ready.plan.psks))
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
        return _outcome(which, capture, findings, ready, output)


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
        for connection, item in self._capture.in_order():
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


def _outcome(which: Input, capture: Capture, findings: Findings, ready: Prepared, output: Trees | Stream) -> Outcome:
    complete, note, tally = findings.complete, "", None
    if isinstance(output, Follower):
        note = _not_followed(output, which)
        complete = complete and not note
    elif not findings.messages:
        note = _nothing(which, capture)
    if isinstance(output, Counting):
        output.end_file(capture.statistics)
        tally = output.tally
    prefix = f"{which.shown_as}: " if ready.plan.name_files else ""
    warnings = tuple(f"{prefix}{each}" for each in findings.lines())
    return Outcome(complete, warnings, findings.sealed, note, tally)


def _not_followed(follower: Follower, which: Input) -> str:
    """Why nothing was shown, "" where something was."""
    if not follower.found:
        return f"no TLS connection {follower.number} in {which.shown_as}; --summary lists those that there are"
    if follower.data:
        return ""
    why = f": {follower.why}" if follower.why else ""
    return f"connection {follower.number} has no application data that can be read{why}"


def _nothing(which: Input, capture: Capture) -> str:
    """Why nothing was printed."""
    seen = capture.statistics
    packets, connections = count_of(seen.packets, "packet"), count_of(seen.connections, "TCP connection")
    return f"No TLS in {which.shown_as}: {packets}, {connections}"
