"""`tls13 demo`: what it prints, what it leaves behind, and that it notices when something is not as it says."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from running import PATIENCE, Ended, finish, invoke, run

from tls13 import TLSSocket
from tls13.keylog import Label
from tools import demo

MESSAGES = [
    ("client", "ClientHello"),
    ("server", "ServerHello"),
    ("server", "ChangeCipherSpec"),
    ("server", "EncryptedExtensions"),
    ("server", "Certificate"),
    ("server", "CertificateVerify"),
    ("server", "Finished"),
    ("client", "ChangeCipherSpec"),
    ("client", "Finished"),
]
"""The handshake of RFC 9846 §2 with the dummies of §E.4, as it stands on the wire."""


@dataclass(frozen=True)
class Ran:
    folder: Path
    ended: Ended

    @property
    def lines(self) -> list[str]:
        return self.ended.output.decode().splitlines()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One run, in a folder of its own, all of whose traces are looked at."""
    place = tmp_path_factory.mktemp("demo")
    return Ran(place / "tls13-demo", run("demo", cwd=place))


def test_it_ends_well_and_says_what_to_try_next(ran: Ran) -> None:
    assert (ran.ended.status, ran.ended.errors) == (0, "")
    assert ran.lines[-1].startswith("Next, try: tls13 ")
    assert "tls13-demo/ca.pem" in ran.lines[-1]


def test_every_message_of_both_directions_is_printed_decrypted(ran: Ran) -> None:
    printed = [
        (words[1], words[5])
        for line in ran.lines
        if line.startswith("#") and (words := line.split()) and len(words) > 5
    ]
    assert printed[: len(MESSAGES)] == MESSAGES
    rest = printed[len(MESSAGES) :]
    assert sorted(rest[-2:]) == [("client", "Alert"), ("server", "Alert")]
    assert rest.count(("client", "ApplicationData")) == rest.count(("server", "ApplicationData")) == 3
    assert ("server", "NewSessionTicket") in rest
    text = ran.ended.output.decode()
    assert "TLSCiphertext" not in text
    assert text.count(r'"Hello, is anybody there?\n"') == 2
    assert "close_notify" in text


def test_its_files_are_where_it_says_and_the_secret_ones_its_owners_alone(ran: Ran) -> None:
    for name in ("ca.pem", "server-ecdsa-p256.pem", "server-ecdsa-p256.key", "demo.pcapng", "demo.keylog"):
        assert (ran.folder / name).stat().st_size > 0
    for name in ("server-ecdsa-p256.key", "demo.pcapng", "demo.keylog"):
        assert stat.S_IMODE((ran.folder / name).stat().st_mode) == 0o600


def test_its_key_log_has_every_secret_of_the_connection(ran: Ran) -> None:
    labels = {line.split()[0] for line in (ran.folder / "demo.keylog").read_text().splitlines()}
    assert labels == {
        Label.CLIENT_HANDSHAKE_TRAFFIC_SECRET,
        Label.SERVER_HANDSHAKE_TRAFFIC_SECRET,
        Label.CLIENT_TRAFFIC_SECRET_0,
        Label.SERVER_TRAFFIC_SECRET_0,
        Label.EXPORTER_SECRET,
    }


def test_its_capture_decrypts_by_itself(ran: Ran) -> None:
    ended = invoke("parse", ran.folder / "demo.pcapng", "--json")
    assert (ended.status, ended.errors) == (0, "")
    messages = [json.loads(line) for line in ended.output.splitlines()]
    assert [(each["direction"], each["name"]) for each in messages][: len(MESSAGES)] == MESSAGES
    assert all(each["decrypted"] for each in messages if each["encrypted"])


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark: apt-get install tshark")
def test_tshark_reads_the_capture_decrypted_and_finds_no_fault(ran: Ran) -> None:
    fields = ("tls.handshake.type", "tls.alert_message.desc", "data.data", "tls.segment.data", "_ws.malformed")
    shown = subprocess.run(
        [
            "tshark",
            "-r",
            ran.folder / "demo.pcapng",
            "-T",
            "fields",
            *(word for each in fields for word in ("-e", each)),
        ],
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    ).stdout.decode()
    columns = list(zip(*(line.split("\t") for line in shown.splitlines()), strict=True))
    types, alerts, malformed = (",".join(filter(None, columns[at])) for at in (0, 1, 4))
    assert types == "1,2,8,11,15,20,20,4"
    assert alerts == "0,0"
    assert not malformed
    for line in demo.LINES:
        assert shown.count(line.hex()) == 2


def test_another_run_takes_another_folder(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ran.folder.parent)
    assert invoke("demo").status == 0
    assert (ran.folder.parent / "tls13-demo-2" / "demo.pcapng").is_file()


@pytest.mark.parametrize("name", ["demo.pcapng", "demo.keylog", "ca.pem"])
def test_nothing_in_a_folder_is_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("precious")
    result = invoke("demo", "--folder", tmp_path)
    assert result.status == 2
    assert result.errors.startswith(f"Error: {tmp_path / name} is there already")
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = invoke("demo", "--folder", tmp_path / "file" / "folder")
    assert result.status == 2
    assert result.errors.startswith("Error: ")
    assert len(result.errors.splitlines()) == 1


def _upper_case(tls: TLSSocket) -> None:
    while data := tls.recv():
        tls.sendall(data.upper())


def _cut_off(tls: TLSSocket) -> None:
    tls.recv()


@pytest.mark.parametrize("server", [_upper_case, _cut_off])
def test_an_echo_that_is_none_fails(
    server: Callable[[TLSSocket], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_echo", server)
    result = invoke("demo", "--folder", tmp_path)
    assert result.status == 1
    assert result.errors == "Error: the echo is not what was sent\n"


def test_a_certificate_for_another_name_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "DEFAULT_NAMES", ("example.test",))
    result = invoke("demo", "--folder", tmp_path)
    assert result.status == 1
    assert "example.test" in result.errors
    assert len(result.errors.splitlines()) == 1


def test_a_capture_without_its_secrets_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_secrets_to", lambda *writers: lambda observation: None)
    result = invoke("demo", "--folder", tmp_path)
    assert result.status == 1
    assert "could not be read back" in result.errors
    assert "Next, try" not in result.output.decode()


def test_a_reader_that_leaves_ends_it_quietly(start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    process = start("demo", "--folder", tmp_path / "new")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    ended = finish(process)
    assert (ended.status, ended.errors) == (141, "")
