"""Both ends of a connection in one process, over memory: this project's, OpenSSL's by Python's `ssl`, tlslite-ng's.

Whatever they can be told alike, they are: the certificate, X25519, no tickets. Ours and OpenSSL's client validate the
certificate; tlslite-ng has no means to.
"""

from __future__ import annotations

import errno
import ssl
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from bench.contenders import Task
from certs import Pki, mint
from schemas.code_points import CipherSuite, NamedGroup
from tls13.config import ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.events import DataReceived
from tls13.sessions import Session
from tls13.x509.credentials import Credential
from tls13.x509.trust import TrustStore

SERVER_NAME = "www.example.org"
AES_128 = CipherSuite.TLS_AES_128_GCM_SHA256


def configs(key_type: str, suite: CipherSuite = AES_128) -> tuple[ClientConfig, ServerConfig]:
    """Ours, for a server certificate of that type of key."""
    files = pki().server(key_type)
    credential = Credential.load(files.certificate, files.key)
    client = ClientConfig(
        trust=TrustStore.load(pki().ca), cipher_suites=(suite,), groups=(NamedGroup.x25519,), key_shares=1
    )
    server = ServerConfig(credentials=(credential,), cipher_suites=(suite,), groups=(NamedGroup.x25519,), tickets=0)
    return client, server


def connected(
    client: ClientConfig, server: ServerConfig, session: Session | None = None
) -> tuple[Connection, Connection]:
    """Both ends of ours after a handshake, which is a resumption if there is a session."""
    ends = Connection.client(client, SERVER_NAME, session), Connection.server(server)
    exchange(*ends)
    return ends


def session_of(client: ClientConfig, server: ServerConfig) -> Session:
    """What a full handshake leaves for the next one."""
    found: list[Session] = []
    connected(replace(client, on_session=found.append), replace(server, tickets=1))
    resumed, _ = connected(client, server, found[0])
    if resumed.negotiated is None or not resumed.negotiated.resumed:
        raise RuntimeError("the server does not take its own ticket")
    return found[0]


def exchange(client: Connection, server: Connection) -> None:
    """Carries bytes to and fro until neither end has more to say."""
    while client.has_data_to_send or server.has_data_to_send:
        if client.has_data_to_send:
            server.receive_data(client.data_to_send())
        if server.has_data_to_send:
            client.receive_data(server.data_to_send())


def our_bulk(suite: CipherSuite, data: bytes) -> Task:
    """`data` from the client to the server and back, between connected ends of ours."""
    client, server = connected(*configs("ed25519", suite))

    def task() -> None:
        for sender, receiver in ((client, server), (server, client)):
            sender.send(data)
            events = receiver.receive_data(sender.data_to_send())
            if sum(len(each.data) for each in events if isinstance(each, DataReceived)) != len(data):
                raise RuntimeError("not all of the data came through")

    return task


class OpenSSL:
    """Both ends as `ssl` makes them, with a memory BIO for each direction of each end."""

    def __init__(self, key_type: str) -> None:
        self.client_context = ssl.create_default_context(cafile=str(pki().ca))
        self.server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        files = pki().server(key_type)
        self.server_context.load_cert_chain(files.certificate, files.key)
        self.server_context.num_tickets = 0
        for context in (self.client_context, self.server_context):
            context.minimum_version = ssl.TLSVersion.TLSv1_3

    def handshake(self) -> list[tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]]:
        """Client and server after a handshake, each with what it reads from and writes to."""
        client_reads, client_writes, server_reads, server_writes = (ssl.MemoryBIO() for _ in range(4))
        client = self.client_context.wrap_bio(client_reads, client_writes, server_hostname=SERVER_NAME)
        server = self.server_context.wrap_bio(server_reads, server_writes, server_side=True)
        with suppress(ssl.SSLWantReadError):
            client.do_handshake()
        server_reads.write(client_writes.read())
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
        client_reads.write(server_writes.read())
        client.do_handshake()
        server_reads.write(client_writes.read())
        server.do_handshake()
        return [(client, client_reads, client_writes), (server, server_reads, server_writes)]

    def bulk(self, suite: CipherSuite, data: bytes) -> Task:
        """As `our_bulk`. Raises RuntimeError where OpenSSL chose another suite."""
        client, server = self.handshake()
        chosen = client[0].cipher()
        if chosen is None or chosen[0] != suite.name:
            raise RuntimeError(f"OpenSSL chose {chosen}, where {suite.name} is to be measured")

        def task() -> None:
            for (sender, _, sent), (receiver, received, _) in ((client, server), (server, client)):
                sender.write(data)
                received.write(sent.read())
                left = len(data)
                while left:
                    left -= len(receiver.read(left))

        return task


def tlslite_handshake(key_type: str) -> Task:
    """A handshake of tlslite-ng with itself. Raises ImportError where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what a peer imports is not our concern
        from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, 4)
    settings.cipherNames = ["aes128gcm"]
    settings.eccCurves = settings.keyShares = ["x25519"]
    settings.defaultCurve = "x25519"
    files = pki().server(key_type)
    chain = X509CertChain()
    chain.parsePemList(files.certificate.read_text())
    key = parsePEMKey(files.key.read_text(), private=True)

    def task() -> None:
        to_client, to_server = bytearray(), bytearray()
        client, server = TLSConnection(Pipe(to_client, to_server)), TLSConnection(Pipe(to_server, to_client))
        ends: list[Iterator[Any]] = [
            client.handshakeClientCert(settings=settings, serverName=SERVER_NAME, async_=True),
            server.handshakeServerAsync(certChain=chain, privateKey=key, settings=settings),
        ]
        # Each gives something when it waits for bytes, and ends when it is connected.
        while ends:
            ends = [end for end in ends if next(end, None) is not None]

    return task


class Pipe:
    """What tlslite-ng takes for a non-blocking socket."""

    def __init__(self, reads: bytearray, writes: bytearray) -> None:
        self._reads = reads
        self._writes = writes

    def send(self, data: bytes) -> int:
        self._writes.extend(data)
        return len(data)

    def sendall(self, data: bytes) -> None:
        self.send(data)

    def recv(self, length: int) -> bytes:
        if not self._reads:
            raise BlockingIOError(errno.EWOULDBLOCK, "nothing to read yet")
        data = bytes(self._reads[:length])
        del self._reads[:length]
        return data

    def close(self) -> None:
        """For the library, when a handshake fails. There is nothing to close."""


@cache
def pki() -> Pki:
    """Certificates for this run, in a folder that goes away with the process."""
    folder = tempfile.TemporaryDirectory(prefix="tls13-bench-")
    _folders.append(folder)
    return mint(Path(folder.name), names=[SERVER_NAME], now=datetime.now(UTC))


_folders: list[tempfile.TemporaryDirectory[str]] = []
