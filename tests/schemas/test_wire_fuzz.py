"""Bytes that nobody typed in, for every schema there is: well-formed examples, mutated."""

from __future__ import annotations

import wire_extensions
import wire_messages
import wire_older_extensions
import wire_other_extensions
import wire_records
import wire_stored
import wire_tls12
from annotated import Example
from every_schema import SCHEMAS_AND_BODIES
from hypothesis import given, settings
from hypothesis import strategies as st
from strictness import refusal

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
@given(mutated(), st.sampled_from(list(SCHEMAS_AND_BODIES)))
def test_what_is_meant_for_one_schema_does_no_harm_in_another(case: tuple[Example, bytes], name: str) -> None:
    refusal(SCHEMAS_AND_BODIES[name], case[1])
