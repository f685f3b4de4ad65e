"""Schema tree and bytes → every field's path, byte span, value and explanation.

What the parser sees, told part by part, in the tree that the bytes are. Where parsing fails, everything up to the
failure is there, and so is the error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from schemas.errors import DecodeError
from schemas.vocabulary import Buffer, Node, StructNode, node, parse_exactly

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Part:
    """One field, item or length: `data[start:end]` of what was traced.

    `path` is the one that an error in it would name. `value` is None, and `complete` false, where parsing failed in it
    or before its end; `end` is then the last byte that is known to belong to it.
    """

    name: str
    path: str
    schema: Node[Any]
    doc: str
    start: int
    end: int
    value: object = None
    complete: bool = False
    parts: list[Part] = field(default_factory=list)

    def walk(self) -> Iterator[Part]:
        """This part and all that it holds, in the order of the bytes."""
        yield self
        for each in self.parts:
            yield from each.walk()

    @property
    def is_leaf(self) -> bool:
        """Whether it is made of nothing smaller."""
        return not self.parts


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole value's parts, and why it is none, if it is none."""

    root: Part
    error: DecodeError | None

    def parts(self) -> Iterator[Part]:
        """Every part, in the order of the bytes, the whole first."""
        return self.root.walk()


def trace(schema: Node[T] | type[T], data: Buffer, *, offset: int = 0) -> Trace:
    """The parts of `data` as a value of `schema`. `offset` is added to every position.

    Never raises for what `data` holds: see `Trace.error`.
    """
    of = node(schema)
    raw = bytes(memoryview(data))
    recorder = Recorder(of, offset)
    try:
        value = parse_exactly(of, raw, offset, None, recorder)
    except DecodeError as error:
        error.within(of.label())
        recorder.abandon(error)
        return Trace(recorder.root, error)
    recorder.leave(offset + len(raw), value)
    return Trace(recorder.root, None)


class Recorder:
    """A `Watcher` that keeps everything."""

    def __init__(self, schema: Node[Any], offset: int) -> None:
        label = schema.label()
        doc = summary(schema.of) if isinstance(schema, StructNode) else ""
        self.root = Part(name=label, path=label, schema=schema, doc=doc, start=offset, end=offset)
        self._open = [self.root]

    def enter(self, name: str, schema: Node[Any], doc: str, offset: int) -> None:
        outer = self._open[-1]
        joint = "" if name.startswith("[") or not outer.path or not name else "."
        path = outer.path if schema.names_itself else f"{outer.path}{joint}{name}"
        part = Part(name=name, path=path, schema=schema, doc=doc, start=offset, end=offset)
        outer.parts.append(part)
        self._open.append(part)

    def leave(self, offset: int, value: object) -> None:
        part = self._open.pop()
        part.end, part.value, part.complete = offset, value, True

    def abandon(self, error: DecodeError) -> None:
        """Parsing failed: the parts that are still open end where it did."""
        for part in self._open:
            part.end = max([part.start, error.offset, *(each.end for each in part.parts)])


def summary(of: type[Any]) -> str:
    """The first sentence of a struct's docstring behind its reference, which comes last here."""
    reference, _, text = (of.__doc__ or "").partition("\n")[0].partition(". ")
    return f"{text.rstrip('.')}. {reference}" if text else reference
