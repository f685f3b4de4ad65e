"""What our client refuses of a ServerHello or HelloRetryRequest, each violation by its own reason. RFC 9846 §4.2"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from by_hand import HANDSHAKE, KeyPair, disguised, message, raw, with_extension, without_extension
from endpoints import Endpoints
from scripted import ScriptedServer
from violations import UNKNOWN, Violation, check, rows

from schemas import tls12
from schemas.code_points import CipherSuite, ExtensionType, NamedGroup, ProtocolVersion
from schemas.extension_block import Extension
from schemas.extensions import Cookie, KeyShare, KeyShareEntry, SupportedGroups, SupportedVersions
from schemas.handshake import ClientHello, HandshakeMessage
from tls13 import errors
from tls13.config import MessageEditor
from tls13.errors import Reason
from tls13.handshake.states import WaitServerHelloAfterRetry

# ServerHello


def hello_with(*extensions: Extension, **changes: Any) -> Violation:
    """A ServerHello with these in the place of its own extensions of the same types."""

    def violation(server: ScriptedServer) -> HandshakeMessage:
        honest = server.server_hello(**changes)
        listed = honest.extensions
        for each in extensions:
            listed = with_extension(listed, each)
        return replace(honest, extensions=listed)

    return violation


def hello_without(extension_type: ExtensionType, **changes: Any) -> Violation:
    def violation(server: ScriptedServer) -> HandshakeMessage:
        honest = server.server_hello(**changes)
        return replace(honest, extensions=without_extension(honest.extensions, extension_type))

    return violation


def older_hello(server: ScriptedServer) -> bytes:
    """A ServerHello as TLS 1.2 has it, without any extensions."""
    suite = CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256
    chosen = tls12.ServerHello(random=bytes(range(32)), cipher_suite=suite, extensions=None)
    return tls12.Handshake.of(chosen).build()


def share(group: NamedGroup, key_exchange: bytes) -> Extension:
    return KeyShare.server_hello(KeyShareEntry(group=group, key_exchange=key_exchange))


P256_OFF_CURVE = b"\x04" + bytes(31) + b"\x01" + bytes(31) + b"\x01"


@rows(
    ("legacy_version TLS 1.1", hello_with(legacy_version=ProtocolVersion.TLS11), errors.UnsupportedVersion),
    ("legacy_version TLS 1.3", hello_with(legacy_version=ProtocolVersion.TLS13), errors.UnsupportedVersion),
    ("another session id", hello_with(legacy_session_id_echo=bytes(32)), errors.WrongSessionIdEcho),
    ("no session id", hello_with(legacy_session_id_echo=b""), errors.WrongSessionIdEcho),
    ("unoffered suite", hello_with(cipher_suite=CipherSuite.TLS_AES_128_CCM_SHA256), errors.UnofferedParameter),
    ("unknown suite", hello_with(cipher_suite=CipherSuite(0x5A5A)), errors.UnofferedParameter),
    ("compression", hello_with(legacy_compression_method=1), errors.IllegalCompression),
    (
        "selected version TLS 1.2",
        hello_with(SupportedVersions.server_hello(ProtocolVersion.TLS12)),
        errors.UnofferedParameter,
    ),
    (
        "selected version of the future",
        hello_with(SupportedVersions.server_hello(ProtocolVersion(0x0305))),
        errors.UnofferedParameter,
    ),
    ("older version", hello_without(ExtensionType.supported_versions), errors.UnsupportedVersion),
    ("no extensions", older_hello, errors.UnsupportedVersion),
    (
        "downgrade to TLS 1.2",
        hello_without(ExtensionType.supported_versions, random=bytes(24) + b"DOWNGRD\x01"),
        errors.DowngradeDetected,
    ),
    (
        "downgrade below TLS 1.2",
        hello_without(ExtensionType.supported_versions, random=bytes(24) + b"DOWNGRD\x00"),
        errors.DowngradeDetected,
    ),
    ("no key share", hello_without(ExtensionType.key_share), errors.MissingExtension),
    (
        "share of a group without one",
        hello_with(share(NamedGroup.secp256r1, KeyPair(NamedGroup.secp256r1).share)),
        errors.UnofferedParameter,
    ),
    ("share of an unknown group", hello_with(share(NamedGroup(0x7777), b"x")), errors.UnofferedParameter),
    ("short x25519 share", hello_with(share(NamedGroup.x25519, bytes(31))), errors.BadKeyShare),
    ("long x25519 share", hello_with(share(NamedGroup.x25519, b"\x09" + bytes(32))), errors.BadKeyShare),
    ("all-zero secret", hello_with(share(NamedGroup.x25519, bytes(32))), errors.BadKeyShare),
    ("small order", hello_with(share(NamedGroup.x25519, b"\x01" + bytes(31))), errors.BadKeyShare),
    (
        "empty share",
        lambda server: raw(server.server_hello()).replace(b"\x00\x24\x00\x1d\x00\x20", b"\x00\x24\x00\x1d\x00\x00"),
        errors.MalformedMessage,
    ),
    ("unsolicited unknown extension", hello_with(UNKNOWN), errors.UnsolicitedExtension),
    (
        "unsolicited pre_shared_key",
        lambda server: disguised(server.server_hello(), 41, b"\0\0"),
        errors.UnsolicitedExtension,
    ),
    (
        "unsolicited renegotiation_info",
        lambda server: disguised(server.server_hello(), 0xFF01, b"\0"),
        errors.UnsolicitedExtension,
    ),
    (
        "misplaced supported_groups",
        lambda server: disguised(server.server_hello(), 10, b"\0\x02\0\x1d"),
        errors.MisplacedExtension,
    ),
    ("misplaced cookie", lambda server: disguised(server.server_hello(), 44, b"\0\x01a"), errors.MisplacedExtension),
    ("unsolicited early_data", lambda server: disguised(server.server_hello(), 42, b""), errors.UnsolicitedExtension),
    (
        "duplicate extension",
        lambda server: disguised(server.server_hello(), 43, b"\x03\x04"),
        errors.DuplicateExtension,
    ),
    (
        "trailing data in an extension",
        lambda server: disguised(
            replace(server.server_hello(), extensions=[KeyShare.server_hello(server.key_pair.entry)]), 43, b"\x03\x04\0"
        ),
        errors.MalformedMessage,
    ),
    (
        "trailing data in the message",
        lambda server: message(2, raw(server.server_hello())[4:] + b"\0"),
        errors.MalformedMessage,
    ),
    ("cut short", lambda server: message(2, raw(server.server_hello())[4:40]), errors.MalformedMessage),
)
def test_server_hello_that_breaks_a_rule(endpoints: Endpoints, violation: Violation, reason: type[Reason]) -> None:
    check(endpoints.scripted_server(), violation, reason)


@pytest.mark.parametrize(
    "point",
    [
        b"\0",
        bytes(65),
        b"\x04" + bytes(64),
        P256_OFF_CURVE,
        b"\x04" + bytes([255]) * 64,
        b"\x02" + bytes(31) + b"\x05",
        bytes([4]),
    ],
    ids=["infinity", "zeros", "zero-coordinates", "off-curve", "out-of-range", "compressed", "too-short"],
)
def test_points_that_are_no_p256_public_key(endpoints: Endpoints, point: bytes) -> None:
    server = endpoints.scripted_server(groups=(NamedGroup.secp256r1,))
    check(server, hello_with(share(NamedGroup.secp256r1, point)), errors.BadKeyShare)


def test_a_suite_that_is_known_but_was_not_offered_is_refused(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server(cipher_suites=(CipherSuite.TLS_AES_128_GCM_SHA256,))
    violation = hello_with(cipher_suite=CipherSuite.TLS_AES_256_GCM_SHA384)
    check(server, violation, errors.UnofferedParameter)


def offering(*extensions: Extension, **changes: Any) -> MessageEditor:
    """Makes the client offer what it was not built for, as a caller may who crafts."""

    def edit(what: HandshakeMessage) -> HandshakeMessage:
        assert isinstance(what, ClientHello)
        listed = what.extensions
        for each in extensions:
            listed = with_extension(listed, each)
        return replace(what, extensions=listed, **changes)

    return edit


def test_what_was_offered_but_is_not_implemented_is_refused_when_it_is_chosen(endpoints: Endpoints) -> None:
    suite, group = CipherSuite(0x1399), NamedGroup(0x7777)
    server = endpoints.scripted_server(edit_message=offering(cipher_suites=[suite]))
    check(server, hello_with(cipher_suite=suite), errors.UnsupportedHandshake)
    server = endpoints.scripted_server(edit_message=offering(SupportedGroups.client_hello([NamedGroup.x25519, group])))
    check(server, retry_with(KeyShare.hello_retry_request(group)), errors.UnsupportedHandshake)


def test_a_session_id_echo_where_none_was_sent_is_refused(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server(middlebox_compatibility=False)
    assert server.client_hello.legacy_session_id == b""
    check(server, hello_with(legacy_session_id_echo=bytes(32)), errors.WrongSessionIdEcho)


def test_an_older_server_is_named_in_the_error(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server()
    violation = hello_without(ExtensionType.supported_versions, legacy_version=ProtocolVersion.TLS11)
    error = server.refused_message(violation(server))
    assert isinstance(error, errors.UnsupportedVersion)
    assert (error.offered, error.supported) == (("TLS11",), ("TLS13",))


def test_bytes_behind_server_hello_in_its_record_are_refused(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server()
    error = server.refused_message(server.server_hello(), message(8, b"\0\0"))
    assert type(error) is errors.KeyChangeInsideMessage
    server = endpoints.scripted_server()
    error = server.refused_message(server.server_hello(), b"\x08")
    assert type(error) is errors.KeyChangeInsideMessage


@pytest.mark.parametrize("more", [b"\x02", message(2, bytes(70))], ids=["a-part", "a-message"])
def test_bytes_behind_hello_retry_request_in_its_record_are_refused(endpoints: Endpoints, more: bytes) -> None:
    """A server has nothing to say before the second ClientHello."""
    server = endpoints.scripted_server()
    error = server.refused_message(server.hello_retry_request(), more)
    assert type(error) is errors.KeyChangeInsideMessage


# HelloRetryRequest


def retry_with(*extensions: Extension, **changes: Any) -> Violation:
    def violation(server: ScriptedServer) -> HandshakeMessage:
        honest = server.hello_retry_request(**changes)
        listed = honest.extensions
        for each in extensions:
            listed = with_extension(listed, each)
        return replace(honest, extensions=listed)

    return violation


@rows(
    (
        "no version",
        lambda server: replace(
            server.hello_retry_request(),
            extensions=[KeyShare.hello_retry_request(NamedGroup.secp256r1), Cookie.hello_retry_request(b"c")],
        ),
        errors.MissingExtension,
    ),
    (
        "version TLS 1.2",
        retry_with(SupportedVersions.hello_retry_request(ProtocolVersion.TLS12)),
        errors.UnofferedParameter,
    ),
    ("legacy_version TLS 1.3", retry_with(legacy_version=ProtocolVersion.TLS13), errors.UnsupportedVersion),
    ("another session id", retry_with(legacy_session_id_echo=b"x"), errors.WrongSessionIdEcho),
    ("unoffered suite", retry_with(cipher_suite=CipherSuite.TLS_AES_128_CCM_8_SHA256), errors.UnofferedParameter),
    ("compression", retry_with(legacy_compression_method=64), errors.IllegalCompression),
    (
        "group that was not offered",
        retry_with(KeyShare.hello_retry_request(NamedGroup.secp521r1)),
        errors.UnofferedParameter,
    ),
    ("group whose share was sent", retry_with(KeyShare.hello_retry_request(NamedGroup.x25519)), errors.UselessRetry),
    ("no change at all", retry_with(group=None), errors.UselessRetry),
    ("unsolicited extension", retry_with(UNKNOWN), errors.UnsolicitedExtension),
    (
        "misplaced extension",
        lambda server: disguised(server.hello_retry_request(), 10, b"\0\x02\0\x1d"),
        errors.MisplacedExtension,
    ),
    (
        "unsolicited pre_shared_key",
        lambda server: disguised(server.hello_retry_request(), 41, b"\0\0"),
        errors.UnsolicitedExtension,
    ),
    (
        "duplicate extension",
        lambda server: disguised(server.hello_retry_request(), 51, b"\0\x17"),
        errors.DuplicateExtension,
    ),
    ("empty cookie", lambda server: disguised(server.hello_retry_request(), 44, b"\0\0"), errors.MalformedMessage),
    (
        "key share of a ServerHello",
        lambda server: disguised(server.hello_retry_request(group=None), 51, b"\0\x17\0\x01a"),
        errors.MalformedMessage,
    ),
)
def test_hello_retry_request_that_breaks_a_rule(
    endpoints: Endpoints, violation: Violation, reason: type[Reason]
) -> None:
    check(endpoints.scripted_server(), violation, reason)


@rows(
    ("second retry", lambda server: server.hello_retry_request(group=None, cookie=b"c"), errors.UnexpectedMessage),
    ("another suite", hello_with(cipher_suite=CipherSuite.TLS_CHACHA20_POLY1305_SHA256), errors.ChangedParameter),
    (
        "another group",
        hello_with(share(NamedGroup.x25519, KeyPair(NamedGroup.x25519).share)),
        errors.UnofferedParameter,
    ),
    ("another version", hello_with(SupportedVersions.server_hello(ProtocolVersion.TLS12)), errors.UnofferedParameter),
    ("another session id", hello_with(legacy_session_id_echo=b""), errors.WrongSessionIdEcho),
    ("a cookie", lambda server: disguised(server.server_hello(), 44, b"\0\x01a"), errors.MisplacedExtension),
)
def test_server_hello_that_contradicts_the_retry(
    endpoints: Endpoints, violation: Violation, reason: type[Reason]
) -> None:
    check(endpoints.scripted_server().reach(WaitServerHelloAfterRetry), violation, reason)


def test_a_cookie_that_no_hello_can_hold_is_refused(endpoints: Endpoints) -> None:
    """65,523 bytes fit into the HelloRetryRequest, but not beside the extensions of a second ClientHello."""
    violation = retry_with(group=None, cookie=b"c" * 65_523)
    check(endpoints.scripted_server(), violation, errors.ForbiddenValue)


def test_the_longest_cookie_that_fits_is_sent_back(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server()
    server.deliver(server.records(raw(server.hello_retry_request(group=None, cookie=b"c" * 65_000))))
    second = b"".join(record[5:] for record in server.inbox if record[0] == HANDSHAKE)
    assert b"\xfd\xea\xfd\xe8" + b"c" * 65_000 in second
