"""The states of RFC 9846 appendix A, each with exactly what it knows.

A handler takes the state that it is called in and gives the next. Which message a state allows stands in
`tls13.handshake.table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.code_points import NamedGroup, SignatureScheme
from schemas.handshake import CertificateRequest, ClientHello, HelloRetryRequest
from tls13.config import ClientConfig, ServerConfig
from tls13.crypto.aead import Suite
from tls13.crypto.groups import PrivateShare
from tls13.crypto.signatures import PublicKey
from tls13.events import Negotiated
from tls13.key_schedule import HandshakeSecret
from tls13.server_name import ServerName


@dataclass(frozen=True, slots=True)
class Offer:
    """What the client said, and the private halves of what it sent."""

    config: ClientConfig
    server_name: ServerName
    hello: ClientHello
    shares: Mapping[NamedGroup, PrivateShare]
    retry: HelloRetryRequest | None = None


@dataclass(frozen=True, slots=True)
class HandshakeKeys:
    """What ServerHello settled, for both roles."""

    suite: Suite
    group: NamedGroup
    stage: HandshakeSecret
    client_secret: bytes
    server_secret: bytes


@dataclass(frozen=True, slots=True)
class ApplicationSecrets:
    """What the server's Finished settled, for both roles."""

    client_secret: bytes
    server_secret: bytes
    exporter_secret: bytes


@dataclass(frozen=True, slots=True)
class Established:
    """What is left of the handshake once it is complete."""

    negotiated: Negotiated
    exporter_secret: bytes


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """What a client knows of the server's certificate: its chain in DER and the key in it."""

    chain: tuple[bytes, ...]
    public_key: PublicKey


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


@dataclass(frozen=True, slots=True)
class WaitCertificateOrRequest:
    """Client, WAIT_CERT_CR."""

    offer: Offer
    keys: HandshakeKeys
    application_protocol: str | None


@dataclass(frozen=True, slots=True)
class WaitCertificate:
    """Client, WAIT_CERT: the server has asked for a certificate."""

    offer: Offer
    keys: HandshakeKeys
    application_protocol: str | None
    request: CertificateRequest


@dataclass(frozen=True, slots=True)
class WaitCertificateVerify:
    """Client, WAIT_CV."""

    offer: Offer
    keys: HandshakeKeys
    application_protocol: str | None
    request: CertificateRequest | None
    server: ServerIdentity


@dataclass(frozen=True, slots=True)
class WaitServerFinished:
    """Client, WAIT_FINISHED."""

    offer: Offer
    keys: HandshakeKeys
    application_protocol: str | None
    request: CertificateRequest | None
    server: ServerIdentity
    signature_scheme: SignatureScheme


@dataclass(frozen=True, slots=True)
class ClientConnected:
    """Client, CONNECTED."""

    established: Established


@dataclass(frozen=True, slots=True)
class ServerStart:
    """Server, START."""

    config: ServerConfig


@dataclass(frozen=True, slots=True)
class WaitSecondClientHello:
    """Server, START again: HelloRetryRequest is sent."""

    config: ServerConfig
    hello: ClientHello
    cookie: bytes | None
    suite: Suite
    group: NamedGroup


@dataclass(frozen=True, slots=True)
class WaitClientFinished:
    """Server, WAIT_FINISHED: all of its flight is sent, up to its own Finished."""

    config: ServerConfig
    keys: HandshakeKeys
    secrets: ApplicationSecrets
    negotiated: Negotiated
    takes_tickets: bool


@dataclass(frozen=True, slots=True)
class ServerConnected:
    """Server, CONNECTED."""

    established: Established


@dataclass(frozen=True, slots=True)
class Failed:
    """Either role, after an error: every secret is forgotten. RFC 9846 §6.2"""

    negotiated: Negotiated | None


ClientState = (
    WaitServerHello
    | WaitServerHelloAfterRetry
    | WaitEncryptedExtensions
    | WaitCertificateOrRequest
    | WaitCertificate
    | WaitCertificateVerify
    | WaitServerFinished
    | ClientConnected
)
ServerState = ServerStart | WaitSecondClientHello | WaitClientFinished | ServerConnected
State = ClientState | ServerState | Failed
