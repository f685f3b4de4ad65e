"""Who speaks to whom."""

from __future__ import annotations

import socket
from typing import NamedTuple


class Endpoint(NamedTuple):
    """An IP address, as text, and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Endpoints:
    """The ends of packets, made once for as many as are between the same two."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Endpoint, Endpoint]] = {}

    def of(self, addresses: bytes, ports: bytes) -> tuple[Endpoint, Endpoint]:
        """Source and destination, from both addresses and both ports as the headers have them."""
        key = addresses + ports
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = _endpoints(addresses, ports)
        return found


_MOST_KNOWN = 20_000


def _endpoints(addresses: bytes, ports: bytes) -> tuple[Endpoint, Endpoint]:
    half = len(addresses) // 2
    family = socket.AF_INET if half == _IPV4_ADDRESS else socket.AF_INET6
    return (
        Endpoint(socket.inet_ntop(family, addresses[:half]), int.from_bytes(ports[:2], "big")),
        Endpoint(socket.inet_ntop(family, addresses[half:]), int.from_bytes(ports[2:], "big")),
    )


_IPV4_ADDRESS = 4
