"""Connections of other people's programs on loopback, recorded as captures by whoever passes their bytes on."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

import pytest
from capture.made_captures import CLIENT, Wire

TIMEOUT = 20


class Relay:
    """Passes bytes on between clients and a server on loopback, each connection from a port of its own."""

    def __init__(self, server_port: int) -> None:
        self._count = 0
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT)
        self.port: int = self._listener.getsockname()[1]

    @contextmanager
    def one(self) -> Iterator[Wire]:
        """Passes on one connection, which the block makes, to its end."""
        wire = Wire(client=CLIENT._replace(port=CLIENT.port + self._count)).open()
        self._count += 1
        thread = threading.Thread(target=self._pass_on, args=(wire,))
        thread.start()
        try:
            yield wire
        finally:
            thread.join(TIMEOUT)
            assert not thread.is_alive()
            wire.close()

    def close(self) -> None:
        self._listener.close()

    def _pass_on(self, wire: Wire) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._server_port), TIMEOUT)
        with client, server, DefaultSelector() as selector:
            selector.register(client, EVENT_READ, (wire.client, server))
            selector.register(server, EVENT_READ, (wire.server, client))
            while selector.get_map():
                for key, _ in selector.select(TIMEOUT):
                    source, destination = key.data
                    data = _received(key.fileobj)
                    if data:
                        wire.send(source, data)
                        _deliver(destination, data)
                    else:
                        selector.unregister(key.fileobj)
                        _shut(destination)


def _received(end: object) -> bytes:
    assert isinstance(end, socket.socket)
    try:
        return end.recv(2**16)
    except ConnectionError:
        return b""


def _deliver(end: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        end.sendall(data)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_WR)


def program(name: str) -> str:
    """The path of a program. Skips where there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}")
    return found


@contextmanager
def serving(command: Sequence[str], port: int) -> Iterator[Relay]:
    """A server of that command line on that port, behind a relay."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        _await(port)
        relay = Relay(port)
        try:
            yield relay
        finally:
            relay.close()
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _await(port: int) -> None:
    for _ in range(TIMEOUT * 20):
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            threading.Event().wait(0.05)
    raise AssertionError(f"nobody listens on port {port}")


def certificate(openssl: str, folder: Path, key: Sequence[str] = ("-newkey", "rsa:2048")) -> tuple[Path, Path]:
    """A self-signed certificate for localhost and its key."""
    names = folder / "certificate.pem", folder / "key.pem"
    output = ["-out", str(names[0]), "-keyout", str(names[1])]
    subprocess.run(
        [openssl, "req", "-x509", *key, "-nodes", "-subj", "/CN=localhost", *output],
        check=True,
        capture_output=True,
        timeout=TIMEOUT,
    )
    return names


def exchange(command: Sequence[str], *steps: tuple[bytes, bytes], environment: dict[str, str] | None = None) -> bytes:
    """What a client prints that is told to say something, then waited for until it has printed something, and so on.

    Then its input ends.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    timer = threading.Timer(TIMEOUT, process.kill)
    timer.start()
    printed = b""
    try:
        for said, expected in steps:
            process.stdin.write(said)
            process.stdin.flush()
            while expected not in printed and (more := process.stdout.read1()):
                printed += more
            assert expected in printed, printed.decode(errors="replace")
        process.stdin.close()
        printed += process.stdout.read()
        process.wait()
    finally:
        timer.cancel()
        process.stdout.close()
    return printed
