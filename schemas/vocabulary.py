"""RFC 9846 §3, the presentation language, as constructs.

`uint8` … `uint64`, `opaque`, `vector`, `select` and `@struct` read like the RFC's own notation, and each is a
`construct.Construct`, so it nests in any construct expression. They are strict both ways: a length prefix
is as wide as its ceiling asks, floor and ceiling hold, a prefix's content is consumed to its exact end, and
whatever fails says where (`DecodeError`, `EncodeError`).

A value is measured (`Node.measure`) when it is put into a struct: what cannot be built cannot be constructed.
"""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast, dataclass_transform

import construct

from schemas.errors import DecodeError, EncodeError

T = TypeVar("T")
C = TypeVar("C", bound="CodePoint")
S = TypeVar("S", bound="Struct")

if TYPE_CHECKING:

    class _Construct(Generic[T]):
        """What this package needs of `construct.Construct`, which ships no types."""

        def parse(self, data: bytes) -> T: ...
        def build(self, obj: T) -> bytes: ...

else:

    class _Construct(construct.Construct, Generic[T]):
        pass


class Node(_Construct[T]):
    """A wire schema for values of type T: a construct that can also measure a value without building it."""

    def notation(self) -> str:
        """The schema as RFC 9846 §3 writes a type."""
        raise NotImplementedError

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        """How many bytes `value` takes; `fields` are its siblings in the enclosing struct.

        Raises EncodeError where it has no encoding.
        """
        raise NotImplementedError

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        """The schemas this one is made of, each with its name here: what a walk of the tree follows."""
        return iter(())

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> T:
        raise NotImplementedError

    def _build(self, value: T, stream: io.BytesIO, context: Any, path: str) -> T:
        raise NotImplementedError


class Window(io.BytesIO):
    """Some of a larger buffer, as a stream that knows at which byte of the whole it starts."""

    def __init__(self, data: bytes, origin: int) -> None:
        super().__init__(data)
        self.origin = origin


def offset_of(stream: io.BytesIO) -> int:
    """The stream's position, counted from the start of the outermost buffer."""
    return (stream.origin if isinstance(stream, Window) else 0) + stream.tell()


def take(stream: io.BytesIO, length: int, expected: str) -> bytes:
    """The next `length` bytes, all of them. Raises DecodeError at the first byte of what was expected."""
    data = stream.read(length)
    if len(data) != length:
        found = f"{len(data)} of {length} bytes" if data else "the end"
        raise DecodeError(expected, found, offset=offset_of(stream) - len(data))
    return data


def parse_exactly(schema: Node[T], data: bytes, origin: int, context: Any = None) -> T:
    """The one way into a bounded piece of bytes: nothing may be left over behind the value."""
    stream = Window(data, origin)
    value = schema._parse(stream, context if context is not None else {}, "")
    if stream.tell() != len(data):
        left = len(data) - stream.tell()
        plural = "" if left == 1 else "s"
        raise DecodeError("the end", f"{left} more byte{plural}", offset=offset_of(stream))
    return value


def parse(schema: Node[T] | type[T], data: bytes, *, offset: int = 0) -> T:
    """`data` as the one value that it is. `offset` is where it stands in what the caller reads from.

    Raises DecodeError, with a byte offset that counts `offset` in.
    """
    return parse_exactly(node(schema), bytes(data), offset)


def build(schema: Node[T] | type[T], value: T) -> bytes:
    """The bytes of `value`. Raises EncodeError where there are none."""
    of = node(schema)
    of.measure(value, {})
    stream = io.BytesIO()
    of._build(value, stream, {}, "")
    return stream.getvalue()


def node(schema: Node[T] | type[T]) -> Node[T]:
    """The schema itself, or that of a struct or code point class."""
    return schema if isinstance(schema, Node) else cast("Node[T]", schema.schema)  # type: ignore[attr-defined]


