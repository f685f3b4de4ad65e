"""What the two errors say: where, at which byte, what was expected and what was found."""

from __future__ import annotations

from typing import Any

import pytest

from schemas import DecodeError, EncodeError, Node, SchemaError, Struct, parse
from schemas.alert import Alert
from schemas.certificate import Certificate
from schemas.code_points import CipherSuite, NamedGroup
from schemas.extension_block import DuplicateExtensionError, Extension, extensions_of
from schemas.extensions import KeyShareEntry, PreSharedKey
from schemas.handshake import CertificateRequest, ClientHello, EncryptedExtensions, Handshake, KeyUpdate, ServerHello
from schemas.record import ChangeCipherSpec, TLSInnerPlaintext, TLSPlaintext
from schemas.vocabulary import constant, opaque, rest, struct, uint16, uint24, vector, zeros

HELLO_START = "0303" + "11" * 32 + "00 0002 1301 01 00"
HELLO_START_LENGTH = 41

# Schema, bytes, and what the error must hold: path, offset, expected, found.
REFUSED: dict[str, tuple[type[Struct] | Node[Any], str, str, int, str, str]] = {
    "a cut number": (uint16, "01", "", 0, "uint16", "1 of 2 bytes"),
    "no number": (uint24, "", "", 0, "uint24", "the end"),
    "a cut array": (opaque(4), "aabb", "", 0, "opaque[4]", "2 of 4 bytes"),
    "a cut length": (opaque(0, 2**16 - 1), "00", "length", 0, "uint16", "1 of 2 bytes"),
    "a length over the ceiling": (opaque(0, 32), "21", "", 0, "a length in <0..32>", "33"),
    "a length under the floor": (vector(uint16, 2, 2**16 - 2), "0000", "", 0, "a length in <2..2^16-2>", "0"),
    "less than the length says": (opaque(1, 9), "0361", "", 1, "the 3 bytes of opaque<1..9>", "1 of 3 bytes"),
    "nothing where the length says some": (opaque(1, 9), "03", "", 1, "the 3 bytes of opaque<1..9>", "the end"),
    "a cut item": (vector(uint16, 2, 9), "03 0001 02", "[1]", 3, "uint16", "1 of 2 bytes"),
    "a cut nested item": (
        vector(opaque(1, 4), 2, 9),
        "04 0161 0361",
        "[1]",
        4,
        "the 3 bytes of opaque<1..4>",
        "1 of 3 bytes",
    ),
    "another constant": (constant(b"\1\2"), "0103", "", 0, "0102", "0103"),
    "a byte in the padding": (zeros, "0000 07 00", "", 2, "zero bytes only", "0x07"),
    "one byte left": (Alert, "0228 00", "alert", 2, "the end", "1 more byte"),
    "two bytes left": (KeyUpdate, "00 aabb", "key_update", 1, "the end", "2 more bytes"),
    "an unknown message": (
        Handshake,
        "00 000000",
        "handshake.hello_request",
        1,
        "msg_type to be one of client_hello, server_hello, new_session_ticket, end_of_early_data, "
        "encrypted_extensions, certificate, certificate_request, certificate_verify, finished, key_update, "
        "compressed_certificate",
        "hello_request",
    ),
    "a message shorter than its header says": (
        Handshake,
        "18 000002 00",
        "handshake.key_update",
        4,
        "the 2 bytes of key_update",
        "1 of 2 bytes",
    ),
    "a message longer than it should be": (
        Handshake,
        "18 000002 0000",
        "handshake.key_update",
        5,
        "the end",
        "1 more byte",
    ),
    "a message with something behind it": (Handshake, "05 000000 07", "handshake", 4, "the end", "1 more byte"),
    "only padding": (
        TLSInnerPlaintext,
        "00000000",
        "tls_inner_plaintext.content",
        0,
        "a content type before the padding",
        "zero bytes only",
    ),
    "a cut record": (
        TLSPlaintext,
        "16 0303 0004 aa",
        "tls_plaintext.fragment",
        5,
        "the 4 bytes of opaque<0..2^16-1>",
        "1 of 4 bytes",
    ),
    "deep in a hello": (
        ClientHello,
        HELLO_START + "000b 0033 0007 0005 001d 0003 aa",
        "client_hello.extensions[0].key_share[0].key_exchange",
        HELLO_START_LENGTH + 2 + 2 + 2 + 2 + 2 + 2,
        "the 3 bytes of opaque<1..2^16-1>",
        "1 of 3 bytes",
    ),
    "the second entry of a chain": (
        Certificate,
        "00 00000f 000001 30 0000 000002 3131 0001 00 00",
        "certificate.certificate_list[1].extensions[0].extension_type",
        17,
        "ExtensionType",
        "1 of 2 bytes",
    ),
    "a binder that is too short": (
        ClientHello,
        HELLO_START + "0036 0029 0032 0007 0001 61 00000000 0027 1f" + "bb" * 38,
        "client_hello.extensions[0].pre_shared_key.binders[0]",
        HELLO_START_LENGTH + 17,
        "a length in <32..2^8-1>",
        "31",
    ),
}


