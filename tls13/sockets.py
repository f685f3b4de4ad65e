"""TLS over a blocking socket: a thin rim around the engine.

One thread may receive while another sends. Neither waits for the other, so that a peer that echoes what it is sent can
never bring both sides to a stop.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from schemas.vocabulary import Buffer
from tls13.closing import Closing
from tls13.config import ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.errors import ConnectionClosed, TLSError, TruncationError
from tls13.events import (
    DataReceived,
    EarlyDataReceived,
    EarlyDataRejected,
    Event,
    Negotiated,
    PeerClosed,
    TicketReceived,
)
from tls13.sessions import Session

CHUNK = 2**16
LINGER_SECONDS = 1.0
SIGNER_POLL_SECONDS = 0.01
"""How often a signer that is not ready is asked again."""

Tap = Callable[[bool, bytes], None]
"""Sees the bytes of the wire: whether they were sent, and which. Called after the engine has seen them."""


class TLSSocket(Closing):
    """A TLS connection over a connected TCP socket, which it owns: closing one closes the other.

    Every method raises TLSError where TLS fails, after the alert for the peer is on its way, and OSError (TimeoutError
    among them) where the transport does.

    `sessions` are those that the server has given so far, newest last, no more than the config's limit on tickets.
    `early_data` is what a client has sent early, before the handshake said who it is: perhaps a replay.
    """

    def __init__(self, transport: socket.socket, connection: Connection, *, tap: Tap | None = None) -> None:
        self._transport = transport
        # Small messages follow each other here: none shall wait for the acknowledgement of the one before it.
        with suppress(OSError):
            transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._tap = tap
        self._engine = threading.Lock()
        self._sending = threading.Lock()
        self._received = bytearray()
        self._ended = False
        self._parting = False
        self._failure: TLSError | None = None
        self._rejected_early_data = b""
        self.sessions: deque[Session] = deque(maxlen=connection.limits.tickets)
        self.early_data = b""

    @property
    def negotiated(self) -> Negotiated:
        """What was agreed on. Raises ConnectionClosed before the handshake is complete."""
        negotiated = self._connection.negotiated
        if negotiated is None:
            raise ConnectionClosed("the handshake is not complete")
        return negotiated

    @property
    def rejected_early_data(self) -> bytes:
        """Early data that the server has not taken, or that could not be sent early: to be sent again, or not."""
        return self._rejected_early_data

    def send_early(self, data: Buffer) -> None:
        """Early data, before `do_handshake`; see `Connection.send_early`.

        Where none, or not as much, can be sent, it all goes to `rejected_early_data`.
        """
        with self._engine:
            if len(data) <= self._connection.early_data_room:
                self._connection.send_early(data)
            else:
                self._rejected_early_data += bytes(memoryview(data))
        self._flush()

    def getpeername(self) -> tuple[str, int]:
        """The peer's address and port. Raises OSError once it is gone."""
        host, port, *_ = self._transport.getpeername()
        return str(host), int(port)

    def settimeout(self, seconds: float | None) -> None:
        """How long each wait for the peer may take; None for any time."""
        self._transport.settimeout(seconds)

    def do_handshake(self, timeout: float | None = None) -> Negotiated:
        """Goes on until both sides are connected, for `timeout` seconds altogether. Raises as the class says."""
        deadline = None if timeout is None else time.monotonic() + timeout
        self._flush()
        while self._connection.negotiated is None:
            if deadline is not None:
                self._wait_until(deadline)
            if self._connection.awaits_signature:
                self._ask_signer()
            else:
                self._receive()
        return self.negotiated

    def _ask_signer(self) -> None:
        time.sleep(SIGNER_POLL_SECONDS)
        self._advance(self._connection.continue_handshake)
        self._flush()

    def _wait_until(self, deadline: float) -> None:
        """Gives the next wait what time is left. Raises TimeoutError where none is."""
        left = deadline - time.monotonic()
        if left <= 0:
            self._parting = True
            raise TimeoutError("the handshake took too long")
        self._transport.settimeout(left)

    def recv(self, size: int = CHUNK) -> bytes:
        """At least one and at most `size` bytes, b"" once the peer has said that it is done.

        Raises TruncationError where the transport ends without that.
        """
        while not self._received:
            if self._ended:
                return b""
            if self._failure is not None:
                raise self._failure
            if self._connection.awaits_signature:
                self._ask_signer()
            else:
                self._receive()
        with self._engine:
            data = bytes(self._received[:size])
            del self._received[:size]
        return data

    def sendall(self, data: Buffer) -> None:
        """Sends all of it."""
        for start in range(0, len(data), CHUNK):
            with self._engine:
                self._connection.send(data[start : start + CHUNK])
            self._flush()

    def update_keys(self, *, request_peer: bool = False) -> None:
        """New keys for what is sent from here on; `request_peer` asks the peer for the same."""
        with self._engine:
            self._connection.update_keys(request_peer=request_peer)
        self._flush()

    def export_keying_material(self, label: bytes, length: int, context: bytes = b"") -> bytes:
        """See `Connection.export_keying_material`."""
        with self._engine:
            return self._connection.export_keying_material(label, length, context)

    def channel_binding(self) -> bytes:
        """See `Connection.channel_binding`."""
        with self._engine:
            return self._connection.channel_binding()

    def request_certificate(self) -> bytes:
        """See `Connection.request_certificate`; the answer is in `negotiated` once it has been received."""
        with self._engine:
            context = self._connection.request_certificate()
        self._flush()
        return context

    def finish(self) -> None:
        """close_notify: no more will be sent, and the peer knows. Receiving goes on."""
        with self._engine:
            self._connection.close()
        self._flush()

    def close(self) -> None:
        """close_notify, unless sent already, and the end of the transport. Never raises; a second call does nothing."""
        try:
            self.finish()
            self._linger()
        except (OSError, TLSError):
            # The peer is gone or has failed: there is nobody to say goodbye to.
            pass
        finally:
            self._transport.close()

    def _receive(self) -> None:
        """Waits for bytes of the peer's and gives them to the engine."""
        try:
            chunk = self._transport.recv(CHUNK)
        except ConnectionError as error:
            raise TruncationError(f"the connection broke: {error.strerror}") from error
        except TimeoutError:
            # A peer that says nothing will not say goodbye either.
            self._parting = True
            raise
        self._feed(chunk)
        self._flush()

    def _feed(self, chunk: bytes) -> None:
        if chunk:
            self._advance(lambda: self._connection.receive_data(chunk), chunk)
        else:
            self._advance(self._connection.receive_eof)
            self._ended = True

    def _advance(self, step: Callable[[], list[Event]], chunk: bytes = b"") -> None:
        """Lets the engine take a step, because of these bytes of the peer's if there are any."""
        try:
            with self._engine:
                events = step()
                self._tell_tap(False, chunk)
                self._take(events)
        except TLSError as error:
            with self._engine:
                self._tell_tap(False, chunk)
                if self._failure is None:
                    self._take(error.events)
                    self._failure = error
            self._send_last_words()
            raise

    def _take(self, events: list[Event] | tuple[Event, ...]) -> None:
        for event in events:
            match event:
                case DataReceived(data):
                    self._received += data
                case EarlyDataReceived(data):
                    self.early_data += data
                case EarlyDataRejected(data):
                    self._rejected_early_data += data
                case TicketReceived(session=Session() as session):
                    self.sessions.append(session)
                case PeerClosed():
                    self._ended = True

    def _flush(self) -> None:
        """Sends what waits. If another thread is sending, that thread will see it when it is done."""
        while self._connection.has_data_to_send and self._sending.acquire(blocking=False):
            try:
                with self._engine:
                    waiting = self._connection.data_to_send()
                    self._tell_tap(True, waiting)
                self._transport.sendall(waiting)
            except ConnectionError as error:
                self._raise_why(error)
            finally:
                self._sending.release()

    def _raise_why(self, error: ConnectionError) -> None:
        """Sending failed: if the peer's last words have arrived, they say more than the operating system does."""
        try:
            while chunk := self._transport.recv(CHUNK):
                self._feed(chunk)
        except ConnectionError:
            pass
        raise TruncationError(f"the connection broke: {error.strerror}") from error

    def _send_last_words(self) -> None:
        """The alert, and time for it to arrive: closing at once would let the transport throw it away."""
        try:
            self._flush()
            self._linger()
        except (OSError, TLSError):
            # The peer is gone. What went wrong before that is what the caller needs to know.
            pass

    def _linger(self) -> None:
        """Reads on until the peer has seen the end, for a second at most, and once."""
        if self._parting:
            return
        self._parting = True
        self._transport.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + LINGER_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            self._transport.settimeout(left)
            chunk = self._transport.recv(CHUNK)
            if not chunk:
                return
            # For whoever watches: nobody receives any more.
            with suppress(TLSError):
                self._feed(chunk)

    def _tell_tap(self, sent: bool, data: bytes) -> None:
        if self._tap is not None and data:
            self._tap(sent, data)


