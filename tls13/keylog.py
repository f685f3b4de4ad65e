"""SSLKEYLOGFILE: the secrets of connections as lines of text, read and written. RFC 9850.

Whoever holds such a file reads the connections. Nothing writes one unless it is asked to.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import IO, Self

from tls13.closing import Closing
from tls13.errors import ConfigurationError


class Label(StrEnum):
    """RFC 9850 §2: what a line's secret is."""

    CLIENT_EARLY_TRAFFIC_SECRET = "CLIENT_EARLY_TRAFFIC_SECRET"
    EARLY_EXPORTER_SECRET = "EARLY_EXPORTER_SECRET"
    CLIENT_HANDSHAKE_TRAFFIC_SECRET = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
    SERVER_HANDSHAKE_TRAFFIC_SECRET = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
    CLIENT_TRAFFIC_SECRET_0 = "CLIENT_TRAFFIC_SECRET_0"
    SERVER_TRAFFIC_SECRET_0 = "SERVER_TRAFFIC_SECRET_0"
    EXPORTER_SECRET = "EXPORTER_SECRET"
    CLIENT_RANDOM = "CLIENT_RANDOM"
    ECH_SECRET = "ECH_SECRET"
    ECH_CONFIG = "ECH_CONFIG"


def line(label: str, client_random: bytes, secret: bytes) -> str:
    """One secret as RFC 9850 §2 writes it, with its line end."""
    return f"{label} {client_random.hex()} {secret.hex()}\n"


class KeyLog:
    """Secrets by label and client random.

    Labels of any name are kept; a line that is no secret is passed over and remembered in `warnings`, as logs are
    often cut or run together. The RSA lines of OpenSSL and NSS are left out in silence: CLIENT_RANDOM lines with what
    is needed stand beside them. Where a label is given twice for one client random, the later secret counts.
    """

    def __init__(self) -> None:
        self._secrets: dict[bytes, dict[str, bytes]] = {}
        self._skipped: list[str] = []
        self._skipped_count = 0

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The key log in that file.

        Raises ConfigurationError where it cannot be read, or holds lines and not one secret.
        """
        try:
            with open(path, encoding="utf-8-sig", errors="replace", newline=None) as file:
                log = cls()
                log.update(lines_of(file))
        except OSError as error:
            raise ConfigurationError(
                f"cannot read key log {os.fspath(path)}: {error.strerror or error}", "check the path and its rights"
            ) from None
        if not log._secrets and log._skipped:
            raise ConfigurationError(
                f"{os.fspath(path)} is no key log: {log._skipped[0]}",
                "give the file that SSLKEYLOGFILE named when the connection was made",
            )
        return log

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key log in that text. Lines end with CR, LF or both."""
        log = cls()
        log.update(re.split(r"\r\n|\r|\n", text))
        return log

    def update(self, lines: Iterable[str]) -> None:
        """Adds the secrets of more lines."""
        for number, text in enumerate(lines, 1):
            found = text.rstrip("\r\n")
            if not found or found.startswith("#") or _RSA_LINE.fullmatch(found):
                continue
            match = _LINE.fullmatch(found)
            if match is None:
                self._skip(number, found)
                continue
            label, client_random, secret = match.groups()
            self.add(label, bytes.fromhex(client_random), bytes.fromhex(secret))

    def add(self, label: str, client_random: bytes, secret: bytes) -> None:
        """Adds one secret."""
        self._secrets.setdefault(client_random, {})[str(label)] = secret

    def secret(self, label: str, client_random: bytes) -> bytes | None:
        """That secret of the connection with that ClientHello.random, None where the log has none."""
        return self._secrets.get(client_random, {}).get(label)

    def labels(self, client_random: bytes) -> frozenset[str]:
        """What the log has for a connection."""
        return frozenset(self._secrets.get(client_random, ()))

    def __len__(self) -> int:
        """How many secrets."""
        return sum(map(len, self._secrets.values()))

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._secrets)

    def __iter__(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Every secret, with its label and client random before it."""
        for client_random, secrets in self._secrets.items():
            for label, secret in secrets.items():
                yield label, client_random, secret

    @property
    def warnings(self) -> tuple[str, ...]:
        """The lines that were passed over: the first few each, then how many more."""
        more = self._skipped_count - len(self._skipped)
        return (*self._skipped, *([f"{more} more lines are no secrets"] if more else ()))

    def _skip(self, number: int, text: str) -> None:
        self._skipped_count += 1
        if len(self._skipped) < _SKIPPED_SHOWN:
            start = "".join(each if each.isascii() and each.isprintable() else "?" for each in text[:20])
            self._skipped.append(f"line {number} is no secret: it starts with {start!r}")


class KeyLogWriter(Closing):
    """Appends secrets to a key log, a line in one write, so that several threads and processes may share the file.

    The file is made readable by its owner alone. Raises ConfigurationError where it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._lock = threading.Lock()
        try:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _CLOSE_ON_EXEC, 0o600)
        except OSError as error:
            raise self._failure(error) from None
        self._closed = False

    def write(self, label: str, client_random: bytes, secret: bytes) -> None:
        """Appends one line, for a label of RFC 9850's. After `close` nothing is written.

        Raises ConfigurationError, as for a full disk.
        """
        if label not in _LABELS:
            return
        data = line(label, client_random, secret).encode("ascii")
        with self._lock:
            if self._closed:
                return
            try:
                os.write(self._descriptor, data)
            except OSError as error:
                raise self._failure(error) from None

    def close(self) -> None:
        """Closes the file. A second time does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._descriptor)

    def _failure(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"cannot write key log {self.path}: {error.strerror or error}", "name a file that can be written"
        )


def from_environment(environ: Mapping[str, str] = os.environ) -> KeyLogWriter | None:
    """A writer for the file that SSLKEYLOGFILE names, None where it names none."""
    path = environ.get("SSLKEYLOGFILE")
    return KeyLogWriter(path) if path else None


_LABELS = frozenset(Label)
_LINE = re.compile(r"([A-Za-z0-9_]+) ([0-9A-Fa-f]{64}) ((?:[0-9A-Fa-f]{2})+)")
_RSA_LINE = re.compile(r"RSA [0-9A-Fa-f]{16} [0-9A-Fa-f]{96}")
"""A premaster secret, behind the start of what it was sent encrypted as: older than the form of RFC 9850."""
_LONGEST_LINE = 2**18
"""Characters. An ECHConfigList of 2^16 bytes, the longest value there is, takes half of it."""
_SKIPPED_SHOWN = 10
_CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0)


def lines_of(file: IO[str]) -> Iterator[str]:
    """The file's lines, one too long for any secret in pieces, so that a file without line ends is no danger."""
    return iter(lambda: file.readline(_LONGEST_LINE), "")
