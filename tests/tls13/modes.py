"""What the tests of the handshake's modes share: a clock that moves, randomness that repeats, ways to carry bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from endpoints import Endpoints, exchange
from scripted import clock

from schemas.code_points import SignatureScheme
from schemas.handshake import HandshakeMessage
from tls13.config import ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.crypto.signatures import Signer
from tls13.events import Event, MessageObserved, Observation, SecretDerived, TicketReceived
from tls13.sessions import Session
from tls13.x509.credentials import Credential

Sides = tuple[ClientConfig, ServerConfig]
Told = tuple[list[Event], list[Event]]
Carrier = Callable[[Connection, Connection], Told]


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime = field(default_factory=clock)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)


def repeating(seed: bytes) -> Callable[[int], bytes]:
    """A source of bytes that is the same for the same seed."""
    drawn = 0

    def draw(length: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(seed + drawn.to_bytes(4, "big")).digest(length)

    return draw


def byte_by_byte(client: Connection, server: Connection) -> Told:
    """As `exchange`, each byte in a call of its own."""
    told: Told = ([], [])
    while True:
        to_server, to_client = client.data_to_send(), server.data_to_send()
        if not to_server and not to_client:
            return told
        for byte in to_server:
            told[1].extend(server.receive_data(bytes([byte])))
        for byte in to_client:
            told[0].extend(client.receive_data(bytes([byte])))


def sessions(events: Iterable[Event]) -> list[Session]:
    """Those that tickets brought."""
    return [each.session for each in events if isinstance(each, TicketReceived) and each.session is not None]


def resumable(client: ClientConfig, server: ServerConfig) -> Session:
    """The first session of a connection between the two."""
    told, _ = exchange(Connection.client(client, "localhost"), Connection.server(server))
    return sessions(told)[0]


def configs(endpoints: Endpoints, watch: Clock) -> Sides:
    """Those of the endpoints, by that clock."""
    return replace(endpoints.client_config, clock=watch), replace(endpoints.server_config, clock=watch)


class Journal:
    """The handshake messages that an endpoint sent and received: their types, and their bytes; its secrets."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        self.messages: list[HandshakeMessage] = []
        self.observations: list[Observation] = []

    def __call__(self, observation: Observation) -> None:
        self.observations.append(observation)
        if isinstance(observation, MessageObserved):
            self.messages.append(observation.message)
            (self.sent if observation.sent else self.received).append(observation.raw)

    @property
    def secrets(self) -> dict[str, bytes]:
        """By their labels, the newest of each."""
        return {each.label: each.secret for each in self.observations if isinstance(each, SecretDerived)}


@dataclass
class SlowSigner:
    """Not ready the first `delay` times that it is asked."""

    signer: Signer
    delay: int
    asked: int = 0

    @property
    def schemes(self) -> tuple[SignatureScheme, ...]:
        return tuple(self.signer.schemes)

    def sign(self, scheme: SignatureScheme, content: bytes) -> bytes | None:
        self.asked += 1
        return None if self.asked <= self.delay else self.signer.sign(scheme, content)


def slow(credential: Credential, delay: int) -> Credential:
    """The credential with such a signer."""
    return replace(credential, signer=SlowSigner(credential.signer, delay))
