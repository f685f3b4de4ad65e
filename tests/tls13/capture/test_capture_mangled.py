"""Real connections with their key logs, mangled: whatever comes of it, nothing is raised and much is still read."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from capture.made_captures import CLIENT, SERVER, Wire

from tls13.capture import Connection, Message, read_capture
from tls13.keylog import KeyLog

RECORDED = json.loads((Path(__file__).parent / "ech_connections.json").read_text())["connections"]
Said = list[tuple[str, bytes]]


def recorded(name: str) -> tuple[Said, KeyLog]:
    said = [(sender, bytes.fromhex(data)) for sender, data in RECORDED[name]["wire"]]
    return said, KeyLog.parse("\n".join(RECORDED[name]["keylog"]))


def read(said: Sequence[tuple[str, bytes]], keys: KeyLog) -> tuple[Connection, list[Message]] | None:
    """Everything that can be asked of the connection, None where nothing in it is TLS any more."""
    wire = Wire().open()
    for sender, data in said:
        wire.send(CLIENT if sender == "client" else SERVER, data)
    found = list(read_capture(io.BytesIO(wire.close().pcap()), keylog=keys, psks={b"someone": bytes(32)}))
    if not found:
        return None
    messages = [item for item in found[0].messages if isinstance(item, Message)]
    judged = found[0].judgement
    chain = judged.server_certificates
    told = (*judged.alerts, *judged.anomalies, *judged.undecrypted, judged.retry, judged.encrypted_hello, *chain)
    assert all("\n" not in str(each) for each in told)
    return found[0], messages


@pytest.mark.parametrize("name", RECORDED)
def test_every_byte_of_the_hellos_changed(name: str) -> None:
    said, keys = recorded(name)
    for number, (sender, data) in enumerate(said[:3]):
        for place in range(5, len(data), 7):
            changed = data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :]
            read([*said[:number], (sender, changed), *said[number + 1 :]], keys)


@pytest.mark.parametrize("name", RECORDED)
def test_every_piece_left_out_doubled_and_swapped(name: str) -> None:
    said, keys = recorded(name)
    for number in range(len(said)):
        read([*said[:number], *said[number + 1 :]], keys)
        read([*said[: number + 1], *said[number:]], keys)
        read([*said[:number], *reversed(said[number : number + 2]), *said[number + 2 :]], keys)


def test_hellos_of_one_connection_answered_by_another() -> None:
    dealer = random.Random(3)
    said = [piece for name in RECORDED for piece in recorded(name)[0]]
    keys = KeyLog()
    for name in RECORDED:
        for each in recorded(name)[1]:
            keys.add(*each)
    for _ in range(100):
        dealer.shuffle(said)
        read(said[:12], keys)


def test_a_changed_record_costs_that_record_alone() -> None:
    said, keys = recorded("accepted")
    sender, data = said[-2]
    found = read([*said[:-2], (sender, data[:-1] + bytes([data[-1] ^ 1])), said[-1]], keys)
    assert found is not None
    connection, messages = found
    assert [each.opaque for each in messages[-2:]] == [True, False]
    assert messages[-1].raw == b"pong"
    (unread,) = connection.judgement.undecrypted
    assert (unread.direction, unread.records) == (messages[-2].direction, 1)
