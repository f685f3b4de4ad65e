"""Our server keeps nothing between its HelloRetryRequest and the answer: every client brings the cookie back.

Our client brings back that of NSS's server, and in test_openssl_server OpenSSL's. The others send none over TCP.
RFC 9846 §4.3.2
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from driven import Driven, DrivenServer, echo, reach
from ours import load
from peers import Start
from stacks import ABILITIES, Stack

from certs import Pki
from schemas.code_points import CipherSuite, NamedGroup
from schemas.extensions import Cookie
from schemas.handshake import ClientHello
from tls13 import ClientConfig, Observation, ServerConfig, TrustStore
from tls13.events import MessageObserved, Observer
from tls13.sealing import SealingKeys

Settings = Callable[..., ServerConfig]

SUITES = (CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384)
each_hash = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)


@pytest.fixture
def cookies() -> list[bytes | None]:
    """The cookies of the ClientHellos, as they come."""
    return []


@pytest.fixture
def stateless(pki: Pki, note: Observer) -> Settings:
    """Our server, which wants a group that nobody sends a share for."""

    def config(suite: CipherSuite) -> ServerConfig:
        return ServerConfig(
            credentials=(load(pki.server("ecdsa-p256")),),
            cipher_suites=(suite,),
            groups=(NamedGroup.secp384r1,),
            retry_cookies=SealingKeys(),
            observer=note,
        )

    return config


@pytest.fixture
def note(cookies: list[bytes | None]) -> Observer:
    def watch(observation: Observation) -> None:
        if isinstance(observation, MessageObserved) and isinstance(observation.message, ClientHello):
            cookies.append(Cookie.client_hello.find(observation.message.extensions))

    return watch


def came_back(tls: Driven, cookies: list[bytes | None]) -> None:
    assert tls.negotiated.retried
    first, second = cookies
    assert first is None
    assert second


@each_hash
def test_openssl_client(stateless: Settings, cookies: list[bytes | None], s_client: Start, suite: CipherSuite) -> None:
    with DrivenServer(stateless(suite), echo) as server:
        peer = s_client(server)
        peer.send(b"hello\n")
        peer.wait_for("(?m)^hello$")
        peer.close_input()
        assert peer.wait() == 0, peer.text
        came_back(server.end(), cookies)


@each_hash
def test_gnutls_client(stateless: Settings, cookies: list[bytes | None], gnutls_cli: Start, suite: CipherSuite) -> None:
    with DrivenServer(stateless(suite), echo) as server:
        peer = gnutls_cli(server)
        peer.send(b"hello\n")
        peer.wait_for_output(len(b"hello\n"))
        peer.close_input()
        assert peer.wait() == 0, peer.text
        came_back(server.end(), cookies)


@each_hash
def test_nss_client(stateless: Settings, cookies: list[bytes | None], tstclnt: Start, suite: CipherSuite) -> None:
    def answer(tls: Driven) -> None:
        tls.handshake()
        tls.send(tls.receive(1))
        tls.part()

    with DrivenServer(stateless(suite), answer) as server:
        peer = tstclnt(server, "-I", "x25519,P384")
        assert peer.wait() == 0, peer.text
        came_back(server.end(), cookies)


@each_hash
@pytest.mark.parametrize("stack_name", ABILITIES)
def test_stacks_client(
    stateless: Settings, cookies: list[bytes | None], stack: Stack, pki: Pki, suite: CipherSuite
) -> None:
    with DrivenServer(stateless(suite), echo) as server:
        stack.connect(server.port, ca=pki.ca, groups="x25519,secp384r1")
        stack.done()
        came_back(server.end(), cookies)


@each_hash
def test_nss_server(
    cookies: list[bytes | None], note: Observer, selfserv: Start, trust: TrustStore, suite: CipherSuite
) -> None:
    config = ClientConfig(trust=trust, cipher_suites=(suite,), observer=note)
    with reach(selfserv("-I", "P384").ready().port, config).handshake() as tls:
        tls.send(b"GET nothing HTTP/1.0\r\n\r\n")
        assert tls.receive(1)
        came_back(tls, cookies)
