"""The engine: bytes in, events and bytes out. RFC 9846

No socket, thread, file, clock or random source is touched here: what the engine knows of the world is in the config.

    connection = Connection.client(config, "example.com")
    transport.send(connection.data_to_send())
    for event in connection.receive_data(transport.receive()):
        ...

Handlers raise a `Reason`. `_failing` is the one place that makes an alert of it, sends it, and remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from schemas.alert import Alert
from schemas.code_points import AlertDescription, ContentType, KeyUpdateRequest
from schemas.errors import DecodeError, EncodeError
from schemas.extension_block import DuplicateExtensionError
from schemas.handshake import CertificateRequest, KeyUpdate, NewSessionTicket
from schemas.vocabulary import Buffer
from tls13.config import ClientConfig, EndpointConfig, ServerConfig
from tls13.crypto.aead import SUITES
from tls13.errors import (
    AlertReceived,
    BadRecordMac,
    ConfigurationError,
    ConnectionClosed,
    DuplicateExtension,
    InternalError,
    MalformedMessage,
    Reason,
    TLSError,
    TooManyMessages,
    TooMuchEarlyData,
    TruncationError,
    UnexpectedMessage,
)
from tls13.events import (
    AlertObserved,
    DataReceived,
    EarlyDataReceived,
    Event,
    MessageObserved,
    Negotiated,
    Observer,
    PeerClosed,
    RecordObserved,
)
from tls13.handshake import client, post
from tls13.handshake.authentication import sign_again
from tls13.handshake.reading import read
from tls13.handshake.states import (
    AwaitingSignature,
    ClientConnected,
    Connected,
    EarlySecrets,
    Established,
    Failed,
    Offering,
    ServerConnected,
    ServerStart,
    State,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitClientFinished,
    WaitEncryptedExtensions,
    WaitEndOfEarlyData,
    WaitLateCertificateVerify,
    WaitLateFinished,
    WaitSecondClientHello,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)
from tls13.handshake.table import ALLOWED_TYPES, HANDLERS
from tls13.key_schedule import exported
from tls13.limits import Limits, Tally
from tls13.record_layer import MAX_INNER_PLAINTEXT, Protection, Record, RecordReader
from tls13.sessions import Session
from tls13.wire import AFTER_THE_HANDSHAKE, CHANGE_CIPHER_SPEC, Wire

SAID: Mapping[type[State], str] = {
    WaitServerHello: "ClientHello",
    WaitServerHelloAfterRetry: "the second ClientHello",
    WaitSecondClientHello: "HelloRetryRequest",
    WaitEndOfEarlyData: "the server's flight",
    WaitClientCertificate: "the server's flight",
    WaitClientFinished: "the server's flight",
}
"""What this side said last, where a peer that gives up may be answering that."""


class Connection:
    """One end of one TLS 1.3 connection, for one thread at a time.

    Made by `Connection.client` or `Connection.server`. After each call, send what `data_to_send` gives. A `TLSError`
    ends the connection: the alert for the peer waits in `data_to_send`, and every later call raises the same error.
    """

    def __init__(self, config: EndpointConfig, start: Callable[[Wire], State]) -> None:
        self._wire = Wire(config)
        self._reader = RecordReader()
        self._failure: TLSError | None = None
        self._close_sent = False
        self._close_received = False
        self._change_cipher_specs = Tally("change_cipher_spec records", config.limits.change_cipher_specs)
        self._empty_records = Tally("empty records in a row", config.limits.empty_records)
        self._key_updates = Tally("KeyUpdates in a row", config.limits.key_updates)
        self._warning_alerts = Tally("warning alerts", config.limits.warning_alerts)
        self._held = b""
        self._eof = False
        self._postponed: list[bytes] = []
        try:
            self._state = start(self._wire)
        except EncodeError as error:
            raise ConfigurationError(f"the ClientHello can't be built: {error}", "offer less") from error

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
    def negotiated(self) -> Negotiated | None:
        """What was agreed on, None until the handshake is complete."""
        if isinstance(self._state, Failed):
            return self._state.negotiated
        return None if self._established is None else self._established.negotiated

    @property
    def _established(self) -> Established | None:
        return self._state.established if isinstance(self._state, (Connected, AwaitingSignature)) else None

    @property
    def limits(self) -> Limits:
        """What this end puts up with."""
        return self._wire.config.limits

    @property
    def awaits_signature(self) -> bool:
        """Whether a signer was not ready, so that nothing goes on before `continue_handshake`."""
        return isinstance(self._state, AwaitingSignature)

    @property
    def state(self) -> State:
        """Where in RFC 9846 appendix A the handshake stands, with all that this state knows."""
        return self._state

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to send or receive: both sides have closed, or the connection has failed."""
        return self._failure is not None or (self._close_sent and self._hears_nothing)

    @property
    def _hears_nothing(self) -> bool:
        """What comes after close_notify is ignored; so is everything once this side gave the handshake up. §6.1"""
        return self._close_received or (self._close_sent and self.negotiated is None)

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

    def _send_postponed(self) -> None:
        if not self.awaits_signature:
            self._wire.flush()
            for each in self._postponed:
                self._wire.send_application_data(each)
            self._postponed.clear()

    def _go_on(self, data: bytes) -> None:
        if self.awaits_signature:
            self._held += data
            if len(self._held) > self.limits.handshake_message:
                raise TooManyMessages("more than the limit was sent while a signature is awaited")
            return
        data, self._held = self._held + data, b""
        self._read_messages()
        for record in () if self._hears_nothing else self._reader.feed(data):
            self._receive(record)
            if self._hears_nothing or self.awaits_signature:
                break
        if not self._close_sent and not self.awaits_signature:
            self._wire.pay_key_update()

    def receive_eof(self) -> list[Event]:
        """The transport has ended. Raises TruncationError unless the peer had said that it was done. §6.1"""
        with self._failing():
            self._eof = True
            self._judge_end()
        return self._take_events()

    def _judge_end(self) -> None:
        """What has come while a signature is awaited is not read yet: close_notify may be in it."""
        unread = self.awaits_signature and (self._held or self._reader.holds_data)
        if not self._hears_nothing and not unread:
            waiting = "" if self.negotiated else f" during the handshake, waiting for {self._expected()}"
            raise TruncationError(f"the peer closed the connection{waiting} without close_notify")

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
        early = _early_secrets(self._state)
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

    @property
    def _observer(self) -> Observer | None:
        return self._wire.config.observer

    # Records

    def _require_server(self, what: str) -> ServerConnected:
        self._require_connected(what)
        if isinstance(self._state, (WaitLateCertificateVerify, WaitLateFinished)):
            return self._state.connected
        if not isinstance(self._state, ServerConnected):
            raise ConnectionClosed(f"{what}: only a server does that")
        return self._state

    def _receive(self, record: Record) -> None:
        opened = self._open(record)
        if opened is None:
            return
        content_type, content = opened
        if self._wire.reassembly.holds_part and content_type is not ContentType.handshake:
            raise UnexpectedMessage(f"a record of {content_type} between the parts of a handshake message")
        self._check_empty(content_type, content)
        _RECEIVERS[content_type](self, content)

    def _open(self, record: Record) -> tuple[ContentType, bytes] | None:
        """What a record carries, opened if it is protected. None for what is dropped."""
        content_type, reading = record.header.type, self._wire.reading
        if reading is not None and (content_type is ContentType.application_data or self._must_open(content_type)):
            return self._unprotect(record, reading)
        if content_type is ContentType.change_cipher_spec:
            self._drop_change_cipher_spec(record)
            return None
        if content_type is ContentType.application_data and self._wire.early_data_to_skip is not None:
            self._skip_early_data(record)
            return None
        return content_type, record.fragment

    def _unprotect(self, record: Record, reading: Protection) -> tuple[ContentType, bytes] | None:
        if record.header.type is not ContentType.application_data:
            raise UnexpectedMessage(f"an unprotected record of {record.header.type} where all must be protected")
        try:
            content_type, content = reading.unprotect(record.raw, self._receive_limit)
        except BadRecordMac:
            if self._wire.early_data_to_skip is None:
                raise
            self._skip_early_data(record)
            return None
        self._wire.stop_skipping_early_data()
        if content_type not in _RECEIVERS:
            raise UnexpectedMessage(f"a protected record of {content_type}")
        return content_type, content

    @property
    def _receive_limit(self) -> int:
        """Early data was sent before the client could know of a limit. RFC 8449 §4"""
        return MAX_INNER_PLAINTEXT if isinstance(self._state, WaitEndOfEarlyData) else self._wire.receive_limit

    def _must_open(self, content_type: ContentType) -> bool:
        """Whether a record of this type has no business to come in the clear once there are keys. §5

        A client that fails before it has keys has no other way to say so. §A.1
        """
        if content_type is ContentType.alert and isinstance(self._state, AFTER_THE_FLIGHT):
            return self._wire.reading is None or self._wire.reading.sequence_number > 0
        return content_type is not ContentType.change_cipher_spec

    def _drop_change_cipher_spec(self, record: Record) -> None:
        """Dropped, if it is the one byte, and between the first ClientHello and the peer's Finished. §5"""
        if record.fragment != CHANGE_CIPHER_SPEC:
            raise UnexpectedMessage("change_cipher_spec is not the one byte 0x01")
        if isinstance(self._state, Connected) or (isinstance(self._state, ServerStart) and not self._takes_cookies):
            raise UnexpectedMessage("change_cipher_spec outside the handshake")
        self._change_cipher_specs.count()
        if self._observer is not None:
            self._observer(RecordObserved(False, ContentType.change_cipher_spec, record.fragment))

    @property
    def _takes_cookies(self) -> bool:
        """Whether what comes first may be a second ClientHello, with change_cipher_spec before it. §E.4"""
        config = self._wire.config
        return isinstance(config, ServerConfig) and config.retry_cookies is not None

    def _skip_early_data(self, record: Record) -> None:
        """Drops a record of early data that was refused. Raises TooManyMessages over the limit. §4.3.10"""
        left = (self._wire.early_data_to_skip or 0) - len(record.raw)
        if left < 0:
            raise TooManyMessages("more early data than this server skips")
        self._wire.skip_early_data(left)

    def _check_empty(self, content_type: ContentType, content: bytes) -> None:
        """Only application data may be empty, and not for ever. §5.1, §5.4"""
        if content:
            self._empty_records.reset()
        elif content_type is not ContentType.application_data:
            raise UnexpectedMessage(f"an empty record of {content_type}")
        else:
            self._empty_records.count()

    # Contents

    def _receive_alert(self, content: bytes) -> None:
        alert = Alert.parse(content)
        if self._observer is not None:
            self._observer(AlertObserved(False, alert, content))
        if alert.description is AlertDescription.close_notify:
            self._close_received = True
            if self.negotiated is None:
                raise AlertReceived(alert.description, self._context())
            self._wire.tell(PeerClosed())
        elif alert.description is AlertDescription.user_canceled:
            # Not an error: close_notify follows. §6.1
            self._warning_alerts.count()
        else:
            raise AlertReceived(alert.description, self._context())

    def _receive_application_data(self, content: bytes) -> None:
        if isinstance(self._state, WaitEndOfEarlyData):
            self._receive_early_data(self._state, content)
            return
        if not isinstance(self._state, (ClientConnected, ServerConnected)):
            raise UnexpectedMessage(f"application data before {self._expected()}")
        if self._observer is not None:
            self._observer(RecordObserved(False, ContentType.application_data, content))
        if content:
            self._key_updates.reset()
            self._wire.tell(DataReceived(content))

    def _receive_early_data(self, state: WaitEndOfEarlyData, content: bytes) -> None:
        """Raises TooMuchEarlyData over what the ticket allows. §4.3.10"""
        room = state.room - len(content)
        if room < 0:
            raise TooMuchEarlyData(f"{-room} bytes of early data more than the ticket allows")
        self._state = replace(state, room=room)
        if self._observer is not None:
            self._observer(RecordObserved(False, ContentType.application_data, content))
        if content:
            self._wire.tell(EarlyDataReceived(content))

    def _receive_handshake(self, content: bytes) -> None:
        self._wire.reassembly.add(content)
        self._read_messages()

    def _read_messages(self) -> None:
        """Those that are whole, until a signature is awaited."""
        reassembly = self._wire.reassembly
        while not self.awaits_signature and (msg_type := reassembly.next_type()) is not None:
            if msg_type not in ALLOWED_TYPES[type(self._state)]:
                raise UnexpectedMessage(f"{msg_type} while waiting for {self._expected()}", message=str(msg_type))
            raw = reassembly.next_message()
            if raw is None:
                return
            self._receive_message(raw)

    def _receive_message(self, raw: bytes) -> None:
        handshake = read(raw, self._state.offer.hello.extensions if isinstance(self._state, Offering) else None)
        message = handshake.message
        if self._observer is not None:
            self._observer(MessageObserved(False, message, raw))
        self._wire.received = raw
        handler = HANDLERS[type(self._state)].get(type(message))
        if handler is None:
            # A HelloRetryRequest where only a ServerHello may come: they share a type.
            name = type(message).__name__
            raise UnexpectedMessage(f"{name} while waiting for {self._expected()}", message=str(handshake.msg_type))
        if isinstance(message, CertificateRequest) and self._close_sent:
            # It stays without an answer: nothing may follow close_notify. §6.1
            return
        if isinstance(message, KeyUpdate) and not self._wire.awaits_key_update:
            self._key_updates.count()
        if handshake.msg_type not in AFTER_THE_HANDSHAKE:
            self._wire.transcript.add(raw)
        self._state = handler(self._wire, self._state, message)

    # Failing

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """The boundary: a reason becomes its alert, and the connection is over."""
        self._require_unfailed()
        try:
            yield
        except DecodeError as error:
            duplicate = isinstance(error, DuplicateExtensionError)
            reason = DuplicateExtension(str(error)) if duplicate else MalformedMessage(error)
            self._fail(reason)
            raise reason from error
        except EncodeError as error:
            broken = InternalError(f"what should be sent can't be built: {error}")
            self._fail(broken)
            raise broken from error
        except TLSError as error:
            self._fail(error)
            raise

    def _fail(self, error: TLSError) -> None:
        if not self._close_sent:
            self._say_goodbye(error)
        error.events = tuple(self._take_events())
        self._failure = error
        self._state = Failed(self.negotiated)
        self._wire.forget_keys()

    def _say_goodbye(self, error: TLSError) -> None:
        """The alert for a reason, close_notify where the peer is merely gone, nothing where it gave up itself. §6

        A server that may have refused the early data would not read it under that key. §A.1
        """
        if isinstance(self._state, WaitEncryptedExtensions) and self._wire.early_data_room is not None:
            self._wire.write_under(self._state.keys.suite, self._state.keys.client_secret)
        if isinstance(error, Reason):
            self._wire.send_alert(error.alert)
        elif not isinstance(error, AlertReceived) or error.alert is AlertDescription.close_notify:
            self._wire.send_alert(AlertDescription.close_notify)

    def _take_events(self) -> list[Event]:
        events, self._wire.events = self._wire.events, []
        return events

    def _require_unfailed(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _require_open(self) -> None:
        self._require_unfailed()
        if self._close_sent:
            raise ConnectionClosed("the connection is closed for sending")

    def _require_connected(self, what: str) -> None:
        self._require_open()
        if self.negotiated is None:
            raise ConnectionClosed(f"{what} before the handshake is complete")

    def _expected(self) -> str:
        """The messages that the state allows, for an error's text."""
        return " or ".join(each.__name__ for each in HANDLERS[type(self._state)]) or "a signature"

    def _context(self) -> str:
        """Where in the handshake a peer gave up, "" after it, for an error's text."""
        if self.negotiated is not None:
            return ""
        said = SAID.get(type(self._state))
        return f"during the handshake, after {said}" if said else "during the handshake"


AFTER_THE_FLIGHT = (WaitEndOfEarlyData, WaitClientCertificate, WaitClientCertificateVerify, WaitClientFinished)
"""Where a server waits for the rest of the client's side of the handshake."""


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


_RECEIVERS: Mapping[ContentType, Callable[[Connection, bytes], None]] = {
    ContentType.alert: Connection._receive_alert,
    ContentType.handshake: Connection._receive_handshake,
    ContentType.application_data: Connection._receive_application_data,
}
