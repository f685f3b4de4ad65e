"""The states of RFC 9846 appendix A, each with exactly what it knows.

A handler takes the state that it is called in and gives the next. Which message a state allows stands in
`tls13.handshake.table`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from schemas.code_points import NamedGroup, SignatureScheme
from schemas.handshake import CertificateRequest, ClientHello, HelloRetryRequest
from schemas.stored import RetryMemory
from tls13.config import ClientConfig, ServerConfig
from tls13.crypto.aead import Suite
from tls13.crypto.groups import PrivateShare
from tls13.crypto.signatures import PublicKey, Signer
from tls13.events import EarlyData, Negotiated
from tls13.key_schedule import HandshakeSecret, MainSecret
from tls13.psk import Psk
from tls13.sessions import Session
from tls13.transcript import Transcript
from tls13.x509.server_name import ServerName

# What the states know


@dataclass(frozen=True, slots=True)
class OfferedPsk:
    """A pre-shared key of the client's, and the session that it is of, if it is no external one."""

    psk: Psk
    session: Session | None = None

    def obfuscated_ticket_age(self, now: datetime) -> int:
        """What stands beside the identity; 0 for an external key. §4.3.11"""
        return 0 if self.session is None else self.session.obfuscated_ticket_age(now)


@dataclass(frozen=True, slots=True)
class EarlySecrets:
    """What a ClientHello with early data settled, for both roles."""

    hash_name: str
    client_secret: bytes
    exporter_secret: bytes


@dataclass(frozen=True, slots=True)
class Offer:
    """What the client said, and the private halves of what it sent."""

    config: ClientConfig
    server_name: ServerName
    hello: ClientHello
    shares: Mapping[NamedGroup, PrivateShare]
    psks: tuple[OfferedPsk, ...] = ()
    early: EarlySecrets | None = None
    retry: HelloRetryRequest | None = None


@dataclass(frozen=True, slots=True)
class HandshakeKeys:
    """What ServerHello settled, for both roles. `group` is None where the key exchange is the PSK alone."""

    suite: Suite
    group: NamedGroup | None
    stage: HandshakeSecret
    client_secret: bytes
    server_secret: bytes


@dataclass(frozen=True, slots=True)
class ApplicationSecrets:
    """What the server's Finished settled, for both roles."""

    stage: MainSecret
    client_secret: bytes
    server_secret: bytes
    exporter_secret: bytes


