"""Record padding: how many zeros hide the length of what a protected record carries. RFC 9846 §5.4.

A policy says how many; the record layer seals them in. What a policy needs of chance it draws from the `random` that it
is given, so that a connection with a fixed source replays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from schemas.code_points import ContentType
from schemas.record import MAX_PLAINTEXT
from tls13.crypto import Random
from tls13.errors import ConfigurationError


class PaddingPolicy(Protocol):
    """Decides on the padding of each protected record that is sent."""

    def padding(self, content_type: ContentType, length: int, room: int, random: Random, /) -> int:
        """How many zeros go behind `length` bytes of content and their type: 0 to `room`, which is all that fits."""


@dataclass(frozen=True, slots=True)
class NoPadding:
    """Every record is as long as its content makes it."""

    def padding(self, content_type: ContentType, length: int, room: int, random: Random, /) -> int:
        """See `PaddingPolicy`."""
        return 0


@dataclass(frozen=True, slots=True)
class PadToMultiple:
    """Content, its type and the zeros come to a multiple of so many bytes, or fill the record where none fits.

    Raises ConfigurationError for a multiple that is not 1 to 2^14 + 1 bytes; the last pads every record in full.
    """

    multiple: int

    def __post_init__(self) -> None:
        if not 1 <= self.multiple <= MAX_PLAINTEXT + 1:
            raise ConfigurationError(
                f"padding to a multiple of {self.multiple} bytes", f"give 1 to {MAX_PLAINTEXT + 1}"
            )

    def padding(self, content_type: ContentType, length: int, room: int, random: Random, /) -> int:
        """See `PaddingPolicy`."""
        return min(-(length + 1) % self.multiple, room)


@dataclass(frozen=True, slots=True)
class RandomPadding:
    """0 to `maximum` zeros, or as many as fit, each number as likely as another.

    Raises ConfigurationError for a maximum that is not 0 to 2^14 bytes.
    """

    maximum: int

    def __post_init__(self) -> None:
        if not 0 <= self.maximum <= MAX_PLAINTEXT:
            raise ConfigurationError(f"up to {self.maximum} bytes of padding", f"give 0 to {MAX_PLAINTEXT}")

    def padding(self, content_type: ContentType, length: int, room: int, random: Random, /) -> int:
        """See `PaddingPolicy`. Draws 8 bytes, so many that the remainder favours no number by more than 2^-49."""
        return int.from_bytes(random(8), "big") % (min(self.maximum, room) + 1)
