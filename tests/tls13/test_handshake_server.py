"""What our server answers in a handshake that goes well: its choices, its flight, what it ignores. RFC 9846 §4"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from by_hand import AEADS, CHANGE_CIPHER_SPEC, HANDSHAKE, KeyPair, message, plaintext, raw, with_extension
from endpoints import Endpoints, exchange
from scripted import MINTED, ScriptedClient

from certs import Pki, mint
from schemas.certificate import Certificate
from schemas.code_points import (
    CipherSuite,
    ExtensionType,
    NamedGroup,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
)
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    EarlyDataIndication,
    KeyShare,
    OfferedPsks,
    PreSharedKey,
    PskIdentity,
    PskKeyExchangeModes,
    ServerName,
    ServerNameIndication,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import CertificateVerify, EncryptedExtensions, Handshake, HandshakeMessage, NewSessionTicket
from tls13.errors import AlertReceived, InternalError
from tls13.events import HandshakeCompleted
from tls13.handshake.states import ServerConnected, WaitClientFinished, WaitSecondClientHello
from tls13.limits import Limits
from tls13.x509.credentials import Credential

SUITES = tuple(AEADS)


def flight_of(client: ScriptedClient) -> list[HandshakeMessage]:
    return [Handshake.parse(each).message for each in client.flight]


def answer_of(client: ScriptedClient) -> EncryptedExtensions:
    answer = flight_of(client)[0]
    assert isinstance(answer, EncryptedExtensions)
    return answer


def hello_with(client: ScriptedClient, *extensions: Extension) -> ScriptedClient:
    """The client, having said a hello with these in the place of, or behind, its own extensions."""
    listed = client.extensions()
    for each in extensions:
        listed = with_extension(listed, each)
    client.say(client.client_hello(extensions=listed))
    return client


def test_the_flight_is_what_rfc_9846_lists_in_its_order(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client().reach(WaitClientFinished)
    assert [each[0] for each in client.flight] == [8, 11, 15, 20]


def test_server_hello_echoes_and_chooses(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client().reach(WaitClientFinished)
    hello = client.server_hello
    assert hello.legacy_session_id_echo == client.hello.legacy_session_id
    assert hello.legacy_version is ProtocolVersion.TLS12
    assert hello.cipher_suite is CipherSuite.TLS_AES_128_GCM_SHA256
    assert [each.extension_type for each in hello.extensions or []] == [
        ExtensionType.key_share,
        ExtensionType.supported_versions,
    ]


def test_the_servers_order_of_suites_counts(endpoints: Endpoints) -> None:
    for preferred in (SUITES, SUITES[::-1], (SUITES[1], SUITES[2], SUITES[0])):
        client = ScriptedClient(endpoints.server(cipher_suites=preferred), preferred[0])
        client.say(client.client_hello(cipher_suites=[CipherSuite(0x0A0A), *SUITES]))
        assert client.server_hello.cipher_suite is preferred[0]
        assert client.reach(ServerConnected).connection.negotiated is not None


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("group", [NamedGroup.x25519, NamedGroup.secp256r1])
def test_every_suite_with_every_group(endpoints: Endpoints, suite: CipherSuite, group: NamedGroup) -> None:
    client = ScriptedClient(endpoints.server(), suite, group).reach(ServerConnected)
    negotiated = client.connection.negotiated
    assert negotiated is not None
    assert (negotiated.cipher_suite, negotiated.group, negotiated.retried) == (suite, group, False)


def test_a_group_with_a_share_saves_a_round_trip(endpoints: Endpoints) -> None:
    groups = (NamedGroup.x25519, NamedGroup.secp256r1)
    server = endpoints.server(groups=groups)
    client = ScriptedClient(server, group=NamedGroup.secp256r1).reach(ServerConnected)
    assert client.retry is None


def test_a_retry_names_the_first_group_in_common(endpoints: Endpoints) -> None:
    groups = (NamedGroup.secp256r1, NamedGroup.x25519)
    client = endpoints.scripted_client(groups=groups).reach(WaitSecondClientHello)
    assert client.retry is not None
    assert KeyShare.hello_retry_request.find(client.retry.extensions) is NamedGroup.secp256r1
    assert client.retry.legacy_session_id_echo == client.hello.legacy_session_id
    negotiated = client.reach(ServerConnected).connection.negotiated
    assert negotiated is not None
    assert (negotiated.group, negotiated.retried) == (NamedGroup.secp256r1, True)


def test_unknown_values_everywhere_are_ignored(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client()
    grease = NamedGroup(0x3A3A)
    hello_with(
        client,
        SupportedVersions.client_hello([ProtocolVersion(0x7A7A), ProtocolVersion.TLS13, ProtocolVersion.TLS12]),
        SupportedGroups.client_hello([grease, NamedGroup.x25519]),
        SignatureAlgorithms.client_hello([SignatureScheme(0x5A5A), SignatureScheme.ed25519]),
        PskKeyExchangeModes.client_hello([PskKeyExchangeMode(0x0B), PskKeyExchangeMode.psk_dhe_ke]),
        Extension(extension_type=ExtensionType(0x0A0A), extension_data=b""),
        Extension(extension_type=ExtensionType(0xFADE), extension_data=b"anything"),
    )
    assert client.reach(ServerConnected).connection.negotiated is not None
    assert answer_of(client).extensions == [ServerNameIndication.encrypted_extensions(b"")]


@pytest.mark.parametrize("random_end", [b"DOWNGRD\x01", b"DOWNGRD\x00"])
def test_a_tls13_server_hello_bears_no_downgrade_mark(endpoints: Endpoints, random_end: bytes) -> None:
    client = endpoints.scripted_client().reach(WaitClientFinished)
    assert not client.server_hello.random.endswith(random_end)


# Names, protocols, certificates


@pytest.fixture(scope="module")
def shop(pki: Pki) -> Sequence[Credential]:
    """Three credentials of different keys, for the same names."""
    return [Credential.load(each.certificate, each.key) for each in map(pki.server, ("ed25519", "ecdsa-p256", "rsa"))]


def shown(client: ScriptedClient) -> tuple[bytes, SignatureScheme]:
    """The certificate and the scheme that the server came with."""
    _, certificate, verify, _ = flight_of(client)
    assert isinstance(certificate, Certificate)
    assert isinstance(verify, CertificateVerify)
    return certificate.certificate_list[0].cert_data, verify.algorithm


@pytest.mark.parametrize(
    ("offered", "index", "scheme"),
    [
        ([SignatureScheme.ed25519], 0, SignatureScheme.ed25519),
        ([SignatureScheme.ecdsa_secp256r1_sha256], 1, SignatureScheme.ecdsa_secp256r1_sha256),
        ([SignatureScheme.rsa_pss_rsae_sha512], 2, SignatureScheme.rsa_pss_rsae_sha512),
        (
            [SignatureScheme.rsa_pkcs1_sha256, SignatureScheme.rsa_pss_rsae_sha384],
            2,
            SignatureScheme.rsa_pss_rsae_sha384,
        ),
        ([SignatureScheme.rsa_pss_rsae_sha256, SignatureScheme.ed25519], 0, SignatureScheme.ed25519),
    ],
    ids=["ed25519", "ecdsa", "rsa", "rsa-not-pkcs1", "servers-order"],
)
def test_the_first_certificate_that_the_client_can_verify_is_shown(
    endpoints: Endpoints,
    shop: Sequence[Credential],
    offered: list[SignatureScheme],
    index: int,
    scheme: SignatureScheme,
) -> None:
    client = endpoints.scripted_client(credentials=tuple(shop))
    hello_with(client, SignatureAlgorithms.client_hello(offered))
    assert shown(client) == (shop[index].certificate_list[0], scheme)


def test_the_certificate_for_the_name_goes_before_the_others(
    endpoints: Endpoints, shop: Sequence[Credential], tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = mint(tmp_path_factory.mktemp("elsewhere"), names=["elsewhere.test"], now=MINTED).server("ed25519")
    other = Credential.load(elsewhere.certificate, elsewhere.key)
    for name, expected in (
        (b"elsewhere.test", other),
        (b"ELSEWHERE.test", other),
        (b"www.example.com", shop[0]),
        (b"unknown.test", other),
    ):
        client = endpoints.scripted_client(credentials=(other, shop[0]))
        hello_with(client, ServerNameIndication.client_hello([ServerName(name=name)]))
        assert shown(client)[0] == expected.certificate_list[0], name
        acknowledged = ServerNameIndication.encrypted_extensions.find(answer_of(client).extensions)
        assert acknowledged == (None if name == b"unknown.test" else b"")


def test_the_name_goes_to_the_caller(endpoints: Endpoints) -> None:
    negotiated = endpoints.scripted_client().reach(ServerConnected).connection.negotiated
    assert negotiated is not None
    assert negotiated.server_name == "localhost"


@pytest.mark.parametrize(
    ("offered", "configured", "chosen"),
    [
        ([b"http/1.1", b"h2"], ("h2", "http/1.1"), "h2"),
        ([b"h2"], (), None),
        (None, ("h2",), None),
        ([b"\xe4", b"h2"], ("h2",), "h2"),
    ],
)
def test_alpn_goes_by_the_servers_order(
    endpoints: Endpoints, offered: list[bytes] | None, configured: tuple[str, ...], chosen: str | None
) -> None:
    client = endpoints.scripted_client(application_protocols=configured)
    hello_with(client, *([] if offered is None else [ApplicationLayerProtocolNegotiation.client_hello(offered)]))
    negotiated = client.reach(ServerConnected).connection.negotiated
    assert negotiated is not None
    assert negotiated.application_protocol == chosen
    answer = ApplicationLayerProtocolNegotiation.encrypted_extensions.find(answer_of(client).extensions)
    assert answer == (None if chosen is None else [chosen.encode()])


# Pre-shared keys and early data, which this server declines

STRANGE_TICKET = PreSharedKey.client_hello(
    OfferedPsks(identities=[PskIdentity(identity=b"whose?", obfuscated_ticket_age=0)], binders=[bytes(48)])
)


def test_an_unknown_psk_is_ignored(endpoints: Endpoints) -> None:
    client = hello_with(endpoints.scripted_client(), STRANGE_TICKET)
    assert PreSharedKey.server_hello.find(client.server_hello.extensions) is None
    assert client.reach(ServerConnected).connection.negotiated is not None


def early_client(endpoints: Endpoints, *more: Extension, early_data: int = 2**15) -> ScriptedClient:
    client = endpoints.scripted_client(limits=Limits(early_data=early_data))
    return hello_with(client, EarlyDataIndication.client_hello(b""), *more, STRANGE_TICKET)


def early_record(length: int) -> bytes:
    """Early data under a key that the server does not have, `length` bytes with the header."""
    return plaintext(23, bytes(length - 5))


def test_early_data_is_skipped_up_to_the_first_record_that_opens(endpoints: Endpoints) -> None:
    client = early_client(endpoints)
    assert EarlyDataIndication.encrypted_extensions.find(answer_of(client).extensions) is None
    for wire in (plaintext(CHANGE_CIPHER_SPEC, b"\x01"), early_record(100), early_record(16000) * 2):
        assert client.deliver(wire) == []
    (completed,) = client.say(client.finished())
    assert isinstance(completed, HandshakeCompleted)


def test_after_a_record_that_opens_no_more_early_data_is_skipped(endpoints: Endpoints) -> None:
    client = early_client(endpoints)
    client.deliver(early_record(100))
    finished = raw(client.finished())
    client.deliver(client.record(HANDSHAKE, finished[:10]))
    assert client.refused(early_record(100)).alert.name == "bad_record_mac"


@pytest.mark.parametrize("retry", [False, True], ids=["answered", "retried"])
def test_early_data_over_the_limit_is_refused(endpoints: Endpoints, retry: bool) -> None:
    more = [KeyShare.client_hello([])] if retry else []
    client = early_client(endpoints, *more, early_data=1000)
    assert client.deliver(early_record(600) + early_record(400)) == []
    assert client.refused(early_record(21)).alert.name == "unexpected_message"


def test_early_data_is_skipped_between_the_two_hellos_and_not_after(endpoints: Endpoints) -> None:
    client = early_client(endpoints, KeyShare.client_hello([]))
    assert client.deliver(early_record(50) * 3) == []
    second = client.second_client_hello()
    kept = [each for each in second.extensions or [] if each.extension_type is not ExtensionType.early_data]
    client.say(client.second_client_hello(extensions=kept))
    assert client.refused(early_record(50)).alert.name == "bad_record_mac"


def test_early_data_that_was_not_announced_is_refused(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client().reach(WaitSecondClientHello)
    assert client.refused(early_record(50)).alert.name == "unexpected_message"
    client = endpoints.scripted_client().reach(WaitClientFinished)
    assert client.refused(early_record(50)).alert.name == "bad_record_mac"


# Middlebox compatibility, tickets, the alert before keys


@pytest.mark.parametrize("session_id", [b"", b"x", bytes(32)])
@pytest.mark.parametrize("retry", [False, True], ids=["answered", "retried"])
def test_change_cipher_spec_follows_the_first_answer_if_there_is_a_session_id(
    endpoints: Endpoints, session_id: bytes, retry: bool
) -> None:
    server = endpoints.server()
    client = ScriptedClient(server)
    shares = KeyShare.client_hello([] if retry else [client.key_pair.entry])
    hello = client.client_hello(legacy_session_id=session_id, extensions=with_extension(client.extensions(), shares))
    server.receive_data(plaintext(HANDSHAKE, raw(hello)))
    client.listen()
    types = [record[0] for record in client.inbox]
    assert types[:2] == ([22, 20] if session_id else [22, 23] if not retry else [22])
    assert types.count(20) == (1 if session_id else 0)


def test_no_second_change_cipher_spec_after_a_retry(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client().reach(WaitSecondClientHello)
    client.connection.receive_data(plaintext(HANDSHAKE, raw(client.second_client_hello())))
    client.listen()
    assert 20 not in [record[0] for record in client.inbox]


@pytest.mark.parametrize("number", [0, 1, 4])
def test_as_many_tickets_as_configured_follow_the_handshake(endpoints: Endpoints, number: int) -> None:
    client = endpoints.scripted_client(tickets=number).reach(ServerConnected)
    heard = client.hear()
    assert [content_type for content_type, _ in heard] == [HANDSHAKE] * number
    tickets = [Handshake.parse(content).message for _, content in heard]
    assert all(isinstance(each, NewSessionTicket) for each in tickets)
    assert len({each.ticket_nonce for each in tickets if isinstance(each, NewSessionTicket)}) == number
    assert len({each.ticket_age_add for each in tickets if isinstance(each, NewSessionTicket)}) == number
    assert all(each.ticket_lifetime <= 604800 for each in tickets if isinstance(each, NewSessionTicket))


@pytest.mark.parametrize(
    "modes", [None, [PskKeyExchangeMode.psk_ke], [PskKeyExchangeMode(0x77)]], ids=["none", "psk_ke", "unknown"]
)
def test_no_ticket_for_a_client_that_could_not_use_it(
    endpoints: Endpoints, modes: list[PskKeyExchangeMode] | None
) -> None:
    client = endpoints.scripted_client()
    listed = [each for each in client.extensions() if each.extension_type is not ExtensionType.psk_key_exchange_modes]
    if modes is not None:
        listed.append(PskKeyExchangeModes.client_hello(modes))
    client.say(client.client_hello(extensions=listed))
    client.reach(ServerConnected)
    assert client.hear() == []


def test_a_client_without_keys_may_give_up_in_the_clear(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client().reach(WaitClientFinished)
    with pytest.raises(AlertReceived, match="bad_certificate"):
        client.deliver(plaintext(21, b"\x02\x2a"))
    assert client.hear() == []


def test_once_a_record_has_opened_an_alert_in_the_clear_is_refused(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client().reach(WaitClientFinished)
    client.deliver(client.record(HANDSHAKE, raw(client.finished())[:10]))
    assert client.refused(plaintext(21, b"\x02\x2a")).alert.name == "unexpected_message"


def test_two_connections_share_neither_key_nor_random_nor_ticket(endpoints: Endpoints) -> None:
    one, other = (endpoints.scripted_client().reach(ServerConnected) for _ in range(2))
    assert one.server_hello.random != other.server_hello.random
    shares = [KeyShare.server_hello.find(each.server_hello.extensions) for each in (one, other)]
    assert shares[0] != shares[1]
    assert one.hear() != other.hear()


def test_a_peer_may_use_its_key_share_again(endpoints: Endpoints) -> None:
    """RFC 9846 §4.3.8: we must not, but must tolerate it."""
    key_pair = KeyPair(NamedGroup.x25519)
    for _ in range(2):
        client = endpoints.scripted_client()
        client.key_pair = key_pair
        assert client.reach(ServerConnected).connection.negotiated is not None


@dataclass(frozen=True)
class BrokenSigner:
    """A key that is out of reach."""

    schemes: Sequence[SignatureScheme] = (SignatureScheme.ed25519,)

    def sign(self, scheme: SignatureScheme, content: bytes) -> bytes:
        raise InternalError("the token is unplugged")


def test_a_signer_that_fails_is_an_internal_error_on_both_sides(endpoints: Endpoints) -> None:
    credential = Credential(endpoints.identity.chain, BrokenSigner())
    client, server = endpoints.client(), endpoints.server(credentials=(credential,))
    with pytest.raises(InternalError, match="unplugged"):
        server.receive_data(client.data_to_send())
    with pytest.raises(AlertReceived, match="internal_error"):
        client.receive_data(server.data_to_send())
    assert server.is_closed


def test_client_and_server_agree_on_what_was_negotiated(endpoints: Endpoints) -> None:
    client, server = endpoints.client(application_protocols=("h2",)), endpoints.server(application_protocols=("h2",))
    told = exchange(client, server)
    ours, theirs = client.negotiated, server.negotiated
    assert ours is not None
    assert theirs is not None
    assert ours.application_protocol == theirs.application_protocol == "h2"
    assert ours.cipher_suite is theirs.cipher_suite
    assert ours.signature_scheme is theirs.signature_scheme
    assert ours.server_name == theirs.server_name == "localhost"
    assert theirs.peer_certificates == ()
    assert HandshakeCompleted(ours) in told[0]
    assert HandshakeCompleted(theirs) in told[1]


def test_an_end_of_early_data_that_was_not_accepted_is_unexpected(endpoints: Endpoints) -> None:
    client = early_client(endpoints)
    assert client.refused_message(message(5, b"")).alert.name == "unexpected_message"
