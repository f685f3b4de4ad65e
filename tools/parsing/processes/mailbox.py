"""What one process leaves for others, in files: large batches that one of them takes, notes that all of them read.

Nobody has to be there to take them, so that nobody waits for somebody who waits for him.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Generic, TypeVar

from tls13.closing import Closing

T = TypeVar("T")


class Outbox(Generic[T]):
    """Where batches are put, each in a file that appears whole. `stem` is the path that they have in common."""

    def __init__(self, stem: Path) -> None:
        self._stem = stem
        self._number = 0

    def put(self, batch: T) -> None:
        """One more. Raises OSError."""
        path = _path(self._stem, self._number)
        unfinished = path.with_name(f"{path.name}~")
        with unfinished.open("wb") as file:
            pickle.dump(batch, file, pickle.HIGHEST_PROTOCOL)
        os.replace(unfinished, path)
        self._number += 1


class Inbox(Generic[T]):
    """Where they are taken, in their order."""

    def __init__(self, stem: Path) -> None:
        self._stem = stem
        self._number = 0

    def take(self) -> T | None:
        """The next one, whose file goes; None while there is none. Raises OSError."""
        path = _path(self._stem, self._number)
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return None
        with file:
            batch: T = pickle.load(file)
        path.unlink()
        self._number += 1
        return batch


class Journal(Closing, Generic[T]):
    """A file to which notes are added."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def add(self, note: T) -> None:
        """One more. Raises OSError."""
        pickle.dump(note, self._file, pickle.HIGHEST_PROTOCOL)
        self._file.flush()

    def close(self) -> None:
        """What was added stays."""
        self._file.close()


class JournalReader(Generic[T]):
    """Reads them, in their order, while more are added."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def read(self) -> T | None:
        """The next one, None while there is none that is whole. Raises OSError."""
        try:
            if os.stat(self._path).st_size <= self._at:
                return None
            with open(self._path, "rb") as file:
                file.seek(self._at)
                note: T = pickle.load(file)
                self._at = file.tell()
        except (FileNotFoundError, EOFError, pickle.UnpicklingError):
            return None
        return note


def _path(stem: Path, number: int) -> Path:
    return stem.with_name(f"{stem.name}.{number}")
