"""What `tls13 parse` prints other than trees, of many files at a time, and how it ends when some can't be read."""

from __future__ import annotations

import builtins
import errno
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import traces
from running import PATIENCE, ROOT, Ended, invoke
from traces import CLIENT, SERVER

from schemas.code_points import CipherSuite, ContentType, ProtocolVersion
from schemas.extensions import ServerName, ServerNameIndication, SupportedVersions
from schemas.handshake import ClientHello, Handshake, ServerHello
from schemas.record import TLSPlaintext
from tls13.capture import CaptureWriter, Direction
from tls13.keylog import KeyLog
from tools.parsing import visit

QUESTION, ANSWER = bytes(range(50)), bytes(range(50))
"""What RFC 8448 §3 has both sides say."""


@pytest.fixture
def trace(recorded_trace: tuple[Path, KeyLog]) -> Path:
    return recorded_trace[0]


@pytest.fixture
def keylog(tmp_path: Path) -> Path:
    path = tmp_path / "trace.keylog"
    path.write_text(traces.KEY_LOG)
    return path


def conversation(path: Path, *said: tuple[str, bytes]) -> Path:
    """A capture of one connection."""
    with CaptureWriter(path, clock=lambda: 1.7e9) as writer, writer.open(CLIENT, SERVER) as recording:
        for direction, data in said:
            recording.sent(Direction(direction), data)
    return path


def record(content_type: ContentType, fragment: bytes) -> bytes:
    return TLSPlaintext(type=content_type, fragment=fragment).build()


def parse(*arguments: object) -> Ended:
    return invoke("parse", *arguments)


def test_trees_end_with_what_the_client_offered_in_vain(trace: Path) -> None:
    shown = " ".join(parse(trace).output.decode().split())
    assert "offered and not taken: cipher suites TLS_CHACHA20_POLY1305_SHA256, TLS_AES_256_GCM_SHA384; " in shown
    assert "groups secp256r1, secp384r1, secp521r1 and 5 more" in shown


@pytest.mark.parametrize("options", [[], ["--summary"]])
def test_names_of_files_cannot_steer_a_terminal(options: list[str], trace: Path, tmp_path: Path) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    shutil.copy(trace, folder / "red\x1b[31m\nend.pcapng")
    (folder / "cut\x1b[2J.pcapng").write_bytes(trace.read_bytes()[:200])
    ended = parse(folder, *options)
    assert b"red\\x1b[31m\\x0aend.pcapng" in ended.output
    assert "cut\\x1b[2J.pcapng: the capture is cut short" in ended.errors
    assert b"\x1b" not in ended.output
    assert "\x1b" not in ended.errors


# A line for each connection


def test_a_summary_is_a_line_for_each_connection(trace: Path, keylog: Path) -> None:
    ended = parse(trace, "--keylog", keylog, "--summary")
    assert (ended.status, ended.errors) == (0, "")
    (line,) = ended.output.decode().splitlines()
    assert re.fullmatch(
        r"0  192\.0\.2\.1:50000 → 192\.0\.2\.2:443  server, TLS13, 100 B of data, [\d.]+ s, x25519 …", line
    )


def test_a_summary_tells_data_from_what_stays_encrypted(trace: Path, keylog: Path) -> None:
    records = [each["raw"] for each in map(json.loads, parse(trace, "--json").output.splitlines()) if each["encrypted"]]
    ciphertext = sum(map(len, records)) // 2
    ended = parse(trace, "--summary")
    assert f", TLS13, {ciphertext / 1000:.1f} kB encrypted, " in ended.output.decode()
    assert "of data" not in ended.output.decode()
    found = json.loads(parse(trace, "--summary", "--json").output)
    assert (found["client_bytes"], found["server_bytes"]) == (0, 0)
    assert found["client_encrypted_bytes"] + found["server_encrypted_bytes"] == ciphertext
    counts = json.loads(parse(trace, "--stats", "--json").output)
    assert counts["application_bytes"] == {"client": 0, "server": 0}
    assert sum(counts["encrypted_bytes"].values()) == ciphertext
    found = json.loads(parse(trace, "--keylog", keylog, "--summary", "--json").output)
    assert (found["client_encrypted_bytes"], found["server_encrypted_bytes"]) == (0, 0)
    listed = parse(trace, "--summary", "--filter", f"bytes == 0 and encrypted_bytes == {ciphertext}").output
    assert len(listed.splitlines()) == 1


