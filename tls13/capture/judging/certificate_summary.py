"""Certificates, and what comes with them, in summaries for readers. Nothing is verified: that is `tls13.x509.trust`.

RFC 5280 (certificates), RFC 6960 (OCSP responses), RFC 6962 (signed certificate timestamps).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from Crypto.Util.asn1 import DerOctetString
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509 import ocsp

from schemas.code_points import SignatureScheme
from schemas.errors import DecodeError
from schemas.transparency import SignedCertificateTimestamp, SignedCertificateTimestampList, SignedTimestamp
from tls13.errors import BadCertificate
from tls13.printable import printable
from tls13.x509.certificates import UNPARSABLE, extension, lenient, signature_scheme

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampSummary:
    """A log's promise to publish a certificate: the log's ID in hex, when, and how it is signed. RFC 6962 §3.2"""

    log_id: str
    timestamp: datetime
    signature_scheme: SignatureScheme


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSummary:
    """A certificate's main facts. Text of strangers is made printable.

    `names` are those of subjectAltName: DNS names, addresses, others by their values. `key` is a kind and a size
    ("RSA 2048", "EC secp256r1", "Ed25519"), `signature` how the issuer signed, `fingerprint` SHA-256 of the DER in hex.
    `timestamps` are those embedded. `unreadable` names the parts that do not parse, which are left empty. RFC 5280 §4.1
    """

    subject: str
    issuer: str
    serial_number: int
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    key: str
    signature: str
    is_authority: bool
    fingerprint: str
    timestamps: tuple[TimestampSummary, ...]
    unreadable: tuple[str, ...]

    @property
    def is_self_issued(self) -> bool:
        """Whether subject and issuer are the same."""
        return self.subject == self.issuer

    def __str__(self) -> str:
        issuer = "issued by itself" if self.is_self_issued else f"issuer {self.issuer}"
        names = f", names {' '.join(self.names)}" if self.names else ""
        broken = f", unreadable: {' '.join(self.unreadable)}" if self.unreadable else ""
        validity = f"{self.not_before:%Y-%m-%d} to {self.not_after:%Y-%m-%d}"
        return f"{self.subject}, {issuer}, {validity}{names}, key {self.key}, signed by {self.signature}{broken}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationSummary:
    """An OCSP response. Without `status` ("good", "revoked", "unknown") it is an error, which `response` names.

    RFC 6960 §4.2.1
    """

    response: str
    status: str = ""
    serial_number: int | None = None
    produced: datetime | None = None
    this_update: datetime | None = None
    next_update: datetime | None = None
    revoked: datetime | None = None

    def __str__(self) -> str:
        if not self.status:
            return f"response {self.response}"
        since = f" since {self.revoked:%Y-%m-%d}" if self.revoked else ""
        until = f", next update {self.next_update:%Y-%m-%d %H:%M} UTC" if self.next_update else ""
        return (
            f"certificate {self.serial_number} {self.status}{since}, as of {self.this_update:%Y-%m-%d %H:%M} UTC{until}"
        )


def summary_of(der: bytes) -> CertificateSummary:
    """The summary of a certificate in DER. Raises BadCertificate where it is none, or a part of it does not parse."""
    try:
        with lenient():
            certificate = x509.load_der_x509_certificate(der)
            parts = _Parts(certificate)
            return CertificateSummary(
                subject=_name(certificate.subject),
                issuer=_name(certificate.issuer),
                serial_number=certificate.serial_number,
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
                names=parts.read("names", _names, ()),
                key=parts.read("key", _key, ""),
                signature=_signature(certificate),
                is_authority=parts.read("basicConstraints", _is_authority, False),
                fingerprint=hashlib.sha256(der).hexdigest(),
                timestamps=parts.read("timestamps", _embedded, ()),
                unreadable=tuple(parts.unreadable),
            )
    except UNPARSABLE as error:
        raise BadCertificate(f"a certificate that does not parse: {printable(str(error))}") from None


def summaries_of(chain: Iterable[bytes]) -> tuple[CertificateSummary, ...]:
    """The summaries of a chain in DER, without those that do not parse."""
    return tuple(_readable(chain))


def timestamps_of(timestamps: Iterable[SignedCertificateTimestamp]) -> tuple[TimestampSummary, ...]:
    """The summaries of timestamps as TLS carries them, without those of unknown versions. RFC 6962 §3.3"""
    return tuple(
        TimestampSummary(
            log_id=each.content.id.hex(),
            timestamp=_moment(each.content.timestamp),
            signature_scheme=each.content.signature.algorithm,
        )
        for each in timestamps
        if isinstance(each.content, SignedTimestamp)
    )


def revocation_of(der: bytes) -> RevocationSummary:
    """The summary of an OCSP response in DER. Raises BadCertificate where it is none. RFC 6960 §4.2"""
    try:
        with lenient():
            response = ocsp.load_der_ocsp_response(der)
            if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
                return RevocationSummary(response=response.response_status.name.lower())
            return RevocationSummary(
                response="successful",
                status=response.certificate_status.name.lower(),
                serial_number=response.serial_number,
                produced=response.produced_at_utc,
                this_update=response.this_update_utc,
                next_update=response.next_update_utc,
                revoked=response.revocation_time_utc,
            )
    except UNPARSABLE as error:
        raise BadCertificate(f"an OCSP response that does not parse: {printable(str(error))}") from None


class _Parts:
    """Reads parts of a certificate one by one, so that one that is malformed does not hide the others."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self.unreadable: list[str] = []
        self._certificate = certificate

    def read(self, name: str, read: Callable[[x509.Certificate], T], otherwise: T) -> T:
        """What `read` makes of the certificate, or else `otherwise`."""
        try:
            return read(self._certificate)
        except (*UNPARSABLE, DecodeError):
            self.unreadable.append(name)
            return otherwise


def _readable(chain: Iterable[bytes]) -> Iterator[CertificateSummary]:
    for der in chain:
        try:
            yield summary_of(der)
        except BadCertificate:
            continue


def _moment(milliseconds: int) -> datetime:
    """That long after 1970, or as late as can be told."""
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _name(name: x509.Name) -> str:
    return printable(name.rfc4514_string())


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    values = (name.value for name in extension(certificate, x509.SubjectAlternativeName) or ())
    return tuple(printable(each.rfc4514_string() if isinstance(each, x509.Name) else str(each)) for each in values)


def _key(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm:
        return certificate.public_key_algorithm_oid.dotted_string
    match key:
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size}"
        case dsa.DSAPublicKey():
            return f"DSA {key.key_size}"
        case ec.EllipticCurvePublicKey():
            return f"EC {key.curve.name}"
        case _:
            return type(key).__name__.removesuffix("PublicKey").lstrip("_")


def _signature(certificate: x509.Certificate) -> str:
    scheme = signature_scheme(certificate)
    return certificate.signature_algorithm_oid.dotted_string if scheme is None else str(scheme)


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _embedded(certificate: x509.Certificate) -> tuple[TimestampSummary, ...]:
    found = extension(certificate, x509.PrecertificateSignedCertificateTimestamps)
    if found is None:
        return ()
    content = DerOctetString().decode(found.public_bytes()).payload
    return timestamps_of(SignedCertificateTimestampList.parse(content).sct_list)
