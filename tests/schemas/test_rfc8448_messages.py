"""RFC 8448: every message and every record of its five traces parses, and rebuilds to the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import wire_messages

from schemas import Struct
from schemas.certificate import Certificate
from schemas.code_points import CipherSuite, ContentType, ExtensionType, NamedGroup, ProtocolVersion, SignatureScheme
from schemas.derived import ClientCertificateVerifyContent, ServerCertificateVerifyContent
from schemas.extensions import (
    Cookie,
    EarlyDataIndication,
    KeyShare,
    Padding,
    PreSharedKey,
    RecordSizeLimit,
    SupportedGroups,
)
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    Finished,
    Handshake,
    HelloRetryRequest,
    NewSessionTicket,
    ServerHello,
)
from schemas.record import ChangeCipherSpec, RecordHeader, TLSCiphertext, TLSPlaintext

Traces = dict[str, dict[str, bytes]]

MESSAGES: dict[str, type[Struct]] = {
    "message_server_hello": ServerHello,
    "message_encrypted_extensions": EncryptedExtensions,
    "message_certificate_request": CertificateRequest,
    "message_server_certificate": Certificate,
    "message_server_certificate_verify": CertificateVerify,
    "message_server_finished": Finished,
}
HELLOS: dict[str, type[Struct]] = {
    "record_client_hello_1": ClientHello,
    "record_client_hello_2": ClientHello,
    "record_server_hello": ServerHello,
    "record_hello_retry_request": HelloRetryRequest,
}
TRACES = ("simple_1rtt", "resumed_0rtt", "hello_retry_request", "client_authentication", "compatibility_mode")

every_trace = pytest.mark.parametrize("trace", TRACES)


def records(flight: bytes) -> Iterator[bytes]:
    """The records of a flight, cut by hand: the length stands in the fourth and fifth byte."""
    while flight:
        end = 5 + 256 * flight[3] + flight[4]
        yield flight[:end]
        flight = flight[end:]


def message(data: bytes) -> Any:
    """The message in `data`, which must rebuild to it."""
    handshake = Handshake.parse(data)
    assert handshake.build() == data
    assert Handshake.of(handshake.message) == handshake
    assert type(handshake.message).parse(data[4:]) == handshake.message
    assert handshake.message.build() == data[4:]
    return handshake.message


@every_trace
def test_every_message_parses_and_rebuilds(rfc8448: Traces, trace: str) -> None:
    names = [name for name in rfc8448[trace] if name.startswith("message_")]

    assert len(names) >= 3
    for name in names:
        assert type(message(rfc8448[trace][name])) is MESSAGES[name]


@every_trace
def test_every_record_parses_and_rebuilds(rfc8448: Traces, trace: str) -> None:
    names = [name for name in rfc8448[trace] if name.startswith("record_")]

    assert len(names) >= 5
    for name in names:
        for record in records(rfc8448[trace][name]):
            header = RecordHeader.parse(record[:5])
            assert header.build() == record[:5]
            assert header.length == len(record) - 5
            form = TLSCiphertext if header.type is ContentType.application_data else TLSPlaintext
            assert form.parse(record).build() == record


@every_trace
def test_every_plaintext_record_holds_its_message(rfc8448: Traces, trace: str) -> None:
    found = []
    for name in HELLOS.keys() & rfc8448[trace].keys():
        record = TLSPlaintext.parse(rfc8448[trace][name])
        assert record.type is ContentType.handshake
        assert record.legacy_record_version is (
            ProtocolVersion.TLS10 if name == "record_client_hello_1" else ProtocolVersion.TLS12
        )
        assert type(message(record.fragment)) is HELLOS[name]
        found.append(name)
    assert {"record_client_hello_1", "record_server_hello"} <= set(found)


@every_trace
def test_what_is_signed_parses_and_rebuilds(rfc8448: Traces, trace: str) -> None:
    for name, form in (
        ("server_message_to_sign", ServerCertificateVerifyContent),
        ("client_message_to_sign", ClientCertificateVerifyContent),
    ):
        if name in rfc8448[trace]:
            content = form.parse(rfc8448[trace][name])
            assert content.build() == rfc8448[trace][name]
            assert len(content.transcript_hash) == 32


def test_the_traces_are_five_and_no_string_of_another_kind_is_left_out(rfc8448: Traces) -> None:
    assert set(rfc8448) == set(TRACES)
    kinds = {
        name
        for strings in rfc8448.values()
        for name in strings
        if not name.startswith(("message_", "record_")) and not name.endswith("_message_to_sign")
    }
    assert kinds == {
        "client_randomness_in_order_of_use",
        "server_randomness_in_order_of_use",
        "server_message_signature",
        "client_message_signature",
        "session_ticket",
        "client_app_data",
        "client_early_app_data",
        "server_app_data",
        "hello_retry_request_cookie",
    }


def test_the_typed_in_examples_are_the_bytes_of_the_trace(rfc8448: Traces) -> None:
    examples = {each.name: each.data for each in wire_messages.MESSAGES}
    simple, retry, auth = (rfc8448[name] for name in ("simple_1rtt", "hello_retry_request", "client_authentication"))

    assert examples["ClientHello of RFC 8448 section 3"] == simple["record_client_hello_1"][5:]
    assert examples["ServerHello of RFC 8448 section 3"] == simple["message_server_hello"]
    assert examples["EncryptedExtensions of RFC 8448 section 3"] == simple["message_encrypted_extensions"]
    assert examples["Finished of RFC 8448 section 3"] == simple["message_server_finished"]
    assert examples["HelloRetryRequest of RFC 8448 section 5"] == retry["record_hello_retry_request"][5:]
    assert examples["CertificateRequest of RFC 8448 section 6"] == auth["message_certificate_request"]
    assert examples["CertificateVerify of RFC 8448 section 6"] == auth["message_server_certificate_verify"]


def test_the_ticket_of_section_3_is_offered_in_section_4(rfc8448: Traces) -> None:
    # RFC 8448 §3 prints this NewSessionTicket around the ticket itself.
    ticket = rfc8448["simple_1rtt"]["session_ticket"]
    wire = bytes.fromhex("040000c9 0000001e fad6aac5 02 0000 00b2") + ticket + bytes.fromhex("0008 002a 0004 00000400")
    sent = message(wire)
    hello = message(rfc8448["resumed_0rtt"]["record_client_hello_1"][5:])
    offered = PreSharedKey.client_hello.find(hello.extensions)

    assert sent == NewSessionTicket(
        ticket_lifetime=30,
        ticket_age_add=0xFAD6AAC5,
        ticket_nonce=b"\0\0",
        ticket=ticket,
        extensions=[EarlyDataIndication.new_session_ticket(1024)],
    )
    assert offered is not None
    assert [each.identity for each in offered.identities] == [ticket]
    assert offered.identities[0].obfuscated_ticket_age == 0xFAD6AACB
    assert offered.binders[0].hex().startswith("3add4fb2d8fdf822")
    assert hello.extensions[-1].extension_type is ExtensionType.pre_shared_key
    assert EarlyDataIndication.client_hello.find(hello.extensions) == b""
    assert Padding.client_hello.find(hello.extensions) == bytes(87)


def test_the_retry_of_section_5_reads_as_the_rfc_tells_it(rfc8448: Traces) -> None:
    strings = rfc8448["hello_retry_request"]
    first, retry, second = (
        message(strings[name][5:])
        for name in ("record_client_hello_1", "record_hello_retry_request", "record_client_hello_2")
    )

    assert KeyShare.hello_retry_request.find(retry.extensions) is NamedGroup.secp256r1
    assert Cookie.hello_retry_request.find(retry.extensions) == strings["hello_retry_request_cookie"]
    assert Cookie.client_hello.find(second.extensions) == strings["hello_retry_request_cookie"]
    assert [each.group for each in KeyShare.client_hello.find(first.extensions) or ()] == [NamedGroup.x25519]
    assert [(each.group, len(each.key_exchange)) for each in KeyShare.client_hello.find(second.extensions) or ()] == [
        (NamedGroup.secp256r1, 65)
    ]
    assert SupportedGroups.client_hello.find(first.extensions) == [
        NamedGroup.x25519,
        NamedGroup.secp256r1,
        NamedGroup.secp384r1,
    ]
    assert second.random == first.random


def test_section_6_is_signed_with_ecdsa(rfc8448: Traces) -> None:
    strings = rfc8448["client_authentication"]
    verify = message(strings["message_server_certificate_verify"])
    chain = message(strings["message_server_certificate"])

    assert verify.algorithm is SignatureScheme.ecdsa_secp256r1_sha256
    assert verify.signature == strings["server_message_signature"]
    assert [len(each.cert_data) for each in chain.certificate_list] == [306]
    assert chain.certificate_request_context == b""


def test_section_7_is_in_compatibility_mode(rfc8448: Traces) -> None:
    strings = rfc8448["compatibility_mode"]
    hello = message(strings["record_client_hello_1"][5:])
    answer = message(strings["message_server_hello"])
    first, *protected = records(strings["record_server_handshake_messages"])

    assert len(hello.legacy_session_id) == 32
    assert answer.legacy_session_id_echo == hello.legacy_session_id
    assert answer.cipher_suite is CipherSuite.TLS_AES_128_GCM_SHA256
    assert RecordSizeLimit.client_hello.find(hello.extensions) == 0x4001
    assert ChangeCipherSpec.parse(TLSPlaintext.parse(first).fragment) == ChangeCipherSpec()
    assert len(protected) == 1
