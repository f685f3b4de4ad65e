"""A folder of captures as one input."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
import zstandard
from capture.made_captures import CLIENT, Talk, keylog

from tls13.capture import Capture, CaptureError, Message, captures_in, read_captures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Captures of one connection each, by content and by name, and what is none."""
    talk = Talk().handshake()
    talk.say(CLIENT, b"secret")
    file = talk.wire.close().pcap()
    (tmp_path / "day" / "night").mkdir(parents=True)
    (tmp_path / "b.pcap").write_bytes(file)
    (tmp_path / "a.trace").write_bytes(file)
    (tmp_path / "day" / "c.dmp.gz").write_bytes(gzip.compress(file))
    (tmp_path / "day" / "night" / "d.zst").write_bytes(zstandard.compress(file))
    (tmp_path / "empty.PCAPNG.gz").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("16 03 01 00 02 01 00 is a record")
    (tmp_path / "log.gz").write_bytes(gzip.compress(b"nothing"))
    (tmp_path / "half.zst").write_bytes(zstandard.compress(file)[:9])
    (tmp_path / "zero").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.pcap")
    return tmp_path


FOUND = ["a.trace", "b.pcap", "day/c.dmp.gz", "day/night/d.zst", "empty.PCAPNG.gz"]


def test_captures_are_found_by_content_and_by_name_in_sorted_order(folder: Path) -> None:
    assert [str(path.relative_to(folder)) for path in captures_in(folder)] == FOUND
    assert captures_in(str(folder)) == captures_in(folder)


def test_each_capture_is_read_and_what_cannot_be_is_told(folder: Path) -> None:
    outcomes: dict[str, str] = {}
    for path, capture in read_captures(folder, keylog=keylog()):
        name = str(path.relative_to(folder))
        if isinstance(capture, Capture):
            (connection,) = capture
            last = [item for item in connection.messages if isinstance(item, Message)][-1]
            outcomes[name] = last.raw.decode()
        else:
            outcomes[name] = str(capture)
    assert outcomes == dict.fromkeys(FOUND, "secret") | {"empty.PCAPNG.gz": "the capture is empty: it has no bytes"}


def test_a_capture_is_closed_when_the_next_is_asked_for(folder: Path) -> None:
    captures = read_captures(folder)
    _, first = next(captures)
    assert isinstance(first, Capture)
    next(captures)
    assert list(first) == []


def test_a_folder_without_captures_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="there is no capture in"):
        read_captures(tmp_path)
    with pytest.raises(CaptureError, match=r"absent: No such file"):
        captures_in(tmp_path / "absent")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CaptureError, match=r"file: Not a directory"):
        captures_in(tmp_path / "file")
