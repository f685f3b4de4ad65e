"""`tls13 parse --jobs`: several processes print what one does, of one capture as of many, and end together.

Most of these tests have threads in place of processes, which are quicker to start and do the same.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import pytest
from capture.made_captures import ACK, CLIENT, SERVER, SYN, Talk, Wire, keylog, pcap_of, raw, record
from running import PATIENCE, ROOT, Ended, invoke, run

from schemas.code_points import CipherSuite, ContentType, NamedGroup, ProtocolVersion
from schemas.extensions import (
    KeyShare,
    KeyShareEntry,
    ServerName,
    ServerNameIndication,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import ClientHello, ServerHello
from tls13.capture import Part, read_capture
from tls13.capture.common_knowledge import CommonKnowledge
from tls13.capture.network.link import Segment
from tls13.capture.parts import Clock
from tls13.keylog import line
from tools.parsing.inputs import STDIN, Input
from tools.parsing.processes import jobs, mailbox, pieces, spread
from tools.parsing.processes.exchange import FileExchange, make_exchange

SUITE = CipherSuite.TLS_AES_128_GCM_SHA256
MODES: tuple[tuple[str, ...], ...] = (
    (),
    ("--hex",),
    ("--json",),
    ("--summary",),
    ("--summary", "--json"),
    ("--stats",),
    ("--stats", "--json"),
    ("--filter", "alert"),
    ("--json", "--filter", "messages > 5"),
    ("--summary", "--filter", "bytes > 20"),
    ("--filter", "messages > 5"),
    ("--follow", "0"),
    ("--follow", "99"),
)


# What is read


def hello(group: NamedGroup) -> bytes:
    """A ClientHello to example.com, for that group."""
    extensions = [
        SupportedVersions.client_hello([ProtocolVersion.TLS13]),
        SupportedGroups.client_hello([group]),
        KeyShare.client_hello([KeyShareEntry(group=group, key_exchange=bytes(32))]),
        ServerNameIndication.client_hello([ServerName(name=b"example.com")]),
    ]
    found = ClientHello(random=bytes(range(32)), cipher_suites=[SUITE], extensions=extensions)
    return record(ContentType.handshake, raw(found))


def answer(group: NamedGroup) -> bytes:
    """What a server says to it that takes the group."""
    share = KeyShare.server_hello(KeyShareEntry(group=group, key_exchange=bytes(32)))
    extensions = [SupportedVersions.server_hello(ProtocolVersion.TLS13), share]
    return record(ContentType.handshake, raw(ServerHello(random=bytes(32), cipher_suite=SUITE, extensions=extensions)))


def wire(number: int) -> Wire:
    """That of another client each."""
    return Wire(client=CLIENT._replace(port=CLIENT.port + number)).open()


def talk(number: int, *said: bytes) -> list[Segment]:
    """A connection that says so much."""
    speaking = Talk(wire(number))
    client = speaking.wire.client
    speaking.wire.send(client, hello(NamedGroup.x25519))
    speaking.wire.send(SERVER, answer(NamedGroup.x25519))
    for each in said:
        speaking.wire.send(client, speaking.sealed(client, "CLIENT_TRAFFIC_SECRET_0", each, _DATA))
    return speaking.wire.close().segments


def refused(number: int) -> list[Segment]:
    """A connection that the server has nothing in common with."""
    sent = wire(number)
    sent.send(sent.client, hello(NamedGroup.secp384r1))
    sent.send(SERVER, record(ContentType.alert, b"\2\x28"))
    return sent.close().segments


def damaged(number: int) -> list[Segment]:
    """A connection with a message that does not parse, and another record that does not open."""
    sent = wire(number)
    sent.send(sent.client, hello(NamedGroup.x25519)[:-1] + b"\0")
    sent.send(SERVER, answer(NamedGroup.x25519))
    sent.send(SERVER, record(ContentType.handshake, bytes.fromhex("08 000003 000000")))
    sent.send(sent.client, record(_DATA, bytes(30)))
    return sent.segments


def strange(number: int) -> list[Segment]:
    """A connection without TLS."""
    sent = wire(number)
    sent.send(sent.client, b"HELO example.com\r\n")
    return sent.close().segments


def lossy(number: int) -> list[Segment]:
    """A connection of which a segment is missing, and then another one between the same ports."""
    segments = talk(number, b"six" * 100, b"seven", b"eight")
    again = Wire(client=segments[0].source, initial=(5000, 6000))
    again.send(again.client, flags=SYN)
    again.send(SERVER, flags=SYN | ACK)
    again.send(again.client, hello(NamedGroup.x25519))
    return [*segments[:5], *segments[6:], *again.segments]


_DATA = ContentType.application_data
SPEAKING = tuple(f"{word}\n".encode() for word in ("one", "two", "three", "four", "five"))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Connections that go on at the same time, and depend on each other."""
    flows = [
        talk(0, b"zero"),
        refused(1),
        talk(2, *SPEAKING),
        strange(3),
        *(damaged(number) for number in range(4, 30)),
        lossy(30),
        talk(31),
        refused(32),
        talk(33, *SPEAKING, b"end"),
    ]
    draw = random.Random(9)
    waiting, segments = [iter(flow) for flow in flows], []
    # The second connection is refused when the server has answered no other than the first.
    segments += [next(waiting[0]) for _ in range(5)]
    segments += waiting.pop(1)
    while waiting:
        flow = draw.choice(waiting)
        segment = next(flow, None)
        if segment is None:
            waiting.remove(flow)
        else:
            segments.append(segment._replace(timestamp=segments[-1].timestamp + 1000))
    path = tmp_path_factory.mktemp("mixed") / "mixed.pcap"
    path.write_bytes(pcap_of(segments)[:-3])
    return path


