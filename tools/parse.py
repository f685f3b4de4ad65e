"""`tls13 parse`: what a packet capture says in TLS, as trees or as JSON. Also `python -m tools.parse`."""

from __future__ import annotations

import sys
from typing import Annotated, BinaryIO

import typer

from tls13.capture import Capture, CaptureError, read_capture
from tls13.keylog import KeyLog
from tools.exit_status import ExitStatus
from tools.failures import CommandError, reports_failures
from tools.findings import Findings
from tools.ndjson import write_json
from tools.report import show
from tools.tree import console, count_of

STDIN = "-"


@reports_failures
def parse(
    file: Annotated[str, typer.Argument(metavar="FILE", help="pcap or pcapng, gzipped or not; - for standard input.")],
    keylog: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Secrets to decrypt with, in the format of SSLKEYLOGFILE."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per message and line, with nothing left out.")
    ] = False,
    dump: Annotated[bool, typer.Option("--hex", help="Add the bytes of each message to its tree.")] = False,
) -> None:
    """Show every TLS message of a packet capture, both directions, decrypted where there are keys.

    TLS is found on any port, behind STARTTLS too. Secrets come from --keylog and from the capture itself (pcapng's
    decryption secrets). The variable SSLKEYLOGFILE is not looked at: it tells programs where to write.

    \b
    Examples:
      tls13 parse demo.pcapng --keylog demo.keylog
      tls13 parse demo.pcapng --keylog demo.keylog --hex | less
      tcpdump -i lo -w - tcp | tls13 parse -
      tls13 parse web.pcap.gz --json | jq -r 'select(.name == "ClientHello").fields.cipher_suites[].name'
    \b
    Exit status, with what is missing told on standard error:
      0    the whole input was read; without a key log, encrypted records count as read
      1    part of it could not be: it is cut short, packets are missing, a message does not parse or is of
           TLS 1.2 or older, a record does not open in spite of --keylog
      2    wrong usage, no capture, no key log: nothing was read
      130  stopped by Ctrl-C
      141  nobody reads the output any more
    """
    if as_json and dump:
        raise CommandError("--json and --hex exclude each other", "leave one out", status=ExitStatus.USAGE)
    if sys.stdout is None:
        raise CommandError("standard output is closed", "leave it open, or send it to a file", status=ExitStatus.USAGE)
    secrets = None if keylog is None else _load(keylog)
    with _open(file, secrets) as capture:
        findings = Findings(keys_given=secrets is not None)
        if as_json:
            write_json(capture, sys.stdout, findings)
        else:
            show(capture, console(), findings, dump=dump)
        sys.stdout.flush()
        _warn(*(f"key log {keylog}: {each}" for each in (secrets.warnings if secrets is not None else ())))
        _warn(*findings.lines())
        if not findings.messages:
            print(_nothing(file, capture), file=sys.stderr)
    if not findings.complete:
        raise typer.Exit(ExitStatus.FAILED)


def _load(path: str) -> KeyLog:
    """The key log. Raises ConfigurationError, and CommandError for an empty one."""
    secrets = KeyLog.load(path)
    if not len(secrets):
        hint = "give the file that SSLKEYLOGFILE named when the connection was made"
        raise CommandError(f"key log {path} holds no secret", hint, status=ExitStatus.USAGE)
    return secrets


def _open(file: str, secrets: KeyLog | None) -> Capture:
    """The capture. Raises CommandError where there is none."""
    try:
        return read_capture(_stdin() if file == STDIN else file, keylog=secrets)
    except CaptureError as error:
        what = str(error) if file in str(error) else f"{_called(file)}: {error}"
        raise CommandError(what, error.hint, status=ExitStatus.USAGE) from None


def _stdin() -> BinaryIO:
    if sys.stdin is None or sys.stdin.isatty():
        hint = "pipe a capture into it, or name a file"
        raise CommandError("standard input is no capture", hint, status=ExitStatus.USAGE)
    return sys.stdin.buffer


def _warn(*lines: str) -> None:
    for line in lines:
        print(f"Warning: {line}", file=sys.stderr)


def _nothing(file: str, capture: Capture) -> str:
    """Why nothing was printed."""
    seen = capture.statistics
    packets, connections = count_of(seen.packets, "packet"), count_of(seen.connections, "TCP connection")
    return f"No TLS in {_called(file)}: {packets}, {connections}"


def _called(file: str) -> str:
    return "standard input" if file == STDIN else file


if __name__ == "__main__":
    app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    app.command(context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]})(parse)
    app(prog_name="python -m tools.parse")
