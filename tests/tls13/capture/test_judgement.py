"""What is said of a connection as a whole: parameters, what was left, why a retry, what alerts mean, what is wrong."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import zstandard
from capture.made_captures import (
    CLIENT,
    FINISHED,
    KEY_UPDATE,
    SERVER,
    TICKET,
    Talk,
    Wire,
    keylog,
    pcap_of,
    raw,
    record,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from schemas import extensions, tls12
from schemas.alert import Alert
from schemas.certificate import Certificate, CertificateEntry, CompressedCertificate
from schemas.code_points import (
    AlertDescription,
    AlertLevel,
    CertificateCompressionAlgorithm,
    CipherSuite,
    ContentType,
    ExtensionType,
    NamedGroup,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
)
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    CertificateStatus,
    Cookie,
    EarlyDataIndication,
    KeyShare,
    KeyShareEntry,
    OfferedPsks,
    PreSharedKey,
    PskIdentity,
    PskKeyExchangeModes,
    ServerName,
    ServerNameIndication,
    SignatureAlgorithms,
    StatusRequest,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    HandshakeMessage,
    HelloRetryRequest,
    NewSessionTicket,
    ServerHello,
)
from schemas.tls12_extensions import SessionTicket
from schemas.transparency import SignedCertificateTimestamp, SignedTimestamp
from tls13.capture import Direction, NoteKind, read_capture
from tls13.capture.judging.judgement import EarlyData, Judgement, PskOrigin, Resumption

SUITE = CipherSuite.TLS_AES_128_GCM_SHA256
OTHER_SUITE = CipherSuite.TLS_AES_256_GCM_SHA384
TLS13 = ProtocolVersion.TLS13
OLDER = [ProtocolVersion.TLS12, ProtocolVersion.TLS11, ProtocolVersion.TLS10, ProtocolVersion.SSL30]
X25519, P256, P384 = NamedGroup.x25519, NamedGroup.secp256r1, NamedGroup.secp384r1
SCHEME = SignatureScheme.ecdsa_secp256r1_sha256
CLIENT_HS, SERVER_HS = "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_AP, SERVER_AP = "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"


def share(group: NamedGroup) -> KeyShareEntry:
    return KeyShareEntry(group=group, key_exchange=bytes(32))


PSKS = OfferedPsks(
    identities=[
        PskIdentity(identity=b"one", obfuscated_ticket_age=0),
        PskIdentity(identity=b"two", obfuscated_ticket_age=0),
    ],
    binders=[bytes(32), bytes(32)],
)
PARTS: dict[str, Extension] = {
    "versions": SupportedVersions.client_hello([ProtocolVersion(0x7A7A), TLS13, ProtocolVersion.TLS12]),
    "groups": SupportedGroups.client_hello([NamedGroup(0x1A1A), X25519, P256]),
    "shares": KeyShare.client_hello([KeyShareEntry(group=NamedGroup(0x1A1A), key_exchange=b"\0"), share(X25519)]),
    "schemes": SignatureAlgorithms.client_hello([SCHEME, SignatureScheme.rsa_pkcs1_sha256]),
    "protocols": ApplicationLayerProtocolNegotiation.client_hello([b"h2", b"http/1.1"]),
    "name": ServerNameIndication.client_hello([ServerName(name=b"example.com")]),
}
"""A hello that nothing is wrong with, extension by extension."""


def hello(
    *more: Extension, without: Sequence[str] = (), changes: dict[str, Extension] | None = None, **fields: Any
) -> ClientHello:
    """That hello, with some of it left out, changed or added."""
    parts = {**PARTS, **(changes or {})}
    extensions = [part for name, part in parts.items() if name not in without]
    values = {"cipher_suites": [CipherSuite(0x3A3A), SUITE, OTHER_SUITE], "random": bytes(range(32)), **fields}
    return ClientHello(extensions=[*extensions, *more], **values)


def answer(*more: Extension, group: NamedGroup | None = X25519, **fields: Any) -> ServerHello:
    """What a server may say to it."""
    extensions = [SupportedVersions.server_hello(TLS13)]
    if group is not None:
        extensions.append(KeyShare.server_hello(share(group)))
    return ServerHello(**{"random": bytes(32), "cipher_suite": SUITE, "extensions": [*extensions, *more], **fields})


def retry(*more: Extension, suite: CipherSuite = SUITE) -> HelloRetryRequest:
    extensions = [SupportedVersions.hello_retry_request(TLS13), *more]
    return HelloRetryRequest(cipher_suite=suite, extensions=extensions)


def judged(wire: Wire, *, keys: bool = True) -> Judgement:
    """What is said of the one connection of the wire."""
    (connection,) = read_capture(io.BytesIO(wire.pcap()), keylog=keylog() if keys else None)
    assert list(connection.messages)
    return connection.judgement


def hellos(first: HandshakeMessage, *answers: HandshakeMessage) -> Talk:
    """A client's hello, the server's answer, perhaps a second hello and so on."""
    talk = Talk()
    for number, message in enumerate((first, *answers)):
        talk.plain(SERVER if number % 2 else CLIENT, message)
    return talk


def rules(judgement: Judgement) -> list[str]:
    return [each.rule.name for each in judgement.anomalies]


# -- what was agreed on ------------------------------------------------------------------------------------


def test_a_whole_connection_is_summed_up() -> None:
    talk = hellos(hello(), answer())
    answers = [ApplicationLayerProtocolNegotiation.encrypted_extensions([b"h2"])]
    talk.send(SERVER, SERVER_HS, EncryptedExtensions(extensions=answers))
    talk.send(SERVER, SERVER_HS, Certificate(certificate_list=[CertificateEntry(cert_data=b"no certificate")]))
    talk.send(SERVER, SERVER_HS, CertificateVerify(algorithm=SCHEME, signature=b""))
    talk.send(SERVER, SERVER_HS, FINISHED)
    talk.send(CLIENT, CLIENT_HS, FINISHED)
    talk.say(CLIENT, b"ping")
    talk.say(SERVER, b"pong!")
    found = judged(talk.wire)
    agreed = found.negotiated
    assert (agreed.version, agreed.cipher_suite, agreed.group) == (TLS13, SUITE, X25519)
    assert (agreed.key_exchange, agreed.signature_scheme) == ("(EC)DHE", SCHEME)
    assert (agreed.application_protocol, agreed.psk_identity) == ("h2", None)
    assert found.resumption is Resumption.none
    assert found.early_data is EarlyData.not_offered
    assert found.retry is None
    assert found.anomalies == ()
    assert found.undecrypted == ()
    assert found.server_chain == (b"no certificate",)
    assert found.server_certificates == ()
    assert found.application_bytes == {Direction.client: 4, Direction.server: 5}


def test_what_was_offered_and_not_taken_leaves_grease_out() -> None:
    talk = hellos(hello(), answer())
    talk.send(SERVER, SERVER_HS, EncryptedExtensions())
    found = judged(talk.wire)
    assert found.offer is not None
    assert found.offer.server_name == "example.com"
    assert found.offer.cipher_suites == (SUITE, OTHER_SUITE)
    left = found.not_taken
    assert left.versions == (ProtocolVersion.TLS12,)
    assert left.cipher_suites == (OTHER_SUITE,)
    assert left.groups == (P256,)
    assert left.key_shares == ()
    assert left.application_protocols == ("h2", "http/1.1")
    assert set(left.extensions) == {
        ExtensionType.application_layer_protocol_negotiation,
        ExtensionType.server_name,
    }


def test_without_keys_nothing_is_said_of_what_is_encrypted() -> None:
    found = judged(hellos(hello(), answer()).wire, keys=False)
    assert found.not_taken.application_protocols == ()
    assert found.not_taken.extensions == ()
    assert found.negotiated.application_protocol == ""


def test_flights_and_handshake_time_are_those_of_the_packets() -> None:
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    talk.say(CLIENT, b"ping")
    found = judged(talk.wire)
    # Every segment is a millisecond after the one before.
    assert [(each.direction, each.messages, each.ended - each.started) for each in found.flights] == [
        (Direction.client, ("client_hello",), 0),
        (Direction.server, ("server_hello", "encrypted_extensions", "finished"), 2_000_000),
        (Direction.client, ("finished",), 0),
    ]
    assert found.handshake_time == 4_000_000


def test_without_keys_the_handshake_ends_with_the_clients_first_protected_record() -> None:
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    talk.say(SERVER, b"pong")
    found = judged(talk.wire, keys=False)
    assert [each.messages for each in found.flights] == [
        ("client_hello",),
        ("server_hello", "encrypted"),
        ("encrypted",),
    ]
    assert found.handshake_time == 4_000_000
    unread = [(each.direction, each.kind, each.first_record, each.records) for each in found.undecrypted]
    assert unread == [(Direction.server, NoteKind.no_keylog, 1, 3), (Direction.client, NoteKind.no_keylog, 1, 1)]


def stamp() -> SignedCertificateTimestamp:
    signature = tls12.DigitallySigned(algorithm=SCHEME, signature=b"s")
    return SignedCertificateTimestamp(content=SignedTimestamp(id=bytes(32), timestamp=1, signature=signature))


def test_what_comes_with_a_certificate_is_kept() -> None:
    beside = [
        StatusRequest.certificate(CertificateStatus(response=b"no response")),
        extensions.SignedCertificateTimestamp.certificate([stamp()]),
    ]
    talk = hellos(hello(), answer())
    entry = CertificateEntry(cert_data=b"leaf", extensions=beside)
    talk.send(SERVER, SERVER_HS, Certificate(certificate_list=[entry]))
    found = judged(talk.wire)
    assert (found.stapled, found.revocation) == (b"no response", None)
    assert [each.log_id for each in found.timestamps] == ["00" * 32]


@pytest.mark.parametrize(
    ("algorithm", "compress"),
    [
        (CertificateCompressionAlgorithm.zlib, zlib.compress),
        (CertificateCompressionAlgorithm.zstd, zstandard.ZstdCompressor().compress),
    ],
)
def test_a_compressed_chain_is_read(
    algorithm: CertificateCompressionAlgorithm, compress: Callable[[bytes], bytes]
) -> None:
    chain = Certificate(certificate_list=[CertificateEntry(cert_data=b"leaf" * 100)]).build()
    talk = hellos(hello(), answer())
    for length in (len(chain) - 1, len(chain) + 1, len(chain)):
        message = CompressedCertificate(
            algorithm=algorithm, uncompressed_length=length, compressed_certificate_message=compress(chain)
        )
        talk.send(SERVER, SERVER_HS, message)
        assert judged(talk.wire).server_chain == ((b"leaf" * 100,) if length == len(chain) else ())


def test_compressed_bytes_that_are_none_are_passed_over() -> None:
    talk = hellos(hello(), answer())
    for algorithm in (1, 2, 3, 77):
        message = CompressedCertificate(
            algorithm=CertificateCompressionAlgorithm(algorithm),
            uncompressed_length=2**24 - 1 if algorithm == 77 else 100,
            compressed_certificate_message=b"\x28\xb5\x2f\xfd" + bytes(20),
        )
        talk.send(SERVER, SERVER_HS, message)
    assert judged(talk.wire).server_chain == ()
    assert rules(judged(talk.wire)).count("compressed_certificate") == 3


# -- resumption, early data, retries -----------------------------------------------------------------------


MODES = PskKeyExchangeModes.client_hello([PskKeyExchangeMode.psk_dhe_ke])
OFFERED = PreSharedKey.client_hello(PSKS)


def offered(*psks: tuple[bytes, int]) -> Extension:
    """Identities and their obfuscated_ticket_age."""
    identities = [PskIdentity(identity=name, obfuscated_ticket_age=age) for name, age in psks]
    return PreSharedKey.client_hello(OfferedPsks(identities=identities, binders=[bytes(32)] * len(psks)))


def test_a_ticket_that_is_taken_is_resumption() -> None:
    found = judged(hellos(hello(MODES, offered((b"one", 0), (b"two", 7))), answer(PreSharedKey.server_hello(1))).wire)
    assert found.resumption is Resumption.psk
    assert found.negotiated.psk_origin is PskOrigin.resumption
    assert found.negotiated.key_exchange == "PSK with (EC)DHE"
    assert found.negotiated.psk_identity == 1
    assert found.not_taken.psks == 1
    assert found.anomalies == ()


def test_an_external_psk_resumes_nothing() -> None:
    found = judged(hellos(hello(MODES, offered((b"one", 7), (b"two", 0))), answer(PreSharedKey.server_hello(1))).wire)
    assert found.resumption is Resumption.none
    assert found.negotiated.psk_origin is PskOrigin.external


def test_after_a_retry_the_second_hello_tells_what_the_psk_is() -> None:
    asked = KeyShare.hello_retry_request(P256)
    second = hello(MODES, offered((b"two", 0)), changes={"shares": KeyShare.client_hello([share(P256)])})
    first = hello(MODES, offered((b"one", 7), (b"two", 0)))
    found = judged(hellos(first, retry(asked), second, answer(PreSharedKey.server_hello(0), group=P256)).wire)
    assert found.negotiated.psk_origin is PskOrigin.external


@pytest.mark.parametrize("number", [1, 2**16 - 1])
def test_of_a_psk_that_was_not_offered_nothing_is_known(number: int) -> None:
    found = judged(hellos(hello(MODES, offered((b"one", 7))), answer(PreSharedKey.server_hello(number))).wire)
    assert found.resumption is Resumption.unknown
    assert found.negotiated.psk_origin is PskOrigin.unknown


def test_a_ticket_of_an_earlier_connection_is_known_whatever_its_age_says() -> None:
    first = hellos(hello(), answer())
    first.rest_of_handshake()
    issued = NewSessionTicket(ticket_lifetime=60, ticket_age_add=0, ticket_nonce=b"", ticket=b"issued", extensions=[])
    first.send(SERVER, SERVER_AP, issued)
    origins = []
    for name in (b"issued", b"another"):
        later = Talk(Wire(client=CLIENT._replace(port=CLIENT.port + 1)).open())
        resuming = hello(MODES, offered((name, 0)))
        later.wire.send(later.wire.client, record(ContentType.handshake, raw(resuming)))
        later.wire.send(SERVER, record(ContentType.handshake, raw(answer(PreSharedKey.server_hello(0)))))
        both = pcap_of([*first.wire.segments, *later.wire.segments])
        _, second = [
            (list(each.messages), each.judgement)[1] for each in read_capture(io.BytesIO(both), keylog=keylog())
        ]
        origins.append((second.negotiated.psk_origin, second.resumption))
    assert origins == [(PskOrigin.resumption, Resumption.psk), (PskOrigin.external, Resumption.none)]


def test_a_psk_without_a_key_exchange_is_told_apart() -> None:
    found = judged(hellos(hello(MODES, OFFERED), answer(PreSharedKey.server_hello(0), group=None)).wire)
    assert found.negotiated.key_exchange == "PSK"


@pytest.mark.parametrize(
    ("psk", "answers", "outcome"),
    [
        (0, EncryptedExtensions(extensions=[EarlyDataIndication.encrypted_extensions(b"")]), EarlyData.accepted),
        (0, EncryptedExtensions(), EarlyData.rejected),
        (0, None, EarlyData.unknown),
        (1, None, EarlyData.rejected),
        (None, None, EarlyData.rejected),
    ],
)
def test_what_became_of_early_data(psk: int | None, answers: EncryptedExtensions | None, outcome: EarlyData) -> None:
    early = EarlyDataIndication.client_hello(b"")
    taken = [] if psk is None else [PreSharedKey.server_hello(psk)]
    talk = hellos(hello(early, MODES, OFFERED), answer(*taken))
    if answers is not None:
        talk.send(SERVER, SERVER_HS, answers)
    found = judged(talk.wire)
    assert found.early_data is outcome
    assert found.not_taken.early_data is (outcome is EarlyData.rejected)


def test_the_cause_of_a_retry_is_told() -> None:
    asked = retry(KeyShare.hello_retry_request(P256), Cookie.hello_retry_request(b"crumbs"))
    again = hello(Cookie.client_hello(b"crumbs"), changes={"shares": KeyShare.client_hello([share(P256)])})
    found = judged(hellos(hello(), asked, again, answer(group=P256)).wire)
    assert found.retry is not None
    assert (found.retry.group, found.retry.cookie, found.retry.key_shares) == (P256, True, (X25519,))
    assert str(found.retry).startswith("the server wants a key share for secp256r1; the client sent x25519; ")
    assert [each.messages for each in found.flights][1] == ("hello_retry_request",)
    assert found.anomalies == ()


# -- alerts ------------------------------------------------------------------------------------------------


def alerted(talk: Talk, sender: Any, description: AlertDescription) -> str:
    """What is said of a fatal alert in the clear."""
    alert = Alert(level=AlertLevel.fatal, description=description).build()
    talk.wire.send(sender, record(ContentType.alert, alert))
    (found,) = judged(talk.wire).alerts
    return found.text


def test_a_server_without_anything_in_common_tells_what_was_offered() -> None:
    text = alerted(hellos(hello()), SERVER, AlertDescription.handshake_failure)
    assert "offered" in text
    assert "groups x25519, secp256r1" in text


def test_a_group_that_the_client_does_not_have_is_the_cause() -> None:
    for without in ([], ["name"]):
        talk = hellos(hello(without=without), retry(KeyShare.hello_retry_request(P384)))
        text = alerted(talk, CLIENT, AlertDescription.illegal_parameter)
        assert text.startswith(
            "the server had no group in common: offered x25519, secp256r1; server supports secp384r1"
        )


def test_what_a_server_supports_is_known_from_its_other_connections() -> None:
    first = hellos(hello(), answer(group=X25519, cipher_suite=SUITE))
    other = hello(
        changes={"groups": SupportedGroups.client_hello([P384]), "shares": KeyShare.client_hello([share(P384)])}
    )
    refused = Talk(Wire(client=CLIENT._replace(port=CLIENT.port + 1)).open())
    refused.wire.send(refused.wire.client, record(ContentType.handshake, raw(other)))
    refused.wire.send(SERVER, record(ContentType.alert, b"\2\x28"))
    both = pcap_of([*first.wire.segments, *refused.wire.segments])
    _, second = [(list(each.messages), each.judgement)[1] for each in read_capture(io.BytesIO(both))]
    (alert,) = second.alerts
    assert alert.text == "the server had no group in common: offered secp384r1; server supports x25519"


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (AlertDescription.protocol_version, "none of the versions offered: TLS13, TLS12"),
        (AlertDescription.no_application_protocol, "none of the application protocols offered: h2, http/1.1"),
        (AlertDescription.unrecognized_name, "nothing for the name example.com"),
        (AlertDescription.internal_error, "trouble of its own"),
        (AlertDescription.close_notify, "before the handshake is done"),
        (AlertDescription(200), "gives up"),
    ],
)
def test_alerts_are_explained_from_the_hello(description: AlertDescription, words: str) -> None:
    assert words in alerted(hellos(hello()), SERVER, description)


def test_without_a_list_of_versions_only_the_newest_is_known() -> None:
    offered = hello(without=("versions", "shares"))
    talk = hellos(offered)
    words = alerted(talk, SERVER, AlertDescription.protocol_version)
    assert words == "the server supports none of the versions offered: up to TLS12"
    offer = judged(talk.wire).offer
    assert offer is not None
    assert (offer.versions, offer.versions_listed) == ((ProtocolVersion.TLS12,), False)
    allowed = [version for version in (TLS13, *OLDER) if offer.allows(version)]
    assert allowed == OLDER


def certified(begin: int, end: int) -> bytes:
    """A certificate for example.org that is valid from the start of one year to that of another. In DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, subject = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in ("Some CA", "leaf"))
    start, stop = datetime(begin, 1, 1, tzinfo=UTC), datetime(end, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), 1, start, stop)
    names = x509.SubjectAlternativeName([x509.DNSName("example.org")])
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("description", "years", "text"),
    [
        (
            AlertDescription.unknown_ca,
            (2023, 2024),
            "the client does not trust CN=Some CA, which issued certificate CN=leaf",
        ),
        (AlertDescription.certificate_expired, (2021, 2022), "certificate CN=leaf expired on 2022-01-01"),
        (
            AlertDescription.certificate_expired,
            (2030, 2031),
            "certificate CN=leaf is valid from 2030-01-01 on, after this capture",
        ),
        (
            AlertDescription.certificate_expired,
            (2023, 2024),
            "certificate CN=leaf was valid then, until 2024-01-01: is the clock right?",
        ),
        (
            AlertDescription.bad_certificate,
            (2023, 2024),
            "the client does not accept the server's certificate CN=leaf; it is for example.org, "
            "and example.com was asked for",
        ),
        (
            AlertDescription.unsupported_certificate,
            (2023, 2024),
            "the client cannot use the server's certificate with key EC secp256r1, signed by ecdsa_secp256r1_sha256",
        ),
    ],
)
def test_alerts_about_a_certificate_are_held_against_it(
    description: AlertDescription, years: tuple[int, int], text: str
) -> None:
    talk = hellos(hello(), answer())
    talk.send(SERVER, SERVER_HS, EncryptedExtensions())
    talk.send(SERVER, SERVER_HS, Certificate(certificate_list=[CertificateEntry(cert_data=certified(*years))]))
    alert = Alert(level=AlertLevel.fatal, description=description).build()
    talk.send(CLIENT, CLIENT_HS, alert, ContentType.alert)
    (found,) = judged(talk.wire).alerts
    assert found.text == text


