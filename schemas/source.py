"""Python functions being written, line by line, and what they look `struct` layouts up in. For `schemas.compiler`."""

from __future__ import annotations

import linecache
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

MANY = 256
"""Lists with fewer items than this are worth a function of their own length."""

FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""`struct` formats of the unsigned integers; one of three bytes is read as two."""


class Mismatch(Exception):
    """The bytes, or the value, do not fit; the interpreted path says how."""


class Source:
    """A function being written: its lines, and the objects of ours that they name."""

    def __init__(self, title: str, parameters: str) -> None:
        self.title = title
        self.lines = [f"def compiled({parameters}):"]
        self.names: dict[str, Any] = {"Mismatch": Mismatch, "join": b"".join}
        self.fields: dict[str, str] = {}
        self._depth = 1

    def function(self) -> Any:
        """Compiles it; its lines show in tracebacks."""
        text = "\n".join(self.lines) + "\n"
        filename = f"<{self.title}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        exec(compile(text, filename, "exec"), self.names)
        return self.names["compiled"]

    def fresh(self, hint: str = "v") -> str:
        """A name that is not taken."""
        name = f"{hint}_{len(self.names)}"
        self.names[name] = None
        return name

    def bind(self, value: Any, hint: str) -> str:
        """A name for an object of ours."""
        name = self.fresh(hint)
        self.names[name] = value
        return name

    def line(self, text: str) -> None:
        """Writes a line."""
        self.lines.append("    " * self._depth + text)

    @contextmanager
    def indented(self, header: str) -> Iterator[None]:
        """A block under `header`."""
        self.line(header)
        self._depth += 1
        yield
        self._depth -= 1


class ParserSource(Source):
    """A parser being written. Fixed-size fields that follow each other are read at once, before the next line."""

    def __init__(self, title: str) -> None:
        super().__init__(title, "b, p, e")
        self.end = "e"
        self._format = ""
        self._targets: list[str] = []
        self._afterwards: list[str] = []

    def line(self, text: str) -> None:
        self.flush()
        super().line(text)

    @contextmanager
    def indented(self, header: str) -> Iterator[None]:
        with super().indented(header):
            yield
            self.flush()

    @contextmanager
    def within(self, end: str) -> Iterator[None]:
        """A stretch whose values end before another end."""
        outer, self.end = self.end, end
        yield
        self.flush()
        self.end = outer

    def read(self, code: str, *targets: str, then: Sequence[str] = ()) -> None:
        """Joins fields of a fixed size to those that are read at once; `then` are lines for when they are."""
        self._format += code
        self._targets += targets
        self._afterwards += then

    def flush(self, *, checked: bool = False) -> None:
        """One `unpack_from` for all that was joined. With `checked`, a later line sees whether `p` went too far."""
        if not self._format:
            return
        layout = struct.Struct(">" + self._format)
        targets, lines = ", ".join(self._targets), self._afterwards
        self._format, self._targets, self._afterwards = "", [], []
        if layout.format == ">B":
            self.line(f"{targets} = b[p]")
        else:
            self.line(f"{targets}, = {self.bind(layout.unpack_from, 'unpack')}(b, p)")
        self.line(f"p += {layout.size}")
        if not checked:
            self.line(f"if p > {self.end}: raise Mismatch")
        for each in lines:
            self.line(each)


class BuilderSource(Source):
    """A builder being written. Fixed-size fields that follow each other are packed at once."""

    def __init__(self, title: str) -> None:
        super().__init__(title, "value")
        self._parts: list[str] = []
        self._format = ""
        self._values: list[str] = []

    def pack(self, code: str, *values: str) -> None:
        """Joins fields of a fixed size to those that are packed at once."""
        self._format += code
        self._values += values

    def part(self, expression: str) -> None:
        """Appends bytes."""
        self._flush()
        self._parts.append(expression)

    def joined(self) -> str:
        """The expression that gives everything."""
        self._flush()
        if len(self._parts) <= 2:
            return " + ".join(self._parts) or 'b""'
        return f"join(({', '.join(self._parts)}))"

    def _flush(self) -> None:
        if self._format:
            layout = struct.Struct(">" + self._format)
            self._parts.append(f"{self.bind(layout.pack, 'pack')}({', '.join(self._values)})")
            self._format, self._values = "", []


def refuse(source: Source, *conditions: str) -> None:
    """Raises Mismatch where any of the conditions holds."""
    if conditions:
        source.line(f"if {' or '.join(conditions)}: raise Mismatch")


class Layouts(dict[int, Any]):
    """Lengths in bytes, and what reads or packs that many as numbers of `width` bytes, made when first met."""

    def __init__(self, width: int, method: Callable[[struct.Struct], Any], before: str = "") -> None:
        super().__init__()
        self._width = width
        self._method = method
        self._before = before

    def __missing__(self, length: int) -> Any:
        count, left = divmod(length, self._width)
        if left:
            raise Mismatch
        made = self._method(struct.Struct(f">{self._before}{count}{FORMATS[self._width]}"))
        if count < MANY:
            self[length] = made
        return made
