"""`tls13 explain`: bytes, field by field, beside their hexadecimal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import Annotated

import typer
from rich.text import Text

from schemas.errors import DecodeError
from tools.exit_status import ExitStatus
from tools.explaining.annotation import Annotation, Cell, Row
from tools.explaining.guesses import Guess, Reading, attempts, guess, reading_as
from tools.explaining.hex_input import Input, read_input
from tools.explaining.pieces import Piece
from tools.failures import CommandError, complain, reports_failures
from tools.values.tree import PlainConsole, console, count_of

NARROWEST, WIDEST = 80, 120
HEX_WIDTH = 23
"""Columns of hexadecimal: eight bytes."""

STEP, HANGING = 2, 2
"""Columns that a level of the tree is indented by, and a line that goes on."""

ELSEWHERE: Mapping[bytes, str] = {
    b"\xd4\xc3\xb2\xa1": "it is a capture: tls13 parse FILE reads it",
    b"\xa1\xb2\xc3\xd4": "it is a capture: tls13 parse FILE reads it",
    b"\n\r\r\n": "it is a capture: tls13 parse FILE reads it",
    b"\x1f\x8b": "it is compressed: gunzip it, or give it to tls13 parse if it is a capture",
    b"-----BEGIN": "it is PEM: openssl asn1parse -in FILE takes that apart",
    b"\x30\x82": "it is DER: openssl asn1parse -inform DER -in FILE takes that apart",
    b"HTTP/": "it is HTTP without TLS",
    b"GET ": "it is HTTP without TLS",
}
"""What bytes may be that are often met beside TLS, by how they start."""

LEAST_TEXT = 24
"""So many columns a field is told in, however deep it stands."""

MARK = ">>"
MOST_ERRORS = 5
MOST_OTHERS = 4
"""So many errors are repeated at the end, and so many other readings of the same bytes are named."""

_FAINT, _NAME, _VALUE, _WRONG = "dim", "", "green", "bold red"


@reports_failures
def explain(
    what: Annotated[
        list[str],
        typer.Argument(metavar="HEX|FILE", help="Bytes in hexadecimal; a file of them or of their hexadecimal; -."),
    ],
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="What the bytes are, where the guess is wrong."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Cut neither long bytes nor long lists.")] = False,
) -> None:
    """Explain bytes of TLS, field by field.

    What each says, what it is for, and in which RFC that stands. Records, handshake messages (also when split over
    records, also of TLS 1.2), alerts, extensions and whole blocks of them, and any other structure. What the bytes
    are is guessed, and said. Of malformed bytes everything up to the error is shown, and the byte is marked.

    \b
    Hexadecimal may have spaces, colons or 0x in it; dumps of xxd, hexdump -C, tcpdump, Wireshark and
    openssl -debug are read with their offsets and text. - is standard input.
    \b
    --as takes any name that `tls13 schema` lists, and an extension with the message that it is in:
      ClientHello  Certificate  ECHConfigList  key_share/server_hello  extensions/client_hello
    \b
    Examples:
      tls13 explain 15 03 03 00 02 02 28
      tls13 explain 002b0002 0304 --as Extension/server_hello
      xxd hello.bin | tls13 explain -
    \b
    Exit status:
      0    all of it was read
      1    it is malformed, or nothing that is known here
      2    wrong usage: no such file, name or hexadecimal
      130  stopped by Ctrl-C
      141  nobody reads the output any more
    """
    given = read_input(what)
    if not given.data:
        hint = "give some hexadecimal, or a file that is not empty"
        raise CommandError("there are no bytes to explain", hint, status=ExitStatus.USAGE)
    found = guess(given.data) if name is None else reading_as(name, given.data)
    if found.reading is None:
        _tell_attempts(given, found)
    else:
        screen = console()
        for line in explanation(
            given, found, found.reading, guessed=name is None, screen=screen, everything=everything
        ):
            screen.print(line, no_wrap=True, overflow="ignore", crop=False)
        sys.stdout.flush()
        _tell_errors(found.reading)


def explanation(
    given: Input, found: Guess, reading: Reading, *, guessed: bool, screen: PlainConsole, everything: bool
) -> Iterator[Text]:
    """The lines of the whole: what the bytes are taken for, then every piece of them."""
    width = max(NARROWEST, min(screen.width, WIDEST))
    size = count_of(len(given.data), "byte")
    source = f" from {given.source}" if given.source else ""
    how = "taken for" if guessed else "read as"
    yield Text(f"{size}{source}, {how} {reading.form.title} (--as {reading.form.name})", "bold")
    others = list(dict.fromkeys(each.form.name for each in found.others if each.form.name != reading.form.name))
    if others:
        more = len(others) - MOST_OTHERS
        names = ", ".join(others[:MOST_OTHERS]) + (f" and {more} more" if more > 0 else "")
        for line in wrap(f"Would fit as well: {names}. Choose with --as.", width):
            yield Text(line, _FAINT)
    page = Page(width=width, size=len(given.data), everything=everything)
    yield page.heading()
    for piece in reading.pieces:
        yield from page.piece(piece, 0)


class Page:
    """Rows as lines: mark, offset, hexadecimal, tree."""

    def __init__(self, *, width: int, size: int, everything: bool) -> None:
        self._width = width
        self._everything = everything
        self._digits = 4 if size <= 0x10000 else 6
        self._hex_at = len(MARK) + 1 + self._digits + 2
        self._tree_at = self._hex_at + HEX_WIDTH + 2

    def heading(self) -> Text:
        """What the columns are."""
        at = "at".ljust(self._digits)
        return Text(f"{'':{len(MARK)}} {at}  {'bytes, [a length]':{HEX_WIDTH}}  field: value — what it is", _FAINT)

    def piece(self, piece: Piece, depth: int) -> Iterator[Text]:
        """A piece, and those in it."""
        errors = piece.errors
        for row in Annotation(piece, everything=self._everything).rows():
            here = [each for each in errors if row.holds(each.offset)]
            errors = [each for each in errors if each not in here]
            yield from self._row(row, piece, depth, wrong=bool(here))
            for error in here:
                yield from self._wrong(row, error, depth)
        for error in errors:
            yield from self._row(Row(depth=1, start=error.offset, label="the bytes end"), piece, depth, wrong=True)
            yield from self._wrong(None, error, depth)
        for each in piece.inner:
            yield from self.piece(each, depth + 2)

    def _row(self, row: Row, piece: Piece, depth: int, *, wrong: bool) -> Iterator[Text]:
        hexadecimal = self._hexadecimal(row.cells)
        words = [*_words(f"{row.label}:" if row.label and row.value else row.label, _NAME), *_words(row.value, _VALUE)]
        words += _words(f"— {row.doc}" if row.doc else "", _FAINT)
        indent = STEP * (depth + row.depth)
        lines = list(_wrapped(words, self._width - self._tree_at - indent))
        for number, (digits, text) in enumerate(zip_longest(hexadecimal, lines, fillvalue=None)):
            offset = f"{piece.places.of(row.start):0{self._digits}x}" if not number else ""
            line = Text(f"{MARK if wrong and not number else '':{len(MARK)}} ", _WRONG)
            line.append(f"{offset:{self._digits}}  ", _FAINT).append(f"{digits or '':{HEX_WIDTH}}  ")
            line.append(" " * (indent + (HANGING if number else 0)))
            if text is not None:
                line.append(text)
            line.rstrip()
            yield line

    def _hexadecimal(self, cells: Sequence[Cell]) -> list[str]:
        """The bytes of a row: one line, or as many as it takes."""
        shown = " ".join(f"[{cell.data.hex(' ')}]" if cell.is_length else cell.data.hex(" ") for cell in cells)
        if len(shown) <= HEX_WIDTH:
            return [shown]
        if not self._everything:
            return [f"{shown[: HEX_WIDTH - 1].rpartition(' ')[0]} …"]
        lines = [""]
        for each in shown.split(" "):
            if len(lines[-1]) + 1 + len(each) > HEX_WIDTH:
                lines.append("")
            lines[-1] += f" {each}" if lines[-1] else each
        return lines

    def _wrong(self, row: Row | None, error: DecodeError, depth: int) -> Iterator[Text]:
        """What is wrong, below the byte."""
        caret = 0 if row is None else self._column(row.cells, error.offset)
        where = f"{error.path}: " if error.path else ""
        words = _words(f"{where}expected {error.expected}, found {error.found}", _WRONG)
        indent = STEP * depth
        for number, text in enumerate(_wrapped(words, self._width - self._tree_at - indent)):
            line = Text(" " * self._hex_at)
            line.append(f"{'^':>{caret + 1}}" if not number else "", _WRONG)
            line.append(" " * (self._tree_at + indent + (HANGING if number else 0) - len(line)))
            yield line.append(text)

    def _column(self, cells: Sequence[Cell], offset: int) -> int:
        """Where the byte's first digit is in the hexadecimal, at its end if it is cut off."""
        column = 0
        for cell in cells:
            if cell.start <= offset < cell.end:
                column += cell.is_length + 3 * (offset - cell.start)
                break
            column += 3 * len(cell.data) + 2 * cell.is_length
        return min(column, HEX_WIDTH - 1)


