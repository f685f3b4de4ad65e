"""QUIC's Initial packets: the RFCs' own, made ones in every disorder, and those of a real peer."""

from __future__ import annotations

import random
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
import quic_initial_packets as rfc
from capture.made_captures import CLIENT, SERVER, START
from capture.made_quic import (
    CLOSE,
    HELLOS,
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

from certs import mint
from schemas.code_points import HandshakeType
from tls13.capture import (
    Ending,
    Gap,
    GapReason,
    Limits,
    Message,
    Transport,
    WarningKind,
)


def test_the_made_keys_are_those_of_rfc_9001_appendix_a() -> None:
    assert [each.hex() for each in Sender().secrets()] == [
        "1f369613dd76d5467730efcbe3b1a22d",
        "fa044b2f42a3fd3b46fb255c",
        "9f50449e04a0e810283a1e9933adedd2",
    ]


@pytest.mark.parametrize(
    ("client", "server"), [(rfc.V1_CLIENT, rfc.V1_SERVER), (rfc.V2_CLIENT, rfc.V2_SERVER)], ids=["v1", "v2"]
)
def test_the_packets_of_the_rfcs(client: bytes, server: bytes) -> None:
    capture = capture_of(("C", client), ("S", server))
    (connection,) = capture
    assert said(connection) == HELLOS
    assert connection.transport is Transport.quic
    assert (connection.number, connection.client, connection.server) == (0, CLIENT, SERVER)
    assert connection.started == START
    assert connection.ending is Ending.unfinished
    assert not connection.records
    assert connection.upgraded_from is None
    assert connection.judgement.offer is not None
    assert connection.judgement.offer.server_name == "example.com"
    assert capture.statistics.quic == 1
    assert not capture.warnings


def test_a_message_tells_its_time_and_its_place_in_the_stream() -> None:
    client = Sender()
    first, second = client.packet(crypto(rfc.CLIENT_HELLO[:100])), client.packet(crypto(rfc.CLIENT_HELLO[100:], 100))
    (connection,) = capture_of(("C", first), ("C", second))
    (message,) = connection.messages
    assert isinstance(message, Message)
    assert message.handshake_type is HandshakeType.client_hello
    assert message.value is not None
    assert (message.timestamp, message.record, message.offset) == (START + 1000, 0, 0)
    assert not message.protected


@given(seed=st.integers(0, 2**32))
def test_crypto_frames_make_the_hello_in_any_order(seed: int) -> None:
    chance = random.Random(seed)
    client, hello = Sender(), rfc.CLIENT_HELLO
    cuts = sorted(chance.sample(range(1, len(hello)), 3))
    pieces = [crypto(hello[a:b], a) for a, b in zip([0, *cuts], [*cuts, len(hello)], strict=True)]
    ack, ack_ecn = b"\x02\x05\x00\x01\x00\x00\x00", b"\x03\x05\x00\x00\x00\x01\x01\x01"
    pieces += [*chance.choices(pieces, k=2), b"\1\0\0", ack, ack_ecn]
    chance.shuffle(pieces)
    half = chance.randrange(len(pieces))
    packets = [client.packet(b"".join(part) + bytes(20)) for part in (pieces[:half], pieces[half:])]
    chance.shuffle(packets)
    capture = capture_of(*(("C", packet) for packet in packets))
    (connection,) = capture
    assert said(connection) == HELLOS[:1]
    assert not capture.warnings


@pytest.mark.parametrize("version", [V1, V2])
def test_a_connection_ends_where_the_client_has_the_keys_of_the_handshake(version: int) -> None:
    client, server = Sender(version=version), Sender(is_client=False, version=version)
    capture = capture_of(
        ("C", client.packet(crypto(rfc.CLIENT_HELLO))),
        ("S", server.packet(crypto(rfc.SERVER_HELLO)) + handshake_packet(version)),
        ("C", client.packet(b"\x02\0\0\0\0" + bytes(30)) + handshake_packet(version)),
        ("S", server.packet(CLOSE + bytes(30))),
        ("S", b"\x40" + bytes(60)),
    )
    connection = next(capture)
    assert connection.ending is Ending.encrypted
    assert said(connection) == HELLOS
    assert list(capture) == []
    assert not capture.warnings


def test_either_side_may_go_over_to_the_other_version() -> None:
    capture = capture_of(("C", rfc.V1_CLIENT), ("S", rfc.V2_SERVER))
    (connection,) = capture
    assert said(connection) == HELLOS
    assert not capture.warnings


def test_after_a_retry_the_connection_goes_on_under_other_keys() -> None:
    again, server = Sender(connection_id=b"next"), Sender(is_client=False, connection_id=b"next")
    capture = capture_of(
        ("C", rfc.V1_CLIENT),
        ("S", retry_packet(b"next")),
        ("C", again.packet(crypto(rfc.CLIENT_HELLO), token=b"token")),
        ("S", server.packet(crypto(rfc.SERVER_HELLO))),
    )
    (connection,) = capture
    assert said(connection) == HELLOS
    assert not capture.warnings


def test_another_connection_between_the_same_ports_is_another_connection() -> None:
    client, server = Sender(connection_id=b"another!"), Sender(is_client=False, connection_id=b"another!")
    capture = capture_of(
        ("C", rfc.V1_CLIENT),
        ("C", client.packet(crypto(rfc.CLIENT_HELLO))),
        ("S", server.packet(crypto(rfc.SERVER_HELLO))),
    )
    first, second = capture
    assert (first.number, first.ending, said(first)) == (0, Ending.unfinished, HELLOS[:1])
    assert (second.number, second.ending, said(second)) == (1, Ending.unfinished, HELLOS)


def test_a_close_ends_the_connection() -> None:
    server = Sender(is_client=False)
    (connection,) = capture_of(("C", rfc.V1_CLIENT), ("S", server.packet(CLOSE + bytes(30))))
    assert connection.ending is Ending.reset


def test_packets_whose_keys_the_capture_does_not_tell_are_warned_of() -> None:
    capture = capture_of(("S", rfc.V1_SERVER), ("C", rfc.V1_CLIENT[:-1] + b"x"))
    assert list(capture) == []
    (warning,) = capture.warnings
    assert (warning.kind, warning.count) == (WarningKind.unreadable, 2)


def test_what_comes_behind_missing_bytes_of_a_handshake_is_no_message() -> None:
    (connection,) = capture_of(("C", Sender().packet(crypto(rfc.CLIENT_HELLO[50:], 50))))
    first, second = connection.messages
    assert isinstance(first, Gap)
    assert (first.offset, first.length, first.reason) == (0, 50, GapReason.missing)
    assert isinstance(second, Gap)
    assert (second.offset, second.length, second.reason) == (50, len(rfc.CLIENT_HELLO) - 50, GapReason.not_tls)


def test_a_frame_that_no_initial_packet_may_carry_is_warned_of_and_what_came_before_is_read() -> None:
    capture = capture_of(("C", Sender().packet(crypto(rfc.CLIENT_HELLO) + b"\x08\0" + bytes(20))))
    (connection,) = capture
    assert said(connection) == HELLOS[:1]
    assert [warning.kind for warning in capture.warnings] == [WarningKind.unreadable]


def test_bytes_out_of_order_and_connections_are_bounded() -> None:
    client = Sender()
    packets = [client.packet(crypto(b"x", 2 + 2 * number) + bytes(20)) for number in range(60)]
    capture = capture_of(*(("C", packet) for packet in packets), limits=Limits(reordered=5000))
    (connection,) = capture
    assert sum(item.reason is GapReason.missing for item in connection.messages if isinstance(item, Gap)) == 60
    far = Sender().packet(crypto(b"x", 5000) + bytes(20))
    capture = capture_of(("C", far), limits=Limits(handshake_message=3000))
    assert list(capture) == []
    assert [warning.kind for warning in capture.warnings] == [WarningKind.limit]


@given(data=st.binary(max_size=80), start=st.integers(0, 40), frames=st.binary(max_size=40))
def test_any_bytes_end_in_messages_and_warnings(data: bytes, start: int, frames: bytes) -> None:
    capture = capture_of(
        ("C", rfc.V1_CLIENT[:start] + data),
        ("C", Sender().packet(crypto(rfc.CLIENT_HELLO[:30]) + frames)),
        ("S", rfc.V1_SERVER[:start] + data),
        ("S", Sender(is_client=False).packet(frames + bytes(20))),
    )
    for connection in capture:
        assert all(isinstance(item, Message | Gap) for item in connection.messages)


def real_datagrams(folder: Path, first: int, chosen: int) -> list[Sent]:
    """A connection of aioquic with itself, whose hello takes more than one packet, from one version to another."""
    pytest.importorskip("aioquic", reason="needs aioquic: pip install 'tls13[bench]'")
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicConnection

    pki = mint(folder, names=["quic.example"], now=datetime.now(UTC))
    files = pki.server("ecdsa-p256")
    protocols = [f"protocol-{number}-{'x' * 200}" for number in range(8)]
    common = {"alpn_protocols": protocols, "supported_versions": list(dict.fromkeys((chosen, first)))}
    client_configuration = QuicConfiguration(
        is_client=True, server_name="quic.example", original_version=first, **common
    )
    client_configuration.load_verify_locations(str(pki.ca))
    server_configuration = QuicConfiguration(is_client=False, **common)
    server_configuration.load_cert_chain(files.certificate, files.key)
    client = QuicConnection(configuration=client_configuration)
    server = QuicConnection(
        configuration=server_configuration,
        original_destination_connection_id=client.original_destination_connection_id,
    )
    client.connect(SERVER, now=0.0)
    sent: list[Sent] = []
    for turn in range(6):
        sender, receiver, name = (client, server, "C") if turn % 2 == 0 else (server, client, "S")
        for payload, _ in sender.datagrams_to_send(now=turn / 10):
            sent.append((name, payload))
            receiver.receive_datagram(payload, SERVER if name == "S" else CLIENT, now=turn / 10)
    return sent


@pytest.mark.parametrize(
    ("first", "chosen"), [(V1, V1), (V2, V2), (V1, V2), (V2, V1)], ids=["v1", "v2", "v1 to v2", "v2 to v1"]
)
def test_a_real_connection_as_tshark_reads_it(first: int, chosen: int, tmp_path: Path, tshark: Tshark) -> None:
    sent = real_datagrams(tmp_path, first, chosen)
    assert next(data[1:5] for sender, data in sent if sender == "S") == struct.pack(">I", chosen)
    capture = capture_of(*sent)
    (connection,) = capture
    messages = [item for item in connection.messages if isinstance(item, Message)]
    assert [message.handshake_type for message in messages] == [
        HandshakeType.client_hello,
        HandshakeType.server_hello,
    ]
    assert len(messages[0].raw) > 1500
    assert all(message.value is not None for message in messages)
    assert connection.ending is Ending.encrypted
    assert not capture.warnings
    path = tmp_path / "quic.pcap"
    path.write_bytes(file_of(*sent))
    text = tshark.run(path, "-Y", "tls.handshake.random", "-T", "fields", "-e", "tls.handshake.random")
    assert text.split() == [message.raw[6:38].hex() for message in messages]
