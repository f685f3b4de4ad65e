"""Bytes as people have them on a command line: in files, piped in, or written down."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tls13.capture.files.hexadecimal import NotHexadecimal, from_hexadecimal, quoted
from tools.exit_status import ExitStatus
from tools.failures import CommandError

STDIN = "-"
MOST_BYTES = 2**20
"""So many bytes can be looked at, and are read of a file."""

MOST_TEXT = 5 * MOST_BYTES
"""What is read of a file that holds a dump of bytes: more than four characters for each."""


@dataclass(frozen=True, slots=True)
class Input:
    """Bytes to look at, and what they were read from, for people."""

    data: bytes
    source: str


def read_input(arguments: Sequence[str]) -> Input:
    """The bytes that a command's arguments name: a file, `-` for standard input, or hexadecimal.

    Raises CommandError, and OSError of a file.
    """
    text = " ".join(arguments)
    if list(arguments) == [STDIN]:
        return _from_stream(_stdin(), "standard input")
    if len(arguments) == 1 and _is_file(text):
        with Path(text).open("rb") as file:
            return _from_stream(file, text)
    try:
        data = from_hexadecimal(text)
    except NotHexadecimal as error:
        kind = "neither a file nor hexadecimal" if len(arguments) == 1 else "no hexadecimal"
        raise CommandError(
            f"{quoted(text)} is {kind}: {error}",
            "give bytes as 16 03 01 …, a file with them or with their hexadecimal, or - for standard input",
            status=ExitStatus.USAGE,
        ) from None
    return Input(data, "")


def _from_stream(stream: BinaryIO, source: str) -> Input:
    data = stream.read(MOST_TEXT + 1)
    if data.isascii() and len(data) <= MOST_TEXT:
        with suppress(NotHexadecimal):  # a file of bytes may happen to be text
            data, source = from_hexadecimal(data.decode("ascii")), f"{source}, hexadecimal"
    if len(data) > MOST_BYTES:
        hint = "cut out the part that you want explained"
        raise CommandError(f"{source} holds more than {MOST_BYTES} bytes", hint, status=ExitStatus.USAGE)
    return Input(data, source)


def _stdin() -> BinaryIO:
    if sys.stdin is None or sys.stdin.isatty():
        hint = "pipe bytes or hexadecimal into it, or name a file"
        raise CommandError("nothing comes from standard input", hint, status=ExitStatus.USAGE)
    return sys.stdin.buffer


def _is_file(name: str) -> bool:
    try:
        return os.path.exists(name)
    except ValueError:  # a name that no file can have
        return False
