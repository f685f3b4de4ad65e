"""Certificates, and what comes with them, in summaries for readers. Nothing is verified: that is `tls13.x509.trust`.

RFC 5280 (certificates), RFC 6960 (OCSP responses), RFC 6962 (signed certificate timestamps). What reads certificates is
imported when there is one to summarise: the libraries that it takes are slow to start, and most readers ask for none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from tls13.capture.judging.summaries import CertificateSummary, RevocationSummary, TimestampSummary, timestamps_of
from tls13.errors import BadCertificate

__all__ = [
    "CertificateSummary",
    "RevocationSummary",
    "TimestampSummary",
    "revocation_of",
    "summaries_of",
    "summary_of",
    "timestamps_of",
]


@lru_cache(maxsize=64)
def summary_of(der: bytes) -> CertificateSummary:
    """The summary of a certificate in DER. Raises BadCertificate where it is none, or a part of it does not parse.

    A capture shows few certificates many times: the latest are remembered.
    """
    from tls13.capture.judging.certificate_reading import read_certificate

    return read_certificate(der)


def summaries_of(chain: Iterable[bytes]) -> tuple[CertificateSummary, ...]:
    """The summaries of a chain in DER, without those that do not parse."""
    return tuple(_readable(chain))


def revocation_of(der: bytes) -> RevocationSummary:
    """The summary of an OCSP response in DER. Raises BadCertificate where it is none. RFC 6960 §4.2"""
    from tls13.capture.judging.certificate_reading import read_response

    return read_response(der)


def _readable(chain: Iterable[bytes]) -> Iterator[CertificateSummary]:
    for der in chain:
        try:
            yield summary_of(der)
        except BadCertificate:
            continue
