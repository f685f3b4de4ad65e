"""The rows that RFC 9846 does not list, and the formats that stand inside extensions: QUIC's, SCTs, ECH."""

from __future__ import annotations

import base64
import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import older_structs as older
import pytest
import rfc9846_structs as rfc
from captured import handshake_messages
from presentation import table
from strictness import refusal

from schemas import DecodeError, EncodeError, build, parse
from schemas.code_points import ExtensionType, HpkeAead, HpkeKdf, HpkeKem, ProtocolVersion
from schemas.compiler import Variants
from schemas.encrypted_client_hello import (
    ECHConfig,
    ECHConfigContents,
    ECHConfigExtension,
    ECHConfigList,
    ECHOuter,
    EncodedClientHelloInner,
)
from schemas.extension_block import MESSAGES, ROWS, Extension, misplaced
from schemas.extensions import EncryptedClientHello, QuicTransportParameters, SignedCertificateTimestamp
from schemas.handshake import ClientHello, EncryptedExtensions, Handshake
from schemas.quic import TransportParameter, TransportParameterId, VersionInformation
from schemas.tls12_extensions import NextProtocolNegotiation, TokenBinding, TrustedCAKeys
from schemas.transparency import SctVersion, SignedCertificateTimestampList
from schemas.unlisted_extensions import CachedInfo, TrustAnchors
from schemas.vocabulary import Overlong, VariableInteger, WideInteger, distinct, empty, opaque, repeated, uint8

PARAMETERS = QuicTransportParameters.client_hello.schema
INTEGER = VariableInteger()


def test_importing_the_package_declares_every_row() -> None:
    code = "import schemas.extension_block as block, schemas; print(sorted(int(each) for each in block.ROWS))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(sorted(int(each) for each in ROWS))


@pytest.mark.parametrize(
    ("name", "number", "messages"),
    [row[:3] for row in table(rfc.TABLE_1) + table(rfc.BESIDES_TABLE_1) + table(older.ROWS)],
    ids=lambda each: each,
)
def test_an_extension_is_misplaced_in_all_other_messages(name: str, number: str, messages: str) -> None:
    legal = {rfc.MESSAGES[each] for each in messages.split(", ")}
    if name in older.IN_SERVER_HELLO_OF_TLS12.split():
        legal.add("tls12_server_hello")
    sent = [Extension(extension_type=ExtensionType(int(number)), extension_data=b"")]

    assert {message for message in MESSAGES if not list(misplaced(message, sent))} == legal


def test_what_only_tls_1_2_negotiates_is_misplaced_in_encrypted_extensions() -> None:
    block = bytes.fromhex("0005 ff01 0001 00")
    extensions = EncryptedExtensions.parse(block).extensions
    assert extensions[0].extension_data == b"\0"
    assert list(misplaced("encrypted_extensions", extensions)) == [ExtensionType.renegotiation_info]
    assert list(misplaced("server_hello", extensions)) == [ExtensionType.renegotiation_info]
    assert not list(misplaced("client_hello", extensions))


# RFC 9000 appendix A.1, the first the longest; the last takes two bytes for what fits in one.
SAMPLES = [
    ("c2197c5eff14e88c", 151288809941952652, None),
    ("9d7f3e7d", 494878333, None),
    ("7bbd", 15293, None),
    ("25", 37, None),
    ("4025", 37, 2),
]


@pytest.mark.parametrize(("wire", "number", "width"), SAMPLES, ids=[wire for wire, *_ in SAMPLES])
def test_the_integers_of_rfc_9000(wire: str, number: int, width: int | None) -> None:
    read = parse(INTEGER, bytes.fromhex(wire))
    assert read == number
    assert getattr(read, "wire_width", None) == width
    assert build(INTEGER, read).hex() == wire


