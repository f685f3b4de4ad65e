"""What our client says in a handshake that goes well. RFC 9846 §4"""

from __future__ import annotations

from dataclasses import replace

import pytest
from by_hand import AEADS, HANDSHAKE, message, plaintext, raw, with_extension
from endpoints import Endpoints
from scripted import ScriptedServer

from schemas.code_points import CipherSuite, ExtensionType, NamedGroup, ProtocolVersion, SignatureScheme
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    Cookie,
    KeyShare,
    ServerNameIndication,
    SignatureAlgorithms,
    SignatureAlgorithmsCert,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import CertificateRequest, EncryptedExtensions
from tls13 import errors
from tls13.events import HandshakeCompleted
from tls13.handshake.states import (
    ClientConnected,
    State,
    WaitCertificateOrRequest,
    WaitEncryptedExtensions,
    WaitServerFinished,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)

UNKNOWN = Extension(extension_type=ExtensionType(0xFADE), extension_data=b"to be ignored")


def hello_of(endpoints: Endpoints, server_name: str = "localhost", **changes: object) -> ScriptedServer:
    return ScriptedServer(endpoints.client(server_name, **changes), endpoints.identity)


@pytest.mark.parametrize(
    ("given", "sent"),
    [("localhost", b"localhost"), ("LocalHost.", b"localhost"), ("bücher.example", b"xn--bcher-kva.example")],
)
def test_the_server_name_goes_out_as_an_a_label(endpoints: Endpoints, given: str, sent: bytes) -> None:
    names = ServerNameIndication.client_hello.find(hello_of(endpoints, given).client_hello.extensions)
    assert [each.name for each in names or []] == [sent]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_address_is_no_server_name(endpoints: Endpoints, address: str) -> None:
    assert ServerNameIndication.client_hello.find(hello_of(endpoints, address).client_hello.extensions) is None


@pytest.mark.parametrize("name", ["", "two words", "a..b", "x" * 300])
def test_a_name_that_is_none_is_refused_before_anything_is_sent(endpoints: Endpoints, name: str) -> None:
    with pytest.raises(errors.ConfigurationError):
        endpoints.client(name)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_key_share_goes_out_for_as_many_groups_as_asked(endpoints: Endpoints, number: int) -> None:
    groups = (NamedGroup.secp256r1, NamedGroup.x25519)
    hello = hello_of(endpoints, groups=groups, key_shares=number)
    assert list(hello.client_shares) == list(groups[:number])
    assert SupportedGroups.client_hello.find(hello.client_hello.extensions) == list(groups)


def test_two_connections_share_neither_key_nor_random_nor_session_id(endpoints: Endpoints) -> None:
    one, other = hello_of(endpoints), hello_of(endpoints)
    assert one.client_shares != other.client_shares
    assert one.client_hello.random != other.client_hello.random
    assert one.client_hello.legacy_session_id != other.client_hello.legacy_session_id


def test_the_hello_lists_what_the_config_lists_in_its_order(endpoints: Endpoints) -> None:
    suites = (CipherSuite.TLS_CHACHA20_POLY1305_SHA256, CipherSuite.TLS_AES_128_GCM_SHA256)
    schemes = (SignatureScheme.rsa_pss_rsae_sha512, SignatureScheme.ed25519)
    hello = hello_of(
        endpoints, cipher_suites=suites, signature_schemes=schemes, application_protocols=("h2", "http/1.1")
    ).client_hello
    assert hello.cipher_suites == list(suites)
    assert SignatureAlgorithms.client_hello.find(hello.extensions) == list(schemes)
    assert ApplicationLayerProtocolNegotiation.client_hello.find(hello.extensions) == [b"h2", b"http/1.1"]
    assert SupportedVersions.client_hello.find(hello.extensions) == [ProtocolVersion.TLS13]
    assert hello.legacy_version is ProtocolVersion.TLS12
    assert hello.legacy_compression_methods == b"\0"


def test_certificates_may_be_signed_with_what_every_implementation_must_support(endpoints: Endpoints) -> None:
    """RFC 9846 §9.1: rsa_pkcs1_sha256 for certificates; §4.3.3: where that is said."""
    extensions = hello_of(endpoints).client_hello.extensions
    schemes = SignatureAlgorithms.client_hello.find(extensions) or []
    for_certificates = SignatureAlgorithmsCert.client_hello.find(extensions) or schemes
    mandatory = {
        SignatureScheme.rsa_pkcs1_sha256,
        SignatureScheme.rsa_pss_rsae_sha256,
        SignatureScheme.ecdsa_secp256r1_sha256,
    }
    assert mandatory <= set(for_certificates)
    # OpenSSL's server goes by the list even for a certificate that is signed by its own key.
    assert set(schemes) <= set(for_certificates)


