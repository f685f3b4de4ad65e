"""A root that is trusted and an authority below it, and when certificates are judged: for the tests of trust."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs import Authority, Profile
from tls13.x509.trust import TrustStore

NOW = datetime(2031, 5, 17, 12, 30, tzinfo=UTC)


@cache
def authority() -> Authority:
    return Authority.self_made("the root", now=NOW)


@cache
def intermediate() -> Authority:
    return authority().subordinate(Profile.authority("the intermediate", now=NOW))


@cache
def store() -> TrustStore:
    return TrustStore([authority().root])


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def signed_part(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).tbs_certificate_bytes
