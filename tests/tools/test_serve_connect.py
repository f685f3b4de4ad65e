"""`tls13 serve` and `tls13 connect`, with each other and with Python's own `ssl`: what they carry, show and refuse."""

from __future__ import annotations

import http.client
import json
import os
import pty
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from running import PATIENCE, Ended, Serving, finish, invoke, run

from certs import Pki, mint
from tls13.capture import CaptureError, CaptureWriter, Direction, Endpoint
from tools.talking.recorder import Recorder, endpoint

Serve = Callable[..., Serving]
Start = Callable[..., subprocess.Popen[bytes]]

UNEXPECTED_MESSAGE = bytes.fromhex("15 0303 0002 02 0a")
"""A record of one fatal alert. RFC 9846 §5.1, §6"""
ALL_BYTES = bytes(range(256)) * 1000


def connect(
    port: int, pki: Pki, *arguments: object, stdin: bytes = b"", environ: Mapping[str, str] = MappingProxyType({})
) -> Ended:
    return run("connect", f"localhost:{port}", "--ca", pki.ca, *arguments, stdin=stdin, environ=environ)


def openssl_client(serving: Serving, pki: Pki) -> ssl.SSLSocket:
    """A client of Python's, to which an end without close_notify is an error."""
    transport = socket.create_connection((serving.host, serving.port), PATIENCE)
    context = ssl.create_default_context(cafile=str(pki.ca))
    return context.wrap_socket(transport, server_hostname="localhost", suppress_ragged_eofs=False)


@contextmanager
def stranger(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that gives its first client to `talk`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)

        def serve_one() -> None:
            client, _ = listener.accept()
            with client:
                client.settimeout(PATIENCE)
                talk(client)

        thread = threading.Thread(target=serve_one)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(PATIENCE)
        assert not thread.is_alive()


def until_closed(client: socket.socket) -> bytes:
    """Everything that a client sends until it ends."""
    return b"".join(iter(lambda: client.recv(2**16), b""))


# What they carry


@pytest.mark.parametrize("data", [b"", b"hello\n", ALL_BYTES], ids=["nothing", "a line", "all bytes"])
def test_a_pipe_comes_back_as_it_went(data: bytes, echo_server: Serving, pki: Pki) -> None:
    assert connect(echo_server.port, pki, stdin=data) == Ended(0, data, "")


def test_a_terminal_is_served_line_by_line_until_its_end_of_file(start: Start, echo_server: Serving, pki: Pki) -> None:
    keyboard, terminal = pty.openpty()
    command = start("connect", f"localhost:{echo_server.port}", "--ca", pki.ca, stdin=terminal)
    os.close(terminal)
    assert command.stdout is not None
    for line in (b"first\n", b"second\n"):
        os.write(keyboard, line)
        assert command.stdout.readline() == line
    os.write(keyboard, b"\x04")
    assert finish(command) == Ended(0, b"", "")
    os.close(keyboard)


def test_the_servers_end_is_the_programs_while_the_input_is_still_open(start: Start, serve: Serve, pki: Pki) -> None:
    serving = serve("--http")
    command = start("connect", f"localhost:{serving.port}", "--ca", pki.ca)
    assert command.stdin is not None
    command.stdin.write(b"GET / HTTP/1.0\r\n\r\n")
    command.stdin.flush()
    assert command.wait(PATIENCE) == 0
    assert finish(command).output.startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_ipv6_address_is_served_and_found(serve: Serve, pki: Pki) -> None:
    try:
        serving = serve("--host", "::1")
    except AssertionError:
        pytest.skip("needs the loopback address of IPv6")
    assert serving.host == "[::1]"
    ended = run("connect", f"[::1]:{serving.port}", "--ca", pki.ca, "--servername", "localhost", stdin=b"six")
    assert ended == Ended(0, b"six", "")


# What is agreed on


def test_each_client_gets_a_certificate_that_it_can_verify(echo_server: Serving, pki: Pki) -> None:
    for scheme in ("ed25519", "ecdsa_secp256r1_sha256"):
        ended = connect(echo_server.port, pki, "--signature-schemes", scheme, "-v")
        assert ended.status == 0
        (summary,) = (line for line in ended.errors.splitlines() if line.startswith("connected to "))
        assert f", {scheme};" in summary


