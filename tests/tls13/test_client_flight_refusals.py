"""What our client refuses of the flight that follows ServerHello, each violation by its own reason. RFC 9846 §4"""

from __future__ import annotations

from dataclasses import replace

import pytest
from by_hand import disguised, message, raw, with_extension
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from endpoints import Endpoints
from scripted import Identity, ScriptedServer
from violations import UNKNOWN, Violation, check, encrypted_with, finished_of, rows

from certs import Pki
from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import SignatureScheme
from schemas.extension_block import Extension
from schemas.extensions import ApplicationLayerProtocolNegotiation, ServerNameIndication, SignatureAlgorithms
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    Finished,
    HandshakeMessage,
)
from tls13 import errors
from tls13.errors import Reason
from tls13.handshake.states import (
    WaitCertificate,
    WaitCertificateOrRequest,
    WaitCertificateVerify,
    WaitEncryptedExtensions,
    WaitServerFinished,
)
from tls13.x509.credentials import Credential

# EncryptedExtensions, CertificateRequest


@rows(
    ("unsolicited unknown extension", encrypted_with(UNKNOWN), errors.UnsolicitedExtension),
    (
        "unsolicited ALPN",
        encrypted_with(ApplicationLayerProtocolNegotiation.encrypted_extensions([b"h2"])),
        errors.UnsolicitedExtension,
    ),
    ("unsolicited early_data", lambda server: disguised(EncryptedExtensions(), 42, b""), errors.UnsolicitedExtension),
    (
        "unsolicited record_size_limit",
        lambda server: disguised(EncryptedExtensions(), 28, b"\x40\0"),
        errors.UnsolicitedExtension,
    ),
    (
        "misplaced key_share",
        lambda server: disguised(EncryptedExtensions(), 51, b"\0\x1d\0\x01a"),
        errors.MisplacedExtension,
    ),
    (
        "misplaced supported_versions",
        lambda server: disguised(EncryptedExtensions(), 43, b"\x03\x04"),
        errors.MisplacedExtension,
    ),
    (
        "misplaced signature_algorithms",
        lambda server: disguised(EncryptedExtensions(), 13, b"\0\x02\x08\x07"),
        errors.MisplacedExtension,
    ),
    ("misplaced cookie", lambda server: disguised(EncryptedExtensions(), 44, b"\0\x01a"), errors.MisplacedExtension),
    (
        "unsolicited post_handshake_auth",
        lambda server: disguised(EncryptedExtensions(), 49, b""),
        errors.UnsolicitedExtension,
    ),
    (
        "duplicate",
        lambda server: disguised(
            EncryptedExtensions(extensions=[ServerNameIndication.encrypted_extensions(b"")]), 0, b""
        ),
        errors.DuplicateExtension,
    ),
    (
        "server_name with a name",
        lambda server: disguised(EncryptedExtensions(), 0, b"\0\x04\0\0\x01a"),
        errors.MalformedMessage,
    ),
    ("cut short", lambda server: message(8, b"\0\x04\0\0"), errors.MalformedMessage),
    ("no block", lambda server: message(8, b""), errors.MalformedMessage),
)
def test_encrypted_extensions_that_break_a_rule(
    endpoints: Endpoints, violation: Violation, reason: type[Reason]
) -> None:
    check(endpoints.scripted_server().reach(WaitEncryptedExtensions), violation, reason)


@pytest.mark.parametrize("names", [[b"http/1.1"], [b"h2", b"h3"]], ids=["not-offered", "two"])
def test_alpn_answers_that_are_none(endpoints: Endpoints, names: list[bytes]) -> None:
    server = endpoints.scripted_server(application_protocols=("h2", "h3")).reach(WaitEncryptedExtensions)
    answer = ApplicationLayerProtocolNegotiation.encrypted_extensions(names)
    check(server, encrypted_with(answer), errors.UnofferedParameter)


