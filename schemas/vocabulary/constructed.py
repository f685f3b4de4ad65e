"""RFC 9846 §3.6: structs."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self, TypeVar, cast, dataclass_transform

import construct

from schemas.errors import EncodeError
from schemas.vocabulary.node import Buffer, Node, build, describe, measure_part, node, parse, parse_part

T = TypeVar("T")
S = TypeVar("S", bound="Struct")


class Struct:
    """What every `@struct` class is: a frozen, slotted, keyword-only dataclass with a schema.

    The constructor raises EncodeError for what could not be built.
    """

    __slots__ = ()
    schema: ClassVar[StructNode[Any]]

    def __post_init__(self) -> None:
        build(type(self).schema, self)

    # The same for every struct: dataclasses would write and compile them for each, which makes imports slower.

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name, _, _ in self.schema.fields)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name, _, _ in self.schema.fields))

    def __repr__(self) -> str:
        fields = (f"{name}={getattr(self, name)!r}" for name, _, _ in self.schema.fields)
        return f"{type(self).__qualname__}({', '.join(fields)})"

    @classmethod
    def parse(cls, data: Buffer, *, offset: int = 0) -> Self:
        """`data`, all of it, as one of these. Raises DecodeError; its offset counts from `offset`."""
        parsed: Self = parse(cls.schema, data, offset=offset)
        return parsed

    def build(self) -> bytes:
        """The bytes on the wire. Raises EncodeError if a list in it has been changed to what can't be built."""
        return build(type(self).schema, self)


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


def optional_field(schema: Node[T | None], doc: str, *, default: None = None) -> T | None:
    """A `trailing` field, absent (None) unless given."""
    return cast("T | None", dataclasses.field(default=default, metadata={"schema": schema, "doc": doc}))


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, optional_field))
def struct(cls: type[S]) -> type[S]:
    """Makes a `Struct` subclass with `field`s the dataclass and the schema that they declare."""
    made = dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)(cls)
    made.schema = StructNode(made)
    return made


class StructNode(Node[S]):
    """A struct's fields in order, each a name, a schema and a line that explains it.

    The context of each holds the fields before it, for `select`.
    """

    def __init__(self, of: type[S]) -> None:
        super().__init__()
        self.of = of
        self.fields = tuple(
            (each.name, cast("Node[Any]", each.metadata["schema"]), cast("str", each.metadata["doc"]))
            for each in dataclasses.fields(cast("Any", of))
        )
        earlier: set[str] = set()
        for name, schema, _ in self.fields:
            if not earlier.issuperset(schema.needs()):
                raise ValueError(f"{of.__name__}.{name} goes by {schema.needs()[0]}, which is no earlier field")
            earlier.add(name)

    def notation(self) -> str:
        return self.of.__name__

    def label(self) -> str:
        return snake_case(self.of.__name__)

    def children(self) -> Iterator[tuple[str, Node[Any]]]:
        for name, schema, _ in self.fields:
            yield name, schema

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, self.of):
            raise EncodeError(self.notation(), describe(value))
        values = {name: getattr(value, name) for name, _, _ in self.fields}
        return sum(measure_part(schema, values[name], values, name) for name, schema, _ in self.fields)

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> S:
        values = construct.Container(_=context)
        made = object.__new__(self.of)
        for name, schema, doc in self.fields:
            values[name] = parse_part(schema, stream, values, name, doc)
            object.__setattr__(made, name, values[name])
        return made

    def _write(self, value: S, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        values = {name: getattr(value, name) for name, _, _ in self.fields}
        for name, schema, _ in self.fields:
            schema._write(values[name], stream, values)


def snake_case(name: str) -> str:
    """`ClientHello` as the RFC writes it in a registry: `client_hello`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", "_", name).lower()
