"""`python -m bench`: all tables. Exit status 1 where a goal is missed."""

from __future__ import annotations

import sys

from rich.console import Console

from bench import bulk, handshake
from bench.comparison import table
from bench.contenders import contenders
from bench.race import CASES, Result, run
from bench.report import ratios, remarks, startup_lines
from bench.samples import Unavailable, sample
from bench.startup import startup


def main() -> int:
    console = Console(width=None if sys.stdout.isatty() else 140)
    entered = list(contenders())
    results: list[Result] = []
    unavailable: list[str] = []
    for case in CASES:
        try:
            results.append(run(case, entered))
        except Unavailable as missing:
            unavailable.append(f"{case}: {missing}")
    console.print(ratios(results), remarks(entered, unavailable))
    console.print(startup_lines(startup(sample("ClientHello, OpenSSL").data)))
    handshakes, data = handshake.results(), bulk.results()
    console.print(table(handshake.TITLE, handshakes), table(bulk.TITLE, data))
    missed = [line for result in results for line in result.missed]
    missed += [str(each) for each in (*handshakes, *data) if not each.reached]
    for line in missed:
        console.print(line, style="red")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
