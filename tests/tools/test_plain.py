"""Plain data holds all of a message: with the schema beside it, the very bytes come back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.alert import Alert
from schemas.code_points import AlertDescription, ExtensionType
from schemas.extension_block import Extension, ExtensionBlock
from schemas.handshake import HELLO_RETRY_REQUEST_RANDOM, Handshake, HelloRetryRequest, ServerHello
from schemas.vocabulary import CodePointNode, Node, Select, StructNode, ToldByContent, Trailing, Uint, Vector
from tools.plain import plain


def rebuilt(schema: Node[Any], data: Any, fields: dict[str, Any]) -> Any:
    """The value of which `data` is the plain form."""
    match schema:
        case StructNode():
            values: dict[str, Any] = {}
            for name, each, _ in schema.fields:
                values[name] = rebuilt(each, data[name], values)
            return schema.of(**values)
        case Select():
            return rebuilt(schema.variant(fields[schema.tag], AssertionError), data, fields)
        case ToldByContent():
            retry = data["random"] == HELLO_RETRY_REQUEST_RANDOM.hex()
            return rebuilt((HelloRetryRequest if retry else ServerHello).schema, data, fields)
        case ExtensionBlock():
            return [rebuilt_extension(schema, each) for each in data]
        case Vector():
            return [rebuilt(schema.item, each, fields) for each in data]
        case Trailing():
            return None if data is None else rebuilt(schema.inner, data, fields)
        case CodePointNode():
            return schema.registry(data["value"])
        case Uint():
            return data
        case _:
            return bytes.fromhex(data)


def rebuilt_extension(block: ExtensionBlock, data: Any) -> Extension:
    extension_type = ExtensionType(data["extension_type"]["value"])
    schema = block.data_schema(extension_type)
    body = data["extension_data"]
    value = bytes.fromhex(body) if schema is None else rebuilt(schema, body, {})
    return Extension(extension_type=extension_type, extension_data=value)


def test_every_message_of_rfc8448_comes_back_from_json(rfc8448: dict[str, dict[str, bytes]]) -> None:
    count = 0
    for trace in rfc8448.values():
        for name, data in trace.items():
            if not name.startswith(("message", "record_client_hello", "record_hello_retry")):
                continue
            raw = data if name.startswith("message") else data[5:]
            data_again = json.loads(json.dumps(plain(Handshake.parse(raw))))
            assert rebuilt(Handshake.schema, data_again, {}).build() == raw, name
            count += 1
    assert count > 20


def test_code_points_have_name_and_number() -> None:
    assert plain(Alert(description=AlertDescription(120))) == {
        "level": {"name": "fatal", "value": 2},
        "description": {"name": "no_application_protocol", "value": 120},
    }
    assert plain(AlertDescription(200)) == {"name": "unknown 0xc8", "value": 200}


def test_what_no_schema_makes_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        plain(1.5)