def connect(
    host: str,
    port: int,
    config: ClientConfig,
    *,
    server_name: str | None = None,
    session: Session | None = None,
    early_data: Buffer = b"",
    timeout: float | None = None,
    tap: Tap | None = None,
) -> TLSSocket:
    """A handshaken connection to `host`:`port`, whose certificate must be for `server_name`, `host` by default.

    `session` is one of an earlier connection's, to go on with. `early_data` goes with the first flight, where session
    and config allow it; what the server has not taken is in `TLSSocket.rejected_early_data` then. `timeout` is in
    seconds: for connecting, for the handshake, and then for each wait. Raises OSError where there is no connection,
    TLSError where there is no TLS.
    """
    connection = Connection.client(config, server_name if server_name is not None else host, session)
    tls = TLSSocket(socket.create_connection((host, port), timeout), connection, tap=tap)
    if early_data:
        tls.send_early(early_data)
    _handshaken(tls, timeout)
    tls.settimeout(timeout)
    return tls


def accept(
    transport: socket.socket, config: ServerConfig, *, timeout: float | None = None, tap: Tap | None = None
) -> TLSSocket:
    """The server's end of a TCP connection that was accepted, handshaken within `timeout` seconds.

    Raises OSError (TimeoutError among them), TLSError.
    """
    return _handshaken(TLSSocket(transport, Connection.server(config), tap=tap), timeout)


def _handshaken(tls: TLSSocket, timeout: float | None) -> TLSSocket:
    try:
        tls.do_handshake(timeout)
    except (OSError, TLSError):
        tls.close()
        raise
    return tls
