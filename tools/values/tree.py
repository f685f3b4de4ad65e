"""Any schemas value as a tree for people: the RFC's field names, code points by name, bytes as hex cut short.

One walk shows every struct; no message has code of its own. What a peer sent reaches the terminal only as
printable text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import TextIOWrapper
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text
from rich.tree import Tree

from schemas import Struct
from schemas.code_points import ContentType, ExtensionType, HandshakeType
from schemas.extension_block import Extension
from schemas.vocabulary import CodePoint, Overlong
from tls13.capture import Direction
from tls13.capture.messages import AnyHandshake
from tools.values.plain import field_names
from tools.values.readings import READINGS

_GUIDES = {False: ("├── ", "│   "), True: ("└── ", "    ")}
PIPE_WIDTH = 100
"""Columns where the output is no terminal."""


class PlainConsole(Console):
    """A console that writes what it is given: nothing in it is markup. What the file's encoding lacks becomes `?`.

    With `terminal_width`, the file is taken for a terminal of so many columns, which is to get it in the end.
    """

    def __init__(self, file: TextIO, terminal_width: int | None = None) -> None:
        if isinstance(file, TextIOWrapper) and file.errors == "strict":
            file.reconfigure(errors="replace")
        super().__init__(
            file=file,
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=False,
            force_terminal=None if terminal_width is None else True,
            width=terminal_width,
        )
        if not self.is_terminal:
            self.width = PIPE_WIDTH

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich does; a tree that goes to no terminal in a shorter way, in half the time."""
        if len(objects) == 1 and isinstance(objects[0], Tree) and not options and not self.is_terminal:
            self.file.write("".join(f"{line}\n" for line in self._plain_lines(objects[0], "", "")))
        else:
            super().print(*objects, **options)

    def _plain_lines(self, node: Tree, first: str, further: str) -> Iterator[str]:
        """A tree's lines, its label's behind `first`, all others behind `further`."""
        before = first
        for line in self._label_lines(node.label, self.width - len(further)):
            yield before + line
            before = further
        for child in node.children:
            last = child is node.children[-1]
            yield from self._plain_lines(child, further + _GUIDES[last][0], further + _GUIDES[last][1])

    def _label_lines(self, label: RenderableType, width: int) -> Iterator[str]:
        if isinstance(label, Wrapped):
            lines: Iterable[Text] = label.lines(width)
        elif isinstance(label, Text):
            lines = [label]
        else:
            raise TypeError(f"no label is a {type(label).__name__}")
        for line in lines:
            if line.cell_len <= width:
                yield line.plain
            else:
                yield from (part.plain.rstrip() for part in line.wrap(self, width))

    def on_broken_pipe(self) -> None:
        """Raises the BrokenPipeError that is being handled."""
        raise


def console(file: TextIO | None = None, *, terminal_width: int | None = None) -> PlainConsole:
    """For trees and headings, on standard output if nothing else is given. Colours on a terminal only."""
    return PlainConsole(sys.stdout if file is None else file, terminal_width)


def heading(direction: Direction, title: str, details: str, *, number: int | None = None, time: str = "") -> Text:
    """`#3  client → server  12:03:04.123456  Finished  (record 4, 36 bytes)`; number and time are left out if empty."""
    client = direction is Direction.client
    arrow = "client → server" if client else "server → client"
    text = Text()
    if number is not None:
        text.append(f"#{number}".ljust(4), "bold").append(" ")
    text.append(arrow, "cyan" if client else "magenta").append("  ")
    if time:
        text.append(time, "dim").append("  ")
    return text.append(title, "bold").append(f"  ({details})", "dim")


def title(value: Struct) -> str:
    """What a message is called: `ClientHello`, `HelloRetryRequest`, `Alert`."""
    return type(value.message if isinstance(value, AnyHandshake) else value).__name__


def type_title(code_point: ContentType | HandshakeType) -> str:
    """The same for what has no struct to show: `ApplicationData`, `ServerKeyExchange`, `unknown 0x63`."""
    return "".join(map(str.capitalize, str(code_point).split("_"))) if code_point.is_registered else str(code_point)


def tree(label: Text, value: Struct) -> Tree:
    """Every field of a struct, under `label`. Of a `Handshake`, those of the message."""
    root = Tree(label, guide_style="dim")
    _fill(root, value.message if isinstance(value, AnyHandshake) else value)
    return root


def data_tree(label: Text, data: bytes) -> Tree:
    """Bytes that have no schema, application data for instance, under `label`: the start of them, text if they are."""
    root = Tree(label, guide_style="dim")
    for line in preview(data):
        root.add(line)
    return root


