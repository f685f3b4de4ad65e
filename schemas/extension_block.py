"""RFC 9846 §4.3: what an extension is, where it may stand, and the rows that declare each one.

An extension is declared once, as a class with a `body` for every message it may appear in (`schemas.extensions`
has the rows). Parsing, building, "may it appear here" and duplicate checks all read the rows. An extension that no
row knows, or that stands in a message its row does not name, keeps its bytes and its place.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from schemas.code_points import ExtensionType
from schemas.errors import DecodeError, EncodeError
from schemas.vocabulary import (
    Bounded,
    Node,
    Window,
    describe,
    expect_end,
    measure_part,
    node,
    offset_of,
    parse_part,
    rest,
    watcher_of,
)

T = TypeVar("T")
R = TypeVar("R")

MESSAGES = (
    "client_hello",
    "server_hello",
    "hello_retry_request",
    "encrypted_extensions",
    "certificate",
    "certificate_request",
    "new_session_ticket",
    "tls12_server_hello",
)
"""The messages that carry extensions: the columns of the table in RFC 9846 §4.3, and ServerHello before TLS 1.3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """RFC 9846 §4.3. `extension_data` is the value that the row declares, bytes where no row does."""

    extension_type: ExtensionType
    extension_data: object


class DuplicateExtensionError(DecodeError):
    """The block holds two extensions of one type, which RFC 9846 §4.3 forbids in every message."""


class Body(Generic[T]):
    """The form that an extension has in one message: makes such an extension, finds it in a block."""

    def __init__(self, schema: Node[T]) -> None:
        self.schema = schema
        self.row: Row

    def __call__(self, value: T) -> Extension:
        """This extension with this value."""
        return Extension(extension_type=self.row.extension_type, extension_data=value)

    def find(self, extensions: Iterable[Extension] | None) -> T | None:
        """The value of this extension in a block, None where it is not there."""
        for each in extensions or ():
            if each.extension_type == self.row.extension_type:
                return cast("T", each.extension_data)
        return None


def body(schema: Node[T] | type[T]) -> Body[T]:
    """One message's form of an extension, named by the attribute that it is assigned to."""
    return Body(node(schema))


@dataclass(frozen=True, slots=True)
class Row:
    """One declared extension: what it is, where it is specified, and its body in each message."""

    extension_type: ExtensionType
    reference: str
    explanation: str
    bodies: Mapping[str, Body[Any]]


ROWS: dict[ExtensionType, Row] = {}
"""Every declared extension."""

LISTENERS: list[Callable[[ExtensionType], object]] = []
"""Called with the type of each extension that is declared: for whoever keeps something made of the rows."""


def extension(extension_type: ExtensionType, reference: str, explanation: str) -> Callable[[type[R]], type[R]]:
    """Declares the class's `body` attributes, each named after a message, as the forms of one extension."""

    def declare(cls: type[R]) -> type[R]:
        bodies = {name: each for name, each in vars(cls).items() if isinstance(each, Body)}
        if not set(bodies) <= set(MESSAGES) or extension_type in ROWS:
            raise ValueError(
                f"{cls.__name__} names a message that carries no extensions, or is a second {extension_type}"
            )
        row = ROWS[extension_type] = Row(extension_type, reference, explanation, bodies)
        for each in bodies.values():
            each.row = row
        for forget in LISTENERS:
            forget(extension_type)
        return cls

    return declare


def misplaced(message: str, extensions: Iterable[Extension] | None) -> Iterator[ExtensionType]:
    """The extensions of a block that are declared, but not for this message. RFC 9846 §4.3"""
    for each in extensions or ():
        row = ROWS.get(each.extension_type)
        if row is not None and message not in row.bodies:
            yield each.extension_type


