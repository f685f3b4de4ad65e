"""What goes against the protocol in a connection, and is told as an anomaly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from capture.judged import (
    CLIENT_AP,
    MODES,
    OFFERED,
    OTHER_SUITE,
    P256,
    P384,
    PSKS,
    SERVER_AP,
    SERVER_HS,
    SUITE,
    X25519,
    answer,
    hello,
    hellos,
    judged,
    retry,
    rules,
    share,
)
from capture.made_captures import (
    CLIENT,
    FINISHED,
    SERVER,
    TICKET,
    Wire,
    raw,
    record,
)

from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import (
    CipherSuite,
    ContentType,
    ExtensionType,
    NamedGroup,
    ProtocolVersion,
    SignatureScheme,
)
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    Cookie,
    EarlyDataIndication,
    KeyShare,
    PreSharedKey,
    SupportedVersions,
)
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    HandshakeMessage,
    NewSessionTicket,
    ServerHello,
)
from tls13.capture import Direction


def entries(groups: Sequence[NamedGroup]) -> Extension:
    return KeyShare.client_hello([share(each) for each in groups])


FALSE_HELLOS: dict[str, tuple[ClientHello, str]] = {
    "compression": (hello(legacy_compression_methods=b"\1\0"), "compression"),
    "version": (hello(legacy_version=ProtocolVersion.TLS11), "legacy_version"),
    "no schemes": (hello(without=["schemes"]), "missing_extension"),
    "no groups": (hello(without=["groups"]), "missing_extension"),
    "no shares": (hello(without=["shares"]), "missing_extension"),
    "foreign share": (hello(changes={"shares": entries([P384])}), "key_share_group"),
    "two shares": (hello(changes={"shares": entries([P256, P256])}), "key_share_group"),
    "early data alone": (hello(EarlyDataIndication.client_hello(b"")), "early_data_without_psk"),
    "psk first": (hello(OFFERED, MODES), "psk_not_last"),
    "psk without modes": (hello(OFFERED), "psk_without_modes"),
    "binders": (hello(MODES, PreSharedKey.client_hello(replace(PSKS, binders=[bytes(32)]))), "binder_count"),
    "misplaced": (
        hello(Extension(extension_type=ExtensionType.oid_filters, extension_data=b"")),
        "misplaced_extension",
    ),
}


@pytest.mark.parametrize("name", FALSE_HELLOS)
def test_a_false_client_hello_is_noticed(name: str) -> None:
    message, rule = FALSE_HELLOS[name]
    found = judged(hellos(message).wire)
    assert rule in rules(found)
    assert all(each.rule.section.startswith("RFC ") for each in found.anomalies)
    assert {each.direction for each in found.anomalies} == {Direction.client}


FALSE_ANSWERS: dict[str, tuple[ServerHello, str]] = {
    "suite": (answer(cipher_suite=CipherSuite.TLS_CHACHA20_POLY1305_SHA256), "unoffered_cipher_suite"),
    "grease": (answer(cipher_suite=CipherSuite(0x3A3A)), "unoffered_cipher_suite"),
    "group": (answer(group=P256), "unoffered_group"),
    "nothing": (answer(group=None), "no_key_exchange"),
    "session": (answer(legacy_session_id_echo=b"other"), "session_id_echo"),
    "compression": (answer(legacy_compression_method=1), "compression"),
    "psk": (answer(PreSharedKey.server_hello(0)), "unoffered_psk"),
    "version": (
        answer(
            extensions=[SupportedVersions.server_hello(ProtocolVersion(0x0305)), KeyShare.server_hello(share(X25519))]
        ),
        "unoffered_version",
    ),
    "extension": (
        answer(Extension(extension_type=ExtensionType(0xABCD), extension_data=b"")),
        "unsolicited_extension",
    ),
}


@pytest.mark.parametrize("name", FALSE_ANSWERS)
def test_a_false_server_hello_is_noticed(name: str) -> None:
    message, rule = FALSE_ANSWERS[name]
    found = judged(hellos(hello(), message).wire)
    assert rule in rules(found)
    assert {each.direction for each in found.anomalies} == {Direction.server}


def test_retries_that_ask_for_nothing_or_twice_are_noticed() -> None:
    assert "useless_retry" in rules(judged(hellos(hello(), retry()).wire))
    assert "useless_retry" in rules(judged(hellos(hello(), retry(KeyShare.hello_retry_request(X25519))).wire))
    assert "unoffered_group" in rules(judged(hellos(hello(), retry(KeyShare.hello_retry_request(P384))).wire))
    asked = retry(KeyShare.hello_retry_request(P256))
    again = hello(changes={"shares": entries([P256])})
    assert rules(judged(hellos(hello(), asked, again, asked).wire))[0] == "second_retry"


@pytest.mark.parametrize(
    "again",
    [
        hello(changes={"shares": entries([P256])}, random=bytes(32)),
        hello(changes={"shares": entries([P256])}, cipher_suites=[SUITE]),
        hello(changes={"shares": entries([P256])}, without=["name"]),
        hello(),
        hello(Cookie.client_hello(b"stale"), changes={"shares": entries([P256])}),
    ],
    ids=["random", "suites", "name", "share", "cookie"],
)
def test_a_second_hello_that_changes_more_than_it_may_is_noticed(again: ClientHello) -> None:
    found = judged(hellos(hello(), retry(KeyShare.hello_retry_request(P256)), again).wire)
    assert "changed_hello" in rules(found)


def test_a_server_that_changes_its_mind_is_noticed() -> None:
    again = hello(changes={"shares": entries([P256])})
    talk = hellos(hello(), retry(KeyShare.hello_retry_request(P256), suite=OTHER_SUITE), again, answer(group=P256))
    assert "changed_by_server" in rules(judged(talk.wire))


def test_messages_out_of_order_are_noticed() -> None:
    talk = hellos(hello(), answer())
    talk.send(SERVER, SERVER_HS, FINISHED)
    assert rules(judged(talk.wire)) == ["unexpected_message"]
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    talk.send(CLIENT, CLIENT_AP, TICKET)
    assert rules(judged(talk.wire)) == ["unexpected_message"]


def test_an_order_that_cannot_be_seen_is_not_judged() -> None:
    talk = hellos(hello(), answer())
    talk.send(SERVER, SERVER_HS, EncryptedExtensions())
    del talk.wire.segments[-1]
    talk.send(SERVER, SERVER_HS, FINISHED)
    assert rules(judged(talk.wire)) == []


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (Certificate(certificate_list=[]), "empty_certificate"),
        (
            Certificate(certificate_request_context=b"1", certificate_list=[CertificateEntry(cert_data=b"x")]),
            "certificate_request_context",
        ),
        (CertificateVerify(algorithm=SignatureScheme.rsa_pkcs1_sha256, signature=b""), "forbidden_signature_scheme"),
        (CertificateVerify(algorithm=SignatureScheme.ed25519, signature=b""), "unoffered_signature_scheme"),
        (CertificateRequest(extensions=[]), "request_without_schemes"),
        (
            EncryptedExtensions(extensions=[ApplicationLayerProtocolNegotiation.encrypted_extensions([b"h3"])]),
            "unoffered_protocol",
        ),
        (EncryptedExtensions(extensions=[EarlyDataIndication.encrypted_extensions(b"")]), "unsolicited_extension"),
    ],
)
def test_mistakes_in_the_servers_flight_are_noticed(message: HandshakeMessage, rule: str) -> None:
    talk = hellos(hello(), answer())
    talk.send(SERVER, SERVER_HS, message)
    assert rule in rules(judged(talk.wire))


def test_a_ticket_that_lives_too_long_is_noticed() -> None:
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    ticket = NewSessionTicket(ticket_lifetime=604_801, ticket_age_add=0, ticket_nonce=b"", ticket=b"x")
    talk.send(SERVER, SERVER_AP, ticket)
    assert rules(judged(talk.wire)) == ["ticket_lifetime"]


def test_what_comes_behind_an_end_is_noticed_once() -> None:
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    talk.send(CLIENT, CLIENT_AP, b"\1\0", ContentType.alert)
    talk.say(CLIENT, b"and then")
    talk.say(CLIENT, b"and then")
    assert rules(judged(talk.wire)) == ["data_after_close"]


def test_an_end_without_close_notify_is_noticed_on_each_side_that_lacks_it() -> None:
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    talk.say(CLIENT, b"ping")
    talk.send(SERVER, SERVER_AP, b"\1\0", ContentType.alert)
    talk.wire.close()
    (found,) = judged(talk.wire).anomalies
    assert (found.rule.name, found.direction, found.record) == ("no_close_notify", Direction.client, 2)


def test_records_that_break_the_limits_are_noticed() -> None:
    talk = hellos(hello(), answer())
    talk.wire.send(SERVER, record(ContentType.application_data, bytes(2**14 + 257)))
    talk.wire.send(CLIENT, record(ContentType.alert, b""))
    assert rules(judged(talk.wire))[:2] == ["record_overflow", "empty_record"]


def test_messages_in_the_clear_behind_server_hello_are_noticed() -> None:
    talk = hellos(hello(), answer())
    talk.plain(SERVER, EncryptedExtensions())
    assert "unprotected_message" in rules(judged(talk.wire))


def test_change_cipher_spec_has_one_value_and_one_place() -> None:
    talk = hellos(hello(), answer())
    talk.wire.send(CLIENT, record(ContentType.change_cipher_spec, b"\2"))
    assert rules(judged(talk.wire)) == ["change_cipher_spec"]
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    talk.wire.send(CLIENT, record(ContentType.change_cipher_spec, b"\1"))
    assert rules(judged(talk.wire)) == ["change_cipher_spec"]


def test_messages_that_do_not_parse_are_noticed_and_duplicates_are_told_apart() -> None:
    talk = hellos(hello(), answer())
    talk.send(SERVER, SERVER_HS, b"\x08\0\0\3\0\7\0", ContentType.handshake)
    talk.send(SERVER, SERVER_HS, b"\x08\0\0\x0a\0\x08\0\x2a\0\0\0\x2a\0\0", ContentType.handshake)
    assert rules(judged(talk.wire))[:2] == ["malformed_message", "unexpected_message"]
    assert "duplicate_extension" in rules(judged(talk.wire))


def test_a_hello_that_does_not_parse_has_fingerprints_all_the_same() -> None:
    broken = bytearray(raw(hello()))
    broken[-16:-14] = b"\0\1"  # the length of the list of server names, which comes last
    wire = Wire().open()
    wire.send(CLIENT, record(ContentType.handshake, bytes(broken)))
    found = judged(wire)
    assert found.offer is not None
    assert (found.offer.server_name, found.offer.groups) == ("", (X25519, P256))
    assert found.fingerprints.ja4.startswith("t13d0206h2_")
    assert rules(found) == ["malformed_message"]


def test_no_peer_makes_the_lists_grow_without_end() -> None:
    talk = hellos(hello(), answer())
    for _ in range(200):
        talk.send(SERVER, SERVER_HS, EncryptedExtensions())
        talk.wire.send(CLIENT, record(ContentType.alert, b"\1\x5a"))
    found = judged(talk.wire)
    assert len(found.anomalies) < 50
    assert found.more_anomalies > 100
    assert len(found.alerts) < 20
    assert len(found.flights) < 20