def _words(text: str, style: str) -> list[tuple[str, str]]:
    return [(word, style) for word in text.split(" ") if word]


def _wrapped(words: Sequence[tuple[str, str]], width: int) -> Iterator[Text]:
    """Words in lines, all but the first narrower by what they hang in; a word that no line has room for is cut."""
    width = max(width, LEAST_TEXT)
    line, room = Text(), width
    for word, style in words:
        if line and len(line) + 1 + len(word) > room:
            yield line
            line, room = Text(), width - HANGING
        line.append(" " if line else "")
        while len(word) > (fits := room - len(line)):
            yield line.append(word[:fits], style)
            word = word[fits:]
            line, room = Text(), width - HANGING
        line.append(word, style)
    yield line


def _tell_errors(reading: Reading) -> None:
    """Repeats what is wrong on standard error, with the exit status that says so."""
    errors = reading.errors
    for error in errors[:MOST_ERRORS]:
        where = f"{error.path}: " if error.path else ""
        place = f"at byte {error.offset} ({error.offset:#x})"
        complain(f"{where}{place}: expected {error.expected}, found {error.found}")
    if len(errors) > MOST_ERRORS:
        complain(f"{len(errors) - MOST_ERRORS} more like that")
    if errors:
        raise typer.Exit(ExitStatus.FAILED)


def _tell_attempts(given: Input, found: Guess) -> None:
    """Says what the bytes are not."""
    size = count_of(len(given.data), "byte")
    print(f"{size}{f' from {given.source}' if given.source else ''}, tried as:")
    for line in attempts(found.tried):
        print(line)
    sys.stdout.flush()
    raise CommandError("the bytes are nothing that is known here", _hint(given.data))


def _hint(data: bytes) -> str:
    """What to do with bytes that are no TLS."""
    found = next((hint for start, hint in ELSEWHERE.items() if data.startswith(start)), None)
    return found or "say with --as NAME what they are"