@pytest.fixture(scope="module")
def secrets(mixed: Path) -> Path:
    """The key log of those connections."""
    path = mixed.with_name("keys")
    path.write_text("".join(f"{line(*each)}\n" for each in keylog()))
    return path


# Threads for processes


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets threads read what processes would, whatever its size."""

    @contextmanager
    def pool(number: int) -> Iterator[tuple[ThreadPoolExecutor, Path]]:
        with TemporaryDirectory() as folder, ThreadPoolExecutor(number) as started:
            yield started, Path(folder)

    monkeypatch.setattr(jobs, "_processes", pool)
    monkeypatch.setattr(jobs, "SMALLEST_PART", 1)


def parse(*arguments: object) -> Ended:
    return invoke("parse", *arguments)


def same_by_each(numbers: tuple[int, ...], *arguments: object) -> Ended:
    """What one prints; each of those numbers prints the same."""
    one = parse(*arguments)
    for number in numbers:
        assert parse(*arguments, "--jobs", number) == one, number
    return one


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("mode", MODES, ids=" ".join)
def test_one_capture_by_several_is_printed_as_by_one(mode: tuple[str, ...], mixed: Path, secrets: Path) -> None:
    ended = same_by_each((3,) if mode == ("--hex",) else (2, 3, 7), mixed, *mode, "--keylog", secrets)
    assert ended.status == (0 if mode == ("--follow", "0") else 1)
    assert ended.output or mode == ("--follow", "99")
    if "--follow" not in mode:
        lines = ended.errors.splitlines()
        # Twenty of single connections, the others counted, and the file's own once.
        assert lines[0].startswith("Warning: connection ")
        assert sum("connection " in each for each in lines) >= 20
        assert sum("the capture is cut short" in each for each in lines) == 1
        assert "more such warnings about connections" in ended.errors


@pytest.mark.usefixtures("threads")
def test_records_without_keys_are_told_in_the_same_words(mixed: Path) -> None:
    ended = same_by_each((2, 7), mixed, "--summary")
    assert "give one with --keylog" in ended.errors


@pytest.mark.usefixtures("threads")
def test_what_other_connections_show_is_known_in_each_part(mixed: Path, secrets: Path) -> None:
    for number in (1, 2, 7):
        found = parse(mixed, "--keylog", secrets, "--summary", "--json", "--jobs", number).output.splitlines()
        (first,) = [each for each in map(json.loads, found) if each["connection"] == 1]
        (alert,) = first["judgement"]["alerts"]
        assert alert["text"].endswith("offered secp384r1; server supports x25519")


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("mode", [(), ("--json",), ("--stats",)], ids=" ".join)
def test_files_of_all_sizes_are_printed_in_their_order(
    mode: tuple[str, ...], mixed: Path, secrets: Path, tmp_path: Path
) -> None:
    (tmp_path / "b.pcap.gz").write_bytes(gzip.compress(mixed.read_bytes()))
    shutil.copy(mixed, tmp_path / "c.pcap")
    (tmp_path / "a.pcap").write_bytes(pcap_of(talk(0, b"alone")))
    (tmp_path / "d.pcap").write_bytes(b"nothing of the kind")
    names = [tmp_path / name for name in ("a.pcap", "b.pcap.gz", "c.pcap", "d.pcap")]
    ended = same_by_each((2, 5), *names, "--keylog", secrets, *mode)
    assert f"{names[3]}: not a capture" in ended.errors
    assert f"{names[2]}: connection " in ended.errors


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("mode", [(), ("--json",)], ids=" ".join)
def test_parts_wait_where_a_disk_is_full_but_not_for_each_other(
    mode: tuple[str, ...], mixed: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "disk_usage", lambda _: _Disk(2))
    monkeypatch.setattr(mailbox, "disk_usage", lambda _: _Disk(0))
    monkeypatch.setattr(pieces, "_AT_ONCE", 1000)
    same_by_each((2, 3), mixed, mixed, "--keylog", secrets, *mode)


@dataclass(frozen=True)
class _Disk:
    free: int


def test_standard_input_is_read_when_its_turn_comes(mixed: Path, secrets: Path) -> None:
    for name in ("-", "/dev/stdin"):
        arguments = ("parse", mixed, name, mixed, "--keylog", secrets, "--summary")
        one, two = (run(*arguments, *more, stdin=mixed.read_bytes()) for more in ((), ("--jobs", 2)))
        assert one == two
        names = [line.partition("  ")[0] for line in one.output.decode().splitlines()]
        assert list(dict.fromkeys(names)) == [str(mixed), name]
        assert names.count(str(mixed)) == 2 * names.count(name) > 0


@pytest.mark.usefixtures("threads")
def test_what_goes_to_a_file_is_the_same(mixed: Path, secrets: Path, tmp_path: Path) -> None:
    for number in (1, 3):
        out = tmp_path / str(number)
        assert parse(mixed, "--keylog", secrets, "-o", out, "--jobs", number).output == b""
    assert (tmp_path / "1").read_bytes() == (tmp_path / "3").read_bytes() != b""


@pytest.mark.usefixtures("threads")
def test_a_capture_without_tls_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "strange.pcap"
    path.write_bytes(pcap_of([*strange(0), *strange(1)]))
    ended = same_by_each((2,), path)
    assert (ended.status, ended.output) == (0, b"")
    assert ended.errors == f"No TLS in {path}: 14 packets, 2 TCP connections\n"


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("mode", [(), ("--json",), ("--summary", "--json"), ("--stats", "--json")], ids=" ".join)
def test_all_shared_captures_in_one_are_printed_as_by_one(
    mode: tuple[str, ...], shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mergecap = shutil.which("mergecap")
    if mergecap is None:
        pytest.skip("needs mergecap: apt-get install wireshark-common")
    folder = tmp_path_factory.mktemp("merged")
    captures = [*sorted((shared / "captures").glob("*/*.pcap*"))]
    subprocess.run([mergecap, "-w", folder / "merged.pcapng", *captures], check=True, timeout=PATIENCE)
    keys = folder / "keys"
    keys.write_bytes(b"".join(each.read_bytes() for each in sorted((shared / "captures").glob("*/*.keylog"))))
    ended = same_by_each((3,), folder / "merged.pcapng", "--keylog", keys, *mode)
    assert len(ended.output) > 1000


# What parts tell each other


def test_a_part_waits_until_the_others_have_come_as_far(tmp_path: Path) -> None:
    clocks = Clock(), Clock()
    make_exchange(tmp_path / "one", 2)
    with FileExchange(tmp_path / "one", 0, 2) as first:
        asking = CommonKnowledge(clocks[0], first)
        with ThreadPoolExecutor(1) as other, FileExchange(tmp_path / "one", 1, 2) as second:
            telling = CommonKnowledge(clocks[1], second)
            clocks[1].now = 5
            telling.begin(b"early", b"an early secret")
            clocks[0].now = 10
            asking.begin(b"own", b"an own secret")
            found = other.submit(asking.main_secret, b"early")
            second.passed(9)
            assert not found.done()
            clocks[1].now = 11
            telling.begin(b"late", b"a late secret")
            second.passed(12)
            assert found.result(PATIENCE) == b"an early secret"
            assert asking.main_secret(b"own") == b"an own secret"
            # It has been told, but further on in the capture.
            assert asking.main_secret(b"late") is None
            clocks[0].now = 12
            assert asking.main_secret(b"late") == b"a late secret"
        # Who is through holds nobody up.
        clocks[0].now = 10**9
        assert asking.main_secret(b"early") == b"an early secret"


def test_parts_say_where_in_the_whole_belongs_what_they_give_out(mixed: Path) -> None:
    def order(part: Part) -> list[tuple[int, int]]:
        with read_capture(mixed, part=part) as capture:
            return [(capture.order, connection.number) for connection, _ in capture.in_order()]

    def order_of_ends(part: Part) -> list[tuple[int, int]]:
        with read_capture(mixed, part=part) as capture:
            return [(capture.order, connection.number) for connection in capture]

    for each in (order, order_of_ends):
        whole = each(Part(0, 1))
        parts = [place for index in range(3) for place in each(Part(index, 3))]
        assert sorted(parts) == whole == sorted(whole)
        assert len(whole) > 30


# Who reads what


@pytest.mark.parametrize(
    ("sizes", "number", "expected"),
    [
        ([10], 4, [4]),
        ([1], 4, [1]),
        ([2.5], 4, [2]),
        ([0], 4, [1]),
        ([10, 10], 2, [1, 1]),
        ([30, 10], 2, [2, 1]),
        ([100, 0.1, 0.1], 4, [4, 1, 1]),
        ([10, None], 3, [3, 0]),
    ],
)
def test_inputs_are_shared_out_by_their_sizes(
    sizes: list[float | None], number: int, expected: list[int], tmp_path: Path
) -> None:
    inputs = []
    for place, size in enumerate(sizes):
        path = tmp_path / str(place)
        path.touch()
        os.truncate(path, int((size or 0) * jobs.SMALLEST_PART))
        inputs.append(Input(STDIN if size is None else str(path)))
    assert jobs.shares(inputs, number) == expected


# Processes


@pytest.fixture
def long_capture(tmp_path: Path) -> Path:
    """Two connections of more than a process is worth."""
    large = [record(_DATA, bytes(16_000))] * 80
    segments = []
    for number in range(2):
        sent = wire(number)
        sent.send(sent.client, hello(NamedGroup.x25519))
        sent.send(SERVER, answer(NamedGroup.x25519))
        for each in large:
            sent.send(SERVER, each)
        segments += sent.segments
    path = tmp_path / "long.pcap"
    path.write_bytes(pcap_of(segments))
    return path


def test_processes_read_one_capture(long_capture: Path) -> None:
    ended = same_by_each((2,), long_capture, "--json", "--filter", "client_hello or server_hello")
    assert ended.status == 0
    assert len(ended.output.splitlines()) == 4
    assert ended.errors.startswith("Warning: 160 records in 2 connections")


def test_key_logs_from_a_pipe_are_read_once(long_capture: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "keys"
    os.mkfifo(pipe)
    process = start(long_capture, "--summary", "--keylog", pipe, "--jobs", 2)
    with pipe.open("w") as keys:
        keys.write("".join(f"{line(*each)}\n" for each in keylog()))
    output, errors = process.communicate(timeout=PATIENCE)
    assert len(output.splitlines()) == 2
    assert b"does not open" in errors


def start(*arguments: object, temporary: Path | None = None) -> subprocess.Popen[bytes]:
    """Starts it in a group of its own, with that folder for temporary files."""
    command = [sys.executable, "-m", "tools.main", "parse", *map(str, arguments)]
    environ = {**os.environ, **({} if temporary is None else {"TMPDIR": str(temporary)})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env=environ, start_new_session=True, **pipes)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """An empty folder."""
    path = tmp_path / "temporary"
    path.mkdir()
    return path


@pytest.fixture
def dependent(long_capture: Path) -> Path:
    """The same, before twenty connections of which each asks what all others have shown."""
    segments = [segment for number in range(2, 22) for segment in refused(number)]
    path = long_capture.with_name("dependent.pcap")
    path.write_bytes(long_capture.read_bytes() + pcap_of(segments)[24:])
    return path


def readers(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes that it has started to read."""
    found = []
    for children in Path(f"/proc/{process.pid}/task").glob("*/children"):
        for number in children.read_text().split():
            if b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes():
                found.append(int(number))
    return found


