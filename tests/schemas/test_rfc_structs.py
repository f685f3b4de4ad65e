"""The schemas held against the structures and the tables of the RFCs, transcribed in rfc9846_structs."""

from __future__ import annotations

import re

import pytest
import rfc9846_structs as rfc

from schemas import Struct, alert, certificate, derived, encrypted_client_hello, extensions, handshake, record
from schemas.code_points import ExtensionType
from schemas.extension_block import MESSAGES, ROWS, Row
from schemas.handshake import HELLO_RETRY_REQUEST_RANDOM, MESSAGE_TYPES, Handshake

MODULES = (record, alert, handshake, certificate, extensions, encrypted_client_hello, derived)
OURS: dict[str, type[Struct]] = {
    name: each
    for module in MODULES
    for name, each in vars(module).items()
    if isinstance(each, type) and issubclass(each, Struct) and each is not Struct
}

FIELD = re.compile(r"(\w+)\s+(\w+)\s*((?:<[^>]*>|\[[^]]*\])?)\s*;")
STRUCT = re.compile(r"struct\s*\{(.*?)\}\s*(\w+);", re.DOTALL)


def numbers(bounds: str) -> str:
    """`<1..2^8-1>` as `<1..255>`: the RFCs write one ceiling in several ways."""
    return re.sub(
        r"2\^(\d+)(?:-(\d+))?", lambda found: str(2 ** int(found.group(1)) - int(found.group(2) or 0)), bounds
    )


ALIASES = {name: of + numbers(bounds) for of, name, bounds in FIELD.findall(rfc.TYPEDEFS)}
STRUCTS = {
    name: [(field, ALIASES.get(of, of) + numbers(bounds)) for of, field, bounds in FIELD.findall(fields)]
    for fields, name in STRUCT.findall(rfc.STRUCTS + rfc.OTHERWISE)
}
BODIES = dict(line.strip().split(": ") for line in rfc.EXTENSION_BODIES.strip().splitlines())
TABLE = [re.split(r"\s{2,}", line.strip()) for line in rfc.TABLE_1.strip().splitlines()]
BESIDES = [re.split(r"\s{2,}", line.strip()) for line in rfc.BESIDES_TABLE_1.strip().splitlines()]


@pytest.mark.parametrize(("name", "fields"), STRUCTS.items(), ids=STRUCTS)
def test_a_struct_has_the_fields_of_the_rfc_in_their_order_and_bounds(name: str, fields: list[tuple[str, str]]) -> None:
    ours = [
        (field, numbers(schema.notation().removesuffix(", or nothing")))
        for field, schema, _ in OURS[name].schema.fields
    ]
    assert ours == fields


def test_no_struct_of_ours_is_held_against_nothing() -> None:
    # These have a select, an open end or constants, which the presentation language writes in other ways: see below.
    held_in_other_ways = {
        "Handshake",
        "Finished",
        "TLSInnerPlaintext",
        "ChangeCipherSpec",
        "ServerName",
        "CertificateStatusRequest",
        "CertificateStatus",
        "ECHClientHello",
        "ECHConfig",
        "MessageHash",
        "ServerCertificateVerifyContent",
        "ClientCertificateVerifyContent",
    }
    assert set(OURS) == set(STRUCTS) | held_in_other_ways


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Handshake", {"msg_type": "HandshakeType", "message": "select (msg_type)"}),
        ("Finished", {"verify_data": "opaque[...]"}),
        ("TLSInnerPlaintext", {"content": "opaque[...]", "type": "ContentType", "zeros": "zeros[...]"}),
        ("ChangeCipherSpec", {"type": "opaque[1]"}),
        ("ServerName", {"name_type": "NameType", "name": "select (name_type)"}),
        ("CertificateStatusRequest", {"status_type": "CertificateStatusType", "request": "select (status_type)"}),
        ("CertificateStatus", {"status_type": "CertificateStatusType", "response": "select (status_type)"}),
        ("ECHClientHello", {"type": "ECHClientHelloType", "content": "select (type)"}),
        ("ECHConfig", {"version": "uint16", "contents": "select (version)"}),
        ("MessageHash", {"msg_type": "opaque[1]", "hash": "opaque<0..2^24-1>"}),
        (
            "ServerCertificateVerifyContent",
            {
                "padding": "opaque[64]",
                "context_string": "opaque[33]",
                "separator": "opaque[1]",
                "transcript_hash": "opaque[...]",
            },
        ),
        (
            "ClientCertificateVerifyContent",
            {
                "padding": "opaque[64]",
                "context_string": "opaque[33]",
                "separator": "opaque[1]",
                "transcript_hash": "opaque[...]",
            },
        ),
    ],
)
def test_a_struct_with_a_select_or_an_open_end_has_the_fields_of_the_rfc(name: str, fields: dict[str, str]) -> None:
    assert {field: schema.notation() for field, schema, _ in OURS[name].schema.fields} == fields