def test_suite_group_and_protocol_are_those_asked_for(serve: Serve, pki: Pki) -> None:
    serving = serve("--alpn", "other,echo/1", "--groups", "secp256r1")
    wanted = ("--cipher-suites", "TLS_CHACHA20_POLY1305_SHA256", "--alpn", "echo/1", "--alpn", "echo/2")
    assert connect(serving.port, pki, *wanted, stdin=b"12345").output == b"12345"
    assert serving.log_line().split(" ", 2)[2] == (
        "5 bytes echoed; TLS_CHACHA20_POLY1305_SHA256 secp256r1 ecdsa_secp256r1_sha256 localhost echo/1\n"
    )


def test_no_protocol_in_common_fails_on_both_sides(serve: Serve, pki: Pki) -> None:
    serving = serve("--alpn", "echo/1")
    ended = connect(serving.port, pki, "--alpn", "echo/2")
    assert ended.status == 1
    assert "no_application_protocol" in ended.error
    assert "the peer offers echo/2; supported here: echo/1" in serving.log_line()


# Whom the client believes


def test_a_strangers_certificate_is_refused_and_both_sides_say_so(serve: Serve, tmp_path: Path) -> None:
    strangers = mint(tmp_path / "strangers", names=["localhost"], now=datetime.now(UTC))
    serving = serve()
    ended = connect(serving.port, strangers, stdin=b"secret")
    assert (ended.status, ended.output) == (1, b"")
    assert "tls13 test authority" in ended.error
    log = serving.log_line()
    assert "failed: " in log
    assert "alert" in log


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--servername", "example.test"), 0),
        (("--servername", "EXAMPLE.test."), 0),
        (("--servername", "example.org"), 1),
        ((), 1),
    ],
)
def test_the_certificate_must_be_for_the_name(
    arguments: tuple[str, ...], status: int, echo_server: Serving, pki: Pki
) -> None:
    ended = run("connect", f"127.0.0.1:{echo_server.port}", "--ca", pki.ca, *arguments, stdin=b"hello")
    assert (ended.status, ended.output) == (status, b"hello" if status == 0 else b"")
    if status:
        assert "localhost, example.test" in ended.error


def test_anyone_is_believed_only_when_asked_and_with_a_warning(echo_server: Serving, pki: Pki) -> None:
    ended = run("connect", f"127.0.0.1:{echo_server.port}", "--insecure", stdin=b"hello")
    assert (ended.status, ended.output) == (0, b"hello")
    assert ended.errors.startswith("Warning: --insecure")
    assert len(ended.errors.splitlines()) == 1
    both = run("connect", f"127.0.0.1:{echo_server.port}", "--insecure", "--ca", pki.ca)
    assert both.status == 2
    assert "exclude each other" in both.error


# What they show


def test_verbose_shows_each_message_and_leaves_the_output_alone(serve: Serve, pki: Pki) -> None:
    serving = serve("-v")
    ended = connect(serving.port, pki, "-v", stdin=b"hello\n")
    assert ended.output == b"hello\n"
    seen = [line.split()[:4] for line in ended.errors.splitlines() if " → " in line]
    names = ["ClientHello", "ServerHello", "EncryptedExtensions", "Certificate", "CertificateVerify", "Finished"]
    senders = ["client", *["server"] * 5]
    handshake = [[sender, "→", "server" if sender == "client" else "client"] for sender in senders]
    assert [each for each in seen if each[3] != "ChangeCipherSpec"][:6] == [
        [*who, name] for who, name in zip(handshake, names, strict=True)
    ]
    assert ended.errors.count("ApplicationData") == 2
    assert ended.errors.count("close_notify") == 2
    assert "secret " not in ended.errors
    log = serving.stop().errors
    assert log.count("ApplicationData") == 2
    assert "127.0.0.1:" in next(line for line in log.splitlines() if "ClientHello" in line)


