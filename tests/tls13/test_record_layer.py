"""Records cut from a stream, and sealed and opened. RFC 9846 §5; figures from RFC 8448 §3"""

from __future__ import annotations

import pytest
from by_hand import AEADS, Direction, plaintext
from hypothesis import given
from hypothesis import strategies as st

from schemas.code_points import CipherSuite, ContentType, ProtocolVersion
from tls13.crypto.aead import LAST_SEQUENCE_NUMBER, SUITES
from tls13.errors import BadRecordMac, InternalError, NotTLS, RecordOverflow, UnexpectedMessage
from tls13.record_layer import Protection, RecordReader, fragments, plaintext_record

AES_128 = CipherSuite.TLS_AES_128_GCM_SHA256
SECRET = {"sha256": bytes(range(32)), "sha384": bytes(range(48))}

each_suite = pytest.mark.parametrize("suite", AEADS)


def protection(suite: CipherSuite = AES_128) -> Protection:
    return Protection(SUITES[suite], SECRET[SUITES[suite].hash_name])


def by_hand(suite: CipherSuite = AES_128) -> Direction:
    return Direction(suite, SECRET[SUITES[suite].hash_name])


# Cutting


RECORDS = plaintext(22, b"hello", 0x0301) + plaintext(20, b"\x01") + plaintext(23, b"") + plaintext(21, b"\x01\x00")


@given(cuts=st.lists(st.integers(0, len(RECORDS)), max_size=8).map(sorted))
def test_records_come_whole_whatever_the_chunks(cuts: list[int]) -> None:
    reader = RecordReader()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(RECORDS)], strict=True):
        found += list(reader.feed(RECORDS[start:end]))
    assert b"".join(each.raw for each in found) == RECORDS
    assert [int(each.header.type) for each in found] == [22, 20, 23, 21]
    assert [each.fragment for each in found] == [b"hello", b"\x01", b"", b"\x01\x00"]


def test_the_version_of_a_record_is_ignored() -> None:
    for version in (0x0300, 0x0301, 0x0303, 0x0304, 0x4745):
        (record,) = RecordReader().feed(plaintext(22, b"x", version))
        assert record.header.legacy_record_version == version


def test_a_part_of_a_record_waits() -> None:
    reader = RecordReader()
    assert list(reader.feed(RECORDS[:9])) == []
    (record,) = reader.feed(RECORDS[9:10])
    assert record.fragment == b"hello"


def test_what_is_fed_stays_the_callers() -> None:
    reader = RecordReader()
    first, second = bytearray(RECORDS[:30]), bytearray(RECORDS[30:])
    found = [*reader.feed(first)]
    first[:] = bytes(30)
    found += reader.feed(second)
    assert second == RECORDS[30:]
    assert b"".join(each.raw for each in found) == RECORDS
    assert all(type(each.raw) is bytes for each in found)


@pytest.mark.parametrize(("content_type", "limit"), [(22, 2**14), (21, 2**14), (20, 2**14), (23, 2**14 + 256)])
def test_a_record_is_refused_by_its_header_one_byte_over_its_limit(content_type: int, limit: int) -> None:
    (record,) = RecordReader().feed(plaintext(content_type, bytes(limit)))
    assert len(record.fragment) == limit
    with pytest.raises(RecordOverflow):
        list(RecordReader().feed(plaintext(content_type, bytes(limit + 1))[:5]))


def test_only_the_first_record_can_be_no_tls() -> None:
    with pytest.raises(NotTLS):
        list(RecordReader().feed(b"\0\0\0\0\0"))
    reader = RecordReader()
    list(reader.feed(RECORDS))
    with pytest.raises(UnexpectedMessage):
        list(reader.feed(b"\0\0\0\0\0"))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "an HTTP response"),
        (b"220 mail.example ESMTP\r\n", "SMTP or FTP"),
        (b"+OK ready\r\n", "POP3"),
        (b"* OK ready\r\n", "IMAP"),
    ],
)
def test_a_server_of_another_protocol_is_called_by_its_name(start: bytes, words: str) -> None:
    with pytest.raises(NotTLS, match=words):
        list(RecordReader().feed(start))


def test_records_before_a_bad_one_still_come() -> None:
    records = RecordReader().feed(RECORDS + b"\xff" * 5)
    assert b"".join(next(records).raw for _ in range(4)) == RECORDS
    with pytest.raises(UnexpectedMessage):
        next(records)


# Sealing and opening


def test_the_record_of_the_traces_client_finished() -> None:
    """RFC 8448 §3: the record, its content and the secret that it is under."""
    client_secret = bytes.fromhex("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21")
    content = bytes.fromhex("14000020a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61")
    record = bytes.fromhex(
        "170303003575ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f80338ac98fc46deb384bd1caeacab6867d726c40546"
    )
    assert Protection(SUITES[AES_128], client_secret).protect(ContentType.handshake, content) == record
    assert Protection(SUITES[AES_128], client_secret).unprotect(record) == (ContentType.handshake, content)


