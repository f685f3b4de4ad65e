"""Fields whose bytes are of another grammar than TLS's, and what is told of them: certificates, OCSP responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from schemas import Struct, tls12
from schemas.certificate import CertificateEntry
from schemas.extensions import CertificateStatus
from tls13.capture import summary_of
from tls13.capture.judging.certificate_summary import revocation_of
from tls13.errors import BadCertificate
from tls13.printable import printable

_NAMES_SHOWN = 6
_SCTS_SHOWN = 3
_LOG_ID_SHOWN = 16
"""Hexadecimal digits of a log's ID, of 64."""


def certificate_facts(der: bytes) -> list[str]:
    """`CN=localhost`, `issuer CN=Test CA`, `2026-01-01 to 2027-01-01`, `names localhost ::1`, `key RSA 2048` and so on.

    Of what does not parse, it is said that it does not; a stranger's text is made printable.
    """
    try:
        return list(_certificate(der))
    except BadCertificate:
        return ["no readable X.509 certificate"]


def _certificate(der: bytes) -> Iterator[str]:
    found = summary_of(der)
    yield printable(found.subject) or "no name"
    yield "issued by itself" if found.is_self_issued else f"issuer {printable(found.issuer)}"
    yield f"{found.not_before:%Y-%m-%d} to {found.not_after:%Y-%m-%d}"
    if found.names:
        more = len(found.names) - _NAMES_SHOWN
        yield f"names {' '.join(found.names[:_NAMES_SHOWN])}{f' and {more} more' if more > 0 else ''}"
    yield f"key {found.key}"
    yield f"signed by {found.signature}"
    if found.is_authority:
        yield "an authority"
    for each in found.timestamps[:_SCTS_SHOWN]:
        yield f"SCT {each.timestamp:%Y-%m-%d} of log {each.log_id[:_LOG_ID_SHOWN]}…"
    if len(found.timestamps) > _SCTS_SHOWN:
        yield f"{len(found.timestamps) - _SCTS_SHOWN} more SCTs"


def revocation_facts(der: bytes) -> list[str]:
    """What an OCSP response says."""
    try:
        return [str(revocation_of(der))]
    except BadCertificate:
        return ["no readable OCSP response"]


READINGS: Mapping[tuple[type[Struct], str], Callable[[bytes], Sequence[str]]] = {
    (CertificateEntry, "cert_data"): certificate_facts,
    (tls12.Certificate, "certificate_list"): certificate_facts,
    (CertificateStatus, "response"): revocation_facts,
    (tls12.CertificateStatus, "response"): revocation_facts,
}
"""By struct and field; where that is a list, of each of its items."""
