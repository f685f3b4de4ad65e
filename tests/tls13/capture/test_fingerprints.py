"""JA3, JA3S and JA4 against the examples that their authors and other tools publish."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from capture.made_captures import RANDOM, client_hello, raw

from schemas import tls12
from schemas.code_points import (
    CipherSuite,
    ECPointFormat,
    ExtensionType,
    NamedGroup,
    ProtocolVersion,
    SignatureScheme,
)
from schemas.extension_block import Extension
from schemas.extensions import ApplicationLayerProtocolNegotiation
from schemas.handshake import ClientHello, Handshake
from tls13.capture.judging.fingerprints import Shape, ja3, ja3s, ja4, server_shape_of, shape_of
from tls13.capture.tls.readable_hello import readable_hello

CHROME = bytes.fromhex(
    "010001fc0303b2c03e7ba990ef540c316a665d4d925f8e9079ac4b15687e587dc99016e75a6c20d0b0099243c9296a0c84153ea4ada7d8"
    "7ad017f4211c2ea1350b0b3cc5514d5f00205a5a130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f003501000193fa"
    "fa000000000024002200001f636f6e74656e742d6175746f66696c6c2e676f6f676c65617069732e636f6d0033002b00293a3a00010000"
    "1d0020fb2cd8ef3d605b96ab03119ec4f30a6e2088cb1af86c41a81feace8706068c50000d001200100403080404010503080505010806"
    "060100230000000b00020100ff01000100000a000a00083a3a001d00170018001b000302000244690005000302683200120000002d0002"
    "01010010000e000c02683208687474702f312e31000500050100000000002b0007060a0a03040303001700001a1a000100001500b8"
) + bytes(0xB8)
"""A ClientHello of Chrome's, full of GREASE: the one that CyberChef tests its JA4 operation with."""

CHROME_JA4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"
"""Also the example of github.com/FoxIO-LLC/ja4, technical_details/JA4.md."""

CHROME_JA4_R = (
    "t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_"
    "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_"
    "0403,0804,0401,0503,0805,0501,0806,0601"
)

OPENSSL = bytes.fromhex(
    "010000fe0303543dd3283283692d85f9416b5ccc65d2aafca45c6530b3c6eafbf6d371b6a015000094c030c02cc028c024c014c00a00a3"
    "009f006b006a0039003800880087c032c02ec02ac026c00fc005009d003d00350084c012c00800160013c00dc003000ac02fc02bc027c0"
    "23c013c00900a2009e0067004000330032009a009900450044c031c02dc029c025c00ec004009c003c002f009600410007c011c007c00c"
    "c002000500040015001200090014001100080006000300ff01000041000b000403000102000a000600040018001700230000000d002200"
    "200601060206030501050205030401040204030301030203030201020202030101000f000101"
)
"""A ClientHello of OpenSSL's: the one that CyberChef tests its JA3 operation with."""

OPENSSL_JA3_TEXT = (
    "771,49200-49196-49192-49188-49172-49162-163-159-107-106-57-56-136-135-49202-49198-49194-49190-49167-49157-157-61-"
    "53-132-49170-49160-22-19-49165-49155-10-49199-49195-49191-49187-49171-49161-162-158-103-64-51-50-154-153-69-68-"
    "49201-49197-49193-49189-49166-49156-156-60-47-150-65-7-49169-49159-49164-49154-5-4-21-18-9-20-17-8-6-3-255,"
    "11-10-35-13-15,24-23,0-1-2"
)

SERVER_HELLO = bytes.fromhex(
    "020000390303543dd328b38b445686739d58fab733fa23838f575e0e5ad9a1b9baace6cc3b4100c02f000011ff01000100000b000403000102"
    "00230000"
)
"""A ServerHello of TLS 1.2: the one that CyberChef tests its JA3S operation with."""


def shape(data: bytes) -> Shape:
    hello = Handshake.parse(data).message
    assert isinstance(hello, ClientHello)
    return shape_of(hello)