def test_alerts_about_a_certificate_that_cannot_be_read_say_whose_it_is() -> None:
    text = alerted(hellos(hello(), answer()), CLIENT, AlertDescription.unknown_ca)
    assert text == "the client does not trust the issuer of the server's certificate"
    text = alerted(hellos(hello(), answer()), SERVER, AlertDescription.certificate_required)
    assert text == "the server asked for a client certificate, and the client sent none"


@pytest.mark.parametrize("description", AlertDescription)
def test_every_alert_is_explained_by_each_side_with_and_without_hellos(description: AlertDescription) -> None:
    for sender in (CLIENT, SERVER):
        for talk in (hellos(hello()), hellos(hello(), answer())):
            assert alerted(talk, sender, description)


def test_an_alert_about_a_mistake_names_the_mistake() -> None:
    talk = hellos(hello(), answer(cipher_suite=CipherSuite.TLS_CHACHA20_POLY1305_SHA256))
    text = alerted(talk, CLIENT, AlertDescription.illegal_parameter)
    assert "TLS_CHACHA20_POLY1305_SHA256 was not offered (RFC 9846 §4.2.3)" in text


# -- what goes against the protocol ------------------------------------------------------------------------


def entries(groups: Sequence[NamedGroup]) -> Extension:
    return KeyShare.client_hello([share(each) for each in groups])


