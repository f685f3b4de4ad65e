"""What the interop tests share: one PKI, our two roles, and the peers that are programs of several test modules."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ours import OurServer, echo
from peers import PATIENCE, Peer

from certs import KeyFiles, Pki, mint
from tls13 import ClientConfig, Credential, ServerConfig, TLSSocket, TrustStore, connect

KEY_TYPES = ("rsa", "ecdsa-p256", "ed25519")


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
def strangers_ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of another PKI, which has signed nothing that our servers show."""
    folder = tmp_path_factory.mktemp("strangers") / "pki"
    return mint(folder, names=["localhost"], now=datetime.now(UTC)).ca


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

        def run(*key_types: str, handler: Callable[[TLSSocket], None] = echo, **settings: object) -> OurServer:
            files = [pki.server(each) for each in key_types or ("ecdsa-p256",)]
            settings.setdefault("credentials", tuple(load(each) for each in files))
            return running.enter_context(OurServer(ServerConfig(**settings), handler))

        yield run


@pytest.fixture
def dial(trust: TrustStore) -> Iterator[Callable[..., TLSSocket]]:
    """Connects our client to a peer that may still be starting. Settings are those of ClientConfig."""
    with contextlib.ExitStack() as running:

        def run(peer: Peer, *, server_name: str = "localhost", **settings: object) -> TLSSocket:
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


def load(files: KeyFiles) -> Credential:
    return Credential.load(files.certificate, files.key)
