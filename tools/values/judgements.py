"""A connection's judgement as plain data for JSON, and the JSON Schema of it: both by walking its dataclasses."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from schemas import Struct
from schemas.vocabulary import CodePoint
from tls13.capture import CertificateSummary, Judgement, RevocationSummary, TimestampSummary
from tools.values.plain import Plain, plain

LEFT_OUT = ("server_chain", "client_chain", "stapled", "signed_timestamps")
"""Their summaries are there, and their bytes in the messages."""

SUMMARIES: dict[str, Any] = {
    "server_certificates": tuple[CertificateSummary, ...],
    "client_certificates": tuple[CertificateSummary, ...],
    "revocation": RevocationSummary | None,
    "timestamps": tuple[TimestampSummary, ...],
}
"""By the names of a judgement's properties."""


def judgement_object(judgement: Judgement) -> Plain:
    """Everything in it by the names of its fields, and what comes with certificates in summaries."""
    return {**_fields(judgement), **{name: _plain(getattr(judgement, name)) for name in SUMMARIES}}


def judgement_schema() -> dict[str, object]:
    """What `judgement_object` makes."""
    schema = _schema_of(Judgement)
    schema["properties"].update({name: _schema_of(kind) for name, kind in SUMMARIES.items()})
    schema["required"].extend(SUMMARIES)
    return schema


def _fields(value: Any) -> dict[str, Plain]:
    names = (field.name for field in dataclasses.fields(value) if field.name not in LEFT_OUT)
    return {name: _plain_field(name, getattr(value, name)) for name in names}


SERIAL_NUMBER = "serial_number"
"""In hexadecimal: it has up to 160 bits, which few readers of JSON take for a number. RFC 5280 §4.1.2.2"""


def _plain_field(name: str, value: object) -> Plain:
    return f"{value:x}" if name == SERIAL_NUMBER and isinstance(value, int) else _plain(value)


def _plain(value: object) -> Plain:
    match value:
        case CodePoint():
            return plain(value)
        case Enum():
            return str(value.value)
        case None | bool() | int() | str():
            return value
        case bytes():
            return value.hex()
        case datetime():
            return value.isoformat()
        case Struct():
            return plain(value)
        case tuple():
            return [_plain(each) for each in value]
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case _ if dataclasses.is_dataclass(value):
            return _fields(value)
        case _:
            raise TypeError(f"no judgement holds a {type(value).__name__}")


def _schema_of(kind: Any) -> dict[str, Any]:
    """The schema of values of a type, as annotated."""
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [_schema_of(each) for each in typing.get_args(kind)]}
    if origin is tuple:
        return {"type": "array", "items": _schema_of(typing.get_args(kind)[0])}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema_of(typing.get_args(kind)[1])}
    if dataclasses.is_dataclass(kind):
        return _object_schema(kind)
    if issubclass(kind, CodePoint):
        return {"$ref": "#/$defs/code_point"}
    if issubclass(kind, Enum):
        return {"enum": [each.value for each in kind]}
    return dict(_SCALARS[kind])


_SCALARS: dict[type, dict[str, Any]] = {
    types.NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    str: {"type": "string"},
    bytes: {"$ref": "#/$defs/hex"},
    datetime: {"type": "string"},
}


def _object_schema(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind) if field.name not in LEFT_OUT]
    return {
        "description": (kind.__doc__ or "").split("\n")[0],
        "type": "object",
        "required": names,
        "properties": {name: _schema_of(str | None if name == SERIAL_NUMBER else hints[name]) for name in names},
        "additionalProperties": True,
    }