class Uint(Node[int]):
    """An unsigned integer of `width` bytes in network byte order. RFC 9846 §3.3."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def notation(self) -> str:
        return f"uint{8 * self.width}"

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise EncodeError(self.notation(), describe(value))
        if not 0 <= value < 1 << 8 * self.width:
            raise EncodeError(f"{self.notation()}, at most {(1 << 8 * self.width) - 1}", str(int(value)))
        return self.width

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> int:
        return int.from_bytes(take(stream, self.width, self.notation()), "big")

    def _build(self, value: int, stream: io.BytesIO, context: Any, path: str) -> int:
        stream.write(value.to_bytes(self.width, "big"))
        return value

    def _sizeof(self, context: Any, path: str) -> int:
        return self.width


uint8, uint16, uint24, uint32, uint64 = Uint(1), Uint(2), Uint(3), Uint(4), Uint(8)


class CodePoint(IntEnum):
    """A registry: a number on the wire, a name for people. RFC 9846 §3.5.

    A number that the registry does not hold is a member all the same, made when it is met: the type holds and the
    number survives. Its name tells what it is, `unknown 0x1a2b` or (RFC 8701) `GREASE 0x5a5a`.
    """

    schema: ClassVar[Node[Any]]
    width: ClassVar[int]
    grease: ClassVar[bool]

    def __init_subclass__(cls, *, width: int, grease: bool = False) -> None:
        cls.width = width
        cls.grease = grease
        cls.schema = CodePointNode(cls)

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not 0 <= value < 1 << 8 * cls.width:
            return None
        member = int.__new__(cls, value)
        kind = "GREASE" if cls.grease and is_grease(value, cls.width) else "unknown"
        member._name_ = f"{kind} 0x{value:0{2 * cls.width}x}"
        member._value_ = value
        # Kept, so that a number is one object for good: at most 2^16 of them in a registry.
        return cast("Self", cls._value2member_map_.setdefault(value, member))

    @property
    def is_registered(self) -> bool:
        """Whether the registry holds this number, as opposed to a member made when it was met."""
        return self._name_ in type(self).__members__

    @property
    def is_grease(self) -> bool:
        """Whether the number is reserved by RFC 8701 to be ignored."""
        return type(self).grease and is_grease(self._value_, type(self).width)

    def __str__(self) -> str:
        return self._name_

    def __format__(self, format_spec: str) -> str:
        return format(self._name_, format_spec)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name_})"


def is_grease(value: int, width: int) -> bool:
    """Whether RFC 8701 reserves `value`: 0x?A?A with equal bytes, or 0x0B + n * 0x1F where there is one byte."""
    if width == 1:
        return value % 0x1F == 0x0B
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


class CodePointNode(Node[C]):
    """A registry's numbers on the wire."""

    def __init__(self, registry: type[C]) -> None:
        super().__init__()
        self.registry = registry
        self.number = Uint(registry.width)

    def notation(self) -> str:
        return self.registry.__name__

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, self.registry):
            raise EncodeError(self.notation(), describe(value))
        return self.number.width

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> C:
        return self.registry(int.from_bytes(take(stream, self.number.width, self.notation()), "big"))

    def _build(self, value: C, stream: io.BytesIO, context: Any, path: str) -> C:
        self.number._build(value, stream, context, path)
        return value

    def _sizeof(self, context: Any, path: str) -> int:
        return self.number.width


class FixedOpaque(Node[bytes]):
    """`opaque name[length]`. RFC 9846 §3.4."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def notation(self) -> str:
        return f"opaque[{self.length}]"

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, bytes):
            raise EncodeError(self.notation(), describe(value))
        if len(value) != self.length:
            raise EncodeError(self.notation(), f"{len(value)} bytes")
        return self.length

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> bytes:
        return take(stream, self.length, self.notation())

    def _build(self, value: bytes, stream: io.BytesIO, context: Any, path: str) -> bytes:
        stream.write(value)
        return value

    def _sizeof(self, context: Any, path: str) -> int:
        return self.length


class Constant(FixedOpaque):
    """Bytes that are always the same."""

    def __init__(self, value: bytes) -> None:
        super().__init__(len(value))
        self.value = value

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if value != self.value:
            raise EncodeError(self.value.hex(), describe(value))
        return super().measure(value, fields)

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> bytes:
        offset = offset_of(stream)
        value = super()._parse(stream, context, path)
        if value != self.value:
            raise DecodeError(self.value.hex(), value.hex(), offset=offset)
        return value


class Bounded(Node[T]):
    """What every variable-length vector shares: a prefix as wide as the ceiling asks, and both bounds. §3.4."""

    def __init__(self, floor: int, ceiling: int) -> None:
        super().__init__()
        self.floor = floor
        self.ceiling = ceiling
        self.prefix = Uint((ceiling.bit_length() + 7) // 8)

    def bounds(self) -> str:
        return f"<{self.floor}..{power_of_two(self.ceiling)}>"

    def check(self, length: int) -> int:
        """The length with its prefix. Raises EncodeError outside the bounds."""
        if not self.floor <= length <= self.ceiling:
            raise EncodeError(f"{self.notation()}", f"{length} bytes")
        return self.prefix.width + length

    def content(self, stream: io.BytesIO) -> tuple[bytes, int]:
        """The vector's bytes and the offset of the first. Raises DecodeError outside the bounds."""
        offset = offset_of(stream)
        length = int.from_bytes(take(stream, self.prefix.width, f"the length of {self.notation()}"), "big")
        if not self.floor <= length <= self.ceiling:
            raise DecodeError(f"a length in {self.bounds()}", str(length), offset=offset)
        return take(stream, length, f"the {length} bytes of {self.notation()}"), offset + self.prefix.width


