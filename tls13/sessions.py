"""Sessions that go on in another connection: a client keeps them, a server knows their tickets. RFC 9846 §2.2, §4.7.1

A client gets a `Session` with each ticket, and may save it to a file. A server's tickets come from a `TicketStore`:
`SealedTickets` hold everything themselves, `MemoryTickets` are names for what the server keeps.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, Self

from schemas import stored
from schemas.code_points import CipherSuite, ProtocolVersion
from schemas.errors import DecodeError
from schemas.extensions import EarlyDataIndication
from schemas.handshake import NewSessionTicket
from schemas.stored import SessionFile, TicketPlaintext, TicketState
from tls13.crypto import Random
from tls13.crypto.aead import SUITES
from tls13.crypto.hkdf import HASHES
from tls13.early_data import ReplayStore
from tls13.errors import ConfigurationError
from tls13.events import Negotiated
from tls13.psk import RESUMPTION_BINDER, EarlyDataTerms, Psk
from tls13.sealing import SealingKeys
from tls13.x509.trust import CertificatePolicy

MAX_LIFETIME = 604800
"""Seconds: seven days. §4.7.1"""

TICKET_PURPOSE = b"tls13 ticket"
MAX_FILE_SIZE = 2**26


def milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = 253402300799000 - MAX_LIFETIME * 1000
"""The end of the year 9999, as far as a session can begin, in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a client needs to go on with a server: a ticket, its key, and what the two are good for.

    Whoever has it can read what is sent under it. `state` is what is saved of it. `trusted_by` has validated the
    server's certificate in this process; whoever else is to trust it validates it again.
    """

    state: stored.Session
    trusted_by: CertificatePolicy | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Session({self.server_name!r}, {self.cipher_suite}, expires {self.expires:%Y-%m-%d %H:%M:%S} UTC)"

    @classmethod
    def of(
        cls,
        ticket: NewSessionTicket,
        resumption_psk: bytes,
        negotiated: Negotiated,
        now: datetime,
        trusted_by: CertificatePolicy | None,
    ) -> Self:
        """Of a ticket that came just now in a connection with these parameters."""
        return cls(
            stored.Session(
                cipher_suite=negotiated.cipher_suite,
                resumption_psk=resumption_psk,
                ticket=ticket.ticket,
                creation_time=milliseconds(now),
                ticket_lifetime=min(ticket.ticket_lifetime, MAX_LIFETIME),
                ticket_age_add=ticket.ticket_age_add,
                max_early_data_size=EarlyDataIndication.new_session_ticket.find(ticket.extensions) or 0,
                server_name=(negotiated.server_name or "").encode(),
                alpn=(negotiated.application_protocol or "").encode("latin-1"),
                peer_certificates=list(negotiated.peer_certificates),
            ),
            trusted_by,
        )

    @property
    def server_name(self) -> str:
        """Whose certificate was validated."""
        return self.state.server_name.decode("utf-8", "replace")

    @property
    def application_protocol(self) -> str | None:
        """What ALPN chose."""
        return self.state.alpn.decode("latin-1") or None

    @property
    def cipher_suite(self) -> CipherSuite:
        """That of the connection; resuming takes one with the same hash."""
        return self.state.cipher_suite

    @property
    def peer_certificates(self) -> tuple[bytes, ...]:
        """The server's chain as it was validated, DER."""
        return tuple(self.state.peer_certificates)

    @property
    def expires(self) -> datetime:
        """When the ticket is over."""
        return EPOCH + timedelta(milliseconds=self.state.creation_time, seconds=self.state.ticket_lifetime)

    @property
    def psk(self) -> Psk:
        """The key that it offers."""
        terms = None
        if self.state.max_early_data_size:
            terms = EarlyDataTerms(
                cipher_suite=self.cipher_suite,
                application_protocol=self.application_protocol,
                max_size=self.state.max_early_data_size,
            )
        return Psk(
            identity=self.state.ticket,
            key=self.state.resumption_psk,
            hash_name=SUITES[self.cipher_suite].hash_name,
            binder_label=RESUMPTION_BINDER,
            early_data=terms,
        )

    def is_live(self, now: datetime) -> bool:
        """Whether it may still be offered: within its lifetime, and not from the future."""
        age = milliseconds(now) - self.state.creation_time
        return 0 <= age < self.state.ticket_lifetime * 1000

    def obfuscated_ticket_age(self, now: datetime) -> int:
        """Milliseconds since the ticket came, plus ticket_age_add, modulo 2^32. §4.3.11.1"""
        return (milliseconds(now) - self.state.creation_time + self.state.ticket_age_add) % 2**32

    def build(self) -> bytes:
        """As bytes, to be kept secret."""
        unsealed = SessionFile(session=self.state, integrity=bytes(hashlib.sha256().digest_size))
        digest = hashlib.sha256(unsealed.protected()).digest()
        return SessionFile(session=self.state, integrity=digest).build()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """From what `build` gave. Raises ConfigurationError for anything else: damaged, or of a later version."""
        try:
            file = SessionFile.parse(data)
        except DecodeError as error:
            raise ConfigurationError(f"no session, or a damaged one: {error}", _CONNECT_AGAIN) from error
        if not hmac.compare_digest(file.integrity, hashlib.sha256(file.protected()).digest()):
            raise ConfigurationError("a damaged session: its digest is not that of its bytes", _CONNECT_AGAIN)
        state = file.session
        suite = SUITES.get(state.cipher_suite)
        if (
            suite is None
            or state.version is not ProtocolVersion.TLS13
            or len(state.resumption_psk) != HASHES[suite.hash_name].digest_size
            or state.ticket_lifetime > MAX_LIFETIME
            or state.creation_time > LAST_MOMENT
        ):
            raise ConfigurationError("a session that can't be one of TLS 1.3's", _CONNECT_AGAIN)
        return cls(state)

    def save(self, path: str | Path) -> None:
        """To a file that only its owner reads; all of it or nothing. Raises ConfigurationError where that fails."""
        target = Path(path)
        try:
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
                try:
                    file.write(self.build())
                    file.flush()
                    os.replace(file.name, target)
                except OSError:
                    os.unlink(file.name)
                    raise
        except OSError as error:
            raise ConfigurationError(f"{target} can't be written: {error.strerror}", "name another file") from error

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """From such a file. Raises ConfigurationError for one that can't be read, or holds something else."""
        try:
            with open(path, "rb") as file:
                data = file.read(MAX_FILE_SIZE)
        except OSError as error:
            raise ConfigurationError(f"{path} can't be read: {error.strerror}", "name a saved session") from error
        try:
            return cls.parse(data)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path} holds {error}", error.hint) from error