@dataclass(frozen=True, slots=True)
class Established:
    """What is left of the handshake once it is complete. `transcript` is of all of it, and gets no more messages."""

    negotiated: Negotiated
    exporter_secret: bytes
    resumption_secret: bytes
    transcript: Transcript
    early: EarlySecrets | None


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """What is known of the peer's certificate: its chain in DER and the key in it."""

    chain: tuple[bytes, ...]
    public_key: PublicKey


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a client knows after EncryptedExtensions. `selected` is the PSK that the server took, if any."""

    keys: HandshakeKeys
    selected: OfferedPsk | None
    application_protocol: str | None
    early_data: EarlyData


@dataclass(frozen=True, slots=True)
class Flight:
    """What a server knows once all of its flight is sent, up to its own Finished.

    `tickets` is how many will follow; `authentication_time` when this session's first handshake was, in milliseconds.
    """

    config: ServerConfig
    hello: ClientHello
    keys: HandshakeKeys
    secrets: ApplicationSecrets
    negotiated: Negotiated
    early: EarlySecrets | None
    tickets: int
    authentication_time: int


@dataclass(frozen=True, slots=True)
class LateRequest:
    """A CertificateRequest that a client has not answered yet, and the transcript up to it. §4.7.2"""

    message: CertificateRequest
    transcript: Transcript


# The client's states


@dataclass(frozen=True, slots=True)
class WaitServerHello:
    """Client, WAIT_SH: ClientHello is sent."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class WaitServerHelloAfterRetry:
    """Client, WAIT_SH again: a second ClientHello is sent, and no second HelloRetryRequest allowed."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class WaitEncryptedExtensions:
    """Client, WAIT_EE."""

    offer: Offer
    keys: HandshakeKeys
    selected: OfferedPsk | None


@dataclass(frozen=True, slots=True)
class WaitCertificateOrRequest:
    """Client, WAIT_CERT_CR."""

    offer: Offer
    agreed: Agreed


@dataclass(frozen=True, slots=True)
class WaitCertificate:
    """Client, WAIT_CERT: the server has asked for a certificate."""

    offer: Offer
    agreed: Agreed
    request: CertificateRequest


@dataclass(frozen=True, slots=True)
class WaitCertificateVerify:
    """Client, WAIT_CV."""

    offer: Offer
    agreed: Agreed
    request: CertificateRequest | None
    server: PeerIdentity


@dataclass(frozen=True, slots=True)
class WaitServerFinished:
    """Client, WAIT_FINISHED. A server that is known by its PSK shows no certificate, and signs nothing."""

    offer: Offer
    agreed: Agreed
    request: CertificateRequest | None = None
    server: PeerIdentity | None = None
    signature_scheme: SignatureScheme | None = None


@dataclass(frozen=True, slots=True)
class ClientConnected:
    """Client, CONNECTED. `contexts` are of the late requests that were answered."""

    established: Established
    offer: Offer
    contexts: frozenset[bytes] = frozenset()


# The server's states


@dataclass(frozen=True, slots=True)
class ServerStart:
    """Server, START."""

    config: ServerConfig


@dataclass(frozen=True, slots=True)
class WaitSecondClientHello:
    """Server, START again: HelloRetryRequest is sent.

    `memory` and `hello` are of the first ClientHello; both are None where the cookie has to bring them back.
    """

    config: ServerConfig
    memory: RetryMemory | None
    hello: ClientHello | None
    cookie: bytes | None


@dataclass(frozen=True, slots=True)
class WaitEndOfEarlyData:
    """Server, WAIT_EOED: early data is welcome, `room` bytes of it still."""

    flight: Flight
    room: int


@dataclass(frozen=True, slots=True)
class WaitClientCertificate:
    """Server, WAIT_CERT."""

    flight: Flight
    request: CertificateRequest


@dataclass(frozen=True, slots=True)
class WaitClientCertificateVerify:
    """Server, WAIT_CV."""

    flight: Flight
    request: CertificateRequest
    client: PeerIdentity


@dataclass(frozen=True, slots=True)
class WaitClientFinished:
    """Server, WAIT_FINISHED."""

    flight: Flight


@dataclass(frozen=True, slots=True)
class ServerConnected:
    """Server, CONNECTED. `requests` are the late ones that wait for an answer, `tickets` how many were issued."""

    established: Established
    flight: Flight
    requests: Mapping[bytes, LateRequest] = field(default_factory=dict)
    tickets: int = 0


@dataclass(frozen=True, slots=True)
class WaitLateCertificateVerify:
    """Server, CONNECTED, in the middle of the answer to a late request."""

    connected: ServerConnected
    request: CertificateRequest
    client: PeerIdentity

    @property
    def established(self) -> Established:
        """Of the connection."""
        return self.connected.established


@dataclass(frozen=True, slots=True)
class WaitLateFinished:
    """Server, CONNECTED, at the end of the answer to a late request. `chain` is the client's, perhaps empty."""

    connected: ServerConnected
    context: bytes
    chain: tuple[bytes, ...]

    @property
    def established(self) -> Established:
        """Of the connection."""
        return self.connected.established


# Either role


@dataclass(frozen=True, slots=True)
class AwaitingSignature:
    """The signer is not ready. `then` takes the signature, and gives the next state.

    `before` is the state to go back to, where a late request can be left without an answer.
    """

    signer: Signer
    scheme: SignatureScheme
    content: bytes
    then: Callable[[bytes], State]
    before: ClientConnected | None

    @property
    def established(self) -> Established | None:
        """Of the connection, where its handshake is complete."""
        return None if self.before is None else self.before.established


@dataclass(frozen=True, slots=True)
class Failed:
    """After an error: every secret is forgotten. RFC 9846 §6.2"""

    negotiated: Negotiated | None


Offering = (
    WaitServerHello
    | WaitServerHelloAfterRetry
    | WaitEncryptedExtensions
    | WaitCertificateOrRequest
    | WaitCertificate
    | WaitCertificateVerify
    | WaitServerFinished
)
"""The states in which a client waits for answers to its offer."""

ClientState = Offering | ClientConnected
ServerState = (
    ServerStart
    | WaitSecondClientHello
    | WaitEndOfEarlyData
    | WaitClientCertificate
    | WaitClientCertificateVerify
    | WaitClientFinished
    | ServerConnected
    | WaitLateCertificateVerify
    | WaitLateFinished
)
State = ClientState | ServerState | AwaitingSignature | Failed

Connected = ClientConnected | ServerConnected | WaitLateCertificateVerify | WaitLateFinished
"""The states of a connection whose handshake is complete."""
