"""Which QUIC connection a packet belongs to: many between the same ends, cut, late, moved, or of other versions."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
import quic_initial_packets as rfc
from capture.made_captures import CLIENT, SERVER, START
from capture.made_quic import (
    CLOSE,
    DRAFT_23,
    DRAFT_28,
    DRAFT_29,
    DRAFT_34,
    HELLOS,
    MOVED,
    V1,
    V2,
    Sender,
    Sent,
    capture_of,
    crypto,
    file_of,
    handshake_packet,
    retry_packet,
    said,
)
from capture.tshark import Tshark
from hypothesis import given
from hypothesis import strategies as st

from tls13.capture import Capture, Direction, Ending, Limits, Message, WarningKind

ACK = bytes.fromhex("02 00 00 00 00")


def warned(capture: Capture) -> list[tuple[WarningKind, int]]:
    return [(warning.kind, warning.count) for warning in capture.warnings]


def talk(name: bytes, version: int = V1) -> list[Sent]:
    """A connection to the client's Handshake packet, whose first connection ID is that name."""
    client = Sender(connection_id=name, client_id=name[:3], version=version)
    server = Sender(is_client=False, connection_id=name, client_id=name[:3], server_id=name[::-1], version=version)
    second = Sender(connection_id=name, client_id=name[:3], destination=name[::-1], number=1, version=version)
    return [
        ("C", client.packet(crypto(rfc.CLIENT_HELLO))),
        ("S", server.packet(ACK + crypto(rfc.SERVER_HELLO)) + handshake_packet(version, name[:3], name[::-1])),
        ("C", second.packet(ACK + bytes(20)) + handshake_packet(version, name[::-1], name[:3])),
        ("S", server.packet(ACK + bytes(20))),
    ]


@given(seed=st.integers(0, 2**32))
def test_connections_between_the_same_ends_are_told_apart(seed: int) -> None:
    chance = random.Random(seed)
    waiting = [talk(name) for name in (b"abcdefgh", b"ABCDEFGH", b"ijklmnop")]
    sent = []
    while waiting:
        one = chance.choice(waiting)
        sent.append(one.pop(0))
        waiting = [each for each in waiting if each]
    capture = capture_of(*sent)
    connections = list(capture)
    assert [said(connection) for connection in connections] == [HELLOS] * 3
    assert {connection.ending for connection in connections} == {Ending.encrypted}
    assert not capture.warnings


def test_of_many_connections_between_the_same_ends_the_oldest_gives_way() -> None:
    capture = capture_of(*(talk(b"number %02d" % number)[0] for number in range(10)))
    endings = [connection.ending for connection in capture]
    assert sorted(endings) == [Ending.replaced] * 2 + [Ending.unfinished] * 8


def test_a_client_that_keeps_its_first_version_keys_is_read() -> None:
    client = Sender(version=V2, client_id=b"cl")
    server = Sender(version=V1, is_client=False, client_id=b"cl")
    keeps = Sender(version=V1, keys_of=V2, destination=b"serv", client_id=b"cl", number=1)
    changes = Sender(version=V1, destination=b"serv", client_id=b"cl", number=2)
    capture = capture_of(
        ("C", client.packet(crypto(rfc.CLIENT_HELLO))),
        ("S", server.packet(crypto(rfc.SERVER_HELLO))),
        ("C", keeps.packet(ACK + bytes(20))),
        ("C", changes.packet(ACK + bytes(20)) + handshake_packet(V1, b"serv", b"cl")),
    )
    (connection,) = capture
    assert said(connection) == HELLOS
    assert connection.ending is Ending.encrypted
    assert not capture.warnings


@pytest.mark.parametrize("there", [30, 100, len(rfc.V1_CLIENT) - 1])
def test_the_answer_to_a_packet_that_was_cut_is_read_and_the_cut_is_told(there: int) -> None:
    capture = capture_of(("C", rfc.V1_CLIENT[:there]), ("S", rfc.V1_SERVER))
    (connection,) = capture
    assert said(connection) == HELLOS[1:]
    assert (connection.client, connection.server, connection.started) == (CLIENT, SERVER, START)
    assert warned(capture) == [(WarningKind.snapped, 1)]


def test_the_answer_is_read_where_it_was_captured_before_the_packet_that_was_cut() -> None:
    capture = capture_of(("S", rfc.V1_SERVER), ("C", rfc.V1_CLIENT[:100]))
    (connection,) = capture
    assert said(connection) == HELLOS[1:]
    assert warned(capture) == [(WarningKind.snapped, 1)]


