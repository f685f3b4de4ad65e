"""RFC 9000 §16: variable-length integers, which QUIC writes what it puts into TLS with.

An integer, and a length, may take more bytes than they need. How many they took is kept, so that what was read is
built again byte for byte.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from schemas.errors import EncodeError
from schemas.vocabulary.enumerated import CodePoint
from schemas.vocabulary.node import (
    Node,
    count_bytes,
    describe,
    node,
    offset_of,
    parse_exactly,
    parse_part,
    take,
    watcher_of,
)
from schemas.vocabulary.vectors import LENGTH

T = TypeVar("T")
C = TypeVar("C", bound=CodePoint)

MAX_VARIABLE_INTEGER = 2**62 - 1


class WideInteger(int):
    """A number that takes `wire_width` bytes, more than it needs. It equals the number that it is."""

    wire_width: int

    def __new__(cls, value: int, wire_width: int = 0) -> Self:
        made = super().__new__(cls, value)
        made.wire_width = wire_width
        return made


@dataclass(frozen=True, slots=True)
class Overlong:
    """A value whose length takes `wire_width` bytes, more than it needs."""

    value: object
    wire_width: int


def variable_code_point(registry: type[C]) -> Node[C]:
    """A registry's numbers as variable-length integers."""
    return VariableCodePoint(registry)


def behind_variable_length(inner: Node[Any] | type[Any]) -> Node[Any]:
    """`inner` behind its length in bytes, a variable-length integer. The value is an Overlong where that is wide."""
    return BehindVariableLength(node(inner))


def width_of(value: int) -> int:
    """The bytes that a number is built in: 1, 2, 4 or 8. Raises EncodeError for one that does not fit."""
    fewest = next((width for width in (1, 2, 4, 8) if 0 <= value < 1 << 8 * width - 2), None)
    if fewest is None:
        raise EncodeError(f"a variable-length integer, at most {MAX_VARIABLE_INTEGER}", describe(int(value)))
    wide = getattr(value, "wire_width", None)
    if wide is None:
        return fewest
    if wide not in (2, 4, 8) or wide <= fewest:
        raise EncodeError(f"a width of 2, 4 or 8 bytes, and over {fewest}", describe(wide))
    return int(wide)


def encode(value: int, at_least: int = 1) -> bytes:
    """The bytes of a number, at least so many (1, 2, 4 or 8), of which the first two bits say how many they are.

    Raises EncodeError.
    """
    width = max(width_of(value), at_least)
    return (value | (width.bit_length() - 1) << 8 * width - 2).to_bytes(width, "big")


def decode(data: bytes, start: int, end: int) -> tuple[int, int]:
    """The number at `start` and the position behind it. Raises ValueError where it goes on behind `end`."""
    width = 1 << (data[start] >> 6) if start < end else 1
    stop = start + width
    if stop > end:
        raise ValueError("a variable-length integer is cut off")
    value = int.from_bytes(data[start:stop], "big") & (1 << 8 * width - 2) - 1
    return (value if width == width_of(value) else WideInteger(value, width)), stop


class VariableInteger(Node[int]):
    """A number in one, two, four or eight bytes."""

    def notation(self) -> str:
        return "variable-length integer"

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise EncodeError(self.notation(), describe(value))
        return width_of(value)

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> int:
        first = take(stream, 1, f"a {self.notation()}")
        width = 1 << (first[0] >> 6)
        return decode(first + take(stream, width - 1, f"a {self.notation()} of {width} bytes"), 0, width)[0]

    def _write(self, value: int, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        stream.write(encode(value))


variable_integer = VariableInteger()


class VariableCodePoint(Node[C]):
    """A registry's number in one, two, four or eight bytes."""

    def __init__(self, registry: type[C]) -> None:
        super().__init__()
        self.registry = registry

    def notation(self) -> str:
        return self.registry.__name__

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, self.registry):
            raise EncodeError(self.notation(), describe(value))
        return width_of(value)

    def member(self, number: int) -> C:
        """The registry's member of that number; where the number is wide, another one that equals it."""
        registered = self.registry(int(number))
        if not isinstance(number, WideInteger):
            return registered
        wide = int.__new__(self.registry, number)
        wide._name_, wide._value_ = registered._name_, int(number)
        vars(wide)["wire_width"] = number.wire_width
        return wide

    def decode(self, data: bytes, start: int, end: int) -> tuple[C, int]:
        """What `decode` does, for a member."""
        number, stop = decode(data, start, end)
        return self.member(number), stop

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> C:
        return self.member(variable_integer._parse(stream, context, path))

    def _write(self, value: C, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        stream.write(encode(value))


class BehindVariableLength(Node[Any]):
    """One value behind its length."""

    def __init__(self, inner: Node[Any]) -> None:
        super().__init__()
        self.inner = inner

    def notation(self) -> str:
        return f"{self.inner.notation()} behind its length"

    def needs(self) -> tuple[str, ...]:
        return self.inner.needs()

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        yield "", self.inner

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        length = self.inner.measure(inside(value), fields)
        return width_of(as_written(length, value)) + length

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        length = parse_part(variable_integer, stream, context, LENGTH)
        offset = offset_of(stream)
        data = take(stream, length, f"its {count_bytes(length)}")
        value = parse_exactly(self.inner, data, offset, context, watcher_of(stream))
        return Overlong(value, length.wire_width) if isinstance(length, WideInteger) else value

    def _write(self, value: Any, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        content = io.BytesIO()
        self.inner._write(inside(value), content, fields)
        stream.write(encode(as_written(len(content.getvalue()), value)))
        stream.write(content.getvalue())


def inside(value: object) -> object:
    """The value without the width of its length."""
    return value.value if isinstance(value, Overlong) else value


def as_written(length: int, value: object) -> int:
    """The length of a value in the width that it shall take."""
    return WideInteger(length, value.wire_width) if isinstance(value, Overlong) else length
