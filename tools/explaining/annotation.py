"""Traced bytes as rows: what each stretch of bytes is called, what it says, and what that means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from schemas import Struct
from schemas.code_points import ExtensionType
from schemas.extension_block import ExtensionNode
from schemas.trace import Part, least_width
from schemas.vocabulary import CodePoint, Overlong, StructNode, snake_case
from tools.certificates import facts as certificate_facts
from tools.explaining.pieces import Piece
from tools.values.tree import count_of

MOST_ITEMS, MOST_NUMBERS = 12, 60
"""How many items of a list are shown if not all are asked for: structures, each with its fields, and mere numbers."""

LAST_ITEMS = 2
"""How many of them are the last ones."""

PACKED_BYTES = 6
"""So many bytes of numbers in a list go on one row."""

SHORTEST_TEXT, LONGEST_TEXT = 2, 64
"""How long bytes may be that are shown as text."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Bytes on a row, and where they start in the piece; a length is told from what it is the length of."""

    start: int
    data: bytes
    is_length: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A field, a list's beginning, some of its items, or bytes that nothing is known of."""

    depth: int
    start: int
    label: str
    value: str = ""
    doc: str = ""
    cells: Sequence[Cell] = ()
    until: int = 0

    def holds(self, offset: int) -> bool:
        """Whether the byte at `offset` stands on this row, or is left to others by it: those before `until`."""
        return self.start <= offset < self.until or any(cell.start <= offset < cell.end for cell in self.cells)