def test_every_line_of_a_summary_fits_and_says_if_it_is_not_all(shared: Path) -> None:
    folder = shared / "captures"
    lines = parse(folder / "recorded", folder / "public", "--summary").output.decode().splitlines()
    assert len(lines) == 25
    for line in lines:
        file, _, rest = line.partition("  ")
        assert Path(file).is_file()
        assert len(rest) <= 100
        assert re.match(r"\d+  \S+:\d+ → \S+:\d+  ", rest)
        # Either the last of it is there, or the line says that more is left out.
        assert rest.endswith(" …") or re.search(r"(, TLS_\w+|, [\d.]+ m?s)$", rest), rest


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"a" * 30 + b".example", "a" * 30 + ".example, TLS13, "),
        (b"a" * 50 + b".example", "…" + "a" * 33 + ".example, TLS13, "),
        (b"a" * 5000 + b".example", "…" + "a" * 16),
        (b"\x1b[2J" * 20, None),
    ],
)
def test_a_long_server_name_is_shortened_in_front(tmp_path: Path, name: bytes, shown: str | None) -> None:
    hello = ClientHello(
        random=bytes(32),
        cipher_suites=[CipherSuite.TLS_AES_128_GCM_SHA256],
        extensions=[
            ServerNameIndication.client_hello([ServerName(name=name)]),
            SupportedVersions.client_hello([ProtocolVersion.TLS13]),
        ],
    )
    answer = ServerHello(
        random=bytes(32),
        cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
        extensions=[SupportedVersions.server_hello(ProtocolVersion.TLS13)],
    )
    said = (("client", Handshake.of(hello)), ("server", Handshake.of(answer)))
    records = ((who, record(ContentType.handshake, message.build())) for who, message in said)
    (line,) = parse(conversation(tmp_path / "named.pcapng", *records), "--summary").output.decode().splitlines()
    assert len(line) <= 100
    assert line.isprintable()
    assert shown is None or f"  {shown}" in line


def test_a_summary_in_json_has_the_judgement(trace: Path, keylog: Path) -> None:
    (line,) = parse(trace, "--keylog", keylog, "--summary", "--json").output.splitlines()
    found = json.loads(line)
    assert found["object"] == "connection"
    assert (found["client_bytes"], found["server_bytes"], found["messages"]) == (50, 50, 12)
    assert found["judgement"]["negotiated"]["version"] == {"name": "TLS13", "value": 0x0304}
    assert found["judgement"]["offer"]["server_name"] == "server"
    (certificate,) = found["judgement"]["server_certificates"]
    assert certificate["subject"] == "CN=rsa"
    assert certificate["serial_number"] == "2"


def test_a_summary_lists_those_connections_that_a_filter_lets_through(shared: Path) -> None:
    folder = shared / "captures" / "recorded"

    def listed(expression: str) -> list[str]:
        output = parse(folder, "--summary", "--filter", expression).output.decode()
        return [f"{Path(line.split()[0]).stem} {line.split()[1]}" for line in output.splitlines()]

    assert listed("version == TLS12") == ["tls12 0"]
    assert listed("resumption == psk") == ["early-data 1", "resumption 1"]
    assert listed("psk") == ["early-data 1", "external-psk 0", "resumption 1"]
    assert listed("psk == external") == ["external-psk 0"]
    assert listed("name == HelloRetryRequest") == ["hello-retry 0"]
    assert listed("group == secp521r1 and type == client_hello") == ["hello-retry 0"]
    assert listed("encrypted_bytes > 1000000") == ["bulk 0"]
    assert listed("bytes > 0") == []
    assert listed("name == CertificateRequest") == []


def test_a_filter_that_asks_for_the_end_holds_for_the_first_message(trace: Path, keylog: Path) -> None:
    for options in (["--json"], []):
        shown = parse(trace, "--keylog", keylog, *options, "--filter", "bytes == 100 and number == 0").output
        assert b"ClientHello" in shown
        assert b"ServerHello" not in shown
        assert not parse(trace, "--keylog", keylog, *options, "--filter", "bytes != 100").output


