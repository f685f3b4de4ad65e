"""The commands as they are run: in processes of their own, from this checkout, or at least in this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from typer.testing import CliRunner

from tools.commands import app

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0
"""Seconds after which something hangs. No test takes a part of it."""
_COMMAND = (sys.executable, "-W", "error", "-m", "tools.main")
_IN_THE_WAY = ("SSLKEYLOGFILE", "COLUMNS", "FORCE_COLOR", "NO_COLOR")


@dataclass(frozen=True)
class Ended:
    """What a command did."""

    status: int
    output: bytes
    errors: str

    @property
    def error(self) -> str:
        """The one line that says what went wrong, which may stand behind lines about usage or a warning."""
        lines = [line for line in self.errors.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, self.errors
        assert self.errors.endswith(f"{lines[0]}\n"), self.errors
        return lines[0]


def invoke(*arguments: object) -> Ended:
    """Runs `tls13` inside this process: quicker, for what ends before it reads its input or writes the peer's data."""
    result = CliRunner(env=dict.fromkeys(_IN_THE_WAY)).invoke(app, [*map(str, arguments)], catch_exceptions=False)
    return Ended(result.exit_code, result.stdout_bytes, result.stderr)


def run(
    *arguments: object, stdin: bytes = b"", cwd: Path = ROOT, environ: Mapping[str, str] = MappingProxyType({})
) -> Ended:
    """Runs `tls13` with those arguments to its end."""
    process = start(*arguments, cwd=cwd, environ=environ)
    return finish(process, stdin)


def start(
    *arguments: object,
    cwd: Path = ROOT,
    stdin: int = subprocess.PIPE,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.Popen[bytes]:
    """Starts `tls13` with those arguments; its standard streams are pipes, if `stdin` is no other descriptor."""
    kept = {name: value for name, value in os.environ.items() if name not in _IN_THE_WAY}
    return subprocess.Popen(
        [*_COMMAND, *map(str, arguments)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env={**kept, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **environ},
        # Whoever runs the tests in the background may have it ignored, which is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Ended:
    """Gives it the rest of its input, and waits until it has ended."""
    output, errors = process.communicate(stdin, timeout=PATIENCE)
    return Ended(process.returncode, output, errors.decode())


@dataclass(frozen=True)
class Serving:
    """A `tls13 serve` that listens."""

    process: subprocess.Popen[bytes]
    host: str
    port: int

    @classmethod
    def of(cls, process: subprocess.Popen[bytes]) -> Serving:
        """Waits until it says that it listens."""
        assert process.stdout is not None
        words = process.stdout.readline().decode().split()
        assert words[:2] == ["listening", "on"], (words, process.communicate())
        host, _, port = words[2].rpartition(":")
        return cls(process, host, int(port))

    def log_line(self) -> str:
        """Waits for the next line of the log."""
        assert self.process.stderr is not None
        return self.process.stderr.readline().decode()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> Ended:
        """Ends it by a signal."""
        self.process.send_signal(number)
        return finish(self.process)