def test_ja4_is_that_of_the_published_example() -> None:
    found = ja4(shape(CHROME))
    assert found.value == CHROME_JA4
    assert found.text == CHROME_JA4_R


def test_ja4_of_quic_says_so() -> None:
    assert ja4(shape(CHROME), quic=True).value == "q" + CHROME_JA4[1:]


def test_ja4_counts_and_hashes_as_the_reference_lists_say() -> None:
    """sigalg-grease.pcapng of FoxIO-LLC/ja4 (python/test/testdata), from its JA4_ro: lists in the order of the wire."""
    suites = "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"
    types = "fe0d,0010,0017,0033,44cd,ff01,000a,000d,0023,002b,000b,ca34,002d,0000,0005,001b,0012"
    schemes = "0904,0905,0906,0403,0804,0401,0503,0805,0501,0806,0601"
    hello = Shape(
        version=ProtocolVersion.TLS12,
        cipher_suites=[CipherSuite(0x2A2A), *(CipherSuite(int(each, 16)) for each in suites.split(","))],
        extensions=[ExtensionType(0x3A3A), *(ExtensionType(int(each, 16)) for each in types.split(","))],
        versions=[ProtocolVersion(0x8A8A), ProtocolVersion.TLS13, ProtocolVersion.TLS12],
        signature_schemes=[SignatureScheme(0x5A5A), *(SignatureScheme(int(each, 16)) for each in schemes.split(","))],
        application_protocols=[b"h2", b"http/1.1"],
    )
    assert ja4(hello).value == "t13d1517h2_8daaf6152771_cb7bf5808d99"


@pytest.mark.parametrize(
    ("protocol", "ends"),
    [
        (b"h2", "h2"),
        (b"http/1.1", "h1"),
        (b"q", "qq"),
        (b"\xab", "ab"),
        (b"\xab\xcd", "ad"),
        (b"\x30\xab", "3b"),
        (b"\x30\x31\xab\xcd", "3d"),
        (b"\x30\xab\xcd\x31", "01"),
    ],
)
def test_ja4_shows_the_ends_of_the_first_protocol_as_its_authors_do(protocol: bytes, ends: str) -> None:
    """The examples of JA4.md, "ALPN Extension Value"."""
    hello = ClientHello(
        random=RANDOM,
        cipher_suites=[CipherSuite.TLS_AES_128_GCM_SHA256],
        extensions=[ApplicationLayerProtocolNegotiation.client_hello([protocol, b"other"])],
    )
    assert ja4(shape_of(hello)).value.startswith(f"t12i0101{ends}_")


def test_ja4_of_an_empty_hello_has_zeros_for_what_is_not_there() -> None:
    hello = Shape(version=ProtocolVersion.TLS10, cipher_suites=[CipherSuite(0x0A0A)], extensions=[])
    assert ja4(hello).value == "t10i000000_000000000000_000000000000"


def test_ja4_without_signature_schemes_ends_without_an_underscore() -> None:
    """The example of JA4.md: 6d807ffa2a79."""
    types = "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01"
    hello = Shape(
        version=ProtocolVersion.TLS12,
        cipher_suites=[],
        extensions=[ExtensionType(int(each, 16)) for each in types.split(",")],
    )
    assert ja4(hello).value.endswith("_6d807ffa2a79")


def test_ja4_counts_no_further_than_99() -> None:
    hello = Shape(version=ProtocolVersion(0x0305), cipher_suites=[CipherSuite(0x1301)] * 120, extensions=[])
    assert ja4(hello).value.startswith("t00i990000_")


