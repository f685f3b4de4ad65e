"""The messages of a capture for programs: a JSON object for each, on a line of its own.

Keys, in this order: `schema_version`; `connection` (TCP connections of the capture, counted from 0), `client` and
`server` (`address`, `port`); `number` (of the message in its connection, from 0); `timestamp` (ISO 8601, UTC; null
outside the years 1 to 9999), `timestamp_ns`; `direction` (who sent it: client or server); `record` (of that
direction, from 0) and `offset` (of the record in that direction's bytes); `encrypted`, `decrypted`; `epoch` and
`generation` of the keys; `content_type`, `message_type` (null where it is no handshake message or cannot be read);
`name` (of the RFC's struct); `fields` (see `tools.plain`; null where nothing was parsed); `raw` (hex: a handshake
message with its header, an alert, application data, or what stays encrypted); `note` (`kind`, `text`) and `error`
(`path`, `offset` in raw, `expected`, `found`), both null where all is well.
"""

from __future__ import annotations

import json
from typing import TextIO

from tls13.capture import Capture, Connection, Message
from tls13.capture.messages import AnyHandshake
from tools.findings import Findings
from tools.plain import Plain, plain
from tools.report import name_of
from tools.timestamps import iso

SCHEMA_VERSION = 1
"""It changes when a key changes its meaning or goes away."""


def write_json(capture: Capture, out: TextIO, findings: Findings) -> None:
    """Writes every message of every connection; tells `findings` what it meets."""
    for connection in capture:
        number = 0
        for item in connection.messages:
            findings.see(item)
            if isinstance(item, Message):
                out.write(json.dumps(message_object(connection, number, item), separators=(",", ":")) + "\n")
                number += 1
        findings.end(connection)
    findings.finish(capture)


def message_object(connection: Connection, number: int, message: Message) -> dict[str, Plain]:
    """One message as plain data; `number` counts those of its connection."""
    return {
        "schema_version": SCHEMA_VERSION,
        "connection": connection.number,
        "client": {"address": connection.client.address, "port": connection.client.port},
        "server": {"address": connection.server.address, "port": connection.server.port},
        "number": number,
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
        "fields": _fields(message),
        "raw": message.raw.hex(),
        "note": _note(message),
        "error": _error(message),
    }


def _fields(message: Message) -> Plain:
    value = message.value
    return plain(value.message if isinstance(value, AnyHandshake) else value)


def _note(message: Message) -> Plain:
    note = message.note
    return None if note is None else {"kind": str(note.kind), "text": note.text}


def _error(message: Message) -> Plain:
    error = message.error
    if error is None:
        return None
    return {"path": error.path, "offset": error.offset, "expected": error.expected, "found": error.found}
