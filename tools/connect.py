"""`tls13 connect`: standard input to a TLS 1.3 server, and what it answers to standard output."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tls13 import CertificatePolicy, ClientConfig, Connection, NoVerification, TLSError, TLSSocket, TrustStore
from tls13.capture import Direction
from tls13.events import Negotiated
from tls13.printable import printable
from tls13.sockets import CHUNK
from tls13.x509.server_name import parse_server_name
from tools.certificates import summary
from tools.exit_status import ExitStatus
from tools.failures import CommandError, network_error, reports_failures
from tools.talking import identities, options
from tools.talking.addresses import Address, parse_address
from tools.talking.recorder import Recorder, Tap, endpoint, recording
from tools.talking.watch import watching

STDIN, STDOUT = 0, 1
HANDSHAKE_SECONDS = 10.0


@reports_failures
def connect(
    address: Annotated[
        Address, typer.Argument(metavar="HOST:PORT", parser=parse_address, help="The server; [::1]:443 for IPv6.")
    ],
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Whom to trust, PEM; this machine's authorities if not given.")
    ] = None,
    servername: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The name to ask for and to find in the certificate, if not HOST."),
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Trust any certificate at all.")] = False,
    cert: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A certificate for servers that ask who the client is; repeatable."),
    ] = None,
    key: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Its private key, once for each --cert.")
    ] = None,
    psk: identities.Psks = None,
    session: identities.SessionFile = None,
    early_data: identities.EarlyDataFile = None,
    alpn: options.Protocols = None,
    cipher_suites: options.CipherSuites = None,
    groups: options.Groups = None,
    signature_schemes: options.SignatureSchemes = None,
    timeout: options.Patience = None,
    keylog: options.KeyLogFile = None,
    pcapng: options.CaptureFile = None,
    verbose: options.Verbosity = 0,
) -> None:
    """Talk to a TLS 1.3 server.

    Standard input goes to the server, its answer to standard output, as they are: in a terminal or in a pipe. The end
    of the input (Ctrl-D) is told to the server as close_notify; the program ends when the server has said its own.

    \b
    Examples:
      tls13 connect localhost:4433 --ca pki/ca.pem
      echo hello | tls13 connect localhost:4433 --ca pki/ca.pem
      printf 'GET / HTTP/1.0\\r\\n\\r\\n' | tls13 connect example.com --alpn http/1.1 -v
      tls13 connect localhost:4433 --ca pki/ca.pem --pcapng talk.pcapng && tls13 parse talk.pcapng
      tls13 connect localhost:4433 --ca pki/ca.pem --session saved --early-data request.txt
      tls13 connect localhost:4433 --psk sensor=@secret.hex
    """
    known = identities.session_in(session)
    first = identities.early_data_in(early_data, known)
    with (
        recording(pcapng, Direction.client) as recorder,
        watching(Direction.client, verbose, keylog, recorder=recorder) as observer,
    ):
        config = ClientConfig(
            trust=_trust(ca, insecure=insecure, needed=not psk),
            credentials=identities.credentials(cert or [], key or []),
            psks=identities.psks(psk),
            early_data=bool(first),
            post_handshake_auth=bool(cert),
            on_session=None if session is None else lambda given: given.save(session),
            cipher_suites=options.cipher_suites(cipher_suites),
            groups=options.groups(groups),
            signature_schemes=options.signature_schemes(signature_schemes),
            application_protocols=options.protocols(alpn),
            observer=observer,
        )
        connection = Connection.client(config, servername or address.host, known)
        with ExitStack() as ending, _dial(address, connection, first, timeout, _tapper(recorder, ending)) as tls:
            if verbose or sys.stderr.isatty():
                _note(f"connected to {address}: {_in_short(tls.negotiated)}")
            _send_what_was_refused(tls)
            _talk(tls, address)


def _trust(ca: Path | None, *, insecure: bool, needed: bool) -> CertificatePolicy | None:
    """Whose certificates to believe. Where none is `needed`, a PSK will do, unless one is asked for."""
    if insecure and ca is not None:
        raise CommandError("--ca and --insecure exclude each other", "leave one out", status=ExitStatus.USAGE)
    if insecure:
        _note("Warning: --insecure: the server may be anyone, and anyone may read and change what is sent")
        return NoVerification()
    if ca is not None:
        return TrustStore.load(ca)
    return TrustStore.system() if needed else None


def _tapper(recorder: Recorder | None, ending: ExitStack) -> Callable[[socket.socket], Tap | None]:
    """Gives a transport its tap, if it is recorded. The record is closed by `ending`, behind the connection."""

    def tap_of(transport: socket.socket) -> Tap | None:
        if recorder is None:
            return None
        record = recorder.open(endpoint(transport.getsockname()), endpoint(transport.getpeername()))
        ending.callback(record.close)
        return record.tap

    return tap_of


def _dial(
    address: Address,
    connection: Connection,
    early_data: bytes,
    timeout: float | None,
    tap_of: Callable[[socket.socket], Tap | None],
) -> TLSSocket:
    """The connection, handshaken. After the handshake only a `timeout` that was asked for holds."""
    host = str(parse_server_name(address.host))
    try:
        transport = socket.create_connection((host, address.port), timeout or HANDSHAKE_SECONDS)
        tls = TLSSocket(transport, connection, tap=tap_of(transport))
        try:
            if early_data:
                tls.send_early(early_data)
            tls.do_handshake()
        except (OSError, TLSError, KeyboardInterrupt):
            tls.close()
            raise
        transport.settimeout(timeout)
    except OSError as error:
        raise network_error(error, str(address)) from error
    return tls


def _send_what_was_refused(tls: TLSSocket) -> None:
    """Early data that the server has not taken, once more."""
    refused = tls.rejected_early_data
    if refused:
        _note(f"early data: {tls.negotiated.early_data}; its {len(refused)} bytes are sent now")
        tls.sendall(refused)


def _talk(tls: TLSSocket, address: Address) -> None:
    """Both directions at once, until the server has said that it is done."""
    sender = _Sender(tls)
    threading.Thread(target=sender.run, name="stdin", daemon=True).start()
    while data := _receive(tls, address):
        _write(data)
    if sender.failure is not None:
        raise sender.failure


def _receive(tls: TLSSocket, address: Address) -> bytes:
    try:
        return tls.recv()
    except OSError as error:
        raise network_error(error, str(address)) from error


def _write(data: bytes) -> None:
    """All of it to standard output, past Python's buffers. Raises BrokenPipeError where nobody reads it."""
    view = memoryview(data)
    while view:
        view = view[os.write(STDOUT, view) :]


@dataclass(slots=True)
class _Sender:
    """Standard input to the server, in a thread that is left behind when the server ends first.

    It reads the descriptor itself: a thread inside `sys.stdin` would hold its lock at the interpreter's end.
    `failure` is an input that can't be read. That the server takes no more is for the receiving side to tell.
    """

    tls: TLSSocket
    failure: OSError | None = None

    def run(self) -> None:
        try:
            while data := self._read():
                self.tls.sendall(data)
            self.tls.finish()
        except (OSError, TLSError):
            return

    def _read(self) -> bytes:
        try:
            return os.read(STDIN, CHUNK)
        except OSError as error:
            self.failure = error
            return b""


def _in_short(negotiated: Negotiated) -> str:
    protocol = f", ALPN {printable(negotiated.application_protocol)}" if negotiated.application_protocol else ""
    certificate = summary(negotiated.peer_certificates[0]) if negotiated.peer_certificates else "none"
    return (
        f"{negotiated.version}, {negotiated.cipher_suite}, {negotiated.group or 'no key exchange'}, "
        f"{identities.proof(negotiated)}{protocol}; certificate {certificate}"
    )


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
