"""RFC 9846 §3.4: vectors, of bytes and of anything else."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from schemas.errors import DecodeError, EncodeError
from schemas.vocabulary.node import (
    Node,
    Window,
    count_bytes,
    describe,
    measure_part,
    node,
    offset_of,
    parse_part,
    take,
    watcher_of,
)
from schemas.vocabulary.numbers import Uint

T = TypeVar("T")

LENGTH = "length"
"""What a vector's prefix is called in a path."""


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
    """`opaque name[length]`."""

    def __init__(self, length: int) -> None:
        super().__init__()
        if length < 0:
            raise ValueError(f"opaque[{length}]")
        self.length = length

    def notation(self) -> str:
        return f"opaque[{self.length}]" if self.length else "Empty"

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, bytes):
            raise EncodeError(self.notation(), describe(value))
        if len(value) != self.length:
            raise EncodeError(self.notation(), count_bytes(len(value)))
        return self.length

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> bytes:
        return take(stream, self.length, self.notation())

    def _write(self, value: bytes, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        stream.write(value)

    def _sizeof(self, context: Any, path: str) -> int:
        return self.length


class Constant(FixedOpaque):
    """Bytes that are always the same."""

    def __init__(self, value: bytes) -> None:
        super().__init__(len(value))
        self.value = value

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, bytes) or value != self.value:
            raise EncodeError(self.value.hex(), describe(value))
        return self.length

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> bytes:
        offset = offset_of(stream)
        value = super()._parse(stream, context, path)
        if value != self.value:
            raise DecodeError(self.value.hex(), value.hex(), offset=offset)
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

    def _write(self, value: bytes, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        stream.write(value)


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


class BeforePadding(Rest):
    """Every byte before the last one that is not zero. RFC 9846 §5.4"""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> bytes:
        start, offset = stream.tell(), offset_of(stream)
        content = super()._parse(stream, context, path).rstrip(b"\0")
        if not content:
            raise DecodeError("a content type before the padding", "zero bytes only", offset=offset)
        stream.seek(start + len(content) - 1)
        return content[:-1]


rest = Rest()
zeros = Zeros()
before_padding = BeforePadding()
empty = FixedOpaque(0)
"""The RFC's `Empty`: the value is b""."""


class Bounded(Node[T]):
    """What every variable-length vector shares: a prefix as wide as the ceiling asks, and both bounds."""

    def __init__(self, floor: int, ceiling: int) -> None:
        super().__init__()
        if not 0 <= floor <= ceiling or ceiling == 0:
            raise ValueError(f"<{floor}..{ceiling}>")
        self.floor = floor
        self.ceiling = ceiling
        self.prefix = Uint((ceiling.bit_length() + 7) // 8)

    def bounds(self) -> str:
        return f"<{self.floor}..{power_of_two(self.ceiling)}>"

    def check(self, length: int) -> int:
        """The length with its prefix. Raises EncodeError outside the bounds."""
        if not self.floor <= length <= self.ceiling:
            raise EncodeError(self.notation(), count_bytes(length))
        return self.prefix.width + length

    def content(self, stream: io.BytesIO) -> tuple[bytes, int]:
        """The vector's bytes and the offset of the first. Raises DecodeError outside the bounds."""
        offset = offset_of(stream)
        length = parse_part(self.prefix, stream, {}, LENGTH)
        if not self.floor <= length <= self.ceiling:
            raise DecodeError(f"a length in {self.bounds()}", str(length), offset=offset)
        return take(stream, length, f"the {length} bytes of {self.notation()}"), offset + self.prefix.width

    def write_content(self, content: bytes, stream: io.BytesIO) -> None:
        """The bytes behind their length."""
        self.prefix._write(len(content), stream, {})
        stream.write(content)


class Opaque(Bounded[bytes]):
    """`opaque name<floor..ceiling>`."""

    def notation(self) -> str:
        return f"opaque{self.bounds()}"

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, bytes):
            raise EncodeError(self.notation(), describe(value))
        return self.check(len(value))

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> bytes:
        return self.content(stream)[0]

    def _write(self, value: bytes, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        self.write_content(value, stream)


class Vector(Bounded[list[T]]):
    """`T name<floor..ceiling>`: as many items as fill the bytes of the prefix, to the exact end."""

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
        return self.check(sum(measure_part(self.item, item, fields, f"[{index}]") for index, item in enumerate(value)))

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> list[T]:
        data, origin = self.content(stream)
        inner = Window(data, origin, watcher_of(stream))
        items: list[T] = []
        while (start := inner.tell()) < len(data):
            items.append(parse_part(self.item, inner, context, f"[{len(items)}]"))
            if inner.tell() == start:
                raise DecodeError("an item", "an empty one, which would never end", offset=offset_of(inner))
        return items

    def _write(self, value: list[T], stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        inner = io.BytesIO()
        for item in value:
            self.item._write(item, inner, fields)
        self.write_content(inner.getvalue(), stream)


class Trailing(Node[T | None]):
    """A last field that older peers leave out: None where nothing is left of the enclosing struct."""

    def __init__(self, inner: Node[T]) -> None:
        super().__init__()
        self.inner = inner

    def notation(self) -> str:
        return f"{self.inner.notation()}, or nothing"

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        yield "", self.inner

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        return 0 if value is None else self.inner.measure(value, fields)

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> T | None:
        if not stream.read(1):
            return None
        stream.seek(-1, io.SEEK_CUR)
        return self.inner._parse(stream, context, path)

    def _write(self, value: T | None, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        if value is not None:
            self.inner._write(value, stream, fields)


def power_of_two(number: int) -> str:
    """A ceiling as the RFC writes it: 2^16-1 rather than 65535."""
    for slack in (1, 2):
        if number >= 255 and (number + slack).bit_count() == 1:
            return f"2^{(number + slack).bit_length() - 1}-{slack}"
    return f"2^{number.bit_length() - 1}" if number >= 256 and number.bit_count() == 1 else str(number)
