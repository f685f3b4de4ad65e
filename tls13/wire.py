"""One connection's two byte streams: records, their protection, handshake messages and the transcript.

What the handshake handlers act on. It knows the record layer's rules (RFC 9846 §5) and nothing of who says what when.
"""

from __future__ import annotations

from collections.abc import Callable

from schemas.alert import Alert
from schemas.code_points import (
    AlertDescription,
    AlertLevel,
    ContentType,
    HandshakeType,
    KeyUpdateRequest,
    ProtocolVersion,
)
from schemas.handshake import (
    MESSAGE_TYPES,
    ClientHello,
    Handshake,
    HandshakeHeader,
    HandshakeMessage,
    KeyUpdate,
    NewSessionTicket,
)
from schemas.record import MAX_PLAINTEXT, ChangeCipherSpec
from tls13.config import EndpointConfig
from tls13.crypto.aead import Suite
from tls13.errors import ConnectionClosed, KeyChangeInsideMessage, MessageTooLong
from tls13.events import AlertObserved, Event, MessageObserved, RecordObserved, SecretDerived
from tls13.record_layer import MAX_INNER_PLAINTEXT, Protection, fragments, plaintext_record
from tls13.transcript import Transcript

HANDSHAKE_HEADER_LENGTH = 4

CHANGE_CIPHER_SPEC = ChangeCipherSpec().build()

AFTER_THE_HANDSHAKE = frozenset({HandshakeType.new_session_ticket, HandshakeType.key_update})
"""Messages that the transcript does not hold. RFC 9846 §4.1"""


class Reassembly:
    """Handshake messages out of fragments, which may hold several or part of one. RFC 9846 §5.1"""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._header: HandshakeHeader | None = None

    def add(self, fragment: bytes) -> None:
        """Appends the content of one handshake record."""
        self._buffer += fragment

    @property
    def holds_part(self) -> bool:
        """Whether bytes are left that no message has consumed."""
        return bool(self._buffer)

    def next_type(self) -> HandshakeType | None:
        """The type of the message that begins the buffer, None where its header is not complete."""
        if self._header is None and len(self._buffer) >= HANDSHAKE_HEADER_LENGTH:
            self._header = HandshakeHeader.parse(bytes(self._buffer[:HANDSHAKE_HEADER_LENGTH]))
        return None if self._header is None else self._header.msg_type

    def next_message(self) -> bytes | None:
        """The message that begins the buffer, header included, once all of it is there.

        Raises MessageTooLong as soon as its header says so, before anything of that size is held.
        """
        if self.next_type() is None or (header := self._header) is None:
            return None
        if header.length > self._limit:
            raise MessageTooLong(
                f"{header.msg_type} of {header.length} bytes, over the limit of {self._limit}",
                message=str(header.msg_type),
            )
        end = HANDSHAKE_HEADER_LENGTH + header.length
        if len(self._buffer) < end:
            return None
        message = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._header = None
        return message