def test_an_empty_alpn_name_does_not_parse(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server(application_protocols=("h2",)).reach(WaitEncryptedExtensions)
    check(server, lambda _: disguised(EncryptedExtensions(), 16, b"\0\x01\0"), errors.MalformedMessage)


def test_the_name_is_acknowledged_only_where_it_was_sent(endpoints: Endpoints) -> None:
    answer = EncryptedExtensions(extensions=[ServerNameIndication.encrypted_extensions(b"")])
    endpoints.scripted_server().reach(WaitEncryptedExtensions).say(answer)
    nameless = ScriptedServer(endpoints.client("127.0.0.1"), endpoints.identity).reach(WaitEncryptedExtensions)
    check(nameless, lambda _: answer, errors.UnsolicitedExtension)


def request_with(*extensions: Extension) -> Violation:
    return lambda server: CertificateRequest(extensions=list(extensions))


SCHEMES = SignatureAlgorithms.certificate_request([SignatureScheme.ed25519])


@rows(
    (
        "context",
        lambda server: CertificateRequest(certificate_request_context=b"x", extensions=[SCHEMES]),
        errors.ForbiddenValue,
    ),
    ("no extensions", request_with(), errors.MissingExtension),
    ("no signature_algorithms", request_with(UNKNOWN), errors.MissingExtension),
    (
        "misplaced key_share",
        lambda server: disguised(CertificateRequest(extensions=[SCHEMES]), 51, b""),
        errors.MisplacedExtension,
    ),
    (
        "misplaced ALPN",
        lambda server: disguised(CertificateRequest(extensions=[SCHEMES]), 16, b"\0\x03\x02h2"),
        errors.MisplacedExtension,
    ),
    (
        "duplicate",
        lambda server: disguised(CertificateRequest(extensions=[SCHEMES]), 13, b"\0\x02\x08\x07"),
        errors.DuplicateExtension,
    ),
    (
        "empty schemes",
        lambda server: disguised(CertificateRequest(extensions=[]), 13, b"\0\0"),
        errors.MalformedMessage,
    ),
)
def test_certificate_request_that_breaks_a_rule(
    endpoints: Endpoints, violation: Violation, reason: type[Reason]
) -> None:
    check(endpoints.scripted_server().reach(WaitCertificateOrRequest), violation, reason)


# Certificate


@rows(
    ("empty", lambda server: Certificate(certificate_list=[]), errors.EmptyCertificate),
    ("context", lambda server: replace(server.certificate(), certificate_request_context=b"x"), errors.ForbiddenValue),
    (
        "unsolicited status_request",
        lambda server: disguised(server.certificate(), 5, b"\x01\0\0\x01a"),
        errors.UnsolicitedExtension,
    ),
    ("unsolicited unknown extension", lambda server: server.certificate(UNKNOWN), errors.UnsolicitedExtension),
    (
        "misplaced supported_groups",
        lambda server: disguised(server.certificate(), 10, b"\0\x02\0\x1d"),
        errors.MisplacedExtension,
    ),
    (
        "duplicate extension",
        lambda server: disguised(server.certificate(UNKNOWN), UNKNOWN.extension_type, b""),
        errors.DuplicateExtension,
    ),
    (
        "no certificate at all",
        lambda server: Certificate(certificate_list=[CertificateEntry(cert_data=b"nonsense")]),
        errors.BadCertificate,
    ),
    (
        "nonsense behind a good one",
        lambda server: Certificate(
            certificate_list=[*server.certificate().certificate_list, CertificateEntry(cert_data=b"x")]
        ),
        errors.BadCertificate,
    ),
    (
        "too many",
        lambda server: Certificate(certificate_list=server.certificate().certificate_list * 17),
        errors.TooManyCertificates,
    ),
    ("empty entry", lambda server: message(11, bytes.fromhex("00 000005 000000 0000")), errors.MalformedMessage),
    (
        "longer than the message",
        lambda server: message(11, bytes.fromhex("00 000100 000001 00 0000")),
        errors.MalformedMessage,
    ),
)
def test_certificate_that_breaks_a_rule(endpoints: Endpoints, violation: Violation, reason: type[Reason]) -> None:
    for state in (WaitCertificateOrRequest, WaitCertificate):
        check(endpoints.scripted_server().reach(state), violation, reason)


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        ("expired", errors.CertificateExpired),
        ("not-yet-valid", errors.CertificateExpired),
        ("unknown-ca", errors.UnknownCA),
        ("self-signed", errors.UnknownCA),
        ("wrong-name", errors.BadCertificate),
        ("unsupported-key", errors.UnsupportedCertificate),
    ],
)
def test_a_flawed_certificate_is_refused_by_its_own_alert(
    endpoints: Endpoints, pki: Pki, flaw: str, reason: type[Reason]
) -> None:
    server = endpoints.scripted_server().reach(WaitCertificateOrRequest)
    chain = tuple(each.cert_data for each in server.certificate().certificate_list)
    flawed = pki.flawed(flaw).certificate.read_bytes()
    server.identity = Identity(_der(flawed), endpoints.identity.key)
    assert server.identity.chain != chain
    check(server, lambda _: server.certificate(), reason)


def _der(pem: bytes) -> tuple[bytes, ...]:
    return tuple(each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(pem))


def test_a_good_certificate_for_another_name_is_refused(endpoints: Endpoints) -> None:
    server = ScriptedServer(endpoints.client("elsewhere.test"), endpoints.identity).reach(WaitCertificateOrRequest)
    check(server, lambda _: server.certificate(), errors.BadCertificate)


