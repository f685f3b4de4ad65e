"""What every schema owes to every byte string: a DecodeError, or a value that is exactly those bytes."""

from __future__ import annotations

from typing import Any

from schemas import DecodeError, Node, Struct, build, parse
from schemas.vocabulary import build_interpreted, node, parse_interpreted


def refusal(schema: type[Struct] | Node[Any], data: bytes) -> DecodeError | None:
    """The error, which must point into the data and say something; None where the value rebuilds to `data`.

    The compiled form, which `parse` and `build` use, must say the same as the constructs do.
    """
    try:
        value = parse(schema, data)
    except DecodeError as error:
        refused = error
    else:
        assert build(schema, value) == data
        assert parse_interpreted(node(schema), data) == value
        assert build_interpreted(node(schema), value) == data
        return None
    assert 0 <= refused.offset <= len(data)
    assert refused.expected
    assert refused.found
    return refused
