"""What is closed at the end of a `with` block: sockets, files, recordings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """A context manager by its `close`."""

    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """Ends it. `with` calls this however its block ends."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()
