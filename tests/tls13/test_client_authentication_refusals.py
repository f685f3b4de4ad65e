"""What both roles refuse where a client shows who it is, in the handshake or later. RFC 9846 §4.4.2, §4.5, §4.7.2"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from by_hand import APPLICATION_DATA, HANDSHAKE, key_update, message, raw
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from endpoints import Endpoints
from scripted import Identity, ScriptedClient, ScriptedServer
from violations import UNKNOWN, Violation, check, finished_of, rows

from certs import CLIENT_FLAWS, Flaw, KeyFiles, Pki
from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import SignatureScheme
from schemas.extension_block import Extension
from schemas.extensions import OIDFilter, OIDFilters, SignatureAlgorithms
from schemas.handshake import CertificateRequest, CertificateVerify, Finished, HandshakeMessage
from tls13 import errors
from tls13.config import ClientAuthentication
from tls13.errors import Reason
from tls13.events import ClientAuthenticated
from tls13.handshake.states import (
    ClientConnected,
    ServerConnected,
    State,
    WaitCertificateOrRequest,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitClientFinished,
    WaitLateCertificateVerify,
    WaitLateFinished,
    WaitServerFinished,
)
from tls13.psk import Psk
from tls13.x509.trust import TrustStore


def identity(files: KeyFiles) -> Identity:
    """What stands in these files; where the key is of another type, with one that signs nothing true."""
    pem = files.certificate.read_bytes()
    chain = tuple(each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(pem))
    key = load_pem_private_key(files.key.read_bytes(), None)
    return Identity(chain, key if isinstance(key, Ed25519PrivateKey) else Ed25519PrivateKey.generate())


def asking(pki: Pki, **changes: Any) -> dict[str, Any]:
    """Makes a server ask, and believe those whom the PKI has certified."""
    asked = ClientAuthentication(policy=TrustStore.load(pki.ca))
    return {"client_authentication": replace(asked, **changes)}


Start = Callable[[Endpoints, Pki, dict[str, Any]], ScriptedClient]
"""Gives a client of whom a certificate is expected."""


def in_the_handshake(endpoints: Endpoints, pki: Pki, changes: dict[str, Any]) -> ScriptedClient:
    client = endpoints.scripted_client(**asking(pki, **changes))
    client.identity = identity(pki.client("ed25519"))
    return client.reach(WaitClientCertificate)


def after_it(endpoints: Endpoints, pki: Pki, changes: dict[str, Any]) -> ScriptedClient:
    client = endpoints.scripted_client(**asking(pki, in_handshake=False, **changes))
    client.identity = identity(pki.client("ed25519"))
    client.say(client.first_hello(WaitLateFinished))
    client.reach(ServerConnected)
    client.be_asked()
    return client


both_times = pytest.mark.parametrize("start", [in_the_handshake, after_it])


# Certificate


@both_times
def test_a_client_with_a_certificate_is_believed(endpoints: Endpoints, pki: Pki, start: Start) -> None:
    client = start(endpoints, pki, {})
    client.say(client.certificate())
    client.say(client.certificate_verify())
    client.say(client.finished())
    assert type(client.connection.state) is ServerConnected
    assert client.connection.negotiated is not None
    assert client.identity is not None
    assert client.connection.negotiated.peer_certificates == client.identity.chain


def without_certificate(client: ScriptedClient) -> Certificate:
    return replace(client.certificate(), certificate_list=[])


def with_context(context: bytes) -> Violation:
    return lambda client: replace(client.certificate(), certificate_request_context=context)


@rows(
    ("none at all", without_certificate, errors.CertificateRequired),
    ("extension that nobody asked for", lambda client: client.certificate(UNKNOWN), errors.UnsolicitedExtension),
    (
        "nonsense",
        lambda client: replace(client.certificate(), certificate_list=[CertificateEntry(cert_data=b"nonsense")]),
        errors.BadCertificate,
    ),
    (
        "nonsense behind a good one",
        lambda client: replace(
            client.certificate(),
            certificate_list=[*client.certificate().certificate_list, CertificateEntry(cert_data=b"x")],
        ),
        errors.BadCertificate,
    ),
    (
        "too many",
        lambda client: replace(client.certificate(), certificate_list=client.certificate().certificate_list * 17),
        errors.TooManyCertificates,
    ),
    (
        "empty entry",
        lambda client: message(11, raw(without_certificate(client))[4:-3] + bytes.fromhex("000005 000000 0000")),
        errors.MalformedMessage,
    ),
    (
        "trailing data",
        lambda client: message(11, raw(client.certificate())[4:] + b"\0"),
        errors.MalformedMessage,
    ),
)
@both_times
def test_a_certificate_that_breaks_a_rule(
    endpoints: Endpoints, pki: Pki, start: Start, violation: Violation, reason: type[Reason]
) -> None:
    check(start(endpoints, pki, {}), violation, reason)


def test_the_context_is_that_of_the_request(endpoints: Endpoints, pki: Pki) -> None:
    """§4.4.2: empty in the handshake; after it, an answer to no request is a message out of place."""
    check(in_the_handshake(endpoints, pki, {}), with_context(b"late"), errors.ForbiddenValue)
    for context in (b"", b"another", bytes(32), bytes(255)):
        check(after_it(endpoints, pki, {}), with_context(context), errors.UnexpectedMessage)


ALERTS = {
    Flaw.EXPIRED: errors.CertificateExpired,
    Flaw.NOT_YET_VALID: errors.CertificateExpired,
    Flaw.WRONG_USAGE: errors.BadCertificate,
    Flaw.SELF_SIGNED: errors.UnknownCA,
    Flaw.UNKNOWN_CA: errors.UnknownCA,
    Flaw.NAMESAKE_CA: errors.UnknownCA,
    Flaw.EXPIRED_ISSUER: errors.CertificateExpired,
    Flaw.ISSUER_IS_NO_CA: errors.BadCertificate,
    Flaw.WEAK_KEY: errors.UnsupportedCertificate,
    Flaw.WEAK_SIGNATURE: errors.BadCertificate,
    Flaw.UNSUPPORTED_KEY: errors.UnsupportedCertificate,
}


@pytest.mark.parametrize("flaw", CLIENT_FLAWS)
@both_times
def test_a_flawed_certificate_is_refused_by_its_own_alert(
    endpoints: Endpoints, pki: Pki, start: Start, flaw: Flaw
) -> None:
    """Required or not: who shows a certificate must show a good one."""
    for required in (True, False):
        client = start(endpoints, pki, {"required": required})
        client.identity = identity(pki.flawed_client(flaw))
        check(client, ScriptedClient.certificate, ALERTS[flaw])


@both_times
def test_a_certificate_under_the_security_floor_is_refused(endpoints: Endpoints, pki: Pki, start: Start) -> None:
    """An RSA key of 2048 bits is worth 112 (NIST SP 800-57)."""
    for floor, is_enough in ((112, True), (128, False)):
        client = start(EndpointsWith(endpoints, security_floor=floor), pki, {})
        client.identity = identity(pki.client("rsa"))
        if is_enough:
            client.say(client.certificate())
        else:
            check(client, ScriptedClient.certificate, errors.InsufficientSecurity)


KEY_USAGE = bytes.fromhex("0603551d0f")
EXTENDED_KEY_USAGE = bytes.fromhex("0603551d25")
CODE_SIGNING = bytes.fromhex("300a06082b06010505070303")


@pytest.mark.parametrize(
    "wanted",
    [
        OIDFilter(certificate_extension_oid=EXTENDED_KEY_USAGE, certificate_extension_values=CODE_SIGNING),
        OIDFilter(certificate_extension_oid=KEY_USAGE, certificate_extension_values=bytes.fromhex("03020640")),
        OIDFilter(certificate_extension_oid=bytes.fromhex("06032a0304"), certificate_extension_values=b""),
    ],
    ids=["purpose", "usage", "unknown-extension"],
)
@both_times
def test_a_certificate_that_does_not_match_the_filters_is_unsupported(
    endpoints: Endpoints, pki: Pki, start: Start, wanted: OIDFilter
) -> None:
    """§4.3.5."""
    client = start(endpoints, pki, {"oid_filters": (wanted,)})
    check(client, ScriptedClient.certificate, errors.UnsupportedCertificate)


# CertificateVerify


def signed(context: bytes, transcript_hash: bytes = b"") -> Violation:
    def violation(client: ScriptedClient) -> HandshakeMessage:
        assert client.identity is not None
        content = b" " * 64 + context + b"\0" + (transcript_hash or client.transcript_hash())
        return CertificateVerify(algorithm=SignatureScheme.ed25519, signature=client.identity.key.sign(content))

    return violation


def by_scheme(scheme: SignatureScheme) -> Violation:
    return lambda client: replace(client.certificate_verify(), algorithm=scheme)


def by_another_key(client: ScriptedClient) -> HandshakeMessage:
    assert client.identity is not None
    stranger = replace(client.identity, key=Ed25519PrivateKey.generate())
    return stranger.certificate_verify(b"client", client.transcript_hash())


def over_too_much(client: ScriptedClient) -> HandshakeMessage:
    """Itself included, where only what came before it counts."""
    honest = client.certificate_verify()
    client.transcript.append(raw(honest))
    return client.certificate_verify()


@rows(
    ("another key", by_another_key, errors.BadSignature),
    ("server's context", signed(b"TLS 1.3, server CertificateVerify"), errors.BadSignature),
    ("no context", signed(b""), errors.BadSignature),
    ("another transcript", signed(b"TLS 1.3, client CertificateVerify", bytes(32)), errors.BadSignature),
    ("a transcript with itself in it", over_too_much, errors.BadSignature),
    ("no signature", lambda client: replace(client.certificate_verify(), signature=b""), errors.BadSignature),
    ("zeros", lambda client: replace(client.certificate_verify(), signature=bytes(64)), errors.BadSignature),
    ("scheme of another key", by_scheme(SignatureScheme.ecdsa_secp256r1_sha256), errors.ForbiddenSignatureScheme),
    ("RSA of PKCS #1", by_scheme(SignatureScheme.rsa_pkcs1_sha256), errors.ForbiddenSignatureScheme),
    ("SHA-1", by_scheme(SignatureScheme.ecdsa_sha1), errors.ForbiddenSignatureScheme),
    ("unknown scheme", by_scheme(SignatureScheme(0xFEFE)), errors.ForbiddenSignatureScheme),
    (
        "trailing data",
        lambda client: message(15, raw(client.certificate_verify())[4:] + b"\0"),
        errors.MalformedMessage,
    ),
    ("nothing", lambda client: message(15, b""), errors.MalformedMessage),
)
@both_times
def test_a_certificate_verify_that_breaks_a_rule(
    endpoints: Endpoints, pki: Pki, start: Start, violation: Violation, reason: type[Reason]
) -> None:
    client = start(endpoints, pki, {})
    client.say(client.certificate())
    assert type(client.connection.state) in (WaitClientCertificateVerify, WaitLateCertificateVerify)
    check(client, violation, reason)


@both_times
def test_a_scheme_that_fits_the_key_but_was_not_asked_for_is_refused(
    endpoints: Endpoints, pki: Pki, start: Start
) -> None:
    client = start(EndpointsWith(endpoints, signature_schemes=(SignatureScheme.ecdsa_secp256r1_sha256,)), pki, {})
    client.say(client.certificate())
    check(client, ScriptedClient.certificate_verify, errors.ForbiddenSignatureScheme)


class EndpointsWith(Endpoints):
    """Endpoints whose servers are all configured with the same changes."""

    def __init__(self, of: Endpoints, **changes: Any) -> None:
        super().__init__(of.client_config, replace(of.server_config, **changes), of.identity)


@both_times
@pytest.mark.parametrize("has_certificate", [True, False])
def test_a_signature_stands_behind_a_certificate_and_nowhere_else(
    endpoints: Endpoints, pki: Pki, start: Start, has_certificate: bool
) -> None:
    client = start(endpoints, pki, {"required": False})
    known = client.identity
    if not has_certificate:
        client.identity = None
    client.say(client.certificate())
    client.identity = known
    out_of_place = ScriptedClient.finished if has_certificate else ScriptedClient.certificate_verify
    check(client, out_of_place, errors.UnexpectedMessage)


# Finished


def without_the_last_message(client: ScriptedClient) -> HandshakeMessage:
    client.transcript.pop()
    return client.finished()


@rows(
    ("wrong MAC", finished_of(lambda data: data[:-1] + bytes([data[-1] ^ 1])), errors.BadFinished),
    ("the signature left out", without_the_last_message, errors.BadFinished),
    (
        "the server's MAC",
        lambda client: Finished(verify_data=client.verify_data(client.server_secret)),
        errors.BadFinished,
    ),
    ("short", finished_of(lambda data: data[:-1]), errors.MalformedMessage),
    ("long", finished_of(lambda data: data + b"\0"), errors.MalformedMessage),
)
@both_times
def test_a_finished_that_breaks_a_rule(
    endpoints: Endpoints, pki: Pki, start: Start, violation: Violation, reason: type[Reason]
) -> None:
    client = start(endpoints, pki, {})
    client.say(client.certificate())
    client.say(client.certificate_verify())
    assert type(client.connection.state) in (WaitClientFinished, WaitLateFinished)
    check(client, violation, reason)


def under(secret: bytes) -> Violation:
    return lambda client: Finished(verify_data=client.verify_data(secret))


def test_a_late_finished_is_not_under_the_handshakes_key(endpoints: Endpoints, pki: Pki) -> None:
    """§4.5: its base key is that of the application data of the moment."""
    client = after_it(endpoints, pki, {})
    client.say(client.certificate())
    client.say(client.certificate_verify())
    check(client, under(client.client_secret), errors.BadFinished)


def test_a_late_finished_is_under_the_key_of_the_moment(endpoints: Endpoints, pki: Pki) -> None:
    """After a KeyUpdate that came between request and answer, the key from before it is wrong."""
    for is_new in (True, False):
        client = after_it(endpoints, pki, {})
        assert client.sending is not None
        old = client.sending.secret
        client.deliver(client.record(HANDSHAKE, key_update(0)))
        client.sending = client.sending.updated()
        client.say(client.certificate())
        client.say(client.certificate_verify())
        if is_new:
            client.say(client.finished())
            assert type(client.connection.state) is ServerConnected
        else:
            check(client, under(old), errors.BadFinished)


# Several late requests


def asked_twice(endpoints: Endpoints, pki: Pki) -> tuple[ScriptedClient, list[tuple[CertificateRequest, list[bytes]]]]:
    """The client, and of each request what it says and the transcript that its answer goes on from."""
    client = after_it(endpoints, pki, {})
    requests = [(client.request, list(client.transcript))]
    client.be_asked()
    requests.append((client.request, list(client.transcript)))
    return client, requests


def test_late_requests_may_be_answered_in_any_order(endpoints: Endpoints, pki: Pki) -> None:
    client, requests = asked_twice(endpoints, pki)
    for request, transcript in reversed(requests):
        client.request, client.transcript = request, list(transcript)
        client.say(client.certificate())
        client.say(client.certificate_verify())
        (told,) = client.say(client.finished())
        assert isinstance(told, ClientAuthenticated)
        assert told.context == request.certificate_request_context


def test_a_late_request_is_answered_once(endpoints: Endpoints, pki: Pki) -> None:
    client, requests = asked_twice(endpoints, pki)
    request, transcript = requests[0]
    client.request, client.transcript = request, list(transcript)
    client.say(client.certificate())
    client.say(client.certificate_verify())
    client.say(client.finished())
    check(client, ScriptedClient.certificate, errors.UnexpectedMessage)


def test_an_answer_that_goes_on_from_another_request_is_wrong(endpoints: Endpoints, pki: Pki) -> None:
    client, requests = asked_twice(endpoints, pki)
    client.request, client.transcript = requests[0][0], list(requests[1][1])
    client.say(client.certificate())
    check(client, ScriptedClient.certificate_verify, errors.BadSignature)


@pytest.mark.parametrize("state", [WaitLateCertificateVerify, WaitLateFinished], ids=lambda each: each.__name__)
def test_nothing_comes_between_the_parts_of_an_answer(endpoints: Endpoints, state: type[State]) -> None:
    """§4.7.2: neither data nor another answer nor new keys."""
    for content_type, content in (
        (APPLICATION_DATA, b"data"),
        (HANDSHAKE, key_update(0)),
        (HANDSHAKE, raw(Certificate(certificate_request_context=b"x", certificate_list=[]))),
    ):
        peer = endpoints.peer(state)
        error = peer.refused(peer.record(content_type, content))
        assert type(error) is errors.UnexpectedMessage


# What our client refuses


def request(*extensions: Extension, context: bytes = b"") -> CertificateRequest:
    return CertificateRequest(certificate_request_context=context, extensions=list(extensions))


SCHEMES = SignatureAlgorithms.certificate_request([SignatureScheme.ed25519])


def filters(*wanted: tuple[bytes, bytes]) -> Extension:
    return OIDFilters.certificate_request(
        [OIDFilter(certificate_extension_oid=oid, certificate_extension_values=values) for oid, values in wanted]
    )


ANY_PURPOSE = bytes.fromhex("3006 0604 551d2500")

FORBIDDEN = [
    ("no schemes", (UNKNOWN,), errors.MissingExtension),
    ("nothing", (), errors.MissingExtension),
    ("filters for a thing twice", (SCHEMES, filters((KEY_USAGE, b""), (KEY_USAGE, b""))), errors.ForbiddenValue),
    ("filter for any purpose", (SCHEMES, filters((EXTENDED_KEY_USAGE, ANY_PURPOSE))), errors.ForbiddenValue),
    ("filter with a malformed usage", (SCHEMES, filters((KEY_USAGE, b"\x04"))), errors.ForbiddenValue),
]


@pytest.mark.parametrize(
    ("extensions", "reason"), [row[1:] for row in FORBIDDEN], ids=[row[0].replace(" ", "-") for row in FORBIDDEN]
)
def test_a_request_that_breaks_a_rule(
    endpoints: Endpoints, extensions: tuple[Extension, ...], reason: type[Reason]
) -> None:
    late = endpoints.scripted_server(post_handshake_auth=True, credentials=endpoints.server_config.credentials)
    check(late.reach(ClientConnected), lambda _: request(*extensions, context=b"late"), reason)
    if reason is errors.MissingExtension:
        server = endpoints.scripted_server(credentials=endpoints.server_config.credentials)
        check(server.reach(WaitCertificateOrRequest), lambda _: request(*extensions), reason)


def test_a_context_in_the_handshake_is_illegal(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server().reach(WaitCertificateOrRequest)
    check(server, lambda _: request(SCHEMES, context=b"x"), errors.ForbiddenValue)


def test_a_late_request_has_a_context_of_its_own(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server(post_handshake_auth=True).reach(ClientConnected)
    check(server, lambda _: request(SCHEMES), errors.ForbiddenValue)
    server = endpoints.scripted_server(post_handshake_auth=True).reach(ClientConnected)
    server.say(request(SCHEMES, context=b"one"))
    server.say(request(SCHEMES, context=b"two"))
    check(server, lambda _: request(SCHEMES, context=b"one"), errors.ForbiddenValue)


def test_a_late_request_to_a_client_that_takes_none_is_unexpected(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server(credentials=endpoints.server_config.credentials).reach(ClientConnected)
    check(server, lambda _: request(SCHEMES, context=b"late"), errors.UnexpectedMessage)


def test_a_late_request_under_an_external_key_is_unexpected(endpoints: Endpoints) -> None:
    """§4.4.2: who is known by such a key is not asked for a certificate, now or later."""
    key = Psk(identity=b"a ticket", key=bytes(range(100, 132)), binder_label=b"res binder")
    external = ScriptedServer(
        endpoints.client(psks=(key,), post_handshake_auth=True),
        endpoints.identity,
        key=endpoints.resuming_server().key,
    )
    check(external.reach(ClientConnected), lambda _: request(SCHEMES, context=b"late"), errors.UnexpectedMessage)


def test_a_late_request_in_a_session_that_goes_on_is_answered(endpoints: Endpoints) -> None:
    server = endpoints.resuming_server(post_handshake_auth=True).reach(WaitServerFinished)
    server.say(server.finished())
    server.say(request(SCHEMES, context=b"late"))
    assert [each[0] for each in server.late_answer] == [11, 20]
