"""What one process leaves for others, in files: large batches that one of them takes, notes that all of them read.

Nobody has to be there to take them, so that nobody waits for somebody who waits for him. Only where a disk gets full,
batches wait for room.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from typing import Generic, TypeVar

from tls13.closing import Closing
from tools.failures import CommandError

T = TypeVar("T")

_PAUSE = 0.01


class Outbox(Generic[T]):
    """Where batches are put, each in a file that appears whole. `stem` is the path that they have in common.

    While less than `reserve` bytes of the disk are free, one waits until that before it has been taken, but for when
    `hurry` says that somebody waits for this process.
    """

    def __init__(self, stem: Path, reserve: int = 0, hurry: Callable[[], bool] = bool) -> None:
        self._stem = stem
        self._reserve = reserve
        self._hurry = hurry
        self._number = 0

    def put(self, batch: T) -> None:
        """One more. Raises CommandError where it can't be written."""
        path, before = (_path(self._stem, number) for number in (self._number, self._number - 1))
        unfinished = path.with_name(f"{path.name}~")
        with working_in(path.parent):
            while before.exists() and disk_usage(path.parent).free < self._reserve and not self._hurry():
                time.sleep(_PAUSE)
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
    """A file to which notes are added. Raises CommandError where it can't be written."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        with working_in(self._folder):
            self._file = path.open("ab")

    def add(self, note: T) -> None:
        """One more. Raises CommandError where it can't be written."""
        with working_in(self._folder):
            pickle.dump(note, self._file, pickle.HIGHEST_PROTOCOL)
            self._file.flush()

    def close(self) -> None:
        """What was added stays."""
        with working_in(self._folder):
            self._file.close()


class JournalReader(Closing, Generic[T]):
    """Reads them, in their order, while more are added. Raises CommandError where there is no such file."""

    def __init__(self, path: Path) -> None:
        with working_in(path.parent):
            self._file = path.open("rb")

    def read(self) -> T | None:
        """The next one, None while there is none that is whole. Raises OSError."""
        start = self._file.tell()
        try:
            note: T = pickle.load(self._file)
        except (EOFError, pickle.UnpicklingError):
            self._file.seek(start)
            return None
        return note

    def close(self) -> None:
        """Reads no more."""
        self._file.close()


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Where that fails, CommandError is raised, as it takes words: nobody has named that folder."""
    try:
        yield
    except OSError as error:
        what = f"cannot work in the temporary folder {folder}: {error.strerror or error}"
        raise CommandError(what, "set TMPDIR to one with more room, or leave out --jobs") from None


def _path(stem: Path, number: int) -> Path:
    return stem.with_name(f"{stem.name}.{number}")
