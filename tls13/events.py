"""What the engine tells: events to the caller of `receive_data`, observations to whoever watches the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.alert import Alert
from schemas.code_points import CipherSuite, ContentType, NamedGroup, ProtocolVersion, SignatureScheme
from schemas.handshake import HandshakeMessage, NewSessionTicket


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What the two sides agreed on, complete once the handshake is.

    `peer_certificates` is the peer's chain in DER, end entity first, empty where it sent none.
    """

    version: ProtocolVersion
    cipher_suite: CipherSuite
    group: NamedGroup
    signature_scheme: SignatureScheme | None
    server_name: str | None
    application_protocol: str | None
    peer_certificates: tuple[bytes, ...]
    retried: bool


@dataclass(frozen=True, slots=True)
class HandshakeCompleted:
    """Both Finished messages are verified; application data may flow."""

    negotiated: Negotiated


@dataclass(frozen=True, slots=True)
class DataReceived:
    """Application data, one record's worth, in order."""

    data: bytes


@dataclass(frozen=True, slots=True)
class TicketReceived:
    """The server gave a ticket for a later connection. RFC 9846 §4.7.1"""

    ticket: NewSessionTicket


@dataclass(frozen=True, slots=True)
class KeysUpdated:
    """The peer changed its keys; with `requested` it asked for ours to change too, which has been done. §4.7.3"""

    requested: bool


@dataclass(frozen=True, slots=True)
class PeerClosed:
    """close_notify: the peer sends no more, and nothing is missing. What it still receives may be sent. §6.1"""


Event = HandshakeCompleted | DataReceived | TicketReceived | KeysUpdated | PeerClosed


@dataclass(frozen=True, slots=True)
class MessageObserved:
    """A handshake message went by; `raw` is its bytes with the header."""

    sent: bool
    message: HandshakeMessage
    raw: bytes


@dataclass(frozen=True, slots=True)
class AlertObserved:
    """An alert went by."""

    sent: bool
    alert: Alert
    raw: bytes


@dataclass(frozen=True, slots=True)
class RecordObserved:
    """A record of any other content went by; `content` is what it carried, opened where it was protected."""

    sent: bool
    content_type: ContentType
    content: bytes


@dataclass(frozen=True, slots=True)
class SecretDerived:
    """A secret of RFC 9846 §7.1, under the name that RFC 9850 gives it in a key log."""

    label: str
    client_random: bytes
    secret: bytes


Observation = MessageObserved | AlertObserved | RecordObserved | SecretDerived
Observer = Callable[[Observation], None]
"""Called at each thing that happens, from inside the engine: it must not call back into the connection."""
