"""Randomness that is known beforehand, as traces and published figures have it."""

from __future__ import annotations

from typing import Self


class Draws:
    """A source of randomness that gives these draws in their order, each to a request for just as many bytes."""

    def __init__(self, *draws: bytes) -> None:
        self._left = list(draws)

    @classmethod
    def of_32(cls, data: bytes) -> Self:
        """Each of 32 bytes; what is left over is none."""
        return cls(*(data[start : start + 32] for start in range(0, 32 * (len(data) // 32), 32)))

    def __call__(self, length: int) -> bytes:
        data = self._left.pop(0)
        assert len(data) == length
        return data

    @property
    def is_used_up(self) -> bool:
        return not self._left
