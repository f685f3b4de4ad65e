"""What can be read of a ClientHello of which some extensions are malformed. RFC 9846 §4.3"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from schemas import parse
from schemas.code_points import ExtensionType
from schemas.errors import DecodeError
from schemas.extension_block import ROWS, Extension
from schemas.handshake import ClientHello, Handshake
from schemas.selective import reading_only


class ReadableHello(NamedTuple):
    """`hello` is without the extensions that do not parse; `types` are those of all, in their order."""

    hello: ClientHello
    types: Sequence[ExtensionType]


def readable_hello(raw: bytes) -> ReadableHello | None:
    """The ClientHello, given with its header; None where more is wrong with it than the data of extensions."""
    try:
        hello = parse(_ANY_EXTENSIONS, raw).message
    except DecodeError:
        return None
    if not isinstance(hello, ClientHello):
        return None
    extensions = hello.extensions or []
    types = [each.extension_type for each in extensions]
    # In place: what is left of them need not make a hello that could be built.
    extensions[:] = [found for each in extensions if (found := _read(each)) is not None]
    return ReadableHello(hello, types)


def _read(extension: Extension) -> Extension | None:
    row = ROWS.get(extension.extension_type)
    body = row.bodies.get("client_hello") if row is not None else None
    if body is None or not isinstance(extension.extension_data, bytes):
        return extension
    try:
        return replace(extension, extension_data=parse(body.schema, extension.extension_data))
    except DecodeError:
        return None


_ANY_EXTENSIONS = reading_only(Handshake, frozenset())
