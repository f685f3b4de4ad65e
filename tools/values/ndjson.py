"""The messages of a capture for programs, and what is missing between them: a JSON object for each, on its own line.

`parse.schema.json`, which `tls13 parse --json-schema` prints, says what each key is; `tools.values.rebuild` makes the
messages again. The objects are made of plain data by converters that are kept for each struct, and written by orjson.
"""

from __future__ import annotations

import json
from importlib.resources import files

import orjson

from tls13.capture import Gap, Message
from tls13.capture.messages import AnyHandshake
from tools.parsing.facts import Entry, Facts
from tools.timestamps import iso
from tools.values.grammars import GRAMMAR_NAMES
from tools.values.message_names import name_of
from tools.values.plain import Plain, plain

SCHEMA_VERSION = 2
"""It changes when a key changes its meaning or goes away."""

JsonObject = dict[str, Plain]


def schema_text() -> str:
    """The JSON Schema of every line."""
    return files("tools.values").joinpath("parse.schema.json").read_text("utf-8")


def json_line(data: JsonObject) -> bytes:
    """One object as a line of JSON."""
    try:
        return orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # It writes integers of 64 bits and names in Unicode; a capture's clock may say more, a file be named otherwise.
        return json.dumps(data, separators=(",", ":")).encode() + b"\n"


class Lines:
    """What one connection holds as plain data. Parts that several lines share are not to be changed."""

    def __init__(self, facts: Facts) -> None:
        self._place = place(facts)

    def line(self, entry: Entry) -> JsonObject:
        """One message."""
        message = entry.message
        value = message.value
        grammar, body = (
            (GRAMMAR_NAMES[type(value)], value.message) if isinstance(value, AnyHandshake) else (None, value)
        )
        return {
            "schema_version": SCHEMA_VERSION,
            "object": "message",
            **self._place,
            "number": entry.number,
            "timestamp": iso(message.timestamp),
            "timestamp_ns": message.timestamp,
            "direction": str(message.direction),
            "record": message.record,
            "offset": message.offset,
            "encrypted": message.protected,
            "decrypted": message.protected and not message.opaque,
            "epoch": str(message.epoch),
            "generation": message.generation,
            "content_type": plain(message.content_type),
            "message_type": plain(message.handshake_type),
            "name": name_of(message),
            "grammar": grammar,
            "fields": plain(body),
            "inner": plain(message.inner),
            "raw": message.raw.hex(),
            "note": _note(message),
            "error": _error(message),
        }

    def gap(self, gap: Gap) -> JsonObject:
        """Bytes that are no records."""
        return {
            "schema_version": SCHEMA_VERSION,
            "object": "gap",
            **self._place,
            "timestamp": iso(gap.timestamp),
            "timestamp_ns": gap.timestamp,
            "direction": str(gap.direction),
            "offset": gap.offset,
            "length": gap.length,
            "reason": gap.reason.value,
        }


def place(facts: Facts) -> JsonObject:
    """Which connection it is, between whom."""
    connection = facts.connection
    client, server = connection.client, connection.server
    return {
        "file": facts.file,
        "connection": connection.number,
        "transport": connection.transport.value,
        "client": {"address": client.address, "port": client.port},
        "server": {"address": server.address, "port": server.port},
    }


def _note(message: Message) -> Plain:
    note = message.note
    return None if note is None else {"kind": note.kind.value, "text": note.text}


def _error(message: Message) -> Plain:
    error = message.error
    if error is None:
        return None
    return {"path": error.path, "offset": error.offset, "expected": error.expected, "found": error.found}
