"""Connections that go on where another ended: which tickets are given, offered and taken. RFC 9846 §2.2, §4.7.1"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from endpoints import Endpoints, exchange
from key_schedule_by_hand import expand_label
from modes import Clock, Journal, Sides, resumable, sessions

from schemas.code_points import CipherSuite, NamedGroup
from schemas.extensions import PreSharedKey
from schemas.handshake import CertificateRequest, ClientHello
from tls13.config import ClientAuthentication, ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.early_data import MemoryReplayStore
from tls13.errors import BadBinder, CertificateExpired, ConfigurationError, UnknownCA
from tls13.events import EarlyData, Negotiated, SecretDerived, TicketReceived
from tls13.limits import Limits
from tls13.psk import Psk
from tls13.sealing import SealingKeys
from tls13.sessions import MemoryTickets, SealedTickets, Session
from tls13.x509.credentials import Credential
from tls13.x509.server_name import ServerName
from tls13.x509.trust import NoVerification

HOUR = timedelta(hours=1)


def resumed(client: ClientConfig, server: ServerConfig, session: Session, name: str = "localhost") -> Negotiated:
    """What a connection that is offered that session agrees on; both sides know the same of it."""
    ours, theirs = Connection.client(client, name, session), Connection.server(server)
    exchange(ours, theirs)
    assert ours.negotiated is not None
    assert theirs.negotiated is not None
    assert ours.negotiated.resumed == theirs.negotiated.resumed
    return ours.negotiated


def offers(client: ClientConfig, session: Session, name: str = "localhost") -> bool:
    """Whether the client offers the session."""
    journal = Journal()
    Connection.client(replace(client, observer=journal), name, session)
    (hello,) = journal.messages
    assert isinstance(hello, ClientHello)
    return PreSharedKey.client_hello.find(hello.extensions) is not None


# The key, and what goes over from one connection to the next


@pytest.mark.parametrize("suite", [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384])
def test_each_ticket_has_a_key_of_its_own_that_the_rfc_derives(sides: Sides, suite: CipherSuite) -> None:
    client, server = sides
    journal = Journal()
    client = replace(client, cipher_suites=(suite,), observer=journal)
    told, _ = exchange(Connection.client(client, "localhost"), Connection.server(replace(server, tickets=3)))
    received = [each for each in told if isinstance(each, TicketReceived)]
    (secret,) = [
        each.secret
        for each in journal.observations
        if isinstance(each, SecretDerived) and each.label == "resumption_secret"
    ]
    hash_name = "sha256" if len(secret) == 32 else "sha384"
    assert len(secret) == (32 if suite is CipherSuite.TLS_AES_128_GCM_SHA256 else 48)
    for each in received:
        assert each.session is not None
        nonce = each.ticket.ticket_nonce
        assert each.session.psk.key == expand_label(hash_name, secret, b"resumption", nonce, len(secret))
    for distinct in ("ticket", "ticket_nonce", "ticket_age_add"):
        assert len({getattr(each.ticket, distinct) for each in received}) == 3


def test_a_resumption_knows_the_certificates_of_the_first_connection(sides: Sides, endpoints: Endpoints) -> None:
    client, server = sides
    first = resumable(client, server)
    negotiated = resumed(client, server, first)
    assert negotiated.resumed
    assert negotiated.peer_certificates == endpoints.server_config.credentials[0].certificate_list
    assert negotiated.signature_scheme is None


def test_a_session_goes_on_from_connection_to_connection(sides: Sides) -> None:
    client, server = sides
    session = resumable(client, server)
    for _ in range(3):
        ours, theirs = Connection.client(client, "localhost", session), Connection.server(server)
        told, _ = exchange(ours, theirs)
        assert ours.negotiated is not None
        assert ours.negotiated.resumed
        (following,) = sessions(told)
        assert following.psk.key != session.psk.key
        session = following


def test_a_session_of_an_external_psk_goes_on(sides: Sides) -> None:
    keys = (Psk(identity=b"a", key=bytes(range(32))),)
    client, server = replace(sides[0], psks=keys, trust=None), replace(sides[1], psks=keys, credentials=())
    session = resumable(client, server)
    assert session.peer_certificates == ()
    assert resumed(client, server, session).resumed


def test_every_key_exchange_is_fresh_after_a_resumption_too(sides: Sides) -> None:
    client, server = sides
    negotiated = resumed(client, replace(server, groups=(NamedGroup.secp256r1,)), resumable(client, server))
    assert (negotiated.resumed, negotiated.retried, negotiated.group) == (True, True, NamedGroup.secp256r1)


def test_a_session_with_an_address_goes_on_though_no_name_is_sent(sides: Sides) -> None:
    client, server = sides
    told, _ = exchange(Connection.client(client, "127.0.0.1"), Connection.server(server))
    (session,) = sessions(told)
    assert session.server_name == "127.0.0.1"
    assert resumed(client, server, session, "127.0.0.1").resumed
    assert not offers(client, session)


def test_without_early_data_there_is_no_word_of_it(sides: Sides) -> None:
    client, server = sides
    assert resumed(client, server, resumable(client, server)).early_data is EarlyData.not_sent


# What a client offers


def test_a_session_is_offered_only_while_it_lives(sides: Sides, watch: Clock) -> None:
    client, server = sides
    session = resumable(client, replace(server, ticket_lifetime=HOUR))
    watch.advance(minutes=59, seconds=59)
    assert offers(client, session)
    watch.advance(seconds=1)
    assert not offers(client, session)
    watch.advance(hours=-2)
    assert not offers(client, session)


def test_a_session_is_offered_to_its_own_server_only(sides: Sides) -> None:
    client, server = sides
    session = resumable(client, server)
    assert not offers(client, session, "www.example.com")
    assert offers(client, session, "LOCALHOST")


class Distrust:
    """Believes nobody."""

    def verify_server(self, chain: Sequence[bytes], server_name: ServerName, now: datetime) -> tuple[bytes, ...]:
        raise UnknownCA("nobody is believed", message="certificate")


def test_a_session_is_not_offered_once_its_certificate_is_no_longer_trusted(sides: Sides, watch: Clock) -> None:
    client, server = sides
    session = resumable(client, server)
    assert not offers(replace(client, trust=Distrust()), session)
    watch.advance(days=400)
    just_now = int(watch().timestamp() * 1000)
    fresh = Session(replace(session.state, creation_time=just_now))
    assert offers(replace(client, trust=NoVerification()), fresh)
    assert not offers(client, fresh)


def test_a_certificate_that_was_validated_here_is_not_offered_after_its_time_either(sides: Sides, watch: Clock) -> None:
    client, server = sides
    session = resumable(client, server)
    assert session.trusted_by is client.trust
    assert offers(client, session)
    watch.advance(days=400)
    renewed = replace(session.state, creation_time=int(watch().timestamp() * 1000))
    assert not offers(client, replace(session, state=renewed))


def test_a_client_that_takes_no_certificate_does_not_offer_a_session_of_one(sides: Sides) -> None:
    client, server = sides
    keys = (Psk(identity=b"a", key=bytes(range(32))),)
    journal = Journal()
    Connection.client(replace(client, trust=None, psks=keys, observer=journal), "localhost", resumable(client, server))
    (hello,) = journal.messages
    assert isinstance(hello, ClientHello)
    offered = PreSharedKey.client_hello.find(hello.extensions)
    assert offered is not None
    assert [each.identity for each in offered.identities] == [b"a"]


def test_a_session_without_certificates_is_not_offered_where_only_certificates_do(sides: Sides) -> None:
    keys = (Psk(identity=b"a", key=bytes(range(32))),)
    client, server = sides
    session = resumable(replace(client, psks=keys), replace(server, psks=keys))
    assert not offers(client, session)


def test_a_session_goes_with_the_suites_of_its_hash(sides: Sides) -> None:
    client, server = sides
    session = resumable(replace(client, cipher_suites=(CipherSuite.TLS_AES_128_GCM_SHA256,)), server)
    chacha = replace(server, cipher_suites=(CipherSuite.TLS_CHACHA20_POLY1305_SHA256,))
    negotiated = resumed(client, replace(chacha, ticket_store=server.ticket_store), session)
    assert (negotiated.resumed, negotiated.cipher_suite) == (True, CipherSuite.TLS_CHACHA20_POLY1305_SHA256)
    other_hash = replace(server, cipher_suites=(CipherSuite.TLS_AES_256_GCM_SHA384,))
    assert not resumed(client, other_hash, session).resumed
    assert not offers(replace(client, cipher_suites=(CipherSuite.TLS_AES_256_GCM_SHA384,)), session)


def test_a_session_keeps_its_suite_where_the_server_would_choose_another(sides: Sides) -> None:
    client, server = sides
    session = resumable(replace(client, cipher_suites=(CipherSuite.TLS_CHACHA20_POLY1305_SHA256,)), server)
    assert resumed(client, server, session).cipher_suite is CipherSuite.TLS_CHACHA20_POLY1305_SHA256


def test_a_ticket_that_no_hello_holds_is_left_out(sides: Sides) -> None:
    client, server = sides
    session = resumable(client, server)
    for length in (20_000, 65_535):
        assert not offers(client, Session(replace(session.state, ticket=bytes(length))))
    huge = replace(client, limits=Limits(ticket=65_535))
    with pytest.raises(ConfigurationError):
        Connection.client(huge, "localhost", Session(replace(session.state, ticket=bytes(65_500))))


# What a server takes


def test_a_server_judges_the_lifetime_by_its_own_clock(sides: Sides) -> None:
    client, server = sides
    session = resumable(client, replace(server, ticket_lifetime=HOUR))
    for hours, expected in ((0.9, True), (1.1, False), (-0.1, False)):
        later = Clock()
        later.advance(hours=hours)
        assert resumed(client, replace(server, clock=later), session).resumed is expected


def test_a_ticket_is_for_the_name_that_it_was_asked_for_by(sides: Sides) -> None:
    client, server = sides
    session = resumable(client, server)
    renamed = Session(replace(session.state, server_name=b"www.example.com"))
    assert offers(client, renamed, "www.example.com")
    negotiated = resumed(client, server, renamed, "www.example.com")
    assert not negotiated.resumed


def test_a_resumption_reports_the_name_of_its_own_hello(sides: Sides) -> None:
    client, server = sides
    session = resumable(client, server)
    theirs = Connection.server(server)
    exchange(Connection.client(client, "localhost", session), theirs)
    assert theirs.negotiated is not None
    assert (theirs.negotiated.resumed, theirs.negotiated.server_name) == (True, "localhost")


def test_another_protocol_may_be_chosen_after_a_resumption(sides: Sides) -> None:
    client, server = (
        replace(sides[0], application_protocols=("h2", "http/1.1")),
        replace(sides[1], application_protocols=("h2", "http/1.1")),
    )
    session = resumable(client, server)
    assert session.application_protocol == "h2"
    older = replace(server, application_protocols=("http/1.1",))
    negotiated = resumed(client, older, session)
    assert (negotiated.resumed, negotiated.application_protocol) == (True, "http/1.1")


@pytest.mark.parametrize("store", [SealedTickets(spent=MemoryReplayStore()), MemoryTickets()], ids=["sealed", "memory"])
def test_a_single_use_ticket_resumes_once_and_then_there_is_a_full_handshake(
    sides: Sides, store: SealedTickets | MemoryTickets
) -> None:
    client, server = sides[0], replace(sides[1], ticket_store=store)
    session = resumable(client, server)
    assert [resumed(client, server, session).resumed for _ in range(3)] == [True, False, False]


def test_a_wrong_binder_does_not_spend_a_ticket(sides: Sides) -> None:
    client, server = sides[0], replace(sides[1], ticket_store=MemoryTickets())
    session = resumable(client, server)
    thief = Session(replace(session.state, resumption_psk=bytes(32)))
    with pytest.raises(BadBinder):
        resumed(client, server, thief)
    assert resumed(client, server, session).resumed


def test_a_hello_that_has_to_come_again_does_not_spend_its_ticket_twice(sides: Sides) -> None:
    client, server = sides[0], replace(sides[1], ticket_store=MemoryTickets())
    session = resumable(client, server)
    negotiated = resumed(client, replace(server, groups=(NamedGroup.secp256r1,)), session)
    assert (negotiated.resumed, negotiated.retried) == (True, True)


def test_servers_that_share_keys_take_each_other_s_tickets_and_others_don_t(sides: Sides) -> None:
    client, server = sides
    keys = SealingKeys()
    session = resumable(client, replace(server, ticket_store=SealedTickets(keys)))
    assert resumed(client, replace(server, ticket_store=SealedTickets(keys)), session).resumed
    assert not resumed(client, replace(server, ticket_store=SealedTickets()), session).resumed


def test_tickets_outlive_the_rotation_of_their_key_by_the_overlap(sides: Sides, watch: Clock) -> None:
    keys = SealingKeys(rotation=HOUR, overlap=2 * HOUR)
    client = sides[0]
    server = replace(sides[1], ticket_store=SealedTickets(keys), ticket_lifetime=10 * HOUR)
    session = resumable(client, server)
    watch.advance(hours=2.9)
    assert resumed(client, server, session).resumed
    watch.advance(hours=0.2)
    assert not resumed(client, server, session).resumed


def test_a_session_is_over_seven_days_after_its_first_handshake_however_often_it_goes_on(
    sides: Sides, watch: Clock
) -> None:
    keys = SealingKeys(overlap=timedelta(days=30))
    client = sides[0]
    server = replace(sides[1], ticket_store=SealedTickets(keys), ticket_lifetime=timedelta(days=3))
    session = resumable(client, server)
    lifetimes = []
    for _ in range(3):
        watch.advance(days=2)
        ours, theirs = Connection.client(client, "localhost", session), Connection.server(server)
        (session,) = sessions(exchange(ours, theirs)[0])
        assert theirs.negotiated is not None
        assert theirs.negotiated.resumed
        lifetimes.append(session.state.ticket_lifetime)
    assert lifetimes == [3 * 86400, 3 * 86400, 86400]
    watch.advance(days=1)
    assert not resumed(client, server, session).resumed


# Clients that have proved who they are


@dataclass
class Register:
    """A policy that may change its mind."""

    reason: Exception | None = None
    asked: list[tuple[bytes, ...]] = field(default_factory=list)
    authorities: tuple[bytes, ...] = ()

    def verify_client(self, chain: Sequence[bytes], now: datetime) -> tuple[bytes, ...]:
        self.asked.append(tuple(chain))
        if self.reason is not None:
            raise self.reason
        return tuple(chain)


def test_a_resumption_knows_the_client_s_certificate_and_asks_the_policy_again(sides: Sides, alice: Credential) -> None:
    register = Register()
    client = replace(sides[0], credentials=(alice,))
    server = replace(sides[1], client_authentication=ClientAuthentication(policy=register))
    session = resumable(client, server)
    journal = Journal()
    theirs = Connection.server(replace(server, observer=journal))
    exchange(Connection.client(client, "localhost", session), theirs)
    assert theirs.negotiated is not None
    assert theirs.negotiated.resumed
    assert theirs.negotiated.peer_certificates == alice.certificate_list
    assert register.asked == [alice.certificate_list] * 2
    assert not any(isinstance(each, CertificateRequest) for each in journal.messages)


def test_a_client_that_is_no_longer_trusted_has_to_prove_itself_again(sides: Sides, alice: Credential) -> None:
    register = Register()
    client = replace(sides[0], credentials=(alice,))
    server = replace(sides[1], client_authentication=ClientAuthentication(policy=register))
    session = resumable(client, server)
    register.reason = CertificateExpired("alice is gone", message="certificate")
    with pytest.raises(CertificateExpired, match="alice is gone"):
        resumed(client, server, session)


def test_a_ticket_of_an_unknown_client_does_not_do_where_all_must_be_known(sides: Sides, alice: Credential) -> None:
    client, server = sides
    asking = replace(server, client_authentication=ClientAuthentication(policy=NoVerification()))
    session = resumable(client, server)
    negotiated = resumed(replace(client, credentials=(alice,)), asking, session)
    assert not negotiated.resumed
    optional = replace(server, client_authentication=ClientAuthentication(policy=NoVerification(), required=False))
    assert resumed(client, optional, session).resumed


def test_no_ticket_is_made_of_more_certificates_than_a_hello_holds(sides: Sides, alice: Credential) -> None:
    many = Credential(alice.certificate_list * 90, alice.signer)
    client = replace(sides[0], credentials=(many,))
    server = replace(
        sides[1],
        client_authentication=ClientAuthentication(policy=Register()),
        limits=Limits(certificates=100, handshake_message=2**20),
    )
    ours, theirs = Connection.client(client, "localhost"), Connection.server(server)
    assert sessions(exchange(ours, theirs)[0]) == []
    assert theirs.negotiated is not None
    assert len(theirs.negotiated.peer_certificates) == 90
