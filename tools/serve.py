"""`tls13 serve`: an echo server, or a web server of one page, for trying TLS 1.3 clients."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated

import typer

from tls13 import (
    ClientAuthentication,
    Credential,
    EarlyDataPolicy,
    Server,
    ServerConfig,
    TLSError,
    TLSSocket,
    TrustStore,
)
from tls13.capture import Direction
from tls13.events import Negotiated
from tls13.printable import printable
from tls13.x509.server_name import parse_server_name
from tools.certificates import summary
from tools.exit_status import ExitStatus
from tools.failures import CommandError, one_line, reports_failures
from tools.talking import identities, options
from tools.talking.addresses import Address
from tools.talking.recorder import Record, Recorder, Tap, endpoint, recording
from tools.talking.status_page import PROTOCOLS, answer_request
from tools.talking.watch import watching

GOODBYE_SECONDS = 1.0

Talk = Callable[[TLSSocket, str], str]
"""Serves the client at an address; gives what happened, in one line."""


@reports_failures
def serve(
    cert: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Certificate chain, PEM; once for each that a client may want."),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Its private key, PEM or DER; once for each --cert, in the same order."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="NUMBER", help="TCP port; 0 takes any that is free.")
    ] = 4433,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 or :: for all.")
    ] = "127.0.0.1",
    http: Annotated[
        bool,
        typer.Option("--http/--echo", help="Answer with a web page of what was negotiated, or send back what comes."),
    ] = False,
    alpn: options.Protocols = None,
    cipher_suites: options.CipherSuites = None,
    groups: options.Groups = None,
    psk: identities.Psks = None,
    client_ca: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ask who the client is, and take certificates of these authorities, PEM."),
    ] = None,
    client_optional: Annotated[
        bool, typer.Option("--client-optional", help="With --client-ca: serve clients without a certificate too.")
    ] = False,
    tickets: Annotated[int, typer.Option(min=0, max=255, metavar="NUMBER", help="Tickets after each handshake.")] = 1,
    early_data: Annotated[
        int, typer.Option(min=0, max=2**24, metavar="BYTES", help="Take so much early data of a client; 0 takes none.")
    ] = 0,
    timeout: options.IdleTimeout = 600.0,
    keylog: options.KeyLogFile = None,
    pcapng: options.CaptureFile = None,
    verbose: options.Verbosity = 0,
) -> None:
    """Answer TLS 1.3 clients, many at once.

    Prints `listening on HOST:PORT` on standard output, then a line for each client on standard error when it has gone.
    With several certificates, each client gets the first whose name it asks for and whose signature it can verify.
    Ctrl-C or SIGTERM tells the clients goodbye and ends with status 0.

    \b
    Examples:
      tls13 certs pki
      tls13 serve --cert pki/server-ecdsa-p256.pem --key pki/server-ecdsa-p256.key
      tls13 serve --cert rsa.pem --key rsa.key --cert ed.pem --key ed.key --http --port 8443
      curl --cacert pki/ca.pem https://localhost:8443/
      tls13 serve --cert rsa.pem --key rsa.key --pcapng served.pcapng
      tls13 serve --cert rsa.pem --key rsa.key --client-ca pki/ca.pem --early-data 4096
      tls13 serve --psk sensor=@secret.hex
    """
    if client_optional and client_ca is None:
        raise CommandError("--client-optional without --client-ca", "name whom to trust", status=ExitStatus.USAGE)
    with ExitStack() as stack:
        recorder = stack.enter_context(recording(pcapng, Direction.server))
        client = _CurrentClient(recorder)
        observer = stack.enter_context(watching(Direction.server, verbose, keylog, client.name, recorder))
        config = ServerConfig(
            credentials=_credentials(cert or [], key or [], needed=not psk),
            psks=identities.psks(psk),
            tickets=tickets,
            early_data=EarlyDataPolicy(max_size=early_data) if early_data else None,
            client_authentication=_authentication(client_ca, required=not client_optional),
            cipher_suites=options.cipher_suites(cipher_suites),
            groups=options.groups(groups),
            application_protocols=_protocols(alpn, http=http),
            observer=observer,
        )
        clients = _Clients(client, answer_request if http else _echo)
        server = _listen(Address(str(parse_server_name(host)), port), config, clients, client, timeout)
        _serve_until_stopped(server, clients)


class _CurrentClient(threading.local):
    """Whom this thread serves: the server gives each client a thread of its own."""

    def __init__(self, recorder: Recorder | None) -> None:
        self._recorder = recorder
        self._record: Record | None = None
        self.address = ""

    def begin(self, address: tuple[str, int], own: tuple[str, int]) -> Tap | None:
        """Called in the client's thread before anything else is: the tap of the capture, if there is one."""
        self.address = str(Address(*address))
        if self._recorder is None:
            return None
        self._record = self._recorder.open(endpoint(own), endpoint(address))
        return self._record.tap

    def end(self) -> None:
        """The connection has been closed."""
        if self._record is not None:
            self._record.close()

    def name(self) -> str:
        return self.address


