"""RFC 9846 §3.6: structs."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self, TypeVar, cast, dataclass_transform

import construct

from schemas.errors import DecodeError, EncodeError
from schemas.vocabulary.node import Node, describe, node, parse_exactly

T = TypeVar("T")
S = TypeVar("S", bound="Struct")


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
                if not schema.names_itself:
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
                if not schema.names_itself:
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
