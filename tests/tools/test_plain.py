"""Plain data holds all of a message: with the schema beside it, the very bytes come back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import strategies, tls10, tls12
from schemas.alert import Alert
from schemas.code_points import AlertDescription, CipherSuite, ExtensionType, HandshakeType
from schemas.errors import EncodeError
from schemas.handshake import ClientHello, Handshake
from schemas.quic import transport_parameters
from tools.values.plain import plain
from tools.values.rebuild import value_of


def test_every_message_of_rfc8448_comes_back_from_json(rfc8448: dict[str, dict[str, bytes]]) -> None:
    count = 0
    for trace in rfc8448.values():
        for name, data in trace.items():
            if not name.startswith(("message", "record_client_hello", "record_hello_retry")):
                continue
            raw = data if name.startswith("message") else data[5:]
            data_again = json.loads(json.dumps(plain(Handshake.parse(raw))))
            assert value_of(Handshake, data_again).build() == raw, name
            count += 1
    assert count > 20


@pytest.mark.parametrize("form", [Handshake, tls12.Handshake, tls10.Handshake])
@given(data=st.data())
def test_any_message_of_any_version_comes_back_from_json(
    form: type[Handshake] | type[tls12.Handshake] | type[tls10.Handshake], data: st.DataObject
) -> None:
    value = data.draw(strategies.values(form))
    assert value_of(form, json.loads(json.dumps(plain(value)))) == value


def test_code_points_have_name_and_number() -> None:
    assert plain(Alert(description=AlertDescription(120))) == {
        "level": {"name": "fatal", "value": 2},
        "description": {"name": "no_application_protocol", "value": 120},
    }
    assert plain(AlertDescription(200)) == {"name": "unknown 0xc8", "value": 200}
    assert plain(CipherSuite(0x1A1A)) == {"name": "GREASE 0x1a1a", "value": 0x1A1A}


@pytest.mark.parametrize(
    ("data", "plain_form"),
    [
        # max_idle_timeout (1): 5, in one byte behind a length of one byte
        ("01 01 05", {"id": {"name": "max_idle_timeout", "value": 1}, "value": 5}),
        # the number in two bytes
        ("01 02 4005", {"id": {"name": "max_idle_timeout", "value": 1}, "value": {"value": 5, "wire_width": 2}}),
        # the length in two bytes
        ("01 4001 05", {"id": {"name": "max_idle_timeout", "value": 1}, "value": {"value": 5, "length_width": 2}}),
        # the id in two bytes
        ("4001 01 05", {"id": {"name": "max_idle_timeout", "value": 1, "wire_width": 2}, "value": 5}),
        # all of them
        (
            "8000_0001 4008 c000_0000_0000_0005",
            {
                "id": {"name": "max_idle_timeout", "value": 1, "wire_width": 4},
                "value": {"value": {"value": 5, "wire_width": 8}, "length_width": 2},
            },
        ),
    ],
)
def test_numbers_that_take_more_bytes_than_they_need_keep_their_width(data: str, plain_form: object) -> None:
    raw = bytes.fromhex(data.replace("_", ""))
    found = plain(transport_parameters.parse(raw))
    assert found == [plain_form]
    assert transport_parameters.build(value_of(transport_parameters, found)) == raw


def test_what_is_changed_in_the_plain_form_is_changed_in_the_value(rfc8448: dict[str, dict[str, bytes]]) -> None:
    hello = ClientHello.parse(rfc8448["simple_1rtt"]["record_client_hello_1"][9:])
    data = json.loads(json.dumps(plain(hello)))
    data["legacy_session_id"] = "00ff"
    data["cipher_suites"].append({"name": "whatever", "value": 0x1304})
    changed = value_of(ClientHello, data)
    assert changed.legacy_session_id == b"\x00\xff"
    assert changed.cipher_suites == [*hello.cipher_suites, CipherSuite.TLS_AES_128_CCM_SHA256]
    assert changed.extensions == hello.extensions


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"level": {"name": "fatal", "value": 2}},
        {"level": 2, "description": 40},
        {"level": {"value": 256}, "description": {"value": 40}},
        {"level": {"value": "two"}, "description": {"value": 40}},
    ],
    ids=repr,
)
def test_what_is_no_plain_form_is_refused(data: Any) -> None:
    with pytest.raises(EncodeError):
        value_of(Alert, data)


def test_a_handshake_message_of_a_type_that_has_no_struct_is_refused() -> None:
    with pytest.raises(EncodeError, match="msg_type"):
        value_of(Handshake, {"msg_type": plain(HandshakeType(99)), "message": {}})


def test_what_no_schema_makes_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        plain(1.5)
    assert plain(ExtensionType.key_share) == {"name": "key_share", "value": 51}
