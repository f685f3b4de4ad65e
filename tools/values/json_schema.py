"""The JSON Schema of what `tls13 parse --json` prints, made of the declarations: what a field holds is told once.

python -m tools.values.json_schema            writes tools/values/parse.schema.json
python -m tools.values.json_schema --check    says whether that is what would be written
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

from schemas import Node
from schemas.alert import Alert
from schemas.extension_block import ROWS, ExtensionBlock
from schemas.record import ChangeCipherSpec
from schemas.vocabulary import (
    BehindVariableLength,
    CodePointNode,
    Distinct,
    Enclosed,
    FixedOpaque,
    Repeated,
    Select,
    StructNode,
    ToldByContent,
    Trailing,
    Uint,
    VariableCodePoint,
    VariableInteger,
    Vector,
)
from tls13.capture import Cleartext, Direction, Ending, Epoch, GapReason, NoteKind, Transport
from tools.values.grammars import GRAMMARS
from tools.values.judgements import judgement_schema
from tools.values.ndjson import SCHEMA_VERSION

PATH = Path(__file__).with_name("parse.schema.json")

JsonSchema = dict[str, Any]


def document() -> dict[str, object]:
    """The whole of it. JSON Schema 2020-12"""
    forms = _Forms()
    messages = list(_messages(forms))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tls13 parse --json",
        "description": f"One line. Version {SCHEMA_VERSION}: it changes when a key changes its meaning or goes away.",
        "type": "object",
        "required": ["schema_version", "object"],
        "properties": {
            "schema_version": {"const": SCHEMA_VERSION},
            "object": {"enum": ["message", "gap", "connection", "statistics"]},
        },
        "allOf": [
            _when("object", "message", {"$ref": "#/$defs/message"}),
            _when("object", "gap", {"$ref": "#/$defs/gap"}),
            _when("object", "connection", {"$ref": "#/$defs/connection"}),
            _when("object", "statistics", {"$ref": "#/$defs/statistics"}),
        ],
        "$defs": {
            "message": {**_MESSAGE, "allOf": messages},
            "gap": _GAP,
            "connection": _CONNECTION,
            "statistics": _STATISTICS,
            **_PARTS,
            **forms.structs,
        },
    }


def text() -> str:
    """The file's content."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _messages(forms: _Forms) -> Iterator[JsonSchema]:
    """Which form `fields` has, by what the rest of a message object says."""
    for grammar, handshake in GRAMMARS.items():
        variants = (each.variants for _, each in handshake.schema.children() if isinstance(each, Select))
        for tag, variant in next(variants).items():
            condition = {"grammar": {"const": grammar}, "message_type": {"properties": {"value": {"const": int(tag)}}}}
            yield _if(condition, {"properties": {"fields": forms.of(variant)}})
    for name, struct in (("alert", Alert), ("change_cipher_spec", ChangeCipherSpec)):
        condition = {
            "content_type": {"properties": {"name": {"const": name}}},
            "fields": {"type": "object"},
        }
        yield _if(condition, {"properties": {"fields": forms.of(struct.schema)}})


