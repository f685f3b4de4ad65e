"""A TLS server with a thread for each client."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

from tls13.config import ServerConfig
from tls13.errors import TLSError
from tls13.sockets import Tap, TLSSocket, accept

Handler = Callable[[TLSSocket], None]
"""Serves one client, in a thread of its own. The connection is closed when it returns."""

Address = tuple[str, int]
OnError = Callable[[Address, Exception], None]

POLL_SECONDS = 0.1
"""How long `stop` may take to be noticed."""


class Server:
    """Listens from the moment it is made; `serve` answers until `stop`. Also a context manager that serves in a thread.

    What goes wrong with one client, TLSError or OSError, goes to `on_error` and concerns no other. At most
    `max_clients` are served at once; further ones wait. A client has `handshake_timeout` seconds for its
    handshake, then `idle_timeout` seconds between two of its bytes (None: any time). `tap` gives each client's `Tap`,
    by the client's address and the one that it came to. Raises OSError where the address can't be had.
    """

    def __init__(
        self,
        address: Address,
        config: ServerConfig,
        handler: Handler,
        *,
        on_error: OnError = lambda address, error: None,
        max_clients: int = 256,
        handshake_timeout: float | None = 20.0,
        idle_timeout: float | None = None,
        tap: Callable[[Address, Address], Tap | None] = lambda client, own: None,
    ) -> None:
        self._config = config
        self._handler = handler
        self._on_error = on_error
        self._tap = tap
        self._timeouts = (handshake_timeout, idle_timeout)
        self._listener = _Listener(address, self._serve_client, max_clients)
        self._thread = threading.Thread(target=self.serve, name="tls13-server", daemon=True)

    @property
    def address(self) -> Address:
        """Host and port that are listened on; the port is the real one where 0 was asked for."""
        return _address(self._listener.server_address)

    def serve(self) -> None:
        """Answers clients until `stop` is called, from another thread.

        To be ended by KeyboardInterrupt, use the server as a context manager and wait inside: an interrupt in here may
        tear down a client that has just come.
        """
        self._listener.serve_forever(poll_interval=POLL_SECONDS)

    def stop(self) -> None:
        """Takes no more clients. Those that are connected are served on by their threads."""
        self._listener.stopping.set()
        self._listener.shutdown()
        self._listener.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()
        self._thread.join()

    def _serve_client(self, transport: socket.socket, address: Address) -> None:
        handshake_timeout, idle_timeout = self._timeouts
        try:
            transport.settimeout(handshake_timeout)
            tap = self._tap(address, _address(transport.getsockname()))
            with accept(transport, self._config, timeout=handshake_timeout, tap=tap) as tls:
                transport.settimeout(idle_timeout)
                self._handler(tls)
        except (OSError, TLSError) as error:
            self._on_error(address, error)


class _Listener(socketserver.ThreadingTCPServer):
    """socketserver's threads, without its request handler classes."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: Address, serve_client: Callable[[socket.socket, Address], None], max_clients: int
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._serve_client = serve_client
        self._free = threading.BoundedSemaphore(max_clients)
        self.stopping = threading.Event()
        super().__init__(address, socketserver.BaseRequestHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        while not self._free.acquire(timeout=POLL_SECONDS):
            if self.stopping.is_set():
                self.shutdown_request(request)
                return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            self._serve_client(request, _address(client_address))
        finally:
            self.shutdown_request(request)
            self._free.release()


def _address(name: Sequence[object]) -> Address:
    """What the socket module says of an end of a connection, which for IPv6 is more than host and port."""
    host, port, *_ = name
    return str(host), int(str(port))