def count_of(number: int, noun: str) -> str:
    """`1 byte`, `2 bytes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def preview(data: bytes) -> list[Text]:
    """The start of `data`: its lines, each quoted with its line end, where it is text; else hex."""
    if not data:
        return []
    start = data[:_PREVIEW_BYTES]
    text = _as_text(start)
    if text is None:
        return [_hex(data, _PREVIEW_HEX)]
    lines = text.splitlines(keepends=True)[:_PREVIEW_LINES]
    shown = [Text(_quoted(line), _TEXT) for line in lines]
    left = len(data) - len("".join(lines).encode())
    if left:
        shown.append(Text(f"… {count_of(left, 'more byte')}", "dim"))
    return shown


class HexDump:
    """All of some bytes, sixteen a line: offset, hex, printable ASCII."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        # One segment for all: a large dump wrapped as text takes ten times as long.
        style = console.get_style("dim")
        yield Segment("\n".join(self._lines()) + "\n", style)

    def _lines(self) -> Iterator[str]:
        digits, characters = self._data.hex(" "), self._data.translate(_CHARACTERS).decode("ascii")
        for at in range(0, len(self._data), 16):
            left, right = digits[3 * at : 3 * at + 23], digits[3 * at + 24 : 3 * at + 47]
            yield f"     {at:06x}  {left:<23}  {right:<23}  {characters[at : at + 16]}"


_CHARACTERS = bytes(each if 0x20 <= each < 0x7F else ord(".") for each in range(256))
"""What stands for each byte beside its digits."""


def hexdump(data: bytes) -> HexDump:
    """All of `data` for a console, to stand below the tree of the message."""
    return HexDump(data)


class Wrapped:
    """`name: item, item, item` over as many lines as it takes, the further ones indented, broken between items.

    An item that is longer than a line is broken between its words.
    """

    def __init__(self, name: Text, items: Sequence[Text], end: Text | None = None) -> None:
        self._name = name
        self._items = items
        self._end = end or Text()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        return self.lines(options.max_width)

    def lines(self, width: int) -> Iterator[Text]:
        """The lines; a word that is wider than all of one is for the console to break."""
        line = self._name.copy()
        begun = False
        for piece in self._pieces(width - _FURTHER):
            too_long = line.cell_len + begun + piece.cell_len > width
            if too_long and (begun or (line.plain.strip() and piece.cell_len <= width - _FURTHER)):
                line.rstrip()
                yield line
                line, begun = Text(" " * _FURTHER), False
            line.append(" " if begun else "").append(piece)
            begun = True
        yield line

    def _pieces(self, width: int) -> Iterator[Text]:
        for item in self._items:
            last = item is self._items[-1]
            piece = item.copy().append("" if last else ",").append(self._end if last else "")
            yield from [piece] if piece.cell_len <= width else piece.split(" ")


_FURTHER = 4
"""How far the further lines are indented."""
_POINT, _TEXT, _NUMBER = "green", "yellow", "blue"
_LINE = 88
"""Characters of a struct that is shown on one line: what three levels of guides leave of 100 columns."""
_FIELD_BYTES, _INLINE_BYTES, _FIELD_CHARACTERS = 32, 14, 256
"""How long a value may be to be shown whole: below its name, among others on a line, as text."""
_PREVIEW_BYTES, _PREVIEW_HEX, _PREVIEW_LINES = 512, 32, 8


def _fill(branch: Tree, value: object) -> None:
    """Adds what `value` is made of to a branch that names it: a small struct on one line, else a line for each part."""
    flat = _flat(value)
    if flat is not None:
        branch.add(flat)
    elif isinstance(value, Struct):
        for name in field_names(value):
            reading = READINGS.get((type(value), name))
            data = getattr(value, name)
            if reading is None or not data:
                _add(branch, name, data, count=True)
            elif isinstance(data, bytes):
                branch.add(_read(name, data, reading))
            else:
                items = branch.add(Text(name).append(f"[{len(data)}]", "dim"))
                for index, each in enumerate(data):
                    items.add(_read(f"[{index}]", each, reading))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _add_item(branch, index, each)


def _read(name: str, data: bytes, reading: Callable[[bytes], Sequence[str]]) -> Wrapped:
    """Bytes by what is told of them."""
    return Wrapped(Text(f"{name}: "), [Text(each, _TEXT) for each in reading(data)], _size(data))


