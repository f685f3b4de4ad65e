"""What every schema is, and how whole values are parsed and built with one."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import construct

from schemas.errors import DecodeError

T = TypeVar("T")

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

    names_itself: ClassVar[bool] = False
    """Whether this schema puts a name of its own into an error's path, in place of the field's."""

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
    return schema if isinstance(schema, Node) else cast("Node[T]", vars(schema)["schema"])


def describe(value: object) -> str:
    """A wrong value, short enough for one line."""
    text = f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return f"{type(value).__name__} {text}"
