"""A schema is a construct: it stands anywhere in a construct expression, as strict there as by itself."""

from __future__ import annotations

from typing import Any

import construct
import pytest

from schemas import DecodeError, EncodeError, Node
from schemas.alert import Alert
from schemas.code_points import AlertDescription, AlertLevel, CipherSuite, ContentType, NamedGroup, ProtocolVersion
from schemas.extensions import KeyShare, SupportedVersions
from schemas.handshake import ClientHello, Finished, Handshake, ServerHello
from schemas.record import TLSPlaintext
from schemas.vocabulary import opaque, select, uint8, uint16, vector

CLOSE_NOTIFY = Alert(level=AlertLevel.warning, description=AlertDescription.close_notify)
HELLO = ClientHello(
    random=bytes(range(32)),
    cipher_suites=[CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite(0x7A7A)],
    extensions=[SupportedVersions.client_hello([ProtocolVersion.TLS13])],
)


@pytest.mark.parametrize(
    "schema",
    [uint8, opaque(1, 5), vector(uint16, 2, 4), ContentType.schema, Alert.schema, Handshake.schema],
    ids=lambda each: each.notation(),
)
def test_every_schema_is_a_construct(schema: Node[Any]) -> None:
    assert isinstance(schema, construct.Construct)


def test_a_struct_nests_in_a_construct_struct() -> None:
    around = construct.Struct("a" / construct.Byte, "h" / ClientHello.schema)
    wire = b"\x07" + HELLO.build()

    assert around.build({"a": 7, "h": HELLO}) == wire
    parsed = around.parse(wire)
    assert parsed.a == 7
    assert parsed.h == HELLO
    assert isinstance(parsed.h, ClientHello)


def test_what_follows_in_the_construct_is_left_alone() -> None:
    around = construct.Struct("alert" / Alert.schema, "name" / opaque(0, 255), "more" / construct.GreedyBytes)
    wire = bytes.fromhex("0100 02 6869 ffff")

    assert around.parse(wire) == construct.Container(alert=CLOSE_NOTIFY, name=b"hi", more=b"\xff\xff")
    assert around.build({"alert": CLOSE_NOTIFY, "name": b"hi", "more": b"\xff\xff"}) == wire


def test_schemas_repeat_in_arrays_and_stand_behind_prefixes() -> None:
    assert construct.Array(2, Alert.schema).parse(bytes.fromhex("0100 0228")) == [
        CLOSE_NOTIFY,
        Alert(description=AlertDescription.handshake_failure),
    ]
    assert Alert.schema[2].build([CLOSE_NOTIFY, CLOSE_NOTIFY]) == bytes.fromhex("0100 0100")
    assert construct.Prefixed(construct.Int16ub, Finished.schema).build(Finished(verify_data=b"ab")) == b"\0\2ab"
    assert construct.PrefixedArray(construct.Byte, NamedGroup.schema).parse(b"\1\0\x1d") == [NamedGroup.x25519]


def test_a_field_of_the_construct_can_be_computed_from_one_of_the_schema() -> None:
    around = construct.Struct(
        "record" / TLSPlaintext.schema, "is_alert" / construct.Computed(lambda this: this.record.type == 21)
    )
    assert around.parse(bytes.fromhex("150303 0002 0100")).is_alert


def test_a_select_finds_its_tag_among_the_fields_of_the_construct() -> None:
    body = select("kind", {0: uint8, 1: opaque(0, 255)}, length=uint8)
    around = construct.Struct("kind" / construct.Byte, "body" / body)

    assert around.parse(bytes.fromhex("01 03 026869")).body == b"hi"
    assert around.build({"kind": 1, "body": b"hi"}) == bytes.fromhex("01 03 026869")
    with pytest.raises(EncodeError):
        around.build({"kind": 0, "body": b"hi"})
    with pytest.raises(DecodeError):
        around.parse(bytes.fromhex("02 01 00"))


def test_fixed_sizes_are_known_to_construct() -> None:
    assert construct.Struct("t" / ContentType.schema, "v" / uint16, "r" / opaque(32)).sizeof() == 35


def test_construct_names_and_documents_a_schema_like_any_other() -> None:
    field = "groups" / KeyShare.client_hello.schema * "what the client sent"
    assert field.name == "groups"
    assert construct.Struct(field).parse(b"\0\0").groups == []


@pytest.mark.parametrize("wire", ["07", "07 0303", "07 0303" + "00" * 32 + "00 0003 130113 0100"])
def test_bad_bytes_raise_decode_error_through_the_construct(wire: str) -> None:
    around = construct.Struct("a" / construct.Byte, "h" / ClientHello.schema)
    with pytest.raises(DecodeError) as caught:
        around.parse(bytes.fromhex(wire))
    assert 1 <= caught.value.offset <= len(bytes.fromhex(wire))


@pytest.mark.parametrize("value", [HELLO.build(), None, {"random": bytes(32)}, CLOSE_NOTIFY])
def test_a_wrong_value_raises_encode_error_through_the_construct(value: object) -> None:
    around = construct.Struct("a" / construct.Byte, "h" / ClientHello.schema)
    with pytest.raises(EncodeError):
        around.build({"a": 7, "h": value})


@pytest.mark.parametrize(
    ("schema", "wire"),
    [
        (Alert.schema, "0100"),
        (uint8, "07"),
        (opaque(1, 5), "0161"),
        (ContentType.schema, "16"),
        (vector(uint8, 1, 3), "0107"),
        (Handshake.schema, "05000000"),
        (ServerHello.schema, "0303" + "00" * 32 + "00 1301 00 0006 002b 0002 0304"),
    ],
    ids=lambda each: each.notation() if isinstance(each, Node) else None,
)
def test_a_schema_that_parses_by_itself_refuses_what_is_left_over(schema: Node[Any], wire: str) -> None:
    data = bytes.fromhex(wire)
    assert schema.build(schema.parse(data)) == data
    with pytest.raises(DecodeError):
        schema.parse(data + b"\0")


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_any_buffer_can_be_parsed(buffer: type[bytes]) -> None:
    data = buffer(b"\x01\x00")
    assert Alert.parse(data) == Alert.schema.parse(data) == CLOSE_NOTIFY
    assert type(Finished.parse(buffer(b"abc")).verify_data) is bytes


@pytest.mark.parametrize("wrong", [2, None, "ab", [1, 0]])
def test_what_is_no_buffer_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError):
        Alert.parse(wrong)
    with pytest.raises(TypeError):
        Alert.schema.parse(wrong)
