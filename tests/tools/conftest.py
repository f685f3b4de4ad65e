"""What the tests of the commands share: a PKI, and servers that end with their test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import running
import traces
from running import Serving

from certs import Pki, mint
from tls13.keylog import KeyLog


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Servers for localhost and example.test, but not for any address."""
    folder = tmp_path_factory.mktemp("tools") / "pki"
    return mint(folder, names=["localhost", "example.test"], now=datetime.now(UTC))


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a command that ends with the test."""
    with _started() as starting:
        yield starting


@pytest.fixture
def serve(start: Callable[..., subprocess.Popen[bytes]], pki: Pki) -> Callable[..., Serving]:
    """Starts `tls13 serve` on a free port, with an ecdsa-p256 certificate if none is given."""

    def serving(*arguments: object) -> Serving:
        own = () if "--cert" in arguments else _credential(pki, "ecdsa-p256")
        return Serving.of(start("serve", "--port", 0, *own, *arguments))

    return serving


@pytest.fixture(scope="module")
def echo_server(pki: Pki) -> Iterator[Serving]:
    """An echo server for all tests of a module, with two certificates, the first by ecdsa."""
    with _started() as starting:
        credentials = (*_credential(pki, "ecdsa-p256"), *_credential(pki, "ed25519"))
        yield Serving.of(starting("serve", "--port", 0, *credentials))


@pytest.fixture(scope="session")
def recorded_trace(
    rfc8448: dict[str, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, KeyLog]:
    """RFC 8448 §3 as a capture, a quarter of a second between two packets, and its secrets."""
    path = tmp_path_factory.mktemp("rfc8448") / "trace.pcapng"
    return traces.write(path, rfc8448["simple_1rtt"]), KeyLog.parse(traces.KEY_LOG)


def _credential(pki: Pki, key_type: str) -> tuple[object, ...]:
    files = pki.server(key_type)
    return "--cert", files.certificate, "--key", files.key


@contextmanager
def _started() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object, stdin: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        processes.append(running.start(*arguments, stdin=stdin))
        return processes[-1]

    try:
        yield start
    finally:
        for process in processes:
            process.kill()
            # Closes the pipes too.
            with process:
                pass
