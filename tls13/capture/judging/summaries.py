"""What summaries of certificates, OCSP responses and timestamps hold. `certificate_summary` makes them of bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from schemas.code_points import SignatureScheme
from schemas.transparency import SignedCertificateTimestamp, SignedTimestamp


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
    reason: str = ""
    """Why, in the words of RFC 5280 §5.3.1, where that is told."""

    def __str__(self) -> str:
        if not self.status:
            return f"response {self.response}"
        since = f" since {self.revoked:%Y-%m-%d}" if self.revoked else ""
        reason = f" ({self.reason})" if self.reason else ""
        until = f", next update {self.next_update:%Y-%m-%d %H:%M} UTC" if self.next_update else ""
        return (
            f"certificate {self.serial_number} {self.status}{since}{reason}, "
            f"as of {self.this_update:%Y-%m-%d %H:%M} UTC{until}"
        )


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


def _moment(milliseconds: int) -> datetime:
    """That long after 1970, or as late as can be told."""
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