def _add(branch: Tree, name: str, value: object, *, count: bool) -> None:
    """Adds one named value, `count` tells how many of a list: on the line of its name if it is a scalar or a list of
    such, else below.
    """
    if isinstance(value, Overlong):
        value = value.value
    scalar = _scalar(value, _FIELD_BYTES)
    if scalar is not None:
        branch.add(Text(f"{name}: ").append(scalar))
        return
    label = Text(name)
    if count and isinstance(value, list) and value:
        label.append(f"[{len(value)}]", "dim")
    scalars = _scalars(value)
    if scalars is not None:
        branch.add(Wrapped(label.append(": "), scalars))
    else:
        _fill(branch.add(label), value)


def _add_item(branch: Tree, index: int, item: object) -> None:
    """Adds one of a list: an extension under its name, a small struct on a line, a large one under its place."""
    if isinstance(item, Extension):
        name = _point(item.extension_type)
        if item.extension_data == b"":
            branch.add(name)
        else:
            _add(branch, name.plain, item.extension_data, count=False)
        return
    flat = _flat(item)
    if flat is not None:
        branch.add(flat)
    else:
        _fill(branch.add(Text(f"[{index}]")), item)


def _flat(value: object) -> Wrapped | None:
    """A struct of scalars on one line, None where it is another thing, says more than its bytes, or would not fit."""
    names = field_names(value) if isinstance(value, Struct) else ()
    if not names:
        return None
    parts = []
    for name in names:
        if getattr(value, name) and (type(value), name) in READINGS:
            return None
        shown = _scalar(getattr(value, name), _INLINE_BYTES if len(names) > 1 else _FIELD_BYTES)
        if shown is None:
            return None
        parts.append(Text(f"{name}: ").append(shown))
    return Wrapped(Text(), parts) if sum(part.cell_len for part in parts) <= _LINE else None


def _scalars(value: object) -> list[Text] | None:
    """A list of scalars, code points by their names alone; None where it is no such list."""
    if not isinstance(value, list):
        return None
    shown = [Text(str(each), _POINT) if isinstance(each, CodePoint) else _scalar(each, _INLINE_BYTES) for each in value]
    texts = [each for each in shown if each is not None]
    if len(texts) < len(shown):
        return None
    return texts or [Text("none", "dim")]


def _scalar(value: object, most: int) -> Text | None:
    """A value that needs no line of its own, at most so many bytes of it; None for any other."""
    match value:
        case None:
            return Text("absent", "dim")
        case CodePoint():
            return _point(value)
        case int():
            return Text(str(value), _NUMBER)
        case bytes():
            return _opaque(value, most)
        case _:
            return None


def _point(value: CodePoint) -> Text:
    """`x25519 (0x001d)`, `close_notify (0)`: wide numbers in hex as the RFC has them, those of extensions not."""
    if not value.is_registered:
        return Text(str(value), _POINT)
    decimal = type(value).width == 1 or isinstance(value, ExtensionType)
    # What is written in as many bytes as it takes has no digits that it always has.
    digits = 1 if type(value).width > _WIDEST else 2 * type(value).width
    number = str(int(value)) if decimal else f"0x{int(value):0{digits}x}"
    return Text(str(value), _POINT).append(f" ({number})", "dim")


def _opaque(data: bytes, most: int) -> Text:
    """Bytes as text if all of them are, else as hex: up to `most` of them whole, the start of more."""
    if not data:
        return Text("empty", "dim")
    if len(data) >= _SHORTEST_TEXT and data.isascii() and data.decode("ascii").isprintable():
        text = Text(_quoted(data[:_FIELD_CHARACTERS].decode("ascii")), _TEXT)
        return text if len(data) <= _FIELD_CHARACTERS else text.append("…", "dim").append(_size(data))
    return _hex(data, most)


def _hex(data: bytes, most: int) -> Text:
    if len(data) <= most:
        return Text(data.hex())
    return Text(data[: most * 3 // 4].hex()).append("…", "dim").append(_size(data))


_WIDEST = 4
_SHORTEST_TEXT = 2
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\r": "\\r", "\n": "\\n", "\t": "\\t"})
_LINE_CONTROLS = frozenset("\r\n\t")
_LONGEST_CHARACTER = 4


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def _as_text(data: bytes) -> str | None:
    """UTF-8 text that may be shown, None for anything else. A character cut off at the end is left out."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if error.start <= len(data) - _LONGEST_CHARACTER or error.reason != "unexpected end of data":
            return None
        text = data[: error.start].decode()
    return text if text and all(each.isprintable() or each in _LINE_CONTROLS for each in text) else None


def _size(data: bytes) -> Text:
    return Text(f" ({count_of(len(data), 'byte')})", "dim")
