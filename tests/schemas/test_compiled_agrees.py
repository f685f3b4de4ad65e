"""The compiled path and the interpreted one: the same value or the same refusal, for every schema and input."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import DecodeError, EncodeError, Struct, parse, strategies
from schemas.compiler import FAILURES, builder_of, parser_of
from schemas.notation import declared
from schemas.vocabulary import build_interpreted, parse_interpreted

STRUCTS = {name: each for name, each in declared().items() if isinstance(each, type) and issubclass(each, Struct)}
EVERY_STRUCT = pytest.mark.parametrize("struct", STRUCTS.values(), ids=STRUCTS)
THOROUGHLY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def interpreted(struct: type[Struct], data: bytes) -> Struct | str:
    try:
        return parse_interpreted(struct.schema, data)
    except DecodeError as error:
        return str(error)


def compiled(struct: type[Struct], data: bytes) -> Struct | None:
    try:
        value, end = parser_of(struct.schema)(data, 0, len(data))
    except FAILURES:
        return None
    return value if end == len(data) else None


@EVERY_STRUCT
@THOROUGHLY
@given(data=st.data())
def test_every_value_builds_alike_and_parses_back(struct: type[Struct], data: st.DataObject) -> None:
    value = data.draw(strategies.values(struct))
    raw = build_interpreted(struct.schema, value)

    assert builder_of(struct.schema)(value) == raw
    assert compiled(struct, raw) == interpreted(struct, raw) == value


@EVERY_STRUCT
@THOROUGHLY
@given(data=st.data())
def test_bytes_that_are_almost_right_are_judged_alike(struct: type[Struct], data: st.DataObject) -> None:
    raw = data.draw(strategies.mutated(struct))
    expected = interpreted(struct, raw)

    if isinstance(expected, str):
        assert compiled(struct, raw) is None
        with pytest.raises(DecodeError) as refused:
            parse(struct, raw)
        assert str(refused.value) == expected
    else:
        assert compiled(struct, raw) == expected
        assert expected.build() == raw


@EVERY_STRUCT
@given(raw=st.binary(max_size=80))
def test_any_bytes_are_judged_alike(struct: type[Struct], raw: bytes) -> None:
    expected = interpreted(struct, raw)

    assert compiled(struct, raw) == (None if isinstance(expected, str) else expected)


@EVERY_STRUCT
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
