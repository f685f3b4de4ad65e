"""RFC 9846 §3.8: variants."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from schemas.errors import DecodeError, EncodeError
from schemas.vocabulary.constructed import StructNode
from schemas.vocabulary.node import (
    Node,
    describe,
    node,
    offset_of,
    parse_exactly,
    parse_part,
    take,
    watcher_of,
)
from schemas.vocabulary.numbers import Uint
from schemas.vocabulary.vectors import LENGTH


def select(
    tag: str, variants: Mapping[Any, Any], *, length: Uint | None = None, otherwise: Node[Any] | None = None
) -> Node[Any]:
    """The variant that the field named `tag` tells. A tag that has none is an error, unless `otherwise` is given."""
    return Select(tag, {key: node(schema) for key, schema in variants.items()}, length, otherwise)


def told_by_content(at: int, variants: Mapping[bytes, Any], otherwise: Any) -> Node[Any]:
    """The struct whose mark stands `at` that byte, or `otherwise`."""
    return ToldByContent(at, {mark: struct_node(each) for mark, each in variants.items()}, struct_node(otherwise))


def struct_node(of: Any) -> StructNode[Any]:
    """The schema of a struct class. Raises TypeError for anything else."""
    schema = node(of)
    if not isinstance(schema, StructNode):
        raise TypeError(f"{of} is no struct")
    return schema


class Select(Node[Any]):
    """`select (tag)`: an earlier field tells which schema follows.

    With `length`, the variant stands behind a length of its own, as a handshake message's body does.
    """

    names_itself = True

    def __init__(
        self, tag: str, variants: Mapping[Any, Node[Any]], length: Uint | None, otherwise: Node[Any] | None
    ) -> None:
        super().__init__()
        self.tag = tag
        self.variants = variants
        self.length = length
        self.otherwise = otherwise

    def needs(self) -> tuple[str, ...]:
        return (self.tag,)

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
            raise error(f"{self.tag} to be one of {', '.join(map(str, self.variants))}", str(tag))
        return found

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        tag = fields[self.tag]
        try:
            length = self.variant(tag, EncodeError).measure(value, fields)
            return length if self.length is None else self.length.measure(length, fields) + length
        except EncodeError as error:
            error.within(str(tag))
            raise

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        tag = context[self.tag]
        offset = offset_of(stream)
        try:
            variant = self.variant(tag, lambda *words: DecodeError(*words, offset=offset))
            if self.length is None:
                return variant._parse(stream, context, path)
            length = parse_part(self.length, stream, context, LENGTH)
            data = take(stream, length, f"the {length} bytes of {tag}")
            return parse_exactly(variant, data, offset + self.length.width, context, watcher_of(stream))
        except DecodeError as error:
            error.within(str(tag))
            raise

    def _write(self, value: Any, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        inner = io.BytesIO()
        self.variant(fields[self.tag], EncodeError)._write(value, inner, fields)
        data = inner.getvalue()
        if self.length is not None:
            self.length._write(len(data), stream, fields)
        stream.write(data)


class ToldByContent(Node[Any]):
    """One of several structs, told apart by bytes at a fixed place in them."""

    def __init__(self, at: int, variants: Mapping[bytes, StructNode[Any]], otherwise: StructNode[Any]) -> None:
        super().__init__()
        self.at = at
        self.variants = variants
        self.otherwise = otherwise

    def notation(self) -> str:
        return " or ".join(each.notation() for _, each in self.children())

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        for variant in self.structs():
            yield variant.label(), variant

    def structs(self) -> tuple[StructNode[Any], ...]:
        """All that it may be."""
        return (*self.variants.values(), self.otherwise)

    def variant(self, data: bytes) -> StructNode[Any]:
        for mark, variant in self.variants.items():
            if data[self.at : self.at + len(mark)] == mark:
                return variant
        return self.otherwise

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        for variant in self.structs():
            if type(value) is variant.of:
                length = variant.measure(value, fields)
                told = self.variant(variant.build(value))
                if told is not variant:
                    raise EncodeError(f"{variant.notation()}", f"the bytes that mark {told.notation()}")
                return length
        raise EncodeError(self.notation(), describe(value))

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        start = stream.tell()
        ahead = stream.read(self.at + max(map(len, self.variants)))
        stream.seek(start)
        return self.variant(ahead)._parse(stream, context, path)

    def _write(self, value: Any, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        node(type(value))._write(value, stream, fields)
