"""What a trace says of bytes: every part's place, name, value and meaning, also where the bytes end or go wrong."""

from __future__ import annotations

from typing import Any

import pytest
import wire_extensions
import wire_messages
import wire_other_extensions
import wire_records
from annotated import Example
from every_schema import SCHEMAS, STRUCTS, few
from hypothesis import given
from hypothesis import strategies as st

from schemas import DecodeError, Node, Struct, build, parse, strategies
from schemas.alert import Alert
from schemas.code_points import AlertDescription, CipherSuite, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion
from schemas.extension_block import ROWS, ExtensionNode, extensions_of
from schemas.extensions import KeyShare, ServerName, SupportedVersions
from schemas.handshake import ClientHello, Handshake, HelloRetryRequest
from schemas.record import TLSInnerPlaintext
from schemas.trace import Part, Trace, described, trace
from schemas.vocabulary import LENGTH, CodePoint, node, opaque, vector

EVERY_SCHEMA = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
EXAMPLES: list[Example] = [
    *wire_records.RECORDS,
    *wire_records.DERIVED,
    *wire_messages.MESSAGES,
    *wire_extensions.BODIES,
    *wire_other_extensions.BODIES,
]

HELLO = (
    "0303" + "11" * 32 + "00 0004 1301 1a2b 01 00"  # 43 bytes up to here
    "0018  0033 0007 0005 001d 0001 aa  5a5a 0001 00  1a2b 0000"
)
HELLO_BYTES = bytes.fromhex(HELLO.replace("0018", f"{len(bytes.fromhex(HELLO.partition('0018')[2])):04x}"))


def parts_by_path(traced: Trace) -> dict[str, Part]:
    """Where several parts share a path, an envelope and what is in it, the outermost."""
    found: dict[str, Part] = {}
    for part in traced.parts():
        found.setdefault(part.path, part)
    return found


def completed(traced: Trace) -> dict[str, tuple[int, int, object]]:
    return {part.path: (*part.content, part.value) for part in traced.leaves() if part.complete}


@EVERY_SCHEMA
@few
@given(data=st.data())
def test_every_part_holds_exactly_its_bytes(schema: Node[Any], data: st.DataObject) -> None:
    raw = data.draw(strategies.encoded(schema))
    traced = trace(schema, raw)
    assert traced.error is None
    assert traced.root.value == parse(schema, raw)
    assert_leaves_are_all_the_bytes(traced, raw)
    paths = [leaf.path for leaf in traced.leaves()]
    assert len(paths) == len(set(paths))
    for part in traced.parts():
        assert part.complete
        assert_parts_stand_in_order(part)
        assert_value_is_of_its_bytes(part, raw)


def assert_leaves_are_all_the_bytes(traced: Trace, raw: bytes) -> None:
    position = 0
    for leaf in traced.leaves():
        start, end = leaf.content
        assert start == position
        position = end
    assert position == len(raw)


def assert_parts_stand_in_order(part: Part) -> None:
    position = part.start
    for each in part.parts:
        assert position <= each.start <= each.end <= part.end
        position = each.end


def assert_value_is_of_its_bytes(part: Part, raw: bytes) -> None:
    start, end = part.content
    if isinstance(part.value, Struct):
        assert part.value.build() == raw[start:end]
    elif stands_alone(part):
        assert build(part.schema, part.value) == raw[part.start : part.end]


def stands_alone(part: Part) -> bool:
    """Whether the part's value has bytes without what is around it: its tag, its length, its message."""
    if part.schema.needs() or isinstance(part.schema, ExtensionNode) or type(part.schema).__name__ == "Content":
        return False
    return not isinstance(part.value, list) or all(not child.needs() for _, child in part.schema.children())


@EVERY_SCHEMA
@few
@given(data=st.data())
def test_malformed_bytes_are_refused_with_the_error_of_parse(schema: Node[Any], data: st.DataObject) -> None:
    raw = data.draw(strategies.mutated(schema))
    traced, error = trace(schema, raw), refusal(schema, raw)
    assert (type(traced.error), str(traced.error)) == (type(error), str(error))
    assert traced.root.complete == (error is None)
    if error is None:
        assert traced.root.value == parse(schema, raw)
    else:
        assert traced.root.value is None
        assert_error_is_where_parsing_stopped(traced, error)


