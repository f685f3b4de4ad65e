"""Certificates and OCSP responses, read with a library for X.509. RFC 5280, RFC 6960"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

from Crypto.Util.asn1 import DerOctetString
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from schemas.errors import DecodeError
from schemas.transparency import SignedCertificateTimestampList
from tls13.capture.judging.summaries import CertificateSummary, RevocationSummary, TimestampSummary, timestamps_of
from tls13.errors import BadCertificate
from tls13.printable import printable
from tls13.x509.certificates import UNPARSABLE, extension, lenient, signature_scheme

T = TypeVar("T")


def read_certificate(der: bytes) -> CertificateSummary:
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


def read_response(der: bytes) -> RevocationSummary:
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
                reason="" if response.revocation_reason is None else response.revocation_reason.value,
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


def _name(name: x509.Name) -> str:
    return printable(name.rfc4514_string(_ATTRIBUTES), _LONGEST_NAME)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    values = (name.value for name in extension(certificate, x509.SubjectAlternativeName) or ())
    return tuple(_name(each) if isinstance(each, x509.Name) else printable(str(each)) for each in values)


_LONGEST_NAME = 2**12
_ATTRIBUTES = {
    NameOID.BUSINESS_CATEGORY: "businessCategory",
    NameOID.DN_QUALIFIER: "dnQualifier",
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.GIVEN_NAME: "givenName",
    NameOID.JURISDICTION_COUNTRY_NAME: "jurisdictionCountryName",
    NameOID.JURISDICTION_LOCALITY_NAME: "jurisdictionLocalityName",
    NameOID.JURISDICTION_STATE_OR_PROVINCE_NAME: "jurisdictionStateOrProvinceName",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
    NameOID.POSTAL_CODE: "postalCode",
    NameOID.PSEUDONYM: "pseudonym",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.SURNAME: "SN",
    NameOID.TITLE: "title",
    NameOID.UNSTRUCTURED_NAME: "unstructuredName",
}
"""Names of attributes beside those of RFC 4514 §3: RFC 4519, X.520, CA/Browser Forum EV Guidelines §7.1.4.2"""


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
