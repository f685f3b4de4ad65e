"""What `tls13 parse` is given to read: files, folders of them, standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from tls13.capture import WHOLE, Capture, CaptureError, Part, captures_in, read_capture
from tls13.keylog import KeyLog
from tools.exit_status import ExitStatus
from tools.failures import CommandError

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Input:
    """One capture to be, by its path."""

    name: str

    @property
    def shown_as(self) -> str:
        return "standard input" if self.name == STDIN else self.name

    @property
    def is_anywhere(self) -> bool:
        """Whether other processes find it by its name: not standard input, nor what else was opened for this one."""
        return self.name != STDIN and not self.name.startswith(("/dev/", "/proc/"))

    @property
    def size(self) -> int | None:
        """In bytes, None where it has none that is known before."""
        try:
            return None if self.name == STDIN else os.stat(self.name).st_size
        except OSError:
            return None


def inputs(names: list[str]) -> list[Input]:
    """The files of all names, those of a folder in the order of their paths.

    Raises CaptureError for a folder without captures, CommandError.
    """
    found = [each for name in names for each in _expanded(name)]
    if sum(each.name == STDIN for each in found) > 1:
        raise CommandError("standard input can be read once", "name it once", status=ExitStatus.USAGE)
    return found


def open_capture(
    which: Input, file: BinaryIO | None, secrets: KeyLog, psks: Mapping[bytes, bytes], part: Part = WHOLE
) -> Capture:
    """The capture, out of a file that is open already where one is given. Raises CaptureError that names the input."""
    try:
        return read_capture(file or which.name, keylog=secrets, psks=psks, part=part)
    except CaptureError as error:
        what = str(error) if which.name in str(error) else f"{which.shown_as}: {error}"
        raise CaptureError(what, error.hint) from None


def standard_input() -> BinaryIO:
    """Its bytes. Raises CommandError for a terminal, or nothing at all."""
    if sys.stdin is None or sys.stdin.isatty():
        hint = "pipe a capture into it, or name a file"
        raise CommandError("standard input is no capture", hint, status=ExitStatus.USAGE)
    return sys.stdin.buffer


def _expanded(name: str) -> Iterator[Input]:
    if name == STDIN or not os.path.isdir(name):
        yield Input(name)
    else:
        yield from (Input(str(path)) for path in captures_in(name))
