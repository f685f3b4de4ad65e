"""What every schema is, and how whole values are parsed and built with one."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, cast

import construct

from schemas.errors import DecodeError, EncodeError

T = TypeVar("T")

Buffer = bytes | bytearray | memoryview

if TYPE_CHECKING:

    class _Construct(Generic[T]):
        """What is used of `construct.Construct`, which ships no types."""

        def __rtruediv__(self, name: str) -> Any: ...
        def __getitem__(self, count: object) -> Any: ...
        def __mul__(self, docs: object) -> Any: ...

else:

    class _Construct(construct.Construct, Generic[T]):
        pass


class Node(_Construct[T]):
    """A wire schema for values of type T: a construct that can also measure a value without building it.

    A subclass says how to `_parse`, to `measure` and to `_write`; the last may rely on the value being measured.
    """

    names_itself: ClassVar[bool] = False
    """Whether this schema puts a name of its own into an error's path, in place of the field's."""

    def parse(self, data: Buffer) -> T:
        """`data`, all of it, as one value. Raises DecodeError."""
        return parse(self, data)

    def build(self, value: T) -> bytes:
        """The bytes of `value`. Raises EncodeError where there are none."""
        return build(self, value)

    def needs(self) -> tuple[str, ...]:
        """The names of the earlier fields of a struct without which this schema means nothing."""
        return ()

    def notation(self) -> str:
        """The schema as RFC 9846 §3 writes a type."""
        raise NotImplementedError

    def label(self) -> str:
        """What an error's path starts with where this schema is the whole, "" where it has no name."""
        return ""

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
        self.measure(value, context)
        self._write(value, stream, context)
        return value

    def _write(self, value: T, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        raise NotImplementedError


class Compiler(Protocol):
    """What turns a schema into functions that parse and build it fast, and don't say what is wrong."""

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What such functions raise for all that does not fit."""

    @property
    def parsers(self) -> Mapping[Node[Any], Callable[[bytes, int, int], Any]]:
        """Of each schema the function from data, start and end to the value that stands there, and fills it."""

    @property
    def builders(self) -> Mapping[Node[Any], Callable[[Any], bytes]]:
        """Of each schema the function from a value to its bytes."""


_compilers: list[Compiler] = []


def compile_with(compiler: Compiler) -> None:
    """From here on, whole values are parsed and built by what `compiler` makes, and interpreted only to explain."""
    _compilers[:] = [compiler]


def parse(schema: Node[T] | type[T], data: Buffer, *, offset: int = 0) -> T:
    """`data`, all of it, as one value. `offset` is where it stands in what the caller reads from.

    Raises DecodeError, with a byte offset that counts `offset` in.
    """
    of = schema if isinstance(schema, Node) else node(schema)
    raw = data if type(data) is bytes else bytes(memoryview(data))
    for compiler in _compilers:
        try:
            parsed: T = compiler.parsers[of](raw, 0, len(raw))
        except compiler.failures:
            break
        return parsed
    return parse_interpreted(of, raw, offset=offset)


def parse_interpreted(schema: Node[T], data: bytes, *, offset: int = 0) -> T:
    """What `parse` does, by the constructs themselves: they are the specification, and know where an error is."""
    try:
        return parse_exactly(schema, data, offset)
    except DecodeError as error:
        error.within(schema.label())
        raise


def build(schema: Node[T] | type[T], value: T) -> bytes:
    """The bytes of `value`. Raises EncodeError where there are none."""
    of = schema if isinstance(schema, Node) else node(schema)
    for compiler in _compilers:
        try:
            return compiler.builders[of](value)
        except compiler.failures:
            break
    return build_interpreted(of, value)


def build_interpreted(schema: Node[T], value: T) -> bytes:
    """What `build` does, by the constructs themselves."""
    stream = io.BytesIO()
    try:
        schema._build(value, stream, {}, "")
    except EncodeError as error:
        error.within(schema.label())
        raise
    return stream.getvalue()


def node(schema: Node[T] | type[T]) -> Node[T]:
    """The schema itself, or that of a struct or code point class."""
    return schema if isinstance(schema, Node) else cast("Node[T]", vars(schema)["schema"])


class Watcher(Protocol):
    """Is told of each part of a value as it is parsed: what `schemas.trace` is made of."""

    def enter(self, name: str, schema: Node[Any], doc: str, offset: int) -> None:
        """A part begins. Where parsing fails, the parts around the failure are never left."""

    def leave(self, offset: int, value: object) -> None:
        """The part that was entered last ends before this byte, and this is its value."""


class Window(io.BytesIO):
    """Some of a larger buffer, as a stream that knows at which byte of the whole it starts, and who watches."""

    def __init__(self, data: bytes, origin: int, watcher: Watcher | None = None) -> None:
        super().__init__(data)
        self.origin = origin
        self.watcher = watcher


def watcher_of(stream: io.BytesIO) -> Watcher | None:
    """Who watches the parsing of this stream."""
    return stream.watcher if isinstance(stream, Window) else None


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


def parse_exactly(schema: Node[T], data: bytes, origin: int, context: Any = None, watcher: Watcher | None = None) -> T:
    """The one way into a bounded piece of bytes: nothing may be left over behind the value."""
    stream = Window(data, origin, watcher)
    value = schema._parse(stream, context if context is not None else {}, "")
    expect_end(stream)
    return value


def expect_end(stream: io.BytesIO) -> None:
    """Raises DecodeError if anything is left."""
    offset, left = offset_of(stream), len(stream.read())
    if left:
        raise DecodeError("the end", count_bytes(left, "more "), offset=offset)


def parse_part(schema: Node[T], stream: io.BytesIO, context: Any, name: str, doc: str = "") -> T:
    """One part of a larger value, of which `doc` is the explanation. What fails in it is told with the part's name."""
    watcher = watcher_of(stream)
    if watcher is not None:
        watcher.enter(name, schema, doc, offset_of(stream))
    try:
        value = schema._parse(stream, context, "")
    except DecodeError as error:
        if not schema.names_itself:
            error.within(name)
        raise
    if watcher is not None:
        watcher.leave(offset_of(stream), value)
    return value


def measure_part(schema: Node[Any], value: object, fields: Mapping[str, object], name: str) -> int:
    """The length of one part of a larger value. What fails in it is told with the part's name."""
    try:
        return schema.measure(value, fields)
    except EncodeError as error:
        if not schema.names_itself:
            error.within(name)
        raise


def describe(value: object) -> str:
    """A wrong value, short enough for one line, its type told where it does not show."""
    name = type(value).__name__
    text = count_bytes(len(value)) if isinstance(value, bytes) else repr(value)
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return text if text.startswith(name) or isinstance(value, bytes) else f"{name} {text}"


def count_bytes(number: int, kind: str = "") -> str:
    """`1 byte`, `2 bytes`, `3 more bytes`."""
    return f"{number} {kind}byte{'' if number == 1 else 's'}"
