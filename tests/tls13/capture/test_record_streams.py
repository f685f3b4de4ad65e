"""Byte streams to records: where TLS starts, and where it goes on behind a hole."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from capture.made_captures import client_hello, raw, record, server_hello
from hypothesis import given
from hypothesis import strategies as st

from schemas.code_points import ContentType
from tls13.capture import GapReason
from tls13.capture.tls.records import CapturedRecord, Hole, RecordStream, Start

CLIENT_HELLO = record(ContentType.handshake, raw(client_hello()), 0x0301)
SERVER_HELLO = record(ContentType.handshake, raw(server_hello()))
CCS = record(ContentType.change_cipher_spec, b"\1")
ALERT = record(ContentType.alert, b"\2\x28")
DATA = [record(ContentType.application_data, bytes([number]) * 100) for number in range(8)]
MISSING, NOT_TLS = GapReason.missing, GapReason.not_tls

Found = CapturedRecord | Hole


def feed(
    stream: RecordStream, pieces: Iterable[bytes | int], *, answering: bool = False, offset: int = 0
) -> list[Found]:
    """What pieces of a stream come to; a number is that many missing bytes."""
    found: list[Found] = []
    for piece in pieces:
        if isinstance(piece, int):
            found += stream.miss(0, offset, piece)
            offset += piece
        else:
            found += stream.feed(0, offset, piece, answering)
            offset += len(piece)
    return found


def shown(found: Iterable[Found]) -> list[bytes | tuple[int, int, str]]:
    """Records as their bytes, holes as offset, length and reason."""
    return [each.raw if isinstance(each, CapturedRecord) else (each.offset, each.length, each.reason) for each in found]


def read(*pieces: bytes | int, from_start: bool = True, answering: bool = False) -> list[bytes | tuple[int, int, str]]:
    stream = RecordStream(from_start)
    found = feed(stream, pieces, answering=answering)
    return shown([*found, *stream.finish(0)])


@given(data=st.data())
def test_records_come_out_whatever_the_pieces(data: st.DataObject) -> None:
    whole = CLIENT_HELLO + CCS + b"".join(DATA)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=30)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(*(piece for piece in pieces if piece)) == [CLIENT_HELLO, CCS, *DATA]


def test_records_come_out_of_single_bytes_with_their_numbers_and_offsets() -> None:
    whole = CLIENT_HELLO + CCS + DATA[0]
    stream = RecordStream(True)
    found = feed(stream, [whole[at : at + 1] for at in range(len(whole))])
    assert shown(found) == [CLIENT_HELLO, CCS, DATA[0]]
    assert [(each.number, each.offset) for each in found if isinstance(each, CapturedRecord)] == [
        (0, 0),
        (1, len(CLIENT_HELLO)),
        (2, len(CLIENT_HELLO + CCS)),
    ]
    assert stream.start is Start.client_hello


# -- where TLS starts --------------------------------------------------------------------------------------


def test_tls_starts_behind_another_protocol_at_the_start_of_a_segment() -> None:
    before = [b"EHLO me\r\n", b"STARTTLS\r\n"]
    assert read(*before, CLIENT_HELLO, CCS) == [(0, 19, NOT_TLS), CLIENT_HELLO, CCS]


def test_a_start_in_single_bytes_is_found_behind_another_protocol() -> None:
    pieces = [CLIENT_HELLO[at : at + 1] for at in range(len(CLIENT_HELLO))]
    assert read(b"\x16\x03 no hello", *pieces) == [(0, 11, NOT_TLS), CLIENT_HELLO]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16",
        b"\x16\x03\x01\x00\x05hello",
        CCS,
        ALERT,
        DATA[0],
        CLIENT_HELLO[:9] + b"\x02" + CLIENT_HELLO[10:],
        CLIENT_HELLO[:3] + b"\xff\xff" + CLIENT_HELLO[5:],
        CLIENT_HELLO + b"and more, which is no record",
    ],
)
def test_at_the_start_of_a_connection_only_a_hello_is_tls(data: bytes) -> None:
    stream = RecordStream(True)
    assert feed(stream, [data]) == []
    assert stream.start is None


@pytest.mark.parametrize("data", [SERVER_HELLO, ALERT])
def test_an_answer_to_tls_is_a_hello_or_an_alert(data: bytes) -> None:
    assert read(b"220 ready\r\n", data, answering=True) == [(0, 11, NOT_TLS), data]


LARGE = [record(ContentType.application_data, bytes([number]) * 16_401) for number in range(1, 5)]


@pytest.mark.parametrize("skipped", [1, 7, 1000, 16_400, 16_405])
@pytest.mark.parametrize("segment", [536, 1448, 9000])
def test_a_connection_under_way_is_picked_up_at_the_first_whole_record(skipped: int, segment: int) -> None:
    whole = b"".join(LARGE)[skipped:]
    pieces = [whole[at : at + segment] for at in range(0, len(whole), segment)]
    assert read(*pieces, from_start=False) == [(0, 16_406 - skipped, NOT_TLS), *LARGE[1:]]


def test_a_connection_under_way_is_picked_up_behind_a_hole() -> None:
    whole = b"".join(LARGE)
    pieces = [whole[at : at + 1000] for at in range(0, len(whole), 1000)]
    found = read(*pieces[1:10], 2000, *pieces[12:], from_start=False)
    assert found == [(0, 9000, NOT_TLS), (9000, 2000, MISSING), (11_000, 4406, NOT_TLS), *LARGE[1:]]


def test_what_goes_on_long_without_a_record_is_no_longer_searched() -> None:
    rubbish = [bytes(1000)] * 66
    stream = RecordStream(from_start=False)
    assert feed(stream, [*rubbish, b"rubbish" + DATA[0] + DATA[1]]) == []
    assert len(stream) == 0


def test_a_stream_of_possible_headers_takes_no_longer_than_its_bytes() -> None:
    assert read(*[bytes.fromhex("03034800 17")] * 13_000, from_start=False) == [(0, 65_000, NOT_TLS)]


def test_headers_without_end_do_not_make_a_search_keep_more_than_it_may() -> None:
    stream = RecordStream(from_start=False)
    for number in range(200):
        assert stream.feed(0, number * 1000, (b"\0" + b"\x17\x03\x03\x40\x00" * 200)[:1000], False) == ()
        assert len(stream) < 2**16


@pytest.mark.parametrize(
    "data", [CLIENT_HELLO, SERVER_HELLO, CCS, ALERT, DATA[0], record(ContentType.alert, bytes(26))]
)
def test_a_connection_under_way_is_picked_up_at_any_record(data: bytes) -> None:
    rubbish = b"\x11" * 50
    assert read(rubbish, data, DATA[1], from_start=False) == [(0, 50, NOT_TLS), data, DATA[1]]


@pytest.mark.parametrize(
    "data",
    [
        record(ContentType.change_cipher_spec, b"\2"),
        record(ContentType.alert, b"\7\0"),
        record(ContentType.application_data, b"short"),
        record(ContentType.handshake, b"\xee" + bytes(30)),
        record(ContentType.handshake, b""),
        DATA[0] + b"GARBAGE",
    ],
)
def test_what_no_record_may_hold_picks_up_nothing(data: bytes) -> None:
    assert feed(RecordStream(False), [data]) == []


def test_a_stream_that_never_turns_to_tls_costs_nothing() -> None:
    stream = RecordStream(True)
    for number in range(1000):
        assert feed(stream, [b"plain text\r\n"], offset=12 * number) == []
        assert len(stream) == 0
    assert shown(stream.finish(0)) == [(0, 12_000, NOT_TLS)]


# -- holes -------------------------------------------------------------------------------------------------


def test_a_hole_within_a_record_costs_that_record_alone() -> None:
    start, end = DATA[0][:40], DATA[0][70:]
    assert read(CLIENT_HELLO, start, 30, end + DATA[1]) == [
        CLIENT_HELLO,
        start,
        (len(CLIENT_HELLO) + 40, 30, MISSING),
        DATA[1],
    ]


def test_two_holes_within_a_record_cost_that_record_alone() -> None:
    at = len(CLIENT_HELLO)
    assert read(CLIENT_HELLO, DATA[0][:40], 10, DATA[0][50:60], 45, DATA[1]) == [
        CLIENT_HELLO,
        DATA[0][:40],
        (at + 40, 10, MISSING),
        (at + 60, 45, MISSING),
        DATA[1],
    ]


def test_a_record_with_a_hole_is_incomplete_and_says_how_long_it_was() -> None:
    found = feed(RecordStream(True), [CLIENT_HELLO, DATA[0][:40], 65, DATA[1]])
    broken = found[1]
    assert isinstance(broken, CapturedRecord)
    assert not broken.is_complete
    assert broken.header.length == 100
    assert len(broken.fragment) == 35


def test_behind_a_longer_hole_the_next_segment_that_starts_a_record_is_believed() -> None:
    at = len(CLIENT_HELLO)
    assert read(CLIENT_HELLO, DATA[0][:40], 65 + 105, DATA[2], DATA[3]) == [
        CLIENT_HELLO,
        DATA[0][:40],
        (at + 40, 170, MISSING),
        DATA[2],
        DATA[3],
    ]


def test_behind_a_longer_hole_a_record_within_a_segment_is_found_by_its_neighbour() -> None:
    at = len(CLIENT_HELLO)
    tail = DATA[1][50:]
    assert read(CLIENT_HELLO, 105 + 50, tail + DATA[2], DATA[3] + DATA[4][:7], DATA[4][7:]) == [
        CLIENT_HELLO,
        (at, 155, MISSING),
        (at + 155, 55, NOT_TLS),
        DATA[2],
        DATA[3],
        DATA[4],
    ]


def test_a_header_that_its_neighbour_denies_is_not_believed() -> None:
    at = len(CLIENT_HELLO)
    false_header = b"\x17\x03\x03\x00\x20"
    tail = b"\xaa" * 10 + false_header + b"\xbb" * 60
    assert read(CLIENT_HELLO, 200, tail + DATA[2] + DATA[3][:20], DATA[3][20:]) == [
        CLIENT_HELLO,
        (at, 200, MISSING),
        (at + 200, 75, NOT_TLS),
        DATA[2],
        DATA[3],
    ]


def test_a_header_whose_record_is_not_there_yet_is_not_believed_in_the_middle_of_a_segment() -> None:
    at = len(CLIENT_HELLO)
    tail = b"\xaa" * 10 + b"\x17\x03\x03\x00\x60" + b"\xbb" * 30
    assert read(CLIENT_HELLO, 200, tail, b"\xcc" * 80, DATA[2], DATA[3]) == [
        CLIENT_HELLO,
        (at, 200, MISSING),
        (at + 200, 125, NOT_TLS),
        DATA[2],
        DATA[3],
    ]


def test_a_missing_start_lets_the_stream_be_picked_up_anywhere() -> None:
    assert read(len(CLIENT_HELLO), DATA[0], DATA[1]) == [(0, len(CLIENT_HELLO), MISSING), DATA[0], DATA[1]]


def test_bytes_that_are_no_record_are_a_hole_and_the_next_segment_goes_on() -> None:
    at = len(CLIENT_HELLO + DATA[0])
    assert read(CLIENT_HELLO, DATA[0] + b"garbage!", DATA[1], DATA[2]) == [
        CLIENT_HELLO,
        DATA[0],
        (at, 8, NOT_TLS),
        DATA[1],
        DATA[2],
    ]


def test_an_end_in_the_middle_of_a_record_leaves_it_incomplete() -> None:
    assert read(CLIENT_HELLO, DATA[0][:50]) == [CLIENT_HELLO, DATA[0][:50]]
    assert read(CLIENT_HELLO, DATA[0][:3]) == [CLIENT_HELLO, (len(CLIENT_HELLO), 3, NOT_TLS)]
    assert read(CLIENT_HELLO, 10, b"\xaa" * 9) == [
        CLIENT_HELLO,
        (len(CLIENT_HELLO), 10, MISSING),
        (len(CLIENT_HELLO) + 10, 9, NOT_TLS),
    ]


def test_records_up_to_what_older_versions_allow_are_read() -> None:
    longest = record(ContentType.application_data, bytes(2**14 + 2048))
    too_long = record(ContentType.application_data, bytes(2**14 + 2049))
    assert read(CLIENT_HELLO, longest, DATA[0]) == [CLIENT_HELLO, longest, DATA[0]]
    assert read(CLIENT_HELLO, too_long, DATA[0])[1:] == [
        (len(CLIENT_HELLO), len(too_long), NOT_TLS),
        DATA[0],
    ]


_PIECES = st.one_of(
    st.binary(max_size=40),
    st.integers(1, 300),
    st.sampled_from([CLIENT_HELLO, SERVER_HELLO, CCS, ALERT, *DATA, DATA[0][:30], DATA[0][30:], b"\x17\x03\x03"]),
)


@given(pieces=st.lists(_PIECES, max_size=30), from_start=st.booleans(), answering=st.booleans())
def test_records_and_holes_cover_any_stream_in_order(
    pieces: list[bytes | int], from_start: bool, answering: bool
) -> None:
    stream = RecordStream(from_start)
    found = feed(stream, [piece for piece in pieces if piece], answering=answering)
    started = stream.start is not None
    found += stream.finish(0)
    at = 0
    for each in found:
        assert at <= each.offset, "out of order"
        assert at == each.offset or started, "bytes left out before TLS starts"
        at = each.offset + (len(each.raw) if isinstance(each, CapturedRecord) else each.length)
    assert at <= sum(piece if isinstance(piece, int) else len(piece) for piece in pieces)
    assert len(stream) == 0


SSLV2_HELLO = bytes.fromhex(
    "802e 01 0303"  # 46 bytes follow; client_hello; TLS 1.2
    "0015 0000 0010"  # lengths: 7 cipher specs, no session ID, a challenge of 16 bytes
    "00002f 000035 00000a 010080 0700c0 00009c 0000ff"
    "000102030405060708090a0b0c0d0e0f"
)


def test_a_hello_in_the_form_of_ssl_2_is_named_and_starts_tls() -> None:
    stream = RecordStream(True)
    found = feed(stream, [SSLV2_HELLO[:7], SSLV2_HELLO[7:], CCS])
    assert shown(found) == [(0, len(SSLV2_HELLO), GapReason.sslv2_hello), CCS]
    assert stream.start is Start.client_hello
    assert read(SSLV2_HELLO + CCS) == [(0, len(SSLV2_HELLO), GapReason.sslv2_hello), CCS]


@pytest.mark.parametrize("data", [b"\x80\x2e\x02" + bytes(50), b"\x80\x2e\x01\x04\x00" + bytes(50), b"\x80\x80\x01"])
def test_other_bytes_with_the_highest_bit_are_no_hello(data: bytes) -> None:
    assert read(data) == [(0, len(data), NOT_TLS)]
    assert read(SSLV2_HELLO, from_start=False) == [(0, len(SSLV2_HELLO), NOT_TLS)]


def test_an_introduction_and_the_hello_behind_it_may_share_a_segment() -> None:
    introduction = b"PROXY TCP6 2001:db8::1 2001:db8::2 1 443\r\n"
    stream = RecordStream(True)
    assert shown(feed(stream, [introduction + CLIENT_HELLO])) == [(0, len(introduction), NOT_TLS), CLIENT_HELLO]
    assert stream.cleartext == introduction


def test_cleartext_is_kept_by_its_first_and_last_bytes() -> None:
    stream = RecordStream(True)
    feed(stream, [b"first" + b"-" * 500, b"." * 500, b"-" * 500 + b"last", CLIENT_HELLO])
    assert len(stream.cleartext) == 256
    assert stream.cleartext.startswith(b"first-")
    assert stream.cleartext.endswith(b"-last")


def test_records_and_garbage_in_turn_are_told_apart_however_many_there_are() -> None:
    pair = CCS + CCS + b"?"
    found = read(CLIENT_HELLO + pair * 5000 + CCS + CCS)
    holes = [each for each in found if isinstance(each, tuple)]
    assert len(holes) == 5000
    assert {(length, reason) for _, length, reason in holes} == {(1, NOT_TLS)}
    assert found.count(CCS) == 10_002


def test_many_records_with_rubbish_between_them_in_one_piece_take_no_longer_than_their_bytes() -> None:
    short = record(ContentType.application_data, bytes(17))
    found = read(CLIENT_HELLO + (short + short + b"\xff") * 40_000)
    assert len(found) == 1 + 3 * 40_000
    assert found[-4:] == [(found[-4][0], 1, NOT_TLS), short, short, (found[-4][0] + 45, 1, NOT_TLS)]