def both_readers(process: subprocess.Popen[bytes]) -> list[int]:
    """Those two, as soon as they are there: before they can have read anything."""
    said = select.poll()
    said.register(process.stderr)
    while not said.poll(1):
        if len(found := readers(process)) == 2:
            return found
    raise AssertionError(process.communicate(timeout=PATIENCE))


def test_a_process_that_is_killed_is_told(long_capture: Path, temporary: Path) -> None:
    with start(long_capture, "--jobs", 2, temporary=temporary) as process:
        os.kill(both_readers(process)[1], signal.SIGKILL)
        output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output) == (1, b"")
    assert errors.decode() == f"Error: a process that read {long_capture} was killed; try fewer --jobs\n"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("room", [0, 150], ids=["no note", "no output"])
def test_a_process_that_cannot_write_ends_all(room: int, which: int, dependent: Path, temporary: Path) -> None:
    with start(dependent, "--jobs", 2, temporary=temporary) as process:
        resource.prlimit(both_readers(process)[which], resource.RLIMIT_FSIZE, (room, room))
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert re.fullmatch(
        rf"Error: cannot work in the temporary folder {temporary}/tls13-\w+: File too large; "
        r"set TMPDIR to one with more room, or leave out --jobs\n",
        errors.decode(),
    )
    assert list(temporary.iterdir()) == []


