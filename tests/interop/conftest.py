"""What the interop tests share: one PKI, our two roles, and the peers that are programs of several test modules."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nss_programs import NICKNAME, PACKAGE, make_database
from ours import OurServer, echo, load
from peers import PATIENCE, POLL, Peer, free_port, installed
from stacks import BUILDERS, Stack

from certs import KeyFiles, Pki, mint
from tls13 import ClientConfig, ServerConfig, TLSSocket, TrustStore, connect

KEY_TYPES = ("rsa", "ecdsa-p256", "ed25519")


@pytest.fixture(scope="session", autouse=True)
def servers_that_stop_at_once() -> Iterator[None]:
    """Hundreds of our servers are stopped here, each of which looks ten times a second whether it is over: too slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tls13.server.POLL_SECONDS", POLL)
        yield


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Servers for localhost, under an intermediate authority as on the Internet."""
    folder = tmp_path_factory.mktemp("interop") / "pki"
    names = ["localhost", "127.0.0.1"]
    return mint(folder, names=names, now=datetime.now(UTC), key_types=KEY_TYPES, intermediate=True)


@pytest.fixture(scope="session")
def trust(pki: Pki) -> TrustStore:
    return TrustStore.load(pki.ca)


@pytest.fixture(scope="session")
def strangers_pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Another PKI, which has signed nothing that our servers show, and nobody that they believe."""
    return mint(tmp_path_factory.mktemp("strangers") / "pki", names=["localhost"], now=datetime.now(UTC))


@pytest.fixture(scope="session")
def strangers_ca(strangers_pki: Pki) -> Path:
    """Its root."""
    return strangers_pki.ca


@pytest.fixture
def random_bytes() -> Callable[[int], bytes]:
    """Content that no compression, line or terminal convention survives, the same in every run."""
    return random.Random(2026).randbytes


@pytest.fixture
def start() -> Iterator[Callable[..., Peer]]:
    """Starts a peer's process, which ends with the test."""
    with contextlib.ExitStack() as running:

        def run(*command: str | Path, port: int = 0) -> Peer:
            peer = Peer(*command, port=port)
            running.callback(peer.end)
            return peer

        yield run


@pytest.fixture
def serve(pki: Pki) -> Iterator[Callable[..., OurServer]]:
    """Starts our server, an echo unless told otherwise. Settings are those of ServerConfig."""
    with contextlib.ExitStack() as running:

        def run(*key_types: str, handler: Callable[[TLSSocket], None] = echo, **settings: Any) -> OurServer:
            files = [pki.server(each) for each in key_types or ("ecdsa-p256",)]
            settings.setdefault("credentials", tuple(load(each) for each in files))
            return running.enter_context(OurServer(ServerConfig(**settings), handler))

        yield run


@pytest.fixture
def dial(trust: TrustStore) -> Iterator[Callable[..., TLSSocket]]:
    """Connects our client to a peer that may still be starting. Settings are those of ClientConfig."""
    with contextlib.ExitStack() as running:

        def run(peer: Peer | Stack, *, server_name: str = "localhost", **settings: Any) -> TLSSocket:
            settings.setdefault("trust", trust)
            config = ClientConfig(**settings)
            while True:
                try:
                    tls = connect("127.0.0.1", peer.port, config, server_name=server_name, timeout=PATIENCE)
                except ConnectionRefusedError:
                    peer.pause()
                else:
                    return running.enter_context(tls)

        yield run


@pytest.fixture(scope="session")
def all_stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stack]]:
    """Builds the program of a stack when it is first wanted, and keeps it."""
    built: dict[str, Stack] = {}

    def one(name: str) -> Stack:
        if name not in built:
            built[name] = Stack(name, BUILDERS[name](tmp_path_factory.mktemp(name)))
        return built[name]

    yield one
    for stack in built.values():
        stack.end()


@pytest.fixture
def stack(all_stacks: Callable[[str], Stack], stack_name: str) -> Iterator[Stack]:
    """The stack of that name, with nothing left in it from the test before."""
    one = all_stacks(stack_name)
    yield one
    one.settle()


@pytest.fixture
def s_client(start: Callable[..., Peer], pki: Pki) -> Callable[..., Peer]:
    """s_client, which validates our chain and the name localhost. It talks until its input is closed."""
    program = installed("openssl", "openssl")

    def run(server: OurServer, *options: str | Path, trusted: Path = pki.ca) -> Peer:
        names = () if "-noservername" in options or "-servername" in options else ("-servername", "localhost")
        trust = ("-CAfile", trusted, "-verify_return_error", "-verify_hostname", "localhost")
        return start(program, "s_client", "-connect", f"127.0.0.1:{server.port}", *trust, *names, *options)

    return run


