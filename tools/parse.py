"""`tls13 parse`: what packet captures say in TLS, as trees, lines, counts or JSON. Also `python -m tools.parse`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TextIO

import typer

from tools.exit_status import ExitStatus
from tools.failures import CommandError, reports_failures
from tools.parsing import options
from tools.parsing.inputs import STDIN, Input, inputs
from tools.parsing.plan import Mode, Plan, Prepared, prepared
from tools.parsing.processes.jobs import read_all
from tools.parsing.progress import Reading, shows_progress
from tools.parsing.results import check_some_read, tell_all, warn
from tools.parsing.tally import Tally, print_statistics, statistics_object
from tools.values.ndjson import json_line
from tools.values.tree import console


@reports_failures
def parse(
    files: options.Files,
    keylog: options.KeyLogs = None,
    psks: options.Psks = None,
    summary: options.AsSummary = False,
    stats: options.AsStatistics = False,
    follow: options.Followed = None,
    as_json: options.AsJson = False,
    json_schema: options.JsonSchema = False,
    dump: options.Dump = False,
    expression: options.Expression = None,
    explain_filter: options.FilterHelp = False,
    output: options.OutputFile = None,
    jobs: options.Jobs = 1,
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
    keylogs, keys, several = tuple(keylog or ()), options.psks(psks), len(chosen) > 1
    plan = Plan(mode, keylogs, keys, expression, dump, follow or 0, name_files=several)
    ready = prepared(plan)
    with _output(output, chosen) as out:
        complete = _read(chosen, ready, out, jobs)
    if not complete:
        raise typer.Exit(ExitStatus.FAILED)


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
    check_some_read(outcomes)
    if mode is Mode.statistics:
        print_statistics(tally, console(out))
    elif mode is Mode.statistics_object:
        out.buffer.write(json_line(statistics_object(tally)))
    out.flush()
    warn(*ready.warnings)
    return tell_all(outcomes)


if __name__ == "__main__":
    gc.freeze()  # What is imported stays: no collection has to go through it.
    app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    app.command(context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]})(parse)
    app(prog_name="python -m tools.parse")
