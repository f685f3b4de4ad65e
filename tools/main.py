"""The console script `tls13`."""

from __future__ import annotations

import gc
import io
import os
import sys

from tools.exit_status import ExitStatus


def main() -> None:
    """Runs the command that the command line names, and exits with its status.

    The commands are imported in here, so that a package that is missing, or is another's of the same name, is told in
    one line.
    """
    _open_standard_streams()
    gc.disable()
    try:
        from tls13 import require_own

        require_own("certs")
        from tools.commands import app
    except ImportError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(ExitStatus.USAGE)
    # What is imported stays: no collection has to go through it, while it grows or later.
    gc.freeze()
    gc.enable()
    app(prog_name="tls13")


def _open_standard_streams() -> None:
    """Whoever starts a program may have closed them; the next socket would then be standard output.

    What their encoding can't say is escaped.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