@pytest.mark.parametrize("number", [0, 63, 64, 2**14 - 1, 2**14, 2**30 - 1, 2**30, 2**62 - 1])
def test_a_number_is_built_in_the_fewest_bytes(number: int) -> None:
    wire = build(INTEGER, number)
    fewest = 1 if number < 64 else 2 if number < 2**14 else 4 if number < 2**30 else 8
    assert len(wire) == fewest
    assert parse(INTEGER, wire) == number
    assert type(parse(INTEGER, wire)) is int
    for width in (2, 4, 8):
        if width > fewest:
            wide = parse(INTEGER, build(INTEGER, WideInteger(number, width)))
            assert wide == number
            assert wide.wire_width == width
            assert refusal(INTEGER, build(INTEGER, wide)) is None


@pytest.mark.parametrize("wire", ["", "40", "8000ea", "c0000000000000", "0000"])
def test_an_integer_that_is_cut_off_or_longer_is_refused(wire: str) -> None:
    assert refusal(INTEGER, bytes.fromhex(wire))


@pytest.mark.parametrize(
    "wrong",
    [-1, 2**62, True, None, "1", WideInteger(1, 3), WideInteger(1, 1), WideInteger(64, 2), WideInteger(1, 16)],
    ids=repr,
)
def test_a_number_that_has_no_such_encoding_is_not_built(wrong: Any) -> None:
    with pytest.raises(EncodeError):
        build(INTEGER, wrong)
    with pytest.raises(EncodeError):
        TransportParameter(id=TransportParameterId.max_idle_timeout, value=wrong)


def test_wide_ids_lengths_and_integers_keep_their_width() -> None:
    # max_idle_timeout three times over: all of it wide, the length, the number.
    for wire in ("4001 80000002 4005", "01 4001 05", "01 04 80000005", "c000000000000001 01 05"):
        data = bytes.fromhex(wire)
        (read,) = parse(PARAMETERS, data)
        assert read.id == TransportParameterId.max_idle_timeout
        assert str(read.id) == "max_idle_timeout"
        assert (read.value.value if isinstance(read.value, Overlong) else read.value) == 5
        assert refusal(PARAMETERS, data) is None
    plain = TransportParameter(id=TransportParameterId.max_idle_timeout, value=5)
    assert plain.build() == bytes.fromhex("01 01 05")


def test_a_wide_id_does_not_leak_into_the_registry() -> None:
    parse(PARAMETERS, bytes.fromhex("4001 01 05"))
    assert parse(PARAMETERS, bytes.fromhex("01 01 05"))[0].build() == bytes.fromhex("01 01 05")
    assert TransportParameterId(1) is TransportParameterId.max_idle_timeout


@pytest.mark.parametrize("wire", ["0101050101 05", "0c00 0c00", "4001 0105 01 01 06", "1b00 1b00"])
def test_a_parameter_comes_at_most_once(wire: str) -> None:
    # RFC 9000 §7.4: "An endpoint MUST NOT send a parameter more than once".
    assert refusal(PARAMETERS, bytes.fromhex(wire))


def test_a_second_parameter_is_shown_where_it_stands() -> None:
    error = refusal(PARAMETERS, bytes.fromhex("0c00 0101 05 0c00"))
    assert error is not None
    assert (error.path, error.offset) == ("[2]", 5)


@pytest.mark.parametrize(
    "wire",
    [
        "01 02 05 05",  # a number, and more
        "01 00",  # no number
        "01 02 80 00",  # half a number
        "0c 01 00",  # a flag with content
        "02 0f" + "70" * 15,  # a token that is too short
        "02 11" + "70" * 17,
        "0d 29" + "00" * 24 + "00" + "71" * 16,  # an address without a connection ID
        "0d 3e" + "00" * 24 + "15" + "c1" * 21 + "71" * 16,
        "11 03 000001",  # half a version
        "11 06 00000001 0000",
        "1b 02 00",  # a length that goes past the end
    ],
)
def test_a_parameter_that_is_not_what_its_id_says_is_refused(wire: str) -> None:
    assert refusal(PARAMETERS, bytes.fromhex(wire))


@pytest.mark.parametrize(
    ("number", "name"),
    [(27, "reserved 0x1b"), (58, "reserved 0x3a"), (28, "unknown 0x1c"), (2**62 - 1, "unknown 0x3fffffffffffffff")],
)
def test_a_parameter_that_nobody_knows_keeps_its_bytes(number: int, name: str) -> None:
    # RFC 9000 §18.1: 31 * N + 27 is reserved.
    sent = TransportParameter(id=TransportParameterId(number), value=b"\xaa")
    assert str(sent.id) == name
    assert parse(PARAMETERS, sent.build()) == [sent]


