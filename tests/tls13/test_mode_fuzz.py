"""Honest messages of every mode, damaged: a TLSError or none, and never an internal_error for what a peer has sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from by_hand import HANDSHAKE, raw
from endpoints import TICKET_KEY, Endpoints
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Peer
from shared_keys import SharedKey, offering

from schemas.code_points import CertificateCompressionAlgorithm, MaxFragmentLength, SignatureScheme
from schemas.extensions import (
    CertificateAuthorities,
    CertificateStatusRequest,
    CompressCertificate,
    Cookie,
    DelegatedCredentials,
    EarlyDataIndication,
    OCSPStatusRequest,
    OIDFilter,
    OIDFilters,
    RecordSizeLimit,
    StatusRequest,
    TicketRequest,
)
from schemas.handshake import EncryptedExtensions, HandshakeMessage
from tls13.errors import AlertReceived, InternalError, Reason, TLSError
from tls13.handshake.states import (
    ClientConnected,
    ServerConnected,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitEncryptedExtensions,
    WaitEndOfEarlyData,
    WaitLateCertificateVerify,
    WaitLateFinished,
    WaitSecondClientHello,
)
from tls13.sealing import SealingKeys

Way = Callable[[Endpoints], tuple[Peer, HandshakeMessage]]
"""A peer, and what it would say next."""

STRANGER = SharedKey(identity=b"nobody knows it", secret=bytes(48), hash_name="sha384")
UNIMPLEMENTED = [
    StatusRequest.client_hello(CertificateStatusRequest(request=OCSPStatusRequest())),
    CompressCertificate.client_hello([CertificateCompressionAlgorithm.zlib, CertificateCompressionAlgorithm.brotli]),
    DelegatedCredentials.client_hello([SignatureScheme.ed25519]),
]
FILTERS = [
    OIDFilter(
        certificate_extension_oid=bytes.fromhex("0603551d25"),
        certificate_extension_values=bytes.fromhex("300a06082b06010505070303"),
    ),
    OIDFilter(
        certificate_extension_oid=bytes.fromhex("0603551d0f"), certificate_extension_values=bytes.fromhex("03020780")
    ),
]


def psk_hello(endpoints: Endpoints) -> tuple[Peer, HandshakeMessage]:
    client = endpoints.scripted_client(**endpoints.taking_early_data())
    listed = [*client.extensions(), EarlyDataIndication.client_hello(b"")]
    return client, offering(client.client_hello(extensions=listed), TICKET_KEY, STRANGER)


def second_hello(endpoints: Endpoints) -> tuple[Peer, HandshakeMessage]:
    client = endpoints.scripted_client(retry_cookies=SealingKeys()).reach(WaitSecondClientHello)
    assert client.retry is not None
    cookie = Cookie.hello_retry_request.find(client.retry.extensions)
    assert cookie is not None
    hello = client.second_client_hello()
    return client, replace(hello, extensions=[*(hello.extensions or []), Cookie.client_hello(cookie)])


def hello_without_share(endpoints: Endpoints) -> tuple[Peer, HandshakeMessage]:
    client = endpoints.scripted_client(retry_cookies=SealingKeys())
    hello = client.first_hello(WaitSecondClientHello)
    return client, replace(hello, extensions=[*(hello.extensions or []), *UNIMPLEMENTED])


def taken_psk(endpoints: Endpoints) -> tuple[Peer, HandshakeMessage]:
    server = endpoints.resuming_server(early_data=True)
    return server, server.server_hello()


def taken_early_data(endpoints: Endpoints) -> tuple[Peer, HandshakeMessage]:
    server = endpoints.resuming_server(early_data=True).reach(WaitEncryptedExtensions)
    return server, server.encrypted_extensions()


def all_answers(endpoints: Endpoints) -> tuple[Peer, HandshakeMessage]:
    server = endpoints.scripted_server(
        record_size_limit=100, max_fragment_length=MaxFragmentLength.bytes_512, ticket_request=(1, 1)
    ).reach(WaitEncryptedExtensions)
    answers = [RecordSizeLimit.encrypted_extensions(64), TicketRequest.encrypted_extensions(3)]
    return server, EncryptedExtensions(extensions=answers)


def late_request(endpoints: Endpoints) -> tuple[Peer, HandshakeMessage]:
    server = endpoints.scripted_server(post_handshake_auth=True, credentials=endpoints.server_config.credentials)
    honest = server.reach(ClientConnected).certificate_request(b"late")
    wanted = [OIDFilters.certificate_request(FILTERS), CertificateAuthorities.certificate_request([b"0\0"])]
    return server, replace(honest, extensions=[*honest.extensions, *wanted])


def in_state(state: type) -> Way:
    def way(endpoints: Endpoints) -> tuple[Peer, HandshakeMessage]:
        peer = endpoints.peer(state)
        return peer, peer.next_message(ServerConnected)

    way.__name__ = state.__name__
    return way


WAYS = [
    psk_hello,
    second_hello,
    hello_without_share,
    taken_psk,
    taken_early_data,
    all_answers,
    late_request,
    *map(
        in_state,
        (
            WaitEndOfEarlyData,
            WaitClientCertificate,
            WaitClientCertificateVerify,
            WaitLateCertificateVerify,
            WaitLateFinished,
        ),
    ),
]

EDITS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["change", "insert", "drop"]),
        st.binary(min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=4,
)


def damaged(whole: bytes, edits: list[tuple[float, str, bytes]]) -> bytes:
    """With the right length in its header all the same."""
    body = whole[4:]
    for where, how, new in edits:
        at = int(where * len(body))
        rest = body[at:] if how == "insert" else body[at + len(new) :]
        body = body[:at] + (b"" if how == "drop" else new) + rest
    return whole[:1] + len(body).to_bytes(3, "big") + body


@pytest.mark.parametrize("way", WAYS, ids=lambda each: each.__name__)
@settings(max_examples=60)
@given(edits=EDITS)
def test_a_damaged_message_of_every_mode(endpoints: Endpoints, way: Way, edits: list[tuple[float, str, bytes]]) -> None:
    peer, honest = way(endpoints)
    wire = peer.record(HANDSHAKE, damaged(raw(honest), edits))
    error = failure(lambda: peer.connection.receive_data(wire))
    assert error is None or isinstance(error, Reason | AlertReceived)
    assert not isinstance(error, InternalError)
    assert str(error).isprintable()


def failure(act: Callable[[], object]) -> TLSError | None:
    try:
        act()
    except TLSError as error:
        return error
    return None


def test_what_is_damaged_is_honest(endpoints: Endpoints) -> None:
    for way in WAYS:
        peer, honest = way(endpoints)
        state = type(peer.connection.state)
        peer.connection.receive_data(peer.record(HANDSHAKE, raw(honest)))
        assert type(peer.connection.state) is not state or way is late_request
