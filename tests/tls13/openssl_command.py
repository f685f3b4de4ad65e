"""The openssl command, for tests of what it makes and what it believes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the openssl command: apt-get install openssl"
)


def openssl(folder: Path, *arguments: str) -> None:
    """Runs it there, and it succeeds."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
