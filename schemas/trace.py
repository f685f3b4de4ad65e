"""Schema tree and bytes → every field's path, byte span, value and explanation.

What the parser sees, told part by part, in the tree that the bytes are. Where parsing fails, everything up to the
failure is there, and so is the error. Where a length promises more bytes than there are, the parts that are there are
told all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from schemas.code_points import ExtensionType
from schemas.errors import DecodeError
from schemas.extension_block import ROWS, ExtensionDataNode, ExtensionNode
from schemas.vocabulary import (
    LENGTH,
    BehindVariableLength,
    Bounded,
    Buffer,
    CodePoint,
    CodePointNode,
    Distinct,
    FixedOpaque,
    Node,
    Rest,
    Select,
    Struct,
    StructNode,
    ToldByContent,
    Trailing,
    Uint,
    VariableInteger,
    Window,
    node,
    parse_exactly,
)

T = TypeVar("T")

EXTENSION_REFERENCE = "RFC 9846 §4.3"
"""Where an extension is specified, before its type is known."""

MISPLACED = "not allowed in"
"""How the remark on an extension begins that may not be in the message that it is in."""

_REFERENCE = r"(?:RFC \d+|draft-[\w-]+)(?: §[\w.]+)?(?:, appendix [\w.]+)?"
REFERENCES = re.compile(rf"{_REFERENCE}(?:, {_REFERENCE})*")
"""How a docstring says where something is specified."""


@dataclass(slots=True, kw_only=True)
class Part:
    """One field, item or length: `data[start:end]` of what was traced.

    `path` is the one that an error in it names. `doc` explains it and `reference` says where it is specified, `remark`
    what is special about this one: a code point that nobody registered, an extension where it may not be. `value` is
    None, and `complete` false, where parsing failed in it or before its end; `end` is then the last byte that is known
    to belong to it.
    """

    name: str
    path: str
    schema: Node[Any]
    doc: str
    reference: str
    start: int
    end: int
    remark: str = ""
    value: object = None
    complete: bool = False
    parts: list[Part] = field(default_factory=list)

    def walk(self) -> Iterator[Part]:
        """This part and all that it holds, in the order of the bytes."""
        yield self
        for each in self.parts:
            yield from each.walk()

    def leaves(self) -> Iterator[Part]:
        """The parts that are made of nothing smaller, lengths too: their contents are all the bytes, in order."""
        if self.prefix is not None:
            yield self.prefix
        if self.is_leaf:
            yield self
        for each in self.inner:
            yield from each.leaves()

    @property
    def prefix(self) -> Part | None:
        """The length that it stands behind, None where it has none, or none was read."""
        # A struct may have a field of that name. Fields are explained, the lengths of vectors never.
        return self.parts[0] if self.parts and self.parts[0].name == LENGTH and not self.parts[0].doc else None

    @property
    def inner(self) -> Sequence[Part]:
        """What it is made of, its length left out."""
        return self.parts if self.prefix is None else self.parts[1:]

    @property
    def is_leaf(self) -> bool:
        """Whether it is made of nothing smaller, but perhaps a length: `content` are bytes of its own then."""
        return not self.inner

    @property
    def content(self) -> tuple[int, int]:
        """Where its content starts and ends: all of it, behind its length if it has one."""
        return self.start if self.prefix is None else self.prefix.end, self.end

    @property
    def promised_end(self) -> int | None:
        """Where it would end by the length that it stands behind, None where it has none."""
        prefix = self.prefix
        if prefix is None or not isinstance(prefix.value, int):
            return None
        return prefix.end + prefix.value


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole value's parts, and why it is none, if it is none.

    Where the reason is that a length promises more bytes than there are, `further` is what else is wrong in those that
    are there.
    """

    root: Part
    error: DecodeError | None
    further: DecodeError | None = None

    def parts(self) -> Iterator[Part]:
        """Every part, in the order of the bytes, the whole first."""
        return self.root.walk()

    def leaves(self) -> Iterator[Part]:
        """The parts that are made of nothing smaller: see `Part.leaves`."""
        return self.root.leaves()


def trace(schema: Node[T] | type[T], data: Buffer, *, offset: int = 0) -> Trace:
    """The parts of `data` as a value of `schema`. `offset` is added to every position.

    Never raises for what `data` holds: `Trace.error` is what `parse` raises.
    """
    of = node(schema)
    raw = bytes(memoryview(data))
    recorder = Recorder(of, raw, offset)
    try:
        value = parse_exactly(of, raw, offset, None, recorder)
    except DecodeError as error:
        error.within(of.label())
        further = recorder.read_on(error)
        recorder.abandon()
        return Trace(recorder.root, error, further)
    recorder.leave(offset + len(raw), value)
    return Trace(recorder.root, None)


