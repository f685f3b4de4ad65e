"""What the tests of captures share."""

from __future__ import annotations

import shutil

import pytest
from capture.tshark import HINT, Tshark


@pytest.fixture(scope="session")
def tshark() -> Tshark:
    """tshark, if there is one."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip(HINT)
    return Tshark(program)