_CONNECT_AGAIN = "connect without it, and save a new one"


class TicketStore(Protocol):
    """Where a server's tickets come from, and what they lead back to. Threads share it."""

    def issue(self, state: TicketState, now: datetime, random: Random) -> bytes:
        """A ticket for that state, 1 to 65535 bytes."""

    def find(self, ticket: bytes, now: datetime) -> TicketState | None:
        """The state that a ticket is for, None where it is none of ours, or is over. Nothing changes."""

    def spend(self, ticket: bytes, now: datetime) -> bool:
        """The client has proved that it holds the ticket's key. False where the ticket may not be used again."""


class SealedTickets:
    """Tickets that hold their state themselves, sealed: the server keeps nothing.

    With `spent` each is good for one connection. Servers that share `keys` take each other's.
    """

    def __init__(self, keys: SealingKeys | None = None, *, spent: ReplayStore | None = None) -> None:
        self._keys = keys if keys is not None else SealingKeys()
        self._spent = spent

    def issue(self, state: TicketState, now: datetime, random: Random) -> bytes:
        """See `TicketStore`."""
        return self._keys.seal(TICKET_PURPOSE, TicketPlaintext(state=state).build(), now, random)

    def find(self, ticket: bytes, now: datetime) -> TicketState | None:
        """See `TicketStore`."""
        plaintext = self._keys.open(TICKET_PURPOSE, ticket, now)
        if plaintext is None:
            return None
        try:
            state = TicketPlaintext.parse(plaintext).state
        except DecodeError:
            # Sealed by a server of another version.
            return None
        return state if is_live(state, now) else None

    def spend(self, ticket: bytes, now: datetime) -> bool:
        """See `TicketStore`."""
        if self._spent is None:
            return True
        return self._spent.add(hashlib.sha256(ticket).digest(), now + timedelta(seconds=MAX_LIFETIME), now)


class MemoryTickets:
    """Tickets that are names of what this process keeps: at most `capacity`, of which the oldest give way.

    With `single_use` each is good for one connection.
    """

    def __init__(self, *, capacity: int = 10_000, single_use: bool = True) -> None:
        if capacity < 1:
            raise ConfigurationError(f"a store for {capacity} tickets", "give 1 or more")
        self._capacity = capacity
        self._single_use = single_use
        self._states: OrderedDict[bytes, TicketState] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._states)

    def issue(self, state: TicketState, now: datetime, random: Random) -> bytes:
        """See `TicketStore`."""
        ticket = random(32)
        with self._lock:
            self._states[ticket] = state
            while len(self._states) > self._capacity:
                self._states.popitem(last=False)
        return ticket

    def find(self, ticket: bytes, now: datetime) -> TicketState | None:
        """See `TicketStore`."""
        with self._lock:
            state = self._states.get(ticket)
            if state is not None and not is_live(state, now):
                del self._states[ticket]
                return None
        return state

    def spend(self, ticket: bytes, now: datetime) -> bool:
        """See `TicketStore`."""
        with self._lock:
            return not self._single_use or self._states.pop(ticket, None) is not None


def is_live(state: TicketState, now: datetime) -> bool:
    """Whether a ticket is within its lifetime."""
    return 0 <= ticket_age(state, now) < state.ticket_lifetime * 1000


def seconds_left(authentication_time: int, now: datetime) -> int:
    """How long a session may still go on, ticket by ticket: seven days altogether. §4.7.1"""
    return MAX_LIFETIME - (milliseconds(now) - authentication_time) // 1000


def ticket_age(state: TicketState, now: datetime) -> int:
    """Milliseconds since the ticket was issued."""
    return milliseconds(now) - state.creation_time