def test_each_message_stands_under_the_type_that_the_rfc_gives_it() -> None:
    # RFC 9846 §4, the select of the struct Handshake. A HelloRetryRequest is a ServerHello in form, §4.2.4.
    assert {message.__name__: int(msg_type) for message, msg_type in MESSAGE_TYPES.items()} == {
        "ClientHello": 1,
        "ServerHello": 2,
        "HelloRetryRequest": 2,
        "NewSessionTicket": 4,
        "EndOfEarlyData": 5,
        "EncryptedExtensions": 8,
        "Certificate": 11,
        "CertificateRequest": 13,
        "CertificateVerify": 15,
        "Finished": 20,
        "KeyUpdate": 24,
    }
    message = dict(Handshake.schema.children())["message"]
    assert {name: schema.notation() for name, schema in message.children()} == {
        "client_hello": "ClientHello",
        "server_hello": "HelloRetryRequest or ServerHello",
        "new_session_ticket": "NewSessionTicket",
        "end_of_early_data": "EndOfEarlyData",
        "encrypted_extensions": "EncryptedExtensions",
        "certificate": "Certificate",
        "certificate_request": "CertificateRequest",
        "certificate_verify": "CertificateVerify",
        "finished": "Finished",
        "key_update": "KeyUpdate",
    }


def test_the_random_of_a_hello_retry_request_is_that_of_the_rfc() -> None:
    # RFC 9846 §4.2.3, as printed there.
    printed = """
        CF 21 AD 74 E5 9A 61 11 BE 1D 8C 02 1E 65 B8 91
        C2 A2 11 16 7A BB 8C 5E 07 9E 09 E2 C8 A8 33 9C
    """
    assert bytes.fromhex(printed) == HELLO_RETRY_REQUEST_RANDOM


def test_every_extension_body_is_that_of_its_rfc() -> None:
    ours = {
        f"{row.extension_type} {message}": numbers(body.schema.notation())
        for row in ROWS.values()
        for message, body in row.bodies.items()
    }
    assert ours == {name: numbers(notation) for name, notation in BODIES.items()}


def test_table_1_has_31_rows() -> None:
    assert len(TABLE) == 31


@pytest.mark.parametrize(("name", "number", "messages", "reference"), TABLE + BESIDES, ids=lambda each: each)
def test_an_extension_stands_in_the_messages_of_table_1(name: str, number: str, messages: str, reference: str) -> None:
    row = ROWS[ExtensionType(int(number))]

    assert str(row.extension_type) == name
    assert set(row.bodies) == {rfc.MESSAGES[each] for each in messages.split(", ")}
    assert row.reference.startswith(f"{reference} §")


def test_there_is_no_row_besides_those_of_the_rfcs() -> None:
    assert {str(each) for each in ROWS} == {name for name, *_ in TABLE + BESIDES}
    assert set(MESSAGES) == set(rfc.MESSAGES.values())


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: str(row.extension_type))
def test_a_row_says_where_it_is_specified_and_what_it_is_for(row: Row) -> None:
    assert re.fullmatch(r"RFC \d{4} §[\d.]+", row.reference)
    assert 10 <= len(row.explanation) <= 70
    assert all(body.row is row for body in row.bodies.values())


@pytest.mark.parametrize("ours", OURS.values(), ids=OURS)
def test_a_struct_says_where_it_is_specified_and_each_field_what_it_is(ours: type[Struct]) -> None:
    assert re.match(r"RFC \d{4} §[\d.]+", ours.__doc__ or "")
    for name, _, doc in ours.schema.fields:
        assert 2 < len(doc) < 100, name
