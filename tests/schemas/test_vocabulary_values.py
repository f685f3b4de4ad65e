"""What has no encoding cannot be built, however it is put: EncodeError and nothing else."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import construct
import pytest

from schemas import EncodeError, Node, Struct, build
from schemas.alert import Alert
from schemas.code_points import (
    AlertDescription,
    AlertLevel,
    CipherSuite,
    ContentType,
    ExtensionType,
    HandshakeType,
    KeyUpdateRequest,
    NamedGroup,
    ProtocolVersion,
)
from schemas.encrypted_client_hello import ECHConfig
from schemas.extension_block import Extension, extensions_of
from schemas.extensions import EarlyDataIndication, KeyShare, KeyShareEntry, OfferedPsks, PskIdentity, SupportedVersions
from schemas.handshake import (
    HELLO_RETRY_REQUEST_RANDOM,
    ClientHello,
    EncryptedExtensions,
    Finished,
    Handshake,
    HelloRetryRequest,
    KeyUpdate,
    ServerHello,
)
from schemas.record import ChangeCipherSpec, TLSInnerPlaintext, TLSPlaintext
from schemas.vocabulary import (
    CodePoint,
    constant,
    empty,
    field,
    opaque,
    rest,
    select,
    struct,
    told_by_content,
    uint8,
    uint16,
    uint24,
    uint32,
    uint64,
    vector,
    zeros,
)

A_SUITE = CipherSuite.TLS_AES_128_GCM_SHA256

WITHOUT_ENCODING: list[tuple[str, Node[Any], list[object]]] = [
    ("uint8", uint8, [-1, 256, True, False, 1.0, "1", b"1", None, [1]]),
    ("uint16", uint16, [-1, 2**16, True, "1", None]),
    ("uint24", uint24, [-1, 2**24, True, None]),
    ("uint32", uint32, [-1, 2**32, None]),
    ("uint64", uint64, [-1, 2**64, None]),
    ("opaque[2]", opaque(2), [b"", b"1", b"123", "12", bytearray(2), memoryview(b"12"), [1, 2], 2, None]),
    ("opaque<1..3>", opaque(1, 3), [b"", b"1234", "a", bytearray(1), memoryview(b"1"), None, 1]),
    ("opaque<0..2^8-1>", opaque(0, 255), [bytes(256), ""]),
    ("opaque<0..2^16-1>", opaque(0, 2**16 - 1), [bytes(2**16)]),
    ("uint8<2..4>", vector(uint8, 2, 4), [[], [1], [1, 2, 3, 4, 5], (1, 2), b"\1\2", None, 7, [1, 256], [1, True]]),
    ("uint16<2..5>", vector(uint16, 2, 5), [[], [1, 2, 3], ["1"], iter([1])]),
    (
        "enum<1..4>",
        vector(ContentType, 1, 4),
        [[22], [True], [AlertLevel.fatal], [None], b"\x16", (ContentType.alert,)],
    ),
    ("wide enum<2..4>", vector(CipherSuite, 2, 4), [[0x1301], [NamedGroup.x25519], [70000], ["a"], [1.5]]),
    ("opaque<1..3><1..9>", vector(opaque(1, 3), 1, 9), [[bytearray(1)], ["a"], [memoryview(b"a")], [b""], [None]]),
    ("struct<1..99>", vector(KeyShareEntry, 1, 99), [[None], [(29, b"k")], [Finished(verify_data=b"")]]),
    ("rest", rest, ["", bytearray(1), None, [1]]),
    ("zeros", zeros, [b"\1", b"\0\1\0", "", bytearray(1), None]),
    ("empty", empty, [b"\0", "", None, bytearray()]),
    ("constant", constant(b"\1"), [b"\0", b"", b"\1\1", bytearray(b"\1"), "\1", None]),
    ("enum", ContentType.schema, [22, "handshake", AlertLevel.fatal, b"\x16", None, True]),
    ("struct", Alert.schema, [{"level": 1, "description": 2}, b"\1\0", None, Finished(verify_data=b"")]),
    ("extensions", extensions_of("client_hello"), [None, (), b"", [b""], [None], [ExtensionType.cookie], {}]),
    (
        "told by content",
        told_by_content(2, {HELLO_RETRY_REQUEST_RANDOM: HelloRetryRequest}, otherwise=ServerHello),
        [None, b"", "x", Alert(description=AlertDescription.close_notify)],
    ),
]
CASES = [
    pytest.param(schema, value, id=f"{name}-{value!r:.40}")
    for name, schema, values in WITHOUT_ENCODING
    for value in values
]


@pytest.mark.parametrize(("schema", "value"), CASES)
def test_build_refuses_what_has_no_encoding(schema: Node[Any], value: object) -> None:
    with pytest.raises(EncodeError):
        build(schema, value)


@pytest.mark.parametrize(("schema", "value"), CASES)
def test_the_node_itself_refuses_what_has_no_encoding(schema: Node[Any], value: object) -> None:
    with pytest.raises(EncodeError):
        schema.build(value)


@pytest.mark.parametrize(("schema", "value"), CASES)
def test_a_construct_around_the_node_refuses_what_has_no_encoding(schema: Node[Any], value: object) -> None:
    around = construct.Struct("before" / construct.Byte, "inside" / schema)
    with pytest.raises(EncodeError):
        around.build({"before": 1, "inside": value})


@pytest.mark.parametrize(("schema", "value"), CASES)
def test_a_struct_with_such_a_value_cannot_be_made(schema: Node[Any], value: object) -> None:
    @struct
    class Holder(Struct):
        """One field."""

        held: Any = field(schema, "the value")

    with pytest.raises(EncodeError) as caught:
        Holder(held=value)
    assert caught.value.path.startswith("held") or ".held" in caught.value.path


def hello(**changes: Any) -> ClientHello:
    return ClientHello(**{"random": bytes(32), "cipher_suites": [A_SUITE], **changes})


IMPOSSIBLE: dict[str, tuple[Callable[[], object], str]] = {
    "a short random": (lambda: hello(random=bytes(31)), "random"),
    "a random of text": (lambda: hello(random="x" * 32), "random"),
    "no cipher suite": (lambda: hello(cipher_suites=[]), "cipher_suites"),
    "a cipher suite as number": (lambda: hello(cipher_suites=[A_SUITE, 0x1302]), "cipher_suites[1]"),
    "a session id that is too long": (lambda: hello(legacy_session_id=bytes(33)), "legacy_session_id"),
    "no compression method": (lambda: hello(legacy_compression_methods=b""), "legacy_compression_methods"),
    "a version as number": (lambda: hello(legacy_version=0x0303), "legacy_version"),
    "a block under its floor": (lambda: hello(extensions=[]), "extensions"),
    "an extension twice": (
        lambda: hello(extensions=[EarlyDataIndication.client_hello(b"")] * 2),
        "extensions[1].early_data",
    ),
    "an unknown extension twice": (
        lambda: hello(extensions=[Extension(extension_type=ExtensionType(0x0A0A), extension_data=b"")] * 2),
        "extensions[1].GREASE 0x0a0a",
    ),
    "the value of another message": (
        lambda: hello(extensions=[SupportedVersions.server_hello(ProtocolVersion.TLS13)]),
        "extensions[0].supported_versions",
    ),
    "a key share without key": (
        lambda: hello(extensions=[KeyShare.client_hello([KeyShareEntry(group=NamedGroup.x25519, key_exchange=b"")])]),
        "key_exchange",
    ),
    "a number in a list of shares": (
        lambda: hello(extensions=[KeyShare.client_hello([7])]),  # type: ignore[list-item]
        "extensions[0].key_share[0]",
    ),
    "text in an extension that is kept as bytes": (
        lambda: hello(extensions=[Extension(extension_type=ExtensionType.session_ticket, extension_data="x")]),
        "extensions[0].session_ticket",
    ),
    "more in an extension than its length can say": (
        lambda: hello(extensions=[Extension(extension_type=ExtensionType.padding, extension_data=bytes(2**16))]),
        "extensions[0].padding",
    ),
    "more in a block than its length can say": (
        lambda: hello(
            extensions=[
                Extension(extension_type=ExtensionType(number), extension_data=bytes(2**15)) for number in (90, 91)
            ]
        ),
        "extensions",
    ),
    "an extension type as number": (
        lambda: hello(extensions=[Extension(extension_type=44, extension_data=b"xxx")]),  # type: ignore[arg-type]
        "extensions[0].extension_type",
    ),
    "a short binder": (
        lambda: OfferedPsks(identities=[PskIdentity(identity=b"i", obfuscated_ticket_age=0)], binders=[bytes(31)]),
        "binders[0]",
    ),
    "a negative age": (lambda: PskIdentity(identity=b"i", obfuscated_ticket_age=-1), "obfuscated_ticket_age"),
    "a HelloRetryRequest with a random of its own": (
        lambda: HelloRetryRequest(
            random=bytes(32),
            cipher_suite=A_SUITE,
            extensions=[SupportedVersions.hello_retry_request(ProtocolVersion.TLS13)],
        ),
        "random",
    ),
    "a message under another type": (
        lambda: Handshake(
            msg_type=HandshakeType.finished, message=KeyUpdate(request_update=KeyUpdateRequest.update_requested)
        ),
        "finished",
    ),
    "a ServerHello that would be read as a HelloRetryRequest": (
        lambda: Handshake.of(
            ServerHello(
                random=HELLO_RETRY_REQUEST_RANDOM,
                cipher_suite=A_SUITE,
                extensions=[SupportedVersions.server_hello(ProtocolVersion.TLS13)],
            )
        ),
        "server_hello",
    ),
    "a message that is longer than 24 bits can say": (
        lambda: Handshake.of(Finished(verify_data=bytes(2**24))),
        "finished",
    ),
    "a fragment that is longer than 16 bits can say": (
        lambda: TLSPlaintext(type=ContentType.handshake, fragment=bytes(2**16)),
        "fragment",
    ),
    "another change_cipher_spec": (lambda: ChangeCipherSpec(type=b"\2"), "type"),
    "padding that is not zero": (
        lambda: TLSInnerPlaintext(content=b"", type=ContentType.alert, zeros=b"\0\1"),
        "zeros",
    ),
    "a content type that is padding": (lambda: TLSInnerPlaintext(content=b"abc", type=ContentType(0)), "type"),
    "the contents of a known ECHConfig as bytes": (lambda: ECHConfig(version=0xFE0D, contents=b""), "65037"),
}


@pytest.mark.parametrize(("make", "path"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_cannot_be_built_cannot_be_constructed(make: Callable[[], object], path: str) -> None:
    with pytest.raises(EncodeError) as caught:
        make()
    assert caught.value.path.endswith(path)


def test_a_message_type_without_message_is_refused_by_name() -> None:
    with pytest.raises(EncodeError, match="hello_request"):
        Handshake(msg_type=HandshakeType.hello_request, message=Finished(verify_data=b""))


def test_what_is_no_handshake_message_is_refused_by_handshake_of() -> None:
    with pytest.raises(EncodeError, match="Alert"):
        Handshake.of(Alert(description=AlertDescription.close_notify))  # type: ignore[arg-type]


def test_a_replaced_field_is_measured_too() -> None:
    with pytest.raises(EncodeError, match="random"):
        dataclasses.replace(hello(), random=b"")
    assert dataclasses.replace(hello(), random=b"\1" * 32).random == b"\1" * 32


def test_a_struct_is_frozen_slotted_and_keyword_only() -> None:
    alert = Alert(description=AlertDescription.close_notify)
    with pytest.raises(dataclasses.FrozenInstanceError):
        alert.level = AlertLevel.warning  # type: ignore[misc]
    with pytest.raises(TypeError):
        Alert(AlertLevel.warning, AlertDescription.close_notify)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Alert()  # type: ignore[call-arg]
    assert not hasattr(alert, "__dict__")


def test_a_list_that_grew_by_a_number_afterwards_cannot_be_built() -> None:
    message = hello()
    message.cipher_suites.append(70000)  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match=r"cipher_suites\[1\]"):
        message.build()


def test_a_list_that_was_emptied_afterwards_cannot_be_built() -> None:
    message = hello()
    message.cipher_suites.clear()
    with pytest.raises(EncodeError, match="cipher_suites"):
        message.build()


def test_a_second_extension_that_was_appended_afterwards_cannot_be_built() -> None:
    message = EncryptedExtensions(extensions=[EarlyDataIndication.encrypted_extensions(b"")])
    message.extensions.append(EarlyDataIndication.encrypted_extensions(b""))
    with pytest.raises(EncodeError, match="early_data"):
        message.build()


def test_a_default_list_is_not_shared() -> None:
    first, second = EncryptedExtensions(), EncryptedExtensions()
    first.extensions.append(EarlyDataIndication.encrypted_extensions(b""))
    assert second.extensions == []


def test_structs_and_code_points_survive_copying_and_pickling() -> None:
    message = hello(
        cipher_suites=[A_SUITE, CipherSuite(0x9999), CipherSuite(0x2A2A)],
        extensions=[KeyShare.client_hello([KeyShareEntry(group=NamedGroup.x25519, key_exchange=b"k")])],
    )
    for twin in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert twin == message
        assert twin.build() == message.build()
        assert str(twin.cipher_suites[2]) == "GREASE 0x2a2a"


def test_an_error_survives_copying_with_all_that_it_says() -> None:
    with pytest.raises(EncodeError) as caught:
        hello(random=b"")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("number", [NamedGroup.x25519, NamedGroup(0x1A2B), True])
def test_a_number_of_another_type_becomes_a_member_with_a_plain_value(number: int) -> None:
    member = CipherSuite(number)
    assert member == int(number)
    assert type(member.value) is int


@pytest.mark.parametrize("declare", [lambda: vector(uint8, 5, 3), lambda: opaque(3, 2), lambda: opaque(-1)])
def test_bounds_that_nothing_meets_cannot_be_declared(declare: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        declare()


def test_a_select_on_a_field_that_does_not_precede_it_cannot_be_declared() -> None:
    class Kind(CodePoint, width=1):
        one = 1

    with pytest.raises(ValueError, match="kidn"):

        @struct
        class Misspelt(Struct):
            """The select says kidn."""

            kind: Kind = field(Kind, "which")
            body: int = field(select("kidn", {Kind.one: uint8}), "that")