class _Forms:
    """The schema of each declaration; those of structs are collected, and referred to."""

    def __init__(self) -> None:
        self.structs: dict[str, JsonSchema] = {}

    @singledispatchmethod
    def of(self, schema: Node[Any]) -> JsonSchema:
        """What values of `schema` look like. What has no form of its own is bytes."""
        return {"$ref": "#/$defs/hex"}

    @of.register(StructNode)
    def _(self, schema: StructNode[Any]) -> JsonSchema:
        name = f"{schema.of.__module__.rpartition('.')[2]}.{schema.of.__name__}"
        if name not in self.structs:
            self.structs[name] = {}
            self.structs[name] = {
                "description": (schema.of.__doc__ or "").split("\n")[0],
                "type": "object",
                "required": [field for field, _, _ in schema.fields],
                "properties": {field: {"description": doc, **self.of(each)} for field, each, doc in schema.fields},
                "additionalProperties": False,
            }
        return {"$ref": f"#/$defs/{name}"}

    @of.register(Select)
    def _(self, schema: Select) -> JsonSchema:
        inner = [*schema.variants.values(), *([schema.otherwise] if schema.otherwise is not None else [])]
        return _any(self.of(each) for each in inner)

    @of.register(ToldByContent)
    def _(self, schema: ToldByContent) -> JsonSchema:
        return _any(self.of(each) for each in schema.structs())

    @of.register(ExtensionBlock)
    def _(self, schema: ExtensionBlock) -> JsonSchema:
        known = [row for row in ROWS.values() if schema.message in row.bodies]
        return {
            "type": "array",
            "items": {
                "$ref": "#/$defs/extension",
                "allOf": [
                    _if(
                        {"extension_type": {"properties": {"value": {"const": int(row.extension_type)}}}},
                        {"properties": {"extension_data": self.of(row.bodies[schema.message].schema)}},
                    )
                    for row in known
                ],
            },
        }

    @of.register(Vector)
    @of.register(Repeated)
    def _(self, schema: Any) -> JsonSchema:
        return {"type": "array", "items": self.of(schema.item)}

    @of.register(Distinct)
    def _(self, schema: Distinct[Any]) -> JsonSchema:
        return self.of(schema.items)

    @of.register(Trailing)
    def _(self, schema: Trailing[Any]) -> JsonSchema:
        return _any([self.of(schema.inner), {"type": "null"}])

    @of.register(Enclosed)
    def _(self, schema: Enclosed[Any]) -> JsonSchema:
        return self.of(schema.inner)

    @of.register(BehindVariableLength)
    def _(self, schema: BehindVariableLength) -> JsonSchema:
        return _any([self.of(schema.inner), {"$ref": "#/$defs/behind_wide_length"}])

    @of.register(CodePointNode)
    @of.register(VariableCodePoint)
    def _(self, schema: Any) -> JsonSchema:
        return {"$ref": "#/$defs/code_point", "$comment": schema.registry.__name__}

    @of.register(VariableInteger)
    def _(self, schema: VariableInteger) -> JsonSchema:
        return _any([{"type": "integer", "minimum": 0}, {"$ref": "#/$defs/wide_number"}])

    @of.register(Uint)
    def _(self, schema: Uint) -> JsonSchema:
        return {"type": "integer", "minimum": 0, "maximum": 256**schema.width - 1}

    @of.register(FixedOpaque)
    def _(self, schema: FixedOpaque) -> JsonSchema:
        return {"$ref": "#/$defs/hex", "minLength": 2 * schema.length, "maxLength": 2 * schema.length}


def _any(forms: Iterator[JsonSchema] | list[JsonSchema]) -> JsonSchema:
    different = list({json.dumps(each): each for each in forms}.values())
    return different[0] if len(different) == 1 else {"anyOf": different}


def _if(condition: JsonSchema, then: JsonSchema) -> JsonSchema:
    return {"if": {"properties": condition, "required": list(condition)}, "then": then}


def _when(key: str, value: str, then: JsonSchema) -> JsonSchema:
    return _if({key: {"const": value}}, then)


def _object(properties: JsonSchema, description: str = "") -> JsonSchema:
    told = {"description": description} if description else {}
    return {**told, "type": "object", "required": list(properties), "properties": properties}


def _told(description: str, **schema: Any) -> JsonSchema:
    return {"description": description, **schema}


def _count(description: str) -> JsonSchema:
    return _told(description, type="integer", minimum=0)


def _nullable(form: JsonSchema) -> JsonSchema:
    return {"anyOf": [form, {"type": "null"}]}


def _point(description: str) -> JsonSchema:
    return {"description": description, "$ref": "#/$defs/code_point"}


def _point_or_null(description: str) -> JsonSchema:
    return {"description": description, **_nullable({"$ref": "#/$defs/code_point"})}


