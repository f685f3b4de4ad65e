"""RFC 9846 §3.4: vectors, of bytes and of anything else."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from schemas.errors import DecodeError, EncodeError
from schemas.vocabulary.node import Node, Window, describe, node, offset_of, take
from schemas.vocabulary.numbers import Uint

T = TypeVar("T")


def opaque(floor: int, ceiling: int | None = None) -> Node[bytes]:
    """`opaque(n)` is the RFC's `opaque[n]`, `opaque(floor, ceiling)` its `opaque<floor..ceiling>`."""
    return FixedOpaque(floor) if ceiling is None else Opaque(floor, ceiling)


def constant(value: bytes) -> Node[bytes]:
    """Exactly these bytes."""
    return Constant(value)


def vector(item: Node[T] | type[T], floor: int, ceiling: int) -> Node[list[T]]:
    """The RFC's `item<floor..ceiling>`; both bounds count bytes."""
    return Vector(node(item), floor, ceiling)


def trailing(inner: Node[T]) -> Node[T | None]:
    """`inner`, or nothing at all where the enclosing struct ends here. RFC 9846 §4.2.2 on `extensions`."""
    return Trailing(inner)


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


def power_of_two(number: int) -> str:
    """A ceiling as the RFC writes it: 2^16-1 rather than 65535."""
    for slack in (1, 2):
        if number >= 255 and (number + slack).bit_count() == 1:
            return f"2^{(number + slack).bit_length() - 1}-{slack}"
    return f"2^{number.bit_length() - 1}" if number >= 256 and number.bit_count() == 1 else str(number)
