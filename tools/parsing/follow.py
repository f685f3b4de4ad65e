"""`tls13 parse --follow N`: what the two sides of one connection said to each other, and nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import BinaryIO

from rich.text import Text

from schemas.code_points import ContentType
from tls13.capture import Connection, Direction, Gap, Message, Transport
from tools.parsing.facts import Entry, Facts
from tools.parsing.findings import brief
from tools.parsing.stream import Stream
from tools.timestamps import time_of_day
from tools.values.tree import PlainConsole, count_of, hexdump


class Follower(Stream, ABC):
    """Prints the application data of connection `number` as it came; of no other connection anything.

    `data` counts the bytes shown, `sealed` the records that stay encrypted, of which `why` is the first one's reason.
    `found` says that there is such a connection, `satisfied` that it has ended.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.found = False
        self.data = 0
        self.sealed = 0
        self.why = ""
        self._ended = False

    @property
    def satisfied(self) -> bool:
        return self._ended

    def wants(self, connection: Connection) -> bool:
        return connection.number == self.number and connection.transport is Transport.tcp

    def item(self, facts: Facts, item: Entry | Gap) -> None:
        self.found = True
        if isinstance(item, Gap):
            self.write_gap(item)
        elif item.message.content_type is ContentType.application_data:
            self._take(item.message)

    def end(self, facts: Facts, *, passed: bool) -> None:
        self.found = self._ended = True

    @abstractmethod
    def write(self, message: Message) -> None:
        """Shows one record's plaintext."""

    def write_gap(self, gap: Gap) -> None:
        """Shows that something is missing, where that can be shown."""

    def _take(self, message: Message) -> None:
        if message.opaque:
            self.sealed += 1
            self.why = self.why or brief(str(message.note))
        elif message.raw:
            self.data += len(message.raw)
            self.write(message)


class FollowedText(Follower):
    """As text, or a hex dump, under a line that says who speaks."""

    def __init__(self, number: int, out: PlainConsole, *, dump: bool) -> None:
        super().__init__(number)
        self._out = out
        self._dump = dump
        self._speaker: Direction | None = None
        self._ends_line = True

    def write(self, message: Message) -> None:
        if self._dump or message.direction is not self._speaker:
            self._announce(message)
        if self._dump:
            self._out.print(hexdump(message.raw))
            return
        text = readable(message.raw)
        self._ends_line = text.endswith("\n")
        if self._out.is_terminal:
            style = "cyan" if message.direction is Direction.client else "magenta"
            self._out.print(Text(text, style), end="", soft_wrap=True)
        else:
            self._out.file.write(text)

    def write_gap(self, gap: Gap) -> None:
        self._end_line()
        self._speaker = None
        self._out.print(Text(f"({gap})", "red"))

    def end(self, facts: Facts, *, passed: bool) -> None:
        super().end(facts, passed=passed)
        self._end_line()

    def _announce(self, message: Message) -> None:
        self._end_line()
        self._speaker = message.direction
        line = f"--- {message.direction} → {message.direction.opposite}  {time_of_day(message.timestamp)}"
        size = f"  {count_of(len(message.raw), 'byte')}" if self._dump else ""
        self._out.print(Text(f"{line}{size}", "dim"))

    def _end_line(self) -> None:
        if not self._ends_line:
            self._out.print()
            self._ends_line = True


class FollowedBytes(Follower):
    """As the very bytes, one side's behind the other's as they came; with a filter, those of one side."""

    def __init__(self, number: int, out: BinaryIO) -> None:
        super().__init__(number)
        self._out = out

    def write(self, message: Message) -> None:
        self._out.write(message.raw)


def readable(data: bytes) -> str:
    """UTF-8 text with all that a terminal would obey made visible, but for line ends and tabs."""
    return "".join(map(_shown, data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")))


def _shown(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
