"""Bytes that a text writes down: hexadecimal in any of its usual dresses, and dumps with offsets and text beside."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MOST_DUMPED = 2**20
"""Bytes of a dump, those counted that it leaves out as being like those before."""

_SHOWN = 24
"""Characters of what can't be read that a complaint quotes."""


class NotHexadecimal(ValueError):
    """A text that does not write bytes down. Says what is wrong with it."""


def from_hexadecimal(text: str) -> bytes:
    """The bytes that a text writes down.

    Digits may stand in any groups, with spaces, commas, colons, `0x` or `\\x` between them. What xxd, hexdump -C, od,
    tcpdump, Wireshark and `openssl -debug` print is read too: the offsets say how many bytes stand on a line, and the
    text beside them is left alone. Raises NotHexadecimal.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    dump = _dump(lines)
    return _digits(text) if dump is None else dump


def begins_a_dump(line: str) -> bool:
    """Whether the line may be the first of a dump. Raises NotHexadecimal where it is of one that can't be read."""
    if _SWAPPED.match(line):
        raise NotHexadecimal("this dump swaps bytes: use hexdump -C or od -A x -t x1")
    return _offset(line) is not None and bool(_row(line))


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


_OFFSET = re.compile(r"\s*(?:0x)?([0-9a-fA-F]{4,8})(?::\s+| -\s+|\s{2,}|\s(?=[0-9a-fA-F]{2}(?:\s|$))|:?\s*$)")
"""What a dump's line begins with: never a group of digits with another one right behind it, as plain digits have."""

_SWAPPED = re.compile(r"\s*0{7}\s+[0-9a-fA-F]{4,6}\s")
"""The first line of what hexdump and od print if not told otherwise: words of two bytes, the bytes swapped."""

_BYTE = re.compile(r"[0-9a-fA-F]{2}")
_GAP = re.compile(r"-|[ \t]{0,2}")
"""Between two bytes of a dump's line: nothing in xxd's pairs, two spaces in the middle, a dash in openssl's."""

_WIDEST = 64
"""Bytes on a dump's line that has text beside them, at most."""

_REPEATED = "*"
"""hexdump's line for all that are like the one before."""


def _dump(lines: Sequence[str]) -> bytes | None:
    """The bytes of a dump, None where the lines are none. Raises NotHexadecimal where they begin like one."""
    if not lines or not begins_a_dump(lines[0]):
        return None
    first = _offset(lines[0])
    if first is None or (first and len(lines) < 2):
        return None
    data = bytearray()
    row = b""
    for number, line in enumerate(lines):
        if line.strip() == _REPEATED:
            continue
        offset = _offset(line)
        if offset is not None and lines[number - 1].strip() == _REPEATED:
            data += _repeated(row, offset - first - len(data), _MOST_DUMPED - len(data))
        if offset is None or offset - first != len(data):
            if number == 1 and not re.match(r"\s*\w+(?::| -)", lines[0]):
                return None  # digits that begin like a dump by chance
            what = quoted(line.strip())
            raise NotHexadecimal(f"line {number + 1} of the dump is not at offset {first + len(data):x}: {what}")
        row = _row(line)
        data += row
        if len(data) > _MOST_DUMPED:
            raise NotHexadecimal(f"the dump has more than {_MOST_DUMPED} bytes")
    return bytes(data)


def _offset(line: str) -> int | None:
    found = _OFFSET.match(line)
    return None if found is None else int(found.group(1), 16)


def _repeated(row: bytes, missing: int, most: int) -> bytes:
    """What a `*` stands for; nothing where it is more than may be."""
    return row * (missing // len(row)) if row and 0 < missing <= most else b""


def _row(line: str) -> bytes:
    """The bytes of a dump's line: as many as the text behind them shows, all where there is none."""
    found = _OFFSET.match(line)
    position = found.end() if found else 0
    data = bytearray()
    ends = [position]
    while (byte := _BYTE.match(line, position)) is not None:
        data += bytes.fromhex(byte.group())
        ends.append(byte.end())
        gap = _GAP.match(line, byte.end())
        position = gap.end() if gap else byte.end()
    # The text may look like more bytes.
    for count in range(min(len(data), _WIDEST), 0, -1):
        if _is_text_of(line[ends[count] :].removeprefix("-"), bytes(data[:count])):
            return bytes(data[:count])
    if line[position:].strip(" \t-"):
        raise NotHexadecimal(f"{quoted(line.strip())} is no line of a dump")
    return bytes(data)


_FRAMED = re.compile(r"\s+(?:\|(.*)\||>(.*)<)\s*")
"""The text beside a dump's bytes where it has bars or brackets around it."""


def _is_text_of(rest: str, data: bytes) -> bool:
    """Whether the rest of a line is the text of these bytes, as a dump shows it."""
    # The text may itself begin or end with spaces, or with what stands around others.
    cuts = [(each[: -len(data)], each[-len(data) :]) for each in (rest, rest.rstrip())]
    texts = [text for gap, text in cuts if len(gap) > 1 and gap.isspace()]
    if (framed := _FRAMED.fullmatch(rest)) is not None:
        texts.append(framed.group(1) or framed.group(2) or "")
    return any(len(text) == len(data) and all(map(_shows, text, data)) for text in texts)


def _shows(character: str, byte: int) -> bool:
    return character == chr(byte) or not (character.isascii() and 0x20 < byte < 0x7F)


def quoted(text: str) -> str:
    """The text as a complaint shows it."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
