"""What is said of connections before TLS 1.3."""

from __future__ import annotations

from typing import Any

import pytest
from capture.judged import (
    CLIENT_AP,
    P256,
    SCHEME,
    SERVER_AP,
    SUITE,
    answer,
    hello,
    hellos,
    judged,
    rules,
    stamp,
)
from capture.made_captures import (
    CLIENT,
    KEY_UPDATE,
    SERVER,
    TICKET,
    Talk,
    record,
)

from schemas import extensions, tls12
from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import (
    AlertDescription,
    CipherSuite,
    ContentType,
    ProtocolVersion,
    SignatureScheme,
)
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    SignatureAlgorithms,
)
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    ClientHello,
)
from schemas.tls12_extensions import SessionTicket
from tls13.capture.judging.judgement import Resumption

OLD_SUITE = CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
CHANGE = record(ContentType.change_cipher_spec, b"\1")


def older(
    *extensions: Extension,
    suite: CipherSuite = OLD_SUITE,
    random: bytes = bytes(32),
    version: ProtocolVersion = ProtocolVersion.TLS12,
) -> tls12.ServerHello:
    return tls12.ServerHello(
        random=random, cipher_suite=suite, server_version=version, extensions=list(extensions) or None
    )


def old_hello(*more: Extension, **fields: Any) -> ClientHello:
    return hello(*more, cipher_suites=[SUITE, OLD_SUITE], **fields)


def old_talk(message: ClientHello, answered: tls12.ServerHello, *rest: tls12.HandshakeMessage) -> Talk:
    talk = hellos(message)
    flight = b"".join(tls12.Handshake.of(each).build() for each in (answered, *rest))
    talk.wire.send(SERVER, record(ContentType.handshake, flight))
    return talk


def test_a_warning_before_the_server_hello_of_tls_1_2_is_no_end() -> None:
    talk = hellos(old_hello())
    talk.wire.send(SERVER, record(ContentType.alert, bytes([1, AlertDescription.unrecognized_name])))
    talk.wire.send(SERVER, record(ContentType.handshake, tls12.Handshake.of(older()).build()))
    found = judged(talk.wire)
    assert rules(found) == []
    assert [alert.description for alert in found.alerts] == [AlertDescription.unrecognized_name]
    talk = hellos(old_hello())
    talk.wire.send(SERVER, record(ContentType.alert, bytes([2, AlertDescription.unrecognized_name])))
    talk.wire.send(SERVER, record(ContentType.handshake, tls12.Handshake.of(older()).build()))
    assert rules(judged(talk.wire)) == ["data_after_fatal_alert"]


def test_a_full_handshake_of_tls_1_2_is_summed_up() -> None:
    parameters = b"\3\0\x17" + b"\x04xxxx" + b"\4\1" + b"\0\1y"
    talk = old_talk(
        old_hello(),
        older(ApplicationLayerProtocolNegotiation.tls12_server_hello([b"http/1.1"])),
        tls12.Certificate(certificate_list=[b"leaf", b"issuer"]),
        tls12.ServerKeyExchange(parameters=parameters),
        tls12.ServerHelloDone(),
    )
    talk.wire.send(SERVER, CHANGE)
    found = judged(talk.wire)
    agreed = found.negotiated
    assert (agreed.version, agreed.cipher_suite) == (ProtocolVersion.TLS12, OLD_SUITE)
    assert (agreed.key_exchange, agreed.group) == ("ECDHE_RSA", P256)
    assert (agreed.signature_scheme, agreed.application_protocol) == (SignatureScheme.rsa_pkcs1_sha256, "http/1.1")
    assert found.resumption is Resumption.none
    assert found.server_chain == (b"leaf", b"issuer")
    assert found.anomalies == ()


@pytest.mark.parametrize(
    ("extensions", "resumption"),
    [([], Resumption.session_id), ([SessionTicket.client_hello(b"ticket")], Resumption.session_ticket)],
)
def test_a_server_that_changes_cipher_at_once_resumes(extensions: list[Extension], resumption: Resumption) -> None:
    talk = old_talk(old_hello(*extensions), older())
    assert judged(talk.wire).resumption is Resumption.unknown
    talk.wire.send(SERVER, CHANGE)
    assert judged(talk.wire).resumption is resumption


def test_tls_1_2_sends_the_same_in_messages_of_their_own() -> None:
    listed = extensions.SignedCertificateTimestamp.tls12_server_hello([stamp()])
    talk = old_talk(old_hello(), older(listed), tls12.Certificate(certificate_list=[b"leaf"]))
    status = tls12.Handshake.of(tls12.CertificateStatus(response=b"no response")).build()
    talk.wire.send(SERVER, record(ContentType.handshake, status))
    found = judged(talk.wire)
    assert (found.stapled, len(found.timestamps)) == (b"no response", 1)


def test_the_mark_of_a_downgrade_is_noticed() -> None:
    marked = older(random=bytes(24) + b"DOWNGRD\1")
    assert rules(judged(old_talk(old_hello(), marked).wire)) == ["downgrade_mark"]
    assert rules(judged(old_talk(old_hello(), older()).wire)) == []


def test_tls_1_2_has_its_own_order_and_sections() -> None:
    talk = old_talk(old_hello(), older(suite=CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA), tls12.Finished(verify_data=b""))
    talk.wire.send(SERVER, record(ContentType.handshake, b"\x0e\0\0\0"))
    found = judged(talk.wire)
    assert [(each.rule.name, each.rule.section) for each in found.anomalies] == [
        ("unoffered_cipher_suite", "RFC 5246 §7.4.1.3"),
        ("unexpected_message", "RFC 5246 §7.3"),
    ]


def test_what_may_come_behind_the_handshake_is_no_breach() -> None:
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    schemes = SignatureAlgorithms.certificate_request([SCHEME])
    for _ in range(2):
        talk.send(SERVER, SERVER_AP, CertificateRequest(certificate_request_context=b"1", extensions=[schemes]))
        talk.send(SERVER, SERVER_AP, TICKET)
    certificate = CertificateEntry(cert_data=b"x")
    talk.send(CLIENT, CLIENT_AP, Certificate(certificate_request_context=b"1", certificate_list=[certificate]))
    talk.send(CLIENT, CLIENT_AP, CertificateVerify(algorithm=SCHEME, signature=b""))
    talk.send(CLIENT, CLIENT_AP, KEY_UPDATE)
    # The KeyUpdate stands in the middle of an authentication.
    assert rules(judged(talk.wire)) == ["unexpected_message"]
