"""What servers have shown to support, by their names, over all connections of a capture.

A server that refuses a hello does not say what it would have taken. What it took from others it has shown.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from schemas.code_points import CipherSuite, NamedGroup

_MOST_SERVERS = 4096
_MOST_EACH = 16


class KnownServer:
    """What one server has chosen or asked for, in the order in which it did."""

    __slots__ = ("cipher_suites", "groups")

    def __init__(self) -> None:
        self.cipher_suites: tuple[CipherSuite, ...] = ()
        self.groups: tuple[NamedGroup, ...] = ()

    def takes(self, *, suite: CipherSuite | None = None, groups: Iterable[NamedGroup] = ()) -> None:
        """It supports these."""
        if suite is not None and suite not in self.cipher_suites:
            self.cipher_suites = (*self.cipher_suites, suite)[:_MOST_EACH]
        for group in groups:
            if group not in self.groups:
                self.groups = (*self.groups, group)[:_MOST_EACH]


class KnownServers:
    """The servers of a capture by the names that clients call them by, the latest ones."""

    def __init__(self) -> None:
        self._servers: OrderedDict[str, KnownServer] = OrderedDict()

    def named(self, name: str) -> KnownServer:
        """The server of that name."""
        server = self._servers.setdefault(name, KnownServer())
        self._servers.move_to_end(name)
        if len(self._servers) > _MOST_SERVERS:
            self._servers.popitem(last=False)
        return server
