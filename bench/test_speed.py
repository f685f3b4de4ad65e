"""Each message beside the peers: the ratios that are wanted are reached, and what is timed is right.

pytest-benchmark keeps our own times, to compare one commit with another; the ratios are in their `extra_info`.
"""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.contenders import OURS, Contender
from bench.race import CASES, Case, Result, run
from bench.samples import SAMPLES, Sample, Unavailable, sample
from bench.startup import IMPORT_TARGET, startup


def available(name: str) -> Sample:
    try:
        return sample(name)
    except Unavailable as missing:
        pytest.skip(str(missing))


def ours(entered: list[Contender]) -> Contender:
    return next(each for each in entered if each.name == OURS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_ratios_to_peers(
    case: Case, benchmark: BenchmarkFixture, entered: list[Contender], results: list[Result]
) -> None:
    entry = available(case.sample)
    result = run(case, entered)
    results.append(result)
    benchmark.group = case.operation
    benchmark.extra_info.update(result.ratios)
    benchmark(ours(entered).preparations(case.operation)[entry.kind](entry.data))

    assert not result.missed


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("operation", ["build", "construct and build"])
def test_whoever_builds_gives_the_whole_message(operation: str, name: str, entered: list[Contender]) -> None:
    """aioquic has an order of its own for extensions; everybody else gives back the sample."""
    entry = available(name)
    builders = {
        each.name: each.preparations(operation)[entry.kind](entry.data)
        for each in entered
        if entry.kind in each.preparations(operation)
    }
    for contender, build in builders.items():
        built = build()
        assert isinstance(built, bytes | bytearray)
        assert sorted(built) == sorted(entry.data) if contender == "aioquic" else built == entry.data, contender


def test_import_is_quick_and_compiles_nothing() -> None:
    measured = startup(sample("ClientHello, OpenSSL").data)

    assert measured["compiled"] == 0
    assert measured["import, CPU"] < IMPORT_TARGET
