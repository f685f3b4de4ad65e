"""How long records may be: record_size_limit and max_fragment_length, kept in both directions. RFC 8449, RFC 6066 §4"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from by_hand import APPLICATION_DATA, HANDSHAKE, cut
from endpoints import Endpoints, exchange
from modes import Journal, Sides, resumable

from schemas.code_points import ContentType, MaxFragmentLength
from schemas.extensions import MaxFragmentLengthNegotiation, RecordSizeLimit
from schemas.handshake import EncryptedExtensions
from tls13.connection import Connection
from tls13.errors import ConfigurationError
from tls13.events import DataReceived, RecordObserved
from tls13.padding import PaddingPolicy, PadToMultiple, RandomPadding

TAG = 16
DATA = bytes(range(256)) * 150


def carried(client: Connection, server: Connection) -> tuple[list[bytes], list[bytes]]:
    """A handshake and data both ways; gives the records of the client and those of the server."""
    records: tuple[list[bytes], list[bytes]] = ([], [])
    heard = [b"", b""]
    for _ in range(2):
        while client.has_data_to_send or server.has_data_to_send:
            to_server, to_client = client.data_to_send(), server.data_to_send()
            records[0].extend(cut(to_server))
            records[1].extend(cut(to_client))
            told = client.receive_data(to_client), server.receive_data(to_server)
            for side, events in enumerate(told):
                heard[side] += b"".join(each.data for each in events if isinstance(each, DataReceived))
        if heard == [b"", b""]:
            client.send(DATA)
            server.send(DATA)
    assert heard == [DATA, DATA]
    return records


def longest(records: list[bytes]) -> int:
    """Of what stands inside of the protected records: content, type and padding."""
    return max(len(each) - 5 - TAG for each in records if each[0] == APPLICATION_DATA)


def met(sides: Sides, client: dict[str, Any], server: dict[str, Any]) -> tuple[int, int]:
    """The longest record of each side, between sides that are told that."""
    ours = Connection.client(replace(sides[0], **client), "localhost")
    theirs = Connection.server(replace(sides[1], **server))
    client_records, server_records = carried(ours, theirs)
    return longest(client_records), longest(server_records)


@pytest.mark.parametrize("ours", [64, 65, 1000, 2**14, 2**14 + 1])
@pytest.mark.parametrize("theirs", [64, 333, 2**14 + 1, None])
def test_each_side_keeps_to_the_other_s_limit(sides: Sides, ours: int, theirs: int | None) -> None:
    expected = (2**14 + 1 if theirs is None else theirs, ours)
    assert met(sides, {"record_size_limit": ours}, {"record_size_limit": theirs}) == expected


def test_a_server_s_limit_does_not_hold_for_a_client_that_does_not_know_of_limits(sides: Sides) -> None:
    assert met(sides, {}, {"record_size_limit": 64}) == (2**14 + 1, 2**14 + 1)


@pytest.mark.parametrize(
    ("length", "size"),
    [
        (MaxFragmentLength.bytes_512, 512),
        (MaxFragmentLength.bytes_1024, 1024),
        (MaxFragmentLength.bytes_2048, 2048),
        (MaxFragmentLength.bytes_4096, 4096),
    ],
)
def test_a_fragment_length_holds_for_the_content_in_both_directions(
    sides: Sides, length: MaxFragmentLength, size: int
) -> None:
    assert met(sides, {"max_fragment_length": length}, {}) == (size + 1, size + 1)


def test_of_the_two_the_limit_counts(sides: Sides) -> None:
    both = {"max_fragment_length": MaxFragmentLength.bytes_512, "record_size_limit": 2000}
    assert met(sides, both, {"record_size_limit": 300}) == (300, 2000)


@pytest.mark.parametrize("padding", [PadToMultiple(2**14 + 1), PadToMultiple(100), RandomPadding(2**14)])
@pytest.mark.parametrize("limit", [64, 1000])
def test_padding_stays_within_the_limit(sides: Sides, padding: PaddingPolicy, limit: int) -> None:
    settings = {"record_size_limit": limit, "padding": padding}
    assert max(met(sides, settings, settings)) <= limit


def test_every_record_of_the_handshake_keeps_to_the_limit(sides: Sides) -> None:
    client = Connection.client(replace(sides[0], record_size_limit=64), "localhost")
    server = Connection.server(replace(sides[1], tickets=3))
    _, records = carried(client, server)
    protected = [len(each) - 5 - TAG for each in records if each[0] == APPLICATION_DATA]
    assert max(protected) == 64
    assert [each[0] for each in records].count(HANDSHAKE) == 1


def test_the_server_says_its_own_limit_or_the_greatest(sides: Sides) -> None:
    for own, said in ((100, 100), (None, 2**14 + 1)):
        journal = Journal()
        client = Connection.client(replace(sides[0], record_size_limit=2000, observer=journal), "localhost")
        exchange(client, Connection.server(replace(sides[1], record_size_limit=own)))
        (message,) = (each for each in journal.messages if isinstance(each, EncryptedExtensions))
        assert RecordSizeLimit.encrypted_extensions.find(message.extensions) == said
        assert MaxFragmentLengthNegotiation.encrypted_extensions.find(message.extensions) is None


def test_limits_are_settled_anew_after_a_resumption(sides: Sides) -> None:
    limited = replace(sides[0], record_size_limit=100), replace(sides[1], record_size_limit=100)
    session = resumable(*limited)
    client, server = Connection.client(sides[0], "localhost", session), Connection.server(limited[1])
    records = carried(client, server)
    assert client.negotiated is not None
    assert client.negotiated.resumed
    assert [longest(each) for each in records] == [2**14 + 1, 2**14 + 1]


def test_limits_hold_across_key_updates(sides: Sides) -> None:
    client = Connection.client(replace(sides[0], record_size_limit=70), "localhost")
    server = Connection.server(sides[1])
    exchange(client, server)
    client.update_keys(request_peer=True)
    server.update_keys()
    exchange(client, server)
    server.send(DATA)
    assert longest(cut(server.data_to_send())) == 70


def test_the_observer_sees_the_fragments(sides: Sides) -> None:
    journal = Journal()
    client = Connection.client(replace(sides[0], record_size_limit=64), "localhost")
    server = Connection.server(replace(sides[1], observer=journal))
    exchange(client, server)
    server.send(bytes(200))
    seen = [
        len(each.content)
        for each in journal.observations
        if isinstance(each, RecordObserved) and each.sent and each.content_type is ContentType.application_data
    ]
    assert seen == [63, 63, 63, 11]


@pytest.mark.parametrize("limit", [0, 63, 2**14 + 2, -1])
def test_a_limit_that_no_record_can_keep_to_is_refused(endpoints: Endpoints, limit: int) -> None:
    with pytest.raises(ConfigurationError):
        replace(endpoints.client_config, record_size_limit=limit)
    with pytest.raises(ConfigurationError):
        replace(endpoints.server_config, record_size_limit=limit)
