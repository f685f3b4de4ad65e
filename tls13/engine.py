"""The engine: records in, messages to their handlers, and the state that comes of it. RFC 9846 §4, §5, §6

Handlers raise a `Reason`. `_failing` is the one place that makes an alert of it, sends it, and remembers. What a caller
may do is `tls13.connection`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from schemas.alert import Alert
from schemas.code_points import AlertDescription, ContentType
from schemas.errors import DecodeError, EncodeError
from schemas.extension_block import DuplicateExtensionError
from schemas.handshake import CertificateRequest, KeyUpdate
from tls13.config import EndpointConfig, ServerConfig
from tls13.errors import (
    AlertReceived,
    BadRecordMac,
    ConfigurationError,
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
from tls13.handshake.reading import read
from tls13.handshake.states import (
    AwaitingSignature,
    ClientConnected,
    Connected,
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
    WaitSecondClientHello,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)
from tls13.handshake.table import ALLOWED_TYPES, HANDLERS
from tls13.limits import Limits, Tally
from tls13.record_layer import MAX_INNER_PLAINTEXT, Protection, Record, RecordReader
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


class Engine:
    """What goes on inside one end of one connection."""

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
    def _hears_nothing(self) -> bool:
        """What comes after close_notify is ignored; so is everything once this side gave the handshake up. §6.1"""
        return self._close_received or (self._close_sent and self.negotiated is None)

    @property
    def _observer(self) -> Observer | None:
        return self._wire.config.observer

    # Coming in

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

    def _judge_end(self) -> None:
        """What has come while a signature is awaited is not read yet: close_notify may be in it."""
        unread = self.awaits_signature and (self._held or self._reader.holds_data)
        if not self._hears_nothing and not unread:
            waiting = "" if self.negotiated else f" during the handshake, waiting for {self._expected()}"
            raise TruncationError(f"the peer closed the connection{waiting} without close_notify")

    # Records

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


_RECEIVERS: Mapping[ContentType, Callable[[Engine, bytes], None]] = {
    ContentType.alert: Engine._receive_alert,
    ContentType.handshake: Engine._receive_handshake,
    ContentType.application_data: Engine._receive_application_data,
}
