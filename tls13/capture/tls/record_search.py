"""Where a record starts in the middle of a segment: in a connection that was under way when the capture began."""

from __future__ import annotations

from tls13.capture.tls.record_starts import ANY_TYPE, HEADER, HEADER_LENGTH, is_content, is_header


class RecordSearch:
    """Looks in a stream's bytes, in order, for a record behind which another one starts.

    Only so much of a stream is looked at: two records of the greatest length are shorter, and what goes on longer
    without any is no TLS. `data` is what has been kept, from `offset` on; once a record is found, it starts with that.
    """

    __slots__ = ("_left", "_possible", "_seen", "data", "offset")

    def __init__(self) -> None:
        self.data = bytearray()
        self.offset = 0
        self._left = _SEARCHED
        self._seen = 0
        """How many of the bytes have been looked at for headers."""
        self._possible: list[int] = []
        """Where in the bytes records may start that are not all there, in order."""

    def add(self, offset: int, data: bytes | bytearray) -> bool:
        """Whether a record has been found, now that the bytes at `offset` are there."""
        if self._left <= 0:
            return False
        if not self.data:
            self.offset = offset
        self._left -= len(data)
        self.data += data
        self._look_for_headers()
        start = self._first_record()
        if start is not None:
            self._drop(start)
        elif self._left <= 0:
            self.data.clear()
        else:
            self._drop(self._possible[0] if self._possible else self._seen)
        return start is not None

    def _look_for_headers(self) -> None:
        for match in HEADER.finditer(self.data, self._seen):
            at = match.start()
            if len(self._possible) < _MOST_POSSIBLE and is_header(self.data[at : at + HEADER_LENGTH], ANY_TYPE):
                self._possible.append(at)
        self._seen = max(len(self.data) - HEADER_LENGTH + 1, self._seen)

    def _first_record(self) -> int | None:
        """Where the first of the possible records starts behind which a header stands. Forgets those that are none."""
        waiting = []
        for at in self._possible:
            length = int.from_bytes(self.data[at + 3 : at + HEADER_LENGTH], "big")
            end = at + HEADER_LENGTH + length
            following = is_header(self.data[end : end + HEADER_LENGTH], ANY_TYPE)
            if following is None:
                waiting.append(at)
            elif following and is_content(self.data[at], self.data[at + HEADER_LENGTH : end], length, under_way=True):
                return at
        self._possible = waiting
        return None

    def _drop(self, length: int) -> None:
        del self.data[:length]
        self.offset += length
        self._seen -= length
        self._possible = [at - length for at in self._possible]


_SEARCHED = 2**16
"""Bytes."""
_MOST_POSSIBLE = 32
"""Of bytes that are no TLS, one in a million looks like a header."""
