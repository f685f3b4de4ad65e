"""Our two roles, event by event: for the modes of which a socket would hide a part."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self, TypeVar

from peers import PATIENCE

from tls13 import ClientConfig, Connection, Negotiated, ServerConfig, TLSError, TruncationError
from tls13.events import DataReceived, Event, PeerClosed
from tls13.sessions import Session

CHUNK = 2**16

Wanted = TypeVar("Wanted", bound=Event)


class Driven:
    """One end of a connection over a socket that it owns.

    `events` are those that nobody has waited for yet, `sent` and `received` all the bytes of the wire.
    """

    def __init__(self, transport: socket.socket, connection: Connection) -> None:
        self.transport = transport
        self.connection = connection
        self.events: list[Event] = []
        self.sent = bytearray()
        self.received = bytearray()
        transport.settimeout(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.transport.close()

    @property
    def negotiated(self) -> Negotiated:
        """What was agreed on, once it is."""
        assert self.connection.negotiated is not None
        return self.connection.negotiated

    def handshake(self) -> Self:
        self.flush()
        while self.connection.negotiated is None:
            self.step()
        return self

    def step(self) -> None:
        """Waits for bytes of the peer's. Raises what the engine raises, once the peer has its alert.

        ConnectionError, where the peer has ended and there is nothing to wait for.
        """
        data = self.transport.recv(CHUNK)
        self.received += data
        try:
            self.events += self.connection.receive_data(data) if data else self.connection.receive_eof()
        finally:
            self.flush()
        if not data:
            raise ConnectionError("the peer has ended")

    def flush(self) -> None:
        if waiting := self.connection.data_to_send():
            self.sent += waiting
            self.transport.sendall(waiting)

    def send(self, data: bytes) -> None:
        self.connection.send(data)
        self.flush()

    def wait_for(self, kind: type[Wanted]) -> Wanted:
        """The next event of that kind; those before it stay."""
        while True:
            for place, event in enumerate(self.events):
                if isinstance(event, kind):
                    del self.events[place]
                    return event
            self.step()

    def receive(self, size: int) -> bytes:
        """So many bytes of application data, in whole records."""
        received = bytearray()
        while len(received) < size:
            received += self.wait_for(DataReceived).data
        return bytes(received)

    def echo(self) -> None:
        """Gives everything back until the peer is done, and then is done, too."""
        while not self.connection.is_closed:
            for event in self.events:
                if isinstance(event, DataReceived):
                    self.send(event.data)
                elif isinstance(event, PeerClosed):
                    self.finish()
            self.events = [each for each in self.events if not isinstance(each, DataReceived | PeerClosed)]
            if not self.connection.is_closed:
                self.step()

    def finish(self) -> None:
        """Says that nothing more will be sent."""
        self.connection.close()
        self.flush()

    def part(self) -> None:
        """Both sides say so, or the peer just leaves once it has heard it."""
        self.finish()
        with suppress(ConnectionError, TruncationError):
            self.wait_for(PeerClosed)


def reach(
    port: int,
    config: ClientConfig,
    *,
    server_name: str = "localhost",
    session: Session | None = None,
    early: bytes = b"",
) -> Driven:
    """Our client, connected; early data goes out behind its hello."""
    connection = Connection.client(config, server_name, session)
    if early:
        connection.send_early(early)
    return Driven(socket.create_connection(("127.0.0.1", port), PATIENCE), connection)


def echo(tls: Driven) -> None:
    """What most of our servers do: a script for `DrivenServer`."""
    tls.handshake()
    tls.echo()


class DrivenServer:
    """Our server, which does one thing with each of its clients and remembers how that went."""

    def __init__(self, config: ServerConfig, script: Callable[[Driven], None]) -> None:
        self._config = config
        self._script = script
        self._ends: queue.Queue[Driven | Exception] = queue.Queue()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        # Wakes up the thread, which then sees that it is over.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def end(self) -> Driven:
        """The next connection, over and done. Raises what went wrong with it."""
        end = self._ends.get(timeout=PATIENCE)
        if isinstance(end, Exception):
            raise end
        return end

    def _serve(self) -> None:
        while True:
            try:
                transport, _ = self._listener.accept()
            except OSError:
                return
            with Driven(transport, Connection.server(self._config)) as driven:
                try:
                    self._script(driven)
                except (OSError, TLSError, AssertionError) as error:
                    self._ends.put(error)
                else:
                    self._ends.put(driven)


Serving = Callable[..., DrivenServer]
"""What a fixture gives that makes one."""
