"""`tls13` itself: what it teaches, how it takes addresses, and what it says when Python finds the wrong packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from running import PATIENCE, ROOT, invoke, run

from tools.talking.addresses import Address, parse_address

COMMANDS = ("demo", "serve", "connect", "certs", "parse")


@pytest.mark.parametrize("command", [(), ("demo",), ("serve",), ("connect",), ("certs",)])
def test_help_fits_a_terminal_and_tells_examples_and_exit_statuses(command: tuple[str, ...]) -> None:
    ended = invoke(*command, "--help")
    assert (ended.status, ended.errors) == (0, "")
    text = ended.output.decode()
    assert max(map(len, text.splitlines())) <= 100
    assert [int(line.split()[0]) for line in text.split("Exit status:\n")[1].splitlines()] == [0, 1, 2, 130, 141]
    assert " ".join(("  tls13", *command)) in text


def test_help_names_every_command() -> None:
    output = invoke("-h").output.decode()
    listed = [line.split()[0] for line in output.split("Commands:\n")[1].splitlines() if line.startswith("  ") and line]
    assert set(COMMANDS) <= set(listed)


def test_the_version_is_that_of_the_project() -> None:
    ended = run("--version")
    assert (ended.status, ended.errors) == (0, "")
    assert ended.output.startswith(b"tls13")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "nonsense"),
        (["connect"], "HOST:PORT"),
        (["connect", "localhost:port"], "port"),
        (["connect", "localhost", "--timeout", "nan"], "nan"),
        (["connect", "localhost", "--groups", "x25519,x448x"], "'x448x' is none of X25519MLKEM768,x25519,"),
        (["connect", "localhost", "--cipher-suites", "TLS_NULL"], "TLS_AES_128_GCM_SHA256"),
        (["connect", "localhost", "--signature-schemes", ""], "ed25519"),
        (["serve", "--port", "65536"], "--port"),
    ],
)
def test_wrong_usage_is_told_in_one_line_after_the_usage(arguments: list[str], says: str) -> None:
    ended = invoke(*arguments)
    assert ended.status == 2
    assert says in ended.error


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.com", "example.com", 443),
        ("example.com:4433", "example.com", 4433),
        ("127.0.0.1:1", "127.0.0.1", 1),
        ("[::1]:65535", "::1", 65535),
        ("[2001:db8::1]", "2001:db8::1", 443),
        ("::1", "::1", 443),
        ("fe80::1%eth0", "fe80::1%eth0", 443),
    ],
)
def test_an_address_is_read_as_people_write_it(text: str, host: str, port: int) -> None:
    assert parse_address(text) == Address(host, port)


@pytest.mark.parametrize("address", [Address("::1", 443), Address("example.com", 4433)])
def test_an_address_reads_back_as_it_is_printed(address: Address) -> None:
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":443",
        "host:",
        "host:0",
        "host:65536",
        "host:+1",
        "host:\u0661",
        "[::1",
        "[]:1",
        "a:b:c",
        "[host]:1",
        "https://host",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_address(text)


@pytest.mark.parametrize("package", ["certs", "schemas"])
def test_a_strangers_package_in_the_way_is_told_in_one_sentence(package: str, tmp_path: Path) -> None:
    other = tmp_path / package / "__init__.py"
    other.parent.mkdir()
    other.write_text("mine = True\n")
    ended = run("--help", environ={"PYTHONPATH": f"{tmp_path}:{ROOT}"}, cwd=tmp_path)
    assert (ended.status, ended.output) == (2, b"")
    assert str(other) in ended.error
    assert f"'{package}'" in ended.error
    assert "rename" in ended.error


def test_standard_streams_may_be_closed(tmp_path: Path) -> None:
    script = 'exec "$0" -m tools.main certs pki <&- >&- 2>&-'
    closed = subprocess.run(
        ["sh", "-c", script, sys.executable],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        timeout=PATIENCE,
        check=False,
    )
    assert closed.returncode == 0
    assert (tmp_path / "pki" / "ca.pem").read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
