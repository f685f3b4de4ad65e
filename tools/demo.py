"""`tls13 demo`: the whole of it in one go. An echo over TLS 1.3 on loopback, captured, read back and explained."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from certs import KeyFiles, KeyType, Pki
from schemas.alert import Alert
from schemas.code_points import AlertDescription, ContentType
from tls13 import ClientConfig, Connection, Credential, Server, ServerConfig, TLSSocket, TrustStore
from tls13.capture import CaptureWriter, Direction, Endpoint, Message, Recording, read_capture
from tls13.events import Negotiated, Observation, SecretDerived
from tls13.keylog import KeyLog, KeyLogWriter
from tools.certs import DEFAULT_NAMES, mint_into
from tools.exit_status import ExitStatus
from tools.failures import CommandError, network_error, reports_failures
from tools.parsing.findings import Findings
from tools.parsing.report import show
from tools.values.tree import console

FOLDER = "tls13-demo"
SERVER_NAME = "localhost"
LOOPBACK = "127.0.0.1"
SECONDS = 10.0
"""For each wait. Both ends are on this machine."""
LINES = (
    b"Hello, is anybody there?\n",
    "These lines went out encrypted, and came back: grüß Gott, 你好.\n".encode(),
    b"Goodbye.\n",
)


@reports_failures
def demo(
    folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help=f"Where the files go; {FOLDER}, or {FOLDER}-2 and so on, if not given."),
    ] = None,
) -> None:
    """Echo a few lines over TLS 1.3, and show every message of it.

    Mints certificates, starts an echo server on a free loopback port, connects a client that checks certificate and
    host name, echoes, closes both ways. The connection is written to demo.pcapng and its secrets to demo.keylog; that
    capture is then read back, and every message printed as a tree, decrypted.

    \b
    Examples:
      tls13 demo
      tls13 demo --folder /tmp/first-look
    """
    files = _Files.prepare(folder or _free_folder())
    _tell(
        "Certificates", f"minted into {files.folder}: {files.pki.ca.name}, {files.server.certificate.name} and its key"
    )
    _converse(files)
    _tell("Capture", f"{files.capture}, its secrets in {files.keylog}")
    _tell("Read back", "every message of both directions:")
    print()
    number = _show(files)
    _check(files)
    print()
    _tell("All is well", f"{number} messages, all decrypted; what was echoed is what was sent")
    print(f"Next, try: {_next_step(files)}")


@dataclass(frozen=True, slots=True)
class _Files:
    """What the demo makes, and where."""

    pki: Pki
    server: KeyFiles

    @classmethod
    def prepare(cls, folder: Path) -> _Files:
        """Mints the certificates. Raises CommandError where the folder has such files already."""
        for name in ("demo.pcapng", "demo.keylog"):
            if (folder / name).exists():
                raise CommandError(
                    f"{folder / name} is there already, and nothing is overwritten",
                    "name another folder",
                    status=ExitStatus.USAGE,
                )
        pki = mint_into(folder, DEFAULT_NAMES, (KeyType.ECDSA_P256,))
        return cls(pki, pki.server(KeyType.ECDSA_P256))

    @property
    def folder(self) -> Path:
        return self.pki.folder

    @property
    def capture(self) -> Path:
        return self.folder / "demo.pcapng"

    @property
    def keylog(self) -> Path:
        return self.folder / "demo.keylog"


def _free_folder() -> Path:
    """`tls13-demo`, or the first of `tls13-demo-2`, … that is not there yet."""
    names = (FOLDER if number == 1 else f"{FOLDER}-{number}" for number in count(1))
    return next(Path(name) for name in names if not Path(name).exists())


def _converse(files: _Files) -> None:
    """Server, client and recording: from the first packet to the last."""
    credential = Credential.load(files.server.certificate, files.server.key)
    with (
        Server((LOOPBACK, 0), ServerConfig(credentials=(credential,)), _echo) as server,
        CaptureWriter(files.capture) as capture,
        KeyLogWriter(files.keylog) as keylog,
    ):
        host, port = server.address
        _tell("Server", f"echoes on {host}:{port}, in a thread of its own")
        config = ClientConfig(trust=TrustStore.load(files.pki.ca), observer=_secrets_to(keylog.write, capture.secret))
        try:
            transport = socket.create_connection(server.address, SECONDS)
        except OSError as error:
            raise network_error(error, f"{host}:{port}") from error
        with transport, capture.open(_endpoint(transport.getsockname()), _endpoint(server.address)) as recording:
            _be_client(transport, config, recording)


def _echo(tls: TLSSocket) -> None:
    while data := tls.recv():
        tls.sendall(data)


def _be_client(transport: socket.socket, config: ClientConfig, recording: Recording) -> None:
    """Handshake, echo, goodbye. Raises CommandError where anything is not as it must be."""

    def tap(sent: bool, data: bytes) -> None:
        recording.sent(Direction.client if sent else Direction.server, data)

    with TLSSocket(transport, Connection.client(config, SERVER_NAME), tap=tap) as tls:
        try:
            _talk(tls)
        except TimeoutError as error:
            raise CommandError(f"the server was silent for {SECONDS:g} seconds") from error


def _talk(tls: TLSSocket) -> None:
    _tell("Client", _in_short(tls.do_handshake()))
    for line in LINES:
        tls.sendall(line)
        if _receive(tls, len(line)) != line:
            raise CommandError("the echo is not what was sent")
    _tell("Echo", f"{len(LINES)} lines sent, the same came back")
    tls.finish()
    if tls.recv():
        raise CommandError("the server sent more than was asked for")
    _tell("Goodbye", "close_notify sent and received")


def _receive(tls: TLSSocket, size: int) -> bytes:
    """So many bytes, fewer where the server ends before."""
    received = bytearray()
    while len(received) < size and (data := tls.recv(size - len(received))):
        received += data
    return bytes(received)


def _secrets_to(*writers: Callable[[str, bytes, bytes], None]) -> Callable[[Observation], None]:
    def observe(observation: Observation) -> None:
        if isinstance(observation, SecretDerived):
            for write in writers:
                write(observation.label, observation.client_random, observation.secret)

    return observe


def _show(files: _Files) -> int:
    """Prints the capture as `tls13 parse` does; how many messages it has. Raises CommandError if some stay unread."""
    findings = Findings(keys_given=True)
    with read_capture(files.capture, keylog=KeyLog.load(files.keylog)) as capture:
        show(capture, console(), findings)
    if not findings.complete:
        raise CommandError(f"{files.capture} could not be read back: {'; '.join(findings.lines())}")
    return findings.messages


def _check(files: _Files) -> None:
    """Holds the capture against what was done. Raises CommandError where it tells another story."""
    with read_capture(files.capture, keylog=KeyLog.load(files.keylog)) as capture:
        messages = [item for connection in capture for item in connection.messages if isinstance(item, Message)]
    for direction in Direction:
        own = [message for message in messages if message.direction is direction]
        data = b"".join(each.raw for each in own if each.content_type is ContentType.application_data)
        if any(each.opaque for each in own) or data != b"".join(LINES):
            raise CommandError(f"{files.capture} does not hold what the {direction} sent")
        last = own[-1].value
        if not isinstance(last, Alert) or last.description is not AlertDescription.close_notify:
            raise CommandError(f"{files.capture} does not end with the {direction}'s close_notify")


def _endpoint(address: tuple[str, int]) -> Endpoint:
    return Endpoint(address[0], address[1])


def _in_short(negotiated: Negotiated) -> str:
    return (
        f"connected: {negotiated.version}, {negotiated.cipher_suite}, {negotiated.group}, "
        f"{negotiated.signature_scheme}; the certificate is good for {SERVER_NAME}"
    )


def _next_step(files: _Files) -> str:
    cert, key, ca = (shlex.quote(str(path)) for path in (files.server.certificate, files.server.key, files.pki.ca))
    return f"tls13 serve --cert {cert} --key {key} and, in another terminal, tls13 connect localhost:4433 --ca {ca} -v"


def _tell(step: str, what: str) -> None:
    print(f"{step:13} {what}", flush=True)