def described(of: type) -> tuple[str, str]:
    """Where a class is specified, and the sentence that says what it is: its docstring taken apart."""
    paragraph = " ".join((of.__doc__ or "").strip().split("\n\n")[0].split()).rstrip(".")
    sentences = paragraph.split(". ")
    references = [found.group() for each in sentences if (found := REFERENCES.match(each))]
    texts = [each for each in sentences if not REFERENCES.match(each)]
    return references[0] if references else "", texts[0] if texts else paragraph


class Recorder:
    """A `Watcher` that keeps everything."""

    def __init__(self, schema: Node[Any], data: bytes, offset: int) -> None:
        label = schema.label()
        reference, doc = described(schema.of) if isinstance(schema, StructNode) else ("", "")
        self.root = Part(name=label, path=label, schema=schema, doc=doc, reference=reference, start=offset, end=offset)
        self._data = data
        self._offset = offset
        self._open = [self.root]
        self._limit: int | None = None

    def enter(self, name: str, schema: Node[Any], doc: str, offset: int) -> None:
        if self._limit is not None and offset >= self._limit:
            raise EndOfBytes
        outer = self._open[-1]
        reference, doc, remark = self._explained(schema, doc, offset)
        part = Part(
            name=name,
            path=self._path(name, schema),
            schema=schema,
            doc=doc,
            reference=reference,
            remark=remark,
            start=offset,
            end=offset,
        )
        outer.parts.append(part)
        self._open.append(part)

    def leave(self, offset: int, value: object) -> None:
        if self._limit is not None and offset > self._limit:
            raise EndOfBytes
        part = self._open.pop()
        part.end, part.value, part.complete = offset, value, True
        if isinstance(value, CodePoint):
            part.remark = remark_on(value)

    def read_on(self, error: DecodeError) -> DecodeError | None:
        """Parsing failed. If that is because a length promises more than there is, what is there is read all the same.

        That may end at another such length inside, and so on. What is wrong there, other than `error`, is given back.
        """
        tried: Part | None = None
        further: DecodeError | None = None
        while (part := self._open[-1]) is not tried and part.is_leaf:
            prefix, room = part.prefix, self._room(len(self._open) - 1)
            if prefix is None or part.promised_end is None or part.promised_end <= room:
                break
            tried = part
            found = self._read_again(part, prefix, room)
            if found is not None and found.offset != error.offset:
                further = further or found
        return further

    def abandon(self) -> None:
        """Parsing is over: the parts that are still open end with the last byte that is known to be theirs."""
        for depth in reversed(range(len(self._open))):
            part, room = self._open[depth], self._room(depth)
            if part.promised_end is not None:
                part.end = min(part.promised_end, room)
            elif part.parts:
                part.end = part.parts[-1].end
            else:
                part.end = min(part.start + least_width(part.schema, room - part.start), room)

    def _read_again(self, part: Part, prefix: Part, room: int) -> DecodeError | None:
        """Reads an open part up to `room`, with a length that fits. Gives what is wrong with what is there.

        The length is for a byte more than there is: what only ends with the bytes would be taken for complete else.
        """
        promised = prefix.value if isinstance(prefix.value, int) else 0
        length = min(promised, max(room - prefix.end + 1, floor_of(part.schema)))
        content = self._data[prefix.end - self._offset : room - self._offset]
        data = self._shortened(prefix, length) + content + bytes(prefix.end + length - room)
        depth = len(self._open) - 1
        part.parts.clear()
        self._limit = room
        error: DecodeError | None = None
        try:
            part.schema._parse(Window(data, part.start, self), self._fields(depth), "")
        except EndOfBytes:
            return None
        except DecodeError as found:
            error = found
        finally:
            part.parts[0] = prefix
        if error is None or not self._is_news(error, room):
            return None
        error.within(self._open[depth - 1].path if isinstance(part.schema, Select) else part.path)
        return error

    def _shortened(self, prefix: Part, length: int) -> bytes:
        """A length's bytes with another one in them."""
        width = prefix.end - prefix.start
        # The first two bits of a variable-length integer tell its width. RFC 9000 §16
        kept = self._data[prefix.start - self._offset] >> 6 if isinstance(prefix.schema, VariableInteger) else 0
        return (kept << 8 * width - 2 | length).to_bytes(width, "big")

    def _is_news(self, error: DecodeError, room: int) -> bool:
        """Whether an error in bytes that are cut at `room` is none of the cut."""
        last = self._open[-1]
        if error.offset >= room or last.start + least_width(last.schema, 0) > room:
            return False
        if last.prefix is None or last.promised_end is None or error.offset != last.prefix.end:
            return True
        # More is promised than was left, for which it is enough that less was left; or than was promised around it.
        around = [part.promised_end for part in self._open[:-1] if part.promised_end is not None]
        return last.promised_end > min(around, default=last.promised_end)

    def _room(self, depth: int) -> int:
        """Where the bytes end that the open part of that depth may have: those of what encloses it."""
        ends = (part.promised_end for part in self._open[:depth])
        return min([self._offset + len(self._data), *(end for end in ends if end is not None)])

    def _fields(self, depth: int) -> Mapping[str, object]:
        """The siblings of the open part of that depth, as far as they are read."""
        return {each.name: each.value for each in self._open[depth - 1].parts if each.complete} if depth else {}

    def _path(self, name: str, schema: Node[Any]) -> str:
        """What an error in a part of this name names: every step is one that `parse` puts in front on its way out."""
        outer = self._open[-1]
        path = outer.path
        if name == LENGTH and isinstance(outer.schema, ExtensionDataNode):
            # The extension's own length. That of a vector in it would have the same path else.
            return joined(self._open[-2].path, f"extension_data.{LENGTH}")
        if not isinstance(outer.schema, Select) and name != LENGTH:
            path = joined(path, self._steps(outer.schema, len(self._open) - 1))
        own = self._steps(schema, len(self._open)) if isinstance(schema, Select) else name
        return joined(path, own)

    def _steps(self, schema: Node[Any], depth: int) -> str:
        """The name of the variant where the schema is a select, or holds one that is no part of its own; else none."""
        while isinstance(schema, (BehindVariableLength, Distinct, Trailing)):
            schema = schema.items if isinstance(schema, Distinct) else schema.inner
        return str(self._fields(depth)[schema.tag]) if isinstance(schema, Select) else ""

    def _explained(self, schema: Node[Any], doc: str, offset: int) -> tuple[str, str, str]:
        """Reference, explanation and remark of a part that begins here."""
        outer = self._open[-1]
        if isinstance(outer.schema, ExtensionNode) and isinstance(schema, ExtensionDataNode):
            return explained_extension(outer)
        if isinstance(schema, ExtensionNode):
            return EXTENSION_REFERENCE, doc, ""
        of = self._struct_of(schema, offset)
        if of is None:
            return outer.reference, doc, ""
        reference, summary = described(of)
        return reference or outer.reference, summary if isinstance(schema, Select) else doc or summary, ""

    def _struct_of(self, schema: Node[Any], offset: int) -> type[Struct] | None:
        """The struct that begins here, None where none does."""
        if isinstance(schema, Select):
            offset += schema.length.width if schema.length is not None else 0
            variant = schema.variants.get(self._fields(len(self._open))[schema.tag])
            return None if variant is None else self._struct_of(variant, offset)
        if isinstance(schema, ToldByContent):
            return self._struct_of(schema.variant(self._data[offset - self._offset :]), offset)
        return schema.of if isinstance(schema, StructNode) else None


