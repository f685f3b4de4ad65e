"""Early data is not taken twice: ages, windows, and the store that remembers. RFC 9846 §8"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from early import begun, outcome, willing
from endpoints import Endpoints, exchange
from modes import Clock, Sides, resumable
from shared_keys import offer_editor

from schemas.extensions import OfferedPsks
from tls13.connection import Connection
from tls13.early_data import EarlyDataPolicy, MemoryReplayStore
from tls13.errors import ConfigurationError
from tls13.events import EarlyData, EarlyDataReceived
from tls13.sealing import SealingKeys
from tls13.sessions import SealedTickets


@pytest.fixture
def sides(endpoints: Endpoints, watch: Clock) -> Sides:
    return willing(endpoints, watch)


def test_the_same_hello_is_taken_once(sides: Sides) -> None:
    session = resumable(*sides)
    wire = Connection.client(sides[0], "localhost", session)
    wire.send_early(b"pay 5")
    recorded = wire.data_to_send()
    first, replay = Connection.server(sides[1]), Connection.server(sides[1])
    assert first.receive_data(recorded) == [EarlyDataReceived(b"pay 5")]
    assert replay.receive_data(recorded) == []


def test_two_hellos_with_one_ticket_are_two_unless_it_is_for_single_use(sides: Sides) -> None:
    for store, expected in (
        (SealedTickets(), [EarlyData.accepted, EarlyData.accepted]),
        (SealedTickets(spent=MemoryReplayStore()), [EarlyData.accepted, EarlyData.rejected]),
    ):
        once = sides[0], replace(sides[1], ticket_store=store)
        session = resumable(*once)
        outcomes = []
        for _ in range(2):
            client, server = begun(once, session)
            exchange(client, server)
            outcomes.append(outcome(client))
        assert outcomes == expected


def test_servers_that_share_a_replay_store_take_a_hello_once_between_them(sides: Sides) -> None:
    replays, keys = MemoryReplayStore(), SealingKeys()
    servers = [
        replace(sides[1], ticket_store=SealedTickets(keys), early_data=EarlyDataPolicy(replays=replays))
        for _ in range(2)
    ]
    client, _ = begun(sides, resumable(sides[0], servers[0]))
    recorded = client.data_to_send()
    assert [len(Connection.server(each).receive_data(recorded)) for each in servers] == [1, 0]


def test_a_hello_can_t_be_replayed_at_any_time_that_it_is_fresh(sides: Sides) -> None:
    """From the earliest that a hello is fresh, to the latest."""
    window = timedelta(seconds=10)
    for ahead in (-10, 0, 10):
        server_clock = Clock()
        server_config = replace(
            sides[1], clock=server_clock, early_data=EarlyDataPolicy(window=window), ticket_store=SealedTickets()
        )
        session = resumable(sides[0], server_config)
        server_clock.advance(seconds=60 + ahead)
        client_clock = Clock()
        client_clock.advance(seconds=60)
        client, _ = begun((replace(sides[0], clock=client_clock), sides[1]), session)
        recorded = client.data_to_send()
        taken = 0
        for _ in range(60):
            taken += len(Connection.server(server_config).receive_data(recorded))
            server_clock.advance(seconds=0.5)
        assert taken == 1


@pytest.mark.parametrize(("late", "expected"), [(0, True), (10, True), (10.002, False), (-10, True), (-10.002, False)])
def test_early_data_is_fresh_within_the_window(sides: Sides, late: float, expected: bool) -> None:
    session = resumable(*sides)
    client_clock, server_clock = Clock(), Clock()
    client_clock.advance(seconds=100)
    server_clock.advance(seconds=100 + late)
    client, server = begun((replace(sides[0], clock=client_clock), sides[1]), session, clock=server_clock)
    exchange(client, server)
    assert client.negotiated is not None
    assert client.negotiated.resumed
    assert (outcome(client) is EarlyData.accepted) is expected


def test_ages_that_claim_to_be_from_the_future_are_not_fresh(sides: Sides) -> None:
    def older(offered: OfferedPsks) -> OfferedPsks:
        identities = [
            replace(each, obfuscated_ticket_age=(each.obfuscated_ticket_age - 30_000) % 2**32)
            for each in offered.identities
        ]
        return replace(offered, identities=identities)

    session = resumable(*sides)
    client, server = begun((replace(sides[0], edit_message=offer_editor(older)), sides[1]), session)
    exchange(client, server)
    assert outcome(client) is EarlyData.rejected


def test_a_server_that_starts_again_takes_nothing_until_all_that_it_may_have_heard_is_over(
    sides: Sides, watch: Clock
) -> None:
    session = resumable(*sides)
    policy = EarlyDataPolicy(since=watch(), window=timedelta(seconds=10))
    for seconds, expected in ((0, EarlyData.rejected), (19.9, EarlyData.rejected), (0.2, EarlyData.accepted)):
        watch.advance(seconds=seconds)
        client, server = begun(sides, session, early_data=policy)
        exchange(client, server)
        assert outcome(client) is expected


def test_a_store_that_can_t_tell_takes_nothing(sides: Sides) -> None:
    class Unreachable:
        def add(self, key: bytes, until: Any, now: Any) -> bool:
            return False

    client, server = begun(sides, resumable(*sides), early_data=EarlyDataPolicy(replays=Unreachable()))
    exchange(client, server)
    assert outcome(client) is EarlyData.rejected


# The store


def test_a_replay_store_knows_a_key_until_its_time_is_over(watch: Clock) -> None:
    store = MemoryReplayStore()
    start, minute = watch(), timedelta(minutes=1)
    assert store.add(b"a", start + minute, start)
    assert not store.add(b"a", start + minute, start)
    assert not store.add(b"a", start + 9 * minute, start + minute - timedelta(microseconds=1))
    assert store.add(b"b", start + minute, start)
    assert store.add(b"a", start + 2 * minute, start + minute)


def test_a_full_replay_store_takes_nothing_new_until_something_is_over(watch: Clock) -> None:
    store = MemoryReplayStore(capacity=2)
    start, minute = watch(), timedelta(minutes=1)
    assert store.add(b"a", start + minute, start)
    assert store.add(b"b", start + 2 * minute, start)
    assert not store.add(b"c", start + minute, start)
    assert store.add(b"c", start + 3 * minute, start + minute)
    assert len(store) == 2
    assert not store.add(b"b", start + 3 * minute, start + minute)


def test_impossible_policies_are_refused() -> None:
    for make in (
        lambda: MemoryReplayStore(0),
        lambda: EarlyDataPolicy(max_size=0),
        lambda: EarlyDataPolicy(max_size=2**32),
        lambda: EarlyDataPolicy(window=timedelta(0)),
    ):
        with pytest.raises(ConfigurationError):
            make()


def test_what_is_over_makes_room_whatever_came_before_it(watch: Clock) -> None:
    store = MemoryReplayStore(capacity=2)
    start, minute = watch(), timedelta(minutes=1)
    assert store.add(b"long", start + 99 * minute, start)
    assert store.add(b"short", start + minute, start)
    assert store.add(b"new", start + 3 * minute, start + 2 * minute)
    assert not store.add(b"long", start + 99 * minute, start + 2 * minute)