def refusal(schema: Node[Any], raw: bytes) -> DecodeError | None:
    try:
        parse(schema, raw)
    except DecodeError as error:
        return error
    return None


def assert_error_is_where_parsing_stopped(traced: Trace, error: DecodeError) -> None:
    """Its path is that of a part which is not complete, or leads on from there to what is no part of its own."""
    unfinished = [part.path for part in traced.parts() if not part.complete]
    own_length = error.path.endswith(f".{LENGTH}") and unfinished[-1].endswith(f"extension_data.{LENGTH}")
    assert own_length or error.path in unfinished or error.path.startswith(f"{unfinished[-1]}.")


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.schema is not TLSInnerPlaintext], ids=str)
def test_a_cut_takes_nothing_from_what_stands_before_it(example: Example) -> None:
    whole = completed(trace(example.schema, example.data))
    for length in range(len(example.data)):
        cut = completed(trace(example.schema, example.data[:length]))
        there = {path: place for path, place in whole.items() if place[1] <= length and place[0] < place[1]}
        assert there.items() <= cut.items(), length


def test_a_hello_cut_inside_its_random_still_tells_its_version() -> None:
    raw = b"\x01\x00\x01\x00\x03\x03" + b"\xaa" * 12
    traced = trace(Handshake, raw)
    assert str(traced.error) == (
        "handshake.client_hello: at byte 4: expected the 256 bytes of client_hello, found 14 of 256 bytes"
    )
    parts = parts_by_path(traced)
    assert str(parts["handshake.client_hello.legacy_version"].value) == "TLS12"
    random = parts["handshake.client_hello.random"]
    assert (random.start, random.end, random.complete, random.value) == (6, 18, False, None)
    assert parts["handshake.client_hello"].end == 18
    assert parts["handshake.client_hello"].promised_end == 260


def test_what_else_is_wrong_before_the_cut_is_told_too() -> None:
    raw = b"\x01\x00\x01\x00\x03\x03" + bytes(32) + b"\x28" + bytes(10)
    traced = trace(Handshake, raw)
    assert traced.error is not None
    assert traced.error.path == "handshake.client_hello"
    assert str(traced.further) == (
        "handshake.client_hello.legacy_session_id: at byte 38: expected a length in <0..32>, found 40"
    )


def test_bytes_that_are_missing_are_no_further_error() -> None:
    for length in range(4, len(HELLO_BYTES) + 4):
        raw = (b"\x01" + len(HELLO_BYTES).to_bytes(3, "big") + HELLO_BYTES)[:length]
        assert trace(Handshake, raw).further is None, length


def test_the_longest_promise_is_not_believed() -> None:
    traced = trace(Handshake, b"\x0b\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff")
    assert traced.error is not None
    assert completed(traced)["handshake.certificate.certificate_list.length"] == (5, 8, 0xFFFFFF)


def test_each_part_tells_its_place_its_value_and_its_meaning() -> None:
    told = [
        (part.path, part.start, part.end, part.value, part.doc, part.reference)
        for part in trace(Alert, bytes.fromhex("02 28")).parts()
    ]
    level, description = Alert.parse(bytes.fromhex("0228")).level, AlertDescription.handshake_failure
    assert [each[:4] for each in told] == [
        ("alert", 0, 2, Alert(description=description)),
        ("alert.level", 0, 1, level),
        ("alert.description", 1, 2, description),
    ]
    assert told[0][4].startswith("Why a side stops sending")
    assert told[2][4:] == ("what happened", "RFC 9846 §6")


def test_positions_count_the_offset_in() -> None:
    traced = trace(Alert, b"\x02\x28\x00", offset=100)
    assert traced.error is not None
    assert traced.error.offset == 102
    assert [(part.start, part.end) for part in traced.parts()] == [(100, 102), (100, 101), (101, 102)]


def test_a_message_goes_by_the_name_of_its_variant() -> None:
    paths = parts_by_path(trace(Handshake, b"\x01" + len(HELLO_BYTES).to_bytes(3, "big") + HELLO_BYTES))
    assert paths["handshake.msg_type"].value is HandshakeType.client_hello
    assert paths["handshake.client_hello.random"].value == b"\x11" * 32
    assert paths["handshake.client_hello.extensions[0].key_share[0].group"].value is NamedGroup.x25519
    assert not any("message" in path for path in paths)
    assert paths["handshake.client_hello"].doc.startswith("The client's first message")
    assert paths["handshake.client_hello"].reference == "RFC 9846 §4.2.2"