def test_a_connection_too_large_to_be_kept_is_judged_by_its_start(
    trace: Path, keylog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "LOOK_AHEAD", 1000)
    shown = invoke("parse", trace, "--keylog", keylog, "--json", "--filter", "client_bytes < 50").output
    names = [json.loads(line)["name"] for line in shown.splitlines()]
    # Once the rest has gone by, it holds no more.
    assert names[0] == "ClientHello"
    assert "Alert" not in names


# Counts


def test_statistics_count_over_all_files(trace: Path, keylog: Path, tmp_path: Path) -> None:
    shutil.copy(trace, tmp_path / "second.pcapng")
    ended = parse(trace, tmp_path / "second.pcapng", "--keylog", keylog, "--stats")
    assert (ended.status, ended.errors) == (0, "")
    text = ended.output.decode()
    assert text.splitlines()[0].startswith("2 files, ")
    assert "; 2 TCP connections, 2 of TLS" in text.splitlines()[0]
    rows = {" ".join(line.split()[:-4]): line.split()[-4:] for line in text.splitlines() if line.endswith("█")}
    assert rows["TLS_AES_128_GCM_SHA256"][0] == "2"
    assert rows["ClientHello"][0] == "2"
    assert rows["Finished"][0] == "4"
    assert rows["under 1000 ms"][:3] == ["2", "100", "%"]
    assert max(map(len, text.splitlines())) <= 100

    counts = json.loads(parse(trace, "--keylog", keylog, "--stats", "--json").output)
    assert counts["counts"]["message"]["Finished"] == 2
    assert counts["counts"]["cipher_suite"] == {"TLS_AES_128_GCM_SHA256": 1}
    assert counts["application_bytes"] == {"client": 50, "server": 50}
    (bound, count) = next(iter(counts["handshake_ms"].items()))
    assert (float(bound), count) == (1000, 1)


def test_statistics_leave_out_what_a_filter_does(shared: Path) -> None:
    folder = shared / "captures" / "recorded"
    counts = json.loads(parse(folder, "--stats", "--json", "--filter", "version == TLS12").output)
    assert counts["tls_connections"] == 1
    assert counts["counts"]["version"] == {"TLS12": 1}
    counts = json.loads(parse(folder, "--stats", "--json", "--filter", "name == ClientHello").output)
    assert counts["counts"]["message"] == {"ClientHello": 13}


def test_statistics_do_not_call_none_what_is_encrypted(shared: Path) -> None:
    folder = shared / "captures" / "recorded"

    def counted(name: str, *options: object) -> tuple[object, ...]:
        counts = json.loads(parse(folder / f"{name}.pcapng", "--stats", "--json", *options).output)["counts"]
        return counts["signature_scheme"], counts["alpn"], counts["psk"]

    for name, sealed, opened in (
        # In TLS 1.2 both are in the clear.
        ("tls12", ({"rsa_pss_rsae_sha256": 1}, {"none": 1}, {}), ({"rsa_pss_rsae_sha256": 1}, {"none": 1}, {})),
        ("hello-retry", ({"unknown": 1}, {"unknown": 1}, {}), ({"rsa_pss_rsae_sha256": 1}, {"none": 1}, {})),
        # Who shows a pre-shared key signs nothing.
        (
            "external-psk",
            ({"none": 1}, {"unknown": 1}, {"external": 1}),
            ({"none": 1}, {"none": 1}, {"external": 1}),
        ),
    ):
        assert counted(name) == sealed
        assert counted(name, "--keylog", folder / f"{name}.keylog") == opened
    told = parse(folder / "external-psk.pcapng", "--stats").output.decode()
    assert "\nstill encrypted: " in told
    assert "application data" not in told


# What was said


def test_following_shows_the_plaintext_of_both_sides(shared: Path) -> None:
    recorded = shared / "captures" / "recorded"
    ended = parse(recorded / "resumption.pcapng", "--keylog", recorded / "resumption.keylog", "--follow", 1)
    assert (ended.status, ended.errors) == (0, "")
    lines = ended.output.decode().splitlines()
    assert [re.sub(r"\d\d:.*", "", line) for line in lines] == [
        *("--- client → server  ", "first", "--- server → client  ", "tsrif")
    ]


def test_following_makes_harmless_what_a_terminal_would_obey(trace: Path, keylog: Path) -> None:
    lines = parse(trace, "--keylog", keylog, "--follow", 0).output.decode().splitlines()
    assert lines[1] == "".join(f"\\x{each:02x}" for each in range(9)) + "\t"
    assert lines[2] == "".join(f"\\x{each:02x}" for each in range(11, 32)) + " !\"#$%&'()*+,-./01"


