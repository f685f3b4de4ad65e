"""`tls13 parse`: what packet captures say in TLS, as trees, lines, counts or JSON. Also `python -m tools.parse`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated, TextIO

import typer

from tools.exit_status import ExitStatus
from tools.failures import CommandError, reports_failures
from tools.parsing.filters import filter_help
from tools.parsing.findings import Sealed
from tools.parsing.inputs import STDIN, Input, inputs
from tools.parsing.jobs import read_all
from tools.parsing.plan import Mode, Plan, Prepared, prepared
from tools.parsing.progress import Reading, shows_progress
from tools.parsing.reading import Outcome
from tools.parsing.tally import Tally, print_statistics, statistics_object
from tools.values.ndjson import json_line, schema_text
from tools.values.tree import console


def _print_schema(wanted: bool) -> None:
    if wanted:
        typer.echo(schema_text(), nl=False)
        raise typer.Exit


def _print_filter_help(wanted: bool) -> None:
    if wanted:
        typer.echo(filter_help())
        raise typer.Exit


@reports_failures
def parse(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Captures, or folders of them: pcap, pcapng, gzip or zstd of either; records; - for standard input.",
        ),
    ],
    keylog: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Secrets to decrypt with, in the format of SSLKEYLOGFILE; may be repeated."),
    ] = None,
    psks: Annotated[
        list[str] | None,
        typer.Option("--psk", metavar="NAME=HEX", help="An external pre-shared key to decrypt with; may be repeated."),
    ] = None,
    summary: Annotated[bool, typer.Option("--summary", help="A line for each connection.")] = False,
    stats: Annotated[bool, typer.Option("--stats", help="Counts over the whole input, and handshake times.")] = False,
    follow: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="What the two sides of connection N said, decrypted; see -o."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="An object per message and line; with --summary or --stats, of those.")
    ] = False,
    json_schema: Annotated[
        bool,
        typer.Option("--json-schema", callback=_print_schema, is_eager=True, help="Print the schema of --json."),
    ] = False,
    dump: Annotated[bool, typer.Option("--hex", help="Add the bytes of each field; with --follow, a dump.")] = False,
    expression: Annotated[
        str | None,
        typer.Option("--filter", metavar="EXPR", help="Only messages and connections that it holds for."),
    ] = None,
    explain_filter: Annotated[
        bool,
        typer.Option("--filter-help", callback=_print_filter_help, is_eager=True, help="Explain EXPR."),
    ] = False,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Print to it; with --follow, the very bytes."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Read so many files at a time.")] = 1,
) -> None:
    """Show every TLS message of packet captures, both directions, decrypted where there are keys.

    TLS is found on any port, behind STARTTLS too, and in QUIC's Initial packets. In a capture's place there may be the
    records of one side, as bytes or hexadecimal. Secrets come from --keylog and from the capture itself (pcapng's
    decryption secrets). The variable SSLKEYLOGFILE is not looked at: it tells programs where to write.

    \b
    Examples:
      tls13 parse demo.pcapng --keylog demo.keylog            every message, as a tree
      tls13 parse captures/ --summary --jobs 2                a line for each connection of many files
      tls13 parse captures/ --stats                           versions, suites, groups, timing
      tcpdump -i lo -w - tcp | tls13 parse -                  a capture that is being made
      tls13 parse web.pcap --filter 'version < TLS12 or alert' --summary
      tls13 parse web.pcap --filter 'client_hello.server_name.name contains example'
      tls13 parse web.pcap --keylog keys --follow 3           what connection 3 carried, as text
      tls13 parse web.pcap --keylog keys --follow 3 --filter 'direction == server' -o page.html
      tls13 parse web.pcap --json | jq -c 'select(.error)'     what does not parse, and why
    \b
    Exit status, with what is missing told on standard error:
      0    the whole input was read; without a key log, encrypted records count as read
      1    part of it could not be: it is cut short, packets are missing, a message does not parse, a
           record does not open in spite of --keylog, one of several files is no capture; nothing of
           the connection of --follow can be read
      2    wrong usage, no capture, no key log: nothing was read
      130  stopped by Ctrl-C
      141  nobody reads the output any more
    """
    mode = _mode(as_json=as_json, summary=summary, stats=stats, follow=follow, raw=output is not None and not dump)
    if dump and mode not in (Mode.trees, Mode.followed_text):
        raise CommandError("--hex goes with trees and --follow", "leave it out", status=ExitStatus.USAGE)
    chosen = inputs(files)
    if follow is not None and len(chosen) > 1:
        raise CommandError("--follow takes one capture", "name the file", status=ExitStatus.USAGE)
    plan = Plan(
        mode,
        tuple(keylog or ()),
        tuple(map(_psk, psks or ())),
        expression,
        dump,
        follow or 0,
        name_files=len(chosen) > 1,
    )
    ready = prepared(plan)
    with _output(output, chosen) as out:
        complete = _read(chosen, ready, out, jobs)
    if not complete:
        raise typer.Exit(ExitStatus.FAILED)


def _psk(text: str) -> tuple[bytes, bytes]:
    """Identity and key. Raises typer.BadParameter."""
    identity, _, key = text.rpartition("=")
    try:
        return identity.encode(), bytes.fromhex(key)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no NAME=HEX", param_hint="'--psk'") from None


def _mode(*, as_json: bool, summary: bool, stats: bool, follow: int | None, raw: bool) -> Mode:
    """What is to be printed. Raises CommandError for what can't be had together."""
    if summary + stats + (follow is not None) > 1 or (as_json and follow is not None):
        what = "--summary, --stats and --follow exclude each other, and --follow excludes --json"
        raise CommandError(what, "choose one", status=ExitStatus.USAGE)
    if follow is not None:
        return Mode.followed_bytes if raw else Mode.followed_text
    if stats:
        return Mode.statistics_object if as_json else Mode.statistics
    if summary:
        return Mode.summary_objects if as_json else Mode.summary
    return Mode.messages if as_json else Mode.trees


