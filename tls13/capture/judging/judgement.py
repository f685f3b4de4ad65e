"""What is to be said of a connection as a whole. `tls13.capture.judging.judge` makes it of the connection's messages.

Lists of what was offered leave out GREASE values (RFC 8701): they mean nothing, and no server may take them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.code_points import (
    AlertDescription,
    AlertLevel,
    CipherSuite,
    ExtensionType,
    NamedGroup,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
)
from schemas.transparency import SignedCertificateTimestamp
from tls13.capture.judging.certificate_summary import (
    CertificateSummary,
    RevocationSummary,
    TimestampSummary,
    revocation_of,
    summaries_of,
    timestamps_of,
)
from tls13.capture.messages import Direction, NoteKind
from tls13.capture.network.flows import Transport
from tls13.errors import BadCertificate


class Resumption(StrEnum):
    """What the connection builds on."""

    none = "none"
    psk = "psk"
    """A pre-shared key that an earlier connection of TLS 1.3 gave; an external one resumes nothing. RFC 9846 §2.2"""
    session_ticket = "session_ticket"
    """A ticket of TLS 1.2. RFC 5077 §3.1"""
    session_id = "session_id"
    """A session that the server kept. RFC 5246 §7.3"""
    unknown = "unknown"
    """The capture does not tell."""


class PskOrigin(StrEnum):
    """Where a pre-shared key of TLS 1.3 was established. RFC 9846 §2.2"""

    resumption = "resumption"
    """In an earlier connection, which issued it as a ticket."""
    external = "external"
    """Out of band."""
    unknown = "unknown"
    """The capture does not tell."""


class EarlyData(StrEnum):
    """What became of 0-RTT data. RFC 9846 §4.3.10"""

    not_offered = "not_offered"
    accepted = "accepted"
    rejected = "rejected"
    unknown = "unknown"
    """Offered, and the answer is encrypted."""


class EncryptedHelloStatus(StrEnum):
    """What became of an encrypted ClientHello. RFC 9849 §6"""

    accepted = "accepted"
    rejected = "rejected"
    grease = "grease"
    """Random bytes, so that real ones do not stand out. RFC 9849 §6.2"""
    unknown = "unknown"
    """The capture does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a ClientHello offers, each list in its order. `extensions` has them all but GREASE.

    Without the extension supported_versions, `versions` has the newest alone, and how far below it the client would go
    is not told: `versions_listed` is then false. RFC 9846 §4.3.1, RFC 5246 §7.4.1.2
    """

    versions: tuple[ProtocolVersion, ...] = ()
    versions_listed: bool = True
    cipher_suites: tuple[CipherSuite, ...] = ()
    groups: tuple[NamedGroup, ...] = ()
    key_shares: tuple[NamedGroup, ...] = ()
    signature_schemes: tuple[SignatureScheme, ...] = ()
    application_protocols: tuple[bytes, ...] = ()
    server_name: str = ""
    psk_identities: int = 0
    psk_modes: tuple[PskKeyExchangeMode, ...] = ()
    early_data: bool = False
    session_id: bytes = b""
    session_ticket: bool = False
    extensions: tuple[ExtensionType, ...] = ()

    def allows(self, version: ProtocolVersion) -> bool:
        """Whether a server may choose that version."""
        return version in self.versions if self.versions_listed else version <= max(self.versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What the two sides agreed on, None where they did not or the capture does not tell.

    `key_exchange` is as cipher suites call it before TLS 1.3 ("ECDHE_RSA"), else "(EC)DHE", "PSK with (EC)DHE" or
    "PSK". `signature_scheme` is the server's. `psk_identity` counts those offered from 0, `psk_origin` says where that
    key is from. `application_protocol` is "" where none was chosen.
    """

    version: ProtocolVersion | None = None
    cipher_suite: CipherSuite | None = None
    key_exchange: str = ""
    group: NamedGroup | None = None
    signature_scheme: SignatureScheme | None = None
    application_protocol: str = ""
    psk_identity: int | None = None
    psk_origin: PskOrigin | None = None
    client_certificate: bool | None = None
    """Whether the client showed one; None where nothing was asked for."""
    extended_main_secret: bool | None = None
    """RFC 7627; None where it has no meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """What the client offered and the server did not take. `extensions` are those that called for an answer."""

    versions: tuple[ProtocolVersion, ...] = ()
    cipher_suites: tuple[CipherSuite, ...] = ()
    groups: tuple[NamedGroup, ...] = ()
    key_shares: tuple[NamedGroup, ...] = ()
    application_protocols: tuple[str, ...] = ()
    psks: int = 0
    early_data: bool = False
    extensions: tuple[ExtensionType, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A HelloRetryRequest, and why: the group that the server wants, a cookie, or both. RFC 9846 §4.2.4"""

    group: NamedGroup | None
    cookie: bool
    key_shares: tuple[NamedGroup, ...]
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedAlert:
    """An alert, and what it means in this connection. str() is a line for people."""

    timestamp: int
    direction: Direction
    record: int
    level: AlertLevel
    description: AlertDescription
    text: str

    def __str__(self) -> str:
        return f"{self.direction}: {self.description}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """Messages that one side sent without waiting. Times are in nanoseconds since the epoch, of first and last.

    `messages` are handshake types, "change_cipher_spec", or "encrypted" for what was not decrypted; the first few.
    """

    direction: Direction
    started: int
    ended: int
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that the protocol demands: a name for programs, and the section that says so."""

    name: str
    section: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A breach of the protocol by `direction`, in the message that starts in `record`. str() is a line for people."""

    timestamp: int
    direction: Direction
    record: int
    rule: Rule
    text: str

    def __str__(self) -> str:
        return f"{self.direction}, record {self.record}: {self.text} ({self.rule.section})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecrypted:
    """Records of one direction that stay encrypted for one reason, under one generation of keys."""

    direction: Direction
    kind: NoteKind
    text: str
    first_record: int
    generation: int
    records: int

    def __str__(self) -> str:
        return f"{self.direction}, from record {self.first_record} on, {self.records} records: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprints:
    """Of the first ClientHello and the ServerHello, "" where there is none. `…_text` is what was hashed."""

    ja3: str = ""
    ja3_text: str = ""
    ja3s: str = ""
    ja3s_text: str = ""
    ja4: str = ""
    ja4_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedHello:
    """An encrypted ClientHello that was offered. `inner` is what it offers, where the key log opens it.

    `text` says what is known of it and why no more.
    """

    status: EncryptedHelloStatus
    config_id: int
    inner: Offer | None
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A connection as a whole. `offer` is the first ClientHello's, None where the capture does not hold it.

    `handshake_time` is in nanoseconds, from the ClientHello to the last Finished, or to the client's first protected
    record after the server's flight where that cannot be read; None where either is missing. `alerts`, `anomalies`,
    `flights` and `undecrypted` hold the first ones, of which there may be more (`more_anomalies` counts).
    `server_chain` and `client_chain` are in DER, as is `stapled`, the server's OCSP response (b"" where there is none);
    `signed_timestamps` are those beside its certificate. `application_bytes` counts what could be read of each side.
    """

    transport: Transport
    offer: Offer | None
    negotiated: Negotiated
    not_taken: NotTaken
    resumption: Resumption
    early_data: EarlyData
    retry: Retry | None
    encrypted_hello: EncryptedHello | None
    alerts: tuple[ExplainedAlert, ...]
    flights: tuple[Flight, ...]
    handshake_time: int | None
    anomalies: tuple[Anomaly, ...]
    more_anomalies: int
    undecrypted: tuple[Undecrypted, ...]
    fingerprints: Fingerprints
    server_chain: tuple[bytes, ...]
    client_chain: tuple[bytes, ...]
    stapled: bytes
    signed_timestamps: tuple[SignedCertificateTimestamp, ...]
    application_bytes: Mapping[Direction, int]

    @property
    def server_certificates(self) -> tuple[CertificateSummary, ...]:
        """The server's chain in summaries, its own first; those that do not parse are left out."""
        return summaries_of(self.server_chain)

    @property
    def revocation(self) -> RevocationSummary | None:
        """The server's OCSP response in a summary, None where there is none that parses."""
        try:
            return revocation_of(self.stapled) if self.stapled else None
        except BadCertificate:
            return None

    @property
    def timestamps(self) -> tuple[TimestampSummary, ...]:
        """The timestamps beside the server's certificate in summaries; those inside it are among that one's."""
        return timestamps_of(self.signed_timestamps)

    @property
    def client_certificates(self) -> tuple[CertificateSummary, ...]:
        """The client's chain, likewise."""
        return summaries_of(self.client_chain)
