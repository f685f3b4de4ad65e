"""How long records may be, and how they are padded: what was agreed on holds on the wire. RFC 8449, RFC 6066 §4

OpenSSL and Java have max_fragment_length, GnuTLS, NSS and tlslite-ng have record_size_limit, Go and Node neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from driven import Driven, DrivenServer, Serving, echo, reach
from ours import load
from peers import Start
from stacks import ABILITIES, Stack

from certs import Pki
from schemas.code_points import ContentType, MaxFragmentLength
from tls13 import ClientConfig, ServerConfig, TrustStore
from tls13.padding import PadToMultiple

TAG = 16
DATA = bytes(range(256)) * 100
LENGTHS = {
    MaxFragmentLength.bytes_512: 512,
    MaxFragmentLength.bytes_1024: 1024,
    MaxFragmentLength.bytes_2048: 2048,
    MaxFragmentLength.bytes_4096: 4096,
}

each_limit = pytest.mark.parametrize("limit", [512, 1000, 16384])
each_length = pytest.mark.parametrize("length", LENGTHS, ids=lambda length: length.name)


@pytest.fixture
def serve_records(pki: Pki) -> Iterator[Serving]:
    """Our server, an echo whose records can be counted."""
    with ExitStack() as running:

        def run(script: Callable[[Driven], None] = echo, **settings: Any) -> DrivenServer:
            config = ServerConfig(credentials=(load(pki.server("ecdsa-p256")),), **settings)
            return running.enter_context(DrivenServer(config, script))

        yield run


def lengths(wire: bytes | bytearray) -> list[int]:
    """What each protected record on the wire holds: content, its type and padding, in bytes."""
    found = []
    place = 0
    while place < len(wire):
        length = int.from_bytes(wire[place + 3 : place + 5])
        if wire[place] == ContentType.application_data:
            found.append(length - TAG)
        place += 5 + length
    return found


def fill(wire: bytes | bytearray, limit: int) -> None:
    """The records use what they may, and no more."""
    assert max(lengths(wire)) == limit


def keep_to(wire: bytes | bytearray, limit: int) -> None:
    """No record is longer, and that is more than chance."""
    assert limit // 2 < max(lengths(wire)) <= limit


@pytest.mark.parametrize("limit", [512, 1000, 4096])
def test_gnutls_client_and_our_server_limit_each_other(serve_records: Serving, gnutls_cli: Start, limit: int) -> None:
    server = serve_records(script=answer, record_size_limit=600)
    peer = gnutls_cli(server, f"--recordsize={limit}")
    peer.send(DATA)
    assert peer.wait() == 0, peer.text
    assert peer.stdout == DATA
    end = server.end()
    # The option is of content alone, the extension also counts the type.
    fill(end.sent, limit + 1)
    keep_to(end.received, 600)


def answer(tls: Driven) -> None:
    """Whatever comes, all of the data goes back: gnutls-cli forgets what does not fit into one record of its own."""
    tls.handshake()
    tls.receive(1)
    tls.send(DATA)
    tls.part()


def exchange(tls: Driven, data: bytes = DATA) -> Driven:
    """Has it echoed."""
    tls.handshake()
    tls.send(data)
    assert tls.receive(len(data)) == data
    tls.part()
    return tls


def lines(limit: int) -> bytes:
    """Text for a server that gives back whole lines."""
    return (b"x" * (3 * limit) + b"\n") * 2


@each_limit
def test_gnutls_server_limits_our_records(gnutls_serv: Start, trust: TrustStore, limit: int) -> None:
    peer = gnutls_serv("--disable-client-cert", f"--recordsize={limit}").ready()
    config = ClientConfig(trust=trust, record_size_limit=16384)
    with reach(peer.port, config) as tls:
        fill(exchange(tls, lines(limit)).sent, limit + 1)


@pytest.mark.parametrize("limit", [512, 1000, 4000])
def test_we_limit_the_records_of_gnutls_server(gnutls_serv: Start, trust: TrustStore, limit: int) -> None:
    peer = gnutls_serv("--disable-client-cert").ready()
    with reach(peer.port, ClientConfig(trust=trust, record_size_limit=limit)) as tls:
        keep_to(exchange(tls, lines(limit)).received, limit)


@each_limit
def test_we_limit_the_records_of_nss_server(selfserv: Start, trust: TrustStore, tmp_path: Path, limit: int) -> None:
    file = tmp_path / "data"
    file.write_bytes(DATA)
    config = ClientConfig(trust=trust, record_size_limit=limit)
    with reach(selfserv().ready().port, config).handshake() as tls:
        tls.send(f"GET {file} HTTP/1.0\r\n\r\n".encode())
        assert tls.receive(len(DATA)).endswith(DATA)
        keep_to(tls.received, limit)


@each_limit
def test_we_limit_the_records_of_nss_client(serve_records: Serving, tstclnt: Start, limit: int) -> None:
    def read(tls: Driven) -> None:
        tls.handshake()
        tls.receive(len(DATA))
        tls.part()

    server = serve_records(script=read, record_size_limit=limit)
    assert tstclnt(server, request=DATA).wait() == 0
    keep_to(server.end().received, min(limit, 4001))


@pytest.mark.parametrize("stack_name", ["tlslite"])
@each_limit
def test_tlslite_client_and_our_server_limit_each_other(
    serve_records: Serving, stack: Stack, pki: Pki, limit: int
) -> None:
    server = serve_records(record_size_limit=2 * limit if limit < 2000 else limit)
    stack.connect(server.port, ca=pki.ca, size=4 * limit, fragment=limit)
    stack.done()
    end = server.end()
    fill(end.sent, limit)
    keep_to(end.received, min(2 * limit, 16384))


@pytest.mark.parametrize("stack_name", ["tlslite"])
@each_limit
def test_our_client_and_tlslite_server_limit_each_other(stack: Stack, pki: Pki, trust: TrustStore, limit: int) -> None:
    files = pki.server("ecdsa-p256")
    stack.listen(cert=files.certificate, key=files.key, fragment=limit)
    with reach(stack.port, ClientConfig(trust=trust, record_size_limit=600)) as tls:
        exchange(tls)
    stack.done()
    fill(tls.sent, limit)
    keep_to(tls.received, 600)


@each_length
def test_openssl_client_and_our_server_agree_on_a_fragment_length(
    serve_records: Serving, s_client: Start, length: MaxFragmentLength
) -> None:
    server = serve_records()
    peer = s_client(server, "-quiet", "-no_ign_eof", "-nocommands", "-maxfraglen", str(LENGTHS[length]))
    peer.send(DATA)
    peer.wait_for_output(len(DATA))
    peer.close_input()
    assert peer.wait() == 0, peer.text
    end = server.end()
    fill(end.sent, LENGTHS[length] + 1)
    keep_to(end.received, LENGTHS[length] + 1)


@each_length
def test_our_client_and_openssl_server_agree_on_a_fragment_length(
    s_server: Start, trust: TrustStore, length: MaxFragmentLength
) -> None:
    peer = s_server("-quiet", connections=2)
    peer.echo_back()
    peer.ready()
    with reach(peer.port, ClientConfig(trust=trust, max_fragment_length=length)) as tls:
        exchange(tls)
    fill(tls.sent, LENGTHS[length] + 1)
    keep_to(tls.received, LENGTHS[length] + 1)


# Whole packets are what Java is told about, and 4096 it would only ask for if they came to exactly that.
@pytest.mark.parametrize("stack_name", ["java"])
@pytest.mark.parametrize("length", list(LENGTHS)[:3], ids=lambda length: length.name)
def test_java_client_and_our_server_agree_on_a_fragment_length(
    serve_records: Serving, stack: Stack, pki: Pki, length: MaxFragmentLength
) -> None:
    server = serve_records()
    stack.connect(server.port, ca=pki.ca, size=len(DATA), fragment=LENGTHS[length] + 400)
    stack.done()
    end = server.end()
    keep_to(end.sent, LENGTHS[length] + 1)
    keep_to(end.received, LENGTHS[length] + 1)


@pytest.mark.parametrize("stack_name", ["java"])
@each_length
def test_our_client_and_java_server_agree_on_a_fragment_length(
    stack: Stack, pki: Pki, trust: TrustStore, length: MaxFragmentLength
) -> None:
    files = pki.server("ecdsa-p256")
    stack.listen(cert=files.certificate, key=files.key)
    with reach(stack.port, ClientConfig(trust=trust, max_fragment_length=length)) as tls:
        exchange(tls)
    stack.done()
    fill(tls.sent, LENGTHS[length] + 1)
    keep_to(tls.received, LENGTHS[length] + 1)


@pytest.mark.parametrize("stack_name", ABILITIES)
def test_stacks_client_reads_padded_records(serve_records: Serving, stack: Stack, pki: Pki) -> None:
    server = serve_records(padding=PadToMultiple(1000))
    stack.connect(server.port, ca=pki.ca, size=1234, rounds=3)
    stack.done()
    assert {length % 1000 for length in lengths(server.end().sent)} == {0}


@pytest.mark.parametrize("stack_name", ABILITIES)
def test_stacks_server_reads_padded_records(stack: Stack, pki: Pki, trust: TrustStore) -> None:
    files = pki.server("ecdsa-p256")
    stack.listen(cert=files.certificate, key=files.key)
    with reach(stack.port, ClientConfig(trust=trust, padding=PadToMultiple(1000))) as tls:
        exchange(tls)
    stack.done()
    assert all(length % 1000 == 0 or length == 2**14 + 1 for length in lengths(tls.sent))


def test_openssl_client_reads_padded_records(serve_records: Serving, s_client: Start) -> None:
    peer = s_client(serve_records(padding=PadToMultiple(1000)), "-quiet", "-no_ign_eof", "-nocommands")
    peer.send(DATA)
    assert peer.wait_for_output(len(DATA)) == DATA


def test_gnutls_client_reads_padded_records(serve_records: Serving, gnutls_cli: Start) -> None:
    peer = gnutls_cli(serve_records(padding=PadToMultiple(1000)))
    peer.send(DATA)
    assert peer.wait_for_output(len(DATA)) == DATA


def test_gnutls_server_reads_padded_records(gnutls_serv: Start, trust: TrustStore) -> None:
    peer = gnutls_serv("--disable-client-cert").ready()
    with reach(peer.port, ClientConfig(trust=trust, padding=PadToMultiple(1000))) as tls:
        exchange(tls, lines(1000))


def test_nss_client_reads_padded_records(serve_records: Serving, tstclnt: Start) -> None:
    server = serve_records(script=answer, padding=PadToMultiple(1000))
    peer = tstclnt(server)
    assert peer.wait() == 0, peer.text
    assert peer.stdout.endswith(DATA)


def test_nss_server_reads_padded_records(selfserv: Start, trust: TrustStore) -> None:
    config = ClientConfig(trust=trust, padding=PadToMultiple(1000))
    with reach(selfserv().ready().port, config).handshake() as tls:
        tls.send(b"GET nothing HTTP/1.0\r\n\r\n")
        assert tls.receive(1)
