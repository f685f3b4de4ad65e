"""Messages that strictness forbids: made field by field, built as they are set, and refused where they are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from every_schema import STRUCTS, few
from hypothesis import given
from hypothesis import strategies as st

from certs import mint
from schemas import DecodeError, EncodeError, Struct, parse, strategies
from schemas.code_points import AlertDescription, CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme
from schemas.crafting import Draft, craft, draft_of
from schemas.derived import HkdfLabel
from schemas.extension_block import DuplicateExtensionError
from schemas.extensions import KeyShare, KeyShareEntry, SignatureAlgorithms, SupportedGroups, SupportedVersions
from schemas.handshake import Certificate, ClientHello, Handshake, HandshakeMessage
from schemas.record import TLSPlaintext
from schemas.vocabulary import LengthsFirst, opaque, uint16, vector
from tls13 import ClientConfig, Connection, Credential, ServerConfig, TrustStore
from tls13.errors import AlertReceived, Reason

EVERY_STRUCT = pytest.mark.parametrize("struct", STRUCTS.values(), ids=STRUCTS)

HELLO = ClientHello(
    random=b"\x11" * 32,
    cipher_suites=[CipherSuite.TLS_AES_128_GCM_SHA256],
    extensions=[
        SupportedVersions.client_hello([ProtocolVersion.TLS13]),
        SupportedGroups.client_hello([NamedGroup.x25519]),
        SignatureAlgorithms.client_hello([SignatureScheme.ed25519]),
        KeyShare.client_hello([KeyShareEntry(group=NamedGroup.x25519, key_exchange=b"\x22" * 32)]),
    ],
)


def hello() -> Draft:
    """A whole ClientHello message, and in it the hello."""
    return craft(Handshake.of(HELLO))


def places(draft: Draft, start: int = 0) -> Iterator[tuple[Draft, int]]:
    """Every part of a draft, and where it starts in what the draft builds."""
    yield draft, start
    position = start + draft.length_width
    for each in draft.content if isinstance(draft.content, list) else ():
        yield from places(each, position)
        position += len(each.build())


@EVERY_STRUCT
@few
@given(data=st.data())
def test_an_untouched_draft_builds_the_same_bytes(struct: type[Struct], data: st.DataObject) -> None:
    value = data.draw(strategies.values(struct))
    assert craft(value).build() == value.build()


@EVERY_STRUCT
@few
@given(data=st.data())
def test_a_length_set_by_hand_is_built_and_nothing_else_changes(struct: type[Struct], data: st.DataObject) -> None:
    value = data.draw(strategies.values(struct))
    draft = craft(value)
    # A length of RFC 9000 §16 may need more bytes than it had.
    having = [(part, at) for part, at in places(draft) if part.length_width and not part.variable_length]
    if not having:
        return
    part, at = data.draw(st.sampled_from(having))
    part.length = data.draw(st.integers(0, (1 << 8 * part.length_width) - 1))
    raw = value.build()
    behind = at + part.length_width
    assert draft.build() == raw[:at] + part.length.to_bytes(part.length_width, "big") + raw[behind:]


@EVERY_STRUCT
@few
@given(data=st.data())
def test_content_set_by_hand_is_built_and_the_lengths_around_it_follow(
    struct: type[Struct], data: st.DataObject
) -> None:
    value = data.draw(strategies.values(struct))
    draft = craft(value)
    part, _ = data.draw(st.sampled_from(list(places(draft))))
    content = data.draw(st.binary(max_size=20))
    part.content = content
    raw = draft.build()
    at = next(at for each, at in places(draft) if each is part)
    assert raw[at + part.length_width : at + part.length_width + len(content)] == content
    for each, start in places(draft):
        if each.length_width and not each.variable_length:
            length = len(each.build()) - each.length_width
            assert raw[start : start + each.length_width] == length.to_bytes(each.length_width, "big")


Edit = Callable[[Draft], object]


def set_length(*path: str, length: int) -> Edit:
    def edit(draft: Draft) -> None:
        for step in path:
            draft = draft[step]
        draft.length = length

    return edit


def half_a_suite(draft: Draft) -> None:
    draft["cipher_suites"].append(b"\x13")


def no_suites(draft: Draft) -> None:
    del draft["cipher_suites"][0]


def one_extension_twice(draft: Draft) -> None:
    draft["extensions"].append(draft["extensions"][1].copy())


def a_byte_behind_the_extensions(draft: Draft) -> None:
    draft.append(b"\0")


def a_byte_in_an_extension(draft: Draft) -> None:
    draft["extensions"]["supported_versions"].append(b"\0")


def an_empty_key(draft: Draft) -> None:
    draft["extensions"]["key_share"][0]["key_exchange"] = b""


FORBIDDEN: dict[str, tuple[Edit, str, str]] = {
    "a length over the ceiling": (
        set_length("legacy_session_id", length=40),
        "client_hello.legacy_session_id",
        "found 40",
    ),
    "a length that takes too much": (
        set_length("cipher_suites", length=0xFFFE),
        "client_hello.cipher_suites",
        "the 65534 bytes",
    ),
    "a length that takes too little": (set_length("extensions", length=7), "client_hello", "the end"),
    "an extension that is longer than the block": (
        set_length("extensions", "key_share", length=999),
        "client_hello.extensions[3].key_share",
        "the 999 bytes",
    ),
    "half an item": (half_a_suite, "client_hello.cipher_suites[1]", "1 of 2 bytes"),
    "too few items": (no_suites, "client_hello.cipher_suites", "found 0"),
    "an extension twice": (one_extension_twice, "client_hello.extensions[4].supported_groups", "a second"),
    "bytes behind the end": (a_byte_behind_the_extensions, "client_hello", "1 more byte"),
    "bytes behind an extension's end": (
        a_byte_in_an_extension,
        "client_hello.extensions[0].supported_versions[1]",
        "1 of 2 bytes",
    ),
    "a vector under its floor": (
        an_empty_key,
        "client_hello.extensions[3].key_share[0].key_exchange",
        "a length in <1..2^16-1>",
    ),
}


@pytest.mark.parametrize(("edit", "path", "says"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_is_forbidden_is_built_and_refused_where_it_is_wrong(edit: Edit, path: str, says: str) -> None:
    draft = craft(HELLO)
    edit(draft)
    with pytest.raises(DecodeError) as refused:
        ClientHello.parse(draft.build())
    assert refused.value.path == path
    assert says in str(refused.value)


def test_an_extension_twice_is_told_as_such() -> None:
    draft = craft(HELLO)
    one_extension_twice(draft)
    with pytest.raises(DuplicateExtensionError):
        ClientHello.parse(draft.build())


def test_any_code_point_can_be_set_and_is_read_back() -> None:
    draft = craft(HELLO)
    draft["legacy_version"] = 0x7F7F
    draft["cipher_suites"][0] = 0x5A5A
    draft["extensions"]["key_share"][0]["group"] = 0x1234
    draft["extensions"][1]["extension_type"] = 0xFAFA
    made = ClientHello.parse(draft.build())
    assert made.legacy_version == 0x7F7F
    assert made.cipher_suites == [CipherSuite(0x5A5A)]
    assert KeyShare.client_hello.find(made.extensions) == [
        KeyShareEntry(group=NamedGroup(0x1234), key_exchange=b"\x22" * 32)
    ]
    assert [int(each.extension_type) for each in made.extensions or ()] == [43, 0xFAFA, 13, 51]


def test_a_message_type_is_set_and_its_body_is_left_as_it_is() -> None:
    draft = hello()
    draft["msg_type"] = 77
    raw = draft.build()
    assert raw == b"\x4d" + Handshake.of(HELLO).build()[1:]
    with pytest.raises(DecodeError, match="msg_type to be one of"):
        Handshake.parse(raw)


def test_lengths_follow_what_is_put_in_and_taken_out_at_every_level() -> None:
    draft = hello()
    extensions = draft["message"]["extensions"]
    extensions["key_share"].append(extensions["key_share"][0].copy())
    extensions["key_share"][1]["group"] = int(NamedGroup.x448)
    extensions["key_share"][1]["key_exchange"] = b"\x33" * 56
    del extensions[2]
    made = Handshake.parse(draft.build()).message
    assert isinstance(made, ClientHello)
    assert KeyShare.client_hello.find(made.extensions) == [
        KeyShareEntry(group=NamedGroup.x25519, key_exchange=b"\x22" * 32),
        KeyShareEntry(group=NamedGroup.x448, key_exchange=b"\x33" * 56),
    ]
    assert SignatureAlgorithms.client_hello.find(made.extensions) is None
    assert SupportedGroups.client_hello.find(made.extensions) == [NamedGroup.x25519]


def test_a_length_that_is_set_stays_when_the_content_changes() -> None:
    draft = craft(HELLO)
    draft["legacy_session_id"].length = 5
    draft["legacy_session_id"] = b"\xaa" * 9
    assert b"\x05" + b"\xaa" * 9 in draft.build()
    draft["legacy_session_id"].length = None
    assert b"\x09" + b"\xaa" * 9 in draft.build()


def test_the_length_of_an_extension_and_of_the_vector_in_it_are_set_apart() -> None:
    draft = craft(HELLO)
    share = draft["extensions"]["key_share"]
    share.length = 0x0102
    share.inner.length = 0x0304
    assert bytes.fromhex("0033 0102 0304") in draft.build()


def test_bytes_are_put_in_before_any_part_and_into_plain_bytes() -> None:
    draft = craft(HELLO)
    draft.insert(0, b"\xde\xad")
    draft["random"].append(b"\xbe\xef")
    raw = draft.build()
    assert raw.startswith(b"\xde\xad\x03\x03" + b"\x11" * 32 + b"\xbe\xef")


def test_a_copy_changes_by_itself() -> None:
    draft = craft(HELLO)
    copy = draft.copy()
    copy["random"] = b""
    assert draft.build() == HELLO.build()
    assert len(copy.build()) == len(draft.build()) - 32


def test_a_part_is_replaced_by_another_one() -> None:
    draft = craft(HELLO)
    draft["legacy_session_id"] = draft["legacy_compression_methods"].copy()
    assert draft.build() == HELLO.build()[:34] + b"\1\0" + HELLO.build()[35:]


def test_a_record_may_say_any_length() -> None:
    draft = craft(TLSPlaintext.parse(bytes.fromhex("15 0303 0002 0228")))
    draft["fragment"].length = 0xFFFF
    assert draft.build() == bytes.fromhex("15 0303 ffff 0228")


def test_bytes_of_any_schema_are_taken_apart() -> None:
    draft = draft_of(vector(opaque(0, 9), 0, 99), bytes.fromhex("04 02 6162 00"))
    draft[1] = b"c"
    assert draft.build() == bytes.fromhex("05 02 6162 01 63")


def test_bytes_that_do_not_parse_are_not_taken_apart() -> None:
    with pytest.raises(DecodeError):
        draft_of(uint16, b"\0")


@pytest.mark.parametrize("key", ["nothing", "cookie"])
def test_a_part_that_is_not_there_is_a_key_error(key: str) -> None:
    draft = craft(HELLO)
    with pytest.raises(KeyError):
        draft[key]
    with pytest.raises(KeyError):
        draft["extensions"][key] = b""


def test_what_can_not_be_set_is_told() -> None:
    draft = craft(HELLO)
    with pytest.raises(EncodeError, match="random: expected bytes"):
        draft["random"] = 5
    with pytest.raises(EncodeError, match="legacy_version: expected a number of 2 bytes"):
        draft["legacy_version"] = 0x10000
    with pytest.raises(EncodeError, match="random: expected a part with parts"):
        draft["random"][0]
    draft["legacy_session_id"].length = 256
    with pytest.raises(EncodeError, match=r"legacy_session_id\.length"):
        draft.build()


def test_a_field_called_length_is_no_length_of_what_follows() -> None:
    label = HkdfLabel(length=32, label=b"tls13 finished", context=b"")
    draft = craft(label)
    draft["context"] = b"longer"
    assert draft.build()[:2] == b"\x00\x20"
    draft["length"] = 7
    assert draft.build()[:2] == b"\x00\x07"


def test_a_certificate_list_is_crafted_entry_by_entry() -> None:
    raw = bytes.fromhex("00 000008 000003 aabbcc 0000")
    draft = craft(Certificate.parse(raw))
    draft["certificate_list"][0]["cert_data"] = b""
    with pytest.raises(DecodeError) as refused:
        Certificate.parse(draft.build())
    assert refused.value.path == "certificate.certificate_list[0].cert_data"


@pytest.mark.parametrize("struct", [each for each in STRUCTS.values() if not isinstance(each.schema, LengthsFirst)])
@few
@given(data=st.data())
def test_what_is_appended_to_a_struct_is_refused_or_part_of_its_open_end(
    struct: type[Struct], data: st.DataObject
) -> None:
    value = data.draw(strategies.values(struct))
    draft = craft(value)
    if isinstance(draft.content, bytes):
        return
    draft.append(b"\0\0\0\0\0")
    raw = draft.build()
    assert raw.startswith(value.build())
    try:
        more = parse(struct, raw)
    except DecodeError:
        return
    assert more.build() == raw
    assert more != value


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClientConfig, ServerConfig]:
    pki = mint(tmp_path_factory.mktemp("crafting") / "pki", names=["localhost"], now=datetime.now(UTC))
    files = pki.server("ed25519")
    credential = Credential.load(files.certificate, files.key)
    return ClientConfig(trust=TrustStore.load(pki.ca)), ServerConfig(credentials=(credential,))


def in_the_hello(edit: Edit) -> Callable[[HandshakeMessage], HandshakeMessage | bytes]:
    """Sends the ClientHello as edited, every other message as it is."""

    def edit_message(message: HandshakeMessage) -> HandshakeMessage | bytes:
        if not isinstance(message, ClientHello):
            return message
        draft = craft(Handshake.of(message))
        edit(draft["message"])
        return draft.build()

    return edit_message


def no_suite_that_exists(draft: Draft) -> None:
    draft["cipher_suites"].inner.content = b"\x5a\x5a\x1a\x2b"


def another_compression(draft: Draft) -> None:
    draft["legacy_compression_methods"] = b"\1"


def no_version_that_exists(draft: Draft) -> None:
    draft["extensions"]["supported_versions"] = b"\x7f\x7f"


ANSWERS: dict[str, tuple[Edit, AlertDescription]] = {
    "a length over the ceiling": (set_length("legacy_session_id", length=40), AlertDescription.decode_error),
    "half a suite": (half_a_suite, AlertDescription.decode_error),
    "bytes behind the end": (a_byte_behind_the_extensions, AlertDescription.decode_error),
    "an extension twice": (one_extension_twice, AlertDescription.illegal_parameter),
    "another compression": (another_compression, AlertDescription.illegal_parameter),
    "suites that nobody has": (no_suite_that_exists, AlertDescription.handshake_failure),
    "a version that nobody has": (no_version_that_exists, AlertDescription.protocol_version),
}


@pytest.mark.parametrize(("edit", "alert"), ANSWERS.values(), ids=ANSWERS)
def test_a_crafted_hello_reaches_a_server_which_answers_with_the_right_alert(
    configs: tuple[ClientConfig, ServerConfig], edit: Edit, alert: AlertDescription
) -> None:
    client_config, server_config = configs
    client = Connection.client(ClientConfig(trust=client_config.trust, edit_message=in_the_hello(edit)), "localhost")
    server = Connection.server(server_config)
    with pytest.raises(Reason) as refused:
        server.receive_data(client.data_to_send())
    assert refused.value.alert is alert
    with pytest.raises(AlertReceived) as answered:
        client.receive_data(server.data_to_send())
    assert answered.value.alert is alert
