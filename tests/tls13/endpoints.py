"""The connections under test, and peers played by hand for them, in any state."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from scripted import Identity, ScriptedClient, ScriptedServer

from tls13.config import ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.events import Event
from tls13.handshake.states import (
    ClientConnected,
    ServerConnected,
    ServerStart,
    State,
    WaitCertificate,
    WaitCertificateOrRequest,
    WaitCertificateVerify,
    WaitClientFinished,
    WaitEncryptedExtensions,
    WaitSecondClientHello,
    WaitServerFinished,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)

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
SERVER_STATES: tuple[type[State], ...] = (ServerStart, WaitSecondClientHello, WaitClientFinished, ServerConnected)


@dataclass(frozen=True)
class Endpoints:
    """Makes the connections under test: clients that trust the test PKI, servers that have its certificate."""

    client_config: ClientConfig
    server_config: ServerConfig
    identity: Identity = field(repr=False)

    def client(self, server_name: str = "localhost", **changes: Any) -> Connection:
        return Connection.client(replace(self.client_config, **changes), server_name)

    def server(self, **changes: Any) -> Connection:
        return Connection.server(replace(self.server_config, **changes))

    def scripted_server(self, **changes: Any) -> ScriptedServer:
        """A hand-driven server, facing a client configured with `changes`."""
        return ScriptedServer(self.client(**changes), self.identity)

    def scripted_client(self, **changes: Any) -> ScriptedClient:
        """A hand-driven client, facing a server configured with `changes`."""
        return ScriptedClient(self.server(**changes))

    def peer(self, state: type[State]) -> ScriptedServer | ScriptedClient:
        """A hand-driven peer of a connection in that state."""
        if state in CLIENT_STATES:
            return self.scripted_server().reach(state)
        return self.scripted_client().reach(state)

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
