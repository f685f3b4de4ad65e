"""TLS 1.3 as data: an engine, sockets and captures, all clients of the declarations in `schemas`.

from tls13 import ClientConfig, TrustStore, connect

with connect("example.com", 443, ClientConfig(trust=TrustStore.system())) as tls:
    tls.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print(tls.recv())
"""

from importlib.util import find_spec
from pathlib import Path


def require_own(name: str) -> None:
    """Raises ImportError unless the package `name` is the one that comes with this one.

    Its name is a common one, and Python takes the first on its path.
    """
    spec = find_spec(name)
    places = [] if spec is None else [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    own = Path(__file__).resolve().parent.parent / name / "__init__.py"
    if not places or Path(str(places[0])).resolve() != own:
        raise ImportError(
            f"tls13 needs the package '{name}' that comes with it ({own.parent}), "
            f"but {places[0] if places else 'nothing'} is what Python finds by that name: "
            "rename that one, or take its folder off sys.path"
        )


require_own("schemas")

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
