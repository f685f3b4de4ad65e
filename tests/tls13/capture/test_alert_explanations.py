"""What alerts mean in their connections."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from capture.judged import (
    CLIENT_HS,
    OLDER,
    P384,
    SERVER_HS,
    SUITE,
    TLS13,
    X25519,
    answer,
    hello,
    hellos,
    judged,
    retry,
    share,
)
from capture.made_captures import (
    CLIENT,
    SERVER,
    Talk,
    Wire,
    pcap_of,
    raw,
    record,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from schemas.alert import Alert
from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import (
    AlertDescription,
    AlertLevel,
    CipherSuite,
    ContentType,
    ProtocolVersion,
)
from schemas.extensions import (
    KeyShare,
    SupportedGroups,
)
from schemas.handshake import (
    EncryptedExtensions,
)
from tls13.capture import read_capture


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
