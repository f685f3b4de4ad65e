"""The table of ratios at the end of a pytest run."""

from __future__ import annotations

import pytest
from rich.console import Console

from bench.contenders import Contender, contenders
from bench.race import Result
from bench.report import ratios, remarks

RESULTS = pytest.StashKey[list[Result]]()
CONTENDERS = pytest.StashKey[list[Contender]]()
COLUMNS = 140


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RESULTS] = []


@pytest.fixture(scope="session")
def entered(pytestconfig: pytest.Config) -> list[Contender]:
    """Everybody who is installed."""
    return pytestconfig.stash.setdefault(CONTENDERS, list(contenders()))


@pytest.fixture
def results(pytestconfig: pytest.Config) -> list[Result]:
    """Where a result goes to be shown at the end."""
    return pytestconfig.stash[RESULTS]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    results = config.stash[RESULTS]
    if not results:
        return
    took_part = config.stash[CONTENDERS]
    console = Console(width=COLUMNS)
    with console.capture() as captured:
        console.print(ratios(results), remarks(took_part, unavailable=[]))
    terminalreporter.write_line(captured.get())
