"""`tls13 parse --json`: the shipped schema describes every line, and the messages come back from the lines alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from running import invoke
from traces import CLIENT, SERVER

from schemas.code_points import ContentType
from schemas.errors import EncodeError
from schemas.handshake import Handshake
from schemas.record import TLSPlaintext
from tls13.capture import CaptureWriter, Direction, Gap, Message, read_capture
from tls13.keylog import KeyLog
from tools.parsing.facts import Facts
from tools.values import json_schema
from tools.values.ndjson import Lines, json_line, schema_text
from tools.values.rebuild import message_of

CAPTURES = [
    *("public/ndpi-tls_alert.pcap", "public/ndpi-tls_with_huge_ch.pcapng", "public/zeek-hrr.pcap"),
    *("public/zeek-chrome-1250-tls-x25519-kyber.pcap", "public/zeek-smtp-starttls.pcap", "public/zeek-tls1.2.pcap"),
    *("public/zeek-tls-fragmented-handshake.pcap.gz", "public/zeek-tls13-ech.pcap"),
    *("public/zeek-tls13_psk_succesfull.pcap", "public/zeek-tls13_wolfssl.pcap"),
    *(f"recorded/{name}.pcapng" for name in ("bulk", "client-auth", "early-data", "external-psk", "full-aes256-rsa")),
    *(f"recorded/{name}.pcapng" for name in ("full-chacha-ecdsa", "hello-retry", "key-update", "resumption", "tls12")),
]
FEW = 50
"""So many records of application data are held against the schema: one is like the other."""


@pytest.fixture(scope="session")
def validator() -> jsonschema.Draft202012Validator:
    """The shipped schema."""
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def arguments(shared: Path, name: str) -> list[object]:
    path = shared / "captures" / name
    keylog = path.with_suffix(".keylog")
    return [path, *(["--keylog", keylog] if keylog.exists() else [])]


def lines(*words: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in invoke("parse", *words).output.splitlines()]


def test_the_shipped_schema_is_the_one_that_the_declarations_give() -> None:
    assert json_schema.text() == schema_text()


def test_the_schema_is_printed(validator: jsonschema.Draft202012Validator) -> None:
    ended = invoke("parse", "--json-schema")
    assert (ended.status, ended.errors) == (0, "")
    assert json.loads(ended.output) == validator.schema


def read(shared: Path, name: str) -> Iterator[tuple[Facts, Message]]:
    """The messages as the library gives them, in the order of the capture."""
    path = shared / "captures" / name
    keylog = path.with_suffix(".keylog")
    facts: dict[object, Facts] = {}
    with read_capture(path, keylog=KeyLog.load(keylog) if keylog.exists() else None) as capture:
        for connection, item in capture.in_order():
            if isinstance(item, Message):
                yield facts.setdefault(connection, Facts(str(path), connection)), item


@pytest.mark.parametrize("name", CAPTURES)
def test_every_message_of_every_capture_comes_back_from_its_line(
    name: str, shared: Path, validator: jsonschema.Draft202012Validator
) -> None:
    data = 0
    for facts, message in read(shared, name):
        line = json.loads(json_line(Lines(facts).line(facts.learn(message))))
        data += message.content_type is ContentType.application_data
        if data < FEW or message.content_type is not ContentType.application_data:
            validator.validate(line)
        again = message_of(line)
        assert replace(again, error=None) == replace(message, error=None)
        assert str(again.error) == str(message.error)
        if again.value is not None:
            assert again.value.build() == message.raw


@pytest.mark.parametrize("name", ["recorded/resumption.pcapng", "public/zeek-hrr.pcap", "public/ndpi-tls_alert.pcap"])
def test_the_command_writes_those_very_lines(name: str, shared: Path) -> None:
    for line, found in zip_longest(lines(*arguments(shared, name), "--json"), read(shared, name)):
        facts, message = found
        assert line == json.loads(json_line(Lines(facts).line(facts.learn(message))))


@pytest.mark.parametrize("mode", ["--summary", "--stats"])
def test_connections_and_counts_are_as_the_schema_says(
    mode: str, shared: Path, validator: jsonschema.Draft202012Validator
) -> None:
    found = lines(shared / "captures", mode, "--json")
    for line in found:
        validator.validate(line)
    assert {line["object"] for line in found} == {"connection" if mode == "--summary" else "statistics"}
    assert len(found) == (25 if mode == "--summary" else 1)


def test_what_is_no_message_has_a_line_too(shared: Path, validator: jsonschema.Draft202012Validator) -> None:
    found = lines(shared / "captures" / "public/zeek-smtp-starttls.pcap", "--json")
    for line in found:
        validator.validate(line)
    gaps = [line for line in found if line["object"] == "gap"]
    with read_capture(shared / "captures" / "public/zeek-smtp-starttls.pcap") as capture:
        (connection,) = capture
        expected = [item for item in connection.messages if isinstance(item, Gap)]
    assert [(each["direction"], each["offset"], each["length"], each["reason"]) for each in gaps] == [
        (each.direction, each.offset, each.length, each.reason) for each in expected
    ]
    assert len(gaps) == 2


def test_a_line_that_is_none_is_refused_by_schema_and_library(
    validator: jsonschema.Draft202012Validator, trace_line: dict[str, Any]
) -> None:
    validator.validate(trace_line)
    changes: list[dict[str, Any]] = [
        {"schema_version": 1},
        {"direction": "both"},
        {"raw": "0"},
        {"content_type": {"name": "handshake"}},
        {"epoch": None},
        {"fields": {**trace_line["fields"], "random": "xx"}},
        {"fields": {key: value for key, value in trace_line["fields"].items() if key != "cipher_suites"}},
    ]
    for change in changes:
        assert not validator.is_valid({**trace_line, **change}), change
        if "schema_version" not in change:
            with pytest.raises((EncodeError, AssertionError)):
                message_of({**trace_line, **change})


@pytest.fixture
def trace_line(recorded_trace: tuple[Path, KeyLog]) -> dict[str, Any]:
    """The first line of RFC 8448 §3, a ClientHello."""
    return lines(recorded_trace[0], "--json")[0]


def test_an_edited_line_gives_the_edited_message(trace_line: dict[str, Any]) -> None:
    trace_line["fields"]["legacy_session_id"] = "0102"
    value = message_of(trace_line).value
    assert value is not None
    raw = bytes.fromhex(trace_line["raw"])
    length = int.from_bytes(raw[1:4], "big") + 2
    assert value.build() == raw[:1] + length.to_bytes(3, "big") + raw[4:38] + b"\x02\x01\x02" + raw[39:]


def test_a_clock_beyond_64_bits_is_written_as_it_is(tmp_path: Path) -> None:
    hello = TLSPlaintext(type=ContentType.handshake, fragment=bytes.fromhex("01 000000")).build()
    path = tmp_path / "late.pcapng"
    with CaptureWriter(path, clock=lambda: 2.0**63 / 1e6) as writer, writer.open(CLIENT, SERVER) as recording:
        recording.sent(Direction.client, hello)
    (line,) = lines(path, "--json")
    assert line["timestamp_ns"] == 2**63 * 1000
    assert line["timestamp"] is None
    assert message_of(line).timestamp == 2**63 * 1000


def test_wide_numbers_of_quic_do_not_stop_the_writing(tmp_path: Path) -> None:
    # quic_transport_parameters: max_idle_timeout, its length and its number in two bytes each
    parameters = bytes.fromhex("01 4002 4005")
    extension = bytes.fromhex("0039") + len(parameters).to_bytes(2, "big") + parameters
    body = bytes.fromhex("0303") + bytes(32) + bytes.fromhex("00 0002 1301 01 00")
    body += len(extension).to_bytes(2, "big") + extension
    raw = b"\x01" + len(body).to_bytes(3, "big") + body
    assert Handshake.parse(raw).build() == raw
    path = tmp_path / "wide.pcapng"
    with CaptureWriter(path) as writer, writer.open(CLIENT, SERVER) as recording:
        recording.sent(Direction.client, TLSPlaintext(type=ContentType.handshake, fragment=raw).build())
    (line,) = lines(path, "--json")
    (found,) = line["fields"]["extensions"]
    assert found["extension_data"] == [
        {
            "id": {"name": "max_idle_timeout", "value": 1},
            "value": {"value": {"value": 5, "wire_width": 2}, "length_width": 2},
        }
    ]
    value = message_of(line).value
    assert value is not None
    assert value.build() == raw
    shown = invoke("parse", path)
    assert shown.status == 0
    assert b"max_idle_timeout" in shown.output
    assert b"5" in shown.output.split(b"max_idle_timeout")[1]


def test_a_file_of_a_name_that_is_no_unicode_is_named_all_the_same(
    recorded_trace: tuple[Path, KeyLog], tmp_path: Path
) -> None:
    strange = tmp_path / os.fsdecode(b"\xff.pcapng")
    try:
        strange.write_bytes(recorded_trace[0].read_bytes())
    except OSError:
        pytest.skip("needs a file system that takes any bytes for a name")
    found = lines(strange, "--json")
    assert {line["file"] for line in found} == {str(strange)}
    assert len(found) == 9
