"""Bytes as people have them: hexadecimal in any of its usual dresses, dumps with offsets and text beside, files."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tools.exit_status import ExitStatus
from tools.failures import CommandError

STDIN = "-"
MOST_BYTES = 2**20
"""So many bytes can be looked at, and are read of a file."""

MOST_TEXT = 5 * MOST_BYTES
"""What is read of a file that holds a dump of bytes: more than four characters for each."""

SHOWN = 24
"""Characters of what can't be read that a complaint quotes."""


@dataclass(frozen=True, slots=True)
class Input:
    """Bytes to look at, and what they were read from, for people."""

    data: bytes
    source: str


class NotHexadecimal(ValueError):
    """A text that does not write bytes down. Says what is wrong with it."""


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
            f"{_quoted(text)} is {kind}: {error}",
            "give bytes as 16 03 01 …, a file with them or with their hexadecimal, or - for standard input",
            status=ExitStatus.USAGE,
        ) from None
    return Input(data, "")


def from_hexadecimal(text: str) -> bytes:
    """The bytes that a text writes down.

    Digits may stand in any groups, with spaces, commas, colons, `0x` or `\\x` between them. What xxd, hexdump -C, od,
    tcpdump, Wireshark and `openssl -debug` print is read too: the offsets say how many bytes stand on a line, and the
    text beside them is left alone. Raises NotHexadecimal.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    dump = _dump(lines)
    return _digits(text) if dump is None else dump


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


SEPARATORS = re.compile(r"0[xX]|\\x|[\s,:;{}()\[\]\"'_-]+")


def _digits(text: str) -> bytes:
    """Digits with anything between them that people put there. Raises NotHexadecimal."""
    digits = SEPARATORS.sub("", text)
    strange = re.search(r"[^0-9a-fA-F]", digits)
    if strange is not None:
        raise NotHexadecimal(f"{strange.group()!r} is no hexadecimal digit")
    if len(digits) % 2:
        raise NotHexadecimal(f"an odd number of digits, {len(digits)}, makes no whole bytes")
    return bytes.fromhex(digits)


OFFSET = re.compile(r"\s*(?:0x)?([0-9a-fA-F]{4,8})(?::\s+| -\s+|\s{2,}|\s(?=[0-9a-fA-F]{2}(?:\s|$))|:?\s*$)")
"""What a dump's line begins with: never a group of digits with another one right behind it, as plain digits have."""

SWAPPED = re.compile(r"\s*0{7}\s+[0-9a-fA-F]{4,6}\s")
"""The first line of what hexdump and od print if not told otherwise: words of two bytes, the bytes swapped."""

BYTE = re.compile(r"[0-9a-fA-F]{2}")
GAP = re.compile(r"-|[ \t]{0,2}")
"""Between two bytes of a dump's line: nothing in xxd's pairs, two spaces in the middle, a dash in openssl's."""

WIDEST = 64
"""Bytes on a dump's line that has text beside them, at most."""

REPEATED = "*"
"""hexdump's line for all that are like the one before."""


def _dump(lines: Sequence[str]) -> bytes | None:
    """The bytes of a dump, None where the lines are none. Raises NotHexadecimal where they begin like one."""
    if lines and SWAPPED.match(lines[0]):
        raise NotHexadecimal("this dump swaps bytes: use hexdump -C or od -A x -t x1")
    first = _offset(lines[0]) if lines else None
    if first is None or not _row(lines[0]) or (first and len(lines) < 2):
        return None
    data = bytearray()
    row = b""
    for number, line in enumerate(lines):
        if line.strip() == REPEATED:
            continue
        offset = _offset(line)
        if offset is not None and lines[number - 1].strip() == REPEATED:
            data += _repeated(row, offset - first - len(data))
        if offset is None or offset - first != len(data):
            if number == 1 and not re.match(r"\s*\w+(?::| -)", lines[0]):
                return None  # digits that begin like a dump by chance
            quoted = _quoted(line.strip())
            raise NotHexadecimal(f"line {number + 1} of the dump is not at offset {first + len(data):x}: {quoted}")
        row = _row(line)
        data += row
    return bytes(data)


def _offset(line: str) -> int | None:
    found = OFFSET.match(line)
    return None if found is None else int(found.group(1), 16)


def _repeated(row: bytes, missing: int) -> bytes:
    """What a `*` stands for."""
    return row * (missing // len(row)) if row and 0 < missing <= MOST_BYTES else b""


def _row(line: str) -> bytes:
    """The bytes of a dump's line: as many as the text behind them shows, all where there is none."""
    found = OFFSET.match(line)
    position = found.end() if found else 0
    data = bytearray()
    ends = [position]
    while (byte := BYTE.match(line, position)) is not None:
        data += bytes.fromhex(byte.group())
        ends.append(byte.end())
        gap = GAP.match(line, byte.end())
        position = gap.end() if gap else byte.end()
    # The text may look like more bytes.
    for count in range(min(len(data), WIDEST), 0, -1):
        if _is_text_of(line[ends[count] :].removeprefix("-"), bytes(data[:count])):
            return bytes(data[:count])
    if line[position:].strip(" \t-"):
        raise NotHexadecimal(f"{_quoted(line.strip())} is no line of a dump")
    return bytes(data)


FRAMED = re.compile(r"\s+(?:\|(.*)\||>(.*)<)\s*")
"""The text beside a dump's bytes where it has bars or brackets around it."""


def _is_text_of(rest: str, data: bytes) -> bool:
    """Whether the rest of a line is the text of these bytes, as a dump shows it."""
    # The text may itself begin or end with spaces, or with what stands around others.
    cuts = [(each[: -len(data)], each[-len(data) :]) for each in (rest, rest.rstrip())]
    texts = [text for gap, text in cuts if len(gap) > 1 and gap.isspace()]
    if (framed := FRAMED.fullmatch(rest)) is not None:
        texts.append(framed.group(1) or framed.group(2) or "")
    return any(len(text) == len(data) and all(map(_shows, text, data)) for text in texts)


def _shows(character: str, byte: int) -> bool:
    return character == chr(byte) or not (character.isascii() and 0x20 < byte < 0x7F)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