def test_very_verbose_adds_bytes_and_the_secrets_that_the_key_log_gets(serve: Serve, pki: Pki, tmp_path: Path) -> None:
    serving = serve("--keylog", tmp_path / "server.keylog")
    ended = connect(
        serving.port, pki, "-vv", stdin=b"sixteen bytes...", environ={"SSLKEYLOGFILE": str(tmp_path / "client.keylog")}
    )
    assert "73 69 78 74 65 65 6e 20  62 79 74 65 73 2e 2e 2e  sixteen bytes..." in ended.errors
    assert serving.stop().status == 0
    logged = (tmp_path / "client.keylog").read_text().splitlines()
    assert set(logged) == set((tmp_path / "server.keylog").read_text().splitlines())
    assert len(logged) == 5
    for line in logged:
        label, _, secret = line.split()
        assert f"secret {label} {secret}" in ended.errors.splitlines()


# What they record


def tshark(file: Path, port: int, only: str, *fields: str) -> list[list[str]]:
    """Fields of the packets that a filter lets through. It is given no key log: the capture has to do."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("needs tshark: apt install tshark")
    meaning = ("-d", f"tcp.port=={port},tls", "-d", f"tls.port=={port},data", "-o", "tls.keylog_file:")
    wanted = [word for field in fields for word in ("-e", field)]
    command = [program, "-r", str(file), *meaning, "-Y", only, "-T", "fields", "-E", "occurrence=a", *wanted]
    output = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE).stdout
    return [line.split("\t") for line in output.decode().splitlines()]


def test_a_recording_of_either_side_opens_decrypted(serve: Serve, pki: Pki, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "server.pcapng", tmp_path / "client.pcapng"
    serving = serve("--pcapng", theirs)
    for line in (b"hello\n", b"again\n"):
        assert connect(serving.port, pki, "--pcapng", ours, stdin=line).output == line
    with stranger_to(serving) as client:
        assert until_closed(client) == UNEXPECTED_MESSAGE
    assert serving.stop().status == 0
    for file, said in ((ours, [b"again\n"]), (theirs, [b"hello\n", b"again\n"])):
        assert file.stat().st_mode & 0o777 == 0o600
        expected = [(to, line) for line in said for to in ("client", "server")]
        connections = [json.loads(line) for line in invoke("parse", file, "--summary", "--json").output.splitlines()]
        assert [each["server"]["port"] for each in connections] == [serving.port] * len(said)
        assert [each["ending"] for each in connections] == ["finished"] * len(said)
        assert all(each["opaque_messages"] == 0 for each in connections)
        data = [
            (message["direction"], bytes.fromhex(message["raw"]))
            for message in map(json.loads, invoke("parse", file, "--json").output.splitlines())
            if message["name"] == "ApplicationData"
        ]
        assert data == expected
        packets = tshark(file, serving.port, "tls.app_data", "tcp.dstport", "data.data")
        found = [("client" if port == str(serving.port) else "server", bytes.fromhex(data)) for port, data in packets]
        assert found == expected


@pytest.mark.parametrize(
    ("listening", "dialled", "recorded"),
    [
        ("0.0.0.0", "127.0.0.2", "127.0.0.2"),
        ("::", "[::1]", "::1"),
        # Comes to a socket of IPv6, in packets of IPv4.
        ("::", "127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_server_of_all_addresses_records_the_one_that_each_client_came_to(
    listening: str, dialled: str, recorded: str, serve: Serve, pki: Pki, tmp_path: Path
) -> None:
    file = tmp_path / "server.pcapng"
    if ":" in listening and not Path("/proc/net/if_inet6").exists():
        pytest.skip("needs IPv6")
    serving = serve("--host", listening, "--pcapng", file)
    ended = run("connect", f"{dialled}:{serving.port}", "--ca", pki.ca, "--servername", "localhost", stdin=b"all")
    assert ended == Ended(0, b"all", "")
    assert serving.stop().status == 0
    (connection,) = [json.loads(line) for line in invoke("parse", file, "--summary", "--json").output.splitlines()]
    assert connection["server"] == {"address": recorded, "port": serving.port}
    assert (":" in connection["client"]["address"]) is (":" in recorded)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (("192.0.2.7", 443), ("192.0.2.7", 443)),
        (("2001:db8::7", 443, 0, 0), ("2001:db8::7", 443)),
        (("::ffff:192.0.2.7", 443, 0, 0), ("192.0.2.7", 443)),
        (("::ffff:c000:207", 443, 0, 0), ("192.0.2.7", 443)),
        (("fe80::7%eth0", 443, 0, 2), ("fe80::7", 443)),
    ],
)
def test_an_end_is_recorded_as_packets_have_it(name: tuple[object, ...], expected: tuple[str, int]) -> None:
    assert endpoint(name) == Endpoint(*expected)


@contextmanager
def stranger_to(serving: Serving) -> Iterator[socket.socket]:
    """A client that does not speak TLS."""
    with socket.create_connection((serving.host, serving.port), PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        yield client


def test_a_recording_that_cannot_be_begun_is_told(pki: Pki, tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "file"
    for command in (("connect", "localhost:1", "--insecure"), ("serve", "--port", 0)):
        ended = invoke(*command, "--pcapng", missing)
        assert ended.status == 2
        assert f"cannot write capture {missing}" in ended.error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_before_anything_is_said(pki: Pki) -> None:
    ended = connect(1, pki, "--pcapng", "/dev/full")
    assert (ended.status, ended.output) == (2, b"")
    assert "No space left on device" in ended.error


class FullWriter(CaptureWriter):
    """A capture on a disk that is full after a number of writes."""

    left = 3

    def _write(self, members: list[tuple[type, dict[str, object]]]) -> None:
        self.left -= 1
        if self.left < 0:
            raise CaptureError("cannot write capture: No space left on device", "make room")
        super()._write(members)


def test_a_disk_that_fills_up_ends_the_recording_and_not_the_talk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FullWriter(tmp_path / "small.pcapng") as writer:
        recorder = Recorder(writer, Direction.client)
        record = recorder.open(Endpoint("192.0.2.1", 50000), Endpoint("192.0.2.2", 443))
        record.tap(True, b"kept")
        recorder.secret("CLIENT_RANDOM", bytes(32), bytes(48))
        for _ in range(3):
            record.tap(False, b"lost")
            recorder.secret("CLIENT_RANDOM", bytes(32), bytes(48))
        record.close()
        assert recorder.open(Endpoint("192.0.2.1", 50001), Endpoint("192.0.2.2", 443)).close() is None
    assert capsys.readouterr().err == (
        "Warning: cannot write capture: No space left on device; what follows is not recorded\n"
    )
    assert b"kept" in (tmp_path / "small.pcapng").read_bytes()


# The web page


def request(serving: Serving, pki: Pki, method: str, **headers: str) -> tuple[int, dict[str, str], str]:
    context = ssl.create_default_context(cafile=str(pki.ca))
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = http.client.HTTPSConnection("localhost", serving.port, context=context, timeout=PATIENCE)
    connection.request(method, "/any/path", headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, dict(response.getheaders()), body


def test_a_page_shows_what_was_negotiated(serve: Serve, pki: Pki) -> None:
    serving = serve("--http")
    status, headers, body = request(serving, pki, "GET")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Connection"] == "close"
    rows = dict(line.split("  ", 1) for line in body.splitlines() if "  " in line)
    found = {name: value.strip() for name, value in rows.items()}
    assert found.pop("client").startswith("127.0.0.1:")
    assert datetime.fromisoformat(found.pop("time")).tzinfo is not None
    assert found.pop("cipher suite").startswith("TLS_")
    assert found == {
        "version": "TLS13 (0x0304)",
        "group": "x25519 (0x001d)",
        "signature scheme": "ecdsa_secp256r1_sha256 (0x0403)",
        "server name": "localhost",
        "ALPN": "http/1.1",
        "HelloRetryRequest": "no",
        "request": "GET /any/path HTTP/1.1",
    }
    assert "GET /any/path HTTP/1.1 -> 200 OK; " in serving.log_line()


def test_requests_that_are_none_or_too_large_get_their_status(serve: Serve, pki: Pki) -> None:
    serving = serve("--http")
    status, headers, body = request(serving, pki, "HEAD")
    assert (status, body) == (200, "")
    assert int(headers["Content-Length"]) > 100
    status, headers, _ = request(serving, pki, "POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert request(serving, pki, "GET", filler="x" * 2**14)[0] == 431
    for head, answer in (
        (b"GET /\x1b[2J HTTP/1.1\r\n\r\n", b"400"),
        (b"hello\n\n", b"400"),
        (b"GET / HTTP/1.0\n\n", b"200"),
    ):
        with openssl_client(serving, pki) as client:
            client.sendall(head)
            assert client.recv(12) == b"HTTP/1.1 " + answer
    log = sorted(serving.log_line().split(" -> ")[1].split()[0] for _ in range(6))
    assert log == ["200", "200", "400", "400", "405", "431"]


# Ends


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_stopped_says_goodbye_and_ends_well(number: signal.Signals, serve: Serve, pki: Pki) -> None:
    serving = serve()
    with openssl_client(serving, pki) as client:
        client.sendall(b"are you there?")
        assert client.recv(100) == b"are you there?"
        serving.process.send_signal(number)
        assert client.recv(100) == b""
        client.unwrap()
    ended = finish(serving.process)
    assert (ended.status, ended.output) == (0, b"")
    (line,) = ended.errors.splitlines()
    assert " 14 bytes echoed; " in line


def test_a_client_that_is_interrupted_says_goodbye(start: Start, serve: Serve, pki: Pki) -> None:
    serving = serve()
    command = start("connect", f"localhost:{serving.port}", "--ca", pki.ca)
    assert command.stdin is not None
    assert command.stdout is not None
    command.stdin.write(b"x")
    command.stdin.flush()
    assert command.stdout.read(1) == b"x"
    command.send_signal(signal.SIGINT)
    ended = finish(command)
    assert (ended.status, ended.errors) == (130, "")
    assert " 1 bytes echoed; " in serving.log_line()


def test_a_reader_that_leaves_ends_the_client_quietly(start: Start, echo_server: Serving, pki: Pki) -> None:
    command = start("connect", f"localhost:{echo_server.port}", "--ca", pki.ca)
    assert command.stdout is not None
    command.stdout.close()
    command.stdout = None
    ended = finish(command, b"hello")
    assert (ended.status, ended.errors) == (141, "")


# Bad input: files, ports, hosts


def _mismatched(pki: Pki) -> tuple[object, ...]:
    return "--cert", pki.server("ed25519").certificate, "--key", pki.server("ecdsa-p256").key


def _no_key(pki: Pki) -> tuple[object, ...]:
    return "--cert", pki.server("ed25519").certificate


def _swapped(pki: Pki) -> tuple[object, ...]:
    return "--cert", pki.server("ed25519").key, "--key", pki.server("ed25519").certificate


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (lambda pki: (), "`tls13 certs pki` mints some"),
        (lambda pki: ("--cert", "missing.pem", "--key", "missing.key"), "no file missing.pem"),
        (_mismatched, "is not the key of the certificate"),
        (_no_key, "1 --cert and 0 --key"),
        (_swapped, "holds a private key, no certificate"),
    ],
)
def test_a_server_without_a_proper_certificate_does_not_start(
    arguments: Callable[[Pki], tuple[object, ...]], says: str, pki: Pki
) -> None:
    ended = invoke("serve", "--port", 0, *arguments(pki))
    assert (ended.status, ended.output) == (2, b"")
    assert says in ended.error


def test_a_port_in_use_is_told(echo_server: Serving, pki: Pki) -> None:
    files = pki.server("ed25519")
    ended = invoke("serve", "--port", echo_server.port, "--cert", files.certificate, "--key", files.key)
    assert ended.status == 2
    assert f"can't listen on 127.0.0.1:{echo_server.port}" in ended.error
    assert "choose another --port" in ended.error


def test_a_server_that_is_not_there_is_told(pki: Pki) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        ended = invoke("connect", f"127.0.0.1:{port}", "--ca", pki.ca)
    assert ended.status == 1
    assert f"127.0.0.1:{port} refuses the connection" in ended.error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("connect", "name..test:1", "--insecure"), "name..test"),
        (("connect", "localhost:1", "--ca", "missing.pem"), "missing.pem"),
        (("connect", "localhost:1", "--insecure", "--keylog", "missing/file"), "missing/file"),
    ],
)
def test_what_a_client_cannot_use_is_told(arguments: tuple[str, ...], says: str) -> None:
    ended = invoke(*arguments)
    assert (ended.status, ended.output) == (2, b"")
    assert says in ended.error


# Bad input: peers


def _web_server(client: socket.socket) -> None:
    client.recv(2**16)
    client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
    assert until_closed(client) == UNEXPECTED_MESSAGE


def _garbage(client: socket.socket) -> None:
    client.recv(2**16)
    client.sendall(b"\xde\xad\xbe\xef\x00\x01\x02\x03")
    assert until_closed(client) == UNEXPECTED_MESSAGE


def _early_end(client: socket.socket) -> None:
    client.recv(2**16)


def _reset(client: socket.socket) -> None:
    client.recv(1)


def _silence(client: socket.socket) -> None:
    until_closed(client)


@pytest.mark.parametrize(
    ("talk", "says"),
    [
        (_web_server, "an HTTP response"),
        (_garbage, "deadbeef"),
        (_early_end, "closed the connection during the handshake"),
        (_reset, "the connection broke"),
        (_silence, "does not answer in time"),
    ],
)
def test_a_server_of_another_kind_is_told_in_one_line(
    talk: Callable[[socket.socket], None], says: str, pki: Pki
) -> None:
    with stranger(talk) as port:
        patience = "0.2" if talk is _silence else str(PATIENCE)
        ended = invoke("connect", f"localhost:{port}", "--ca", pki.ca, "--timeout", patience)
    assert (ended.status, ended.output) == (1, b"")
    assert says in ended.error


def test_a_server_of_an_older_version_is_told(pki: Pki) -> None:
    files = pki.server("ecdsa-p256")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key)

    def talk(client: socket.socket) -> None:
        with pytest.raises(ssl.SSLError, match=r"UNSUPPORTED_PROTOCOL|unsupported protocol"):
            context.wrap_socket(client, server_side=True)

    with stranger(talk) as port:
        ended = invoke("connect", f"localhost:{port}", "--ca", pki.ca)
    assert ended.status == 1
    assert "protocol_version" in ended.error
    assert "does not speak TLS 1.3" in ended.error


def test_an_end_without_close_notify_is_told_after_what_came_before_it(pki: Pki) -> None:
    files = pki.server("ecdsa-p256")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)

    def talk(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as tls:
            tls.sendall(b"half of it")
            tls.recv(2**16)

    with stranger(talk) as port:
        ended = connect(port, pki)
    assert (ended.status, ended.output) == (1, b"half of it")
    assert "without close_notify" in ended.error


def test_clients_of_a_server_do_not_disturb_each_other(serve: Serve, pki: Pki) -> None:
    serving = serve()
    address = (serving.host, serving.port)
    with openssl_client(serving, pki) as first, socket.create_connection(address, PATIENCE) as silent:
        silent.sendall(b"\x16\x03\x01\x02\x00\x01")
        with socket.create_connection(address, PATIENCE) as web:
            web.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert until_closed(web) == UNEXPECTED_MESSAGE
        assert "starts with an HTTP request" in serving.log_line()
        with socket.create_connection(address, PATIENCE):
            pass
        assert "failed: " in serving.log_line()
        with openssl_client(serving, pki) as second:
            for client in (first, second, first):
                client.sendall(b"still there?")
                assert client.recv(100) == b"still there?"
            second.unwrap()
        assert " 12 bytes echoed; " in serving.log_line()
        first.unwrap()
    assert " 24 bytes echoed; " in serving.log_line()


def test_a_client_that_falls_silent_is_closed(serve: Serve, pki: Pki) -> None:
    serving = serve("--timeout", "0.1")
    with openssl_client(serving, pki) as client:
        assert client.recv(100) == b""
    assert "failed: silent for too long" in serving.log_line()
