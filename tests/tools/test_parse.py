"""`tls13 parse` as it is run: what it prints of captures, what it says of bad input, and its exit status."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import IO, Any

import pytest
import traces
import typer
from traces import CLIENT, RANDOM, RECORDS, SECRETS, SERVER, capture_of
from typer.testing import CliRunner, Result

from schemas.code_points import ContentType
from schemas.handshake import Handshake
from schemas.record import TLSPlaintext
from tls13.capture import CaptureWriter, Direction
from tools.parse import parse

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = [
    ("client", "ClientHello"),
    ("server", "ServerHello"),
    ("server", "EncryptedExtensions"),
    ("server", "Certificate"),
    ("server", "CertificateVerify"),
    ("server", "Finished"),
    ("client", "Finished"),
    ("server", "NewSessionTicket"),
    ("client", "ApplicationData"),
    ("server", "ApplicationData"),
    ("client", "Alert"),
    ("server", "Alert"),
]

app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
app.command()(parse)


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], input=stdin, catch_exceptions=False)


@pytest.fixture
def trace(tmp_path: Path, rfc8448: dict[str, dict[str, bytes]]) -> Path:
    """RFC 8448 §3 as a capture."""
    return traces.write(tmp_path / "trace.pcapng", rfc8448["simple_1rtt"])


@pytest.fixture
def keylog(tmp_path: Path) -> Path:
    """The secrets of RFC 8448 §3."""
    path = tmp_path / "trace.keylog"
    path.write_text(traces.KEY_LOG)
    return path


def messages(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def headings(result: Result) -> list[str]:
    return [line for line in result.stdout.splitlines() if line.startswith("#")]


def test_trace_is_shown_decrypted_in_both_directions(trace: Path, keylog: Path) -> None:
    result = run(trace, "--keylog", keylog)
    assert result.exit_code == 0
    assert result.stderr == ""
    found = [re.match(r"#\d+ +(client|server) → \w+  \S+  (\w+)", line) for line in headings(result)]
    assert [each.groups() for each in found if each] == MESSAGES
    assert result.stdout.startswith("Connection 0  192.0.2.1:50000 → 192.0.2.2:443  2023-11-14 22:13:20 UTC\n")
    assert result.stdout.splitlines()[1] == (
        "TLS13, TLS_AES_128_GCM_SHA256, x25519, rsa_pss_rsae_sha256, server name server"
    )
    assert "(record 1, 40 bytes, handshake keys)" in headings(result)[2]
    assert "(record 4, 2 bytes, application keys)" not in headings(result)[0]
    assert "└── " + bytes(range(24)).hex() + "… (50 bytes)" in result.stdout
    assert "└── level: warning (1), description: close_notify (0)" in result.stdout


def test_without_keys_the_hellos_are_shown_and_the_rest_is_said_to_be_encrypted(trace: Path) -> None:
    result = run(trace)
    assert result.exit_code == 0
    assert [line.split()[5] for line in headings(result)] == ["ClientHello", "ServerHello"] + ["TLSCiphertext"] * 7
    assert result.stdout.count("encrypted, and no key log") == 1
    told = "Warning: 7 records in 1 connection stay encrypted: no key log; give one with --keylog FILE\n"
    assert result.stderr == told


def test_json_lines_tell_every_message_whole(trace: Path, keylog: Path, rfc8448: dict[str, dict[str, bytes]]) -> None:
    result = run(trace, "--keylog", keylog, "--json")
    assert result.exit_code == 0
    found = messages(result)
    assert [(each["direction"], each["name"]) for each in found] == MESSAGES
    assert {each["schema_version"] for each in found} == {2}
    assert [each["number"] for each in found] == list(range(12))
    assert [each["record"] for each in found] == [0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 3, 4]
    assert [each["encrypted"] for each in found] == [False, False] + [True] * 10
    assert [each["decrypted"] for each in found] == [False, False] + [True] * 10
    assert [each["epoch"] for each in found] == ["plaintext"] * 2 + ["handshake"] * 5 + ["application"] * 5
    assert {each["error"] for each in found} == {each["note"] for each in found} == {None}

    raw = [bytes.fromhex(each["raw"]) for each in found]
    figures = rfc8448["simple_1rtt"]
    assert raw[0] == figures["record_client_hello_1"][5:]
    assert raw[1] == figures["message_server_hello"]
    assert raw[2] == figures["message_encrypted_extensions"]
    assert raw[3] == figures["message_server_certificate"]
    assert raw[4] == figures["message_server_certificate_verify"]
    assert raw[5] == figures["message_server_finished"]
    assert raw[8] == figures["client_app_data"]
    for each, data in zip(found, raw, strict=True):
        if each["content_type"] == {"name": "handshake", "value": 22}:
            assert Handshake.parse(data).build() == data
            assert each["message_type"]["value"] == data[0]

    first = found[0]
    assert first["client"] == {"address": "192.0.2.1", "port": 50000}
    assert first["server"] == {"address": "192.0.2.2", "port": 443}
    assert first["timestamp"].startswith("2023-11-14T22:13:2")
    assert first["timestamp"].endswith("Z")
    assert first["timestamp_ns"] // 10**9 in range(1_700_000_000, 1_700_000_010)
    assert first["fields"]["random"] == RANDOM
    assert first["fields"]["cipher_suites"][0] == {"name": "TLS_AES_128_GCM_SHA256", "value": 0x1301}
    assert found[9]["offset"] == len(figures["record_server_hello"]) + 679 + 227
    assert found[8]["fields"] is None
    assert found[10]["fields"]["description"] == {"name": "close_notify", "value": 0}


def test_json_of_what_stays_encrypted_keeps_the_ciphertext(trace: Path, rfc8448: dict[str, dict[str, bytes]]) -> None:
    last = messages(run(trace, "--json"))[-1]
    assert last["name"] == "TLSCiphertext"
    assert last["encrypted"]
    assert not last["decrypted"]
    assert bytes.fromhex(last["raw"]) == rfc8448["simple_1rtt"]["record_server_close_notify"][5:]
    assert last["note"]["kind"] == "no_keylog"
    assert last["message_type"] is None


def test_hex_gives_every_field_its_bytes(trace: Path, keylog: Path, rfc8448: dict[str, dict[str, bytes]]) -> None:
    result = run(trace, "--keylog", keylog, "--hex")
    assert re.search(r"^   0004  03 03 +legacy_version: TLS12 \(0x0303\) — ", result.stdout, re.M)
    assert re.search(r"^   0006  cb 34 ec b1 e7 81 63 ba +random: 32 bytes — ", result.stdout, re.M)
    assert len(re.findall(r"^   0000  ", result.stdout, re.M)) == 2 * sum(
        name != "ApplicationData" for _, name in MESSAGES
    )
    assert "     000020  20 21 22 23 24 25 26 27  28 29 2a 2b 2c 2d 2e 2f   !\"#$%&'()*+,-./\n" in result.stdout
    assert all(len(line) <= 100 for line in result.stdout.splitlines())
    first = result.stdout.split("#0 ")[1].split("#1 ")[0]
    shown = "".join(line[9:34] for line in first.splitlines()[1:])
    assert re.sub(r"[^0-9a-f]", "", shown) == rfc8448["simple_1rtt"]["record_client_hello_1"][5:].hex()


def test_secrets_inside_the_capture_are_used(tmp_path: Path, rfc8448: dict[str, dict[str, bytes]]) -> None:
    with CaptureWriter(tmp_path / "own.pcapng", clock=lambda: 1.7e9) as writer:
        for label, secret in SECRETS.items():
            writer.secret(label, bytes.fromhex(RANDOM), bytes.fromhex(secret))
        with writer.open(CLIENT, SERVER) as recording:
            for direction, name in RECORDS:
                recording.sent(Direction(direction), rfc8448["simple_1rtt"][name])
    result = run(tmp_path / "own.pcapng", "--json")
    assert [(each["direction"], each["name"]) for each in messages(result)] == MESSAGES
    assert result.exit_code == 0


def test_standard_input_is_read(trace: Path, keylog: Path) -> None:
    assert run("-", "--keylog", keylog, stdin=trace.read_bytes()).stdout == run(trace, "--keylog", keylog).stdout


def test_sslkeylogfile_is_not_looked_at(trace: Path, keylog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(keylog))
    assert "7 records in 1 connection stay encrypted" in run(trace).stderr


def test_capture_cut_short_is_shown_as_far_as_it_goes(trace: Path, keylog: Path) -> None:
    whole = trace.read_bytes()
    trace.write_bytes(whole[: whole.index(bytes.fromhex("17030302a2")) + 300])
    result = run(trace, "--keylog", keylog)
    assert result.exit_code == 1
    assert [line.split()[5] for line in headings(result)] == ["ClientHello", "ServerHello"]
    assert "the capture ends here, the connection does not" in result.stdout
    assert "Warning: the capture is cut short" in result.stderr


def test_missing_packets_are_told_where_they_are_missing(tmp_path: Path, rfc8448: dict[str, dict[str, bytes]]) -> None:
    path = traces.write(tmp_path / "holes.pcapng", rfc8448["simple_1rtt"])
    data = path.read_bytes()
    mark = rfc8448["simple_1rtt"]["record_new_session_ticket"]
    start, length = packet_block(data, data.index(mark))
    path.write_bytes(data[:start] + data[start + length :])
    result = run(path)
    assert result.exit_code == 1
    assert "227 bytes of the server from byte 774 on are not in the capture" in result.stdout
    assert "Warning: connection 0: 227 bytes of the server from byte 774 on are not in the capture" in result.stderr


def packet_block(data: bytes, inside: int) -> tuple[int, int]:
    """Where the pcapng block begins that has that byte, and how long it is."""
    order = "little" if data[8:12] == bytes.fromhex("4d3c2b1a") else "big"
    at = 0
    while True:
        length = int.from_bytes(data[at + 4 : at + 8], order)
        if at + length > inside:
            return at, length
        at += length


def test_message_that_does_not_parse_is_shown_with_the_reason(tmp_path: Path) -> None:
    raw = bytes.fromhex("01 000006 0303 00000000")
    record = TLSPlaintext(type=ContentType.handshake, fragment=raw).build()
    path = capture_of(tmp_path / "short.pcapng", [("client", record)])
    result = run(path)
    assert result.exit_code == 1
    assert "ClientHello  (record 0, 10 bytes, in the clear)" in result.stdout
    assert "does not parse: handshake.client_hello.random: at byte 6" in result.stdout
    assert result.stderr.startswith("Warning: connection 0: client record 0 does not parse: ")
    (message,) = messages(run(path, "--json"))
    assert message["raw"] == raw.hex()
    assert message["fields"] is None
    assert message["error"]["offset"] == 6
    assert message["error"]["path"] == "handshake.client_hello.random"


def test_key_log_of_another_session_is_told_and_the_rest_shown(trace: Path, keylog: Path) -> None:
    keylog.write_text(keylog.read_text().replace(RANDOM, "00" * 32))
    result = run(trace, "--keylog", keylog)
    assert result.exit_code == 1
    assert len(headings(result)) == len(RECORDS)
    why = f"no secret for client random {RANDOM[:16]}…"
    assert result.stderr == f"Warning: connection 0: server record 1: {why} (and 6 more)\n"
    assert f"the key log has no secret for client random {RANDOM}" in " ".join(result.stdout.split())


def test_key_log_with_wrong_secrets_names_the_first_record(trace: Path, keylog: Path) -> None:
    keylog.write_text(keylog.read_text().replace(SECRETS["SERVER_TRAFFIC_SECRET_0"], "11" * 32))
    result = run(trace, "--keylog", keylog)
    assert result.exit_code == 1
    assert "record 2 does not open under SERVER_TRAFFIC_SECRET_0" in result.stderr


def test_unusable_lines_of_a_key_log_are_told(trace: Path, keylog: Path) -> None:
    keylog.write_text("# made for a test\nwhat is this\n" + keylog.read_text())
    result = run(trace, "--keylog", keylog)
    assert result.exit_code == 0
    assert [line.split()[5] for line in headings(result)] == [name for _, name in MESSAGES]
    assert result.stderr == f"Warning: key log {keylog}: line 2 is no secret: it starts with 'what is this'\n"


def test_capture_without_tls_says_so(tmp_path: Path) -> None:
    path = capture_of(tmp_path / "plain.pcapng", [("client", b"GET / HTTP/1.0\r\n\r\n")])
    result = run(path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert re.fullmatch(rf"No TLS in {re.escape(str(path))}: \d+ packets, 1 TCP connection\n", result.stderr)


def garbage(folder: Path) -> Path:
    path = folder / "garbage.pcap"
    path.write_bytes(b"this is no capture at all, whatever its name says" * 10)
    return path


def test_garbage_is_no_capture(tmp_path: Path) -> None:
    refused(run(garbage(tmp_path)), "garbage.pcap: not a capture: it starts with 74 68 69 73")


def test_empty_file_is_no_capture(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    refused(run(tmp_path / "empty"), "empty: the capture is empty")
    refused(run("-", stdin=b""), "standard input: the capture is empty")


def test_missing_file_and_folder_are_told(tmp_path: Path) -> None:
    refused(run(tmp_path / "nothing"), "nothing: No such file or directory")
    (tmp_path / "folder").mkdir()
    refused(run(tmp_path / "folder"), "there is no capture in ")


def test_bad_key_log_is_told_before_anything_is_read(tmp_path: Path) -> None:
    capture = capture_of(tmp_path / "plain.pcapng", [("client", b"x")])
    refused(run(capture, "--keylog", tmp_path / "nothing"), "cannot read key log")
    refused(run(capture, "--keylog", garbage(tmp_path)), "is no key log")


def test_a_key_log_without_a_secret_hides_nothing(tmp_path: Path) -> None:
    capture = capture_of(tmp_path / "plain.pcapng", [("client", b"x")])
    (tmp_path / "comment").write_text("# SSL/TLS secrets log file\n")
    ended = run(capture, "--keylog", tmp_path / "comment")
    assert f"Warning: key log {tmp_path / 'comment'}: it holds no secret" in ended.stderr
    assert (ended.exit_code, ended.stdout) == (0, run(capture).stdout)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--json", "--hex"), "--hex goes with trees and --follow"),
        (("--summary", "--hex"), "--hex goes with trees and --follow"),
        (("--summary", "--stats"), "exclude each other"),
        (("--stats", "--follow", "0"), "exclude each other"),
        (("--follow", "0", "--json"), "--follow excludes --json"),
    ],
)
def test_what_cannot_be_had_together_is_told(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    refused(run(garbage(tmp_path), *arguments), says)


def refused(result: Result, reason: str) -> None:
    assert result.exit_code == 2
    assert result.stdout == ""
    assert reason in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_unknown_option_is_wrong_usage() -> None:
    assert run("x", "--frobnicate").exit_code == 2


def test_help_shows_examples_and_statuses() -> None:
    text = run("--help").stdout
    assert "tls13 parse demo.pcapng --keylog demo.keylog  " in text
    assert all(re.search(rf"^ +{status}  ", text, re.M) for status in (0, 1, 2, 130, 141))
    options = re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.M)
    assert options == [
        *("--keylog", "--psk", "--summary", "--stats", "--follow", "--json", "--json-schema"),
        *("--hex", "--filter", "--filter-help", "--output", "--jobs", "--help"),
    ]
    assert max(map(len, text.splitlines())) <= 100


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "tools.parse", *map(str, arguments)]


def test_runs_as_a_module_without_a_reader(tmp_path: Path) -> None:
    hello = bytes.fromhex("16 0301 0004 01 000000")
    path = capture_of(tmp_path / "many.pcapng", [("client", hello)] * 100)
    read, write = os.pipe()
    os.close(read)
    for arguments in ([path], [path, "--json"]):
        with subprocess.Popen(command(*arguments), stdout=write, stderr=subprocess.PIPE, cwd=ROOT) as process:
            assert process.communicate(timeout=60)[1] == b""
        assert process.returncode == 141
    os.close(write)


def test_ctrl_c_ends_it_quietly() -> None:
    with subprocess.Popen(
        command("-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        # A section header, then nothing more: it waits for packets once it has taken this in.
        process.stdin.write(bytes.fromhex("0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000"))
        process.stdin.flush()
        while process.poll() is None and unread(process.stdin):
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (130, b"", b"")


def unread(pipe: IO[bytes]) -> int:
    """Bytes that the other end of a pipe has not taken yet."""
    count = bytearray(4)
    fcntl.ioctl(pipe.fileno(), termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


RECORDED = {
    "bulk": "CH SH CCS EE Cert CV Fin CCS Fin AD NST NST",
    "client-auth": "CH SH CCS EE CR Cert CV Fin CCS Cert CV Fin AD NST NST AD A A",
    "early-data": "CH SH CCS EE Cert CV Fin CCS Fin AD NST NST A A CH CCS AD SH CCS EE Fin EOED Fin NST AD A A",
    "external-psk": "CH SH CCS EE Fin CCS Fin AD NST AD A A",
    "full-aes256-rsa": "CH SH CCS EE Cert CV Fin CCS Fin AD NST NST AD A A",
    "full-chacha-ecdsa": "CH SH CCS EE Cert CV Fin CCS Fin AD NST NST AD A A",
    "hello-retry": "CH HRR CCS CCS CH SH EE Cert CV Fin Fin NST NST AD AD A A",
    "key-update": "CH SH CCS EE Cert CV Fin CCS Fin AD NST NST AD AD AD AD AD A A",
    "resumption": "CH SH CCS EE Cert CV Fin CCS Fin NST NST AD AD A A CH SH CCS EE Fin CCS Fin NST AD AD A A",
}
"""What tshark lists, in its order; of bulk the start."""
NAMES = {
    "CH": "ClientHello",
    "SH": "ServerHello",
    "HRR": "HelloRetryRequest",
    "CCS": "ChangeCipherSpec",
    "EE": "EncryptedExtensions",
    "CR": "CertificateRequest",
    "Cert": "Certificate",
    "CV": "CertificateVerify",
    "Fin": "Finished",
    "EOED": "EndOfEarlyData",
    "NST": "NewSessionTicket",
    "AD": "ApplicationData",
    "A": "Alert",
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_connections_read_as_tshark_reads_them(name: str, shared: Path) -> None:
    recorded = shared / "captures" / "recorded"
    result = run(recorded / f"{name}.pcapng", "--keylog", recorded / f"{name}.keylog")
    assert (result.exit_code, result.stderr) == (0, "")
    expected = [NAMES[each] for each in RECORDED[name].split()]
    shown = [line.split()[5] for line in headings(result)]
    assert shown[: len(expected)] == expected
    assert all(len(line) <= 100 for line in result.stdout.splitlines())
    assert len(shown) == len(expected) or name == "bulk"


def test_bulk_data_of_a_recorded_connection_is_all_there(shared: Path) -> None:
    recorded = shared / "captures" / "recorded"
    result = run(recorded / "bulk.pcapng", "--keylog", recorded / "bulk.keylog", "--json")
    data = b"".join(
        bytes.fromhex(each["raw"])
        for each in messages(result)
        if each["direction"] == "server" and each["name"] == "ApplicationData"
    )
    assert len(data) > 3_000_000 - 2**14
    assert data.startswith(b"HTTP/1.0 200 ok\r\n")


def test_older_versions_are_shown_as_far_as_they_are_read(shared: Path) -> None:
    result = run(shared / "captures" / "recorded" / "tls12.pcapng")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1] == (
        "TLS12, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, x25519, rsa_pss_rsae_sha256"
    )
    shown = [line.split()[5] for line in headings(result)]
    assert shown[:6] == [
        *("ClientHello", "ServerHello", "Certificate"),
        *("ServerKeyExchange", "ServerHelloDone", "ClientKeyExchange"),
    ]
    assert result.stderr.startswith("Warning: 6 records in 1 connection stay encrypted")


PUBLIC = {
    "ndpi-tls_alert.pcap": (0, "server name www.google-analytics.com", "description: protocol_version (70)"),
    "ndpi-tls_with_huge_ch.pcapng": (0, "TLS13, TLS_CHACHA20_POLY1305_SHA256, x25519", "(11165 bytes)"),
    "zeek-chrome-1250-tls-x25519-kyber.pcap": (0, "X25519Kyber768Draft00, server name lh3.google.com", "(1216 bytes)"),
    "zeek-hrr.pcap": (0, "TLS13, TLS_AES_256_GCM_SHA384, secp256r1", "HelloRetryRequest"),
    "zeek-smtp-starttls.pcap": (0, "TLS12, ", "224 bytes of the server from byte 0 on are not TLS"),
    "zeek-tls-fragmented-handshake.pcap.gz": (0, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "339633 bytes"),
    "zeek-tls1.2.pcap": (0, "TLS12, ", "ClientKeyExchange"),
    "zeek-tls13-ech.pcap": (0, "server name cloudflare-ech.com", "encrypted_client_hello (65037)"),
    "zeek-tls13_psk_succesfull.pcap": (0, "x25519, external PSK", 'identity: "Client_identity"'),
    "zeek-tls13_wolfssl.pcap": (0, "TLS13, TLS_AES_256_GCM_SHA384, secp256r1", "secp160r1"),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_captures_are_read(name: str, shared: Path) -> None:
    status, summary, detail = PUBLIC[name]
    result = run(shared / "captures" / "public" / name)
    assert result.exit_code == status
    assert summary in result.stdout
    assert detail in result.stdout
    assert all(line.startswith("Warning: ") for line in result.stderr.splitlines())
