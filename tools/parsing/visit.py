"""A connection on its way past an output: filtered, and never more of it in memory than that takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from tls13.capture import Connection, Gap, Message
from tools.parsing.facts import Entry, Facts
from tools.parsing.filter_properties import Candidate, Need
from tools.parsing.filters import Filter
from tools.parsing.findings import ConnectionFindings

LOOK_AHEAD = 2**25
"""About so many bytes of a connection are kept, where a filter asks how it ends; a larger one is judged by those."""


class Visit:
    """What passes the filter of one connection. With `as_a_whole` the output is about connections, not messages.

    `passed` is, when all items have been taken, whether anything did.
    """

    def __init__(
        self, file: str, connection: Connection, findings: ConnectionFindings, selected: Filter, *, as_a_whole: bool
    ) -> None:
        self.facts = Facts(file, connection)
        self.passed = False
        self._filter = selected
        self._judges_late = as_a_whole and not selected.about_messages
        self._findings = findings

    def take(self, item: Message | Gap) -> Entry | Gap | None:
        """The next item, None where it does not pass."""
        return self._passed(self._learn(item))

    def items(self) -> Iterator[Entry | Gap]:
        """What passes of the connection's own messages, in order. A single pass."""
        source = map(self._learn, self.facts.connection.messages)
        ahead = self._look_ahead(source) if self._filter.need is Need.everything else deque()
        while ahead:
            passed = self._passed(ahead.popleft())
            if passed is not None:
                yield passed
        for item in source:
            passed = self._passed(item)
            if passed is not None:
                yield passed

    def finish(self) -> None:
        """All items have been taken."""
        self.facts.settle()
        self._findings.end(self.facts.connection)
        if self._judges_late:
            self.passed = self._filter.passes(Candidate(self.facts))

    def _learn(self, item: Message | Gap) -> Entry | Gap:
        self._findings.see(item)
        return self.facts.learn(item) if isinstance(item, Message) else item

    def _look_ahead(self, source: Iterator[Entry | Gap]) -> deque[Entry | Gap]:
        ahead: deque[Entry | Gap] = deque()
        held = 0
        for item in source:
            ahead.append(item)
            held += _OVERHEAD + (len(item.message.raw) if isinstance(item, Entry) else 0)
            if held > LOOK_AHEAD:
                break
        return ahead

    def _passed(self, item: Entry | Gap) -> Entry | Gap | None:
        if not self._judges_late:
            if not self._filter.passes(Candidate(self.facts, item)):
                return None
            self.passed = True
        return item


_OVERHEAD = 400
