"""Schemas that leave the extensions which an endpoint does not implement as they are."""

from __future__ import annotations

import pytest

from schemas import DecodeError, parse
from schemas.code_points import CipherSuite, ExtensionType
from schemas.extension_block import Extension
from schemas.handshake import Certificate, ClientHello, EncryptedExtensions, Handshake, ServerHello
from schemas.selective import reading_only

ONLY_VERSIONS = (ExtensionType.supported_versions,)
HELLO = bytes.fromhex("0303" + "11" * 32 + "00" + "0002 1301" + "0100")
VERSIONS = bytes.fromhex("002b 0003 02 0304")
# A status_request_v2 of three bytes, and a max_fragment_length of none.
MALFORMED = bytes.fromhex("0011 0003 ffffff  0001 0000")


def hello(block: bytes) -> bytes:
    return HELLO + len(block).to_bytes(2, "big") + block


def message(block: bytes) -> bytes:
    body = hello(block)
    return b"\x01" + len(body).to_bytes(3, "big") + body


def test_what_is_not_read_keeps_its_bytes_however_malformed() -> None:
    with pytest.raises(DecodeError):
        ClientHello.parse(hello(MALFORMED + VERSIONS))
    for schema, raw in ((ClientHello, hello(MALFORMED + VERSIONS)), (Handshake, message(MALFORMED + VERSIONS))):
        value = parse(reading_only(schema, ONLY_VERSIONS), raw)
        found = value if isinstance(value, ClientHello) else value.message
        assert isinstance(found, ClientHello)
        versions = ClientHello.parse(hello(VERSIONS)).extensions or []
        assert found.cipher_suites == [CipherSuite.TLS_AES_128_GCM_SHA256]
        assert found.extensions == [
            Extension(extension_type=ExtensionType.status_request_v2, extension_data=b"\xff\xff\xff"),
            Extension(extension_type=ExtensionType.max_fragment_length, extension_data=b""),
            *versions,
        ]


@pytest.mark.parametrize(
    "block",
    [bytes.fromhex("002b 0003 03 0304"), VERSIONS + VERSIONS, VERSIONS + b"\0", bytes.fromhex("0011 0004 ffffff")],
    ids=["a malformed one that is read", "one twice", "a byte too many", "a length past the end"],
)
def test_everything_else_is_as_strict_as_ever(block: bytes) -> None:
    with pytest.raises(DecodeError) as refused:
        parse(reading_only(Handshake, ONLY_VERSIONS), message(block))
    assert refused.value.path.startswith("handshake.client_hello.extensions")


def test_every_kind_of_message_is_covered() -> None:
    encrypted = bytes.fromhex("0005 0001 0001 ff")
    assert parse(reading_only(EncryptedExtensions, ()), encrypted).extensions[0].extension_data == b"\xff"
    answer = bytes.fromhex("0303" + "22" * 32 + "00 1301 00 0006 0033 0002 ffff")
    assert parse(reading_only(ServerHello, ()), answer).extensions[0].extension_data == b"\xff\xff"
    chain = bytes.fromhex("00 00000b 000001 aa 0005 0005 0001 ff")
    assert parse(reading_only(Certificate, ()), chain).certificate_list[0].extensions[0].extension_data == b"\xff"


def test_the_full_schema_is_not_changed() -> None:
    reading_only(Handshake, ())
    with pytest.raises(DecodeError, match=r"status_request_v2"):
        Handshake.parse(message(MALFORMED + VERSIONS))
