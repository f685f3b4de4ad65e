"""The schemas held against the structures and the tables of the RFCs, transcribed in rfc9846_structs."""

from __future__ import annotations

import re

import older_structs as older
import pytest
import rfc9846_structs as rfc
from presentation import numbers, structs, table

from schemas import (
    Struct,
    alert,
    certificate,
    derived,
    encrypted_client_hello,
    extensions,
    handshake,
    quic,
    record,
    tls12_extensions,
    transparency,
    unlisted_extensions,
)
from schemas.code_points import ExtensionType
from schemas.extension_block import MESSAGES, ROWS, Row
from schemas.handshake import HELLO_RETRY_REQUEST_RANDOM, MESSAGE_TYPES, Handshake

MODULES = (
    record,
    alert,
    handshake,
    certificate,
    extensions,
    tls12_extensions,
    unlisted_extensions,
    transparency,
    quic,
    encrypted_client_hello,
    derived,
)
OURS: dict[str, type[Struct]] = {
    name: each
    for module in MODULES
    for name, each in vars(module).items()
    if isinstance(each, type) and issubclass(each, Struct) and each is not Struct
}

STRUCTS = structs(rfc.STRUCTS + rfc.OTHERWISE, rfc.TYPEDEFS) | structs(older.EXTENSION_STRUCTS, older.TYPEDEFS)
BODIES = dict(
    line.strip().split(": ") for line in (rfc.EXTENSION_BODIES + older.EXTENSION_BODIES).splitlines() if line.strip()
)
TABLE = table(rfc.TABLE_1)
BESIDES = table(rfc.BESIDES_TABLE_1) + table(older.ROWS)


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
        "ServerDelegatedCredentialContent",
        "ClientDelegatedCredentialContent",
        "ECHConfigList",
        "ECHInfo",
        "ClientHelloInner",
        "EncodedClientHelloInner",
        "Tls12ExporterSeed",
        "SignedCertificateTimestamp",
        "SignedCertificateTimestampList",
        "CertificateStatusRequestItemV2",
        "TrustedAuthority",
        "PreferredAddress",
        "VersionInformation",
        "TransportParameter",
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
        *(
            (
                f"{role}DelegatedCredentialContent",
                {
                    "padding": "opaque[64]",
                    "context_string": "opaque[33]",
                    "separator": "opaque[1]",
                    "certificate_and_credential": "opaque[...]",
                },
            )
            for role in ("Server", "Client")
        ),
        ("ECHConfigList", {"configs": "ECHConfig<4..2^16-1>"}),
        ("ECHInfo", {"label": "opaque[8]", "config": "ECHConfig"}),
        (
            "ClientHelloInner",
            {
                "legacy_version": "ProtocolVersion",
                "random": "opaque[32]",
                "legacy_session_id": "opaque<0..32>",
                "cipher_suites": "CipherSuite<2..2^16-2>",
                "legacy_compression_methods": "opaque<1..2^8-1>",
                "extensions": "Extension<7..2^16-1>",
            },
        ),
        ("EncodedClientHelloInner", {"client_hello": "ClientHelloInner", "zeros": "zeros[...]"}),
        (
            "Tls12ExporterSeed",
            {
                "client_random": "opaque[32]",
                "server_random": "opaque[32]",
                "context_value": "opaque<0..2^16-1>, or nothing",
            },
        ),
        ("SignedCertificateTimestamp", {"sct_version": "SctVersion", "content": "select (sct_version)"}),
        (
            "SignedCertificateTimestampList",
            {"sct_list": "SignedCertificateTimestamp in opaque<1..2^16-1><1..2^16-1>"},
        ),
        ("CertificateStatusRequestItemV2", {"status_type": "CertificateStatusType", "request": "select (status_type)"}),
        ("TrustedAuthority", {"identifier_type": "IdentifierType", "identifier": "select (identifier_type)"}),
        (
            "PreferredAddress",
            {
                "ipv4_address": "opaque[4]",
                "ipv4_port": "uint16",
                "ipv6_address": "opaque[16]",
                "ipv6_port": "uint16",
                "connection_id": "opaque<1..20>",
                "stateless_reset_token": "opaque[16]",
            },
        ),
        ("VersionInformation", {"chosen_version": "uint32", "available_versions": "uint32[...]"}),
        ("TransportParameter", {"id": "TransportParameterId", "value": "select (id) behind its length"}),
    ],
)
def test_a_struct_with_a_select_or_an_open_end_has_the_fields_of_the_rfc(name: str, fields: dict[str, str]) -> None:
    assert {field: schema.notation() for field, schema, _ in OURS[name].schema.fields} == fields


def test_each_message_stands_under_the_type_that_the_rfc_gives_it() -> None:
    # RFC 9846 §4, the select of the struct Handshake, and RFC 8879 §4. A HelloRetryRequest is a ServerHello in form.
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
        "CompressedCertificate": 25,
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
        "compressed_certificate": "CompressedCertificate",
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
    assert set(row.bodies) - {"tls12_server_hello"} == {rfc.MESSAGES[each] for each in messages.split(", ")}
    assert re.match(rf"{reference}\b", row.reference)


def test_a_server_of_tls_1_2_answers_to_the_extensions_whose_rfcs_say_so() -> None:
    ours = {str(each) for each, row in ROWS.items() if "tls12_server_hello" in row.bodies}
    assert ours == set(older.IN_SERVER_HELLO_OF_TLS12.split())


def test_there_is_no_row_besides_those_of_the_rfcs() -> None:
    assert {str(each) for each in ROWS} == {name for name, *_ in TABLE + BESIDES}
    assert set(MESSAGES) == {*rfc.MESSAGES.values(), "tls12_server_hello"}


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: str(row.extension_type))
def test_a_row_says_where_it_is_specified_and_what_it_is_for(row: Row) -> None:
    assert re.fullmatch(r"RFC \d{4} §[\d.]+|draft-[a-z]+-tls-?[a-z-]+(-\d\d)?( §[\d.]+)?", row.reference)
    assert 10 <= len(row.explanation) <= 70
    assert all(body.row is row for body in row.bodies.values())


@pytest.mark.parametrize("ours", OURS.values(), ids=OURS)
def test_a_struct_says_where_it_is_specified_and_each_field_what_it_is(ours: type[Struct]) -> None:
    assert re.match(r"RFC \d{4} §[\d.]+", ours.__doc__ or "")
    for name, _, doc in ours.schema.fields:
        assert 2 < len(doc) < 100, name
