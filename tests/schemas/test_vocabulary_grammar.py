"""Each word of the vocabulary accepts the byte strings of its grammar and no others: predicates tell which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from strictness import refusal

from schemas import Node, Struct, build, parse
from schemas.vocabulary import (
    CodePoint,
    FixedOpaque,
    constant,
    empty,
    field,
    opaque,
    optional_field,
    rest,
    select,
    struct,
    told_by_content,
    trailing,
    uint8,
    uint16,
    uint24,
    uint32,
    uint64,
    vector,
    zeros,
)


class Colour(CodePoint, width=1):
    red = 0
    green = 1


class Shade(CodePoint, width=2, grease=True):
    dark = 0x0102


@struct
class Point(Struct):
    x: int = field(uint8, "across")
    y: int = field(uint8, "up")


@struct
class Ended(Struct):
    a: int = field(uint8, "first")
    b: bytes | None = optional_field(trailing(opaque(1, 2)), "may be left out")


@struct
class Told(Struct):
    tag: Colour = field(Colour, "which follows")
    body: int | bytes = field(select("tag", {Colour.red: uint8, Colour.green: opaque(2)}), "red: one, green: two")


@struct
class Measured(Struct):
    tag: Colour = field(Colour, "which follows")
    body: Point | list[int] = field(
        select("tag", {Colour.red: Point, Colour.green: vector(uint8, 0, 3)}, length=uint8), "behind a length"
    )


@struct
class Open(Struct):
    tag: Colour = field(Colour, "which follows")
    body: Point | bytes = field(
        select("tag", {Colour.red: Point}, length=uint8, otherwise=rest), "anything where the tag is unknown"
    )


@struct
class Marked(Struct):
    head: int = field(uint8, "any")
    mark: bytes = field(constant(b"\x01\x02"), "the mark", default=b"\x01\x02")


@struct
class Plain(Struct):
    head: int = field(uint8, "any")
    body: bytes = field(opaque(2), "any")
    tail: int = field(uint8, "any")


@struct
class Both(Struct):
    inner: Marked | Plain = field(told_by_content(1, {b"\x01\x02": Marked}, otherwise=Plain), "one or the other")


@struct
class Nothing(Struct):
    """No fields, no bytes."""


def one_length_byte(floor: int, ceiling: int) -> Callable[[bytes], bool]:
    return lambda data: len(data) > 0 and floor <= data[0] <= ceiling and len(data) == 1 + data[0]


def two_length_bytes(floor: int, ceiling: int) -> Callable[[bytes], bool]:
    def accepts(data: bytes) -> bool:
        length = 256 * data[0] + data[1] if len(data) > 1 else -1
        return floor <= length <= ceiling and len(data) == 2 + length

    return accepts


def is_list_of_short_strings(data: bytes) -> bool:
    if not one_length_byte(2, 5)(data):
        return False
    left = data[1:]
    while left:
        if left[0] not in (1, 2) or len(left) < 1 + left[0]:
            return False
        left = left[1 + left[0] :]
    return True


def is_told(data: bytes) -> bool:
    return (data[:1] == b"\0" and len(data) == 2) or (data[:1] == b"\1" and len(data) == 3)


def is_measured(data: bytes) -> bool:
    if len(data) < 2 or data[1] != len(data) - 2:
        return False
    return (data[0] == 0 and data[1] == 2) or (data[0] == 1 and one_length_byte(0, 3)(data[2:]))


def is_open(data: bytes) -> bool:
    return len(data) > 1 and data[1] == len(data) - 2 and (data[0] != 0 or data[1] == 2)


GRAMMARS: dict[str, tuple[type[Struct] | type[CodePoint] | Node[Any], Callable[[bytes], bool]]] = {
    "uint8": (uint8, lambda data: len(data) == 1),
    "uint16": (uint16, lambda data: len(data) == 2),
    "uint24": (uint24, lambda data: len(data) == 3),
    "uint32": (uint32, lambda data: len(data) == 4),
    "uint64": (uint64, lambda data: len(data) == 8),
    "opaque[2]": (opaque(2), lambda data: len(data) == 2),
    "opaque<0..3>": (opaque(0, 3), one_length_byte(0, 3)),
    "opaque<1..3>": (opaque(1, 3), one_length_byte(1, 3)),
    "opaque<3..3>": (opaque(3, 3), one_length_byte(3, 3)),
    "opaque<1..256>": (opaque(1, 256), two_length_bytes(1, 256)),
    "uint8<0..4>": (vector(uint8, 0, 4), one_length_byte(0, 4)),
    "uint16<2..5>": (vector(uint16, 2, 5), lambda data: one_length_byte(2, 5)(data) and data[0] % 2 == 0),
    "opaque<1..2><2..5>": (vector(opaque(1, 2), 2, 5), is_list_of_short_strings),
    "Point<2..4>": (vector(Point, 2, 4), lambda data: one_length_byte(2, 4)(data) and data[0] in (2, 4)),
    "rest": (rest, lambda data: True),
    "zeros": (zeros, lambda data: not any(data)),
    "empty": (empty, lambda data: not data),
    "constant": (constant(b"\1\2"), lambda data: data == b"\1\2"),
    "enum": (Colour, lambda data: len(data) == 1),
    "wide enum": (Shade, lambda data: len(data) == 2),
    "struct": (Point, lambda data: len(data) == 2),
    "empty struct": (Nothing, lambda data: not data),
    "trailing": (Ended, lambda data: len(data) == 1 or (len(data) > 1 and one_length_byte(1, 2)(data[1:]))),
    "select": (Told, is_told),
    "select with length": (Measured, is_measured),
    "select with otherwise": (Open, is_open),
    "told by content": (Both, lambda data: len(data) == (3 if data[1:3] == b"\1\2" else 4)),
}


def every_string(letters: bytes, longest: int) -> Iterator[bytes]:
    for length in range(longest + 1):
        for string in product(letters, repeat=length):
            yield bytes(string)


@pytest.mark.parametrize(("schema", "accepts"), GRAMMARS.values(), ids=GRAMMARS)
def test_a_schema_accepts_its_grammar_and_nothing_else(
    schema: type[Struct] | Node[Any], accepts: Callable[[bytes], bool]
) -> None:
    strings = [*every_string(b"\0\1\2\3\4", 5), *(bytes(length) for length in range(6, 12)), b"\2\5" + bytes(5)]
    accepted = {string for string in strings if refusal(schema, string) is None}
    assert accepted == {string for string in strings if accepts(string)}


@pytest.mark.parametrize(
    ("ceiling", "prefix"),
    [
        (1, "01"),
        (2**8 - 2, "01"),
        (2**8 - 1, "01"),
        (2**8, "0001"),
        (400, "0001"),
        (2**16 - 1, "0001"),
        (2**16, "000001"),
        (2**24 - 1, "000001"),
        (2**24, "00000001"),
        (2**32 - 1, "00000001"),
    ],
)
def test_a_length_is_as_wide_as_its_ceiling_asks(ceiling: int, prefix: str) -> None:
    # RFC 9846 §3.4: "occupying as many bytes as required to hold the vector's specified maximum (ceiling) length".
    assert build(opaque(0, ceiling), b"\xaa").hex() == prefix + "aa"
    assert build(vector(uint8, 1, ceiling), [0xAA]).hex() == prefix + "aa"


@pytest.mark.parametrize(
    ("schema", "number", "wire"),
    [
        (uint8, 0xFE, "fe"),
        (uint16, 0x0102, "0102"),
        (uint24, 0x010203, "010203"),
        (uint32, 0x01020304, "01020304"),
        (uint64, 0x0102030405060708, "0102030405060708"),
        (uint16, 0, "0000"),
        (uint64, 2**64 - 1, "ffffffffffffffff"),
    ],
)
def test_numbers_are_in_network_byte_order(schema: Node[int], number: int, wire: str) -> None:
    assert parse(schema, bytes.fromhex(wire)) == number
    assert build(schema, number).hex() == wire


def test_a_vector_that_is_as_long_as_its_ceiling_is_whole() -> None:
    full = bytes(range(256)) * 256
    assert parse(opaque(0, 2**16 - 1), b"\xff\xff" + full[:-1]) == full[:-1]
    assert build(opaque(0, 2**16 - 1), full[:-1]) == b"\xff\xff" + full[:-1]
    assert parse(vector(uint8, 0, 2**16 - 1), b"\xff\xff" + full[:-1]) == list(full[:-1])


def test_items_that_straddle_the_end_of_their_vector_do_not_eat_what_follows() -> None:
    @struct
    class Pair(Struct):
        first: list[bytes] = field(vector(opaque(1, 2), 2, 5), "strings")
        second: int = field(uint8, "behind them")

    assert parse(Pair, bytes.fromhex("03 02aabb 07")) == Pair(first=[b"\xaa\xbb"], second=7)
    refused = refusal(Pair, bytes.fromhex("02 02aa bb"))
    assert refused is not None
    assert refused.path == "pair.first[0]"


def test_a_code_point_keeps_its_type_whatever_the_number() -> None:
    assert parse(Colour, b"\1") is Colour.green
    assert isinstance(parse(Colour, b"\x77"), Colour)
    assert str(parse(Colour, b"\x77")) == "unknown 0x77"
    assert str(parse(Shade, b"\x0a\x0a")) == "GREASE 0x0a0a"


def test_the_values_have_the_shapes_that_their_fields_declare() -> None:
    assert parse(Ended, b"\7") == Ended(a=7, b=None)
    assert parse(Ended, bytes.fromhex("07 02 aabb")) == Ended(a=7, b=b"\xaa\xbb")
    assert parse(Told, bytes.fromhex("00 07")) == Told(tag=Colour.red, body=7)
    assert parse(Told, bytes.fromhex("01 aabb")) == Told(tag=Colour.green, body=b"\xaa\xbb")
    assert parse(Measured, bytes.fromhex("00 02 0102")) == Measured(tag=Colour.red, body=Point(x=1, y=2))
    assert parse(Open, bytes.fromhex("09 01 ff")) == Open(tag=Colour(9), body=b"\xff")
    assert parse(Both, bytes.fromhex("07 0102")) == Both(inner=Marked(head=7))
    assert parse(Both, bytes.fromhex("07 0103 09")) == Both(inner=Plain(head=7, body=b"\1\3", tail=9))


class NoBytes(FixedOpaque):
    """An item without bytes, that fails when it is asked for too often."""

    def __init__(self) -> None:
        super().__init__(0)
        self.asked = 0

    def _parse(self, stream: Any, context: Any, path: str) -> bytes:
        self.asked += 1
        assert self.asked < 10, "a vector of items without bytes does not end"
        return b""


def test_a_vector_of_items_without_bytes_comes_to_an_end() -> None:
    item = NoBytes()
    assert refusal(vector(item, 0, 5), b"\1\0") is not None


@pytest.mark.parametrize(
    ("schema", "notation"),
    [
        (uint24, "uint24"),
        (opaque(32), "opaque[32]"),
        (opaque(0, 32), "opaque<0..32>"),
        (opaque(1, 2**8 - 1), "opaque<1..2^8-1>"),
        (vector(Shade, 2, 2**16 - 2), "Shade<2..2^16-2>"),
        (vector(opaque(1, 2**16 - 1), 3, 2**24 - 1), "opaque<1..2^16-1><3..2^24-1>"),
        (Point.schema, "Point"),
        (select("tag", {}), "select (tag)"),
        (told_by_content(1, {b"\1": Marked}, otherwise=Plain), "Marked or Plain"),
    ],
)
def test_notation_is_the_presentation_language(schema: Node[Any], notation: str) -> None:
    assert schema.notation() == notation
