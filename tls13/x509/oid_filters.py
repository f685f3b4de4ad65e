"""What a CertificateRequest wants of a certificate's extensions, and whether a certificate has it. RFC 9846 §4.3.5.

Two kinds of extension have rules for what matches: key usage and extended key usage.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from Crypto.Util.asn1 import DerSequence
from cryptography import x509
from cryptography.hazmat.asn1 import BitString, decode_der
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from schemas.extensions import OIDFilter
from tls13.errors import BadCertificate, ForbiddenValue
from tls13.x509.certificates import UNPARSABLE, parse_chain

# In bytes, a few hundred purposes. No certificate has so many; numbers in place of purposes are slow to read.
_MAX_PURPOSES = 4096


def check_filters(filters: Sequence[OIDFilter]) -> None:
    """What every list must keep to, whoever sends it. RFC 9846 §4.3.5

    Raises ForbiddenValue for an OID that stands twice, anyExtendedKeyUsage, and values that are not the extension's.
    """
    if len({each.certificate_extension_oid for each in filters}) != len(filters):
        raise ForbiddenValue("oid_filters names an extension twice", message="certificate_request")
    for each in filters:
        oid = _oid(each)
        if oid == ExtensionOID.KEY_USAGE:
            _usage_bits(each.certificate_extension_values)
        elif oid == ExtensionOID.EXTENDED_KEY_USAGE and (
            ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in _purposes(each.certificate_extension_values)
        ):
            raise ForbiddenValue("oid_filters asks for anyExtendedKeyUsage", message="certificate_request")


def client_may_send(certificate: bytes, filters: Sequence[OIDFilter]) -> bool:
    """Whether a certificate in DER has all that `filters` ask for, those with an unknown OID left out.

    Raises BadCertificate, and ForbiddenValue as `check_filters` does.
    """
    check_filters(filters)
    extensions = _extensions(certificate)
    return all(_matches(extensions, each) for each in filters if _oid(each) in _RULES)


def chain_matches_filters(certificate: bytes, filters: Sequence[OIDFilter]) -> bool:
    """Whether the certificate in DER that a client answers with has all that the server asked for by `filters`.

    Clients skip what they don't know, so that not even an honest one need match. An extension without a rule must be
    there, with the very values that the filter has, if it has any. Raises BadCertificate, and ForbiddenValue as
    `check_filters` does.
    """
    check_filters(filters)
    extensions = _extensions(certificate)
    return all(_matches(extensions, each) for each in filters)


def _extensions(certificate: bytes) -> dict[x509.ObjectIdentifier, x509.ExtensionType]:
    (parsed,) = parse_chain([certificate], 1)
    try:
        return {each.oid: each.value for each in parsed.extensions}
    except UNPARSABLE as error:
        raise BadCertificate("the certificate's extensions do not parse") from error


def _matches(extensions: dict[x509.ObjectIdentifier, x509.ExtensionType], wanted: OIDFilter) -> bool:
    oid = _oid(wanted)
    found = None if oid is None else extensions.get(oid)
    if found is None:
        return False
    values = wanted.certificate_extension_values
    match found:
        case _ if not values:
            return True
        case x509.KeyUsage():
            pairs = zip_longest(_usage_bits(values), _usage_bits(found.public_bytes()), fillvalue=0)
            return all(asked & ~asserted == 0 for asked, asserted in pairs)
        case x509.ExtendedKeyUsage():
            return set(_purposes(values)) <= set(found)
        case _:
            return found.public_bytes() == values


_RULES = frozenset({ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE})


def _oid(of: OIDFilter) -> x509.ObjectIdentifier | None:
    """None for bytes that are no OID: then it is none that anybody knows."""
    try:
        return decode_der(x509.ObjectIdentifier, of.certificate_extension_oid)
    except ValueError:
        return None


def _usage_bits(values: bytes) -> bytes:
    """KeyUsage's bits, eight to a byte, the first one highest. RFC 5280 §4.2.1.3"""
    if not values:
        return b""
    try:
        return decode_der(BitString, values).as_bytes()
    except ValueError as error:
        raise ForbiddenValue("oid_filters has a malformed keyUsage", message="certificate_request") from error


def _purposes(values: bytes) -> list[x509.ObjectIdentifier]:
    """ExtKeyUsageSyntax. RFC 5280 §4.2.1.12"""
    if not values:
        return []
    if len(values) > _MAX_PURPOSES:
        raise ForbiddenValue(
            "oid_filters asks for more key purposes than any certificate has", message="certificate_request"
        )
    try:
        return [decode_der(x509.ObjectIdentifier, each) for each in DerSequence().decode(values)[:]]
    except (ValueError, TypeError, IndexError) as error:
        raise ForbiddenValue("oid_filters has a malformed extKeyUsage", message="certificate_request") from error