class Opaque(Bounded[bytes]):
    """`opaque name<floor..ceiling>`. RFC 9846 §3.4."""

    def notation(self) -> str:
        return f"opaque{self.bounds()}"

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, bytes):
            raise EncodeError(self.notation(), describe(value))
        return self.check(len(value))

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> bytes:
        return self.content(stream)[0]

    def _build(self, value: bytes, stream: io.BytesIO, context: Any, path: str) -> bytes:
        self.prefix._build(len(value), stream, context, path)
        stream.write(value)
        return value


class Rest(Node[bytes]):
    """Every byte up to the end of what encloses it: only ever a struct's last field."""

    def notation(self) -> str:
        return "opaque[...]"

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, bytes):
            raise EncodeError(self.notation(), describe(value))
        return len(value)

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> bytes:
        return stream.read()

    def _build(self, value: bytes, stream: io.BytesIO, context: Any, path: str) -> bytes:
        stream.write(value)
        return value


def opaque(floor: int, ceiling: int | None = None) -> Node[bytes]:
    """`opaque(n)` is the RFC's `opaque[n]`, `opaque(floor, ceiling)` its `opaque<floor..ceiling>`."""
    return FixedOpaque(floor) if ceiling is None else Opaque(floor, ceiling)


def constant(value: bytes) -> Node[bytes]:
    """Exactly these bytes."""
    return Constant(value)


class Zeros(Rest):
    """Zero bytes up to the end."""

    def notation(self) -> str:
        return "zeros[...]"

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        length = super().measure(value, fields)
        if isinstance(value, bytes) and value.strip(b"\0"):
            raise EncodeError("zero bytes only", describe(value))
        return length

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> bytes:
        offset = offset_of(stream)
        value = super()._parse(stream, context, path)
        if value.strip(b"\0"):
            at = len(value) - len(value.lstrip(b"\0"))
            raise DecodeError("zero bytes only", f"0x{value[at]:02x}", offset=offset + at)
        return value


rest = Rest()
zeros = Zeros()
empty = FixedOpaque(0)
"""The RFC's `Empty`: the value is b""."""


class Vector(Bounded[list[T]]):
    """`T name<floor..ceiling>`: as many items as fill the bytes of the prefix, to the exact end. RFC 9846 §3.4."""

    def __init__(self, item: Node[T], floor: int, ceiling: int) -> None:
        super().__init__(floor, ceiling)
        self.item = item

    def notation(self) -> str:
        return f"{self.item.notation()}{self.bounds()}"

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        yield "[]", self.item

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, list):
            raise EncodeError(f"a list for {self.notation()}", describe(value))
        length = 0
        for index, item in enumerate(value):
            try:
                length += self.item.measure(item, fields)
            except EncodeError as error:
                error.within(f"[{index}]")
                raise
        return self.check(length)

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> list[T]:
        data, origin = self.content(stream)
        inner = Window(data, origin)
        items: list[T] = []
        while inner.tell() < len(data):
            try:
                items.append(self.item._parse(inner, context, path))
            except DecodeError as error:
                error.within(f"[{len(items)}]")
                raise
        return items

    def _build(self, value: list[T], stream: io.BytesIO, context: Any, path: str) -> list[T]:
        inner = io.BytesIO()
        for item in value:
            self.item._build(item, inner, context, path)
        data = inner.getvalue()
        self.prefix._build(len(data), stream, context, path)
        stream.write(data)
        return value


def vector(item: Node[T] | type[T], floor: int, ceiling: int) -> Node[list[T]]:
    """The RFC's `item<floor..ceiling>`; both bounds count bytes."""
    return Vector(node(item), floor, ceiling)


