"""A certificate in one line, for a reader of messages. Nothing is verified here: that is `tls13.x509.trust`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.utils import CryptographyDeprecationWarning

from tls13.printable import printable


def summary(der: bytes) -> str:
    """The certificate's `facts` in one line."""
    return ", ".join(facts(der))


def facts(der: bytes) -> list[str]:
    """`CN=localhost`, `issuer CN=Test CA`, `2026-01-01 to 2027-01-01`, `names localhost ::1`, `key rsa 2048`.

    Of what does not parse, it is said that it does not; a stranger's text is made printable.
    """
    try:
        with _lenient():
            return list(_parts(x509.load_der_x509_certificate(der)))
    except _UNPARSABLE:
        return ["no readable X.509 certificate"]


# What the X.509 library raises on bytes that are no certificate, or on a part of one that is none.
_UNPARSABLE = (
    ValueError,
    TypeError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
_NAMES_SHOWN = 6


def _lenient() -> warnings.catch_warnings[None]:
    """The library warns of what other people's certificates do wrong, which the reader of a capture can't mend."""
    return warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning)


def _parts(certificate: x509.Certificate) -> Iterator[str]:
    yield _name(certificate.subject)
    if certificate.issuer == certificate.subject:
        yield "issued by itself"
    else:
        yield f"issuer {_name(certificate.issuer)}"
    yield f"{_day(certificate.not_valid_before_utc)} to {_day(certificate.not_valid_after_utc)}"
    names = _alternative_names(certificate)
    if names:
        yield f"names {names}"
    yield f"key {_key(certificate)}"


def _name(name: x509.Name) -> str:
    return printable(name.rfc4514_string()) or "no name"


def _day(moment: datetime) -> str:
    return moment.date().isoformat()


def _alternative_names(certificate: x509.Certificate) -> str:
    """The names that the certificate is for, the first few of them. RFC 5280 §4.2.1.6"""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    except _UNPARSABLE:
        return "unreadable"
    shown = " ".join(printable(_general_name(each)) for each in list(names)[:_NAMES_SHOWN])
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"


def _general_name(name: x509.GeneralName) -> str:
    value = name.value
    return value.rfc4514_string() if isinstance(value, x509.Name) else str(value)


def _key(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except _UNPARSABLE:
        return f"of kind {certificate.public_key_algorithm_oid.dotted_string}"
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey):
        return f"{'rsa' if isinstance(key, rsa.RSAPublicKey) else 'dsa'} {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ecdsa {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey").lower()
