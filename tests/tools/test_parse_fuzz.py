"""Captures with anything in them, from the file to what is printed: nothing raises, and JSON tells every message."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import traces
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import SchemaError
from tls13.keylog import KeyLog
from tools.parsing.inputs import Input
from tools.parsing.outputs import output_of
from tools.parsing.plan import Mode, Plan, prepared
from tools.parsing.reading import read_input
from tools.parsing.tally import print_statistics, statistics_object
from tools.values.ndjson import schema_text
from tools.values.rebuild import message_of
from tools.values.tree import console

FILTERS = (None, "name == Alert", "version == TLS13 and not opaque", "bytes > 10 or anomaly", "client_hello.key_share")


@pytest.fixture(scope="session")
def wire(recorded_trace: tuple[Path, KeyLog]) -> bytes:
    """A capture with its key log inside."""
    return recorded_trace[0].read_bytes()


@pytest.fixture(scope="session")
def keylog(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("fuzz") / "keys.log"
    path.write_text(traces.KEY_LOG)
    return str(path)


@pytest.fixture(scope="session")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(schema_text()))


def changed(data: bytes, draw: Any) -> bytes:
    """A few places overwritten, taken out or put in, and perhaps the end cut off."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(found) - 1))
        piece = draw(st.binary(max_size=4))
        found[at : at + draw(st.sampled_from([len(piece), 0, 40]))] = piece
    return bytes(found[: draw(st.integers(len(found) // 2, len(found)))]) or b"\0"


@settings(max_examples=150)
@given(data=st.data(), mode=st.sampled_from(Mode), expression=st.sampled_from(FILTERS), dump=st.booleans())
def test_nothing_in_a_capture_stops_what_is_printed(
    data: st.DataObject,
    mode: Mode,
    expression: str | None,
    dump: bool,
    wire: bytes,
    keylog: str,
    validator: jsonschema.Draft202012Validator,
) -> None:
    dumped = dump and mode in (Mode.trees, Mode.followed_text)
    ready = prepared(Plan(mode, (keylog,), expression=expression, dump=dumped, name_files=dump))
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="utf-8")
    outcome = read_input(Input("-"), io.BytesIO(changed(wire, data.draw)), ready, output_of(ready.plan, out))
    if outcome.tally is not None:
        validator.validate(statistics_object(outcome.tally))
        print_statistics(outcome.tally, console(out))
    out.flush()
    if mode is Mode.followed_bytes:
        return
    for line in raw.getvalue().decode().splitlines():
        if mode in (Mode.messages, Mode.summary_objects):
            _check(json.loads(line), validator)
        else:
            assert line.isprintable()
            assert len(line) <= 100 or mode in (Mode.summary, Mode.followed_text)


def _check(line: dict[str, Any], validator: jsonschema.Draft202012Validator) -> None:
    validator.validate(line)
    if line["object"] == "message":
        message = message_of(line)
        if message.value is not None:
            assert message.value.build() == message.raw


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=5))
def test_a_line_of_anything_is_a_message_or_refused(value: Any) -> None:
    keys = ("content_type", "note", "error", "timestamp_ns", "direction", "record", "offset", "encrypted", "raw")
    for line in (value, dict.fromkeys(keys, value), {"content_type": {"value": 22}, "note": value}):
        with pytest.raises(SchemaError):
            message_of(line)
