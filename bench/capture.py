"""`python -m bench.capture`: how fast captures are read, beside tshark, pyshark and scapy. Exit status 1: too slow.

Everybody is a process of its own, reads the same file with the same key log, and gives out every TLS message: ours and
tshark as JSON, the libraries as objects. Python's start, and everybody's imports, count.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.capture_samples import MEGABYTE, Sample, few_bulk, many_small

OURS = "tls13"
TARGETS: Mapping[str, float] = {"tshark": 1, "pyshark": 20, "scapy": 10}
"""How many times as long as ours a peer takes, at least."""

MEMORY_TARGET = 300
"""Megabytes that ours may take, whatever the size."""

SLOW = frozenset({"pyshark", "scapy"})
"""Those that read one file of each kind, once: they need minutes for it."""

KINDS: Mapping[Callable[[Path, int], Sample], int] = {many_small: 10, few_bulk: 100}
"""How the files are made, and up to how many megabytes of them the SLOW are asked to read."""

ROUNDS = 3
"""For files up to LONG, of which the shortest time counts. Longer ones are read once."""
LONG = 20 * MEGABYTE
HERE = Path(__file__).resolve().parents[1]
"""Where our own command is found, installed or not."""

PYSHARK = """
import sys, pyshark
path, keylog = sys.argv[1:]
keylog = {"tls.keylog_file": keylog}
capture = pyshark.FileCapture(path, display_filter="tls", override_prefs=keylog, keep_packets=False)
for packet in capture:
    packet.tls
capture.close()
"""

SCAPY = """
import sys, warnings
warnings.simplefilter("ignore")
from scapy.all import TCPSession, conf, load_layer, sniff
load_layer("tls")
conf.tls_session_enable = True
conf.tls_nss_filename = sys.argv[2]
sniff(offline=sys.argv[1], session=TCPSession, store=False, prn=lambda packet: None)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One reading of a file: seconds, and the most memory that its process held, in bytes."""

    contender: str
    seconds: float
    memory: int


@dataclass(frozen=True, slots=True)
class Result:
    """The readings of one file."""

    sample: Sample
    runs: Sequence[Run]

    @property
    def ours(self) -> Run:
        return next(run for run in self.runs if run.contender == OURS)

    def ratio(self, run: Run) -> float:
        """How many times as long as ours."""
        return run.seconds / self.ours.seconds

    @property
    def missed(self) -> Iterator[str]:
        """A line for each target that is not reached."""
        where = f"{self.sample.kind}, {self.sample.size / MEGABYTE:.0f} MB"
        for run in self.runs:
            least = TARGETS.get(run.contender, 0)
            if self.ratio(run) < least:
                yield f"{where}: {run.contender} takes {self.ratio(run):.2f} times as long as ours, {least:g} wanted"
        if self.ours.memory > MEMORY_TARGET * MEGABYTE:
            yield f"{where}: {self.ours.memory / MEGABYTE:.0f} MB of memory, at most {MEMORY_TARGET} wanted"


def commands() -> Mapping[str, Callable[[Sample], list[str]]]:
    """How each contender that is installed is started."""
    found: dict[str, Callable[[Sample], list[str]]] = {OURS: _ours}
    tshark = shutil.which("tshark")
    if tshark is not None:
        found["tshark"] = partial(_tshark, tshark)
    for name, script in {"pyshark": PYSHARK, "scapy": SCAPY}.items():
        if find_spec(name) is not None and (name != "pyshark" or tshark is not None):
            found[name] = partial(_script, script)
    return found


def _ours(sample: Sample) -> list[str]:
    return [sys.executable, "-m", "tools.parse", str(sample.path), "--keylog", str(sample.keylog), "--json"]


def _tshark(program: str, sample: Sample) -> list[str]:
    keylog = ["-o", f"tls.keylog_file:{sample.keylog}"]
    return [program, "-n", "-r", str(sample.path), *keylog, "-T", "json", "-Y", "tls"]


def _script(script: str, sample: Sample) -> list[str]:
    return [sys.executable, "-c", script, str(sample.path), str(sample.keylog)]


_SLOWS_PYTHON = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Variables that would have a checkout compiled anew at every start, and each line written by itself."""


def measure(contender: str, command: Sequence[str], rounds: int) -> Run:
    """The shortest of so many runs, and the most memory of any. Raises SystemExit where one fails."""
    seconds, memory = float("inf"), 0
    environment = {name: value for name, value in os.environ.items() if name not in _SLOWS_PYTHON}
    for _ in range(rounds):
        start = perf_counter()
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=HERE, env=environment
        ) as process:
            complaint = process.stderr.read() if process.stderr is not None else b""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{contender} failed: {complaint.decode(errors='replace').strip()}")
        seconds = min(seconds, perf_counter() - start)
        memory = max(memory, usage.ru_maxrss * 1024)
    return Run(contender, seconds, memory)


def race(sample: Sample, slow_too: bool) -> Result:
    """Everybody's reading of a file, or that of all but the SLOW."""
    entered = {name: command for name, command in commands().items() if slow_too or name not in SLOW}
    rounds = {name: ROUNDS if sample.size <= LONG and name not in SLOW else 1 for name in entered}
    return Result(sample, [measure(name, command(sample), rounds[name]) for name, command in entered.items()])


def table(results: Sequence[Result]) -> Table:
    """A line for each reading."""
    shown = Table(title=f"Reading captures: every TLS message with key log, times as long as {OURS} takes")
    for title in ("", "MB", "", "s", "MB/s", "ratio", "memory, MB"):
        shown.add_column(title, justify="right" if title else "left", no_wrap=True)
    for result in results:
        for run in result.runs:
            size = result.sample.size / MEGABYTE
            is_ours = run is result.ours
            shown.add_row(
                result.sample.kind if is_ours else "",
                f"{size:.0f}" if is_ours else "",
                run.contender,
                f"{run.seconds:.2f}",
                f"{size / run.seconds:.2f}",
                Text("") if is_ours else _ratio(result, run),
                f"{run.memory / MEGABYTE:.0f}",
            )
        shown.add_section()
    return shown


def _ratio(result: Result, run: Run) -> Text:
    """Marked by whether the target is reached."""
    ratio, least = result.ratio(run), TARGETS[run.contender]
    reached = ratio >= least
    return Text(f"{ratio:.1f} {'≥' if reached else '<'} {least:g}", "green" if reached else "red")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.capture", description="How fast captures are read.")
    parser.add_argument("sizes", metavar="MB", nargs="*", type=int, default=[10, 100], help="sizes; 10 and 100 if none")
    sizes = sorted(parser.parse_args(arguments).sizes)
    console = Console(width=None if sys.stdout.isatty() else 100)
    results = []
    for make, most_for_slow in KINDS.items():
        size_for_slow = max((size for size in sizes if size <= most_for_slow), default=sizes[0])
        for size in sizes:
            with tempfile.TemporaryDirectory(prefix="tls13-bench-") as folder:
                results.append(race(make(Path(folder), size * MEGABYTE), slow_too=size == size_for_slow))
    console.print(table(results))
    for name in [each for each in TARGETS if each not in commands()]:
        console.print(f"{name}: not installed, see the bench extra", style="yellow")
    missed = [line for result in results for line in result.missed]
    for line in missed:
        console.print(line, style="red")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