def test_the_answer_is_read_where_it_was_captured_before_the_hello() -> None:
    capture = capture_of(("S", rfc.V1_SERVER), ("C", rfc.V1_CLIENT))
    (connection,) = capture
    assert said(connection) == HELLOS
    assert (connection.client, connection.ending) == (CLIENT, Ending.unfinished)
    times = [item.timestamp for item in connection.messages]
    assert times == sorted(times)
    assert not capture.warnings


def test_a_packet_that_was_cut_between_whole_ones_costs_no_more_than_itself() -> None:
    server = Sender(is_client=False)
    half = len(rfc.SERVER_HELLO) // 2
    first, second = server.packet(crypto(rfc.SERVER_HELLO[:half])), server.packet(crypto(rfc.SERVER_HELLO[half:], half))
    again = server.packet(crypto(rfc.SERVER_HELLO[half:], half))
    capture = capture_of(("C", rfc.V1_CLIENT), ("S", first), ("S", second[:-20]), ("S", again))
    (connection,) = capture
    assert said(connection) == HELLOS
    assert warned(capture) == [(WarningKind.snapped, 1)]


def test_a_retry_that_is_not_in_the_capture_makes_no_other_connection() -> None:
    first = Sender(client_id=b"cl")
    again = Sender(connection_id=b"next", client_id=b"cl", number=1)
    server = Sender(is_client=False, connection_id=b"next", client_id=b"cl")
    capture = capture_of(
        ("C", first.packet(crypto(rfc.CLIENT_HELLO))),
        ("C", again.packet(crypto(rfc.CLIENT_HELLO), token=b"token")),
        ("S", server.packet(crypto(rfc.SERVER_HELLO))),
    )
    (connection,) = capture
    assert said(connection) == HELLOS
    assert not capture.warnings


def test_a_retry_for_another_connection_changes_nothing() -> None:
    client, server = Sender(client_id=b"cl"), Sender(is_client=False, client_id=b"cl")
    capture = capture_of(
        ("C", client.packet(crypto(rfc.CLIENT_HELLO))),
        ("S", retry_packet(b"next", b"xx")),
        ("S", server.packet(crypto(rfc.SERVER_HELLO))),
    )
    (connection,) = capture
    assert said(connection) == HELLOS


def test_a_client_with_a_new_port_is_the_same_one() -> None:
    client, server = Sender(client_id=b"cl"), Sender(is_client=False, client_id=b"cl")
    moved = Sender(client_id=b"cl", destination=b"serv", number=1)
    half = len(rfc.SERVER_HELLO) // 2
    capture = capture_of(
        ("C", client.packet(crypto(rfc.CLIENT_HELLO))),
        ("S", server.packet(crypto(rfc.SERVER_HELLO[:half]))),
        ("c", moved.packet(ACK + bytes(20))),
        ("s", server.packet(crypto(rfc.SERVER_HELLO[half:], half))),
        ("c", handshake_packet(V1, b"serv", b"cl")),
    )
    (connection,) = capture
    assert said(connection) == HELLOS
    assert connection.client == CLIENT != MOVED
    assert connection.ending is Ending.encrypted
    assert not capture.warnings


def test_what_the_client_sends_under_other_keys_does_not_end_what_is_still_to_come() -> None:
    first, hello, last, _ = talk(b"abcdefgh")
    capture = capture_of(first, last, hello)
    (connection,) = capture
    assert said(connection) == HELLOS
    assert connection.ending is Ending.encrypted


def test_a_close_by_the_client_crosses_the_answer_of_the_server() -> None:
    client = Sender()
    capture = capture_of(
        ("C", client.packet(crypto(rfc.CLIENT_HELLO))),
        ("C", client.packet(CLOSE + bytes(20))),
        ("S", rfc.V1_SERVER),
    )
    (connection,) = capture
    assert said(connection) == HELLOS
    assert connection.ending is Ending.reset


def test_connections_that_have_gone_on_unread_make_room_without_a_warning() -> None:
    sent = [
        ("C" if number % 2 else "c", talk(b"number %02d" % number)[0][1] + handshake_packet(V1, b"x", b"num"))
        for number in range(6)
    ]
    capture = capture_of(*sent, limits=Limits(connections=2))
    assert [connection.ending for connection in capture] == [Ending.encrypted] * 6
    assert not capture.warnings


