"""Fuzzes everything that reads bytes for a bounded time: `python tests/fuzz/fuzz.py [SECONDS]`, 60 of them by default.

The time is shared between the schemas and the capture reader. Needs atheris, which the `fuzz` extra installs.
Ends with status 1 on a finding: an exception that is none of ours, a value that does not rebuild to its bytes,
a compiled form that judges otherwise than the interpreted one, an input that takes forever or eats the memory.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from seeds import SEEDS

ENGINE = Path(__file__).with_name("engine.py")
LONGEST_INPUT = {"schemas": 2048, "captures": 16384}
LIMITS = ["-timeout=30", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"]
STARTING = 120
"""Seconds that instrumenting and the seeds may take beyond the time asked for."""

SHOWN = ("stat::number_of_executed_units", "stat::new_units_added", "stat::peak_rss_mb")


def main(arguments: list[str]) -> int:
    if find_spec("atheris") is None:
        print("atheris is not installed: python -m pip install -e '.[fuzz]'", file=sys.stderr)
        return 2
    if len(arguments) > 1 or not all(each.isdecimal() for each in arguments):
        print(f"usage: {Path(__file__).name} [SECONDS]", file=sys.stderr)
        return 2
    seconds = int(arguments[0]) if arguments else 60
    share = max(1, seconds // len(SEEDS))
    return max([fuzz(target, share) for target in SEEDS])


def fuzz(target: str, seconds: int) -> int:
    """Fuzzes one target in a process of its own, as the fuzzer ends the process that it runs in."""
    folder = Path(tempfile.mkdtemp(prefix="tls13-fuzz-"))
    corpus, findings = folder / "corpus", folder / "findings"
    corpus.mkdir()
    findings.mkdir()
    seeds = set(SEEDS[target]())
    for number, seed in enumerate(sorted(seeds)):
        (corpus / f"seed-{number:04}").write_bytes(seed)
    print(f"{target}: {seconds} s from {len(seeds)} seeds", flush=True)
    status, output = run(target, seconds, corpus, findings)
    if status == 0:
        print("\n".join(line for line in output.splitlines() if line.startswith(SHOWN)), flush=True)
        shutil.rmtree(folder)
        return 0
    print(output, file=sys.stderr)
    for finding in findings.iterdir():
        print(f"Finding kept. To see it again: {sys.executable} {ENGINE} {target} {finding}", file=sys.stderr)
    return 1


def run(target: str, seconds: int, corpus: Path, findings: Path) -> tuple[int, str]:
    """The status and the output of the fuzzing process, which is ended when it does not end by itself."""
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT[target]}", f"-artifact_prefix={findings}/"]
    command = [sys.executable, str(ENGINE), target, *options, *LIMITS, str(corpus)]
    try:
        ended = subprocess.run(
            command,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds + STARTING,
        )
    except subprocess.TimeoutExpired:
        return 1, f"{target}: still running {STARTING} s after its time"
    return ended.returncode, ended.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
