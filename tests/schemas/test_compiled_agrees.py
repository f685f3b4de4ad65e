"""The compiled path and the interpreted one: the same value or the same refusal, for every schema and input."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strictness import refusal

from schemas import DecodeError, EncodeError, Node, Struct, parse, strategies
from schemas.compiler import FAILURES, builder_of, parser_of, whole_parser_of
from schemas.extension_block import MESSAGES, ROWS, extensions_of
from schemas.handshake import ClientHello
from schemas.notation import declared
from schemas.vocabulary import build_interpreted, parse_interpreted

STRUCTS = {name: each for name, each in declared().items() if isinstance(each, type) and issubclass(each, Struct)}
SCHEMAS: dict[str, Node[Any]] = {name: each.schema for name, each in STRUCTS.items()}
SCHEMAS |= {f"extensions of {message}": extensions_of(message) for message in MESSAGES}
SCHEMAS |= {
    f"{row.extension_type} in {message}": body.schema for row in ROWS.values() for message, body in row.bodies.items()
}
EVERY_SCHEMA = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
SLOW_OR_PICKY = [HealthCheck.too_slow, HealthCheck.filter_too_much]

# Small numbers are lengths that fit, so such bytes get further than any others.
SMALL = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 8, 13, 20, 32, 33, 254, 255]), max_size=60).map(bytes)


def interpreted(schema: Node[Any], data: bytes) -> object:
    """The value, or what is said where there is none."""
    try:
        return parse_interpreted(schema, data)
    except DecodeError as error:
        return str(error)


def compiled(schema: Node[Any], data: bytes) -> object:
    """The value, None where there is none: from the parser of a whole, with which that of a part must agree."""
    try:
        value, end = parser_of(schema)(data, 0, len(data))
    except FAILURES:
        value, end = None, -1
    try:
        whole = whole_parser_of(schema)(data, 0, len(data))
    except FAILURES:
        assert end != len(data)
        return None
    assert end == len(data)
    assert value == whole
    return whole


def assert_judged_alike(schema: Node[Any], data: bytes) -> None:
    expected = interpreted(schema, data)
    refused = refusal(schema, data)  # what `parse` makes of it, and what is owed for either outcome

    assert (str(refused) if refused else parse(schema, data)) == expected
    assert compiled(schema, data) == (None if refused else expected)


@EVERY_SCHEMA
@settings(max_examples=40, suppress_health_check=SLOW_OR_PICKY)
@given(data=st.data(), place=st.integers(0, 2**16), length=st.integers(0, 8), instead=st.binary(max_size=8))
def test_every_value_builds_alike_and_it_and_what_is_almost_it_parse_alike(
    schema: Node[Any], data: st.DataObject, place: int, length: int, instead: bytes
) -> None:
    value = data.draw(strategies.values(schema))
    raw = build_interpreted(schema, value)

    assert builder_of(schema)(value) == raw
    assert schema.measure(value, {}) == len(raw)
    assert compiled(schema, raw) == interpreted(schema, raw) == value
    start = place % (len(raw) + 1)
    assert_judged_alike(schema, raw[:start] + instead + raw[start + length :])


@EVERY_SCHEMA
@settings(max_examples=30)
@given(data=st.binary(max_size=80) | SMALL)
def test_any_bytes_are_judged_alike(schema: Node[Any], data: bytes) -> None:
    assert_judged_alike(schema, data)


@settings(max_examples=100, suppress_health_check=SLOW_OR_PICKY)
@given(data=strategies.mutated(ClientHello))
def test_mutated_bytes_are_judged_alike(data: bytes) -> None:
    assert_judged_alike(ClientHello.schema, data)


@pytest.mark.parametrize("struct", STRUCTS.values(), ids=STRUCTS)
@pytest.mark.parametrize("wrong", [None, -1, 2**70, True, "text", b"", [None], [b"", 1], bytearray(4)], ids=repr)
def test_values_of_any_type_are_judged_alike(struct: type[Struct], wrong: object) -> None:
    """Put into every field behind the constructor's back, as a list in a struct can be changed behind it."""
    value = object.__new__(struct)
    for name, _, _ in struct.schema.fields:
        object.__setattr__(value, name, wrong)
    try:
        expected = build_interpreted(struct.schema, value)
    except EncodeError:
        with pytest.raises(FAILURES):
            builder_of(struct.schema)(value)
        with pytest.raises(EncodeError):
            value.build()
    else:
        assert builder_of(struct.schema)(value) == expected
