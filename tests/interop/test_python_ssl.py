"""Python's own ssl module, as a client of our server and as the server of our client. It is always there: no skips.

Each side of a connection has a thread of its own. The module's sockets don't let two threads read and write at once,
so its client sends and receives by turns.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ours import CIPHER_SUITES, OurServer, Serve, receive, sending
from peers import PATIENCE

from certs import Flaw, KeyFiles, Pki
from schemas.code_points import AlertDescription, CipherSuite, NamedGroup, SignatureScheme
from tls13 import AlertReceived, CertificatePolicy, ClientConfig, Observation, TLSSocket, TruncationError, connect
from tls13.errors import CertificateExpired, NoApplicationProtocol, UnsupportedVersion
from tls13.events import SecretDerived
from tls13.keylog import Label

KEY_TYPES = {
    "rsa": SignatureScheme.rsa_pss_rsae_sha256,
    "ecdsa-p256": SignatureScheme.ecdsa_secp256r1_sha256,
    "ed25519": SignatureScheme.ed25519,
}
GROUPS = (NamedGroup.x25519, NamedGroup.secp256r1)


class PythonServer:
    """Serves one client: gives back what it sends. `outcome` is what the module told of it, or its error."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._outcome: queue.Queue[dict[str, object] | OSError] = queue.Queue()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def outcome(self) -> dict[str, object]:
        """What was agreed on, once the client has gone. Raises what went wrong."""
        outcome = self._outcome.get(timeout=PATIENCE)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    def __enter__(self) -> PythonServer:
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        try:
            transport, _ = self._listener.accept()
            transport.settimeout(PATIENCE)
            with transport, self._context.wrap_socket(transport, True, suppress_ragged_eofs=False) as tls:
                while data := tls.recv(2**16):
                    tls.sendall(data)
                self._outcome.put({"cipher": tls.cipher(), "protocol": tls.selected_alpn_protocol()})
                tls.unwrap().close()
        except OSError as error:
            self._outcome.put(error)


@pytest.fixture
def python_server(pki: Pki) -> Iterator[Callable[..., PythonServer]]:
    """Starts a server; `setup` may change its context."""
    running: list[PythonServer] = []

    def run(
        setup: Callable[[ssl.SSLContext], object] = lambda context: None,
        *,
        key_type: str = "ecdsa-p256",
        files: KeyFiles | None = None,
    ) -> PythonServer:
        shown = files or pki.server(key_type)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown.certificate, shown.key)
        setup(context)
        running.append(PythonServer(context).__enter__())
        return running[-1]

    yield run
    for each in running:
        each.__exit__()


@pytest.fixture
def call(trust: CertificatePolicy) -> Callable[..., TLSSocket]:
    """Connects our client. Settings are those of ClientConfig."""

    def run(server: PythonServer, **settings: Any) -> TLSSocket:
        config = ClientConfig(**{"trust": trust, **settings})
        return connect("127.0.0.1", server.port, config, server_name="localhost", timeout=PATIENCE)

    return run


@pytest.fixture
def context(pki: Pki) -> ssl.SSLContext:
    """A client's, as the documentation of the module recommends it."""
    return ssl.create_default_context(cafile=pki.ca)


def dial(server: OurServer, context: ssl.SSLContext, **options: Any) -> ssl.SSLSocket:
    """Connects Python's client to our server."""
    transport = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    with transport:
        return context.wrap_socket(transport, server_hostname="localhost", suppress_ragged_eofs=False, **options)


def prefer(context: ssl.SSLContext, group: NamedGroup) -> None:
    """x25519 is what OpenSSL takes first anyway, and some releases of the module have no name for it."""
    if group is NamedGroup.secp256r1:
        context.set_ecdh_curve("prime256v1")


