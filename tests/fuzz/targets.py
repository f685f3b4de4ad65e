"""What must hold for any bytes: the two things that fuzzing tries out."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from schemas import DecodeError, Node, Struct, build, parse
from schemas.compiler import FAILURES, builder_of, parser_of, whole_parser_of
from schemas.extension_block import MESSAGES, extensions_of
from schemas.notation import declared
from schemas.vocabulary import build_interpreted, parse_interpreted
from tls13.capture import CaptureError, Message, read_capture

SCHEMAS: Mapping[str, Node[Any]] = {
    name: each.schema for name, each in declared().items() if isinstance(each, type) and issubclass(each, Struct)
} | {f"extensions of {message}": extensions_of(message) for message in MESSAGES}

CHOICE = 2
"""How many bytes at the start of an input choose the schema."""


def for_schema(name: str, data: bytes) -> bytes:
    """The input that tries these bytes on the schema of that name."""
    return list(SCHEMAS).index(name).to_bytes(CHOICE, "big") + data


def try_schema(given: bytes) -> None:
    """Parsed or refused, by both forms alike; refused with a place in the data; what is parsed rebuilds."""
    name = list(SCHEMAS)[int.from_bytes(given[:CHOICE], "big") % len(SCHEMAS)]
    schema, data = SCHEMAS[name], given[CHOICE:]
    try:
        value = parse_interpreted(schema, data)
    except DecodeError as error:
        refused_alike(schema, data, error)
        return
    if parse(schema, data) != value or whole_parser_of(schema)(data, 0, len(data)) != value:
        raise AssertionError(f"{name}: the forms read different values")
    if parser_of(schema)(data, 0, len(data)) != (value, len(data)):
        raise AssertionError(f"{name}: a part is read otherwise than a whole")
    if not build(schema, value) == build_interpreted(schema, value) == builder_of(schema)(value) == data:
        raise AssertionError(f"{name}: what was parsed does not rebuild to its bytes")
    if schema.measure(value, {}) != len(data):
        raise AssertionError(f"{name}: its length is measured wrongly")


def refused_alike(schema: Node[Any], data: bytes, error: DecodeError) -> None:
    """The compiled form refuses too, and `parse` says what the interpreted one says."""
    if not (0 <= error.offset <= len(data) and error.expected and error.found):
        raise AssertionError(f"{schema.notation()}: the error says nothing, or points outside: {error}")
    with suppress(*FAILURES):
        raise AssertionError(
            f"{schema.notation()}: only the compiled form reads {whole_parser_of(schema)(data, 0, len(data))}"
        )
    try:
        parse(schema, data)
    except DecodeError as told:
        if str(told) == str(error):
            return
        raise AssertionError(f"{schema.notation()}: {told}, but interpreted {error}") from None
    raise AssertionError(f"{schema.notation()}: parse accepts what the interpreted form refuses: {error}")


def try_capture(data: bytes) -> None:
    """A CaptureError at once, or connections whose messages end; each that was parsed rebuilds to its bytes."""
    with suppress(CaptureError), read_capture(io.BytesIO(data)) as capture:
        for connection in capture:
            for item in connection.messages:
                if isinstance(item, Message) and item.value is not None and item.value.build() != item.raw:
                    raise AssertionError(f"{item.value} does not rebuild to its bytes")
            str(connection.ending)
            for warning in connection.warnings:
                str(warning)
        for warning in capture.warnings:
            str(warning)


TARGETS: Mapping[str, Callable[[bytes], None]] = {"schemas": try_schema, "captures": try_capture}
