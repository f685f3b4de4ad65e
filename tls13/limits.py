"""Bounds on what a peer can make an endpoint hold or do."""

from __future__ import annotations

from dataclasses import dataclass

from tls13.errors import ConfigurationError, TooManyMessages


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an endpoint puts up with. Raises ConfigurationError for a negative number.

    `handshake_message` is in bytes, `early_data` the bytes of refused 0-RTT records to skip, `ticket` those of a ticket
    that is kept. `certificates` is the length of a chain, `tickets` how many a socket keeps of one connection, or a
    client may ask for; `certificate_requests` how many may come after the handshake, or wait for an answer then;
    `psk_identities` how many of those offered are looked at. `empty_records` and `key_updates` count those with nothing
    useful between them; `change_cipher_specs` and `warning_alerts` all of them.
    """

    handshake_message: int = 2**18
    early_data: int = 2**15
    certificates: int = 16
    psk_identities: int = 8
    ticket: int = 2**14
    tickets: int = 16
    certificate_requests: int = 8
    change_cipher_specs: int = 32
    empty_records: int = 32
    key_updates: int = 512
    warning_alerts: int = 4

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 0:
                raise ConfigurationError(f"limit {name} is negative", "give 0 or more")


class Tally:
    """Counts one thing that a peer does without getting anywhere."""

    def __init__(self, what: str, limit: int) -> None:
        self._what = what
        self._limit = limit
        self._counted = 0

    def count(self) -> None:
        """One more. Raises TooManyMessages over the limit."""
        self._counted += 1
        if self._counted > self._limit:
            raise TooManyMessages(f"more than {self._limit} {self._what}")

    def reset(self) -> None:
        """Something useful has happened."""
        self._counted = 0