FALSE_HELLOS: dict[str, tuple[ClientHello, str]] = {
    "compression": (hello(legacy_compression_methods=b"\1\0"), "compression"),
    "version": (hello(legacy_version=ProtocolVersion.TLS11), "legacy_version"),
    "no schemes": (hello(without=["schemes"]), "missing_extension"),
    "no groups": (hello(without=["groups"]), "missing_extension"),
    "no shares": (hello(without=["shares"]), "missing_extension"),
    "foreign share": (hello(changes={"shares": entries([P384])}), "key_share_group"),
    "two shares": (hello(changes={"shares": entries([P256, P256])}), "key_share_group"),
    "early data alone": (hello(EarlyDataIndication.client_hello(b"")), "early_data_without_psk"),
    "psk first": (hello(OFFERED, MODES), "psk_not_last"),
    "psk without modes": (hello(OFFERED), "psk_without_modes"),
    "binders": (hello(MODES, PreSharedKey.client_hello(replace(PSKS, binders=[bytes(32)]))), "binder_count"),
    "misplaced": (
        hello(Extension(extension_type=ExtensionType.oid_filters, extension_data=b"")),
        "misplaced_extension",
    ),
}


@pytest.mark.parametrize("name", FALSE_HELLOS)
def test_a_false_client_hello_is_noticed(name: str) -> None:
    message, rule = FALSE_HELLOS[name]
    found = judged(hellos(message).wire)
    assert rule in rules(found)
    assert all(each.rule.section.startswith("RFC ") for each in found.anomalies)
    assert {each.direction for each in found.anomalies} == {Direction.client}


