"""`--pcapng FILE`: a command's own connections, written to a capture with their secrets inside."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from tls13.capture import CaptureError, CaptureWriter, Direction, Endpoint, Recording

Tap = Callable[[bool, bytes], None]
"""What `TLSSocket` calls with bytes that it sent (True) or received."""


class Recorder:
    """Makes recordings of connections. Once the file can't be written any more, it says so and the talk goes on."""

    def __init__(self, writer: CaptureWriter, role: Direction) -> None:
        self._writer = writer
        self._role = role
        self._failed = False

    def secret(self, label: str, client_random: bytes, secret: bytes) -> None:
        """Puts a secret into the file."""
        self._attempt(lambda: self._writer.secret(label, client_random, secret))

    def open(self, own: Endpoint, peer: Endpoint) -> Record:
        """A connection's record, from its first byte on."""
        client, server = (own, peer) if self._role is Direction.client else (peer, own)
        opened: list[Recording] = []
        self._attempt(lambda: opened.append(self._writer.open(client, server)))
        return Record(self, self._role, opened[0] if opened else None)

    def _attempt(self, write: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            write()
        except CaptureError as error:
            self._failed = True
            print(f"Warning: {error}; what follows is not recorded", file=sys.stderr, flush=True)


class Record:
    """One connection on its way into the file, or nowhere once that has failed."""

    def __init__(self, recorder: Recorder, role: Direction, recording: Recording | None) -> None:
        self._recorder = recorder
        self._role = role
        self._recording = recording

    def tap(self, sent: bool, data: bytes) -> None:
        """Takes in what was sent or received. See `Tap`."""
        recording = self._recording
        if recording is not None:
            self._recorder._attempt(lambda: recording.sent(self._role if sent else self._role.opposite, data))

    def close(self) -> None:
        """The connection is over."""
        recording = self._recording
        if recording is not None:
            self._recorder._attempt(recording.close)


@contextmanager
def recording(path: Path | None, role: Direction) -> Iterator[Recorder | None]:
    """The recorder of the connections of one side, None without a path.

    Raises CaptureError where the file can't be written.
    """
    if path is None:
        yield None
        return
    with CaptureWriter(path) as writer:
        yield Recorder(writer, role)


def endpoint(address: tuple[object, ...]) -> Endpoint:
    """What the socket module says of an end of a connection, as packets have it.

    That is an IPv4 address where a socket of IPv6 has it mapped (RFC 4291 §2.5.5.2), and none has a zone.
    """
    host, port, *_ = address
    name, _, _zone = str(host).partition("%")
    ip = ip_address(name)
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return Endpoint(str(mapped or ip), int(str(port)))
