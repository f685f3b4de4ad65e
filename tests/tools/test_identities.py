"""`tls13 serve` and `tls13 connect` where the two know each other by more than the server's certificate."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from running import Ended, Serving, invoke, run

from certs import Pki

Serve = Callable[..., Serving]
Start = Callable[..., subprocess.Popen[bytes]]
SECRET = "00112233445566778899aabbccddeeff"


def connect(serving: Serving, *arguments: object, stdin: bytes = b"") -> Ended:
    return run("connect", f"localhost:{serving.port}", *arguments, stdin=stdin)


def test_a_saved_session_goes_on_and_carries_early_data(serve: Serve, pki: Pki, tmp_path: Path) -> None:
    serving = serve("--early-data", 100, "--tickets", 2)
    saved, first = tmp_path / "session", tmp_path / "first"
    first.write_bytes(b"early\n")
    known = ("--ca", pki.ca, "--session", saved, "-v")
    new = connect(serving, *known, stdin=b"hello\n")
    assert (new.status, new.output) == (0, b"hello\n")
    assert "ecdsa_secp256r1_sha256" in serving.log_line()
    again = connect(serving, *known, "--early-data", first, stdin=b"late\n")
    assert (again.status, again.output) == (0, b"early\nlate\n")
    assert "resumed, early data accepted" in again.errors
    assert "11 bytes echoed" in (line := serving.log_line())
    assert "resumed, early data accepted" in line


def test_refused_early_data_is_sent_again_and_said_to_be(serve: Serve, pki: Pki, tmp_path: Path) -> None:
    saved, first = tmp_path / "session", tmp_path / "first"
    first.write_bytes(b"early\n")
    known = ("--ca", pki.ca, "--session", saved)
    assert connect(serve("--early-data", 100), *known, stdin=b"hello\n").status == 0
    elsewhere = connect(serve(), *known, "--early-data", first)
    assert (elsewhere.status, elsewhere.output) == (0, b"early\n")
    assert "early data: rejected; its 6 bytes are sent now" in elsewhere.errors


def test_early_data_that_the_session_does_not_allow(serve: Serve, pki: Pki, tmp_path: Path) -> None:
    saved, first = tmp_path / "session", tmp_path / "first"
    first.write_bytes(b"more than ten bytes")
    known = ("--ca", pki.ca, "--session", saved)
    serving = serve("--early-data", 10)
    assert connect(serving, *known, stdin=b"hello\n").status == 0
    ended = connect(serving, *known, "--early-data", first)
    assert ended.status == 2
    assert "19 bytes, and the server takes 10 early; connect without --early-data" in ended.error


def test_a_session_that_is_none(tmp_path: Path, pki: Pki) -> None:
    saved = tmp_path / "session"
    saved.write_bytes(b"something else")
    ended = invoke("connect", "localhost:1", "--ca", pki.ca, "--session", saved)
    assert ended.status == 2
    assert f"{saved} holds no session" in ended.error


@pytest.mark.parametrize("in_file", [False, True])
def test_a_pre_shared_key_needs_no_certificate(start: Start, tmp_path: Path, in_file: bool) -> None:
    (tmp_path / "secret.hex").write_text(f"{SECRET}\n")
    key = f"sensor=@{tmp_path}/secret.hex" if in_file else f"sensor={SECRET}"
    serving = Serving.of(start("serve", "--port", 0, "--psk", key))
    ended = connect(serving, "--psk", key, stdin=b"hello\n")
    assert (ended.status, ended.output) == (0, b"hello\n")
    assert "PSK sensor" in serving.log_line()
    other = connect(serving, "--psk", "another=" + SECRET)
    assert other.status == 1
    assert "unknown_psk_identity (115)" in other.error
    wrong = connect(serving, "--psk", "sensor=" + "ff" * 16)
    assert "decrypt_error (51)" in wrong.error


@pytest.mark.parametrize(
    ("given", "words"),
    [("sensor", "no NAME=HEX"), ("sensor=xyz", "not hexadecimal"), ("sensor=00", "a PSK of 1 bytes")],
)
def test_a_pre_shared_key_that_is_none(given: str, words: str) -> None:
    ended = invoke("connect", "localhost:1", "--psk", given)
    assert ended.status == 2
    assert words in ended.errors


def test_a_client_shows_its_certificate_where_it_is_asked(serve: Serve, pki: Pki) -> None:
    files = pki.client("ed25519")
    strict, lenient = serve("--client-ca", pki.ca), serve("--client-ca", pki.ca, "--client-optional")
    own = ("--cert", files.certificate, "--key", files.key)
    assert connect(strict, "--ca", pki.ca, *own, stdin=b"hello\n").output == b"hello\n"
    assert "client CN=client, issuer CN=tls13 test authority" in strict.log_line()
    refused = connect(strict, "--ca", pki.ca, stdin=b"hello\n")
    assert refused.status == 1
    assert "certificate_required (116)" in refused.error
    assert connect(lenient, "--ca", pki.ca, stdin=b"hello\n").output == b"hello\n"


def test_options_that_make_no_sense_alone(pki: Pki) -> None:
    files = pki.server("ecdsa-p256")
    own = ("--cert", files.certificate, "--key", files.key)
    assert "--client-optional without --client-ca" in invoke("serve", *own, "--client-optional").error
    assert "1 --cert and 0 --key given" in invoke("connect", "localhost:1", "--cert", files.certificate).error