@pytest.mark.parametrize(("schema", "wire", "path", "offset", "expected", "found"), REFUSED.values(), ids=REFUSED)
def test_an_error_tells_where_it_is_and_what_is_wrong(
    schema: type[Struct] | Node[Any], wire: str, path: str, offset: int, expected: str, found: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        parse(schema, bytes.fromhex(wire))
    error = caught.value
    assert (error.path, error.offset, error.expected, error.found) == (path, offset, expected, found)


@pytest.mark.parametrize(("schema", "wire", "path", "offset", "expected", "found"), REFUSED.values(), ids=REFUSED)
def test_offsets_count_from_where_the_caller_says(
    schema: type[Struct] | Node[Any], wire: str, path: str, offset: int, expected: str, found: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        parse(schema, bytes.fromhex(wire), offset=1000)
    assert (caught.value.path, caught.value.offset) == (path, 1000 + offset)


def test_a_struct_tells_the_same_by_whichever_door() -> None:
    data = bytes.fromhex("0303")
    texts = []
    for door in (ClientHello.parse, ClientHello.schema.parse, lambda data: parse(ClientHello, data)):
        with pytest.raises(DecodeError) as caught:
            door(data)
        texts.append(str(caught.value))
    assert texts == ["client_hello.random: at byte 2: expected opaque[32], found the end"] * 3


FIVE_MALFORMED_INPUTS = {
    "a hello that was cut": (
        ClientHello,
        "0303 1234",
        "client_hello.random: at byte 2: expected opaque[32], found 2 of 32 bytes",
    ),
    "an odd list of cipher suites": (
        ClientHello,
        "0303" + "11" * 32 + "00 0003 130113 0100",
        "client_hello.cipher_suites[1]: at byte 39: expected CipherSuite, found 1 of 2 bytes",
    ),
    "a server name answered with a name": (
        EncryptedExtensions,
        "0007 0000 0003 000161",
        "encrypted_extensions.extensions[0].server_name: at byte 6: expected the end, found 3 more bytes",
    ),
    "supported_groups twice": (
        EncryptedExtensions,
        "0010 000a 0004 0002001d 000a 0004 0002001d",
        "encrypted_extensions.extensions[1].supported_groups: at byte 10: "
        "expected one extension of a type, found a second",
    ),
    "a change_cipher_spec of something else": (
        ChangeCipherSpec,
        "02",
        "change_cipher_spec.type: at byte 0: expected 01, found 02",
    ),
}


@pytest.mark.parametrize(("schema", "wire", "text"), FIVE_MALFORMED_INPUTS.values(), ids=FIVE_MALFORMED_INPUTS)
def test_five_malformed_inputs_as_a_user_sees_them(schema: type[Struct], wire: str, text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        schema.parse(bytes.fromhex(wire))
    assert str(caught.value) == text
    assert "\n" not in text


UNBUILDABLE = {
    "a short random": (
        lambda: ServerHello(random=b"short", cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256, extensions=None),
        "server_hello.random: expected opaque[32], found 5 bytes",
    ),
    "a suite as number": (
        lambda: ClientHello(random=bytes(32), cipher_suites=[0x1301], extensions=None),  # type: ignore[list-item]
        "client_hello.cipher_suites[0]: expected CipherSuite, found int 4865",
    ),
    "an empty share": (
        lambda: KeyShareEntry(group=NamedGroup.x25519, key_exchange=b""),
        "key_share_entry.key_exchange: expected opaque<1..2^16-1>, found 0 bytes",
    ),
    "an index beyond 16 bits": (
        lambda: ServerHello(
            random=bytes(32),
            cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
            extensions=[PreSharedKey.server_hello(2**16)],
        ),
        "server_hello.extensions[0].pre_shared_key: expected uint16, at most 65535, found 65536",
    ),
    "a type as number": (
        lambda: EncryptedExtensions(
            extensions=[Extension(extension_type=44, extension_data=b"")],  # type: ignore[arg-type]
        ),
        "encrypted_extensions.extensions[0].extension_type: expected ExtensionType, found int 44",
    ),
    "a context as bytearray": (
        lambda: CertificateRequest(certificate_request_context=bytearray(2), extensions=[]),  # type: ignore[arg-type]
        r"certificate_request.certificate_request_context: expected opaque<0..2^8-1>, found bytearray(b'\x00\x00')",
    ),
}


@pytest.mark.parametrize(("make", "text"), UNBUILDABLE.values(), ids=UNBUILDABLE)
def test_values_without_encoding_as_a_user_sees_them(make: Any, text: str) -> None:
    with pytest.raises(EncodeError) as caught:
        make()
    assert str(caught.value) == text


def test_a_huge_wrong_value_does_not_flood_the_message() -> None:
    with pytest.raises(EncodeError) as caught:
        ClientHello(random=list(range(100_000)), cipher_suites=[], extensions=None)  # type: ignore[arg-type]
    assert len(str(caught.value)) < 200


def test_both_errors_are_schema_errors_and_nothing_else() -> None:
    assert issubclass(DecodeError, SchemaError)
    assert issubclass(EncodeError, SchemaError)
    assert issubclass(DuplicateExtensionError, DecodeError)
    assert not issubclass(DecodeError, EncodeError)
    assert not issubclass(SchemaError, ValueError)


@pytest.mark.parametrize("message", ["client_hello", "certificate"])
def test_a_block_by_itself_counts_from_its_own_first_byte(message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        extensions_of(message).parse(bytes.fromhex("0005 1234 0002 aa"))
    assert (caught.value.path, caught.value.offset) == ("[0].unknown 0x1234", 6)


def test_an_open_field_takes_what_there_is() -> None:
    assert parse(rest, b"") == b""

    @struct
    class Nothing(Struct):
        """No fields."""

    with pytest.raises(DecodeError, match=r"^nothing: at byte 0: expected the end, found 1 more byte$"):
        Nothing.parse(b"\0")