FALSE_ANSWERS: dict[str, tuple[ServerHello, str]] = {
    "suite": (answer(cipher_suite=CipherSuite.TLS_CHACHA20_POLY1305_SHA256), "unoffered_cipher_suite"),
    "grease": (answer(cipher_suite=CipherSuite(0x3A3A)), "unoffered_cipher_suite"),
    "group": (answer(group=P256), "unoffered_group"),
    "nothing": (answer(group=None), "no_key_exchange"),
    "session": (answer(legacy_session_id_echo=b"other"), "session_id_echo"),
    "compression": (answer(legacy_compression_method=1), "compression"),
    "psk": (answer(PreSharedKey.server_hello(0)), "unoffered_psk"),
    "version": (
        answer(
            extensions=[SupportedVersions.server_hello(ProtocolVersion(0x0305)), KeyShare.server_hello(share(X25519))]
        ),
        "unoffered_version",
    ),
    "extension": (
        answer(Extension(extension_type=ExtensionType(0xABCD), extension_data=b"")),
        "unsolicited_extension",
    ),
}


@pytest.mark.parametrize("name", FALSE_ANSWERS)
def test_a_false_server_hello_is_noticed(name: str) -> None:
    message, rule = FALSE_ANSWERS[name]
    found = judged(hellos(hello(), message).wire)
    assert rule in rules(found)
    assert {each.direction for each in found.anomalies} == {Direction.server}


