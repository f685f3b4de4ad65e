"""What all tests share: where the shared data is, how Hypothesis runs, and when a skipped peer is a failure."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parents[1] / "shared"
INTEROP = TESTS / "interop"

REQUIRE_PEERS = "TLS13_REQUIRE_PEERS"
"""Set to 1, a test in tests/interop that is skipped fails instead: so CI notices that a peer is not installed."""

# The same examples in every run, no deadline: whether a test passes says nothing about the machine.
settings.register_profile("tls13", deadline=None, derandomize=True, database=None)
settings.load_profile("tls13")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared vectors and captures. Skips where it is not there."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared test data as {SHARED}, beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def rfc8448(shared: Path) -> dict[str, dict[str, bytes]]:
    """The five traces of RFC 8448, each by the names of its byte strings."""
    file = shared / "vectors" / "rfc8448.json"
    if not file.is_file():
        pytest.skip(f"needs the traces of RFC 8448 as {file}")
    traces = json.loads(file.read_text())["traces"]
    return {
        trace: {name: bytes.fromhex(text) for name, text in strings.items() if name != "section"}
        for trace, strings in traces.items()
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns a skipped interop test into a failed one where peers are required."""
    report = yield
    refuse_skip(report, item.path)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself while it is imported."""
    report = yield
    refuse_skip(report, collector.path)
    return report


def refuse_skip(report: pytest.TestReport | pytest.CollectReport, path: Path) -> None:
    if report.outcome != "skipped" or os.environ.get(REQUIRE_PEERS) != "1" or not path.is_relative_to(INTEROP):
        return
    if hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{REQUIRE_PEERS}=1, but this was skipped. {reason}"