def test_following_in_hexadecimal_is_a_dump_of_each_record(trace: Path, keylog: Path) -> None:
    output = parse(trace, "--keylog", keylog, "--follow", 0, "--hex").output.decode()
    assert output.count("  50 bytes\n") == 2
    assert output.count("     000020  20 21 22 23 24 25 26 27  28 29 2a 2b 2c 2d 2e 2f") == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), QUESTION + ANSWER),
        (("--filter", "direction == client"), QUESTION),
        (("--filter", "record == 3"), ANSWER),
        (("--filter", "version == TLS13 and messages == 12"), QUESTION + ANSWER),
    ],
)
def test_following_to_a_file_writes_the_very_bytes(
    options: tuple[str, ...], expected: bytes, trace: Path, keylog: Path, tmp_path: Path
) -> None:
    ended = parse(trace, "--keylog", keylog, "--follow", 0, "-o", tmp_path / "said", *options)
    assert (ended.status, ended.output, ended.errors) == (0, b"", "")
    assert (tmp_path / "said").read_bytes() == expected


def test_bulk_data_is_followed_whole(shared: Path, tmp_path: Path) -> None:
    recorded = shared / "captures" / "recorded"
    wanted = ("--follow", 0, "--filter", "direction == server", "-o", tmp_path / "data")
    assert parse(recorded / "bulk.pcapng", "--keylog", recorded / "bulk.keylog", *wanted).status == 0
    data = (tmp_path / "data").read_bytes()
    lines = parse(recorded / "bulk.pcapng", "--keylog", recorded / "bulk.keylog", "--json").output.splitlines()
    said = [each for each in map(json.loads, lines) if each["name"] == "ApplicationData"]
    assert data == b"".join(bytes.fromhex(each["raw"]) for each in said if each["direction"] == "server")


def test_a_gap_is_shown_where_it_is(
    tmp_path: Path, keylog: Path, trace: Path, rfc8448: dict[str, dict[str, bytes]]
) -> None:
    data = trace.read_bytes()
    ticket = rfc8448["simple_1rtt"]["record_new_session_ticket"]
    at = data.index(ticket)
    # Another destination port, so that the packet belongs to another connection.
    (tmp_path / "gap.pcapng").write_bytes(data[: at - 18] + b"\xff\xff" + data[at - 16 :])
    ended = parse(tmp_path / "gap.pcapng", "--keylog", keylog, "--follow", 0)
    assert ended.status == 1
    assert "(227 bytes of the server from byte 774 on are not in the capture)" in ended.output.decode()
    assert "\\x00\\x01" in ended.output.decode()


def test_what_cannot_be_followed_is_told(trace: Path) -> None:
    ended = parse(trace, "--follow", 0)
    assert (ended.status, ended.output) == (1, b"")
    assert ended.error == "Error: connection 0 has no data that can be read: no key log with secrets was given"
    ended = parse(trace, "--follow", 1)
    assert (ended.status, ended.output) == (1, b"")
    assert ended.error == f"Error: no TLS connection 1 in {trace}; --summary lists those that there are"
    ended = parse(trace, trace, "--follow", 0)
    assert (ended.status, ended.error) == (2, "Error: --follow takes one capture; name the file")


# Many files


@pytest.fixture
def many(trace: Path, tmp_path: Path) -> Path:
    """A folder of captures, with other files between them."""
    folder = tmp_path / "many"
    (folder / "inner").mkdir(parents=True)
    for name in ("a.pcapng", "inner/b.pcapng", "inner/of-no-name"):
        shutil.copy(trace, folder / name)
    (folder / "notes.txt").write_text("This is no capture.\n")
    (folder / ".hidden").write_text("Nor is this.\n")
    return folder


def test_a_folder_is_read_file_by_file(many: Path, keylog: Path) -> None:
    ended = parse(many, "--keylog", keylog)
    assert (ended.status, ended.errors) == (0, "")
    lines = ended.output.decode().splitlines()
    files = [line for line in lines if line.startswith(str(many))]
    assert files == [str(many / name) for name in ("a.pcapng", "inner/b.pcapng", "inner/of-no-name")]
    assert sum(line.startswith("Connection 0 ") for line in lines) == 3
    found = [json.loads(line) for line in parse(many, "--json").output.splitlines()]
    assert {each["file"] for each in found} == set(files)


