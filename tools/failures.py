"""How a command fails: one line for the person who runs it, an exit status for the script that does."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from tls13.capture import CaptureError
from tls13.errors import ConfigurationError, TLSError
from tools.exit_status import ExitStatus
from tools.telling import tell

P = ParamSpec("P")


class CommandError(Exception):
    """A command can't do what it was asked to. `hint` is the next step, "" where there is none to name."""

    def __init__(self, what: str, hint: str = "", *, status: ExitStatus = ExitStatus.FAILED) -> None:
        super().__init__(what)
        self.hint = hint
        self.status = status


def reports_failures(command: Callable[P, None]) -> Callable[P, None]:
    """A command whose failures end it with one line on standard error, and their exit status.

    OSError is taken to be about a file: commands name what else it is about, with `network_error` for instance.
    """

    @wraps(command)
    def reporting(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            raise typer.Exit(ExitStatus.INTERRUPTED) from None
        except BrokenPipeError:
            _forget_output()
            raise typer.Exit(ExitStatus.BROKEN_PIPE) from None
        except (CommandError, TLSError, OSError) as error:
            complain(one_line(error))
            raise typer.Exit(_status(error)) from None

    return reporting


def complain(line: str) -> None:
    """Tells the person what went wrong. Says nothing where standard error is gone: there is nobody to tell."""
    try:
        tell(f"Error: {line}")
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def one_line(error: Exception) -> str:
    """What happened and what to do about it."""
    if isinstance(error, OSError):
        what = error.strerror or str(error) or type(error).__name__
        text, hint = f"{os.fsdecode(error.filename)}: {what}" if _names_a_file(error) else what, ""
    else:
        text, hint = str(error), getattr(error, "hint", "")
    return " ".join((f"{text}; {hint}" if hint else text).split())


def network_error(error: OSError, where: str) -> CommandError:
    """What the network said about the peer at `where`, for people."""
    if isinstance(error, socket.gaierror):
        return CommandError(f"no such host: {where} ({error.strerror})", "check the name, or give an address")
    if isinstance(error, TimeoutError):
        return CommandError(f"{where} does not answer in time", "check host and port, or wait longer with --timeout")
    if isinstance(error, ConnectionRefusedError):
        return CommandError(f"{where} refuses the connection: nothing listens there", "check host and port")
    return CommandError(f"{where}: {error.strerror or error}", "check host, port and network")


def _names_a_file(error: OSError) -> bool:
    return isinstance(error.filename, (str, bytes))


def _status(error: CommandError | TLSError | OSError) -> ExitStatus:
    if isinstance(error, CommandError):
        return error.status
    about_files = isinstance(error, (ConfigurationError, CaptureError, OSError))
    return ExitStatus.USAGE if about_files else ExitStatus.FAILED


def _forget_output() -> None:
    """What is still in standard output's buffer has nowhere to go; Python would complain about it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