def test_what_waits_in_many_connections_is_bounded_over_all() -> None:
    scattered = b"".join(crypto(b"x", 100 + 3 * number) for number in range(60))
    sent = [
        ("Cc"[number % 2], Sender(connection_id=b"number %02d" % number, client_id=b"%02d" % number).packet(scattered))
        for number in range(14)
    ]
    capture = capture_of(*sent, *talk(b"the last"), limits=Limits(unfinished=50_000))
    endings = [connection.ending for connection in capture]
    assert endings.count(Ending.forgotten) > 8
    assert endings.count(Ending.encrypted) == 1
    assert warned(capture) == [(WarningKind.limit, endings.count(Ending.forgotten))]


def negotiation(source: bytes, destination: bytes, *versions: int) -> bytes:
    """A Version Negotiation packet, for version 2 if for no others. RFC 9000 §17.2.1"""
    ids = bytes([len(destination)]) + destination + bytes([len(source)]) + source
    return b"\x80" + bytes(4) + ids + b"".join(struct.pack(">I", version) for version in versions or (V2,))


@pytest.mark.parametrize("connection_id", [b"2bcdefgh", rfc.CONNECTION_ID], ids=["another ID", "the same ID"])
def test_a_version_that_the_server_does_not_speak_ends_the_connection(connection_id: bytes) -> None:
    capture = capture_of(
        ("C", Sender(client_id=b"cl").packet(crypto(rfc.CLIENT_HELLO))),
        ("S", negotiation(rfc.CONNECTION_ID, b"cl")),
        *talk(connection_id, V2),
    )
    first, second = capture
    assert (first.ending, said(first)) == (Ending.reset, HELLOS[:1])
    assert (second.ending, said(second)) == (Ending.encrypted, HELLOS)


@pytest.mark.parametrize("forged", [1, 3, 20])
def test_forged_retries_do_not_hide_the_servers_answer(forged: int) -> None:
    client, server = Sender(client_id=b"cl"), Sender(is_client=False, client_id=b"cl")
    (connection,) = capture_of(
        ("C", client.packet(crypto(rfc.CLIENT_HELLO))),
        *(("S", retry_packet(b"forged%02d" % number, b"cl")) for number in range(forged)),
        ("S", server.packet(crypto(rfc.SERVER_HELLO))),
    )
    assert said(connection) == HELLOS


def test_a_negotiation_that_offers_the_clients_version_is_nothing() -> None:
    client, server = Sender(client_id=b"cl"), Sender(is_client=False, client_id=b"cl")
    (connection,) = capture_of(
        ("C", client.packet(crypto(rfc.CLIENT_HELLO))),
        ("S", negotiation(rfc.CONNECTION_ID, b"cl", V2, V1)),
        ("S", server.packet(crypto(rfc.SERVER_HELLO))),
    )
    assert said(connection) == HELLOS


@pytest.mark.parametrize(("source", "destination"), [(b"another!", b"cl"), (rfc.CONNECTION_ID, b"no")])
def test_a_negotiation_that_does_not_know_the_connection_ids_is_nothing(source: bytes, destination: bytes) -> None:
    client, server = Sender(client_id=b"cl"), Sender(is_client=False, client_id=b"cl")
    (connection,) = capture_of(
        ("C", client.packet(crypto(rfc.CLIENT_HELLO))),
        ("S", negotiation(source, destination)),
        ("S", server.packet(crypto(rfc.SERVER_HELLO))),
    )
    assert said(connection) == HELLOS


def test_a_version_that_only_its_refusal_tells_of_is_warned_of() -> None:
    unknown = b"\xc3\x12\x34\x56\x78\x08abcdefgh\x02cl".ljust(1200, b"\1")
    capture = capture_of(("C", unknown), ("S", negotiation(b"abcdefgh", b"cl")))
    assert list(capture) == []
    assert warned(capture) == [(WarningKind.unsupported, 1)]


@pytest.mark.parametrize("version", [DRAFT_23, DRAFT_28, DRAFT_29, DRAFT_34])
def test_the_last_drafts_are_read_as_tshark_reads_them(version: int, tmp_path: Path, tshark: Tshark) -> None:
    sent = [(sender, data.ljust(1200, b"\0")) for sender, data in talk(b"abcdefgh", version)]
    capture = capture_of(*sent)
    (connection,) = capture
    assert said(connection) == HELLOS
    assert not capture.warnings
    path = tmp_path / "quic.pcap"
    path.write_bytes(file_of(*sent))
    text = tshark.run(path, "-Y", "tls.handshake.random", "-T", "fields", "-e", "tls.handshake.random")
    assert text.split() == [message[6:38].hex() for _, message in HELLOS]