class Annotation:
    """The rows of one piece; those of the pieces in it are not among them."""

    def __init__(self, piece: Piece, *, everything: bool = False) -> None:
        self._piece = piece
        self._everything = everything
        self._shown = 0

    def rows(self) -> Iterator[Row]:
        """The rows from the first byte to the last one: none is left out, but those of a long list's middle."""
        root = self._piece.trace.root
        title = self._piece.title
        note = f"; {self._piece.note}" if self._piece.note else ""
        if root.is_leaf and root.schema.label() == "":
            yield from self._leaf(root, title or root.schema.notation(), 0, "")
        else:
            size = self._size(root.start if root.prefix is None else root.prefix.end, len(self._piece.data), root)
            value = " in ".join(filter(None, (_counted(root), size))) + note
            label = title or root.name or root.schema.notation()
            yield self._row(0, label, 0, value, explained(root, ""), root.prefix)
            yield from self._inside(root, 1)
        yield from self._unread(len(self._piece.data), 1)

    def _part(self, part: Part, outer: Part, depth: int) -> Iterator[Row]:
        yield from self._unread(part.start, depth)
        if isinstance(part.schema, ExtensionNode) and len(part.parts) == 2 and part.parts[1].prefix is not None:
            yield from self._extension(part, depth)
        elif part is self._told_apart():
            size = self._size(*part.content, part)
            row = self._row(part.start, _label(part, outer), depth, size, explained(part, outer.reference), part.prefix)
            yield replace(row, until=part.end)
            self._shown = part.end
        elif part.is_leaf:
            yield from self._leaf(part, _label(part, outer), depth, outer.reference)
        elif part.name == "" and part.prefix is None:
            yield from self._inside(part, depth)
        else:
            yield self._container(part, outer, depth)
            yield from self._inside(part, depth + 1)
        yield from self._unread(part.end, depth + 1)

    def _told_apart(self) -> Part | None:
        """The part that is shown as pieces of its own: a record's content, a key exchange."""
        root = self._piece.trace.root
        return root.parts[-1] if self._piece.inner and root.parts else None

    def _container(self, part: Part, outer: Part, depth: int) -> Row:
        label, struct = _label(part, outer), _struct_name(part)
        if struct and snake_case(struct) != label:
            label = f"{label} {struct}"
        items = _counted(part)
        size = self._size(*part.content, part) if part.prefix is not None or not part.complete else ""
        value = " in ".join(filter(None, (items, size))) if part.prefix is not None else items or size
        return self._row(part.start, label, depth, value, explained(part, outer.reference), part.prefix)

    def _extension(self, part: Part, depth: int) -> Iterator[Row]:
        """An extension's type and length on a row of their own."""
        number, data = part.parts
        prefix = data.prefix
        if not isinstance(number.value, ExtensionType) or prefix is None:
            return
        cells = [Cell(number.start, self._bytes(number.start, number.end)), self._length(prefix)]
        size = self._size(*data.content, data) if data.end > prefix.end or not data.complete else "empty"
        label = f"{part.name} {number.value}" + (f" ({int(number.value)})" if number.value.is_registered else "")
        self._shown = prefix.end
        doc = explained(data, "")
        yield Row(depth=depth, start=part.start, label=label, value=size, doc=doc, cells=cells)
        for each in data.inner:
            if each.end > each.start or not each.complete:
                yield from self._part(each, data, depth + 1)
        yield from self._unread(data.end, depth + 1)

    def _inside(self, part: Part, depth: int) -> Iterator[Row]:
        items = list(part.inner)
        if len(items) > 1 and all(_is_number(each) for each in items if each.complete) and items[0].name == "[0]":
            yield from self._packed(items, part, depth)
            return
        kept = self._kept(items, MOST_ITEMS)
        for each in kept[0]:
            yield from self._part(each, part, depth)
        if kept[1]:
            yield self._left_out(kept[1], depth)
        for each in kept[2]:
            yield from self._part(each, part, depth)

    def _packed(self, items: list[Part], outer: Part, depth: int) -> Iterator[Row]:
        """Numbers, as many on a row as fit."""
        first, middle, last = self._kept(items, MOST_NUMBERS)
        for stretch in (first, middle, last):
            if stretch is middle and middle:
                yield self._left_out(middle, depth)
                continue
            whole = [each for each in stretch if each.complete]
            while whole:
                count = max(1, PACKED_BYTES // max(1, whole[0].end - whole[0].start))
                row, whole = whole[:count], whole[count:]
                cell = Cell(row[0].start, self._bytes(row[0].start, row[-1].end))
                names = ", ".join(_number(each.value, alone=False) for each in row)
                self._shown = row[-1].end
                yield Row(depth=depth, start=row[0].start, label="", value=names, cells=[cell])
            for each in stretch:
                if not each.complete:
                    yield from self._part(each, outer, depth)

    def _kept(self, items: list[Part], most: int) -> tuple[list[Part], list[Part], list[Part]]:
        """The items to show, to leave out and to show again: a failure, in the last one, is never left out."""
        if self._everything or len(items) <= most:
            return items, [], []
        return items[: most - LAST_ITEMS], items[most - LAST_ITEMS : -LAST_ITEMS], items[-LAST_ITEMS:]

    def _left_out(self, items: Sequence[Part], depth: int) -> Row:
        start, self._shown = items[0].start, items[-1].end
        data = self._bytes(start, self._shown)
        value = f"{count_of(len(items), 'more item')}, {count_of(len(data), 'byte')}: --all shows them"
        return Row(depth=depth, start=start, label="…", value=value, cells=[Cell(start, data)])

    def _leaf(self, part: Part, label: str, depth: int, reference: str) -> Iterator[Row]:
        start, end = part.content
        value = _value(part) if part.complete else self._size(start, end, part)
        cells = [self._length(part.prefix)] if part.prefix is not None else []
        if end > start:
            cells.append(Cell(start, self._bytes(start, end)))
        self._shown = end
        doc = explained(part, reference)
        yield Row(depth=depth, start=part.start, label=label, value=value, doc=doc, cells=cells)

    def _row(self, start: int, label: str, depth: int, value: str, doc: str, prefix: Part | None) -> Row:
        self._shown = max(self._shown, start if prefix is None else prefix.end)
        cells = [] if prefix is None else [self._length(prefix)]
        return Row(depth=depth, start=start, label=label, value=value, doc=doc, cells=cells)

    def _unread(self, end: int, depth: int) -> Iterator[Row]:
        """A row for the bytes up to `end` that nothing has been said of: parsing failed before them."""
        start = self._shown
        if start < end:
            self._shown = end
            data = self._bytes(start, end)
            value = count_of(len(data), "byte")
            yield Row(depth=depth, start=start, label="not read", value=value, cells=[Cell(start, data)])

    def _length(self, prefix: Part) -> Cell:
        return Cell(prefix.start, self._bytes(prefix.start, prefix.end), is_length=True)

    def _bytes(self, start: int, end: int) -> bytes:
        return self._piece.data[start:end]

    def _size(self, start: int, end: int, part: Part) -> str:
        """`38 bytes`, `20 of 38 bytes` where more are promised than there are."""
        length = min(end, len(self._piece.data)) - start
        promised = part.promised_end
        whole = least_width(part.schema, 0) if promised is None else promised - start
        if part.complete or whole <= length:
            return count_of(length, "byte")
        return f"{length} of {count_of(whole, 'byte')}"


def explained(part: Part, outer: str) -> str:
    """What a part is and where that is specified, in short where the part around it is specified beside it."""
    document, _, section = part.reference.partition(" §")
    same = bool(section) and document == outer.partition(" §")[0] and "," not in part.reference
    reference = f"§{section}" if same else part.reference
    if not part.doc and part.reference == outer:
        reference = ""
    said = ", ".join(filter(None, (part.doc, reference)))
    return "; ".join(filter(None, (said, part.remark)))


def _label(part: Part, outer: Part) -> str:
    """The step from the outer part's path to this one's; what has no name of its own goes by its schema."""
    step = part.path[len(outer.path) :] if part.path.startswith(outer.path) else part.name
    return step.removeprefix(".") or part.name or part.schema.notation()


def _struct_name(part: Part) -> str:
    if isinstance(part.value, Struct):
        return type(part.value).__name__
    return part.schema.of.__name__ if isinstance(part.schema, StructNode) else ""


def _counted(part: Part) -> str:
    """How many items a list has, "" for what is none."""
    items = part.inner
    return count_of(len(items), "item") if items and items[0].name == "[0]" else ""


def _is_number(part: Part) -> bool:
    return part.is_leaf and part.prefix is None and isinstance(part.value, int)


def _value(part: Part) -> str:
    match part.value.value if isinstance(part.value, Overlong) else part.value:
        case None:
            return "absent"
        case int() as value:
            return _number(value, alone=True)
        case bytes() as value if value:
            return _opaque(value, is_certificate=part.name == "cert_data" or "certificate_list[" in part.path)
        case _:
            return "empty"


def _number(value: object, *, alone: bool) -> str:
    """`x25519`, with its number where it stands alone; wide numbers in hexadecimal, as the RFC has them."""
    if not isinstance(value, CodePoint) or not value.is_registered or not alone:
        return str(value)
    decimal = type(value).width == 1 or isinstance(value, ExtensionType)
    return f"{value} ({int(value) if decimal else f'0x{int(value):04x}'})"


def _opaque(data: bytes, *, is_certificate: bool) -> str:
    """Text if bytes are such, else how many there are: they stand beside it."""
    size = count_of(len(data), "byte")
    if is_certificate:
        return ", ".join([size, *certificate_facts(data)])
    text = data.decode("ascii") if data.isascii() else ""
    if len(data) < SHORTEST_TEXT or not text.isprintable() or not text:
        return size
    escaped = text.translate(_ESCAPES)
    return f'"{escaped}"' if len(text) <= LONGEST_TEXT else f'"{escaped[:LONGEST_TEXT]}…", {size}'


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})
