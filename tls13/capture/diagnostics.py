"""What a reader of captures says when something is wrong: one error, for what cannot be read at all, and warnings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tls13.errors import TLSError


class CaptureError(TLSError):
    """A file that is no capture, or that cannot be opened. `hint` tells what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


class WarningKind(StrEnum):
    """What a warning is about."""

    cut_short = "cut short"
    corrupt = "corrupt"
    unreadable = "unreadable"
    unsupported = "unsupported"
    fragment = "fragment"
    snapped = "snapped"
    limit = "limit"
    key_log = "key log"


@dataclass(frozen=True, slots=True)
class CaptureWarning:
    """Something in a capture that was not read as it stands, `count` times. str() is a line for people."""

    kind: WarningKind
    text: str
    count: int = 1

    def __str__(self) -> str:
        return self.text if self.count == 1 else f"{self.text} ({self.count} times)"


class WarningLog:
    """Collects warnings; the same one again only counts, so that a capture cannot make the list grow without end."""

    def __init__(self) -> None:
        self._counts: dict[tuple[WarningKind, str], int] = {}

    def add(self, kind: WarningKind, text: str, count: int = 1) -> None:
        """Notes a warning. Beyond a number of different ones, further ones count towards one that says so."""
        key = (kind, text)
        if key not in self._counts and len(self._counts) >= _DIFFERENT_WARNINGS:
            key = (WarningKind.limit, "more warnings than are kept")
        self._counts[key] = self._counts.get(key, 0) + count

    def __iter__(self) -> Iterator[CaptureWarning]:
        for (kind, text), count in self._counts.items():
            yield CaptureWarning(kind, text, count)


_DIFFERENT_WARNINGS = 100
