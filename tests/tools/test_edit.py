"""`tls13 edit`, and the walk-through in docs/how-to/edit-a-message.md: its code is run as it stands there."""

from __future__ import annotations

import re
import shlex
import ssl
import struct
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from capture.made_captures import RANDOM, START, Talk, datagram, ipv4, pcap
from quic_initial_packets import CLIENT_HELLO, V1_CLIENT
from running import ROOT, invoke

from certs import mint
from schemas.code_points import CipherSuite, ExtensionType
from schemas.extensions import KeyShare, ServerNameIndication
from schemas.handshake import ClientHello, Handshake
from tls13 import Credential, Server, ServerConfig, TLSSocket
from tls13.capture import CaptureWriter, Direction, Endpoint
from tls13.events import MessageObserved, Observation

PAGE = (ROOT / "docs" / "how-to" / "edit-a-message.md").read_text(encoding="utf-8")
SHELL = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A ClientHello of OpenSSL's, in a capture of its own."""
    context = ssl.create_default_context()
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="captured.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    path = tmp_path / "web.pcapng"
    ends = Endpoint("192.0.2.1", 50000), Endpoint("192.0.2.2", 443)
    with CaptureWriter(path) as writer, writer.open(*ends) as recording:
        recording.sent(Direction.client, outgoing.read())
    return path


@pytest.fixture
def quic_capture(tmp_path: Path) -> Path:
    """The ClientHello of RFC 9001 appendix A.2, in its packet, behind a TCP connection of the same number."""
    path = tmp_path / "web.pcap"
    talk = Talk()
    talk.hellos()
    path.write_bytes(pcap([*((each.timestamp, datagram(each)) for each in talk.wire.segments), initial_packet()]))
    return path


def initial_packet() -> tuple[int, bytes]:
    """The client's, after the `Talk`."""
    udp = struct.pack(">HHHH", 50000, 443, 8 + len(V1_CLIENT), 0) + V1_CLIENT
    return START + 10**9, ipv4("192.0.2.1", "192.0.2.2", udp, protocol=17)


def hello_of(path: Path, *options: str) -> ClientHello:
    """What `tls13 edit` gives of a capture when nothing is changed."""
    message = Handshake.parse(bytes.fromhex(invoke("edit", path, *options).output.decode())).message
    assert isinstance(message, ClientHello)
    return message


def test_the_walk_through_sends_the_captured_hello_and_completes_the_handshake(capture: Path, tmp_path: Path) -> None:
    captured, sent = walked_through(tmp_path, hello_of(capture))
    assert [each.extension_type for each in sent.extensions or ()] == [
        each.extension_type for each in captured.extensions or ()
    ]


def test_the_walk_through_takes_a_hello_of_quic_to_tcp(tmp_path: Path) -> None:
    path = tmp_path / "web.pcapng"
    path.write_bytes(pcap([initial_packet()]))
    captured, sent = walked_through(tmp_path, hello_of(path, "--quic"))
    assert [each.extension_type for each in sent.extensions or ()] == [
        each.extension_type
        for each in captured.extensions or ()
        if each.extension_type is not ExtensionType.quic_transport_parameters
    ]


def walked_through(tmp_path: Path, captured: ClientHello) -> tuple[ClientHello, ClientHello]:
    """The hello of web.pcapng, and the one that the code of the page sends for it to a server."""
    files = mint(tmp_path / "pki", names=["localhost"], now=datetime.now(UTC)).server("ecdsa-p256")
    seen: list[ClientHello] = []

    def watch(observation: Observation) -> None:
        if isinstance(observation, MessageObserved) and isinstance(observation.message, ClientHello):
            seen.append(observation.message)

    def echo(tls: TLSSocket) -> None:
        while data := tls.recv():
            tls.sendall(data)

    config = ServerConfig(credentials=(Credential.load(files.certificate, files.key),), observer=watch)
    with Server(("127.0.0.1", 0), config, echo) as server:
        code = "".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)).replace("4433", str(server.address[1]))
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == "b'hello' TLS_AES_256_GCM_SHA384\n"
    (sent,) = seen
    assert sent.random == captured.random
    assert sent.legacy_session_id == captured.legacy_session_id
    assert CipherSuite.TLS_AES_128_GCM_SHA256 in captured.cipher_suites
    assert sent.cipher_suites == [
        each for each in captured.cipher_suites if each is not CipherSuite.TLS_AES_128_GCM_SHA256
    ]
    names = ServerNameIndication.client_hello.find(sent.extensions) or []
    assert [each.name for each in names] == [b"localhost"]
    assert KeyShare.client_hello.find(sent.extensions) != KeyShare.client_hello.find(captured.extensions)
    return captured, sent