class Wire:
    """Sends messages and keeps both directions' keys. Everything sent waits in `outgoing` for the caller."""

    def __init__(self, config: EndpointConfig) -> None:
        self.config = config
        self.transcript = Transcript()
        self.reassembly = Reassembly(config.limits.handshake_message)
        self.reading: Protection | None = None
        self.writing: Protection | None = None
        self.events: list[Event] = []
        self.outgoing: list[bytes] = []
        self.early_data_to_skip: int | None = None
        self.early_data_sent = bytearray()
        self.early_data_room: int | None = None
        self.receive_limit = self.send_limit = MAX_INNER_PLAINTEXT
        self.received = b""
        self.awaits_key_update = False
        self.owes_key_update = False
        self.client_random = b""
        self._flight = bytearray()
        self._sent_change_cipher_spec = False

    def random(self, length: int) -> bytes:
        """Fresh random bytes, from the config's source."""
        return self.config.random(length)

    def tell(self, event: Event) -> None:
        """Queues an event for the caller."""
        self.events.append(event)

    def log_secret(self, label: str, secret: bytes, transcript_hash: bytes = b"") -> None:
        """Shows the observer a secret under its RFC 9850 name, and the hash that it was derived over."""
        if self.config.observer is not None:
            self.config.observer(SecretDerived(label, self.client_random, secret, transcript_hash))

    # Sending

    def send(
        self, message: HandshakeMessage, complete: Callable[[HandshakeMessage, bytes], bytes] | None = None
    ) -> HandshakeMessage:
        """Puts a handshake message into the flight and the transcript; gives what the editor made of it.

        Where that is bytes, they are sent, and the message itself is what this side goes by. `complete` puts into the
        bytes what hangs on all the rest, after the editor.
        """
        edited = message if self.config.edit_message is None else self.config.edit_message(message)
        if isinstance(edited, bytes):
            raw = edited
        else:
            message, raw = edited, Handshake.framed(edited)
            if complete is not None:
                raw = complete(message, raw)
                message = Handshake.parse(raw).message
        if isinstance(message, ClientHello):
            self.client_random = message.random
        if MESSAGE_TYPES[type(message)] not in AFTER_THE_HANDSHAKE:
            self.transcript.add(raw)
        self._flight += raw
        if self.config.observer is not None:
            self.config.observer(MessageObserved(True, message, raw))
        return message

    def drop_flight(self) -> None:
        """Messages that have not left yet never will."""
        self._flight.clear()

    def send_change_cipher_spec(self) -> None:
        """The one dummy change_cipher_spec of middlebox compatibility mode. RFC 9846 §E.4"""
        if self._sent_change_cipher_spec:
            return
        self._sent_change_cipher_spec = True
        self.flush()
        fragment = CHANGE_CIPHER_SPEC
        self.outgoing.append(plaintext_record(ContentType.change_cipher_spec, fragment, ProtocolVersion.TLS12))
        if self.config.observer is not None:
            self.config.observer(RecordObserved(True, ContentType.change_cipher_spec, fragment))

    def send_alert(self, description: AlertDescription) -> None:
        """An alert, under the key of the moment. Closure alerts are warnings, all others fatal. RFC 9846 §6"""
        self.flush()
        closure = description in (AlertDescription.close_notify, AlertDescription.user_canceled)
        alert = Alert(level=AlertLevel.warning if closure else AlertLevel.fatal, description=description)
        raw = alert.build()
        self._emit(ContentType.alert, raw)
        if self.config.observer is not None:
            self.config.observer(AlertObserved(True, alert, raw))

    def send_application_data(self, data: bytes) -> None:
        """Application data in full records, with a KeyUpdate first where the key is used up. RFC 9846 §5.5"""
        self.flush()
        for fragment in fragments(data, self.send_limit - 1):
            # The KeyUpdate is the last record that the old key protects.
            if self.early_data_room is None and self._is_used_up():
                self.update_writing_key(KeyUpdateRequest.update_not_requested)
            self._emit(ContentType.application_data, fragment)
            if self.config.observer is not None:
                self.config.observer(RecordObserved(True, ContentType.application_data, fragment))

    def _is_used_up(self, records: int = 1) -> bool:
        """Whether the key has one more record in it, at most, after so many. RFC 9846 §5.5"""
        return self.writing is not None and self.writing.sequence_number + records >= self.writing.suite.record_limit

    def send_ticket(self, ticket: NewSessionTicket) -> None:
        """A NewSessionTicket in a record of its own."""
        self.flush()
        self.send(ticket)
        self.flush()

    def update_writing_key(self, request_update: KeyUpdateRequest) -> None:
        """A KeyUpdate under the old key, then the new key. One request at a time waits for its answer. §4.7.3"""
        if self.writing is None:
            raise RuntimeError("no key to update")
        if request_update is KeyUpdateRequest.update_requested:
            if self.awaits_key_update:
                request_update = KeyUpdateRequest.update_not_requested
            self.awaits_key_update = True
        self.flush()
        self.send(KeyUpdate(request_update=request_update))
        self.flush()
        self.writing = self.writing.updated()

    def pay_key_update(self) -> None:
        """Changes the keys if the peer has asked for that, once for any number of requests."""
        if self.owes_key_update:
            self.owes_key_update = False
            self.update_writing_key(KeyUpdateRequest.update_not_requested)

    def flush(self, version: ProtocolVersion = ProtocolVersion.TLS12) -> None:
        """Turns the messages of the flight into records, as few as hold them.

        `version` is the legacy_record_version of those that are not protected.
        """
        flight = bytes(self._flight)
        self._flight.clear()
        for fragment in fragments(flight, MAX_PLAINTEXT if self.writing is None else self.send_limit - 1):
            self._emit(ContentType.handshake, fragment, version)

    def _emit(
        self, content_type: ContentType, fragment: bytes, version: ProtocolVersion = ProtocolVersion.TLS12
    ) -> None:
        if self.writing is None:
            self.outgoing.append(plaintext_record(content_type, fragment, version))
        else:
            room = self.send_limit - 1 - len(fragment)
            padding = self.config.padding.padding(content_type, len(fragment), room, self.config.random)
            self.outgoing.append(self.writing.protect(content_type, fragment, padding))

    # Early data: what a client sends, and what a server refuses. RFC 9846 §4.3.10

    def start_early_data(self, suite: Suite, traffic_secret: bytes, max_size: int) -> None:
        """From here on the client may send early data, at most `max_size` bytes."""
        self.write_under(suite, traffic_secret)
        self.early_data_room = max_size

    def send_early_data(self, data: bytes) -> None:
        """Sends it, and keeps it in case the server refuses it. Raises ConnectionClosed where it can't be sent."""
        if self.early_data_room is None:
            raise ConnectionClosed("early data can't be sent: none is offered, or its time is over")
        if len(data) > self.early_data_room:
            raise ConnectionClosed(
                f"{len(data)} bytes of early data, where the server takes {self.early_data_room} more"
            )
        if self._is_used_up(records=len(data) // (self.send_limit - 1) + 1):
            raise ConnectionClosed("the key of early data is used up, and there is no other")
        self.early_data_room -= len(data)
        self.early_data_sent += data
        self.send_application_data(data)

    def end_early_data(self) -> bytes:
        """No more can be sent; gives all that was."""
        self.early_data_room = None
        sent = bytes(self.early_data_sent)
        self.early_data_sent.clear()
        return sent

    def skip_early_data(self, limit: int) -> None:
        """Records that don't open are dropped from here on, up to `limit` bytes, until one does."""
        self.early_data_to_skip = limit

    def stop_skipping_early_data(self) -> None:
        """From here on every record must open. The second ClientHello, or a record that opens, says so."""
        self.early_data_to_skip = None

    # Keys

    def write_under(self, suite: Suite, traffic_secret: bytes) -> None:
        """From the next record on, protects what is sent."""
        self.flush()
        self.writing = Protection(suite, traffic_secret)

    def read_under(self, suite: Suite, traffic_secret: bytes) -> None:
        """From the next record on, opens what is received. Raises KeyChangeInsideMessage."""
        self.require_record_boundary()
        self.reading = Protection(suite, traffic_secret)

    def write_in_the_clear(self) -> None:
        """The server wants a second ClientHello, after early data."""
        self.flush()
        self.writing = None

    def forget_keys(self) -> None:
        """The connection has failed: no key is needed any more. RFC 9846 §6.2"""
        self.reading = self.writing = None

    def update_reading_key(self) -> None:
        """The peer's next generation. Raises KeyChangeInsideMessage."""
        self.require_record_boundary()
        if self.reading is None:
            raise RuntimeError("no key to update")
        self.reading = self.reading.updated()

    def require_record_boundary(self) -> None:
        """Raises KeyChangeInsideMessage if bytes follow the last message in its record. RFC 9846 §5.1"""
        if self.reassembly.holds_part:
            raise KeyChangeInsideMessage("handshake bytes stand behind a message that must end its record")
