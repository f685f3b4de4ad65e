"""How much of a capture is held at a time."""

from __future__ import annotations

from dataclasses import dataclass

from tls13.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on the memory that a capture can take. Where one is hit, a warning says so and reading goes on.

    `block` is the largest packet or pcapng block in bytes; `secrets` how many secrets are taken out of the file;
    `fragments` how many bytes of IP fragments wait for the rest of their datagrams.
    `connections` is how many are followed at once, `unfinished` how many bytes of segments, records and messages they
    may keep that are not whole yet; over either, those that have been silent for longest are given up. Of one
    direction, `reordered` bytes in at most `reordered_segments` pieces wait for a missing segment, which is given up
    earlier where its receiver has acknowledged it `overdue` times; `handshake_message` bytes are put together of one
    message; `held` bytes of records wait for the ServerHello that tells how to read them. `backlog` and
    `total_backlog` are bytes of messages that wait to be taken, of one connection and of all.
    `sequence_numbers` is how many are tried for the first record after missing ones.
    """

    block: int = 2**24
    secrets: int = 200_000
    fragments: int = 2**22
    connections: int = 8_000
    unfinished: int = 2**25
    reordered: int = 2**20
    reordered_segments: int = 1024
    overdue: int = 16
    handshake_message: int = 2**20
    held: int = 2**20
    backlog: int = 2**25
    total_backlog: int = 2**26
    sequence_numbers: int = 1024

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ConfigurationError(f"capture limit {name} is below 1")
