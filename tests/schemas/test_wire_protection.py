"""The structs that keys are made of, against their bytes: read and built, whole and cut."""

from __future__ import annotations

import pytest
import wire_protection
from annotated import Example

from schemas import DecodeError, build, parse
from schemas.vocabulary import node, parse_interpreted

every_example = pytest.mark.parametrize("example", wire_protection.EXAMPLES, ids=str)


@every_example
def test_a_struct_of_key_material_is_read_and_built(example: Example) -> None:
    assert parse(example.schema, example.data) == example.value
    assert parse_interpreted(node(example.schema), example.data) == example.value
    assert build(example.schema, example.value).hex() == example.data.hex()


@every_example
def test_cut_key_material_is_refused_unless_what_is_left_is_whole(example: Example) -> None:
    for length in range(len(example.data)):
        if length in example.whole_prefixes:
            parse(example.schema, example.data[:length])
        else:
            with pytest.raises(DecodeError):
                parse(example.schema, example.data[:length])


@every_example
def test_key_material_with_a_byte_more_is_refused_unless_its_end_is_open(example: Example) -> None:
    if example.open_end:
        parse(example.schema, example.data + b"\0")
    else:
        with pytest.raises(DecodeError):
            parse(example.schema, example.data + b"\0")
