"""curl against `tls13 serve --http`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ours import CIPHER_SUITES
from peers import Peer, installed

from certs import Pki
from schemas.code_points import AlertDescription, CipherSuite

KEY_TYPES = {"rsa": "rsa_pss_rsae_sha256", "ecdsa-p256": "ecdsa_secp256r1_sha256", "ed25519": "ed25519"}
CURVES = {"X25519": "x25519", "P-256": "secp256r1"}


@pytest.fixture(scope="module")
def web_server(pki: Pki) -> Iterator[Callable[..., Peer]]:
    """`tls13 serve --http` on a free port. One process serves all the tests that want the same of it."""
    running: dict[tuple[str, ...], Peer] = {}

    def run(*options: str, key_type: str = "ecdsa-p256") -> Peer:
        wanted = (key_type, *options)
        if wanted not in running:
            files = pki.server(key_type)
            command = ("-m", "tools.main", "serve", "--http", "--port", "0", *options)
            running[wanted] = Peer(sys.executable, *command, "--cert", files.certificate, "--key", files.key)
        return running[wanted].listening(r"(?m)^listening on 127\.0\.0\.1:(\d+)$")

    yield run
    for peer in running.values():
        peer.end()


@pytest.fixture
def curl(start: Callable[..., Peer], pki: Pki) -> Callable[..., Peer]:
    """curl, asking for the server's page. Its notes are on standard error, the page on standard output."""
    program = installed("curl", "curl")

    def run(server: Peer, *options: str | Path, trusted: Path = pki.ca) -> Peer:
        url = f"https://localhost:{server.port}/"
        return start(program, "-q", "-4", "-sS", "-v", "--noproxy", "*", "--cacert", trusted, *options, url)

    return run


def finished(peer: Peer) -> str:
    """curl's notes, once it has its page and is content."""
    assert peer.wait() == 0, peer.text
    return peer.stderr.decode("latin-1")


@pytest.mark.parametrize(
    "http", [(), ("--http1.1",), ("--http1.0", "--no-alpn")], ids=["any HTTP", "HTTP/1.1", "HTTP/1.0"]
)
def test_page_arrives_and_the_certificate_is_verified(
    web_server: Callable[..., Peer], curl: Callable[..., Peer], http: tuple[str, ...]
) -> None:
    peer = curl(web_server(), *http)
    notes = finished(peer)
    assert re.search(r"(?m)^< HTTP/1\.1 200 OK\r?$", notes)
    assert 'subjectAltName: host "localhost" matched cert\'s "localhost"' in notes
    assert "SSL certificate verify ok." in notes
    page = peer.stdout.decode()
    assert re.search(r"(?m)^version +TLS13\b", page)
    assert re.search(r"(?m)^server name +localhost$", page)


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_page_tells_what_curl_has_negotiated(
    web_server: Callable[..., Peer], curl: Callable[..., Peer], suite: CipherSuite, curve: str, key_type: str
) -> None:
    server = web_server(key_type=key_type)
    peer = curl(server, "--tlsv1.3", "--tls13-ciphers", suite.name, "--curves", curve)
    assert f"SSL connection using TLSv1.3 / {suite.name}" in finished(peer)
    page = peer.stdout.decode()
    assert re.search(rf"(?m)^cipher suite +{suite.name}\b", page)
    assert re.search(rf"(?m)^group +{CURVES[curve]}\b", page)
    assert re.search(rf"(?m)^signature scheme +{KEY_TYPES[key_type]}\b", page)
    assert re.search(r"(?m)^HelloRetryRequest +no$", page)


def test_curl_without_a_share_for_our_group_is_asked_again(
    web_server: Callable[..., Peer], curl: Callable[..., Peer]
) -> None:
    peer = curl(web_server("--groups", "secp256r1"), "--curves", "X25519:P-256")
    notes = finished(peer)
    assert len(re.findall(r"\(OUT\), TLS handshake, Client hello", notes)) == 2
    assert re.search(r"(?m)^group +secp256r1\b", peer.stdout.decode())
    assert re.search(r"(?m)^HelloRetryRequest +yes$", peer.stdout.decode())


def test_curl_and_server_agree_on_http_1_1(web_server: Callable[..., Peer], curl: Callable[..., Peer]) -> None:
    peer = curl(web_server())
    assert re.search(r"ALPN: (curl|server) .*accepted.* http/1\.1", finished(peer))
    assert re.search(r"(?m)^ALPN +http/1\.1$", peer.stdout.decode())


def test_curl_that_asks_for_no_application_protocol_is_served(
    web_server: Callable[..., Peer], curl: Callable[..., Peer]
) -> None:
    peer = curl(web_server(), "--no-alpn")
    finished(peer)
    assert re.search(r"(?m)^ALPN +none$", peer.stdout.decode())


def test_connection_ends_with_close_notify(web_server: Callable[..., Peer], curl: Callable[..., Peer]) -> None:
    # By its length alone curl would know the page to be complete, and may be gone before the alert is there.
    said = finished(curl(web_server(), "--ignore-content-length"))
    assert re.search(r"\(IN\), TLS alert, close notify", said)


def test_many_curls_at_once_each_get_their_page(web_server: Callable[..., Peer], curl: Callable[..., Peer]) -> None:
    server = web_server()
    peers = [curl(server) for _ in range(8)]
    pages = set()
    for peer in peers:
        finished(peer)
        client = re.search(r"(?m)^client +(\S+)$", peer.stdout.decode())
        assert client is not None
        pages.add(client[1])
    assert len(pages) == len(peers)


def test_silent_client_keeps_nobody_waiting(
    web_server: Callable[..., Peer], curl: Callable[..., Peer], start: Callable[..., Peer]
) -> None:
    server = web_server()
    silent = start(installed("openssl", "openssl"), "s_client", "-quiet", "-connect", f"127.0.0.1:{server.port}")
    silent.wait_for("verify return:")
    finished(curl(server))
    assert silent.runs


def test_curl_that_knows_another_issuer_is_reported(
    web_server: Callable[..., Peer], curl: Callable[..., Peer], strangers_ca: Path
) -> None:
    server = web_server()
    peer = curl(server, trusted=strangers_ca)
    assert peer.wait() == 60, peer.text
    assert "unknown CA" in peer.text
    server.wait_for(rf"{AlertDescription.unknown_ca.name}")
    finished(curl(server))


def test_curl_of_an_older_version_is_refused(web_server: Callable[..., Peer], curl: Callable[..., Peer]) -> None:
    server = web_server()
    peer = curl(server, "--tls-max", "1.2")
    assert peer.wait() == 35, peer.text
    assert "protocol version" in peer.text
    finished(curl(server))


def test_plain_http_is_told_apart_and_disturbs_nobody(
    web_server: Callable[..., Peer], curl: Callable[..., Peer], start: Callable[..., Peer]
) -> None:
    server = web_server()
    plain = start(installed("curl", "curl"), "-q", "-sS", "--noproxy", "*", f"http://127.0.0.1:{server.port}/")
    assert plain.wait() != 0
    server.wait_for(r"(?i)failed: .*http")
    finished(curl(server))