class Trailing(Node[T | None]):
    """A last field that older peers leave out: None where nothing is left of the enclosing struct."""

    def __init__(self, inner: Node[T]) -> None:
        super().__init__()
        self.inner = inner

    def notation(self) -> str:
        return self.inner.notation()

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        yield "", self.inner

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        return 0 if value is None else self.inner.measure(value, fields)

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> T | None:
        if not stream.read(1):
            return None
        stream.seek(-1, io.SEEK_CUR)
        return self.inner._parse(stream, context, path)

    def _build(self, value: T | None, stream: io.BytesIO, context: Any, path: str) -> T | None:
        return value if value is None else self.inner._build(value, stream, context, path)


def trailing(inner: Node[T]) -> Node[T | None]:
    """`inner`, or nothing at all where the enclosing struct ends here. RFC 9846 §4.2.2 on `extensions`."""
    return Trailing(inner)


class Select(Node[Any]):
    """`select (tag)`: an earlier field tells which schema follows. RFC 9846 §3.7.

    With `length`, the variant stands behind a length of its own, as a handshake message's body does.
    """

    def __init__(
        self, tag: str, variants: Mapping[Any, Node[Any]], length: Uint | None, otherwise: Node[Any] | None
    ) -> None:
        super().__init__()
        self.tag = tag
        self.variants = variants
        self.length = length
        self.otherwise = otherwise

    def notation(self) -> str:
        return f"select ({self.tag})"

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        for tag, variant in self.variants.items():
            yield str(tag), variant
        if self.otherwise is not None:
            yield "otherwise", self.otherwise

    def variant(self, tag: object, error: Callable[..., DecodeError | EncodeError]) -> Node[Any]:
        found = self.variants.get(tag, self.otherwise)
        if found is None:
            known = ", ".join(str(each) for each in self.variants)
            raise error(f"{self.tag} to be one of {known}", str(tag))
        return found

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        variant = self.variant(fields[self.tag], EncodeError)
        try:
            length = variant.measure(value, fields)
            return length if self.length is None else self.length.measure(length, fields) + length
        except EncodeError as error:
            error.within(str(fields[self.tag]))
            raise

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        tag = context[self.tag]
        try:
            offset = offset_of(stream)
            variant = self.variant(tag, lambda *words: DecodeError(*words, offset=offset))
            if self.length is None:
                return variant._parse(stream, context, path)
            length = self.length._parse(stream, context, path)
            data = take(stream, length, f"the {length} bytes of {tag}")
            return parse_exactly(variant, data, offset + self.length.width, context)
        except DecodeError as error:
            error.within(str(tag))
            raise

    def _build(self, value: Any, stream: io.BytesIO, context: Any, path: str) -> Any:
        inner = io.BytesIO()
        self.variant(context[self.tag], EncodeError)._build(value, inner, context, path)
        data = inner.getvalue()
        if self.length is not None:
            self.length._build(len(data), stream, context, path)
        stream.write(data)
        return value


def select(
    tag: str, variants: Mapping[Any, Any], *, length: Uint | None = None, otherwise: Node[Any] | None = None
) -> Node[Any]:
    """The variant that the field named `tag` tells. A tag that has none is an error, unless `otherwise` is given."""
    return Select(tag, {key: node(schema) for key, schema in variants.items()}, length, otherwise)


class ToldByContent(Node[Any]):
    """One of several structs, told apart by bytes at a fixed place in them."""

    def __init__(self, at: int, variants: Mapping[bytes, Node[Any]], otherwise: Node[Any]) -> None:
        super().__init__()
        self.at = at
        self.variants = variants
        self.otherwise = otherwise

    def notation(self) -> str:
        return " or ".join(each.notation() for _, each in self.children())

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        for variant in (*self.variants.values(), self.otherwise):
            yield snake_case(variant.notation()), variant

    def variant(self, data: bytes) -> Node[Any]:
        for mark, variant in self.variants.items():
            if data[self.at : self.at + len(mark)] == mark:
                return variant
        return self.otherwise

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        for _, variant in self.children():
            if isinstance(variant, StructNode) and isinstance(value, variant.of):
                length = variant.measure(value, fields)
                if self.variant(build(variant, value)) is not variant:
                    raise EncodeError(f"no {self.notation()} mark", "the mark of another variant")
                return length
        raise EncodeError(self.notation(), describe(value))

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        start = stream.tell()
        ahead = stream.read(self.at + max(map(len, self.variants)))
        stream.seek(start)
        return self.variant(ahead)._parse(stream, context, path)

    def _build(self, value: Any, stream: io.BytesIO, context: Any, path: str) -> Any:
        node(type(value))._build(value, stream, context, path)
        return value