@pytest.mark.parametrize("line", [line for line in SHELL if line.startswith("tls13")])
def test_the_commands_of_the_walk_through_work(
    line: str, capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hello.bin").write_bytes(bytes.fromhex(invoke("edit", capture).output.decode()))
    _, *words = shlex.split(line, comments=True)
    ended = invoke(*words)
    assert (ended.status, ended.errors) == (0, "")


def edited(capture: Path, *arguments: str) -> ClientHello:
    ended = invoke("edit", capture, *arguments)
    assert (ended.status, ended.errors) == (0, "")
    message = Handshake.parse(bytes.fromhex(ended.output.decode())).message
    assert isinstance(message, ClientHello)
    return message


def test_without_a_change_the_bytes_are_the_captured_ones(capture: Path, tmp_path: Path) -> None:
    assert invoke("edit", capture, "-o", tmp_path / "hello.bin").status == 0
    data = (tmp_path / "hello.bin").read_bytes()
    assert data in capture.read_bytes()
    assert data[0] == 1
    assert len(data) == 4 + int.from_bytes(data[1:4], "big")


def test_fields_get_what_they_are_set_to(capture: Path) -> None:
    hello = edited(
        capture,
        *("--set", "legacy_session_id=0x00ff"),
        *("--set", "cipher_suites[1]=tls_aes_128_ccm_sha256"),
        *("--set", 'extensions.server_name[0].name="other.example"'),
        *("--set", "legacy_version=0x0302"),
        *("--remove", "extensions.key_share"),
    )
    before = hello_of(capture)
    assert hello.legacy_session_id == b"\x00\xff"
    assert hello.cipher_suites[1] is CipherSuite.TLS_AES_128_CCM_SHA256
    assert hello.cipher_suites[2:] == before.cipher_suites[2:]
    assert hello.legacy_version == 0x0302
    assert [each.name for each in ServerNameIndication.client_hello.find(hello.extensions) or []] == [b"other.example"]
    assert [each.extension_type for each in hello.extensions or ()] == [
        each.extension_type for each in before.extensions or () if each.extension_type is not ExtensionType.key_share
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--set", "legacy_version"), "'legacy_version': no value; write PATH=VALUE"),
        (("--set", "nonsense=1"), "no nonsense there; there is legacy_version, random, "),
        (("--set", "cipher_suites[900]=1"), "no 900 there; there is [0], [1]"),
        (("--set", "extensions.nonsense=1"), "no nonsense there; there is "),
        (("--set", "random.nonsense=1"), "nothing in it to be called nonsense"),
        (("--set", "random=1"), "it is bytes; give them in hexadecimal"),
        (("--set", "legacy_version=TLS99"), "it is a number or a ProtocolVersion"),
        (("--set", "legacy_version=65536"), "a number of 2 bytes, found 65536"),
        (("--set", "..=1"), "no path"),
        (("--remove", "extensions.nonsense"), "no nonsense there"),
    ],
)
def test_what_cannot_be_set_is_told(arguments: tuple[str, ...], says: str, capture: Path) -> None:
    ended = invoke("edit", capture, *arguments)
    assert (ended.status, ended.output) == (2, b"")
    assert says in ended.error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--message", "1"), "connection 0 has no message #1"),
        (("--connection", "1"), "no TLS connection 1 in "),
    ],
)
def test_a_message_that_is_not_there_is_told(arguments: tuple[str, ...], says: str, capture: Path) -> None:
    ended = invoke("edit", capture, *arguments)
    assert (ended.status, ended.output) == (1, b"")
    assert says in ended.error


def test_a_hello_of_quic_is_edited_by_the_number_that_quic_connections_have(quic_capture: Path) -> None:
    assert invoke("edit", quic_capture, "--quic").output.decode().strip() == CLIENT_HELLO.hex()
    assert hello_of(quic_capture).random == RANDOM
    edited_hello = edited(quic_capture, "--quic", "--remove", "extensions.quic_transport_parameters")
    assert ExtensionType.quic_transport_parameters not in [
        each.extension_type for each in edited_hello.extensions or ()
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--quic", "--message", "1"), "QUIC connection 0 has no message #1"),
        (("--quic", "--connection", "1"), "no QUIC connection 1 in "),
        (("--connection", "1"), "no TLS connection 1 in "),
    ],
)
def test_a_quic_message_that_is_not_there_is_told(arguments: tuple[str, ...], says: str, quic_capture: Path) -> None:
    ended = invoke("edit", quic_capture, *arguments)
    assert (ended.status, ended.output) == (1, b"")
    assert says in ended.error


def test_who_asks_for_the_other_transport_is_told_the_next_step(capture: Path, tmp_path: Path) -> None:
    path = tmp_path / "quic.pcap"
    path.write_bytes(pcap([initial_packet()]))
    ended = invoke("edit", path)
    assert ended.status == 1
    assert ended.error.endswith("is one of QUIC; add --quic")
    ended = invoke("edit", capture, "--quic")
    assert ended.status == 1
    assert ended.error.endswith("is one of TCP; leave out --quic")


def test_the_help_fits_a_terminal_and_its_examples_are_understood(
    capture: Path, quic_capture: Path, tmp_path: Path
) -> None:
    text = invoke("edit", "--help").output.decode()
    assert max(map(len, text.splitlines())) <= 100
    examples = [line.split("|")[0].strip() for line in text.splitlines() if line.startswith("    tls13 edit ")]
    assert len(examples) > 3
    for example in examples:
        _, _, _, *words = shlex.split(example)
        words = [tmp_path / "hello.bin" if word == "hello.bin" else "0" if word == "3" else word for word in words]
        assert invoke("edit", quic_capture if "--quic" in words else capture, *words).status == 0, example
