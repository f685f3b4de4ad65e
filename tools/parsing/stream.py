"""What takes the messages of a capture one by one, and its connections as they end."""

from __future__ import annotations

from typing import ClassVar

from tls13.capture import Connection, Gap
from tools.parsing.facts import Entry, Facts


class Stream:
    """An output. It takes what it has a use for, and by default nothing.

    With `as_a_whole` it is about connections: whether one passes a filter is settled when it ends.
    """

    as_a_whole: ClassVar[bool] = False

    def wants(self, connection: Connection) -> bool:
        """Whether any of its messages matter."""
        return True

    def item(self, facts: Facts, item: Entry | Gap) -> None:
        """A message or gap that passes."""

    def end(self, facts: Facts, *, passed: bool) -> None:
        """A connection has ended."""

    @property
    def satisfied(self) -> bool:
        """Whether nothing that is still to come matters."""
        return False
