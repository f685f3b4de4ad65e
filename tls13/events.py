"""What the engine tells: events to the caller of `receive_data`, observations to whoever watches the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from schemas.alert import Alert
from schemas.code_points import CipherSuite, ContentType, NamedGroup, ProtocolVersion, SignatureScheme
from schemas.handshake import HandshakeMessage, NewSessionTicket

if TYPE_CHECKING:
    from tls13.sessions import Session


class EarlyData(StrEnum):
    """What became of early data. RFC 9846 §2.3"""

    not_sent = "not sent"
    rejected = "rejected"
    accepted = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What the two sides agreed on, complete once the handshake is.

    `peer_certificates` is the peer's chain in DER, end entity first, empty where it sent none; after a resumption it is
    that of the first connection. `group` is None where a pre-shared key went without a key exchange, and
    `signature_scheme` where it went without a server certificate. `psk_identity` names an external key that was used.
    """

    version: ProtocolVersion
    cipher_suite: CipherSuite
    group: NamedGroup | None
    signature_scheme: SignatureScheme | None
    server_name: str | None
    application_protocol: str | None
    peer_certificates: tuple[bytes, ...]
    retried: bool
    resumed: bool = False
    psk_identity: bytes | None = None
    early_data: EarlyData = EarlyData.not_sent


@dataclass(frozen=True, slots=True)
class HandshakeCompleted:
    """Both Finished messages are verified; application data may flow."""

    negotiated: Negotiated


@dataclass(frozen=True, slots=True)
class DataReceived:
    """Application data, one record's worth, in order."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EarlyDataReceived:
    """Early data, one record's worth: it may be a replay, sent by whoever has seen it before. RFC 9846 §8"""

    data: bytes


@dataclass(frozen=True, slots=True)
class EarlyDataRejected:
    """The server took none of the early data: all of it, to be sent again or not. RFC 9846 §4.3.10"""

    data: bytes


@dataclass(frozen=True, slots=True)
class TicketReceived:
    """The server gave a ticket for a later connection. RFC 9846 §4.7.1

    `session` is what to go on with, None for a ticket that can't be kept: its lifetime is 0, or it is over the limit.
    """

    ticket: NewSessionTicket
    session: Session | None


@dataclass(frozen=True, slots=True)
class ClientAuthenticated:
    """The client has answered a request after the handshake. RFC 9846 §4.7.2

    `certificates` is its chain in DER, empty where it has none.
    """

    context: bytes
    certificates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignaturePending:
    """The signer is not ready: nothing goes on until `Connection.continue_handshake` is called and it is."""

    scheme: SignatureScheme


@dataclass(frozen=True, slots=True)
class KeysUpdated:
    """The peer changed its keys; with `requested` it asked for ours to change too, which has been done. §4.7.3"""

    requested: bool


@dataclass(frozen=True, slots=True)
class PeerClosed:
    """close_notify: the peer sends no more, and nothing is missing. What it still receives may be sent. §6.1"""


Event = (
    HandshakeCompleted
    | DataReceived
    | EarlyDataReceived
    | EarlyDataRejected
    | TicketReceived
    | ClientAuthenticated
    | SignaturePending
    | KeysUpdated
    | PeerClosed
)


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
    """A secret of RFC 9846 §7.1, under the name that RFC 9850 gives it in a key log, or, where it has none, the RFC's.

    `transcript_hash` is that of the messages that it was derived over.
    """

    label: str
    client_random: bytes
    secret: bytes
    transcript_hash: bytes


Observation = MessageObserved | AlertObserved | RecordObserved | SecretDerived
Observer = Callable[[Observation], None]
"""Called at each thing that happens, from inside the engine: it must not call back into the connection."""