@pytest.mark.parametrize(
    ("version", "suites", "types", "groups", "formats", "text", "value"),
    [
        (
            0x0301,
            [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
            [0, 10, 11],
            [23, 24, 25],
            [0],
            "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0",
            "ada70206e40642a3e4461f35503241d5",
        ),
        (
            0x0301,
            [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99],
            [],
            [],
            [],
            "769,4-5-10-9-100-98-3-6-19-18-99,,,",
            "de350869b8c85de67a350c8d186f11e6",
        ),
    ],
)
def test_ja3_is_that_of_the_published_examples(
    version: int,
    suites: Sequence[int],
    types: Sequence[int],
    groups: Sequence[int],
    formats: Sequence[int],
    text: str,
    value: str,
) -> None:
    """The two examples of github.com/salesforce/ja3, README.md."""
    hello = Shape(
        version=ProtocolVersion(version),
        cipher_suites=[CipherSuite(each) for each in suites],
        extensions=[ExtensionType(each) for each in types],
        groups=[NamedGroup(each) for each in groups],
        point_formats=[ECPointFormat(each) for each in formats],
    )
    assert (ja3(hello).text, ja3(hello).value) == (text, value)


def test_ja3_of_a_whole_hello() -> None:
    assert ja3(shape(OPENSSL)).text == OPENSSL_JA3_TEXT
    assert ja3(shape(OPENSSL)).value == hashlib.md5(OPENSSL_JA3_TEXT.encode()).hexdigest()


def test_ja3_leaves_grease_out() -> None:
    assert ja3(shape(CHROME)).text == (
        "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,"
        "0-51-13-35-11-65281-10-27-17513-18-45-16-5-43-23-21,29-23-24,0"
    )


def test_ja3s_of_a_whole_hello() -> None:
    hello = tls12.Handshake.parse(SERVER_HELLO).message
    assert isinstance(hello, tls12.ServerHello)
    assert ja3s(server_shape_of(hello)).text == "771,49199,65281-11-35"
    assert ja3s(server_shape_of(hello)).value == hashlib.md5(b"771,49199,65281-11-35").hexdigest()


def test_a_hello_with_an_extension_that_does_not_parse_has_the_fingerprint_all_the_same() -> None:
    at = CHROME.index(bytes.fromhex("002b0007060a0a03040303"))
    broken = bytearray(CHROME)
    broken[at + 4] = 5  # the list of versions is said to be shorter than it is
    readable = readable_hello(bytes(broken))
    assert readable is not None
    assert len(readable.types) == len(readable.hello.extensions or ()) + 1
    found = shape_of(*readable)
    assert ja3(found) == ja3(shape(CHROME))
    assert ja4(found).value.replace("t12", "t13") == CHROME_JA4


@pytest.mark.parametrize("left", ["", "0023 0000"], ids=["nothing", "less than a hello may have"])
def test_a_hello_is_readable_whatever_is_left_of_its_extensions(left: str) -> None:
    extensions = bytes.fromhex("002b 0003 05 0304" + left)  # a list of versions longer than its data
    body = b"\3\3" + RANDOM + bytes.fromhex("00 0002 1301 01 00") + len(extensions).to_bytes(2, "big") + extensions
    readable = readable_hello(b"\1" + len(body).to_bytes(3, "big") + body)
    assert readable is not None
    assert len(readable.hello.extensions or ()) == bool(left)
    assert readable.types[0] is ExtensionType.supported_versions
    assert ja3(shape_of(*readable)).text.startswith("771,4865,43")


def test_what_is_no_client_hello_is_not_readable() -> None:
    assert readable_hello(b"\1\0\0\1\0") is None
    assert readable_hello(SERVER_HELLO) is None
    assert readable_hello(raw(client_hello())) == (client_hello(), [ExtensionType.supported_versions])


def test_an_extension_that_stands_for_itself_is_not_read() -> None:
    hello = ClientHello(
        random=RANDOM,
        cipher_suites=[CipherSuite.TLS_AES_128_GCM_SHA256],
        extensions=[Extension(extension_type=ExtensionType(0xABCD), extension_data=b"\1\2\3")],
    )
    assert ja3(shape_of(hello)).text == "771,4865,43981,,"
