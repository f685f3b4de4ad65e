"""One end of a connection, for its caller: bytes in, events and bytes out. RFC 9846

No socket, thread, file, clock or random source is touched here: what the engine knows of the world is in the config.

    connection = Connection.client(config, "example.com")
    transport.send(connection.data_to_send())
    for event in connection.receive_data(transport.receive()):
        ...

What happens in between is `tls13.engine`'s business.
"""

from __future__ import annotations

from dataclasses import replace

from schemas.code_points import AlertDescription, KeyUpdateRequest
from schemas.errors import EncodeError
from schemas.handshake import NewSessionTicket
from schemas.vocabulary import Buffer
from tls13.config import ClientConfig, ServerConfig
from tls13.crypto.aead import SUITES
from tls13.engine import Engine
from tls13.errors import ConfigurationError, ConnectionClosed
from tls13.events import Event
from tls13.handshake import client, post
from tls13.handshake.authentication import sign_again
from tls13.handshake.states import (
    AwaitingSignature,
    ClientConnected,
    EarlySecrets,
    Failed,
    Offering,
    ServerConnected,
    ServerStart,
    State,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitClientFinished,
    WaitEndOfEarlyData,
    WaitLateCertificateVerify,
    WaitLateFinished,
    WaitSecondClientHello,
)
from tls13.key_schedule import exported
from tls13.sessions import Session


