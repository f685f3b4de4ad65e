"""Where a record starts in the middle of a segment: in a connection that was under way when the capture began."""

from __future__ import annotations

from tls13.capture.tls.record_starts import ANY_TYPE, HEADER, HEADER_LENGTH, is_content, is_header


class RecordSearch:
    """Looks in a stream's bytes, in order, for a record behind which another one starts.

    Only so much of a stream is looked at: two records of the greatest length are shorter, and what goes on longer
    without any is no TLS. `data` is what has been kept, from `offset` on; once a record is found, it starts with that.
    """

    __slots__ = ("_left", "data", "offset")

    def __init__(self) -> None:
        self.data = bytearray()
        self.offset = 0
        self._left = _SEARCHED

    def add(self, offset: int, data: bytes | bytearray) -> bool:
        """Whether a record has been found, now that the bytes at `offset` are there."""
        if self._left <= 0:
            return False
        if not self.data:
            self.offset = offset
        self._left -= len(data)
        self.data += data
        at, is_found = _first_record(self.data)
        if self._left <= 0 and not is_found:
            at = len(self.data)
        del self.data[:at]
        self.offset += at
        return is_found


def _first_record(data: bytearray) -> tuple[int, bool]:
    """Where the first record starts; where none is sure to, the first place that more data may make one, and False."""
    possible = max(len(data) - HEADER_LENGTH + 1, 0)
    for match in HEADER.finditer(data):
        at = match.start()
        length = int.from_bytes(data[at + 3 : at + HEADER_LENGTH], "big")
        end = at + HEADER_LENGTH + length
        if not is_header(data[at : at + HEADER_LENGTH], ANY_TYPE):
            continue
        if not is_content(data[at], data[at + HEADER_LENGTH : end], length, under_way=True):
            continue
        following = is_header(data[end : end + HEADER_LENGTH], ANY_TYPE)
        if following:
            return at, True
        if following is None:
            possible = min(possible, at)
    return possible, False


_SEARCHED = 2**16
"""Bytes."""
