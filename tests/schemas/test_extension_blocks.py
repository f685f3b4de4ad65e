"""The extension block: what it keeps, what it refuses, and how the rows are asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schemas import DecodeError, EncodeError
from schemas.code_points import ExtensionType, NamedGroup, ProtocolVersion
from schemas.extension_block import (
    MESSAGES,
    ROWS,
    DuplicateExtensionError,
    Extension,
    body,
    extension,
    extensions_of,
    misplaced,
)
from schemas.extensions import (
    Cookie,
    EarlyDataIndication,
    KeyShare,
    KeyShareEntry,
    PostHandshakeAuth,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import ClientHello, EncryptedExtensions
from schemas.vocabulary import uint8

GREASE_BLOCK = bytes.fromhex(
    "0020"
    "2a2a 0000"  # GREASE, empty
    "003b 0001 00"  # dnssec_chain, which has no row
    "002b 0003 020304"  # supported_versions
    "1234 0003 aabbcc"  # unknown to everybody
    "0031 0000"  # post_handshake_auth
    "eaea 0001 00"  # GREASE again, one byte
)


def test_unknown_and_grease_extensions_keep_their_bytes_and_their_place() -> None:
    block = extensions_of("client_hello")
    extensions = block.parse(GREASE_BLOCK)

    assert [(str(each.extension_type), each.extension_data) for each in extensions] == [
        ("GREASE 0x2a2a", b""),
        ("dnssec_chain", b"\0"),
        ("supported_versions", [ProtocolVersion.TLS13]),
        ("unknown 0x1234", b"\xaa\xbb\xcc"),
        ("post_handshake_auth", b""),
        ("GREASE 0xeaea", b"\0"),
    ]
    assert extensions[0].extension_type.is_grease
    assert not extensions[3].extension_type.is_registered
    assert block.build(extensions) == GREASE_BLOCK


def test_another_order_builds_other_bytes() -> None:
    block = extensions_of("client_hello")
    extensions = block.parse(GREASE_BLOCK)
    turned = block.build(extensions[::-1])

    assert turned != GREASE_BLOCK
    assert block.parse(turned) == extensions[::-1]


def test_an_extension_in_a_message_that_its_row_does_not_name_keeps_its_bytes() -> None:
    wire = bytes.fromhex("0008 002c 0004 0002 6363")
    extensions = EncryptedExtensions.parse(wire).extensions

    assert extensions == [Extension(extension_type=ExtensionType.cookie, extension_data=b"\0\2cc")]
    assert EncryptedExtensions(extensions=extensions).build() == wire
    assert list(misplaced("encrypted_extensions", extensions)) == [ExtensionType.cookie]
    assert not list(misplaced("client_hello", extensions))


def test_an_extension_without_row_is_never_misplaced() -> None:
    extensions = [
        Extension(extension_type=ExtensionType(0x2A2A), extension_data=b""),
        Extension(extension_type=ExtensionType.dnssec_chain, extension_data=b"\0"),
    ]
    assert not list(misplaced("server_hello", extensions))
    assert not list(misplaced("server_hello", None))


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("number", ["000a", "002a", "2a2a", "1234"])
def test_a_second_extension_of_a_type_is_refused_in_every_message(message: str, number: str) -> None:
    data = (
        {"000a": "0004 0002 001d"}.get(number, "0000")
        if message in ("client_hello", "encrypted_extensions")
        else "0000"
    )
    if (message, number) == ("new_session_ticket", "002a"):
        data = "0004 00000001"
    one = bytes.fromhex(number + data)
    twice = (2 * len(one)).to_bytes(2, "big") + one + one

    with pytest.raises(DuplicateExtensionError) as caught:
        extensions_of(message).parse(twice)
    assert caught.value.offset == 2 + len(one)
    assert caught.value.path.startswith("[1]")


def test_a_second_extension_is_told_from_a_broken_one() -> None:
    with pytest.raises(DecodeError) as caught:
        extensions_of("client_hello").parse(bytes.fromhex("0005 002b 0001 00"))
    assert not isinstance(caught.value, DuplicateExtensionError)


def test_a_body_that_does_not_fill_its_extension_is_refused() -> None:
    # RFC 9846 §4.3: data left over after the extension's structure is a decode_error.
    block = extensions_of("client_hello")
    assert block.parse(bytes.fromhex("0007 002b 0003 020304"))
    with pytest.raises(DecodeError) as caught:
        block.parse(bytes.fromhex("0008 002b 0004 020304 00"))
    assert caught.value.path == "[0].supported_versions"
    assert caught.value.offset == 9


def test_an_extension_cannot_borrow_bytes_of_the_next() -> None:
    with pytest.raises(DecodeError) as caught:
        extensions_of("client_hello").parse(bytes.fromhex("000b 002b 0003 040304 0031 0000"))
    assert caught.value.path == "[0].supported_versions"


@pytest.mark.parametrize(
    ("data", "ok"),
    [("0006 000a 0002 0000", False), ("0007 1234 0003 aabbcc", True), ("0006 1234 0002 aabb", False), ("0000", False)],
)
def test_a_client_hello_has_no_less_than_seven_bytes_of_extensions(data: str, ok: bool) -> None:
    wire = bytes.fromhex("0303" + "00" * 32 + "00 0002 1301 01 00" + data)
    if ok:
        assert ClientHello.parse(wire).build() == wire
    else:
        with pytest.raises(DecodeError):
            ClientHello.parse(wire)


def test_a_body_makes_its_extension_and_finds_it_again() -> None:
    share = KeyShareEntry(group=NamedGroup.x25519, key_exchange=b"k")
    extensions = [Cookie.client_hello(b"c"), KeyShare.client_hello([share])]

    assert extensions[1] == Extension(extension_type=ExtensionType.key_share, extension_data=[share])
    assert KeyShare.client_hello.find(extensions) == [share]
    assert Cookie.client_hello.find(extensions) == b"c"
    assert SupportedGroups.client_hello.find(extensions) is None
    assert SupportedVersions.client_hello.find(None) is None
    assert PostHandshakeAuth.client_hello.find([PostHandshakeAuth.client_hello(b"")]) == b""


def test_one_extension_has_the_form_of_the_message_it_stands_in() -> None:
    assert extensions_of("new_session_ticket").parse(bytes.fromhex("0008 002a 0004 00000400")) == [
        EarlyDataIndication.new_session_ticket(1024)
    ]
    assert extensions_of("client_hello").parse(bytes.fromhex("0004 002a 0000")) == [
        EarlyDataIndication.client_hello(b"")
    ]
    with pytest.raises(DecodeError):
        extensions_of("client_hello").parse(bytes.fromhex("0008 002a 0004 00000400"))
    with pytest.raises(EncodeError):
        extensions_of("encrypted_extensions").build([EarlyDataIndication.new_session_ticket(1024)])


def test_work_does_not_grow_with_the_square_of_the_extensions(monkeypatch: pytest.MonkeyPatch) -> None:
    # A peer picks what it sends: a block that is refused at its very end must not cost more than one that is read.
    hashed = 0

    def counted(self: ExtensionType) -> int:
        nonlocal hashed
        hashed += 1
        return int(self)

    count = 1000
    wire = b"".join(number.to_bytes(2, "big") + b"\0\0" for number in (*range(30000, 30000 + count), 30000))
    monkeypatch.setattr(ExtensionType, "__hash__", counted)

    with pytest.raises(DuplicateExtensionError):
        extensions_of("client_hello").parse(len(wire).to_bytes(2, "big") + wire)
    assert hashed < 50 * count


@pytest.fixture
def rows_restored() -> Iterator[None]:
    before = dict(ROWS)
    yield
    ROWS.clear()
    ROWS.update(before)


@pytest.mark.usefixtures("rows_restored")
def test_adding_a_row_is_all_that_a_new_extension_takes() -> None:
    @extension(ExtensionType(0x8765), "RFC 1149 §2", "by pigeon")
    class Pigeon:
        client_hello = body(uint8)

    extensions = extensions_of("client_hello").parse(bytes.fromhex("0005 8765 0001 03"))
    assert Pigeon.client_hello.find(extensions) == 3
    assert extensions_of("client_hello").build([Pigeon.client_hello(4)]) == bytes.fromhex("0005 8765 0001 04")
    assert list(misplaced("server_hello", extensions)) == [ExtensionType(0x8765)]


@pytest.mark.usefixtures("rows_restored")
def test_a_row_that_comes_late_counts_all_the_same() -> None:
    block = extensions_of("client_hello")
    wire = bytes.fromhex("0005 003b 0001 03")
    assert block.parse(wire)[0].extension_data == b"\3"

    @extension(ExtensionType.dnssec_chain, "RFC 1149 §2", "by pigeon")
    class Late:
        client_hello = body(uint8)

    extensions = block.parse(wire)
    assert Late.client_hello.find(extensions) == 3
    assert block.build(extensions) == wire


@pytest.mark.usefixtures("rows_restored")
def test_a_row_for_a_message_without_extensions_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="Misspelt"):

        @extension(ExtensionType(0x8765), "RFC 1149 §2", "by pigeon")
        class Misspelt:
            client_helo = body(uint8)


@pytest.mark.usefixtures("rows_restored")
def test_a_second_row_for_a_type_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="key_share"):

        @extension(ExtensionType.key_share, "RFC 1149 §2", "by pigeon")
        class Second:
            client_hello = body(uint8)


def test_the_block_of_a_message_that_has_none_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="client_helo"):
        extensions_of("client_helo")
