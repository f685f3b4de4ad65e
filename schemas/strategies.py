"""Hypothesis strategies, derived from the schemas: values, their bytes, and bytes that are almost right.

For fuzzing whatever parses TLS. Needs Hypothesis, which the `test` extra installs.

    @given(strategies.mutated(ClientHello))
    def test_my_server_survives(data: bytes) -> None: ...
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, singledispatch
from typing import Any, TypeVar

from hypothesis import strategies as st

from schemas.code_points import ExtensionType
from schemas.errors import EncodeError
from schemas.extension_block import LISTENERS, ROWS, Extension, ExtensionBlock
from schemas.vocabulary import (
    BeforePadding,
    BehindVariableLength,
    CodePointNode,
    Constant,
    Distinct,
    Enclosed,
    FixedOpaque,
    Node,
    NonZero,
    Opaque,
    Overlong,
    Repeated,
    Rest,
    Select,
    StructNode,
    ToldByContent,
    Trailing,
    Uint,
    VariableCodePoint,
    VariableInteger,
    Vector,
    WideInteger,
    Zeros,
    build,
    node,
)

T = TypeVar("T")

SOME_BYTES = 40
"""How far over their floor the lengths of opaque values go: enough for every branch, and fast."""

SOME_ITEMS = 4


def values(schema: Node[T] | type[T]) -> st.SearchStrategy[T]:
    """Every kind of value that the schema can build."""
    return kept(node(schema))


def encoded(schema: Node[T] | type[T]) -> st.SearchStrategy[bytes]:
    """The bytes of such values."""
    return values(schema).map(lambda value: build(schema, value))


def mutated(schema: Node[T] | type[T]) -> st.SearchStrategy[bytes]:
    """Bytes of such values with a byte changed, a stretch cut out, put in or doubled: some right, most not."""
    return encoded(schema).flatmap(_mutations)


def _mutations(data: bytes) -> st.SearchStrategy[bytes]:
    places = st.integers(0, len(data))
    pairs = st.tuples(places, places).map(sorted)
    return st.one_of(
        st.builds(lambda at, byte: data[:at] + bytes([byte]) + data[at + 1 :], places, st.integers(0, 255)),
        st.builds(lambda at, more: data[:at] + more + data[at:], places, st.binary(max_size=8)),
        pairs.map(lambda pair: data[: pair[0]] + data[pair[1] :]),
        pairs.map(lambda pair: data[: pair[1]] + data[pair[0] :]),
    )


@cache
def kept(schema: Node[Any]) -> st.SearchStrategy[Any]:
    """What `value_of` gives, made once: making one takes far longer than drawing from it."""
    return value_of(schema)


# A block offers the extensions that are declared when its strategy is made.
LISTENERS.append(lambda _: kept.cache_clear())


@singledispatch
def value_of(schema: Node[Any]) -> st.SearchStrategy[Any]:
    """What `values` gives for one kind of schema."""
    raise TypeError(f"no strategy for {type(schema).__name__}: register one with value_of")


@value_of.register(Uint)
def _(schema: Uint) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << 8 * schema.width) - 1)


@value_of.register(CodePointNode)
def _(schema: CodePointNode[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from([*schema.registry.__members__.values()]), kept(schema.number).map(schema.registry))


@value_of.register(NonZero)
def _(schema: NonZero[Any]) -> st.SearchStrategy[Any]:
    return value_of.dispatch(CodePointNode)(schema).filter(bool)


@value_of.register(FixedOpaque)
def _(schema: FixedOpaque) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=schema.length, max_size=schema.length)


@value_of.register(Constant)
def _(schema: Constant) -> st.SearchStrategy[bytes]:
    return st.just(schema.value)


@value_of.register(Rest)
@value_of.register(BeforePadding)
def _(schema: Rest) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=SOME_BYTES)


@value_of.register(Zeros)
def _(schema: Zeros) -> st.SearchStrategy[bytes]:
    return st.integers(0, SOME_BYTES).map(bytes)


@value_of.register(BehindVariableLength)
def _(schema: BehindVariableLength) -> st.SearchStrategy[Any]:
    return kept(schema.inner)


@value_of.register(Opaque)
def _(schema: Opaque) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=schema.floor, max_size=min(schema.ceiling, schema.floor + SOME_BYTES))


@value_of.register(Vector)
def _(schema: Vector[Any]) -> st.SearchStrategy[list[Any]]:
    items = st.lists(kept(schema.item), min_size=min(schema.floor, 1), max_size=SOME_ITEMS)
    return items.filter(_fits(schema))


@value_of.register(Enclosed)
def _(schema: Enclosed[Any]) -> st.SearchStrategy[Any]:
    return kept(schema.inner).filter(_fits(schema))


@value_of.register(Repeated)
def _(schema: Repeated[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(kept(schema.item), max_size=SOME_ITEMS).filter(_fits(schema))


@value_of.register(Distinct)
def _(schema: Distinct[Any]) -> st.SearchStrategy[list[Any]]:
    return kept(schema.items).filter(_fits(schema))


@value_of.register(VariableInteger)
def _(schema: VariableInteger) -> st.SearchStrategy[int]:
    numbers = st.integers(0, 2**62 - 1) | st.integers(0, 2**7)
    return numbers | st.builds(WideInteger, numbers, st.sampled_from([2, 4, 8])).filter(_fits(schema))


@value_of.register(VariableCodePoint)
def _(schema: VariableCodePoint[Any]) -> st.SearchStrategy[Any]:
    registered = list(schema.registry.__members__.values())
    return st.sampled_from(registered) | value_of(VariableInteger()).map(schema.member)


@value_of.register(ExtensionBlock)
def _(schema: ExtensionBlock) -> st.SearchStrategy[list[Extension]]:
    rows = [(row.extension_type, row.bodies[schema.message]) for row in ROWS.values() if schema.message in row.bodies]
    declared = [kept(body.schema).map(body) for _, body in rows]
    known = {extension_type for extension_type, _ in rows}
    unknown = st.builds(
        lambda extension_type, data: Extension(extension_type=extension_type, extension_data=data),
        kept(ExtensionType.schema).filter(lambda each: each not in known),
        st.binary(max_size=SOME_BYTES),
    )
    items = st.lists(
        st.one_of(*declared, unknown),
        min_size=min(schema.floor, 1),
        max_size=SOME_ITEMS,
        unique_by=lambda each: each.extension_type,
    )
    return items.filter(_fits(schema))


@value_of.register(Trailing)
def _(schema: Trailing[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(kept(schema.inner), st.none())


@value_of.register(ToldByContent)
def _(schema: ToldByContent) -> st.SearchStrategy[Any]:
    return st.one_of(*(kept(each) for each in schema.structs())).filter(_fits(schema))


@value_of.register(StructNode)
def _(schema: StructNode[Any]) -> st.SearchStrategy[Any]:
    selects = {select.tag: select for _, inner, _ in schema.fields if (select := _select_in(inner)) is not None}

    @st.composite
    def fields(draw: st.DrawFn) -> Any:
        drawn: dict[str, Any] = {}
        for name, inner, _ in schema.fields:
            select = _select_in(inner)
            if select is not None:
                value = draw(kept(select.variant(drawn[select.tag], EncodeError)))
                drawn[name] = value if select is inner else draw(_framed(inner, value, drawn))
            elif name in selects:
                drawn[name] = draw(_tags(selects[name], inner))
            else:
                drawn[name] = draw(kept(inner))
        return schema.of(**drawn)

    return fields()


def _select_in(schema: Node[Any]) -> Select | None:
    """The select that a field is, or holds behind its length."""
    inner = schema.inner if isinstance(schema, BehindVariableLength) else schema
    return inner if isinstance(inner, Select) else None


def _framed(schema: Node[Any], value: Any, fields: dict[str, Any]) -> st.SearchStrategy[Any]:
    """The value, its length in as few bytes as that takes, or in more."""
    overlong = st.builds(Overlong, st.just(value), st.sampled_from([2, 4, 8]))
    return st.just(value) | overlong.filter(_fits(schema, fields))


def _tags(select: Select, schema: Node[Any]) -> st.SearchStrategy[Any]:
    """Tags that have a variant, or any where there is one for the others."""
    known = st.sampled_from(list(select.variants))
    return known if select.otherwise is None else st.one_of(known, kept(schema))


def _fits(schema: Node[Any], fields: dict[str, Any] | None = None) -> Callable[[Any], bool]:
    """Whether a value keeps to bounds that count bytes, which a strategy can't know beforehand."""

    def fits(value: Any) -> bool:
        try:
            schema.measure(value, fields or {})
        except EncodeError:
            return False
        return True

    return fits