def test_parameters_that_nobody_knows_do_not_fill_the_memory() -> None:
    def held() -> int:
        gc.collect()
        return sum(len(each) for each in gc.get_objects() if isinstance(each, Variants))

    parse(PARAMETERS, bytes.fromhex("1c00"))
    before, members = held(), len(TransportParameterId._value2member_map_)
    for number in range(2**40, 2**40 + 2000):
        assert refusal(PARAMETERS, TransportParameter(id=TransportParameterId(number), value=b"").build()) is None
    assert held() == before
    assert len(TransportParameterId._value2member_map_) < members + 300


def test_a_versions_list_may_be_empty() -> None:
    alone = VersionInformation(chosen_version=1)
    assert alone.build() == bytes.fromhex("00000001")
    assert VersionInformation.parse(alone.build()) == alone


def test_a_list_that_ends_where_its_field_ends_takes_no_items_that_nothing_shows() -> None:
    assert parse(repeated(opaque(0, 255)), bytes(3)) == [b"", b"", b""]
    unseen = repeated(empty)
    with pytest.raises(DecodeError):
        parse(unseen, b"\0")
    with pytest.raises(EncodeError):
        build(unseen, [b""])


def test_only_the_items_of_a_list_can_be_told_apart() -> None:
    no_list: Any = uint8
    with pytest.raises(TypeError, match="no list"):
        distinct(no_list, "id")


def test_a_timestamp_of_a_version_that_nobody_knows_keeps_its_bytes() -> None:
    body = SignedCertificateTimestamp.certificate.schema
    data = bytes.fromhex("0005 0003 01 1122")
    (read,) = parse(body, data)
    assert (read.sct_version, read.content) == (SctVersion(1), b"\x11\x22")
    assert build(body, [read]) == data


@pytest.mark.parametrize(
    "wire",
    [
        "0000",  # RFC 6962 §3.3: at least one
        "0002 0000",  # and each at least one byte
        "0003 0001 00",  # version 1, and nothing of it
        "0030 002e 00" + "ab" * 32 + "00" * 8 + "0000 0403 00",  # more than its length says
        "0032 0030 00" + "ab" * 32 + "00" * 8 + "0000 0403 0000 00",  # and less
        "0031 002f 00" + "ab" * 32 + "00" * 8 + "0000 0403 0001",
    ],
)
def test_a_list_of_timestamps_that_is_not_whole_is_refused(wire: str) -> None:
    assert refusal(SignedCertificateTimestampList, bytes.fromhex(wire))


@pytest.mark.parametrize("wire", ["00", "02 6832 00", "03 6832"])
def test_a_next_protocol_has_a_name(wire: str) -> None:
    assert refusal(NextProtocolNegotiation.tls12_server_hello.schema, bytes.fromhex(wire))
    assert refusal(NextProtocolNegotiation.tls12_server_hello.schema, b"") is None


@pytest.mark.parametrize(
    ("schema", "wire"),
    [
        (TrustAnchors.client_hello.schema, "0001 00"),  # an anchor without a name
        (TrustAnchors.certificate.schema, "0000"),
        (CachedInfo.client_hello.schema, "0002 01 00"),  # a hash of no bytes
        (CachedInfo.client_hello.schema, "0000"),
        (TokenBinding.client_hello.schema, "0100 00"),
        (TrustedCAKeys.client_hello.schema, "0002 01 00"),
        (TrustedCAKeys.client_hello.schema, "0001 04"),  # a kind that has no form
    ],
)
def test_what_a_body_does_not_allow_is_refused(schema: Any, wire: str) -> None:
    assert refusal(schema, bytes.fromhex(wire))


# As `dig +short crypto.cloudflare.com https` has printed it.
PUBLISHED = "AEX+DQBBvgAgACARWS42g5NmDZo5pIpTWSwHzTwzdRKPdUW732QbyUeyDQAEAAEAAQASY2xvdWRmbGFyZS1lY2guY29tAAA="


