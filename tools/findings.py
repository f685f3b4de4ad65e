"""What a reading of a capture could not show, in a line each, and whether the whole of it was read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tls13.capture import Capture, Connection, Direction, Gap, GapReason, Message, NoteKind, WarningKind
from tools.tree import count_of

_ALWAYS_UNREAD = frozenset({NoteKind.incomplete, NoteKind.malformed, NoteKind.too_long})
_KEYS_FAIL = frozenset({NoteKind.missing_secret, NoteKind.not_decrypted, NoteKind.early_data})
_LINES = 20
"""How many lines are about single connections: a large capture can have one for each."""


class Findings:
    """Collects what was wrong, while messages are read; `lines` tells it afterwards.

    `keys_given` says that the user expects records to be decrypted. `complete` is whether the whole input was read:
    records that stay encrypted because there are no keys at all are not held against it. `messages` counts.
    """

    def __init__(self, *, keys_given: bool) -> None:
        self.complete = True
        self.messages = 0
        self._keys_given = keys_given
        self._speaking: set[Direction] = set()
        self._troubles: dict[str, _Count] = {}
        self._encrypted: dict[NoteKind, _Count] = {}
        self._encrypted_here: set[NoteKind] = set()
        self._lines: list[str] = []
        self._more = 0

    def see(self, item: Message | Gap) -> None:
        """Takes note of the next item of the present connection."""
        if isinstance(item, Gap):
            # What is not TLS before TLS starts belongs there: STARTTLS.
            if item.reason is GapReason.missing or item.direction in self._speaking:
                self._trouble(item.reason, str(item))
            return
        self.messages += 1
        self._speaking.add(item.direction)
        if item.error is not None:
            self._trouble("error", f"record {item.record} of the {item.direction} does not parse: {item.error}")
        elif item.note is not None:
            where = f"record {item.record} of the {item.direction}"
            if self._is_unread(item.note.kind, item.opaque):
                self._trouble(item.note.kind, f"{where}: {item.note}")
            elif item.opaque:
                self._encrypted.setdefault(item.note.kind, _Count(str(item.note))).records += 1
                self._encrypted_here.add(item.note.kind)

    def end(self, connection: Connection) -> None:
        """The connection's messages are all seen."""
        for warning in connection.warnings:
            self._trouble(warning.kind, str(warning))
        for trouble in self._troubles.values():
            if len(self._lines) < _LINES:
                more = f" (and {trouble.records - 1} more like it)" if trouble.records > 1 else ""
                self._lines.append(f"connection {connection.number}: {trouble.text}{more}")
            else:
                self._more += 1
        for kind in self._encrypted_here:
            self._encrypted[kind].connections += 1
        self._troubles.clear()
        self._encrypted_here.clear()
        self._speaking.clear()

    def finish(self, capture: Capture) -> None:
        """The capture's connections are all seen."""
        for warning in capture.warnings:
            # A line of secrets that is none is passed over, as in a key log: what it would have opened tells more.
            self.complete = self.complete and warning.kind is WarningKind.key_log
            self._lines.append(str(warning))

    def lines(self) -> Iterator[str]:
        """What was wrong, one line each."""
        yield from self._lines
        if self._more:
            yield f"{self._more} more such warnings about connections"
        for kind, count in self._encrypted.items():
            hint = "; give one with --keylog FILE" if kind is NoteKind.no_keylog else ""
            where = f"{count_of(count.records, 'record')} in {count_of(count.connections, 'connection')}"
            yield f"{where} not read: {count.text}{hint}"

    def _is_unread(self, kind: NoteKind, opaque: bool) -> bool:
        if kind in _ALWAYS_UNREAD or kind in _KEYS_FAIL:
            return True
        return self._keys_given and opaque

    def _trouble(self, kind: str, text: str) -> None:
        self.complete = False
        self._troubles.setdefault(kind, _Count(text)).records += 1


@dataclass(slots=True)
class _Count:
    """The first text of a kind, and how often the kind was met."""

    text: str
    records: int = 0
    connections: int = 0