def test_retries_that_ask_for_nothing_or_twice_are_noticed() -> None:
    assert "useless_retry" in rules(judged(hellos(hello(), retry()).wire))
    assert "useless_retry" in rules(judged(hellos(hello(), retry(KeyShare.hello_retry_request(X25519))).wire))
    assert "unoffered_group" in rules(judged(hellos(hello(), retry(KeyShare.hello_retry_request(P384))).wire))
    asked = retry(KeyShare.hello_retry_request(P256))
    again = hello(changes={"shares": entries([P256])})
    assert rules(judged(hellos(hello(), asked, again, asked).wire))[0] == "second_retry"


@pytest.mark.parametrize(
    "again",
    [
        hello(changes={"shares": entries([P256])}, random=bytes(32)),
        hello(changes={"shares": entries([P256])}, cipher_suites=[SUITE]),
        hello(changes={"shares": entries([P256])}, without=["name"]),
        hello(),
        hello(Cookie.client_hello(b"stale"), changes={"shares": entries([P256])}),
    ],
    ids=["random", "suites", "name", "share", "cookie"],
)
def test_a_second_hello_that_changes_more_than_it_may_is_noticed(again: ClientHello) -> None:
    found = judged(hellos(hello(), retry(KeyShare.hello_retry_request(P256)), again).wire)
    assert "changed_hello" in rules(found)