class EndOfBytes(Exception):
    """Reading on has come to the end of what is there."""


def remark_on(value: CodePoint) -> str:
    """What is special about a code point: that it is reserved to be ignored, or that nobody registered it."""
    if value.is_grease:
        return "reserved to be ignored, RFC 8701"
    return "" if value.is_registered else "not registered"


def explained_extension(part: Part) -> tuple[str, str, str]:
    """Reference, explanation and remark of the data of an extension, of which `part` has only the type yet."""
    extension_type, schema = part.parts[0].value, part.schema
    if not isinstance(extension_type, ExtensionType) or not isinstance(schema, ExtensionNode):
        return part.reference, "", ""
    row = ROWS.get(extension_type)
    if row is not None:
        message = schema.block.message
        remark = "" if message in row.bodies else f"{MISPLACED} {message}, RFC 9846 §4.3"
        return row.reference, row.explanation, remark
    return part.reference, "", remark_on(extension_type) or "registered, but not described here"


def least_width(schema: Node[Any], room: int) -> int:
    """How many bytes belong to a part of this schema that parsing failed in, with nothing in it read."""
    if isinstance(schema, Rest):
        return room
    if isinstance(schema, CodePointNode):
        schema = schema.number
    if isinstance(schema, Uint):
        return schema.width
    return schema.length if isinstance(schema, FixedOpaque) else 0


def floor_of(schema: Node[Any]) -> int:
    """The least that a schema's length may say."""
    while isinstance(schema, (Distinct, Trailing)):
        schema = schema.items if isinstance(schema, Distinct) else schema.inner
    return schema.floor if isinstance(schema, Bounded) else 0


def joined(path: str, step: str) -> str:
    """A path with one more step, `[3]` or a name."""
    joint = "" if not path or not step or step.startswith("[") else "."
    return f"{path}{joint}{step}"