def test_the_lengths_of_an_extension_and_of_the_vector_in_it_are_told_apart() -> None:
    paths = {leaf.path: leaf.value for leaf in trace(ClientHello, HELLO_BYTES).leaves() if leaf.name == LENGTH}
    assert paths["client_hello.extensions[0].extension_data.length"] == 7
    assert paths["client_hello.extensions[0].key_share.length"] == 5
    assert paths["client_hello.extensions[0].key_share[0].key_exchange.length"] == 1


def test_an_extension_is_explained_by_its_row() -> None:
    part = parts_by_path(trace(ClientHello, HELLO_BYTES))["client_hello.extensions[0].key_share"]
    row = ROWS[ExtensionType.key_share]
    assert (part.doc, part.reference, part.remark) == (row.explanation, row.reference, "")


def test_code_points_that_are_strange_say_so() -> None:
    paths = parts_by_path(trace(ClientHello, HELLO_BYTES))
    suite = paths["client_hello.cipher_suites[1]"]
    assert (suite.value, suite.remark) == (CipherSuite(0x1A2B), "not registered")
    assert paths["client_hello.cipher_suites[0]"].remark == ""
    assert paths["client_hello.extensions[1].extension_type"].remark == "reserved to be ignored, RFC 8701"
    assert paths["client_hello.extensions[1].GREASE 0x5a5a"].remark == "reserved to be ignored, RFC 8701"
    assert paths["client_hello.extensions[2].unknown 0x1a2b"].remark == "not registered"


def test_an_extension_where_it_may_not_be_says_so() -> None:
    traced = trace(extensions_of("encrypted_extensions"), bytes.fromhex("0006 0033 0002 0017"))
    (part,) = [part for part in traced.parts() if part.name == "key_share"]
    assert part.remark == "not allowed in encrypted_extensions, RFC 9846 §4.3"


def test_a_registered_extension_without_a_row_says_so() -> None:
    missing = next(each for each in ExtensionType if each not in ROWS)
    raw = b"\0\4" + int(missing).to_bytes(2, "big") + b"\0\0"
    (part,) = [part for part in trace(extensions_of("client_hello"), raw).parts() if part.name == str(missing)]
    assert part.remark == "registered, but not described here"


def test_a_struct_told_by_its_content_is_explained_as_what_it_is() -> None:
    versions = SupportedVersions.hello_retry_request(ProtocolVersion.TLS13)
    retry = HelloRetryRequest(cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256, extensions=[versions])
    parts = parts_by_path(trace(Handshake, Handshake.of(retry).build()))
    assert parts["handshake.server_hello"].reference == "RFC 9846 §4.2.4"


def test_a_whole_without_a_name_has_paths_that_start_with_its_items() -> None:
    assert [part.path for part in trace(vector(opaque(1, 2), 0, 9), b"\3\2ab").parts()] == [
        "",
        "length",
        "[0]",
        "[0].length",
    ]


def test_walking_meets_every_part_once_and_leaves_are_some_of_them() -> None:
    traced = trace(KeyShare.client_hello.schema, bytes.fromhex("0007 001d 0003 aabbcc"))
    walked = list(traced.parts())
    assert len({id(part) for part in walked}) == len(walked)
    assert {id(leaf) for leaf in traced.leaves()} <= {id(part) for part in walked}
    assert [leaf.path for leaf in traced.leaves()] == [
        "length",
        "[0].group",
        "[0].key_exchange.length",
        "[0].key_exchange",
    ]


@pytest.mark.parametrize("name", STRUCTS)
def test_every_struct_says_what_it_is(name: str) -> None:
    reference, text = described(STRUCTS[name])
    assert text
    assert not text.startswith("RFC ")
    assert not text.endswith(".")
    assert not reference or reference.startswith(("RFC ", "draft-"))


def test_a_docstring_is_taken_apart_whichever_way_round_it_is() -> None:
    assert described(ServerName) == ("RFC 6066 §3", "One name of the server")
    assert described(NamedGroup) == ("RFC 9846 §4.3.7", "TLS Supported Groups")


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_only_strange_code_points_of_the_examples_have_a_remark(example: Example) -> None:
    for part in trace(node(example.schema), example.data).parts():
        if isinstance(part.value, CodePoint):
            assert bool(part.remark) == (not part.value.is_registered)
