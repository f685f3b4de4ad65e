"""Other people's TLS programs as processes: started, fed, read and ended, each by its own handle.

Nothing here waits for time to pass: every wait is for something that a peer says or does. `PATIENCE` only bounds how
long a peer that hangs can keep a test from failing.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, NoReturn

import pytest

PATIENCE = 60.0
"""Seconds."""

POLL = 0.01
"""Seconds between two looks at whether a peer listens yet."""

CHECKOUT = Path(__file__).resolve().parents[2]

# Peers speak English, and write no secrets into the user's own key log. Our own programs are this checkout's.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "SSLKEYLOGFILE"} | {
    "LC_ALL": "C",
    "PYTHONPATH": str(CHECKOUT),
}

# Below the ports that the kernel gives to outgoing connections, so that none of those takes it in between.
PORTS = range(15_000, 30_000)


def installed(program: str, package: str) -> str:
    """The program's path. Skips the test where it is missing, and says how to install it."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed: apt-get install {package}")
    return path


def free_port() -> int:
    """A loopback port that nobody listens on, for peers that can't choose one themselves."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Peer:
    """A peer's process. `stdout` and `stderr` grow as it speaks, `port` is where it listens, if it is a server."""

    def __init__(self, *command: str | Path, port: int = 0) -> None:
        self.name = Path(command[0]).name
        self.port = port
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._changed = threading.Condition()
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [str(each) for each in command], stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT, bufsize=0
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._input = self._process.stdin
        self._outputs = {self._process.stdout: self.stdout, self._process.stderr: self.stderr}
        self._open = len(self._outputs)
        self._threads = [
            threading.Thread(target=self._collect, args=each, daemon=True) for each in self._outputs.items()
        ]
        for thread in self._threads:
            thread.start()

    @property
    def text(self) -> str:
        """Everything it has said so far."""
        with self._changed:
            return (self.stdout + self.stderr).decode("latin-1")

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def listening(self, pattern: str) -> Peer:
        """Waits for the line that names the port."""
        self.port = int(self.wait_for(pattern)[1])
        return self

    def ready(self) -> Peer:
        """Waits until somebody listens on its port."""
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
            except ConnectionRefusedError:
                self.pause()
            else:
                return self

    def pause(self) -> None:
        """A moment for a peer that is still starting. Fails if it has ended instead."""
        try:
            self._process.wait(POLL)
        except subprocess.TimeoutExpired:
            return
        self._fail("while it was waited for")

    def send(self, data: bytes) -> None:
        """Writes all of it to the peer's standard input."""
        try:
            self._write(data)
        except BrokenPipeError:
            self._fail("before it had read its input")

    def close_input(self) -> None:
        self._input.close()

    def echo_back(self) -> None:
        """From here on, what the peer puts out is given to it as input."""
        self._threads.append(threading.Thread(target=self._relay, daemon=True))
        self._threads[-1].start()

    def wait_for(self, pattern: str, times: int = 1) -> re.Match[str]:
        """Until it has said that many things that match; gives the last of them."""

        def found() -> list[re.Match[str]]:
            return list(re.finditer(pattern, self.text))

        self._wait_until(lambda: len(found()) >= times, f"without saying {pattern!r}")
        return found()[times - 1]

    def wait_for_output(self, size: int) -> bytes:
        """Until it has put out that many bytes; gives all that it has put out."""
        self._wait_until(lambda: len(self.stdout) >= size, f"without putting out {size} bytes")
        with self._changed:
            return bytes(self.stdout)

    def converse(self) -> None:
        """A client that puts out what it is answered, and no more, has a line echoed and ends, content."""
        self.send(b"hello\n")
        self.wait_for_output(len("hello\n"))
        self.close_input()
        assert self.wait() == 0, self.text

    def wait(self) -> int:
        """Until it ends of its own accord; gives its exit status. All its output has arrived then."""
        self._wait_until(lambda: self._open == 0, "without ending")
        return self._process.wait(PATIENCE)

    def end(self) -> None:
        """Stops it, if it still runs. Its last words are in `text` then."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
        for thread in self._threads:
            thread.join()
        for pipe in (self._input, *self._outputs):
            pipe.close()

    def kill(self) -> None:
        """Ends it without a chance to say goodbye."""
        self._process.kill()
        self._process.wait()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._input.write(rest) :]

    def _collect(self, pipe: IO[bytes], into: bytearray) -> None:
        while chunk := pipe.read(2**16):
            with self._changed:
                into += chunk
                self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def _relay(self) -> None:
        done = 0
        while chunk := self._output_from(done):
            try:
                self._write(chunk)
            except (BrokenPipeError, ValueError):
                # It has ended, or its input was closed: the test sees to what that means.
                return
            done += len(chunk)

    def _output_from(self, start: int) -> bytes:
        """What it has put out from there on, at least a byte unless there is no more to come."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.stdout) > start or not self._open)
            return bytes(self.stdout[start:])

    def _wait_until(self, condition: Callable[[], bool], otherwise: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: condition() or not self._open, PATIENCE)
            if condition():
                return
        self._fail(otherwise)

    def _fail(self, circumstances: str) -> NoReturn:
        how = "still runs" if self.runs else f"ended with status {self._process.wait()}"
        pytest.fail(f"{self.name} {how} {circumstances}. It said:\n{self.text[:20_000]}")


Start = Callable[..., Peer]
"""What the fixtures give that start one, after the program that it runs."""
