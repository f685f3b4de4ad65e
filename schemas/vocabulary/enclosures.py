"""What has a structure of its own between a length, or nothing but a start, and the end."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, dataclass_transform

import construct

from schemas.errors import DecodeError, EncodeError
from schemas.vocabulary.constructed import S, StructNode, field, optional_field, struct
from schemas.vocabulary.node import (
    Node,
    Window,
    describe,
    expect_end,
    measure_part,
    node,
    offset_of,
    parse_part,
    take,
    watcher_of,
)
from schemas.vocabulary.numbers import Uint, uint16
from schemas.vocabulary.vectors import LENGTH, Bounded, Rest, Vector

T = TypeVar("T")


def enclosed(inner: Node[T] | type[T], floor: int, ceiling: int) -> Node[T]:
    """`opaque name<floor..ceiling>` whose bytes are exactly one `inner`, as RFC 6962 §3.3 wraps each SCT."""
    return Enclosed(node(inner), floor, ceiling)


def repeated(item: Node[T] | type[T]) -> Node[list[T]]:
    """As many items as fill what encloses them: a list without a length. RFC 9000 §18 calls it `item (..) ...`."""
    return Repeated(node(item))


def distinct(items: Node[list[T]], key: str) -> Node[list[T]]:
    """A list of structs no two of which have the same `key`."""
    return Distinct(items, key)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, optional_field))
def lengths_first(cls: type[S]) -> type[S]:
    """`@struct` for one whose `enclosed` fields have their lengths, two bytes each, in front of the first of them."""
    made = struct(cls)
    made.schema = LengthsFirst(made, uint16)
    return made


class Enclosed(Bounded[T]):
    """One value behind its length."""

    def __init__(self, inner: Node[T], floor: int, ceiling: int) -> None:
        super().__init__(floor, ceiling)
        self.inner = inner

    def notation(self) -> str:
        inner = "" if isinstance(self.inner, Rest) else f"{self.inner.notation()} in "
        return f"{inner}opaque{self.bounds()}"

    def needs(self) -> tuple[str, ...]:
        return self.inner.needs()

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        yield "", self.inner

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        return self.check(self.inner.measure(value, fields))

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> T:
        data, origin = self.content(stream)
        return self.parse_content(Window(data, origin, watcher_of(stream)), context)

    def parse_content(self, stream: io.BytesIO, context: Any) -> T:
        """The value that all of `stream` is."""
        value = parse_part(self.inner, stream, context, "")
        expect_end(stream)
        return value

    def _write(self, value: T, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        inner = io.BytesIO()
        self.inner._write(value, inner, fields)
        self.write_content(inner.getvalue(), stream)


class Repeated(Node[list[T]]):
    """Items up to the end of what encloses them: only ever a struct's last field, or a whole."""

    def __init__(self, item: Node[T]) -> None:
        super().__init__()
        self.item = item

    def notation(self) -> str:
        return f"{self.item.notation()}[...]"

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        yield "[]", self.item

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, list):
            raise EncodeError(f"a list for {self.notation()}", describe(value))
        lengths = [measure_part(self.item, item, fields, f"[{index}]") for index, item in enumerate(value)]
        if 0 in lengths:
            raise EncodeError("an item", "an empty one, which would not be seen", path=f"[{lengths.index(0)}]")
        return sum(lengths)

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> list[T]:
        items: list[T] = []
        while stream.read(1):
            stream.seek(-1, io.SEEK_CUR)
            start = stream.tell()
            items.append(parse_part(self.item, stream, context, f"[{len(items)}]"))
            if stream.tell() == start:
                raise DecodeError("an item", "an empty one, which would never end", offset=offset_of(stream))
        return items

    def _write(self, value: list[T], stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        for item in value:
            self.item._write(item, stream, fields)


class Distinct(Node[list[T]]):
    """A list of structs, told apart by one of their fields."""

    def __init__(self, items: Node[list[T]], key: str) -> None:
        super().__init__()
        if not isinstance(items, (Vector, Repeated)):
            raise TypeError(f"{items.notation()} is no list")
        self.items: Vector[T] | Repeated[T] = items
        self.key = key

    def notation(self) -> str:
        return self.items.notation()

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        yield "", self.items

    def second(self, value: list[T]) -> int | None:
        """The index of the first item whose key an earlier one has."""
        seen: set[object] = set()
        for index, item in enumerate(value):
            key = getattr(item, self.key)
            if key in seen:
                return index
            seen.add(key)
        return None

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        length = self.items.measure(value, fields)
        index = self.second(value) if isinstance(value, list) else None
        if index is not None:
            raise EncodeError(f"items that differ in {self.key}", "a second one", path=f"[{index}]")
        return length

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> list[T]:
        offset = offset_of(stream)
        value = self.items._parse(stream, context, path)
        index = self.second(value)
        if index is not None:
            prefix = self.items.prefix.width if isinstance(self.items, Vector) else 0
            offset += prefix + sum(self.items.item.measure(each, {}) for each in value[:index])
            raise DecodeError(f"items that differ in {self.key}", "a second one", offset=offset, path=f"[{index}]")
        return value

    def _write(self, value: list[T], stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        self.items._write(value, stream, fields)


class LengthsFirst(StructNode[S]):
    """A struct whose enclosed fields come last, behind all of their lengths. RFC 5246 §E.2"""

    def __init__(self, of: type[S], prefix: Uint) -> None:
        super().__init__(of)
        self.prefix = prefix
        self.plain = [each for each in self.fields if not isinstance(each[1], Enclosed)]
        self.enclosed = [
            (name, schema, doc) for name, schema, doc in self.fields[len(self.plain) :] if isinstance(schema, Enclosed)
        ]
        if len(self.plain) + len(self.enclosed) != len(self.fields):
            raise ValueError(f"{of.__name__} has a field behind its enclosed ones that is none")

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        shorter = sum(schema.prefix.width - self.prefix.width for _, schema, _ in self.enclosed)
        return super().measure(value, fields) - shorter

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> S:
        values = construct.Container(_=context)
        for name, schema, doc in self.plain:
            values[name] = parse_part(schema, stream, values, name, doc)
        lengths = [self.parse_length(name, schema, stream) for name, schema, _ in self.enclosed]
        for (name, schema, doc), length in zip(self.enclosed, lengths, strict=True):
            values[name] = parse_part(Content(schema, length), stream, values, name, doc)
        made = object.__new__(self.of)
        for name, _, _ in self.fields:
            object.__setattr__(made, name, values[name])
        return made

    def parse_length(self, name: str, schema: Enclosed[Any], stream: io.BytesIO) -> int:
        """The length of the field of that name. Raises DecodeError outside its bounds."""
        offset = offset_of(stream)
        length = parse_part(self.prefix, stream, {}, f"{name}_{LENGTH}")
        if not schema.floor <= length <= schema.ceiling:
            path = f"{name}_{LENGTH}"
            raise DecodeError(f"a length in {schema.bounds()}", str(length), offset=offset, path=path)
        return length

    def _write(self, value: S, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        values = {name: getattr(value, name) for name, _, _ in self.fields}
        for name, schema, _ in self.plain:
            schema._write(values[name], stream, values)
        for name, schema, _ in self.enclosed:
            self.prefix._write(schema.inner.measure(values[name], values), stream, values)
        for name, schema, _ in self.enclosed:
            schema.inner._write(values[name], stream, values)


class Content(Node[T]):
    """What an enclosed field holds, where its length has been read before."""

    def __init__(self, schema: Enclosed[T], length: int) -> None:
        super().__init__()
        self.schema = schema
        self.length = length

    def notation(self) -> str:
        return self.schema.inner.notation()

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> T:
        offset = offset_of(stream)
        data = take(stream, self.length, f"the {self.length} bytes of {self.notation()}")
        return self.schema.parse_content(Window(data, offset, watcher_of(stream)), context)
