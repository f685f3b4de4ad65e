"""Exact reads from the stream that a capture is in: how far it has been read, and where it ends in the middle."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Readable(Protocol):
    """What is asked of a stream: some of its bytes, none at its end."""

    def read(self, size: int, /) -> bytes: ...


class CutShortError(Exception):
    """The stream ends in the middle of something."""


class CorruptError(Exception):
    """The framing cannot be followed any further."""


class ExactReader:
    """Reads as many bytes as are asked for, never more at once than the limit."""

    def __init__(self, stream: Readable, limit: int) -> None:
        self._stream = stream
        self._read = stream.read
        self._limit = limit
        self.position = 0
        """How many bytes have been read."""

    def take(self, size: int, of: str, number: int = 0) -> bytes:
        """The next `size` bytes, of that thing, or of the one with that number.

        Raises CutShortError where the stream ends before, CorruptError over the limit.
        """
        data = self.take_or_end(size, of, number)
        if len(data) != size:
            raise CutShortError(f"it ends at byte {self.position}, in {_called(of, number)}")
        return data

    def take_or_end(self, size: int, of: str, number: int = 0) -> bytes:
        """The same, but empty at the end of the stream."""
        if size > self._limit:
            what = _called(of, number)
            raise CorruptError(f"at byte {self.position} {what} says {size} bytes, over the limit of {self._limit}")
        data = self._read(size)
        if 0 < len(data) < size:
            data = self._the_rest(data, size)
        self.position += len(data)
        if data and len(data) < size:
            raise CutShortError(f"it ends at byte {self.position}, in {_called(of, number)}")
        return data

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, as many as the stream gives at once."""
        data = self._read(size)
        self.position += len(data)
        return data

    def _the_rest(self, data: bytes, size: int) -> bytes:
        """What a stream gives that answers in pieces, as a pipe may."""
        pieces, length = [data], len(data)
        while length < size and (more := self._read(size - length)):
            pieces.append(more)
            length += len(more)
        return b"".join(pieces)


def _called(of: str, number: int) -> str:
    return f"{of} {number}" if number else of


class Rejoined(io.RawIOBase):
    """A stream with the bytes put back that were read to recognise it."""

    def __init__(self, head: bytes, stream: Readable) -> None:
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._head or self._stream.read(len(view))
        self._head = data[len(view) :]
        given = data[: len(view)]
        view[: len(given)] = given
        return len(given)
