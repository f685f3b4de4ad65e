"""Which records of a connection stay encrypted, and why: one entry for each reason, however many records there are."""

from __future__ import annotations

from tls13.capture.judging.judgement import Undecrypted
from tls13.capture.messages import Direction, Message, NoteKind

_MOST = 16


class UnreadRecords:
    """Collects them by direction, reason and generation of keys; no more than a few such sets."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[tuple[Direction, NoteKind, int], _Unread] = {}

    def add(self, item: Message) -> None:
        """A record that was not decrypted."""
        note = item.note
        if note is None:
            return
        key = (item.direction, note.kind, item.generation)
        known = self._found.get(key)
        if known is not None:
            known.records += 1
        elif len(self._found) < _MOST:
            self._found[key] = _Unread(item.record, note.text)

    def undecrypted(self) -> tuple[Undecrypted, ...]:
        """Those so far, in the order in which they began."""
        return tuple(
            Undecrypted(
                direction=direction,
                kind=kind,
                text=each.text,
                first_record=each.first_record,
                generation=generation,
                records=each.records,
            )
            for (direction, kind, generation), each in self._found.items()
        )


class _Unread:
    """Records that stay encrypted for one reason. `text` is the first one's."""

    __slots__ = ("first_record", "records", "text")

    def __init__(self, first_record: int, text: str) -> None:
        self.first_record = first_record
        self.text = text
        self.records = 1
