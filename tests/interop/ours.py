"""Our side of an interop test: a server that tells what happened to each of its clients, and the handlers it runs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from peers import PATIENCE

from certs import KeyFiles
from schemas.code_points import CipherSuite, NamedGroup
from tls13 import Credential, Negotiated, Server, ServerConfig, TLSSocket

CIPHER_SUITES = (
    CipherSuite.TLS_AES_128_GCM_SHA256,
    CipherSuite.TLS_AES_256_GCM_SHA384,
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
)
"""Those that every peer has: what the matrices run over."""


RETRYING: dict[str, Any] = {"groups": (NamedGroup.secp384r1,)}
"""How our server asks everybody for another share."""


def echo(tls: TLSSocket) -> None:
    """Gives everything back, until the client has said that it is done."""
    while data := tls.recv():
        tls.sendall(data)


def answer(size: int) -> Callable[[TLSSocket], None]:
    """A handler that gives so many bytes back and closes: tstclnt waits for that."""

    def handler(tls: TLSSocket) -> None:
        received = 0
        while received < size:
            data = tls.recv()
            received += len(data)
            tls.sendall(data)

    return handler


def receive(tls: TLSSocket, size: int) -> bytes:
    """So many bytes, or more if they come at once."""
    received = bytearray()
    while len(received) < size:
        received += tls.recv()
    return bytes(received)


@contextmanager
def sending(send: Callable[[bytes], object], data: bytes) -> Iterator[None]:
    """Sends it in the meantime: a peer that echoes waits for nobody who does not listen."""
    thread = threading.Thread(target=send, args=(data,))
    thread.start()
    yield
    thread.join()


def load(files: KeyFiles) -> Credential:
    """What our endpoints prove themselves with."""
    return Credential.load(files.certificate, files.key)


def own(files: KeyFiles) -> bytes:
    """The certificate itself, as DER."""
    return load(files).certificate_list[0]


class OurServer:
    """Our server on a free loopback port. Of each connection it remembers what was agreed on and how it ended."""

    def __init__(self, config: ServerConfig, handler: Callable[[TLSSocket], None]) -> None:
        self._handler = handler
        self._negotiated: queue.Queue[Negotiated] = queue.Queue()
        self._endings: queue.Queue[Exception | None] = queue.Queue()
        self._server = Server(
            ("127.0.0.1", 0),
            config,
            self._serve,
            on_error=lambda address, error: self._endings.put(error),
            handshake_timeout=PATIENCE,
            idle_timeout=PATIENCE,
        )

    @property
    def port(self) -> int:
        return self._server.address[1]

    def negotiated(self) -> Negotiated:
        """What the next connection agreed on; waits for it."""
        return self._negotiated.get(timeout=PATIENCE)

    def ending(self) -> Exception | None:
        """How the next connection ended, None for a handler that came to its end; waits for it."""
        return self._endings.get(timeout=PATIENCE)

    def __enter__(self) -> OurServer:
        self._server.__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        self._server.__exit__(*reason)

    def _serve(self, tls: TLSSocket) -> None:
        self._negotiated.put(tls.negotiated)
        self._handler(tls)
        self._endings.put(None)


# What the fixtures give that make these.
Serve = Callable[..., OurServer]
Dial = Callable[..., TLSSocket]
