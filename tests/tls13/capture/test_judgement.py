"""What is said of a connection as a whole: parameters, what was left, why a retry, what alerts mean, what is wrong."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import pytest
import zstandard
from capture.judged import (
    CLIENT_HS,
    MODES,
    OFFERED,
    OTHER_SUITE,
    P256,
    SCHEME,
    SERVER_AP,
    SERVER_HS,
    SUITE,
    TLS13,
    X25519,
    answer,
    hello,
    hellos,
    judged,
    retry,
    rules,
    share,
    stamp,
)
from capture.made_captures import (
    CLIENT,
    FINISHED,
    SERVER,
    Talk,
    Wire,
    keylog,
    pcap_of,
    raw,
    record,
)

from schemas import extensions
from schemas.certificate import Certificate, CertificateEntry, CompressedCertificate
from schemas.code_points import (
    CertificateCompressionAlgorithm,
    ContentType,
    ExtensionType,
    ProtocolVersion,
)
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    CertificateStatus,
    Cookie,
    EarlyDataIndication,
    KeyShare,
    OfferedPsks,
    PreSharedKey,
    PskIdentity,
    StatusRequest,
)
from schemas.handshake import (
    CertificateVerify,
    EncryptedExtensions,
    NewSessionTicket,
)
from tls13.capture import Direction, NoteKind, read_capture
from tls13.capture.judging.judgement import EarlyData, PskOrigin, Resumption

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
