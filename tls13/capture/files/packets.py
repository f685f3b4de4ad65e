"""A packet as a capture file holds it."""

from __future__ import annotations

from typing import NamedTuple


class Packet(NamedTuple):
    """One packet: nanoseconds since the epoch, LINKTYPE, the bytes captured, and how many it had on the wire.

    The timestamp is 0 where the file gives none.
    """

    timestamp: int
    link_type: int
    data: bytes
    length: int
