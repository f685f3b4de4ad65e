"""What there is to say beside the output: a line each on standard error, folded where that is a terminal."""

from __future__ import annotations

import sys
from textwrap import wrap

from rich.console import Console

from tls13.printable import printable

WIDTH = 100
"""Columns that a line takes at most on a terminal."""


def tell(*lines: str) -> None:
    """Prints each line, harmless to terminals whatever names are in it. What another program gets stays a line each."""
    screen = Console(file=sys.stderr)
    for line in (printable(each, len(each)) for each in lines):
        shown = folded(line, min(screen.width, WIDTH)) if screen.is_terminal else line
        print(shown, file=sys.stderr)


def folded(line: str, width: int) -> str:
    """The line in rows of at most so many columns, all but the first indented. Names are left whole, to be copied."""
    rows = wrap(line, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False)
    return "\n".join(rows)


_INDENT = " " * 4
