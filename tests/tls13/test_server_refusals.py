"""What our server refuses from a client, ClientHello to Finished, each violation by its own reason. RFC 9846 §4"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from by_hand import KeyPair, disguised, message, plaintext, raw, with_extension, without_extension
from changed_hellos import changed
from endpoints import Endpoints
from scripted import ScriptedClient
from violations import UNKNOWN, Violation, check, finished_of, rows

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
    Cookie,
    EarlyDataIndication,
    KeyShare,
    KeyShareEntry,
    OfferedPsks,
    Padding,
    PreSharedKey,
    PskIdentity,
    PskKeyExchangeModes,
    ServerName,
    ServerNameIndication,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import ClientHello, HandshakeMessage, HelloRetryRequest
from tls13 import errors
from tls13.errors import Reason
from tls13.handshake.states import ServerConnected, ServerStart, WaitClientFinished, WaitSecondClientHello

# ClientHello


def hello_with(*extensions: Extension, **changes: Any) -> Violation:
    """A ClientHello with these in the place of its own extensions of the same types, or behind them."""

    def violation(client: ScriptedClient) -> ClientHello:
        listed = client.extensions()
        for each in extensions:
            listed = with_extension(listed, each)
        return client.client_hello(extensions=listed, **changes)

    return violation


def hello_without(*types: ExtensionType) -> Violation:
    def violation(client: ScriptedClient) -> ClientHello:
        listed = client.extensions()
        for each in types:
            listed = without_extension(listed, each)
        return client.client_hello(extensions=listed)

    return violation


def hello_and(extension_type: int, data: str) -> Violation:
    """A ClientHello with one more extension, whatever it holds."""
    return lambda client: disguised(client.client_hello(), extension_type, bytes.fromhex(data))


def hello_but(extension_type: ExtensionType, data: str) -> Violation:
    """A ClientHello with other bytes in one of its extensions."""

    def violation(client: ScriptedClient) -> bytes:
        listed = without_extension(client.extensions(), extension_type)
        return disguised(client.client_hello(extensions=listed), extension_type, bytes.fromhex(data))

    return violation


def share(group: NamedGroup, key_exchange: bytes) -> Extension:
    return KeyShare.client_hello([KeyShareEntry(group=group, key_exchange=key_exchange)])


def two_shares_of_a_group(client: ScriptedClient) -> ClientHello:
    entries = [client.key_pair.entry, KeyPair(NamedGroup.x25519).entry]
    return client.client_hello(extensions=with_extension(client.extensions(), KeyShare.client_hello(entries)))


def psk(identities: int = 1, binders: int = 1) -> Extension:
    """A pre_shared_key of the right form, for tickets that nobody issued."""
    return PreSharedKey.client_hello(
        OfferedPsks(
            identities=[PskIdentity(identity=b"a ticket", obfuscated_ticket_age=7)] * identities,
            binders=[bytes(32)] * binders,
        )
    )


def psk_without_modes(client: ScriptedClient) -> ClientHello:
    listed = without_extension(client.extensions(), ExtensionType.psk_key_exchange_modes)
    return client.client_hello(extensions=[*listed, psk()])


def psk_before_the_end(client: ScriptedClient) -> ClientHello:
    return client.client_hello(extensions=[*client.extensions(), psk(), Padding.client_hello(bytes(9))])


def old_hello(extensions: bytes) -> Violation:
    """A TLS 1.2 ClientHello."""
    return lambda client: message(1, b"\3\3" + bytes(33) + b"\0\2\xc0\x2f\1\0" + extensions)


SERVER_NAME = ExtensionType.server_name
VERSIONS = ExtensionType.supported_versions
GROUPS = ExtensionType.supported_groups
SHARE = ExtensionType.key_share
SCHEMES = ExtensionType.signature_algorithms
ALPN = ExtensionType.application_layer_protocol_negotiation

TLS12_ONLY = SupportedVersions.client_hello([ProtocolVersion.TLS12, ProtocolVersion.TLS11])
OTHER_GROUPS = SupportedGroups.client_hello([NamedGroup.x448, NamedGroup(0x6A6A)])
TWO_OF_A_GROUP = SupportedGroups.client_hello([NamedGroup.x25519, NamedGroup.secp256r1, NamedGroup.x25519])
RSA_ONLY = SignatureAlgorithms.client_hello([SignatureScheme.rsa_pss_rsae_sha256, SignatureScheme.rsa_pkcs1_sha256])
SMALL_ORDER = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")


@rows(
    ("no extensions", lambda client: client.client_hello(extensions=None), errors.UnsupportedVersion),
    ("no supported_versions", hello_without(VERSIONS), errors.UnsupportedVersion),
    ("TLS 1.2 only", hello_with(TLS12_ONLY), errors.UnsupportedVersion),
    ("legacy_version TLS 1.3", hello_with(legacy_version=ProtocolVersion.TLS13), errors.UnsupportedVersion),
    ("legacy_version TLS 1.1", hello_with(legacy_version=ProtocolVersion.TLS11), errors.UnsupportedVersion),
    ("legacy_version SSL 3", hello_with(legacy_version=ProtocolVersion.SSL30), errors.UnsupportedVersion),
    ("two compression methods", hello_with(legacy_compression_methods=b"\0\1"), errors.IllegalCompression),
    ("another compression method", hello_with(legacy_compression_methods=b"\1"), errors.IllegalCompression),
    ("no suite of ours", hello_with(cipher_suites=[CipherSuite(0x1A1A)]), errors.NoCommonCipherSuite),
    ("no supported_groups", hello_without(GROUPS), errors.MissingExtension),
    ("no key_share", hello_without(SHARE), errors.MissingExtension),
    ("no signature_algorithms", hello_without(SCHEMES), errors.MissingExtension),
    ("neither groups nor shares", hello_without(GROUPS, SHARE), errors.MissingExtension),
    ("no group of ours", hello_with(OTHER_GROUPS, KeyShare.client_hello([])), errors.NoCommonGroup),
    ("no scheme of ours", hello_with(RSA_ONLY), errors.NoCommonSignatureScheme),
    ("a group twice", hello_with(TWO_OF_A_GROUP), errors.ForbiddenValue),
    ("two shares of a group", two_shares_of_a_group, errors.ForbiddenValue),
    ("share of an unlisted group", hello_with(share(NamedGroup.x448, bytes(56))), errors.ForbiddenValue),
    ("short x25519 share", hello_with(share(NamedGroup.x25519, bytes(31))), errors.BadKeyShare),
    ("all-zero secret", hello_with(share(NamedGroup.x25519, bytes(32))), errors.BadKeyShare),
    ("small order", hello_with(share(NamedGroup.x25519, SMALL_ORDER)), errors.BadKeyShare),
    ("misplaced oid_filters", hello_and(48, "0000"), errors.MisplacedExtension),
    ("duplicate extension", hello_and(10, "0002001d"), errors.DuplicateExtension),
    ("duplicate unknown", lambda client: doubled(client, 0xFACE), errors.DuplicateExtension),
    ("two names", hello_but(SERVER_NAME, "000a 00 0002 6162 00 0002 6364"), errors.ForbiddenValue),
    ("no name", hello_but(SERVER_NAME, "0000"), errors.MalformedMessage),
    ("empty name", hello_but(SERVER_NAME, "0003 00 0000"), errors.MalformedMessage),
    ("name that is not ASCII", hello_but(SERVER_NAME, "0004 00 0001 e4"), errors.ForbiddenValue),
    ("name with a null byte", hello_but(SERVER_NAME, "0005 00 0002 6100"), errors.ForbiddenValue),
    ("name with a space", hello_but(SERVER_NAME, "0006 00 0003 612062"), errors.ForbiddenValue),
    ("trailing data behind a name", hello_but(SERVER_NAME, "0004 00 0001 61 00"), errors.MalformedMessage),
    ("empty versions", hello_but(VERSIONS, "00"), errors.MalformedMessage),
    ("odd versions", hello_but(VERSIONS, "03 0304 03"), errors.MalformedMessage),
    ("odd groups", hello_but(GROUPS, "0003 001d00"), errors.MalformedMessage),
    ("empty groups", hello_but(GROUPS, "0000"), errors.MalformedMessage),
    ("trailing data behind groups", hello_but(GROUPS, "0002 001d 00"), errors.MalformedMessage),
    ("empty share", hello_but(SHARE, "0004 001d 0000"), errors.MalformedMessage),
    ("share longer than the list", hello_but(SHARE, "0006 001d 0003 6161"), errors.MalformedMessage),
    ("empty schemes", hello_but(SCHEMES, "0000"), errors.MalformedMessage),
    ("empty ALPN", hello_but(ALPN, "0000"), errors.MalformedMessage),
    ("empty ALPN name", hello_but(ALPN, "0003 00 0161"), errors.MalformedMessage),
    ("data in early_data", hello_and(42, "00"), errors.MalformedMessage),
    ("empty cookie", hello_and(44, "0000"), errors.MalformedMessage),
    ("psk before the end", psk_before_the_end, errors.ForbiddenValue),
    ("psk without modes", psk_without_modes, errors.MissingExtension),
    ("more binders than psks", hello_with(psk(1, 2)), errors.ForbiddenValue),
    ("fewer binders than psks", hello_with(psk(3, 2)), errors.ForbiddenValue),
    ("psk without binders", hello_and(41, "0007 0001 61 00000000 0000"), errors.MalformedMessage),
    ("short binder", hello_and(41, "0007 0001 61 00000000 0020 1f" + "00" * 31), errors.MalformedMessage),
    ("no psk at all", hello_and(41, "0000 0021 20" + "00" * 32), errors.MalformedMessage),
    ("trailing data", lambda client: message(1, raw(client.client_hello())[4:] + b"\0"), errors.MalformedMessage),
    ("cut short", lambda client: message(1, raw(client.client_hello())[4:-1]), errors.MalformedMessage),
    ("long session id", lambda client: message(1, b"\3\3" + bytes(32) + b"\x21" + bytes(60)), errors.MalformedMessage),
    ("no suites", lambda client: message(1, b"\3\3" + bytes(33) + b"\0\0\1\0"), errors.MalformedMessage),
    ("odd suites", lambda client: message(1, b"\3\3" + bytes(33) + b"\0\3\0\0\0\1\0"), errors.MalformedMessage),
    (
        "no compression methods",
        lambda client: message(1, b"\3\3" + bytes(33) + b"\0\2\x13\1\0"),
        errors.MalformedMessage,
    ),
    ("empty", lambda client: message(1, b""), errors.MalformedMessage),
    ("old hello with an empty block", old_hello(b"\0\0"), errors.UnsupportedVersion),
    ("old hello with a short block", old_hello(b"\0\4\0\x17\0\0"), errors.UnsupportedVersion),
    ("old hello without a block", old_hello(b""), errors.UnsupportedVersion),
    ("bytes behind it", lambda client: raw(client.client_hello()) + b"\x01", errors.KeyChangeInsideMessage),
    ("twice", lambda client: raw(client.client_hello()) * 2, errors.KeyChangeInsideMessage),
)
def test_client_hello_that_breaks_a_rule(endpoints: Endpoints, violation: Violation, reason: type[Reason]) -> None:
    check(endpoints.scripted_client(), violation, reason)


def doubled(client: ScriptedClient, extension_type: int) -> bytes:
    one = Extension(extension_type=ExtensionType(extension_type), extension_data=b"")
    return disguised(client.client_hello(extensions=[one, *client.extensions()]), extension_type, b"")


P256_NO_POINTS = {
    "infinity": b"\0",
    "zero-coordinates": b"\x04" + bytes(64),
    "off-curve": b"\x04" + bytes(31) + b"\x01" + bytes(31) + b"\x01",
    "out-of-range": b"\x04" + b"\xff" * 64,
    "compressed": b"\x02" + bytes(31) + b"\x05",
    "hybrid": b"\x06" + bytes(64),
    "too-short": b"\x04" + bytes(63),
}


@pytest.mark.parametrize("point", P256_NO_POINTS.values(), ids=P256_NO_POINTS)
def test_points_that_are_no_p256_public_key(endpoints: Endpoints, point: bytes) -> None:
    check(endpoints.scripted_client(), hello_with(share(NamedGroup.secp256r1, point)), errors.BadKeyShare)


def test_an_unusable_share_for_a_group_that_is_not_chosen_does_not_matter(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client()
    entries = [client.key_pair.entry, KeyShareEntry(group=NamedGroup.secp256r1, key_exchange=b"nonsense")]
    client.say(client.client_hello(extensions=with_extension(client.extensions(), KeyShare.client_hello(entries))))
    assert client.reach(ServerConnected).connection.negotiated is not None


def test_a_failed_negotiation_tells_both_lists(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client(cipher_suites=(CipherSuite.TLS_AES_128_GCM_SHA256,))
    offer = [CipherSuite.TLS_AES_256_GCM_SHA384, CipherSuite.TLS_CHACHA20_POLY1305_SHA256]
    error = client.refused_message(client.client_hello(cipher_suites=offer))
    assert error.offered == ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    assert error.supported == ("TLS_AES_128_GCM_SHA256",)


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({}, lambda client: client.client_hello(cipher_suites=list(map(CipherSuite, range(0x6000, 0xBF00))))),
        ({}, hello_with(SupportedVersions.client_hello(list(map(ProtocolVersion, range(0x5000, 0x507F)))))),
        (
            {"application_protocols": ("h2",)},
            hello_with(ApplicationLayerProtocolNegotiation.client_hello([b"\n\x1b[31mred\xe4", b"x" * 255] * 90)),
        ),
        (
            {"require_server_name": True},
            hello_with(ServerNameIndication.client_hello([ServerName(name=b"x" * 60_000)])),
        ),
    ],
    ids=["suites", "versions", "protocols", "name"],
)
def test_what_a_peer_offers_is_shown_in_one_short_line(
    endpoints: Endpoints, changes: dict[str, Any], violation: Violation
) -> None:
    client = endpoints.scripted_client(**changes)
    text = str(client.refused_message(violation(client)))
    assert text.isprintable()
    assert len(text) < 2500


def test_no_alpn_protocol_in_common(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client(application_protocols=("h2",))
    offer = ApplicationLayerProtocolNegotiation.client_hello([b"http/1.0", b"http/1.1"])
    check(client, hello_with(offer), errors.NoApplicationProtocol)


def test_an_unknown_name_is_refused_by_a_server_that_is_strict_about_it(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client(require_server_name=True)
    name = ServerNameIndication.client_hello([ServerName(name=b"elsewhere.test")])
    check(client, hello_with(name), errors.UnrecognizedName)


def test_a_strict_server_takes_its_own_name_and_none(endpoints: Endpoints) -> None:
    for violation in (hello_with(), hello_without(SERVER_NAME)):
        client = endpoints.scripted_client(require_server_name=True)
        client.say(violation(client))
        assert client.reach(ServerConnected).connection.negotiated is not None


# The second ClientHello


def again_with(*extensions: Extension, **changes: Any) -> Callable[[ScriptedClient], ClientHello]:
    """The second ClientHello with these in the place of, or behind, its own extensions."""

    def violation(client: ScriptedClient) -> ClientHello:
        honest = client.second_client_hello(**changes)
        listed = honest.extensions
        for each in extensions:
            listed = with_extension(listed, each)
        return replace(honest, extensions=listed)

    return violation


def again_without(extension_type: ExtensionType) -> Violation:
    def violation(client: ScriptedClient) -> ClientHello:
        honest = client.second_client_hello()
        return replace(honest, extensions=without_extension(honest.extensions, extension_type))

    return violation


def in_another_order(client: ScriptedClient) -> ClientHello:
    honest = client.second_client_hello()
    return replace(honest, extensions=list(reversed(honest.extensions or [])))


MORE_VERSIONS = SupportedVersions.client_hello([ProtocolVersion.TLS13, ProtocolVersion.TLS12])
MORE_MODES = PskKeyExchangeModes.client_hello([PskKeyExchangeMode.psk_dhe_ke, PskKeyExchangeMode.psk_ke])


@rows(
    *changed(again_with),
    ("no name", again_without(SERVER_NAME), errors.ChangedParameter),
    ("versions", again_with(MORE_VERSIONS), errors.ChangedParameter),
    ("psk modes", again_with(MORE_MODES), errors.ChangedParameter),
    ("new extension", again_with(UNKNOWN), errors.ChangedParameter),
    ("order", in_another_order, errors.ChangedParameter),
    ("no share", again_without(SHARE), errors.MissingExtension),
    ("cookie that nobody gave", again_with(Cookie.client_hello(b"mine")), errors.ChangedParameter),
    ("psk that was not there", again_with(psk()), errors.ChangedParameter),
    ("bytes behind it", lambda client: raw(client.second_client_hello()) + b"\x14", errors.KeyChangeInsideMessage),
)
def test_second_client_hello_that_is_not_the_first(
    endpoints: Endpoints, violation: Violation, reason: type[Reason]
) -> None:
    check(endpoints.scripted_client().reach(WaitSecondClientHello), violation, reason)


def test_the_servers_cookie_must_come_back_as_it_was(endpoints: Endpoints) -> None:
    def give_cookie(what: HandshakeMessage) -> HandshakeMessage:
        if isinstance(what, HelloRetryRequest):
            return replace(what, extensions=[*what.extensions, Cookie.hello_retry_request(b"cookie")])
        return what

    def client() -> ScriptedClient:
        return endpoints.scripted_client(edit_message=give_cookie).reach(WaitSecondClientHello)

    check(client(), again_with(Cookie.client_hello(b"cake")), errors.ChangedParameter)
    check(client(), again_with(), errors.MissingExtension)
    honest = client()
    honest.say(again_with(Cookie.client_hello(b"cookie"))(honest))
    assert honest.reach(ServerConnected).connection.negotiated is not None


def test_what_may_change_in_the_second_hello_may(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client()
    first = client.client_hello(extensions=[*client.extensions(), Padding.client_hello(bytes(100))])
    first = replace(first, extensions=with_extension(first.extensions, KeyShare.client_hello([])))
    client.say(first)
    second = client.second_client_hello()
    client.say(replace(second, extensions=with_extension(second.extensions, Padding.client_hello(bytes(3)))))
    assert client.reach(ServerConnected).connection.negotiated is not None


def test_early_data_and_psks_may_leave_the_second_hello(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client()
    listed = [*client.extensions(), EarlyDataIndication.client_hello(b""), psk(2, 2)]
    client.say(client.client_hello(extensions=with_extension(listed, KeyShare.client_hello([]))))
    second = client.second_client_hello()
    listed = without_extension(second.extensions, ExtensionType.early_data)
    client.say(replace(second, extensions=with_extension(listed, psk(1, 1))))
    assert client.reach(ServerConnected).connection.negotiated is not None


# Finished


@rows(
    ("wrong MAC", finished_of(lambda data: bytes([data[0] ^ 128]) + data[1:]), errors.BadFinished),
    ("the server's MAC", lambda client: message(20, client.verify_data(client.server_secret)), errors.BadFinished),
    ("short", finished_of(lambda data: data[:-1]), errors.MalformedMessage),
    ("long", finished_of(lambda data: data + b"\0"), errors.MalformedMessage),
    ("as long as another hash", finished_of(lambda data: data + bytes(16)), errors.MalformedMessage),
    ("empty", finished_of(lambda data: b""), errors.MalformedMessage),
    ("bytes behind it", lambda client: raw(client.finished()) + b"\x18", errors.KeyChangeInsideMessage),
    ("a KeyUpdate behind it", lambda client: raw(client.finished()) + b"\x18\0\0\1\0", errors.KeyChangeInsideMessage),
)
def test_finished_that_breaks_a_rule(endpoints: Endpoints, violation: Violation, reason: type[Reason]) -> None:
    check(endpoints.scripted_client().reach(WaitClientFinished), violation, reason)


def test_a_client_certificate_that_nobody_asked_for_is_unexpected(endpoints: Endpoints) -> None:
    check(
        endpoints.scripted_client().reach(WaitClientFinished),
        lambda client: message(11, bytes(4)) + raw(client.finished()),
        errors.UnexpectedMessage,
    )


def test_renegotiation_is_unexpected(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client().reach(ServerConnected)
    check(client, ScriptedClient.client_hello, errors.UnexpectedMessage)


# What is no TLS 1.3 at all

SSL2_HELLO = bytes.fromhex("802e 01 0002 0015 0000 0010 010080 020080 030080 040080 050080 060040 0700c0") + bytes(16)


@pytest.mark.parametrize(
    ("first_bytes", "words"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "an HTTP request"),
        (b"POST /form HTTP/1.1\r\n\r\n", "an HTTP request"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        (SSL2_HELLO, "an SSL 2.0 hello"),
        (b"\0\0\0\0\0", "0000000000"),
    ],
    ids=["GET", "POST", "SSH", "SSL2", "zeros"],
)
def test_another_protocol_is_called_by_its_name(endpoints: Endpoints, first_bytes: bytes, words: str) -> None:
    client = endpoints.scripted_client()
    error = client.refused(first_bytes)
    assert type(error) is errors.NotTLS
    assert words in str(error)
    assert error.hint


def test_an_alert_in_the_clear_before_any_hello_has_the_new_record_version(endpoints: Endpoints) -> None:
    server = endpoints.server()
    with pytest.raises(errors.NotTLS):
        server.receive_data(b"GET / HTTP/1.1\r\n")
    assert server.data_to_send() == plaintext(21, b"\x02\x0a")


def test_a_server_in_its_first_state_has_sent_nothing(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client().reach(ServerStart)
    assert client.inbox == []
