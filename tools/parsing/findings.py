"""What a reading of a capture could not show, in a line each, and whether the whole of it was read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tls13.capture import (
    Capture,
    Connection,
    Direction,
    Gap,
    GapReason,
    Message,
    Note,
    NoteKind,
    Transport,
    WarningKind,
)
from tools.values.tree import count_of

_ALWAYS_UNREAD = frozenset({NoteKind.incomplete, NoteKind.malformed, NoteKind.too_long})
_KEYS_FAIL = frozenset({NoteKind.missing_secret, NoteKind.not_decrypted, NoteKind.early_data})
_LINES = 20
"""How many lines are about single connections: a large capture can have one for each."""


class Findings:
    """Collects what was wrong, while messages are read; `lines` tells it afterwards.

    `keys_given` says that the user expects records to be decrypted. `complete` is whether the whole input was read:
    records that stay encrypted because there are no keys at all are not held against it. `messages` counts, and
    `sealed` does so with records that stay encrypted, by the reason.
    """

    def __init__(self, *, keys_given: bool) -> None:
        self.complete = True
        self.messages = 0
        self.sealed = Sealed()
        self.keys_given = keys_given
        self._lines: list[str] = []
        self._more = 0

    def of_connection(self) -> ConnectionFindings:
        """Those of one more connection."""
        return ConnectionFindings(self)

    def tell(self, line: str) -> None:
        """One thing that was wrong with a connection."""
        self.complete = False
        if len(self._lines) < _LINES:
            self._lines.append(line)
        else:
            self._more += 1

    def finish(self, capture: Capture) -> None:
        """The capture's connections are all seen."""
        # A line of secrets that is none is passed over, as in a key log: what it would have opened tells more.
        self.finish_with(map(str, capture.warnings), all(each.kind is WarningKind.key_log for each in capture.warnings))

    def finish_with(self, lines: Iterable[str], complete: bool) -> None:
        """The connections are all seen: what there is to say of the capture as a whole, and whether it was read."""
        self.complete = self.complete and complete
        self._lines.extend(lines)

    def lines(self) -> Iterator[str]:
        """What was wrong, one line each; without what is sealed."""
        yield from self._lines
        if self._more:
            yield f"{self._more} more such warnings about connections"


class ConnectionFindings:
    """What was wrong with one connection."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._speaking: set[Direction] = set()
        self._troubles: dict[str, _Count] = {}
        self._sealed: dict[NoteKind, _Count] = {}

    def see(self, item: Message | Gap) -> None:
        """Takes note of the next item."""
        if isinstance(item, Gap):
            # What is not TLS before TLS starts belongs there: STARTTLS.
            if item.reason is GapReason.missing or item.direction in self._speaking:
                self._trouble(item.reason, str(item))
            return
        self._findings.messages += 1
        self._speaking.add(item.direction)
        if item.error is not None:
            self._trouble("error", f"{item.direction} record {item.record} does not parse: {item.error}")
        elif item.note is not None:
            self._see_note(item, item.note)

    def end(self, connection: Connection) -> None:
        """The connection's messages are all seen."""
        for warning in connection.warnings:
            self._trouble(warning.kind, str(warning))
        quic = "QUIC " if connection.transport is Transport.quic else ""
        for trouble in self._troubles.values():
            more = f" (and {trouble.records - 1} more)" if trouble.records > 1 else ""
            self._findings.tell(f"{quic}connection {connection.number}: {trouble.text}{more}")
        for kind, count in self._sealed.items():
            self._findings.sealed.add(kind, count.text, count.records, 1)

    def _see_note(self, item: Message, note: Note) -> None:
        unread = note.kind in _ALWAYS_UNREAD or note.kind in _KEYS_FAIL
        if unread or (self._findings.keys_given and item.opaque):
            self._trouble(note.kind, f"{item.direction} record {item.record}: {brief(note.text)}")
        elif item.opaque:
            self._sealed.setdefault(note.kind, _Count(str(note))).records += 1

    def _trouble(self, kind: str, text: str) -> None:
        self._troubles.setdefault(kind, _Count(text)).records += 1


class Sealed:
    """How many records stay encrypted, and in how many connections, for each reason; may be added up over files."""

    def __init__(self) -> None:
        self._counts: dict[NoteKind, tuple[str, int, int]] = {}

    def add(self, kind: NoteKind, text: str, records: int, connections: int) -> None:
        """So many more for that reason; the text of the first is kept."""
        first, known_records, known_connections = self._counts.get(kind, (text, 0, 0))
        self._counts[kind] = first, known_records + records, known_connections + connections

    def update(self, other: Sealed) -> None:
        """Takes in those of another file."""
        for kind, count in other._counts.items():
            self.add(kind, *count)

    def lines(self) -> Iterator[str]:
        """A line for each reason."""
        for kind, (text, records, connections) in self._counts.items():
            why = "no key log; give one with --keylog FILE" if kind is NoteKind.no_keylog else brief(text)
            if not why.startswith(_ENCRYPTED):
                why = f"{_ENCRYPTED}: {why}"
            stay = "stays" if records == 1 else "stay"
            yield f"{count_of(records, 'record')} in {count_of(connections, 'connection')} {stay} {why}"


def brief(text: str) -> str:
    """A note without what goes without saying in a warning, and of a client random what tells it from others."""
    return _SAID_TWICE.sub(r"\1\2", _RANDOM.sub(r"\1…", _PREFIX.sub("", text, count=1)))


_ENCRYPTED = "encrypted"
_PREFIX = re.compile(r"^encrypted, and (the key log has )?")
_RANDOM = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{48}\b")
_SAID_TWICE = re.compile(r"( for client random [0-9a-f]+…)(.*)\1")


@dataclass(slots=True)
class _Count:
    """The first text of a kind, and how often the kind was met."""

    text: str
    records: int = 0