@contextmanager
def _output(name: str | None, chosen: list[Input]) -> Iterator[TextIO]:
    """Standard output, or the file of that name. Raises CommandError where there is none, or it is an input."""
    if name is None:
        if sys.stdout is None:
            hint = "leave it open, or name a file with --output"
            raise CommandError("standard output is closed", hint, status=ExitStatus.USAGE)
        yield sys.stdout
        sys.stdout.flush()
        return
    if any(each.name != STDIN and os.path.exists(name) and os.path.samefile(each.name, name) for each in chosen):
        raise CommandError(f"{name} is to be read", "name another --output", status=ExitStatus.USAGE)
    with open(name, "w", encoding="utf-8", errors="backslashreplace") as file:
        yield file


def _read(chosen: list[Input], ready: Prepared, out: TextIO, jobs: int) -> bool:
    """Reads every input, and tells what was wrong with each. Whether all was read.

    Raises CommandError where nothing was.
    """
    mode = ready.plan.mode
    printing = mode not in (Mode.statistics, Mode.statistics_object)
    shown = shows_progress(output_is_terminal=printing and out.isatty())
    tally, outcomes = Tally(), []
    with Reading(chosen, shown=shown) as progress, closing(read_all(chosen, ready, out, progress, jobs)) as reading:
        for outcome in reading:
            outcomes.append(outcome)
            if outcome.tally is not None:
                tally.add(outcome.tally)
    _check_some_read(outcomes)
    if mode is Mode.statistics:
        print_statistics(tally, console(out))
    elif mode is Mode.statistics_object:
        out.buffer.write(json_line(statistics_object(tally)))
    out.flush()
    _warn(*ready.warnings)
    return _tell(outcomes)


def _check_some_read(outcomes: list[Outcome]) -> None:
    """Raises CommandError if there was no capture at all."""
    failed = [each for each in outcomes if each.failure]
    if len(failed) == len(outcomes):
        for each in failed[:-1]:
            print(f"Error: {each.failure}", file=sys.stderr)
        raise CommandError(failed[-1].failure, failed[-1].hint, status=ExitStatus.USAGE)


def _tell(outcomes: list[Outcome]) -> bool:
    """Prints what was wrong. Whether nothing was."""
    sealed = Sealed()
    for each in outcomes:
        _warn(*([each.failure] if each.failure else []), *each.warnings)
        sealed.update(each.sealed)
        if each.note:
            print(each.note, file=sys.stderr)
    _warn(*sealed.lines())
    return all(each.complete for each in outcomes)


def _warn(*lines: str) -> None:
    for line in lines:
        print(f"Warning: {line}", file=sys.stderr)


if __name__ == "__main__":
    app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    app.command(context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]})(parse)
    app(prog_name="python -m tools.parse")