@pytest.mark.parametrize("mode", [(), ("--json",), ("--stats",)])
def test_several_processes_print_what_one_does(mode: tuple[str, ...], many: Path, keylog: Path) -> None:
    one = parse(many, "--keylog", keylog, *mode)
    two = parse(many, "--keylog", keylog, *mode, "--jobs", 2)
    assert one.status == 0
    assert two == one
    assert one.output


def test_one_bad_file_of_many_is_told_and_the_others_shown(many: Path, keylog: Path) -> None:
    (many / "bad.pcap").write_bytes(b"nothing of the kind")
    (many / "empty.pcap").touch()
    for jobs in ((), ("--jobs", 2)):
        ended = parse(many, "--keylog", keylog, "--summary", *jobs)
        assert ended.status == 1
        assert len(ended.output.splitlines()) == 3
        assert ended.errors.splitlines() == [
            f"Warning: {many}/bad.pcap: not a capture: it starts with 6e 6f 74 68",
            f"Warning: {many}/empty.pcap: the capture is empty: it has no bytes",
        ]


def test_files_none_of_which_can_be_read_are_an_error(tmp_path: Path) -> None:
    for name in ("a.pcap", "b.pcap"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
    ended = parse(tmp_path / "a.pcap", tmp_path / "b.pcap")
    assert (ended.status, ended.output) == (2, b"")
    assert [line.partition("; ")[0] for line in ended.errors.splitlines()] == [
        f"Error: {tmp_path}/{name}: not a capture: it starts with 6e 6f 74 68" for name in ("a.pcap", "b.pcap")
    ]


def test_what_many_files_leave_sealed_is_added_up(many: Path) -> None:
    ended = parse(many)
    assert ended.status == 0
    assert ended.errors == (
        "Warning: 21 records in 3 connections stay encrypted: no key log; give one with --keylog FILE\n"
    )


def test_several_key_logs_are_one(trace: Path, tmp_path: Path) -> None:
    parts = []
    for number, line in enumerate(traces.KEY_LOG.splitlines()):
        parts += ["--keylog", tmp_path / f"{number}.keylog"]
        parts[-1].write_text(f"{line}\n")
    ended = parse(trace, *parts, "--summary")
    assert (ended.status, ended.errors) == (0, "")
    assert ", 100 B of data, " in ended.output.decode()


def test_an_external_psk_opens_what_it_can(shared: Path) -> None:
    capture = shared / "captures" / "recorded" / "external-psk.pcapng"
    (line,) = parse(capture, "--summary", "--json").output.splitlines()
    judged = json.loads(line)["judgement"]
    assert (judged["resumption"], judged["negotiated"]["psk_origin"]) == ("none", "external")
    ended = parse(capture, "--psk", "Client_identity=00112233", "--summary")
    assert ended.status == 1
    assert "identity Client_identity does not fit its binder" in ended.errors
    ended = parse(capture, "--psk", "Client_identity:0011")
    assert ended.status == 2
    assert "'Client_identity:0011' is no NAME=HEX" in ended.errors


def test_a_file_whose_rights_forbid_it_is_told(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = builtins.open

    def forbid(file: Any, *arguments: Any, **options: Any) -> Any:
        if file == str(trace):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), file)
        return real_open(file, *arguments, **options)

    monkeypatch.setattr(builtins, "open", forbid)
    ended = parse(trace)
    assert (ended.status, ended.output) == (2, b"")
    assert ended.error == f"Error: cannot read {trace}: Permission denied; name a capture file that can be read"


# Where it goes


def test_output_goes_to_a_file(trace: Path, keylog: Path, tmp_path: Path) -> None:
    for mode in ((), ("--json",), ("--summary",), ("--stats",)):
        ended = parse(trace, "--keylog", keylog, *mode, "--output", tmp_path / "out")
        assert (ended.status, ended.output, ended.errors) == (0, b"", "")
        assert (tmp_path / "out").read_bytes() == parse(trace, "--keylog", keylog, *mode).output