class Connection(Engine):
    """One end of one TLS 1.3 connection, for one thread at a time.

    Made by `Connection.client` or `Connection.server`. After each call, send what `data_to_send` gives. A `TLSError`
    ends the connection: the alert for the peer waits in `data_to_send`, and every later call raises the same error.
    """

    @classmethod
    def client(cls, config: ClientConfig, server_name: str, session: Session | None = None) -> Connection:
        """The client's end; its ClientHello waits in `data_to_send`.

        `server_name` is the DNS name or IP address that the server's certificate must be for. `session` is offered to
        the server to go on with, if it is of the same name, still live, and its certificate still trusted.
        Raises ConfigurationError for what is no name.
        """
        return cls(config, lambda wire: client.start(wire, config, server_name, session))

    @classmethod
    def server(cls, config: ServerConfig) -> Connection:
        """The server's end, waiting for a ClientHello."""
        return cls(config, lambda wire: ServerStart(config))

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to send or receive: both sides have closed, or the connection has failed."""
        return self._failure is not None or (self._close_sent and self._hears_nothing)

    @property
    def has_data_to_send(self) -> bool:
        """Whether `data_to_send` would give anything."""
        return bool(self._wire.outgoing)

    def data_to_send(self) -> bytes:
        """The bytes for the peer since the last call, b"" where there are none. Never raises."""
        data = b"".join(self._wire.outgoing)
        self._wire.outgoing.clear()
        return data

    def receive_data(self, data: bytes) -> list[Event]:
        """Takes bytes of the peer's, in any chunking, and tells what they meant.

        Raises a Reason if they break the protocol, AlertReceived if the peer gave up. The error's `events` are those
        that came before it in the same bytes.
        """
        with self._failing():
            self._go_on(data)
        return self._take_events()

    def continue_handshake(self) -> list[Event]:
        """Asks a signer that was not ready once more; then what has come in the meantime is read.

        Does nothing unless `SignaturePending` was told. Raises as `receive_data` does.
        """
        with self._failing():
            if isinstance(self._state, AwaitingSignature):
                self._state = sign_again(self._wire, self._state)
                self._send_postponed()
            self._go_on(b"")
            if self._eof:
                self._judge_end()
        return self._take_events()

    def receive_eof(self) -> list[Event]:
        """The transport has ended. Raises TruncationError unless the peer had said that it was done. §6.1"""
        with self._failing():
            self._eof = True
            self._go_on(b"")
            self._judge_end()
        return self._take_events()

    def send(self, data: Buffer) -> None:
        """Application data, of any length, to follow in `data_to_send`.

        A server that has taken early data may answer it before the handshake is complete: to whom, it does not know
        yet. Raises ConnectionClosed after `close`, or before the handshake is complete otherwise.
        """
        if not self._answers_early_data:
            self._require_connected("application data can't be sent")
        if self.awaits_signature:
            # Nothing may stand between Certificate and CertificateVerify. §4.7.2
            self._postponed.append(_as_bytes(data))
            return
        self._wire.send_application_data(_as_bytes(data))
        self._key_updates.reset()

    @property
    def _answers_early_data(self) -> bool:
        if self._close_sent or not isinstance(self._state, (WaitEndOfEarlyData, WaitClientFinished)):
            return False
        return self._state.flight.early is not None

    def send_early(self, data: Buffer) -> None:
        """Early data, under the key of the session or PSK that is offered. It can be replayed to the server. §2.3, §8

        What becomes of it stands in `Negotiated.early_data`; if the server takes none of it, all of it comes back in
        `EarlyDataRejected`. Raises ConnectionClosed where none can be sent: the config or the session does not allow
        it, the server has answered already, or this is more than it takes.
        """
        self._require_open()
        self._wire.send_early_data(_as_bytes(data))

    @property
    def early_data_room(self) -> int:
        """How many bytes `send_early` would still take."""
        return self._wire.early_data_room or 0

    def update_keys(self, *, request_peer: bool = False) -> None:
        """New keys for what is sent from here on; `request_peer` asks the peer for the same. §4.7.3"""
        self._require_connected("keys can't be updated")
        if self.awaits_signature:
            raise ConnectionClosed("keys can't be updated while a signature is awaited")
        self._wire.update_writing_key(
            KeyUpdateRequest.update_requested if request_peer else KeyUpdateRequest.update_not_requested
        )

    def export_keying_material(self, label: bytes, length: int, context: bytes = b"") -> bytes:
        """`length` bytes that both sides, and nobody else, derive alike from label and context. §7.5

        Raises ConnectionClosed before the handshake is complete, ConfigurationError for a label that is not 1 to 249
        bytes, or a length that is not 0 to 255 times that of the suite's hash.
        """
        self._require_unfailed()
        if self._established is None:
            raise ConnectionClosed("keying material can't be exported before the handshake is complete")
        hash_name = SUITES[self._established.negotiated.cipher_suite].hash_name
        return _exported(hash_name, self._established.exporter_secret, label, context, length)

    def export_early_keying_material(self, label: bytes, length: int, context: bytes = b"") -> bytes:
        """As `export_keying_material`, from as soon as early data is announced (client) or taken (server). §7.5

        Whoever replays the ClientHello gets the same bytes from the server again. Raises ConnectionClosed where there
        is no early data.
        """
        self._require_unfailed()
        refused = isinstance(self._state, Offering) and self._wire.early_data_room is None
        early = None if refused else _early_secrets(self._state)
        if early is None:
            raise ConnectionClosed("there is no early data to export keying material with")
        return _exported(early.hash_name, early.exporter_secret, label, context, length)

    def channel_binding(self) -> bytes:
        """The `tls-exporter` channel binding: 32 bytes that name this connection. RFC 9266 §2"""
        return self.export_keying_material(b"EXPORTER-Channel-Binding", 32)

    def send_ticket(self, ticket: NewSessionTicket | None = None, *, application_data: bytes = b"") -> None:
        """A NewSessionTicket, from a server whose handshake is complete: one of its own, unless one is given. §4.7.1

        `application_data` is at most 65535 bytes that a resumption finds again, in the `TicketStore`. Raises
        ConnectionClosed where no ticket can be sent, ConfigurationError where the client has not said how it would use
        one of the server's own, or the data is too long.
        """
        state = self._require_server("a ticket can't be sent")
        if ticket is not None:
            self._wire.send_ticket(ticket)
            return
        post.check_takes_tickets(state, application_data)
        with self._failing():
            self._replace_connected(post.issue_ticket(self._wire, state, application_data))

    def request_certificate(self) -> bytes:
        """Asks the client who it is, from a server whose handshake is complete. §4.7.2

        Gives the context that `ClientAuthenticated` will name. Raises ConnectionClosed where that can't be, and
        ConfigurationError where the config has no `client_authentication`, the client takes no such requests, or too
        many wait for an answer.
        """
        state = self._require_server("a certificate can't be asked for")
        connected, context = post.request_certificate(self._wire, state)
        self._replace_connected(connected)
        return context

    def close(self) -> None:
        """close_notify: nothing more will be sent; what the peer still sends can be received. §6.1

        A second call does nothing. Before the handshake is complete, user_canceled says why. A late request that awaits
        a signature stays without an answer.
        """
        if self._close_sent or self._failure is not None:
            return
        if isinstance(self._state, AwaitingSignature) and self._state.before is not None:
            self._wire.drop_flight()
            self._state = self._state.before
            self._send_postponed()
        if self.negotiated is None:
            self._wire.send_alert(AlertDescription.user_canceled)
        self._wire.send_alert(AlertDescription.close_notify)
        self._close_sent = True

    def _replace_connected(self, connected: ServerConnected) -> None:
        """Also in the middle of a client's answer to a late request."""
        if isinstance(self._state, (WaitLateCertificateVerify, WaitLateFinished)):
            self._state = replace(self._state, connected=connected)
        else:
            self._state = connected

    def _require_server(self, what: str) -> ServerConnected:
        self._require_connected(what)
        if isinstance(self._state, (WaitLateCertificateVerify, WaitLateFinished)):
            return self._state.connected
        if not isinstance(self._state, ServerConnected):
            raise ConnectionClosed(f"{what}: only a server does that")
        return self._state

    def _require_open(self) -> None:
        self._require_unfailed()
        if self._close_sent:
            raise ConnectionClosed("the connection is closed for sending")

    def _require_connected(self, what: str) -> None:
        self._require_open()
        if self.negotiated is None:
            raise ConnectionClosed(f"{what} before the handshake is complete")


def _early_secrets(state: State) -> EarlySecrets | None:
    match state:
        case ClientConnected() | ServerConnected() | WaitLateCertificateVerify() | WaitLateFinished():
            return state.established.early
        case WaitEndOfEarlyData() | WaitClientFinished():
            return state.flight.early
        case AwaitingSignature():
            return None if state.established is None else state.established.early
        case ServerStart() | WaitSecondClientHello() | WaitClientCertificate() | WaitClientCertificateVerify():
            return None
        case Failed():
            return None
        case _:
            return state.offer.early


def _as_bytes(data: Buffer) -> bytes:
    return data if isinstance(data, bytes) else bytes(memoryview(data))


def _exported(hash_name: str, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    try:
        return exported(hash_name, secret, label, context, length)
    except (EncodeError, ValueError) as error:
        raise ConfigurationError(f"keying material can't be exported: {error}") from error