def test_a_certificate_under_the_security_floor_is_refused(endpoints: Endpoints, pki: Pki) -> None:
    """An RSA key of 2048 bits is worth 112 (NIST SP 800-57)."""
    weak = Identity(_der(pki.server("rsa").certificate.read_bytes()), endpoints.identity.key)
    for floor, is_enough in ((112, True), (113, False), (128, False)):
        server = endpoints.scripted_server(security_floor=floor).reach(WaitCertificateOrRequest)
        server.identity = weak
        if is_enough:
            server.say(server.certificate())
        else:
            check(server, lambda server: server.certificate(), errors.InsufficientSecurity)


# CertificateVerify, Finished


def signed(context: bytes, transcript_hash: bytes) -> Violation:
    def violation(server: ScriptedServer) -> HandshakeMessage:
        content = b" " * 64 + context + b"\0" + (transcript_hash or server.transcript_hash())
        return CertificateVerify(algorithm=SignatureScheme.ed25519, signature=server.identity.key.sign(content))

    return violation


def by_scheme(scheme: SignatureScheme) -> Violation:
    return lambda server: replace(server.certificate_verify(), algorithm=scheme)


@rows(
    ("scheme of another key", by_scheme(SignatureScheme.ecdsa_secp256r1_sha256), errors.ForbiddenSignatureScheme),
    ("scheme that was not offered", by_scheme(SignatureScheme.ed448), errors.ForbiddenSignatureScheme),
    ("rsa_pkcs1", by_scheme(SignatureScheme.rsa_pkcs1_sha256), errors.ForbiddenSignatureScheme),
    ("sha1", by_scheme(SignatureScheme.ecdsa_sha1), errors.ForbiddenSignatureScheme),
    ("unknown scheme", by_scheme(SignatureScheme(0xFEFE)), errors.ForbiddenSignatureScheme),
    (
        "no signature",
        lambda server: CertificateVerify(algorithm=SignatureScheme.ed25519, signature=b""),
        errors.BadSignature,
    ),
    (
        "zeros",
        lambda server: CertificateVerify(algorithm=SignatureScheme.ed25519, signature=bytes(64)),
        errors.BadSignature,
    ),
    ("client's context", signed(b"TLS 1.3, client CertificateVerify", b""), errors.BadSignature),
    ("another transcript", signed(b"TLS 1.3, server CertificateVerify", bytes(32)), errors.BadSignature),
    (
        "trailing data",
        lambda server: message(15, raw(server.certificate_verify())[4:] + b"\0"),
        errors.MalformedMessage,
    ),
)
def test_certificate_verify_that_breaks_a_rule(
    endpoints: Endpoints, violation: Violation, reason: type[Reason]
) -> None:
    check(endpoints.scripted_server().reach(WaitCertificateVerify), violation, reason)


def test_a_scheme_that_fits_the_key_but_was_not_offered_is_refused(endpoints: Endpoints) -> None:
    schemes = (SignatureScheme.ecdsa_secp256r1_sha256,)
    server = endpoints.scripted_server(signature_schemes=schemes).reach(WaitCertificateVerify)
    check(server, ScriptedServer.certificate_verify, errors.ForbiddenSignatureScheme)


def test_rsa_pkcs1_is_refused_even_where_a_caller_offers_it(endpoints: Endpoints, pki: Pki) -> None:
    def offer_it(what: HandshakeMessage) -> HandshakeMessage:
        schemes = SignatureAlgorithms.client_hello([SignatureScheme.rsa_pkcs1_sha256, SignatureScheme.ed25519])
        assert isinstance(what, ClientHello)
        return replace(what, extensions=with_extension(what.extensions, schemes))

    files = pki.server("rsa")
    chain = Credential.load(files.certificate, files.key).certificate_list
    connection = endpoints.client(edit_message=offer_it)
    server = ScriptedServer(connection, Identity(chain, endpoints.identity.key)).reach(WaitCertificateVerify)
    check(server, by_scheme(SignatureScheme.rsa_pkcs1_sha256), errors.ForbiddenSignatureScheme)


@rows(
    ("wrong MAC", finished_of(lambda data: data[:-1] + bytes([data[-1] ^ 1])), errors.BadFinished),
    (
        "the client's MAC",
        lambda server: Finished(verify_data=server.verify_data(server.client_secret)),
        errors.BadFinished,
    ),
    ("short", finished_of(lambda data: data[:-1]), errors.MalformedMessage),
    ("long", finished_of(lambda data: data + b"\0"), errors.MalformedMessage),
    ("empty", finished_of(lambda data: b""), errors.MalformedMessage),
    ("bytes behind it", lambda server: raw(server.finished()) + b"\x04", errors.KeyChangeInsideMessage),
    (
        "a ticket behind it",
        lambda server: raw(server.finished()) + message(4, bytes(13)),
        errors.KeyChangeInsideMessage,
    ),
)
def test_finished_that_breaks_a_rule(endpoints: Endpoints, violation: Violation, reason: type[Reason]) -> None:
    check(endpoints.scripted_server().reach(WaitServerFinished), violation, reason)