def echoed(tls: ssl.SSLSocket, data: bytes) -> bytes:
    """`data` as it comes back, sent and received by turns, so that neither side's buffers fill up."""
    received = bytearray()
    for start in range(0, len(data), 2**16):
        tls.sendall(data[start : start + 2**16])
        while len(received) < min(start + 2**16, len(data)):
            received += tls.recv(2**16)
    return bytes(received)


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_client_and_our_server_agree(
    serve: Serve, context: ssl.SSLContext, suite: CipherSuite, group: NamedGroup, key_type: str
) -> None:
    server = serve(key_type, cipher_suites=(suite,))
    prefer(context, group)
    with dial(server, context) as tls:
        assert echoed(tls, b"hello") == b"hello"
        assert tls.version() == "TLSv1.3"
        cipher = tls.cipher()
        assert cipher is not None
        assert cipher[0] == suite.name
        tls.unwrap().close()
    negotiated = server.negotiated()
    assert (negotiated.cipher_suite, negotiated.group) == (suite, group)
    assert negotiated.signature_scheme is KEY_TYPES[key_type]
    assert negotiated.server_name == "localhost"
    assert server.ending() is None


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_our_client_and_server_agree(
    python_server: Callable[..., PythonServer],
    call: Callable[..., TLSSocket],
    suite: CipherSuite,
    group: NamedGroup,
    key_type: str,
) -> None:
    server = python_server(lambda context: prefer(context, group), key_type=key_type)
    with call(server, cipher_suites=(suite,)) as tls:
        tls.sendall(b"hello")
        assert tls.recv() == b"hello"
        tls.finish()
        assert tls.recv() == b""
        negotiated = tls.negotiated
    assert (negotiated.cipher_suite, negotiated.group) == (suite, group)
    assert negotiated.signature_scheme is KEY_TYPES[key_type]
    # A share goes out for x25519 alone: a server that wants the other has to ask for it.
    assert negotiated.retried == (group is NamedGroup.secp256r1)
    assert server.outcome()["cipher"] == (suite.name, "TLSv1.3", 128 if "128" in suite.name else 256)


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 10_000_000])
def test_payload_of_the_client_comes_back_whole(
    serve: Serve, context: ssl.SSLContext, random_bytes: Callable[[int], bytes], size: int
) -> None:
    payload = random_bytes(size)
    server = serve()
    with dial(server, context) as tls:
        assert echoed(tls, payload) == payload
        tls.unwrap().close()
    assert server.ending() is None


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 10_000_000])
def test_our_payload_comes_back_whole(
    python_server: Callable[..., PythonServer],
    call: Callable[..., TLSSocket],
    random_bytes: Callable[[int], bytes],
    size: int,
) -> None:
    payload = random_bytes(size)
    server = python_server()
    with call(server) as tls:
        with sending(tls.sendall, payload):
            assert receive(tls, len(payload)) == payload
        tls.finish()
        assert tls.recv() == b""
    server.outcome()


@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_client_without_a_share_for_our_group_is_asked_again(
    serve: Serve, context: ssl.SSLContext, suite: CipherSuite
) -> None:
    server = serve(cipher_suites=(suite,), groups=(NamedGroup.secp256r1,))
    with dial(server, context) as tls:
        assert echoed(tls, b"hello") == b"hello"
        tls.unwrap().close()
    assert server.negotiated().retried


@pytest.mark.parametrize("suite", CIPHER_SUITES, ids=lambda suite: suite.name)
def test_both_sides_derive_the_same_secrets_under_the_same_labels(
    serve: Serve, context: ssl.SSLContext, tmp_path: Path, suite: CipherSuite
) -> None:
    ours: set[str] = set()

    def watch(observation: Observation) -> None:
        if isinstance(observation, SecretDerived) and observation.label in Label.__members__:
            ours.add(f"{observation.label} {observation.client_random.hex()} {observation.secret.hex()}")

    theirs = tmp_path / "keylog"
    context.keylog_filename = str(theirs)
    server = serve(cipher_suites=(suite,), observer=watch)
    with dial(server, context) as tls:
        assert echoed(tls, b"hello") == b"hello"
        tls.unwrap().close()
    assert server.ending() is None
    lines = {line for line in theirs.read_text().splitlines() if not line.startswith("#")}
    assert len(lines) == 5
    assert lines == ours


