"""The hello of SSL 2.0: how it is told from TLS, what it may hold, and where an error in it is shown."""

from __future__ import annotations

from typing import Any

import pytest
import wire_stored
from annotated import Example
from strictness import refusal

from schemas import EncodeError
from schemas.code_points import CipherSuite, ProtocolVersion
from schemas.record import RecordHeader
from schemas.sslv2 import RECOGNISED_BY, V2CipherKind, V2CipherSpec, V2ClientHello, V2RecordHeader, is_v2_client_hello

# As old browsers sent it: one suite of SSL 3.0, two of SSL 2.0, and a challenge of 16 bytes.
SENT = bytes.fromhex("8022 01 0301 0009 0000 0010 000004 010080 0700c0 cacacacacacacacacacacacacacacaca")


def test_a_hello_is_found_and_read_as_the_module_says() -> None:
    assert is_v2_client_hello(SENT)
    header = V2RecordHeader.parse(SENT[:2])
    assert header.length == len(SENT) - 2
    hello = V2ClientHello.parse(SENT[2 : 2 + header.length])

    assert hello.version == ProtocolVersion.TLS10
    assert hello.cipher_specs == [
        V2CipherSpec(suite=CipherSuite.TLS_RSA_WITH_RC4_128_MD5),
        V2CipherSpec(kind=V2CipherKind.SSL_CK_RC4_128_WITH_MD5, suite=0x0080),
        V2CipherSpec(kind=V2CipherKind.SSL_CK_DES_192_EDE3_CBC_WITH_MD5, suite=0x00C0),
    ]
    assert (hello.session_id, hello.challenge) == (b"", b"\xca" * 16)
    assert header.build() + hello.build() == SENT


@pytest.mark.parametrize("example", wire_stored.SSL2[:2], ids=str)
def test_every_hello_is_recognised(example: Example) -> None:
    assert is_v2_client_hello((0x8000 | len(example.data)).to_bytes(2, "big") + example.data)


@pytest.mark.parametrize("version", ["0002", "0300", "0301", "0302", "0303", "0304"])
def test_a_hello_of_any_version_is_recognised(version: str) -> None:
    assert is_v2_client_hello(bytes.fromhex("802e01" + version))


@pytest.mark.parametrize(
    "start",
    [
        "1603010200",  # a record with a handshake
        "1503030002",  # with an alert
        "1703030013",
        "8022040002",  # SSL 2.0's server-hello
        "8022010102",  # no version that there is
        "8022010200",
        "2201030100",  # no mark, which says that padding follows
        "474554202f",  # GET /
        "80220103",  # too few bytes to tell
        "",
    ],
)
def test_nothing_else_is_recognised(start: str) -> None:
    assert not is_v2_client_hello(bytes.fromhex(start))


def test_as_few_bytes_as_it_says_are_enough() -> None:
    assert is_v2_client_hello(SENT[:RECOGNISED_BY])
    assert not is_v2_client_hello(SENT[: RECOGNISED_BY - 1])


def test_a_record_of_tls_is_never_taken_for_a_hello() -> None:
    for content_type in range(0x80):
        header = bytes([content_type]) + bytes.fromhex("03010005")
        assert not is_v2_client_hello(header)
        assert RecordHeader.parse(header).length == 5


@pytest.mark.parametrize(
    ("wire", "path", "offset"),
    [
        ("02 0301 0003 0000 0010 00002f" + "ca" * 16, "msg_type", 0),
        ("01 0301 0000 0000 0010" + "ca" * 16, "cipher_specs_length", 3),
        ("01 0301 0003 0011 0010 00002f" + "51" * 17 + "ca" * 16, "session_id_length", 5),
        ("01 0301 0003 0000 000f 00002f" + "ca" * 15, "challenge_length", 7),
        ("01 0301 0003 0000 0021 00002f" + "ca" * 33, "challenge_length", 7),
        ("01 0301 0004 0000 0010 00002f 00" + "ca" * 16, "cipher_specs[1].TLS", 13),
        ("01 0301 0006 0000 0010 00002f", "cipher_specs", 9),
        ("01 0301 0003 0000 0010 00002f" + "ca" * 15, "challenge", 12),
        ("01 0301 0003 0000 0010 00002f" + "ca" * 17, "", 28),
    ],
)
def test_an_error_says_where_it_is(wire: str, path: str, offset: int) -> None:
    error = refusal(V2ClientHello, bytes.fromhex(wire))
    assert error is not None
    assert (error.path, error.offset) == (f"v2_client_hello.{path}".removesuffix("."), offset)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"cipher_specs": []}, "cipher_specs"),
        ({"challenge": b"c" * 15}, "challenge"),
        ({"challenge": b"c" * 33}, "challenge"),
        ({"session_id": b"s" * 17}, "session_id"),
        ({"cipher_specs": [V2CipherSpec(suite=CipherSuite.TLS_RSA_WITH_RC4_128_MD5)] * 21846}, "cipher_specs"),
    ],
    ids=["no cipher", "short challenge", "long challenge", "long session ID", "too many ciphers"],
)
def test_what_cannot_be_built_is_refused(changed: dict[str, Any], path: str) -> None:
    values: dict[str, Any] = {
        "version": ProtocolVersion.TLS12,
        "cipher_specs": [V2CipherSpec(suite=CipherSuite.TLS_RSA_WITH_RC4_128_MD5)],
        "challenge": b"c" * 32,
    }
    with pytest.raises(EncodeError) as caught:
        V2ClientHello(**(values | changed))
    assert path in caught.value.path


def test_a_suite_of_tls_is_no_number_and_a_cipher_of_ssl_is_no_suite() -> None:
    with pytest.raises(EncodeError):
        V2CipherSpec(suite=0x1301)
    spec = V2CipherSpec(kind=V2CipherKind.SSL_CK_RC4_128_WITH_MD5, suite=0x0080)
    assert spec.build() == b"\x01\x00\x80"
    assert V2CipherSpec.parse(b"\x01\x00\x80") == spec
    assert type(V2CipherSpec.parse(b"\x00\x13\x01").suite) is CipherSuite
