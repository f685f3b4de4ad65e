"""Bytes that nobody typed in, for every schema there is: random, made of small lengths, and examples mutated."""

from __future__ import annotations

from typing import Any

import pytest
import wire_extensions
import wire_messages
import wire_older_extensions
import wire_other_extensions
import wire_records
import wire_stored
import wire_tls12
from annotated import Example
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strictness import refusal

from schemas import Node, Struct, build, parse, strategies
from schemas.extension_block import MESSAGES, ROWS, extensions_of
from schemas.notation import declared

STRUCTS: dict[str, Node[Any]] = {
    name: each.schema for name, each in declared().items() if isinstance(each, type) and issubclass(each, Struct)
}
PARTS: dict[str, Node[Any]] = {f"extensions of {message}": extensions_of(message) for message in MESSAGES} | {
    f"{row.extension_type} in {message}": body.schema for row in ROWS.values() for message, body in row.bodies.items()
}
SCHEMAS = STRUCTS | PARTS
EXAMPLES: list[Example] = [
    *wire_records.RECORDS,
    *wire_records.DERIVED,
    *wire_messages.MESSAGES,
    *wire_tls12.EXAMPLES,
    *wire_stored.EXAMPLES,
    *wire_extensions.BODIES,
    *wire_other_extensions.BODIES,
    *wire_older_extensions.BODIES,
]

few = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])

# Small numbers are lengths that fit, so such bytes get further than any others.
SMALL = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 8, 13, 20, 32, 33, 254, 255]), max_size=60).map(bytes)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
@few
@given(data=st.binary(max_size=80) | SMALL)
def test_any_bytes_are_refused_or_rebuilt(schema: Node[Any], data: bytes) -> None:
    refusal(schema, data)


@pytest.mark.parametrize("schema", PARTS.values(), ids=PARTS)
@few
@given(data=st.data())
def test_every_body_is_read_back_as_it_was_built(schema: Node[Any], data: st.DataObject) -> None:
    value = data.draw(strategies.values(schema))
    wire = build(schema, value)
    assert parse(schema, wire) == value
    assert schema.measure(value, {}) == len(wire)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Example, bytes]:
    """A well-formed example with some of its bytes changed, cut out, put in, doubled or turned round."""
    example = draw(st.sampled_from(EXAMPLES))
    data = bytearray(example.data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        to = draw(st.integers(at, min(len(data), at + 8)))
        match draw(st.sampled_from(("change", "cut", "insert", "double", "turn"))):
            case "change":
                data[at:to] = draw(st.binary(min_size=to - at, max_size=to - at))
            case "cut":
                del data[at:to]
            case "insert":
                data[at:at] = draw(st.binary(max_size=6))
            case "double":
                data[at:at] = data[at:to]
            case "turn":
                data[at:to] = data[at:to][::-1]
    return example, bytes(data)


@settings(max_examples=1000)
@given(mutated())
def test_mutated_messages_are_refused_or_rebuilt(case: tuple[Example, bytes]) -> None:
    example, data = case
    refusal(example.schema, data)


@settings(max_examples=300)
@given(mutated(), st.sampled_from(list(SCHEMAS)))
def test_what_is_meant_for_one_schema_does_no_harm_in_another(case: tuple[Example, bytes], name: str) -> None:
    refusal(SCHEMAS[name], case[1])