class ExtensionBlock(Bounded[list[Extension]]):
    """`Extension extensions<floor..2^16-1>` of one message. No two of a type.

    With `read`, the data of all other types is kept as bytes; see `schemas.selective`.
    """

    def __init__(self, message: str, floor: int, read: frozenset[ExtensionType] | None = None) -> None:
        super().__init__(floor, 2**16 - 1)
        if message not in MESSAGES:
            raise ValueError(f"{message} carries no extensions")
        self.message = message
        self.read = read

    def notation(self) -> str:
        return f"Extension{self.bounds()}"

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        for row in ROWS.values():
            if self.message in row.bodies:
                yield str(row.extension_type), row.bodies[self.message].schema

    def data_schema(self, extension_type: ExtensionType) -> Node[Any]:
        """The schema of `extension_data` in this message: plain bytes where no row has one."""
        row = ROWS.get(extension_type)
        if row is None or (self.read is not None and extension_type not in self.read):
            return rest
        body = row.bodies.get(self.message)
        return rest if body is None else body.schema

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, list):
            raise EncodeError("a list of Extension", describe(value))
        seen: set[ExtensionType] = set()
        length = 0
        for index, each in enumerate(value):
            try:
                length += self.measure_one(each, seen)
            except EncodeError as error:
                error.within(f"[{index}]")
                raise
        return self.check(length)

    def measure_one(self, value: object, seen: set[ExtensionType]) -> int:
        if not isinstance(value, Extension):
            raise EncodeError("Extension", describe(value))
        if not isinstance(value.extension_type, ExtensionType):
            raise EncodeError("ExtensionType", describe(value.extension_type), path="extension_type")
        name = str(value.extension_type)
        if value.extension_type in seen:
            raise EncodeError("one extension of a type", "a second", path=name)
        seen.add(value.extension_type)
        schema = ExtensionDataNode(self.data_schema(value.extension_type))
        return ExtensionType.width + measure_part(schema, value.extension_data, {}, name)

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> list[Extension]:
        data, origin = self.content(stream)
        inner = Window(data, origin, watcher_of(stream))
        extensions: list[Extension] = []
        one = ExtensionNode(self, set())
        while inner.tell() < len(data):
            extensions.append(parse_part(one, inner, {}, f"[{len(extensions)}]"))
            one.seen.add(extensions[-1].extension_type)
        return extensions

    def _write(self, value: list[Extension], stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        inner = io.BytesIO()
        for each in value:
            ExtensionType.schema._write(each.extension_type, inner, {})
            ExtensionDataNode(self.data_schema(each.extension_type))._write(each.extension_data, inner, {})
        self.write_content(inner.getvalue(), stream)


class ExtensionNode(Node[Extension]):
    """One extension of a block, behind those whose types are `seen`. Its data goes by the name of its type."""

    def __init__(self, block: ExtensionBlock, seen: set[ExtensionType]) -> None:
        super().__init__()
        self.block = block
        self.seen = seen

    def notation(self) -> str:
        return "Extension"

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Extension:
        offset = offset_of(stream)
        extension_type: ExtensionType = parse_part(ExtensionType.schema, stream, {}, "extension_type")
        if extension_type in self.seen:
            path = str(extension_type)
            raise DuplicateExtensionError("one extension of a type", "a second", offset=offset, path=path)
        row = ROWS.get(extension_type)
        doc = f"{row.explanation}. {row.reference}" if row is not None else ""
        schema = ExtensionDataNode(self.block.data_schema(extension_type))
        value = parse_part(schema, stream, {}, str(extension_type), doc)
        return Extension(extension_type=extension_type, extension_data=value)


class ExtensionDataNode(Bounded[Any]):
    """`opaque extension_data<0..2^16-1>`, read as what the type says that it is."""

    def __init__(self, inner: Node[Any]) -> None:
        super().__init__(0, 2**16 - 1)
        self.inner = inner

    def notation(self) -> str:
        return f"opaque{self.bounds()}"

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        return self.check(self.inner.measure(value, fields))

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        data, origin = self.content(stream)
        inner = Window(data, origin, watcher_of(stream))
        value = parse_part(self.inner, inner, {}, "")
        expect_end(inner)
        return value

    def _write(self, value: Any, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        data = io.BytesIO()
        self.inner._write(value, data, fields)
        self.write_content(data.getvalue(), stream)


def extensions_of(message: str, floor: int = 0) -> Node[list[Extension]]:
    """The extension block of the named message, whose bodies the rows give."""
    return ExtensionBlock(message, floor)
