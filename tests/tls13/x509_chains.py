"""Certificates with whatever extensions a test wants, right or wrong, by keys that are made once for each name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2031, 5, 17, 12, 30, tzinfo=UTC)
HOST = "a.example.com"

Extensions = Iterable[tuple[x509.ExtensionType, bool]]
"""Each with whether it is critical."""

_serial_numbers = count(1000)


@cache
def key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def named(name: str | x509.Name) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) if isinstance(name, str) else name


def certificate(
    subject: str | x509.Name,
    issuer: str | x509.Name,
    extensions: Extensions = (),
    *,
    of: str = "",
    by: str = "",
    public_key: CertificatePublicKeyTypes | None = None,
    begin: datetime = NOW - timedelta(days=1),
    end: datetime = NOW + timedelta(days=1),
    digest: hashes.SHA224 | hashes.SHA256 | None = None,
) -> x509.Certificate:
    """With the keys of the names, unless `of` or `by` tells of which others."""
    builder = x509.CertificateBuilder(
        named(issuer), named(subject), public_key or key(of or str(subject)).public_key(), next(_serial_numbers)
    )
    builder = builder.not_valid_before(begin).not_valid_after(end)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key(by or str(issuer)), digest or hashes.SHA256())


def authority(
    subject: str, issuer: str, *extensions: tuple[x509.ExtensionType, bool], path_length: int | None = None
) -> x509.Certificate:
    return certificate(subject, issuer, [(x509.BasicConstraints(True, path_length), True), *extensions])


def server(
    issuer: str, *extensions: tuple[x509.ExtensionType, bool], names: Iterable[str] = (HOST,)
) -> x509.Certificate:
    return certificate("server", issuer, [(alternative_names(*names), False), *extensions])


def alternative_names(*names: str | x509.GeneralName) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([general_name(name) for name in names])


def general_name(name: str | x509.GeneralName) -> x509.GeneralName:
    if not isinstance(name, str):
        return name
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def key_usage(*asserted: str) -> x509.KeyUsage:
    known = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
    known += ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{name: name in asserted for name in known})


def der(*chain: x509.Certificate) -> tuple[bytes, ...]:
    return tuple(each.public_bytes(Encoding.DER) for each in chain)
