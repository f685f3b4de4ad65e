"""How long records may be that the two sides send each other: record_size_limit and max_fragment_length.

RFC 8449 §4, RFC 6066 §4
"""

from __future__ import annotations

from schemas.code_points import MaxFragmentLength
from tls13.errors import ForbiddenValue
from tls13.record_layer import MAX_INNER_PLAINTEXT
from tls13.wire import Wire

MIN_RECORD_SIZE_LIMIT = 64

FRAGMENT_LENGTHS = {
    MaxFragmentLength.bytes_512: 2**9,
    MaxFragmentLength.bytes_1024: 2**10,
    MaxFragmentLength.bytes_2048: 2**11,
    MaxFragmentLength.bytes_4096: 2**12,
}


def check_record_size_limit(limit: int | None, message: str) -> None:
    """Raises ForbiddenValue for one that is too small. RFC 8449 §4"""
    if limit is not None and limit < MIN_RECORD_SIZE_LIMIT:
        raise ForbiddenValue(f"record_size_limit is {limit}, under {MIN_RECORD_SIZE_LIMIT}", message=message)


def check_max_fragment_length(length: MaxFragmentLength | None, message: str) -> None:
    """Raises ForbiddenValue for a number that stands for no length. RFC 6066 §4"""
    if length is not None and length not in FRAGMENT_LENGTHS:
        raise ForbiddenValue(f"max_fragment_length is {length}", message=message)


def limit_records(wire: Wire, theirs: int, own: int | None) -> None:
    """Both sides have said how much their records may hold: content, type and padding, in bytes."""
    wire.send_limit = min(theirs, MAX_INNER_PLAINTEXT)
    wire.receive_limit = MAX_INNER_PLAINTEXT if own is None else min(own, MAX_INNER_PLAINTEXT)


def limit_fragments(wire: Wire, length: MaxFragmentLength) -> None:
    """Both sides have agreed on a length of the content, which holds for both directions."""
    wire.send_limit = wire.receive_limit = FRAGMENT_LENGTHS[length] + 1