@pytest.mark.parametrize(
    ("version", "name"),
    [
        (0xFF000016, "draft 22 (0xff000016)"),
        (0x1A2A3A4A, "a reserved version (0x1a2a3a4a)"),
        (0x51303436, "Google QUIC Q046 (0x51303436)"),
        (0xFACEB002, "mvfst (0xfaceb002)"),
        (0x709A50C4, "a draft of version 2 (0x709a50c4)"),
    ],
)
def test_versions_that_are_not_read_are_named(version: int, name: str) -> None:
    packet = (b"\xc3" + struct.pack(">I", version) + b"\x08abcdefgh\0").ljust(1200, b"\1")
    capture = capture_of(("C", packet), ("C", packet))
    assert list(capture) == []
    (warning,) = capture.warnings
    assert (warning.kind, warning.text, warning.count) == (
        WarningKind.unsupported,
        f"QUIC packets of {name} are not read",
        2,
    )


def test_other_protocols_that_look_a_little_like_quic_are_not_warned_of() -> None:
    rtp = b"\x80\0\0\0\1" + bytes(range(200))  # version 2, payload type 0, sequence number 0, timestamp below 2^25
    reserved = b"\xc3\x1a\x2a\x3a\x4a\x08" + bytes(200)  # shorter than any client's first datagram
    long_id = b"\xc3\0\0\0\1\x15" + bytes(200)  # a connection ID of 21 bytes
    capture = capture_of(("C", rtp), ("C", reserved), ("C", long_id))
    assert list(capture) == []
    assert not capture.warnings


def test_a_flood_of_packets_that_do_not_open_is_counted_and_not_kept() -> None:
    noise = [("C", bytes([0xC3]) + rfc.V1_CLIENT[1:-1] + bytes([number % 256])) for number in range(300)]
    capture = capture_of(*noise, ("C", rfc.V1_CLIENT), ("S", rfc.V1_SERVER))
    (connection,) = capture
    assert said(connection) == HELLOS
    assert warned(capture) == [(WarningKind.unreadable, 300)]


def test_a_hello_after_a_retry_request_is_read() -> None:
    retry_request = rfc.SERVER_HELLO[:6] + bytes.fromhex(
        "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
        + "00 1301 00 000c 002b 0002 0304 0033 0002 0017"
    )
    retry_request = retry_request[:1] + struct.pack(">I", len(retry_request) - 4)[1:] + retry_request[4:]
    client, server = Sender(), Sender(is_client=False)
    (connection,) = capture_of(
        ("C", client.packet(crypto(rfc.CLIENT_HELLO))),
        ("S", server.packet(crypto(retry_request))),
        ("C", client.packet(crypto(rfc.CLIENT_HELLO, len(rfc.CLIENT_HELLO)))),
        ("S", server.packet(crypto(rfc.SERVER_HELLO, len(retry_request)))),
    )
    messages = [item for item in connection.messages if isinstance(item, Message)]
    assert all(message.value is not None for message in messages)
    assert [(message.direction, message.raw) for message in messages] == [
        HELLOS[0],
        (Direction.server, retry_request),
        *HELLOS,
    ]


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(bytes.fromhex("02 00 00 ffffffffffffffff 00"), id="as many ranges as there are numbers"),
        pytest.param(bytes.fromhex("02 00 00 4000 00") * 2500, id="many frames"),
        pytest.param(bytes.fromhex("02 00 00 4900 00") + bytes(4700), id="many ranges"),
        pytest.param(bytes.fromhex("06 ffffffffffffffff 01 00"), id="an offset that is too large"),
        pytest.param(bytes.fromhex("06 00 ffffffffffffffff 00"), id="a length that is too large"),
    ],
)
def test_hostile_numbers_in_frames_are_warned_of(frames: bytes) -> None:
    packet = Sender().packet(crypto(rfc.CLIENT_HELLO) + frames)
    capture = capture_of(("C", packet))
    (connection,) = capture
    assert said(connection) == HELLOS[:1]
    ((_, count),) = warned(capture)
    assert count == 1
