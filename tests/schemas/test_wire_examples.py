"""Every structure of the wire held against bytes that were typed in, field by field, from the RFCs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import wire_extensions
import wire_messages
import wire_older_extensions
import wire_other_extensions
import wire_records
import wire_stored
import wire_tls12
from annotated import Example
from strictness import refusal

from schemas import Struct, build, parse
from schemas.extension_block import ROWS
from schemas.handshake import Handshake

EXTENSIONS = [*wire_extensions.BODIES, *wire_other_extensions.BODIES, *wire_older_extensions.BODIES]
EXAMPLES = [
    *wire_records.RECORDS,
    *wire_records.DERIVED,
    *wire_messages.MESSAGES,
    *wire_tls12.EXAMPLES,
    *wire_stored.EXAMPLES,
    *EXTENSIONS,
]

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=str)


@every_example
def test_the_bytes_are_read_as_the_value(example: Example) -> None:
    assert parse(example.schema, example.data) == example.value


@every_example
def test_the_value_is_built_into_the_bytes(example: Example) -> None:
    assert build(example.schema, example.value).hex() == example.data.hex()


@pytest.mark.parametrize("example", [each for each in EXAMPLES if isinstance(each.value, Struct)], ids=str)
def test_a_struct_reads_and_builds_itself(example: Example) -> None:
    value = example.value
    assert isinstance(value, Struct)

    assert type(value).parse(example.data) == value
    assert value.build() == example.data


@pytest.mark.parametrize("example", wire_messages.MESSAGES, ids=str)
def test_a_message_is_the_same_without_its_header(example: Example) -> None:
    framed = example.value
    assert isinstance(framed, Handshake)

    assert type(framed.message).parse(example.data[4:]) == framed.message
    assert framed.message.build() == example.data[4:]
    assert Handshake.of(framed.message) == framed


def test_every_message_has_an_example() -> None:
    assert {type(each.value.message) for each in wire_messages.MESSAGES if isinstance(each.value, Handshake)} == set(
        wire_messages.BODIES
    )


def test_every_extension_has_an_example_in_every_message_it_may_stand_in() -> None:
    declared = {(str(row.extension_type), message) for row in ROWS.values() for message in row.bodies}
    shown = {tuple(each.name.replace(",", "").split()[:2]) for each in EXTENSIONS}
    assert shown == declared


@every_example
def test_a_cut_at_any_byte_is_refused_unless_what_is_left_is_whole(example: Example) -> None:
    refused = [length for length in range(len(example.data)) if refusal(example.schema, example.data[:length])]
    assert refused == [length for length in range(len(example.data)) if length not in example.whole_prefixes]


@every_example
def test_one_byte_more_is_refused_unless_the_end_is_open(example: Example) -> None:
    error = refusal(example.schema, example.data + b"\0")
    assert (error is None) == example.open_end


@every_example
def test_a_wrong_length_is_refused_or_says_what_it_says(example: Example) -> None:
    for corrupt in with_wrong_lengths(example):
        refusal(example.schema, corrupt)


@every_example
def test_any_single_wrong_byte_is_refused_or_says_what_it_says(example: Example) -> None:
    for at, byte in enumerate(example.data[:400]):
        for other in {0, 1, byte - 1 & 0xFF, byte + 1 & 0xFF, byte ^ 0x80, 0xFF} - {byte}:
            refusal(example.schema, example.data[:at] + bytes([other]) + example.data[at + 1 :])


def with_wrong_lengths(example: Example) -> Iterator[bytes]:
    for offset, width in example.lengths:
        largest = 256**width - 1
        right = int.from_bytes(example.data[offset : offset + width], "big")
        for wrong in {right - 1, right + 1, 0, largest} - {right}:
            if 0 <= wrong <= largest:
                yield example.data[:offset] + wrong.to_bytes(width, "big") + example.data[offset + width :]
