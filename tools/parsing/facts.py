"""What is known of a connection while its messages go by: how many, how large, and what the reader makes of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from schemas.code_points import ContentType
from tls13.capture import Connection, Direction, Judgement, Message


@dataclass(frozen=True, slots=True)
class Entry:
    """A message, and which of its connection it is."""

    number: int
    message: Message


class Facts:
    """A connection of a file, what has been counted of it, and its judgement.

    `data` counts bytes of application data in each direction, `encrypted` those of records that stay encrypted, of
    which nobody can tell what they hold. `last_at` is the last message's time in nanoseconds, None before there is one.
    """

    def __init__(self, file: str, connection: Connection) -> None:
        self.file = file
        self.connection = connection
        self.messages = 0
        self.opaque = 0
        self.data: Counter[Direction] = Counter()
        self.encrypted: Counter[Direction] = Counter()
        self.last_at: int | None = None
        self._judgement: Judgement | None = None

    @property
    def judgement(self) -> Judgement:
        """What there is to be said of the connection as a whole; made once, and once more when it is over."""
        if self._judgement is None:
            self._judgement = self.connection.judgement
        return self._judgement

    @property
    def duration(self) -> int | None:
        """From the first packet to the last message, in nanoseconds."""
        return None if self.last_at is None else self.last_at - self.connection.started

    def learn(self, message: Message) -> Entry:
        """Counts the next message."""
        entry = Entry(self.messages, message)
        self.messages += 1
        self.opaque += message.opaque
        self.last_at = message.timestamp
        if message.opaque:
            self.encrypted[message.direction] += len(message.raw)
        elif message.content_type is ContentType.application_data:
            self.data[message.direction] += len(message.raw)
        return entry

    def settle(self) -> None:
        """All messages have been learnt: what was judged before may be out of date."""
        self._judgement = None
