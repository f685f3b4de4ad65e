"""Certificates, timestamps and OCSP responses in summaries, of certificates made for it."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from schemas.code_points import SignatureScheme
from schemas.tls12 import DigitallySigned
from schemas.transparency import (
    SctVersion,
    SignedCertificateTimestamp,
    SignedCertificateTimestampList,
    SignedTimestamp,
)
from tls13.capture.judging.certificate_summary import revocation_of, summaries_of, summary_of, timestamps_of
from tls13.errors import BadCertificate

START, END = datetime(2026, 1, 2, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
CA_KEY = ec.generate_private_key(ec.SECP384R1())
SCTS_OID = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def made(key: Key, *extensions: x509.ExtensionType, issuer: str = "Test CA") -> x509.Certificate:
    builder = x509.CertificateBuilder(name(issuer), name("leaf"), key.public_key(), 77, START, END)
    for each in extensions:
        builder = builder.add_extension(each, critical=False)
    return builder.sign(CA_KEY, hashes.SHA384())


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def timestamp(milliseconds: int = 1_700_000_000_123) -> SignedCertificateTimestamp:
    signature = DigitallySigned(algorithm=SignatureScheme.ecdsa_secp256r1_sha256, signature=b"s")
    return SignedCertificateTimestamp(
        content=SignedTimestamp(id=b"\xab" * 32, timestamp=milliseconds, signature=signature)
    )


def test_a_certificate_is_summed_up() -> None:
    names = x509.SubjectAlternativeName(
        [x509.DNSName("example.com"), x509.IPAddress(ipaddress.ip_address("::1")), x509.DirectoryName(name("other"))]
    )
    data = der(made(ec.generate_private_key(ec.SECP256R1()), names, x509.BasicConstraints(ca=True, path_length=None)))
    found = summary_of(data)
    assert (found.subject, found.issuer, found.serial_number) == ("CN=leaf", "CN=Test CA", 77)
    assert (found.not_before, found.not_after) == (START, END)
    assert found.names == ("example.com", "::1", "CN=other")
    assert (found.key, found.signature) == ("EC secp256r1", "ecdsa_secp384r1_sha384")
    assert found.is_authority
    assert not found.is_self_issued
    assert found.fingerprint == hashlib.sha256(data).hexdigest()
    assert found.timestamps == ()
    assert str(found) == (
        "CN=leaf, issuer CN=Test CA, 2026-01-02 to 2027-01-02, names example.com ::1 CN=other, key EC secp256r1, "
        "signed by ecdsa_secp384r1_sha384"
    )


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), "RSA 2048"),
        (ed25519.Ed25519PrivateKey.generate, "Ed25519"),
    ],
)
def test_kinds_of_keys_have_names(make: Callable[[], Key], kind: str) -> None:
    assert summary_of(der(made(make()))).key == kind


def test_embedded_timestamps_are_read() -> None:
    listed = SignedCertificateTimestampList(sct_list=[timestamp(), timestamp(0)]).build()
    octets = b"\x04" + bytes([len(listed)]) + listed
    extension = x509.UnrecognizedExtension(SCTS_OID, octets)
    first, second = summary_of(der(made(CA_KEY, extension, issuer="leaf"))).timestamps
    assert first.log_id == "ab" * 32
    assert first.timestamp == datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)
    assert first.signature_scheme is SignatureScheme.ecdsa_secp256r1_sha256
    assert second.timestamp == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_part_that_does_not_parse_is_named_and_hides_no_other() -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x03\x82\x7f\x41")
    found = summary_of(der(made(CA_KEY, broken)))
    assert (found.subject, found.names, found.key) == ("CN=leaf", (), "EC secp384r1")
    assert "names" in found.unreadable
    assert "unreadable: names" in str(found)


def test_timestamps_of_other_versions_and_from_far_away_do_no_harm() -> None:
    other = SignedCertificateTimestamp(sct_version=SctVersion(9), content=b"what")
    (found,) = timestamps_of([other, timestamp(2**64 - 1)])
    assert found.timestamp.year == 9999


def test_text_of_strangers_is_made_printable() -> None:
    builder = x509.CertificateBuilder(name("\x1b[31m"), name("a" * 64), CA_KEY.public_key(), 1, START, END)
    found = summary_of(der(builder.sign(CA_KEY, hashes.SHA256())))
    assert "\x1b" not in str(found)


def test_long_names_are_whole_and_their_parts_have_names() -> None:
    units = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"unit {number:02}") for number in range(30)]
    others = [
        x509.NameAttribute(NameOID.EMAIL_ADDRESS, "ca@example.com"),
        x509.NameAttribute(NameOID.JURISDICTION_COUNTRY_NAME, "US"),
    ]
    subject = x509.Name([*others, *units])
    builder = x509.CertificateBuilder(name("issuer"), subject, CA_KEY.public_key(), 1, START, END)
    found = summary_of(der(builder.sign(CA_KEY, hashes.SHA256()))).subject
    assert found.endswith("OU=unit 01,OU=unit 00,jurisdictionCountryName=US,emailAddress=ca@example.com")
    assert found.startswith("OU=unit 29,")


@pytest.mark.parametrize("data", [b"", b"0", bytes(100), b"\x30\x82\xff\xff" + bytes(10)])
def test_what_is_no_certificate_is_refused_and_left_out_of_chains(data: bytes) -> None:
    with pytest.raises(BadCertificate):
        summary_of(data)
    whole = der(made(CA_KEY))
    assert [each.subject for each in summaries_of([data, whole])] == ["CN=leaf"]


def test_a_certificate_with_any_byte_changed_raises_nothing_else() -> None:
    whole = der(made(CA_KEY, x509.SubjectAlternativeName([x509.DNSName("example.com")])))
    for place in range(len(whole)):
        for value in (0, 0xFF, whole[place] ^ 1):
            assert len(summaries_of([whole[:place] + bytes([value]) + whole[place + 1 :]])) <= 1


def response(status: ocsp.OCSPCertStatus) -> bytes:
    certificate, issuer = made(CA_KEY), made(CA_KEY, issuer="leaf")
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate,
        issuer=issuer,
        algorithm=hashes.SHA1(),
        cert_status=status,
        this_update=START,
        next_update=START + timedelta(days=7),
        revocation_time=START - timedelta(days=1) if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer).sign(CA_KEY, hashes.SHA384())
    return signed.public_bytes(Encoding.DER)


def test_an_ocsp_response_is_summed_up() -> None:
    found = revocation_of(response(ocsp.OCSPCertStatus.GOOD))
    assert (found.response, found.status, found.serial_number) == ("successful", "good", 77)
    assert (found.this_update, found.next_update, found.revoked) == (START, START + timedelta(days=7), None)
    assert str(found) == "certificate 77 good, as of 2026-01-02 00:00 UTC, next update 2026-01-09 00:00 UTC"
    revoked = revocation_of(response(ocsp.OCSPCertStatus.REVOKED))
    assert (revoked.revoked, revoked.reason) == (START - timedelta(days=1), "keyCompromise")
    assert "certificate 77 revoked since 2026-01-01 (keyCompromise), as of" in str(revoked)


def test_an_ocsp_response_without_an_answer_says_why() -> None:
    refused = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    found = revocation_of(refused.public_bytes(Encoding.DER))
    assert (found.response, found.status) == ("try_later", "")
    assert str(found) == "response try_later"


def test_an_ocsp_response_with_any_byte_changed_raises_bad_certificate_or_nothing() -> None:
    whole = response(ocsp.OCSPCertStatus.GOOD)
    refused = 0
    for place in range(len(whole)):
        for value in (0, 0xFF, whole[place] ^ 1):
            try:
                str(revocation_of(whole[:place] + bytes([value]) + whole[place + 1 :]))
            except BadCertificate:
                refused += 1
    assert 0 < refused < 3 * len(whole)