def test_a_server_that_changes_its_mind_is_noticed() -> None:
    again = hello(changes={"shares": entries([P256])})
    talk = hellos(hello(), retry(KeyShare.hello_retry_request(P256), suite=OTHER_SUITE), again, answer(group=P256))
    assert "changed_by_server" in rules(judged(talk.wire))


def test_messages_out_of_order_are_noticed() -> None:
    talk = hellos(hello(), answer())
    talk.send(SERVER, SERVER_HS, FINISHED)
    assert rules(judged(talk.wire)) == ["unexpected_message"]
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    talk.send(CLIENT, CLIENT_AP, TICKET)
    assert rules(judged(talk.wire)) == ["unexpected_message"]


def test_an_order_that_cannot_be_seen_is_not_judged() -> None:
    talk = hellos(hello(), answer())
    talk.send(SERVER, SERVER_HS, EncryptedExtensions())
    del talk.wire.segments[-1]
    talk.send(SERVER, SERVER_HS, FINISHED)
    assert rules(judged(talk.wire)) == []


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (Certificate(certificate_list=[]), "empty_certificate"),
        (
            Certificate(certificate_request_context=b"1", certificate_list=[CertificateEntry(cert_data=b"x")]),
            "certificate_request_context",
        ),
        (CertificateVerify(algorithm=SignatureScheme.rsa_pkcs1_sha256, signature=b""), "forbidden_signature_scheme"),
        (CertificateVerify(algorithm=SignatureScheme.ed25519, signature=b""), "unoffered_signature_scheme"),
        (CertificateRequest(extensions=[]), "request_without_schemes"),
        (
            EncryptedExtensions(extensions=[ApplicationLayerProtocolNegotiation.encrypted_extensions([b"h3"])]),
            "unoffered_protocol",
        ),
        (EncryptedExtensions(extensions=[EarlyDataIndication.encrypted_extensions(b"")]), "unsolicited_extension"),
    ],
)
def test_mistakes_in_the_servers_flight_are_noticed(message: HandshakeMessage, rule: str) -> None:
    talk = hellos(hello(), answer())
    talk.send(SERVER, SERVER_HS, message)
    assert rule in rules(judged(talk.wire))


