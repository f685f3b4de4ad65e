"""What connections show that matters to others of the same capture, the latest of each kind.

What servers support, by their names: one that refuses a hello does not say what it would have taken, what it took from
others it has shown. What tickets they issued. And sessions of TLS 1.2, whose main secret is that of what resumes them.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable

from schemas.code_points import CipherSuite, NamedGroup
from tls13.capture.parts import Clock, Exchange, Notice, ServerTook, SessionBegun, TicketIssued

_MOST_SERVERS = 4096
_MOST_EACH = 16
_MOST_TICKETS = 20_000
_MOST_SESSIONS = 20_000


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


class CommonKnowledge:
    """Servers by the names that clients call them by, tickets, and sessions of TLS 1.2.

    Whose ticket it is does not matter: the identity that it becomes is as good as unique. RFC 9846 §4.7.1
    With an exchange, what other parts of the capture meet up to where the clock stands is known, too.
    """

    def __init__(self, clock: Clock | None = None, exchange: Exchange | None = None) -> None:
        self.clock = clock or Clock()
        self._exchange = exchange
        self._servers: OrderedDict[str, KnownServer] = OrderedDict()
        self._tickets: OrderedDict[bytes, None] = OrderedDict()
        self._sessions: OrderedDict[bytes, bytes] = OrderedDict()

    def takes(self, name: str, *, suite: CipherSuite | None = None, groups: Iterable[NamedGroup] = ()) -> None:
        """The server of that name supports these."""
        self._tell(ServerTook(name, suite, tuple(groups)))

    def named(self, name: str) -> KnownServer:
        """The server of that name, so far."""
        self._listen()
        return self._servers.get(name) or KnownServer()

    def issue(self, ticket: bytes) -> None:
        """A NewSessionTicket of TLS 1.3 had that ticket."""
        self._tell(TicketIssued(_digest(ticket)))

    def has_issued(self, identity: bytes) -> bool:
        """Whether the identity of a pre-shared key is such a ticket."""
        self._listen()
        return _digest(identity) in self._tickets

    def begin(self, session: bytes, main_secret: bytes) -> None:
        """A session of TLS 1.2, by its session ID or ticket, has that main secret."""
        self._tell(SessionBegun(_digest(session), main_secret))

    def main_secret(self, session: bytes) -> bytes | None:
        """The main secret that a session ID or ticket stands for, None where it is not known."""
        self._listen()
        return self._sessions.get(_digest(session))

    def _tell(self, notice: Notice) -> None:
        if self._exchange is None:
            self._learn(notice)
        else:
            self._exchange.tell(self.clock.now, notice)

    def _listen(self) -> None:
        if self._exchange is not None:
            for notice in self._exchange.heard(self.clock.now):
                self._learn(notice)

    def _learn(self, notice: Notice) -> None:
        match notice:
            case ServerTook(name, suite, groups):
                server = self._servers.setdefault(name, KnownServer())
                server.takes(suite=suite, groups=groups)
                self._servers.move_to_end(name)
                if len(self._servers) > _MOST_SERVERS:
                    self._servers.popitem(last=False)
            case TicketIssued(digest):
                self._tickets[digest] = None
                if len(self._tickets) > _MOST_TICKETS:
                    self._tickets.popitem(last=False)
            case SessionBegun(digest, main_secret):
                self._sessions[digest] = main_secret
                if len(self._sessions) > _MOST_SESSIONS:
                    self._sessions.popitem(last=False)


def _digest(name: bytes) -> bytes:
    return hashlib.sha256(name).digest()