@pytest.fixture(scope="session")
def intermediate(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate between the root and the servers, alone, as s_server wants it."""
    _, _own, between = pki.server("rsa").certificate.read_text().split("-----BEGIN ", 2)
    file = tmp_path_factory.mktemp("openssl") / "intermediate.pem"
    file.write_text(f"-----BEGIN {between}")
    return file


@pytest.fixture
def s_server(start: Callable[..., Peer], pki: Pki, intermediate: Path) -> Callable[..., Peer]:
    """s_server, with a certificate for localhost. It ends when `connections` clients have gone."""
    program = installed("openssl", "openssl")

    def run(
        *options: str | Path, key_type: str = "ecdsa-p256", files: KeyFiles | None = None, connections: int = 1
    ) -> Peer:
        shown = files or pki.server(key_type)
        identity = ("-cert", shown.certificate, "-key", shown.key, "-cert_chain", intermediate)
        rest = ("-naccept", str(connections), *identity, *options)
        if "-quiet" in options:
            port = free_port()
            return start(program, "s_server", "-accept", f"127.0.0.1:{port}", *rest, port=port)
        peer = start(program, "s_server", "-accept", "127.0.0.1:0", *rest)
        return peer.listening(r"(?m)^ACCEPT 127\.0\.0\.1:(\d+)$")

    return run


@pytest.fixture
def gnutls_cli(start: Callable[..., Peer], pki: Pki, tmp_path: Path) -> Callable[..., Peer]:
    """gnutls-cli, which validates our chain and the name localhost. What it tells goes to its log, all but data."""
    program = installed("gnutls-cli", "gnutls-bin")

    def run(server: OurServer, *options: str | Path, trusted: Path = pki.ca) -> Peer:
        log = ("--logfile", tmp_path / "log")
        names = ("--sni-hostname", "localhost", "--verify-hostname", "localhost")
        return start(program, "--port", str(server.port), "--x509cafile", trusted, *log, *names, *options, "127.0.0.1")

    return run


@pytest.fixture
def log(tmp_path: Path) -> Callable[[], str]:
    """What gnutls-cli has told."""
    return (tmp_path / "log").read_text


@pytest.fixture
def gnutls_serv(start: Callable[..., Peer], pki: Pki) -> Callable[..., Peer]:
    """gnutls-serv, an echo of lines."""
    program = installed("gnutls-serv", "gnutls-bin")

    def run(*options: str, key_type: str = "ecdsa-p256", files: KeyFiles | None = None) -> Peer:
        port = free_port()
        shown = files or pki.server(key_type)
        identity = ("--x509certfile", shown.certificate, "--x509keyfile", shown.key)
        return start(program, "--echo", "--port", str(port), *identity, *options, port=port)

    return run


@pytest.fixture(scope="session")
def database(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """A database for each combination of root and key that is wanted, made once."""
    folder = tmp_path_factory.mktemp("nss")
    made: dict[tuple[Path, Path | None], str] = {}

    def one(files: KeyFiles | None = None, *, trusted: Path = pki.ca) -> str:
        wanted = (trusted, files.certificate if files else None)
        if wanted not in made:
            made[wanted] = make_database(folder / str(len(made)), trusted, files)
        return made[wanted]

    return one


@pytest.fixture
def tstclnt(start: Callable[..., Peer], database: Callable[..., str], tmp_path: Path) -> Callable[..., Peer]:
    """tstclnt, which validates our chain and the name localhost."""
    program = installed("tstclnt", PACKAGE)

    def run(
        server: OurServer, *options: str, request: bytes = b"hello\n", db: str = "", name: str = "localhost"
    ) -> Peer:
        file = tmp_path / "request"
        file.write_bytes(request)
        address = ("-4", "-h", "127.0.0.1", "-p", str(server.port), "-a", name)
        return start(program, *address, "-d", db or database(), "-V", "tls1.3:tls1.3", "-v", "-A", file, *options)

    return run


@pytest.fixture(scope="session")
def selfserv(pki: Pki, database: Callable[..., str]) -> Iterator[Callable[..., Peer]]:
    """selfserv on a free port. One process serves all the tests that want the same of it."""
    program = installed("selfserv", PACKAGE)
    running: dict[tuple[str, ...], Peer] = {}

    def run(*options: str, key_type: str = "ecdsa-p256", files: KeyFiles | None = None) -> Peer:
        db = database(files or pki.server(key_type))
        wanted = (db, *options)
        if wanted not in running:
            port = free_port()
            command = ("-n", NICKNAME, "-p", str(port), "-d", db, "-V", "tls1.3:tls1.3", "-v", *options)
            running[wanted] = Peer(program, *command, port=port)
        return running[wanted]

    yield run
    for peer in running.values():
        peer.end()