def told_by_content(at: int, variants: Mapping[bytes, Any], otherwise: Any) -> Node[Any]:
    """The struct whose mark stands `at` that byte, or `otherwise`."""
    return ToldByContent(at, {mark: node(each) for mark, each in variants.items()}, node(otherwise))


class Struct:
    """What every `@struct` class is: a frozen, slotted, keyword-only dataclass with a schema. RFC 9846 §3.6."""

    __slots__ = ()
    schema: ClassVar[StructNode[Any]]

    def __post_init__(self) -> None:
        type(self).schema.measure(self, {})

    @classmethod
    def parse(cls, data: bytes, *, offset: int = 0) -> Self:
        """`data`, all of it, as one of these. Raises DecodeError; its offset counts from `offset`."""
        try:
            return cast("Self", parse_exactly(cls.schema, bytes(data), offset))
        except DecodeError as error:
            error.within(snake_case(cls.__name__))
            raise

    def build(self) -> bytes:
        """The bytes on the wire."""
        stream = io.BytesIO()
        type(self).schema._build(self, stream, {}, "")
        return stream.getvalue()


def field(schema: Node[T] | type[T], doc: str, *, default: T | None = None) -> T:
    """One field of a `@struct`: its schema and a line that explains it. A list given as default is copied."""
    metadata = {"schema": node(schema), "doc": doc}
    if default is None:
        made: Any = dataclasses.field(metadata=metadata)
    elif isinstance(default, list):
        made = dataclasses.field(default_factory=default.copy, metadata=metadata)
    else:
        made = dataclasses.field(default=default, metadata=metadata)
    return cast("T", made)


def optional_field(schema: Node[T | None], doc: str) -> T | None:
    """A `trailing` field, absent unless given."""
    return cast("T | None", dataclasses.field(default=None, metadata={"schema": schema, "doc": doc}))


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, optional_field))
def struct(cls: type[S]) -> type[S]:
    """Makes a `Struct` subclass with `field`s the dataclass and the schema that they declare."""
    made = dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(cls)
    made.schema = StructNode(made)
    return made


class StructNode(Node[S]):
    """A struct's fields in order. The context of each holds the fields before it, for `select`."""

    def __init__(self, of: type[S]) -> None:
        super().__init__()
        self.of = of
        self.fields = tuple(
            (each.name, cast("Node[Any]", each.metadata["schema"]), cast("str", each.metadata["doc"]))
            for each in dataclasses.fields(cast("Any", of))
        )

    def notation(self) -> str:
        return self.of.__name__

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        for name, schema, _ in self.fields:
            yield name, schema

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, self.of):
            raise EncodeError(self.notation(), describe(value))
        values: dict[str, object] = {}
        length = 0
        for name, schema, _ in self.fields:
            values[name] = getattr(value, name)
            try:
                length += schema.measure(values[name], values)
            except EncodeError as error:
                if not isinstance(schema, Select):
                    error.within(name)
                raise
        return length

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> S:
        values = construct.Container(_=context)
        made = object.__new__(self.of)
        for name, schema, _ in self.fields:
            try:
                value = values[name] = schema._parse(stream, values, path)
            except DecodeError as error:
                if not isinstance(schema, Select):
                    error.within(name)
                raise
            object.__setattr__(made, name, value)
        return made

    def _build(self, value: S, stream: io.BytesIO, context: Any, path: str) -> S:
        values = construct.Container(_=context)
        for name, schema, _ in self.fields:
            values[name] = getattr(value, name)
            schema._build(values[name], stream, values, path)
        return value


def snake_case(name: str) -> str:
    """`ClientHello` as the RFC writes it in a registry: `client_hello`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def describe(value: object) -> str:
    """A wrong value, short enough for one line."""
    text = f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return f"{type(value).__name__} {text}"


def power_of_two(number: int) -> str:
    """A ceiling as the RFC writes it: 2^16-1 rather than 65535."""
    for slack in (1, 2):
        if number >= 255 and (number + slack).bit_count() == 1:
            return f"2^{(number + slack).bit_length() - 1}-{slack}"
    return f"2^{number.bit_length() - 1}" if number >= 256 and number.bit_count() == 1 else str(number)