def test_application_protocol_is_agreed_on_with_the_client(serve: Serve, context: ssl.SSLContext) -> None:
    server = serve(application_protocols=("http/1.1", "h2"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with dial(server, context) as tls:
        assert tls.selected_alpn_protocol() == "http/1.1"
    assert server.negotiated().application_protocol == "http/1.1"


def test_client_without_a_common_application_protocol_is_refused(serve: Serve, context: ssl.SSLContext) -> None:
    server = serve(application_protocols=("foo",))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        dial(server, context)
    assert isinstance(server.ending(), NoApplicationProtocol)


def test_application_protocol_is_agreed_on_with_the_server(
    python_server: Callable[..., PythonServer], call: Callable[..., TLSSocket]
) -> None:
    server = python_server(lambda context: context.set_alpn_protocols(["h2", "http/1.1"]))
    with call(server, application_protocols=("foo", "http/1.1", "h2")) as tls:
        assert tls.negotiated.application_protocol == "h2"
    assert server.outcome()["protocol"] == "h2"


def test_server_learns_the_name_that_we_ask_for(
    python_server: Callable[..., PythonServer], call: Callable[..., TLSSocket]
) -> None:
    names: list[str | None] = []

    def learn(context: ssl.SSLContext) -> None:
        context.sni_callback = lambda tls, name, context: names.append(name)

    server = python_server(learn)
    with call(server):
        pass
    server.outcome()
    assert names == ["localhost"]


def test_tickets_are_handed_over(python_server: Callable[..., PythonServer], call: Callable[..., TLSSocket]) -> None:
    def issue_three(context: ssl.SSLContext) -> None:
        context.num_tickets = 3

    with call(python_server(issue_three)) as tls:
        tls.sendall(b"hello")
        assert tls.recv() == b"hello"
        assert len(tls.sessions) == 3


def test_session_of_the_client_goes_on(serve: Serve, context: ssl.SSLContext) -> None:
    server = serve()
    with dial(server, context) as first:
        assert echoed(first, b"hello") == b"hello"
        session, certificate = first.session, first.getpeercert()
        first.unwrap().close()
    assert session is not None
    assert session.has_ticket
    with dial(server, context, session=session) as second:
        assert echoed(second, b"hello") == b"hello"
        assert second.session_reused
        assert second.getpeercert() == certificate
        assert certificate
        second.unwrap().close()
    assert [server.ending(), server.ending()] == [None, None]


def test_request_for_a_certificate_is_answered_with_none(
    python_server: Callable[..., PythonServer], call: Callable[..., TLSSocket], pki: Pki
) -> None:
    def ask(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(pki.ca)

    server = python_server(ask)
    with call(server) as tls:
        tls.sendall(b"hello")
        assert tls.recv() == b"hello"
    server.outcome()


def test_server_that_must_have_a_certificate_says_so(
    python_server: Callable[..., PythonServer], call: Callable[..., TLSSocket], pki: Pki
) -> None:
    def insist(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pki.ca)

    server = python_server(insist)
    with call(server) as tls, pytest.raises(AlertReceived) as refusal:
        tls.recv()
    assert refusal.value.alert is AlertDescription.certificate_required
    with pytest.raises(ssl.SSLError, match=r"(?i)peer.did.not.return.a.certificate"):
        server.outcome()


def test_client_of_an_older_version_is_refused(serve: Serve, context: ssl.SSLContext) -> None:
    server = serve()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        dial(server, context)
    assert isinstance(server.ending(), UnsupportedVersion)


def test_server_of_an_older_version_refuses_us(
    python_server: Callable[..., PythonServer], call: Callable[..., TLSSocket]
) -> None:
    def stay_behind(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    server = python_server(stay_behind)
    with pytest.raises(AlertReceived) as refusal:
        call(server)
    assert refusal.value.alert is AlertDescription.protocol_version
    with pytest.raises(ssl.SSLError):
        server.outcome()


def test_client_that_knows_another_issuer_refuses_us(serve: Serve, strangers_ca: Path) -> None:
    server = serve()
    with pytest.raises(ssl.SSLCertVerificationError):
        dial(server, ssl.create_default_context(cafile=strangers_ca))
    ending = server.ending()
    assert isinstance(ending, AlertReceived)
    assert ending.alert is AlertDescription.unknown_ca


def test_flawed_certificate_is_refused_and_the_server_told_why(
    python_server: Callable[..., PythonServer], call: Callable[..., TLSSocket], pki: Pki
) -> None:
    server = python_server(files=pki.flawed(Flaw.EXPIRED))
    with pytest.raises(CertificateExpired):
        call(server)
    with pytest.raises(ssl.SSLError, match=r"(?i)certificate.expired"):
        server.outcome()


def test_client_that_vanishes_is_no_end_of_data(serve: Serve, context: ssl.SSLContext) -> None:
    server = serve()
    with dial(server, context) as tls:
        assert echoed(tls, b"hello") == b"hello"
    assert isinstance(server.ending(), TruncationError)
