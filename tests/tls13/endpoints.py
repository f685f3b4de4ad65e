"""The connections under test, and peers played by hand for them, in any state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from scripted import Identity, ScriptedClient, ScriptedServer, clock
from shared_keys import SharedKey

from schemas import stored
from schemas.code_points import CipherSuite, SignatureScheme
from schemas.stored import TicketState
from tls13.config import ClientAuthentication, ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.crypto import Random
from tls13.crypto.signatures import Signer
from tls13.early_data import EarlyDataPolicy
from tls13.errors import InternalError
from tls13.events import Event
from tls13.handshake.states import (
    ClientConnected,
    ServerConnected,
    ServerStart,
    State,
    WaitCertificate,
    WaitCertificateOrRequest,
    WaitCertificateVerify,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitClientFinished,
    WaitEncryptedExtensions,
    WaitEndOfEarlyData,
    WaitLateCertificateVerify,
    WaitLateFinished,
    WaitSecondClientHello,
    WaitServerFinished,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)
from tls13.sessions import Session
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification

CLIENT_STATES: tuple[type[State], ...] = (
    WaitServerHello,
    WaitServerHelloAfterRetry,
    WaitEncryptedExtensions,
    WaitCertificateOrRequest,
    WaitCertificate,
    WaitCertificateVerify,
    WaitServerFinished,
    ClientConnected,
)
SERVER_STATES: tuple[type[State], ...] = (
    ServerStart,
    WaitSecondClientHello,
    WaitEndOfEarlyData,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitClientFinished,
    ServerConnected,
    WaitLateCertificateVerify,
    WaitLateFinished,
)
ASKED: tuple[type[State], ...] = (
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitLateCertificateVerify,
    WaitLateFinished,
)
"""States of a server that asks who its clients are."""

EARLY_DATA_SIZE = 100
"""What the ticket allows, in bytes."""

AGE_ADD = 0xFEDCBA98
TICKET_KEY = SharedKey(identity=b"a ticket", secret=bytes(range(100, 132)), obfuscated_ticket_age=AGE_ADD)
"""A ticket of this very moment, that both sides know without ever having met."""


class KnownTickets:
    """A ticket store with what it is given: it makes no tickets that it would know again."""

    def __init__(self, **changes: Any) -> None:
        state = TicketState(
            cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
            resumption_psk=TICKET_KEY.secret,
            creation_time=now(),
            authentication_time=now(),
            ticket_lifetime=7200,
            ticket_age_add=AGE_ADD,
            max_early_data_size=EARLY_DATA_SIZE,
            server_name=b"localhost",
        )
        self.known = {TICKET_KEY.identity: replace(state, **changes)}

    def issue(self, state: TicketState, now: datetime, random: Random) -> bytes:
        return b"another ticket"

    def find(self, ticket: bytes, now: datetime) -> TicketState | None:
        return self.known.get(ticket)

    def spend(self, ticket: bytes, now: datetime) -> bool:
        return True


def now() -> int:
    """The time of all endpoints, in milliseconds since 1970."""
    return int(clock().timestamp() * 1000)


class DistantSigner:
    """A key that lives far away: nothing is signed before it `is_ready`, or once it `is_broken`."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.is_ready = False
        self.is_broken = False

    @property
    def schemes(self) -> Sequence[SignatureScheme]:
        return self._signer.schemes

    def sign(self, scheme: SignatureScheme, content: bytes) -> bytes | None:
        if self.is_broken:
            raise InternalError("nobody can reach the key any more")
        return self._signer.sign(scheme, content) if self.is_ready else None


@dataclass(frozen=True)
class Endpoints:
    """Makes the connections under test: clients that trust the test PKI, servers that have its certificate."""

    client_config: ClientConfig
    server_config: ServerConfig
    identity: Identity = field(repr=False)

    def client(self, server_name: str = "localhost", session: Session | None = None, **changes: Any) -> Connection:
        return Connection.client(replace(self.client_config, **changes), server_name, session)

    def server(self, **changes: Any) -> Connection:
        return Connection.server(replace(self.server_config, **changes))

    def scripted_server(self, **changes: Any) -> ScriptedServer:
        """A hand-driven server, facing a client configured with `changes`."""
        return ScriptedServer(self.client(**changes), self.identity)

    def scripted_client(self, **changes: Any) -> ScriptedClient:
        """A hand-driven client, facing a server configured with `changes`."""
        return ScriptedClient(self.server(**changes), identity=self.identity, key=TICKET_KEY)

    def peer(self, state: type[State], **changes: Any) -> ScriptedServer | ScriptedClient:
        """A hand-driven peer of a connection in that state, which is configured with `changes`."""
        if state in CLIENT_STATES:
            return self.scripted_server(**changes).reach(state)
        return self.scripted_client(**self.needed_for(state), **changes).reach(state)

    # Modes

    def needed_for(self, state: type[State]) -> dict[str, Any]:
        """How a server has to be configured to get there."""
        if state is WaitEndOfEarlyData:
            return self.taking_early_data()
        return self.asking() if state in ASKED else {}

    def asking(self, **changes: Any) -> dict[str, Any]:
        """Makes a server ask who its clients are, and believe anybody who has a certificate."""
        asked = ClientAuthentication(policy=NoVerification())
        return {"client_authentication": replace(asked, **changes)}

    def taking_early_data(self, **ticket: Any) -> dict[str, Any]:
        """Makes a server know the ticket, and take early data; `ticket` is what to change in its state."""
        return {"ticket_store": KnownTickets(**ticket), "early_data": EarlyDataPolicy()}

    def distant(self) -> tuple[Credential, DistantSigner]:
        """The certificate, with a key that is not at hand."""
        (credential,) = self.server_config.credentials
        signer = DistantSigner(credential.signer)
        return replace(credential, signer=signer), signer

    def session(self, **changes: Any) -> Session:
        """What a client has of the ticket."""
        state = stored.Session(
            cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
            resumption_psk=TICKET_KEY.secret,
            ticket=TICKET_KEY.identity,
            creation_time=now(),
            ticket_lifetime=7200,
            ticket_age_add=AGE_ADD,
            max_early_data_size=EARLY_DATA_SIZE,
            server_name=b"localhost",
            peer_certificates=list(self.identity.chain),
        )
        return Session(replace(state, **changes))

    def resuming_server(self, session: Session | None = None, **changes: Any) -> ScriptedServer:
        """A hand-driven server that knows the ticket, facing a client that offers it."""
        client = self.client(session=session if session is not None else self.session(), **changes)
        return ScriptedServer(client, self.identity, key=TICKET_KEY)

    def late_client(self, **changes: Any) -> ScriptedClient:
        """A hand-driven client, connected to a server that may ask now who it is."""
        client = self.scripted_client(**self.asking(), **changes)
        client.say(client.first_hello(WaitLateFinished))
        return client.reach(ServerConnected)

    def connected(self, **changes: Any) -> tuple[Connection, Connection]:
        """A client of ours and a server of ours, connected and with nothing left to exchange."""
        client, server = self.client(), self.server(**changes)
        exchange(client, server)
        return client, server


def exchange(client: Connection, server: Connection) -> tuple[list[Event], list[Event]]:
    """Carries bytes to and fro until neither has more to say; gives what the client and the server told."""
    told: tuple[list[Event], list[Event]] = ([], [])
    while True:
        to_server, to_client = client.data_to_send(), server.data_to_send()
        if not to_server and not to_client:
            return told
        if to_server:
            told[1].extend(server.receive_data(to_server))
        if to_client:
            told[0].extend(client.receive_data(to_client))