def test_a_published_configuration_is_read_and_rebuilt() -> None:
    data = base64.b64decode(PUBLISHED)
    (config,) = ECHConfigList.parse(data).configs
    assert isinstance(config.contents, ECHConfigContents)
    key = config.contents.key_config

    assert (config.version, key.config_id, key.kem_id) == (0xFE0D, 0xBE, HpkeKem.DHKEM_X25519_HKDF_SHA256)
    assert [(each.kdf_id, each.aead_id) for each in key.cipher_suites] == [(HpkeKdf.HKDF_SHA256, HpkeAead.AES_128_GCM)]
    assert len(key.public_key) == 32
    assert config.contents.public_name == b"cloudflare-ech.com"
    assert ECHConfigList(configs=[config]).build() == data


def test_a_configuration_of_another_version_is_skipped_over_but_kept() -> None:
    known = base64.b64decode(PUBLISHED)[2:]
    data = (len(known) + 6).to_bytes(2, "big") + bytes.fromhex("fe0c 0002 aabb") + known
    configs = ECHConfigList.parse(data).configs
    assert configs[0] == ECHConfig(version=0xFE0C, contents=b"\xaa\xbb")
    assert ECHConfigList(configs=configs).build() == data


def test_an_extension_of_a_configuration_comes_at_most_once() -> None:
    # RFC 9849 §4.2: "MUST NOT contain duplicate extension types".
    contents = ECHConfigList.parse(base64.b64decode(PUBLISHED)).configs[0].contents
    assert isinstance(contents, ECHConfigContents)
    twice = [ECHConfigExtension(type=5, data=b""), ECHConfigExtension(type=5, data=b"\1")]
    with pytest.raises(EncodeError):
        ECHConfigContents(key_config=contents.key_config, maximum_name_length=0, public_name=b"a", extensions=twice)
    wire = contents.build()[:-2] + bytes.fromhex("0009 0005 0000 0005 0001 01")
    error = refusal(ECHConfigContents, wire)
    assert error is not None
    assert (error.path, error.offset) == ("ech_config_contents.extensions[1]", len(wire) - 5)


@pytest.mark.parametrize("wire", ["0000", "0003 fe0d 00", "0004 fe0d 0000", ""])
def test_a_list_of_configurations_that_holds_none_is_refused(wire: str) -> None:
    assert refusal(ECHConfigList, bytes.fromhex(wire))


@pytest.mark.parametrize(
    ("padding", "ok"), [(b"", True), (b"\0" * 31, True), (b"\0\1", False), (b"\1" + bytes(30), False)]
)
def test_an_inner_hello_is_padded_with_zeros_alone(padding: bytes, ok: bool) -> None:
    # RFC 9849 §5.1: a client-facing server aborts with illegal_parameter where a byte of them is not zero.
    hello = bytes.fromhex("0303" + "1c" * 32 + "00 0002 1301 01 00 0007 002b 0003 020304")
    assert (refusal(EncodedClientHelloInner, hello + padding) is None) == ok


def test_an_inner_hello_has_extensions() -> None:
    assert refusal(EncodedClientHelloInner, bytes.fromhex("0303" + "1c" * 32 + "00 0002 1301 01 00"))


def test_the_sealed_hello_of_a_capture_is_read_and_rebuilt(shared: Path) -> None:
    file = shared / "captures" / "public" / "zeek-tls13-ech.pcap"
    if not file.is_file():
        pytest.skip(f"needs the capture {file}")
    hellos = [each for each in handshake_messages(file) if each[0] == 1]
    assert hellos
    for data in hellos:
        assert refusal(Handshake, data) is None
        hello = Handshake.parse(data).message
        assert isinstance(hello, ClientHello)
        sealed = EncryptedClientHello.client_hello.find(hello.extensions)
        assert sealed is not None
        assert isinstance(sealed.content, ECHOuter)
        assert sealed.content.cipher_suite.aead_id == HpkeAead.AES_128_GCM
        assert len(sealed.content.enc) == 32
        assert hello.legacy_version == ProtocolVersion.TLS12
