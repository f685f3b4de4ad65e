"""The names that `tls13` gives out, from the modules that declare them."""

from schemas.errors import DecodeError, EncodeError
from tls13.config import ClientAuthentication, ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.early_data import EarlyDataPolicy, MemoryReplayStore, ReplayStore
from tls13.errors import AlertReceived, ConfigurationError, ConnectionClosed, Reason, TLSError, TruncationError
from tls13.events import (
    ClientAuthenticated,
    DataReceived,
    EarlyData,
    EarlyDataReceived,
    EarlyDataRejected,
    Event,
    HandshakeCompleted,
    KeysUpdated,
    Negotiated,
    Observation,
    PeerClosed,
    SignaturePending,
    TicketReceived,
)
from tls13.limits import Limits
from tls13.padding import NoPadding, PaddingPolicy, PadToMultiple, RandomPadding
from tls13.psk import Psk, import_psk
from tls13.sealing import SealingKey, SealingKeys
from tls13.server import Server
from tls13.sessions import MemoryTickets, SealedTickets, Session, TicketStore
from tls13.sockets import TLSSocket, accept, connect
from tls13.x509.credentials import Credential
from tls13.x509.trust import CertificatePolicy, ClientCertificatePolicy, NoVerification, TrustStore

__all__ = [
    "AlertReceived",
    "CertificatePolicy",
    "ClientAuthenticated",
    "ClientAuthentication",
    "ClientCertificatePolicy",
    "ClientConfig",
    "ConfigurationError",
    "Connection",
    "ConnectionClosed",
    "Credential",
    "DataReceived",
    "DecodeError",
    "EarlyData",
    "EarlyDataPolicy",
    "EarlyDataReceived",
    "EarlyDataRejected",
    "EncodeError",
    "Event",
    "HandshakeCompleted",
    "KeysUpdated",
    "Limits",
    "MemoryReplayStore",
    "MemoryTickets",
    "Negotiated",
    "NoPadding",
    "NoVerification",
    "Observation",
    "PadToMultiple",
    "PaddingPolicy",
    "PeerClosed",
    "Psk",
    "RandomPadding",
    "Reason",
    "ReplayStore",
    "SealedTickets",
    "SealingKey",
    "SealingKeys",
    "Server",
    "ServerConfig",
    "Session",
    "SignaturePending",
    "TLSError",
    "TLSSocket",
    "TicketReceived",
    "TicketStore",
    "TruncationError",
    "TrustStore",
    "accept",
    "connect",
    "import_psk",
]