def test_an_input_is_not_written_over(trace: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pcapng"
    shutil.copy(trace, copy)
    os.link(copy, tmp_path / "again.pcapng")
    ended = parse(copy, "-o", tmp_path / "again.pcapng")
    assert (ended.status, ended.output) == (2, b"")
    assert "is to be read" in ended.error
    assert copy.read_bytes() == trace.read_bytes()


def test_a_file_that_cannot_be_written_is_told(trace: Path, tmp_path: Path) -> None:
    ended = parse(trace, "-o", tmp_path / "missing" / "out")
    assert ended.status == 2
    assert str(tmp_path / "missing" / "out") in ended.error


def test_a_bad_filter_is_told_before_anything_is_written(trace: Path, tmp_path: Path) -> None:
    ended = parse(trace, "--filter", "nonsense", "-o", tmp_path / "out")
    assert (ended.status, ended.output) == (2, b"")
    assert "--filter, character 1: no property 'nonsense'" in ended.error
    assert not (tmp_path / "out").exists()


# While it goes on


def on_a_terminal(*arguments: object, output: bool) -> tuple[str, int]:
    """What a terminal gets of standard error, and of standard output too if that is asked for; the exit status."""
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "tools.main", "parse", *map(str, arguments)]
    with subprocess.Popen(
        command,
        stdout=terminal if output else subprocess.DEVNULL,
        stderr=terminal,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(terminal)
        shown = b"".join(_screen(screen))
        status = process.wait(PATIENCE)
    os.close(screen)
    return shown.decode(), status


def _screen(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(descriptor, 2**16)
        except OSError:
            return
        if not data:
            return
        yield data


@pytest.fixture
def long_capture(tmp_path: Path) -> Path:
    """Five million bytes of records that nobody can open, behind a hello."""
    hello = record(ContentType.handshake, bytes.fromhex("01 000000"))
    sealed = record(ContentType.application_data, bytes(16000)) * 312
    return conversation(tmp_path / "long.pcapng", ("client", hello), ("client", sealed))


def test_a_long_reading_shows_how_far_it_is_to_a_terminal(long_capture: Path, trace: Path) -> None:
    shown, _ = on_a_terminal(long_capture, "--stats", output=False)
    assert "reading" in shown
    assert re.search(r"[\d.]+/5\.\d MB\S* \S*(\?|[\d.]+ \w?B/s)", shown)
    shown, _ = on_a_terminal(trace, "--stats", output=False)
    assert "reading" not in shown
    # What is printed on the same terminal is not to be drawn over.
    shown, _ = on_a_terminal(long_capture, output=True)
    assert "reading" not in shown


def test_a_line_that_does_not_fit_the_terminal_is_folded_there(trace: Path, keylog: Path) -> None:
    shown, status = on_a_terminal(trace, "--keylog", keylog, "--summary", output=True)
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()
    assert status == 0
    assert len(lines) > 1
    assert max(map(len, lines)) <= 100


def test_a_warning_that_does_not_fit_the_terminal_is_folded_there_and_nowhere_else(trace: Path, tmp_path: Path) -> None:
    keylog = tmp_path / "another.keylog"
    keylog.write_text(traces.KEY_LOG.replace(traces.RANDOM, "00" * 32))
    many = tmp_path / ("many " * 20)
    many.mkdir()
    for name in ("one.pcapng", "two.pcapng"):
        shutil.copy(trace, many / name)
    shown, status = on_a_terminal(many, "--keylog", keylog, output=False)
    assert status == 1
    rows = shown.replace("\r", "").splitlines()
    assert max(map(len, rows)) <= 100
    assert [row[:4] for row in rows].count("    ") == len(rows) - 2
    piped = parse(many, "--keylog", keylog).errors
    assert len(piped.splitlines()) == 2
    # Nothing but where it is folded is different.
    assert shown.split() == piped.split()


def test_several_processes_print_in_colours_to_a_terminal(many: Path, keylog: Path) -> None:
    arguments = (many, "--keylog", keylog, "--filter", "name == Alert")
    one, two = (on_a_terminal(*arguments, "--jobs", jobs, output=True) for jobs in (1, 2))
    assert one == two
    assert "\x1b[" in one[0]


def test_ctrl_c_ends_all_processes(many: Path) -> None:
    pipe = many / "endless.pcap"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "tools.main", "parse", str(many / "a.pcapng"), str(pipe), "--jobs", "2"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # The process that reads has opened its end of the pipe when this end is open, and waits for a capture.
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes) as process, pipe.open("wb"):
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (130, b"")