def test_a_ticket_that_lives_too_long_is_noticed() -> None:
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    ticket = NewSessionTicket(ticket_lifetime=604_801, ticket_age_add=0, ticket_nonce=b"", ticket=b"x")
    talk.send(SERVER, SERVER_AP, ticket)
    assert rules(judged(talk.wire)) == ["ticket_lifetime"]


def test_what_comes_behind_an_end_is_noticed_once() -> None:
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    talk.send(CLIENT, CLIENT_AP, b"\1\0", ContentType.alert)
    talk.say(CLIENT, b"and then")
    talk.say(CLIENT, b"and then")
    assert rules(judged(talk.wire)) == ["data_after_close"]


def test_an_end_without_close_notify_is_noticed_on_each_side_that_lacks_it() -> None:
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    talk.say(CLIENT, b"ping")
    talk.send(SERVER, SERVER_AP, b"\1\0", ContentType.alert)
    talk.wire.close()
    (found,) = judged(talk.wire).anomalies
    assert (found.rule.name, found.direction, found.record) == ("no_close_notify", Direction.client, 2)


def test_records_that_break_the_limits_are_noticed() -> None:
    talk = hellos(hello(), answer())
    talk.wire.send(SERVER, record(ContentType.application_data, bytes(2**14 + 257)))
    talk.wire.send(CLIENT, record(ContentType.alert, b""))
    assert rules(judged(talk.wire))[:2] == ["record_overflow", "empty_record"]


def test_messages_in_the_clear_behind_server_hello_are_noticed() -> None:
    talk = hellos(hello(), answer())
    talk.plain(SERVER, EncryptedExtensions())
    assert "unprotected_message" in rules(judged(talk.wire))


def test_change_cipher_spec_has_one_value_and_one_place() -> None:
    talk = hellos(hello(), answer())
    talk.wire.send(CLIENT, record(ContentType.change_cipher_spec, b"\2"))
    assert rules(judged(talk.wire)) == ["change_cipher_spec"]
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    talk.wire.send(CLIENT, record(ContentType.change_cipher_spec, b"\1"))
    assert rules(judged(talk.wire)) == ["change_cipher_spec"]


def test_messages_that_do_not_parse_are_noticed_and_duplicates_are_told_apart() -> None:
    talk = hellos(hello(), answer())
    talk.send(SERVER, SERVER_HS, b"\x08\0\0\3\0\7\0", ContentType.handshake)
    talk.send(SERVER, SERVER_HS, b"\x08\0\0\x0a\0\x08\0\x2a\0\0\0\x2a\0\0", ContentType.handshake)
    assert rules(judged(talk.wire))[:2] == ["malformed_message", "unexpected_message"]
    assert "duplicate_extension" in rules(judged(talk.wire))


def test_a_hello_that_does_not_parse_has_fingerprints_all_the_same() -> None:
    broken = bytearray(raw(hello()))
    broken[-16:-14] = b"\0\1"  # the length of the list of server names, which comes last
    wire = Wire().open()
    wire.send(CLIENT, record(ContentType.handshake, bytes(broken)))
    found = judged(wire)
    assert found.offer is not None
    assert (found.offer.server_name, found.offer.groups) == ("", (X25519, P256))
    assert found.fingerprints.ja4.startswith("t13d0206h2_")
    assert rules(found) == ["malformed_message"]


def test_no_peer_makes_the_lists_grow_without_end() -> None:
    talk = hellos(hello(), answer())
    for _ in range(200):
        talk.send(SERVER, SERVER_HS, EncryptedExtensions())
        talk.wire.send(CLIENT, record(ContentType.alert, b"\1\x5a"))
    found = judged(talk.wire)
    assert len(found.anomalies) < 50
    assert found.more_anomalies > 100
    assert len(found.alerts) < 20
    assert len(found.flights) < 20


# -- TLS 1.2 -----------------------------------------------------------------------------------------------


OLD_SUITE = CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
CHANGE = record(ContentType.change_cipher_spec, b"\1")


def older(
    *extensions: Extension,
    suite: CipherSuite = OLD_SUITE,
    random: bytes = bytes(32),
    version: ProtocolVersion = ProtocolVersion.TLS12,
) -> tls12.ServerHello:
    return tls12.ServerHello(
        random=random, cipher_suite=suite, server_version=version, extensions=list(extensions) or None
    )


def old_hello(*more: Extension, **fields: Any) -> ClientHello:
    return hello(*more, cipher_suites=[SUITE, OLD_SUITE], **fields)


def old_talk(message: ClientHello, answered: tls12.ServerHello, *rest: tls12.HandshakeMessage) -> Talk:
    talk = hellos(message)
    flight = b"".join(tls12.Handshake.of(each).build() for each in (answered, *rest))
    talk.wire.send(SERVER, record(ContentType.handshake, flight))
    return talk