class _Clients:
    """Serves each client, logs what became of it, and knows who is there."""

    def __init__(self, current: _CurrentClient, talk: Talk) -> None:
        self._current = current
        self._talk = talk
        self._present: set[TLSSocket] = set()
        self._changed = threading.Condition()

    def serve(self, tls: TLSSocket) -> None:
        """The server's handler."""
        with self._changed:
            self._present.add(tls)
        try:
            outcome = self._talk(tls, self._current.address)
            _log(self._current.address, f"{outcome}; {_in_short(tls.negotiated)}")
            tls.close()
            self._current.end()
        finally:
            with self._changed:
                self._present.discard(tls)
                self._changed.notify_all()

    def failed(self, address: tuple[str, int], error: Exception) -> None:
        """The server's on_error, called when the connection has been closed."""
        self._current.end()
        what = "silent for too long" if isinstance(error, TimeoutError) else one_line(error)
        _log(str(Address(*address)), f"failed: {what}")

    def dismiss(self) -> None:
        """close_notify to everyone, and a moment for them to say their own."""
        with self._changed:
            present = list(self._present)
        for tls in present:
            # Who is gone already, or has failed, is told of by their own thread.
            with suppress(OSError, TLSError):
                tls.finish()
        with self._changed:
            self._changed.wait_for(lambda: not self._present, GOODBYE_SECONDS)


def _serve_until_stopped(server: Server, clients: _Clients) -> None:
    """Serves in a thread of its own, so that a signal interrupts nothing but this one's waiting."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with server:
        print(f"listening on {Address(*server.address)}", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
    clients.dismiss()


def _listen(
    address: Address, config: ServerConfig, clients: _Clients, current: _CurrentClient, timeout: float
) -> Server:
    try:
        return Server(
            (address.host, address.port),
            config,
            clients.serve,
            on_error=clients.failed,
            idle_timeout=timeout,
            tap=current.begin,
        )
    except OSError as error:
        raise CommandError(
            f"can't listen on {address}: {error.strerror or error}",
            "choose another --port (0 takes any that is free) or --host",
            status=ExitStatus.USAGE,
        ) from error


def _credentials(certs: list[Path], keys: list[Path], *, needed: bool) -> tuple[Credential, ...]:
    if needed and not certs:
        raise CommandError(
            "a server needs a certificate and its key",
            "give --cert FILE --key FILE; `tls13 certs pki` mints some",
            status=ExitStatus.USAGE,
        )
    return identities.credentials(certs, keys)


def _authentication(ca: Path | None, *, required: bool) -> ClientAuthentication | None:
    return None if ca is None else ClientAuthentication(policy=TrustStore.load(ca), required=required)


def _protocols(alpn: list[str] | None, *, http: bool) -> tuple[str, ...]:
    chosen = options.protocols(alpn)
    if not http:
        return chosen
    if not set(chosen) <= set(PROTOCOLS):
        raise typer.BadParameter(f"--http speaks {' and '.join(PROTOCOLS)}: leave --alpn out", param_hint="'--alpn'")
    return chosen or PROTOCOLS


def _echo(tls: TLSSocket, peer: str) -> str:
    count = len(tls.early_data)
    tls.sendall(tls.early_data)
    while data := tls.recv():
        tls.sendall(data)
        count += len(data)
    return f"{count} bytes echoed"


def _in_short(negotiated: Negotiated) -> str:
    name = printable(negotiated.server_name) if negotiated.server_name else "no server name"
    protocol = f" {printable(negotiated.application_protocol)}" if negotiated.application_protocol else ""
    client = f", client {summary(negotiated.peer_certificates[0])}" if negotiated.peer_certificates else ""
    group = negotiated.group or "no key exchange"
    return f"{negotiated.cipher_suite} {group} {identities.proof(negotiated)} {name}{protocol}{client}"


def _log(peer: str, line: str) -> None:
    """One line on standard error, in one write. Where nobody reads it, the clients are served all the same."""
    try:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {peer} {line}\n")
        sys.stderr.flush()
    except OSError:
        return