def test_only_the_first_hello_has_the_old_record_version(endpoints: Endpoints) -> None:
    client = endpoints.client()
    assert client.data_to_send()[:3] == b"\x16\x03\x01"
    server = endpoints.scripted_server()
    retry = plaintext(HANDSHAKE, raw(server.hello_retry_request()))
    server.connection.receive_data(retry)
    wire = server.connection.data_to_send()
    assert wire[:6] == plaintext(20, b"\x01")
    assert wire[6:9] == b"\x16\x03\x03"


def test_the_event_tells_what_was_negotiated(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server(application_protocols=("h2", "h3")).reach(WaitEncryptedExtensions)
    server.say(EncryptedExtensions(extensions=[ApplicationLayerProtocolNegotiation.encrypted_extensions([b"h3"])]))
    server.reach(ClientConnected)
    (completed,) = server.events
    assert isinstance(completed, HandshakeCompleted)
    negotiated = completed.negotiated
    assert negotiated == server.connection.negotiated
    assert negotiated.version is ProtocolVersion.TLS13
    assert negotiated.cipher_suite is CipherSuite.TLS_AES_128_GCM_SHA256
    assert negotiated.group is NamedGroup.x25519
    assert negotiated.signature_scheme is SignatureScheme.ed25519
    assert negotiated.server_name == "localhost"
    assert negotiated.application_protocol == "h3"
    assert negotiated.peer_certificates == endpoints.identity.chain
    assert not negotiated.retried


@pytest.mark.parametrize("state", [WaitServerHello, WaitEncryptedExtensions, WaitServerFinished])
def test_nothing_is_negotiated_until_the_handshake_is_complete(endpoints: Endpoints, state: type[State]) -> None:
    assert endpoints.scripted_server().reach(state).connection.negotiated is None


@pytest.mark.parametrize("suite", AEADS)
def test_a_server_may_choose_any_suite_of_ours(endpoints: Endpoints, suite: CipherSuite) -> None:
    server = ScriptedServer(endpoints.client(), endpoints.identity, suite).reach(ClientConnected)
    assert server.connection.negotiated is not None
    assert server.connection.negotiated.cipher_suite is suite


def test_the_second_hello_is_the_first_but_for_its_key_share_and_the_cookie(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server(application_protocols=("h2",))
    first = server.client_hello
    server.say(server.hello_retry_request(NamedGroup.secp256r1, cookie=b"remember me"))
    second = server.client_hello
    shares = KeyShare.client_hello.find(second.extensions)
    assert shares is not None
    assert [each.group for each in shares] == [NamedGroup.secp256r1]
    assert Cookie.client_hello.find(second.extensions) == b"remember me"
    assert Cookie.client_hello.find(first.extensions) is None
    expected = with_extension(first.extensions, KeyShare.client_hello(shares))
    assert second == replace(first, extensions=[*expected, Cookie.client_hello(b"remember me")])


def test_a_retry_for_a_cookie_alone_keeps_the_key_share(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server()
    first = server.client_shares
    server.say(server.hello_retry_request(group=None, cookie=b"c" * 500))
    assert server.client_shares == first
    assert server.reach(ClientConnected).connection.negotiated is not None


def test_after_a_retry_only_the_new_share_can_be_chosen(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server(key_shares=1).reach(WaitServerHelloAfterRetry)
    assert list(server.client_shares) == [NamedGroup.secp256r1]
    negotiated = server.reach(ClientConnected).connection.negotiated
    assert negotiated is not None
    assert (negotiated.group, negotiated.retried) == (NamedGroup.secp256r1, True)


def test_the_servers_groups_are_taken_note_of_and_change_nothing(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server().reach(WaitEncryptedExtensions)
    server.say(EncryptedExtensions(extensions=[SupportedGroups.encrypted_extensions([NamedGroup(0x6399)])]))
    assert server.reach(ClientConnected).connection.negotiated is not None


def test_a_certificate_request_is_answered_with_no_certificate(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server().reach(WaitCertificateOrRequest)
    schemes = SignatureAlgorithms.certificate_request([SignatureScheme.ed25519])
    server.say(CertificateRequest(extensions=[schemes, UNKNOWN]))
    server.reach(ClientConnected)
    assert server.client_flight[0] == message(11, b"\0" + b"\0\0\0")
    assert [each[0] for each in server.client_flight] == [11, 20]


def test_the_client_sends_nothing_of_its_own_before_the_servers_finished_is_good(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server().reach(WaitServerFinished)
    assert [content_type for content_type, _ in server.hear()] == [20]
