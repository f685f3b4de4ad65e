"""What a process prints of its part of a capture, in pieces that tell where in the whole's output they belong."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from tls13.capture import NoteKind
from tools.parsing.findings import Findings, Sealed
from tools.parsing.processes.mailbox import Outbox
from tools.parsing.report import Between
from tools.values.tree import console

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@dataclass(frozen=True, slots=True)
class Heading:
    """A connection of that file begins in the trees: what stands between it and the one before is to be printed."""

    file: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """A line for `Findings.tell`."""

    line: str


@dataclass(frozen=True, slots=True)
class StillSealed:
    """What `Sealed.add` is to be told."""

    kind: NoteKind
    text: str
    records: int
    connections: int


Content = bytearray | Heading | Trouble | StillSealed
"""Bytearrays are what is printed."""

Piece = tuple[int, Content]
"""Where it belongs, see `Capture.order`, and what it is. A larger output is several pieces of the same place."""

_AT_ONCE = 2**20


class Pieces(io.BufferedIOBase):
    """Bytes that are written to it, and what else is added, go to a process that puts all parts together.

    `order` tells where the next that comes belongs.
    """

    name = "pieces"
    """As files have one."""

    def __init__(self, outbox: Outbox[list[Piece]]) -> None:
        self.order: Callable[[], int] = int
        self._outbox = outbox
        self._batch: list[Piece] = []
        self._held = 0

    def text(self) -> TextIOWrapper:
        """A stream for text, and the bytes below it, that keeps nothing back."""
        return TextIOWrapper(self, encoding="utf-8", errors="backslashreplace", write_through=True)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Adds what is to be printed."""
        printed = memoryview(data).cast("B")
        order, last = self.order(), self._batch[-1] if self._batch else None
        if last is not None and last[0] == order and isinstance(last[1], bytearray):
            last[1].extend(printed)
        else:
            self.add(bytearray(printed))
        self._held += len(printed)
        if self._held >= _AT_ONCE:
            self.send()
        return len(printed)

    def add(self, content: Content) -> None:
        """Adds a piece."""
        self._batch.append((self.order(), content))
        self._held += _OVERHEAD
        if self._held >= _AT_ONCE:
            self.send()

    def send(self) -> None:
        """All that has been added goes. Raises OSError."""
        if self._batch:
            self._outbox.put(self._batch)
            self._batch, self._held = [], 0


_OVERHEAD = 200


class PartFindings(Findings):
    """What was wrong with the connections of a part is told in pieces, and kept by who puts them together."""

    def __init__(self, pieces: Pieces, *, keys_given: bool) -> None:
        super().__init__(keys_given=keys_given)
        self.sealed = _SealedOfPart(pieces)
        self._pieces = pieces

    def tell(self, line: str) -> None:
        """One thing that was wrong with a connection."""
        self.complete = False
        self._pieces.add(Trouble(line))


class _SealedOfPart(Sealed):
    def __init__(self, pieces: Pieces) -> None:
        super().__init__()
        self._pieces = pieces

    def add(self, kind: NoteKind, text: str, records: int, connections: int) -> None:
        self._pieces.add(StillSealed(kind, text, records, connections))


class Printer:
    """Prints pieces on a text stream, or the bytes below it."""

    def __init__(self, out: TextIO, *, name_files: bool) -> None:
        self._out = out
        self._name_files = name_files
        self._between: Between | None = None
        out.flush()

    def print(self, pieces: Iterable[Piece], findings: Findings) -> None:
        """Prints all of them, which are in order, and tells the findings what is for them."""
        for _, content in pieces:
            match content:
                case Heading(file):
                    self._head(file)
                case Trouble(line):
                    findings.tell(line)
                case StillSealed():
                    findings.sealed.add(content.kind, content.text, content.records, content.connections)
                case _:
                    self._out.buffer.write(content)

    def _head(self, file: str) -> None:
        if self._between is None:
            self._between = Between(console(self._out), name_files=self._name_files)
        self._between.begin(file)
        self._out.flush()
