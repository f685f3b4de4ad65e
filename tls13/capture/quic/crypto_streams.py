"""The CRYPTO frames of one side of a QUIC connection, in the place of a stream of records. RFC 9001 §4.1.3"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.code_points import ContentType
from schemas.record import RecordHeader
from tls13.capture.tls.record_starts import Start
from tls13.capture.tls.records import CapturedRecord, Found, GapReason, Hole


class CryptoStream:
    """Gives each piece out as if it were a handshake record: what makes messages of it takes such."""

    __slots__ = ("_number", "_starts_with", "start")

    cleartext = b""
    """Nothing comes before TLS."""

    def __init__(self, starts_with: Start) -> None:
        self.start: Start | None = None
        """What it starts with, None before it has."""
        self._starts_with = starts_with
        self._number = 0

    def __len__(self) -> int:
        """How many bytes are held: none."""
        return 0

    def feed(self, timestamp: int, offset: int, data: bytes, answering: bool) -> Sequence[Found]:
        """The piece at `offset`."""
        self.start = self._starts_with
        header = RecordHeader(type=ContentType.handshake, length=len(data))
        self._number += 1
        return (CapturedRecord(timestamp, self._number - 1, offset, header, header.build() + data),)

    def miss(self, timestamp: int, offset: int, length: int) -> Iterator[Found]:
        """The next `length` bytes are not in the capture."""
        yield Hole(timestamp, offset, length, GapReason.missing)

    def finish(self, timestamp: int) -> Iterator[Found]:
        """The stream is over, and leaves nothing unfinished."""
        yield from ()