_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_PARTS: JsonSchema = {
    "hex": {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
    "code_point": {
        **_object({"name": _TEXT, "value": {"type": "integer", "minimum": 0}}),
        "description": "A number and its name, 'unknown 0x…' or 'GREASE 0x…' where no registry has one",
    },
    "wide_number": _object({"value": _count("The number"), "wire_width": {"enum": [2, 4, 8]}}, "RFC 9000 §16"),
    "behind_wide_length": _object({"value": {}, "length_width": {"enum": [2, 4, 8]}}, "RFC 9000 §16"),
    "endpoint": _object({"address": _TEXT, "port": {"type": "integer", "minimum": 0, "maximum": 65535}}),
    "extension": _object({"extension_type": {"$ref": "#/$defs/code_point"}, "extension_data": {}}),
}
_PLACE: JsonSchema = {
    "schema_version": {"const": SCHEMA_VERSION},
    "object": {},
    "file": _told("The capture, as it was named", **_TEXT),
    "connection": _count("Of those with its transport, from 0; of TCP mostly tshark's tcp.stream"),
    "transport": _told("Connections of each are counted by themselves", enum=[each.value for each in Transport]),
    "client": {"$ref": "#/$defs/endpoint"},
    "server": {"$ref": "#/$defs/endpoint"},
}
_MESSAGE = _object(
    {
        **_PLACE,
        "number": _count("Of the message in its connection"),
        "timestamp": _told("ISO 8601, UTC; null outside the years 1 to 9999", type=["string", "null"]),
        "timestamp_ns": _count("Nanoseconds since the epoch, of the packet that completed the message"),
        "direction": _told("Who sent it", enum=[each.value for each in Direction]),
        "record": _count("The record that it starts in, of its direction, from 0"),
        "offset": _count("Where that record starts in its direction's bytes"),
        "encrypted": _told("It came in a protected record", **_FLAG),
        "decrypted": _told("and that was opened", **_FLAG),
        "epoch": _told("Which keys protect it", enum=[each.value for each in Epoch]),
        "generation": _count("Of application keys: how many KeyUpdates came before"),
        "content_type": _point("The inner one of a record that was opened"),
        "message_type": _point_or_null("null where it is no handshake message, or can't be read"),
        "name": _told("Of the RFC's struct", **_TEXT),
        "grammar": _told("Whose form of handshake message, null for anything else", enum=[*GRAMMARS, None]),
        "fields": _told("null where nothing was parsed", type=["object", "null"]),
        "inner": _told("The ClientHello in an encrypted one, where the key log opens it", type=["object", "null"]),
        "raw": _told(
            "A handshake message with its header, an alert, application data, or what stays encrypted",
            **{"$ref": "#/$defs/hex"},
        ),
        "note": _told(
            "What there is to know of it",
            **_nullable(_object({"kind": {"enum": [each.value for each in NoteKind]}, "text": _TEXT})),
        ),
        "error": _told(
            "Why it does not parse; offset in raw",
            **_nullable(_object({"path": _TEXT, "offset": _count("In raw"), "expected": _TEXT, "found": _TEXT})),
        ),
    }
)
_GAP = _object(
    {
        **_PLACE,
        "timestamp": _told("ISO 8601, UTC; null outside the years 1 to 9999", type=["string", "null"]),
        "timestamp_ns": _count("Nanoseconds since the epoch, of the packet that showed it"),
        "direction": _told("Whose bytes they are", enum=[each.value for each in Direction]),
        "offset": _count("Where they start in that direction's bytes"),
        "length": _count("How many there are"),
        "reason": _told("Why they are no records", enum=[each.value for each in GapReason]),
    }
)
_CONNECTION = _object(
    {
        **_PLACE,
        "upgraded_from": _told("What was spoken before TLS", enum=[*(each.value for each in Cleartext), None]),
        "started": _told("Of its first packet; ISO 8601, UTC", type=["string", "null"]),
        "started_ns": _count("Nanoseconds since the epoch"),
        "last_ns": _told("Of its last message", type=["integer", "null"]),
        "ending": _told("How it ended", enum=[each.value for each in Ending]),
        "messages": _count("How many"),
        "opaque_messages": _count("How many of them stay encrypted"),
        "client_bytes": _count("Of the client's application data, as far as it could be read"),
        "server_bytes": _count("Of the server's"),
        "client_encrypted_bytes": _count("Of the client's records that stay encrypted, whatever they hold"),
        "server_encrypted_bytes": _count("Of the server's"),
        "warnings": {"type": "array", "items": _TEXT},
        "judgement": judgement_schema(),
    }
)
_COUNTS: JsonSchema = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
_STATISTICS = _object(
    {
        "schema_version": {"const": SCHEMA_VERSION},
        "object": {},
        "files": _count("How many were read"),
        "packets": _count("In them"),
        "captured_bytes": _count("Of packets"),
        "tcp_connections": _count("In all"),
        "tls_connections": _count("That passed the filter"),
        "application_bytes": _told("Of each side, as far as they could be read", **_COUNTS),
        "encrypted_bytes": _told("Of each side's records that stay encrypted, whatever they hold", **_COUNTS),
        "counts": _told("From a table's name to its values and how often each was met", additionalProperties=_COUNTS),
        "handshake_ms": _told("From an upper bound to how many took less, and more than the one before", **_COUNTS),
    }
)


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        PATH.write_text(text(), "utf-8")
    elif PATH.read_text("utf-8") != text():
        sys.exit(f"{PATH} is not what would be written: run python -m tools.values.json_schema")
