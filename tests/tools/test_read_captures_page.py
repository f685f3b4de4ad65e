"""docs/how-to/read-captures.md: its commands are understood, and its code runs as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import traces
from running import PATIENCE, ROOT, invoke

from tls13.keylog import KeyLog

PAGE = (ROOT / "docs" / "how-to" / "read-captures.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SHELL = [
    line.partition(" | ")[0]
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("tls13 parse")
]


@pytest.fixture
def folder(recorded_trace: tuple[Path, KeyLog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files are that the page speaks of."""
    (tmp_path / "captures").mkdir()
    for name in ("web.pcapng", "talk.pcapng", "captures/one.pcapng", "captures/two.pcapng"):
        shutil.copy(recorded_trace[0], tmp_path / name)
    (tmp_path / "keys.log").write_text(traces.KEY_LOG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", SHELL)
def test_commands_do_what_they_say(line: str, folder: Path) -> None:
    _, *words = shlex.split(line, comments=True)
    ended = invoke(*words)
    assert ended.status == 0
    assert "Error" not in ended.errors


def test_commands_are_many() -> None:
    assert len(SHELL) > 12


@pytest.mark.parametrize("code", PYTHON, ids=["lines", "library"])
def test_code_runs(code: str, folder: Path) -> None:
    (folder / "tls13").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tools.main "$@"\n')
    (folder / "tls13").chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    if "judgement" in code:
        assert "TLS_AES_128_GCM_SHA256 t13d0309" in done.stdout
