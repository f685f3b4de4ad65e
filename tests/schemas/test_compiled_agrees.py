"""The compiled path and the interpreted one: the same value or the same refusal, for every schema and input."""

from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from every_schema import SCHEMAS_AND_BODIES, SLOW_OR_PICKY, STRUCTS
from hypothesis import given, settings
from hypothesis import strategies as st
from strictness import refusal

from schemas import DecodeError, EncodeError, Node, Struct, build, parse, strategies
from schemas.compiler import FAILURES, builder_of, parser_of, whole_parser_of
from schemas.handshake import ClientHello
from schemas.vocabulary import Vector, build_interpreted, field, opaque, parse_interpreted, struct, uint8, uint16

EVERY_SCHEMA = pytest.mark.parametrize("schema", SCHEMAS_AND_BODIES.values(), ids=SCHEMAS_AND_BODIES)

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
@settings(max_examples=15, suppress_health_check=SLOW_OR_PICKY)
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
@settings(max_examples=15)
@given(data=st.binary(max_size=80) | SMALL)
def test_any_bytes_are_judged_alike(schema: Node[Any], data: bytes) -> None:
    assert_judged_alike(schema, data)


@settings(max_examples=50, suppress_health_check=SLOW_OR_PICKY)
@given(data=strategies.mutated(ClientHello))
def test_mutated_bytes_are_judged_alike(data: bytes) -> None:
    assert_judged_alike(ClientHello.schema, data)


@struct
class Shorter(Struct):
    """A struct for the test below."""

    first: int = field(uint8, "one byte")


@struct
class Longer(Shorter):
    """A struct with fields of another one before its own."""

    second: bytes = field(opaque(0, 255), "any bytes")


def test_a_struct_that_extends_another_is_compiled_too() -> None:
    raw = b"\x01\x02ab"

    assert compiled(Longer.schema, raw) == interpreted(Longer.schema, raw) == Longer(first=1, second=b"ab")
    assert builder_of(Longer.schema)(Longer.parse(raw)) == raw


def test_a_changed_copy_of_a_schema_in_use_is_a_schema_of_its_own() -> None:
    schema = Vector(uint8, 0, 255)
    assert parse(schema, b"\x02\x00\x01") == [0, 1]
    assert build(schema, [0, 1]) == b"\x02\x00\x01"

    changed = copy.copy(schema)
    changed.item = uint16

    assert parse(changed, b"\x02\x00\x01") == [1]
    assert build(changed, [1]) == b"\x02\x00\x01"
    assert parse(schema, b"\x02\x00\x01") == [0, 1]


@pytest.mark.parametrize("name", ["first", "second"])
def test_what_the_compiled_form_makes_is_as_frozen_as_any_other(name: str) -> None:
    value = parse(Longer, b"\x01\x00")

    with pytest.raises(FrozenInstanceError):
        setattr(value, name, getattr(value, name))


@pytest.mark.parametrize("cls", STRUCTS.values(), ids=STRUCTS)
@pytest.mark.parametrize("wrong", [None, -1, 2**70, True, "text", b"", [None], [b"", 1], bytearray(4)], ids=repr)
def test_values_of_any_type_are_judged_alike(cls: type[Struct], wrong: object) -> None:
    """Put into every field behind the constructor's back, as a list in a struct can be changed behind it."""
    value = object.__new__(cls)
    for name, _, _ in cls.schema.fields:
        object.__setattr__(value, name, wrong)
    try:
        expected = build_interpreted(cls.schema, value)
    except EncodeError:
        with pytest.raises(FAILURES):
            builder_of(cls.schema)(value)
        with pytest.raises(EncodeError):
            value.build()
    else:
        assert builder_of(cls.schema)(value) == expected