def test_a_temporary_folder_that_is_gone_is_told(dependent: Path, temporary: Path) -> None:
    with start(dependent, "--jobs", 2, temporary=temporary) as process:
        both_readers(process)
        shutil.rmtree(temporary)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert errors.startswith(f"Error: cannot work in the temporary folder {temporary}/".encode())
    assert errors.count(b"\n") == 1


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A pipe. A process has opened its end when this end is open, and waits for a capture."""
    path = tmp_path / "endless.pcap"
    os.mkfifo(path)
    return path


def nobody_reads(written: BinaryIO) -> bool:
    """Waits until that is so, of a pipe."""
    closed = select.poll()
    closed.register(written, 0)
    return closed.poll(PATIENCE * 1000) == [(written.fileno(), select.POLLERR)]


def test_processes_end_with_the_one_that_they_read_for(long_capture: Path, endless: Path, temporary: Path) -> None:
    with start(long_capture, endless, "--jobs", 2, temporary=temporary) as process, endless.open("wb") as written:
        process.kill()
        assert nobody_reads(written)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_processes_leaves_nothing(
    number: signal.Signals, endless: Path, secrets: Path, temporary: Path
) -> None:
    arguments = (endless, endless, "--keylog", secrets, "--jobs", 2)
    with start(*arguments, temporary=temporary) as process, endless.open("wb") as written:
        left = [path.read_bytes() for path in temporary.glob("*/*")]
        assert left
        assert not any(secret in each for each in left for *_, secret in keylog())
        os.killpg(process.pid, number)
        _, errors = process.communicate(timeout=PATIENCE)
        assert nobody_reads(written)
    assert (process.returncode, errors) == (128 + number, b"")
    assert list(temporary.iterdir()) == []


def test_a_signal_that_is_ignored_stays_so(mixed: Path, endless: Path, secrets: Path, temporary: Path) -> None:
    arguments = (mixed, endless, "--keylog", secrets, "--summary", "--jobs", 2)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start(*arguments, temporary=temporary)
    finally:
        signal.signal(signal.SIGHUP, before)
    with process, endless.open("wb") as written:
        os.killpg(process.pid, signal.SIGHUP)
        written.write(mixed.read_bytes())
        written.close()
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert len(output.splitlines()) > 60
