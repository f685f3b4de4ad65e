"""SSLKEYLOGFILE: read with the tolerance that RFC 9850 asks for, written a line at a time."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from tls13.errors import ConfigurationError
from tls13.keylog import KeyLog, KeyLogWriter, Label, from_environment, line

RANDOM = bytes(range(32))
HEX = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


def test_a_secret_is_found_by_label_and_client_random() -> None:
    log = KeyLog.parse(f"CLIENT_TRAFFIC_SECRET_0 {HEX} aabb\nSERVER_TRAFFIC_SECRET_0 {HEX} ccdd\n")
    assert log.secret(Label.CLIENT_TRAFFIC_SECRET_0, RANDOM) == b"\xaa\xbb"
    assert log.secret("SERVER_TRAFFIC_SECRET_0", RANDOM) == b"\xcc\xdd"
    assert log.secret(Label.EXPORTER_SECRET, RANDOM) is None
    assert log.secret(Label.CLIENT_TRAFFIC_SECRET_0, bytes(32)) is None
    assert log.labels(RANDOM) == {"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}
    assert log.labels(bytes(32)) == frozenset()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_that_rfc_9850_names_is_accepted(end: str, tmp_path: Path) -> None:
    text = end.join([f"A {HEX} 01", "", "# a comment: ä", f"B {HEX} 02", ""])
    path = tmp_path / "keys"
    path.write_bytes(text.encode())
    for log in (KeyLog.parse(text), KeyLog.load(path)):
        assert [secret for _, _, secret in log] == [b"\x01", b"\x02"]
        assert log.warnings == ()


def test_hexadecimal_of_either_case_and_unknown_labels_are_kept() -> None:
    log = KeyLog.parse(f"SOMETHING_NEW_7 {HEX.upper()} AbCd")
    assert log.secret("SOMETHING_NEW_7", RANDOM) == b"\xab\xcd"


@pytest.mark.parametrize(
    "bad",
    [
        "CLIENT_RANDOM",
        f"CLIENT_RANDOM {HEX}",
        f"CLIENT_RANDOM {HEX} ",
        f"CLIENT_RANDOM {HEX} abc",
        f"CLIENT_RANDOM {HEX} xx",
        f"CLIENT_RANDOM  {HEX} ab",
        f"CLIENT_RANDOM {HEX[2:]} ab",
        f"CLIENT_RANDOM {HEX} ab cd",
        f" CLIENT_RANDOM {HEX} ab",
        f"CLIENT RANDOM {HEX} ab",
    ],
)
def test_a_malformed_line_is_passed_over_with_its_number(bad: str) -> None:
    log = KeyLog.parse(f"A {HEX} 01\n{bad}\nB {HEX} 02\n")
    assert len(log) == 2
    (warning,) = log.warnings
    assert warning.startswith("line 2 is no secret")


def test_many_malformed_lines_are_counted_rather_than_kept() -> None:
    log = KeyLog.parse("nonsense\n" * 1000 + f"A {HEX} 01")
    assert len(log) == 1
    assert len(log.warnings) == 11
    assert log.warnings[-1] == "990 more lines are no secrets"


def test_of_a_label_given_twice_the_later_secret_counts() -> None:
    assert KeyLog.parse(f"A {HEX} 01\nA {HEX} 02").secret("A", RANDOM) == b"\x02"


def test_an_empty_file_is_an_empty_log(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_text("# nothing yet\n")
    assert len(KeyLog.load(path)) == 0


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"\x89PNG\x0d\x0a\x1a\x0a" + bytes(100))
    with pytest.raises(ConfigurationError, match="is no key log: line 1 is no secret") as caught:
        KeyLog.load(path)
    assert str(caught.value).isascii()


def test_a_file_without_line_ends_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    path.write_bytes(b"0" * 2**20)
    with pytest.raises(ConfigurationError, match="is no key log"):
        KeyLog.load(path)


def test_an_unreadable_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read key log .*absent: No such file"):
        KeyLog.load(tmp_path / "absent")
    with pytest.raises(ConfigurationError, match="Is a directory"):
        KeyLog.load(tmp_path)


def test_a_line_reads_as_rfc_9850_writes_it() -> None:
    assert line(Label.CLIENT_RANDOM, RANDOM, b"\xab\xcd") == f"CLIENT_RANDOM {HEX} abcd\n"


def test_the_writer_appends_lines_that_only_the_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    for label, secret in ((Label.CLIENT_RANDOM, b"\x01"), (Label.EXPORTER_SECRET, b"\x02")):
        with KeyLogWriter(path) as writer:
            writer.write(label, RANDOM, secret)
    assert path.read_text() == f"CLIENT_RANDOM {HEX} 01\nEXPORTER_SECRET {HEX} 02\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_rfc_9850_has_no_label_for_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    with KeyLogWriter(path) as writer:
        writer.write("resumption_secret", RANDOM, b"\x01")
    assert path.read_text() == ""


def test_lines_of_several_threads_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    with KeyLogWriter(path) as writer:

        def write(number: int) -> None:
            for _ in range(200):
                writer.write(Label.CLIENT_RANDOM, bytes([number]) * 32, bytes(1000))

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = path.read_text().splitlines()
    assert len(lines) == 1600
    assert {len(each) for each in lines} == {len("CLIENT_RANDOM ") + 64 + 1 + 2000}


def test_after_close_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    writer = KeyLogWriter(path)
    writer.close()
    writer.close()
    writer.write(Label.EXPORTER_SECRET, RANDOM, b"\x01")
    assert path.read_text() == ""


def test_a_log_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot write key log .*absent/keys: No such file"):
        KeyLogWriter(tmp_path / "absent" / "keys")
    if os.path.exists("/dev/full"):
        with KeyLogWriter("/dev/full") as writer, pytest.raises(ConfigurationError, match="No space left"):
            writer.write(Label.EXPORTER_SECRET, RANDOM, b"\x01")


def test_the_environment_names_the_file_or_none(tmp_path: Path) -> None:
    assert from_environment({}) is None
    assert from_environment({"SSLKEYLOGFILE": ""}) is None
    writer = from_environment({"SSLKEYLOGFILE": str(tmp_path / "keys")})
    assert writer is not None
    writer.close()
    assert (tmp_path / "keys").exists()
