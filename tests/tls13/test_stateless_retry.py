"""HelloRetryRequest by a server that keeps nothing: the cookie carries the handshake on. RFC 9846 §4.2.4, §4.3.2"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from by_hand import APPLICATION_DATA, HANDSHAKE, cut, plaintext
from endpoints import Endpoints, exchange
from key_schedule_by_hand import digest
from modes import Clock, Journal, Sides, byte_by_byte, configs, resumable

from schemas.code_points import CipherSuite, NamedGroup
from schemas.extensions import Cookie
from schemas.handshake import ClientHello, HelloRetryRequest
from tls13.config import ServerConfig
from tls13.connection import Connection
from tls13.early_data import EarlyDataPolicy
from tls13.errors import ChangedParameter
from tls13.events import EarlyData, EarlyDataRejected, HandshakeCompleted
from tls13.handshake.states import WaitSecondClientHello
from tls13.psk import Psk
from tls13.sealing import SealingKeys
from tls13.sessions import MemoryTickets

SUITES = (CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384)


@pytest.fixture
def sides(endpoints: Endpoints, watch: Clock) -> Sides:
    """A client without the share that the server wants, and a server that gives cookies."""
    client, server = configs(endpoints, watch)
    return client, replace(server, groups=(NamedGroup.secp256r1,), retry_cookies=SealingKeys())


def asked(client: Connection, config: ServerConfig) -> Connection:
    """The first server, which has sent the client back with a cookie."""
    server = Connection.server(config)
    server.receive_data(client.data_to_send())
    return server


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("compatibility", [True, False])
def test_the_second_hello_may_go_to_another_server(sides: Sides, suite: CipherSuite, compatibility: bool) -> None:
    client = Connection.client(
        replace(sides[0], cipher_suites=(suite,), middlebox_compatibility=compatibility), "localhost"
    )
    first = asked(client, sides[1])
    client.receive_data(first.data_to_send())
    second = Connection.server(sides[1])
    told, heard = byte_by_byte(client, second)
    assert [type(each) for each in told[:1] + heard] == [HandshakeCompleted, HandshakeCompleted]
    for each in (client, second):
        assert each.negotiated is not None
        assert each.negotiated.retried
        assert each.negotiated.cipher_suite is suite
    assert client.channel_binding() == second.channel_binding()


def test_between_the_hellos_the_server_knows_nothing_of_the_first(sides: Sides) -> None:
    client = Connection.client(sides[0], "localhost")
    state = asked(client, sides[1]).state
    assert isinstance(state, WaitSecondClientHello)
    assert (state.memory, state.hello, state.cookie) == (None, None, None)


def test_a_server_without_cookies_sends_none(sides: Sides) -> None:
    for keys, gives in ((sides[1].retry_cookies, True), (None, False)):
        journal = Journal()
        client = Connection.client(replace(sides[0], observer=journal), "localhost")
        exchange(client, Connection.server(replace(sides[1], retry_cookies=keys)))
        (retry,) = (each for each in journal.messages if isinstance(each, HelloRetryRequest))
        hellos = [each for each in journal.messages if isinstance(each, ClientHello)]
        cookie = Cookie.hello_retry_request.find(retry.extensions)
        assert (cookie is not None) is gives
        assert [Cookie.client_hello.find(each.extensions) for each in hellos] == [None, cookie]


def test_a_hello_that_needs_no_retry_gets_no_cookie(sides: Sides) -> None:
    client = Connection.client(sides[0], "localhost")
    exchange(client, Connection.server(replace(sides[1], groups=(NamedGroup.x25519,))))
    assert client.negotiated is not None
    assert not client.negotiated.retried


def test_the_cookie_says_nothing_in_the_clear(sides: Sides) -> None:
    journal = Journal()
    client = Connection.client(replace(sides[0], observer=journal), "localhost")
    exchange(client, Connection.server(sides[1]))
    (retry,) = (each for each in journal.messages if isinstance(each, HelloRetryRequest))
    cookie = Cookie.hello_retry_request.find(retry.extensions)
    assert cookie is not None
    suite, group = retry.cipher_suite.to_bytes(2, "big"), NamedGroup.secp256r1.to_bytes(2, "big")
    assert suite + group not in cookie
    for hash_name in ("sha256", "sha384"):
        assert digest(hash_name, journal.sent[0]) not in cookie


@pytest.mark.parametrize("seconds", [0, 29.9, 30])
def test_a_cookie_lasts_for_a_while(sides: Sides, watch: Clock, seconds: float) -> None:
    client = Connection.client(sides[0], "localhost")
    client.receive_data(asked(client, sides[1]).data_to_send())
    watch.advance(seconds=seconds)
    exchange(client, Connection.server(sides[1]))
    assert client.negotiated is not None


def test_a_cookie_of_one_connection_does_not_serve_another(sides: Sides) -> None:
    """It is bound to the whole of the hello that it was given for."""
    journal = Journal()
    victim = Connection.client(replace(sides[0], observer=journal), "localhost")
    victim.receive_data(asked(victim, sides[1]).data_to_send())
    second = journal.sent[1]
    random = second[6:38]
    stolen = second.replace(random, bytes(32))
    server = Connection.server(sides[1])
    with pytest.raises(ChangedParameter):
        server.receive_data(plaintext(HANDSHAKE, stolen))


@pytest.mark.parametrize("suite", SUITES)
def test_keys_are_taken_by_the_second_server(sides: Sides, suite: CipherSuite) -> None:
    keys = tuple(Psk(identity=name.encode(), key=bytes(48), hash_name=name) for name in ("sha256", "sha384"))
    config = replace(sides[1], psks=keys, cipher_suites=(suite,))
    client = Connection.client(replace(sides[0], psks=keys, trust=None), "localhost")
    client.receive_data(asked(client, config).data_to_send())
    exchange(client, Connection.server(config))
    assert client.negotiated is not None
    assert client.negotiated.psk_identity == (b"sha256" if suite is SUITES[0] else b"sha384")


def test_a_single_use_ticket_is_spent_by_the_second_server_alone(sides: Sides) -> None:
    config = replace(sides[1], ticket_store=MemoryTickets())
    session = resumable(sides[0], replace(config, groups=(NamedGroup.x25519,)))
    client = Connection.client(sides[0], "localhost", session)
    client.receive_data(asked(client, config).data_to_send())
    exchange(client, Connection.server(config))
    assert client.negotiated is not None
    assert (client.negotiated.resumed, client.negotiated.retried) == (True, True)


def test_early_data_before_the_cookie_is_skipped_by_the_first_server(sides: Sides) -> None:
    config = replace(sides[1], early_data=EarlyDataPolicy())
    early = replace(sides[0], early_data=True)
    session = resumable(early, replace(config, groups=(NamedGroup.x25519,)))
    client = Connection.client(early, "localhost", session)
    client.send_early(b"too early" * 100)
    server = Connection.server(config)
    hello, *rest = cut(client.data_to_send())
    server.receive_data(hello)
    assert [each[0] for each in rest].count(APPLICATION_DATA) == 1
    for record in rest:
        assert server.receive_data(record) == []
    told, _ = exchange(client, server)
    assert EarlyDataRejected(b"too early" * 100) in told
    assert client.negotiated is not None
    assert client.negotiated.early_data is EarlyData.rejected


def test_the_config_may_be_picked_for_both_hellos_alike(sides: Sides) -> None:
    """By a server that keeps nothing, from what the second hello says again."""
    picked: list[ClientHello] = []

    def pick(hello: ClientHello) -> ServerConfig:
        picked.append(hello)
        return replace(sides[1], application_protocols=("h2",))

    config = replace(sides[1], on_client_hello=pick)
    client = Connection.client(replace(sides[0], application_protocols=("h2",)), "localhost")
    client.receive_data(asked(client, config).data_to_send())
    exchange(client, Connection.server(config))
    assert client.negotiated is not None
    assert client.negotiated.application_protocol == "h2"
    assert len(picked) == 2
    assert picked[0].random == picked[1].random


def test_keys_of_cookies_change_like_those_of_tickets(sides: Sides, watch: Clock) -> None:
    keys = SealingKeys(rotation=timedelta(seconds=20), overlap=timedelta(seconds=20))
    config = replace(sides[1], retry_cookies=keys)
    client = Connection.client(sides[0], "localhost")
    client.receive_data(asked(client, config).data_to_send())
    watch.advance(seconds=25)
    exchange(Connection.client(sides[0], "localhost"), Connection.server(config))
    assert len(keys.keys) == 2
    exchange(client, Connection.server(config))
    assert client.negotiated is not None