def test_a_warning_before_the_server_hello_of_tls_1_2_is_no_end() -> None:
    talk = hellos(old_hello())
    talk.wire.send(SERVER, record(ContentType.alert, bytes([1, AlertDescription.unrecognized_name])))
    talk.wire.send(SERVER, record(ContentType.handshake, tls12.Handshake.of(older()).build()))
    found = judged(talk.wire)
    assert rules(found) == []
    assert [alert.description for alert in found.alerts] == [AlertDescription.unrecognized_name]
    talk = hellos(old_hello())
    talk.wire.send(SERVER, record(ContentType.alert, bytes([2, AlertDescription.unrecognized_name])))
    talk.wire.send(SERVER, record(ContentType.handshake, tls12.Handshake.of(older()).build()))
    assert rules(judged(talk.wire)) == ["data_after_fatal_alert"]


def test_a_full_handshake_of_tls_1_2_is_summed_up() -> None:
    parameters = b"\3\0\x17" + b"\x04xxxx" + b"\4\1" + b"\0\1y"
    talk = old_talk(
        old_hello(),
        older(ApplicationLayerProtocolNegotiation.tls12_server_hello([b"http/1.1"])),
        tls12.Certificate(certificate_list=[b"leaf", b"issuer"]),
        tls12.ServerKeyExchange(parameters=parameters),
        tls12.ServerHelloDone(),
    )
    talk.wire.send(SERVER, CHANGE)
    found = judged(talk.wire)
    agreed = found.negotiated
    assert (agreed.version, agreed.cipher_suite) == (ProtocolVersion.TLS12, OLD_SUITE)
    assert (agreed.key_exchange, agreed.group) == ("ECDHE_RSA", P256)
    assert (agreed.signature_scheme, agreed.application_protocol) == (SignatureScheme.rsa_pkcs1_sha256, "http/1.1")
    assert found.resumption is Resumption.none
    assert found.server_chain == (b"leaf", b"issuer")
    assert found.anomalies == ()


@pytest.mark.parametrize(
    ("extensions", "resumption"),
    [([], Resumption.session_id), ([SessionTicket.client_hello(b"ticket")], Resumption.session_ticket)],
)
def test_a_server_that_changes_cipher_at_once_resumes(extensions: list[Extension], resumption: Resumption) -> None:
    talk = old_talk(old_hello(*extensions), older())
    assert judged(talk.wire).resumption is Resumption.unknown
    talk.wire.send(SERVER, CHANGE)
    assert judged(talk.wire).resumption is resumption


def test_tls_1_2_sends_the_same_in_messages_of_their_own() -> None:
    listed = extensions.SignedCertificateTimestamp.tls12_server_hello([stamp()])
    talk = old_talk(old_hello(), older(listed), tls12.Certificate(certificate_list=[b"leaf"]))
    status = tls12.Handshake.of(tls12.CertificateStatus(response=b"no response")).build()
    talk.wire.send(SERVER, record(ContentType.handshake, status))
    found = judged(talk.wire)
    assert (found.stapled, len(found.timestamps)) == (b"no response", 1)


def test_the_mark_of_a_downgrade_is_noticed() -> None:
    marked = older(random=bytes(24) + b"DOWNGRD\1")
    assert rules(judged(old_talk(old_hello(), marked).wire)) == ["downgrade_mark"]
    assert rules(judged(old_talk(old_hello(), older()).wire)) == []


def test_tls_1_2_has_its_own_order_and_sections() -> None:
    talk = old_talk(old_hello(), older(suite=CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA), tls12.Finished(verify_data=b""))
    talk.wire.send(SERVER, record(ContentType.handshake, b"\x0e\0\0\0"))
    found = judged(talk.wire)
    assert [(each.rule.name, each.rule.section) for each in found.anomalies] == [
        ("unoffered_cipher_suite", "RFC 5246 §7.4.1.3"),
        ("unexpected_message", "RFC 5246 §7.3"),
    ]


def test_what_may_come_behind_the_handshake_is_no_breach() -> None:
    talk = hellos(hello(), answer())
    talk.rest_of_handshake()
    schemes = SignatureAlgorithms.certificate_request([SCHEME])
    for _ in range(2):
        talk.send(SERVER, SERVER_AP, CertificateRequest(certificate_request_context=b"1", extensions=[schemes]))
        talk.send(SERVER, SERVER_AP, TICKET)
    certificate = CertificateEntry(cert_data=b"x")
    talk.send(CLIENT, CLIENT_AP, Certificate(certificate_request_context=b"1", certificate_list=[certificate]))
    talk.send(CLIENT, CLIENT_AP, CertificateVerify(algorithm=SCHEME, signature=b""))
    talk.send(CLIENT, CLIENT_AP, KEY_UPDATE)
    # The KeyUpdate stands in the middle of an authentication.
    assert rules(judged(talk.wire)) == ["unexpected_message"]