@each_suite
def test_another_implementation_seals_the_same_and_opens_it(suite: CipherSuite) -> None:
    ours, theirs = protection(suite), by_hand(suite)
    for number in range(3):
        content = bytes([number]) * 1000 * number
        assert ours.protect(ContentType.application_data, content, number) == theirs.seal(23, content, number)
    ours, theirs = protection(suite), by_hand(suite)
    for number in range(3):
        assert ours.unprotect(theirs.seal(22, b"content", number)) == (ContentType.handshake, b"content")


@each_suite
def test_the_next_generation_is_the_same_on_both_sides(suite: CipherSuite) -> None:
    ours, theirs = protection(suite), by_hand(suite)
    for _ in range(3):
        ours, theirs = ours.updated(), theirs.updated()
        assert ours.sequence_number == 0
        assert ours.protect(ContentType.alert, b"\x01\x00") == theirs.seal(21, b"\x01\x00")


@given(content=st.binary(max_size=300), padding=st.integers(0, 300))
def test_padding_and_zeros_at_the_end_are_told_apart(content: bytes, padding: int) -> None:
    content += bytes(padding % 3)
    record = by_hand().seal(23, content, padding)
    assert protection().unprotect(record) == (ContentType.application_data, content)


def test_a_record_that_does_not_open_leaves_the_sequence_number() -> None:
    ours = protection()
    with pytest.raises(BadRecordMac):
        ours.unprotect(plaintext(23, bytes(30)))
    assert ours.sequence_number == 0
    assert ours.unprotect(by_hand().seal(23, b"x")) == (ContentType.application_data, b"x")
    assert ours.sequence_number == 1


@pytest.mark.parametrize("inner", [b"", b"\0", bytes(2**14 + 1)])
def test_a_record_without_a_content_type_is_unexpected(inner: bytes) -> None:
    with pytest.raises(UnexpectedMessage):
        protection().unprotect(by_hand().seal_inner(inner))


def test_the_limit_on_what_a_record_opens_to() -> None:
    assert len(protection().unprotect(by_hand().seal(23, bytes(2**14)))[1]) == 2**14
    for content, padding in ((2**14 + 1, 0), (2**14, 1), (0, 2**14 + 1)):
        with pytest.raises(RecordOverflow):
            protection().unprotect(by_hand().seal(23, b"\x01" * content, padding))


@pytest.mark.parametrize("limit", [64, 2**14])
def test_the_limit_can_be_lower_and_counts_type_and_padding(limit: int) -> None:
    for length in (limit - 1, limit - 21):
        record = by_hand().seal(23, bytes(length), limit - 1 - length)
        assert protection().unprotect(record, limit) == (ContentType.application_data, bytes(length))
    for content, padding in ((limit, 0), (limit - 1, 1), (0, limit)):
        with pytest.raises(RecordOverflow, match=f"opens to {limit + 1} bytes, over {limit}"):
            protection().unprotect(by_hand().seal(23, b"\x01" * content, padding), limit)


def test_the_header_is_authenticated() -> None:
    record = by_hand().seal(23, b"x")
    with pytest.raises(BadRecordMac):
        protection().unprotect(record[:2] + b"\x01" + record[3:])
    other_version = by_hand().seal_inner(b"x\x17", version=b"\x03\x01")
    assert protection().unprotect(other_version) == (ContentType.application_data, b"x")


@each_suite
def test_a_sequence_number_never_wraps(suite: CipherSuite) -> None:
    ours = protection(suite)
    ours.sequence_number = LAST_SEQUENCE_NUMBER
    ours.protect(ContentType.application_data, b"the last")
    with pytest.raises(InternalError):
        ours.protect(ContentType.application_data, b"one too many")


# Fragments


@pytest.mark.parametrize(
    ("length", "lengths"),
    [(0, []), (1, [1]), (2**14, [2**14]), (2**14 + 1, [2**14, 1]), (3 * 2**14, [2**14] * 3)],
)
def test_content_is_cut_into_full_records(length: int, lengths: list[int]) -> None:
    content = bytes(range(256)) * (length // 256 + 1)
    pieces = list(fragments(content[:length]))
    assert [len(each) for each in pieces] == lengths
    assert b"".join(pieces) == content[:length]


def test_content_is_cut_into_smaller_records_for_a_peer_that_wants_them() -> None:
    assert list(fragments(b"abcdefgh", 3)) == [b"abc", b"def", b"gh"]
    assert list(fragments(b"abcdef", 3)) == [b"abc", b"def"]
    assert list(fragments(b"", 3)) == []


def test_a_plaintext_record() -> None:
    record = plaintext_record(ContentType.handshake, b"hello", ProtocolVersion.TLS10)
    assert record == bytes.fromhex("16 0301 0005") + b"hello"
