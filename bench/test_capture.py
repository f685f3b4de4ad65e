"""What is timed is right: the made captures are whole, everybody who is installed can read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.capture import OURS, commands, measure
from bench.capture_samples import Sample, few_bulk, many_small
from tls13.capture import Ending, Message, read_capture
from tls13.keylog import KeyLog

SIZE = 300_000


@pytest.mark.parametrize("make", [many_small, few_bulk])
def test_every_record_of_a_made_capture_opens(make: Callable[[Path, int], Sample], tmp_path: Path) -> None:
    sample = make(tmp_path, SIZE)
    assert sample.size == sample.path.stat().st_size
    assert SIZE <= sample.size < 10 * SIZE
    with read_capture(sample.path, keylog=KeyLog.load(sample.keylog)) as capture:
        for connection in capture:
            items = list(connection.messages)
            assert all(isinstance(item, Message) and item.note is None and item.error is None for item in items)
            assert connection.ending is Ending.finished
        assert not capture.warnings


@pytest.mark.parametrize("contender", commands())
def test_every_contender_reads_a_made_capture(contender: str, tmp_path: Path) -> None:
    sample = many_small(tmp_path, SIZE // 10)
    run = measure(contender, commands()[contender](sample), 1)
    assert run.contender == contender
    assert run.memory > (10 if contender == OURS else 1) * 10**6
