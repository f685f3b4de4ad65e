"""After the handshake: tickets, key updates, and late authentication from the server's side. RFC 9846 §4.7"""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from schemas.certificate import Certificate
from schemas.code_points import KeyUpdateRequest
from schemas.derived import ClientCertificateVerifyContent
from schemas.extensions import EarlyDataIndication, PostHandshakeAuth, SignatureAlgorithms
from schemas.handshake import CertificateRequest, CertificateVerify, Finished, KeyUpdate, NewSessionTicket
from schemas.stored import TicketState
from tls13.crypto.aead import SUITES
from tls13.errors import ConfigurationError, ForbiddenValue, UnexpectedMessage
from tls13.events import ClientAuthenticated, KeysUpdated, TicketReceived
from tls13.handshake.authentication import certificate_request, check_signature, client_identity
from tls13.handshake.negotiation import check_places
from tls13.handshake.pre_shared import exchange_mode
from tls13.handshake.secrets import check_finished
from tls13.handshake.states import (
    ClientConnected,
    LateRequest,
    ServerConnected,
    WaitLateCertificateVerify,
    WaitLateFinished,
)
from tls13.key_schedule import resumption_psk
from tls13.sessions import Session, milliseconds, seconds_left
from tls13.wire import Wire

Connected = TypeVar("Connected", ClientConnected, ServerConnected)

MAX_TICKET_LENGTH = 2**15

CONTEXT_LENGTH = 32
"""Of a late request's context, in bytes: not to be guessed. §4.4.2"""


def new_session_ticket(wire: Wire, state: ClientConnected, message: NewSessionTicket) -> ClientConnected:
    """§4.7.1: the ticket goes to the caller, with the session that it opens."""
    check_places("new_session_ticket", message.extensions)
    session = None
    if message.ticket_lifetime > 0 and len(message.ticket) <= wire.config.limits.ticket:
        established = state.established
        hash_name = SUITES[established.negotiated.cipher_suite].hash_name
        psk = resumption_psk(hash_name, established.resumption_secret, message.ticket_nonce)
        trust = state.offer.config.trust
        session = Session.of(message, psk, established.negotiated, wire.config.clock(), trust)
    wire.tell(TicketReceived(message, session))
    if session is not None and state.offer.config.on_session is not None:
        state.offer.config.on_session(session)
    return state


def issue_tickets(wire: Wire, state: ServerConnected) -> ServerConnected:
    """§4.7.1: as many as follow a handshake."""
    for _ in range(state.flight.tickets):
        state = issue_ticket(wire, state)
    return state


def check_takes_tickets(state: ServerConnected, application_data: bytes) -> None:
    """Raises ConfigurationError if the client has named no key exchange mode for a ticket, or the data is too long."""
    if exchange_mode(state.flight.config, state.flight.hello) is None:
        raise ConfigurationError("the client has not said how it would use a ticket")
    if len(application_data) >= 2**16:
        raise ConfigurationError(f"{len(application_data)} bytes of application data", "give 65535 at most")


def issue_ticket(wire: Wire, state: ServerConnected, application_data: bytes = b"") -> ServerConnected:
    """§4.7.1: one more ticket. `application_data` is found again in its `TicketState`."""
    config, negotiated = state.flight.config, state.established.negotiated
    now = config.clock()
    lifetime = min(int(config.ticket_lifetime.total_seconds()), seconds_left(state.flight.authentication_time, now))
    if lifetime <= 0:
        return state
    age_add = int.from_bytes(wire.random(4), "big")
    nonce = state.tickets.to_bytes(8, "big")
    max_early_data_size = 0 if config.early_data is None else config.early_data.max_size
    hash_name = SUITES[negotiated.cipher_suite].hash_name
    ticket = config.ticket_store.issue(
        TicketState(
            cipher_suite=negotiated.cipher_suite,
            resumption_psk=resumption_psk(hash_name, state.established.resumption_secret, nonce),
            creation_time=milliseconds(now),
            ticket_lifetime=lifetime,
            ticket_age_add=age_add,
            authentication_time=state.flight.authentication_time,
            max_early_data_size=max_early_data_size,
            server_name=(negotiated.server_name or "").encode(),
            alpn=(negotiated.application_protocol or "").encode("latin-1"),
            peer_certificates=list(negotiated.peer_certificates),
            application_data=application_data,
        ),
        now,
        config.random,
    )
    if len(ticket) > MAX_TICKET_LENGTH:
        # It would not fit into a hello: a client with so many certificates does without.
        return state
    early_data = [EarlyDataIndication.new_session_ticket(max_early_data_size)] if max_early_data_size else []
    wire.send_ticket(
        NewSessionTicket(
            ticket_lifetime=lifetime,
            ticket_age_add=age_add,
            ticket_nonce=nonce,
            ticket=ticket,
            extensions=early_data,
        )
    )
    return dataclasses.replace(state, tickets=state.tickets + 1)


def key_update(wire: Wire, state: Connected, message: KeyUpdate) -> Connected:
    """§4.7.3: the peer's next record is under its next key; ours too, where it asks for that."""
    if not message.request_update.is_registered:
        raise ForbiddenValue(f"request_update is {message.request_update}", message="key_update")
    wire.update_reading_key()
    wire.awaits_key_update = False
    requested = message.request_update is KeyUpdateRequest.update_requested
    wire.owes_key_update = wire.owes_key_update or requested
    wire.tell(KeysUpdated(requested))
    return state


def request_certificate(wire: Wire, state: ServerConnected) -> tuple[ServerConnected, bytes]:
    """§4.7.2: asks a connected client who it is; gives the context that its answer will name.

    Raises ConfigurationError where no policy would judge the answer, the client takes no such requests, or too many of
    them wait for an answer already.
    """
    config = state.flight.config
    if config.client_authentication is None:
        raise ConfigurationError("no policy for clients", "give the server's config a client_authentication")
    if PostHandshakeAuth.client_hello.find(state.flight.hello.extensions) is None:
        raise ConfigurationError("the client takes no requests after the handshake")
    if state.established.negotiated.psk_identity is not None:
        raise ConfigurationError("the client is known by an external PSK, and can't be asked for a certificate")
    if len(state.requests) >= config.limits.certificate_requests:
        raise ConfigurationError(f"{len(state.requests)} requests wait for an answer already")
    context = wire.random(CONTEXT_LENGTH)
    wire.flush()
    interrupted = wire.transcript
    wire.transcript = state.established.transcript.fork()
    sent = wire.send(certificate_request(config.client_authentication, config.signature_schemes, context))
    wire.flush()
    if not isinstance(sent, CertificateRequest):
        raise ConfigurationError("the message editor made another message of certificate_request")
    late = LateRequest(sent, wire.transcript)
    wire.transcript = interrupted
    return dataclasses.replace(state, requests={**state.requests, context: late}), context


def late_certificate(
    wire: Wire, state: ServerConnected, message: Certificate
) -> WaitLateCertificateVerify | WaitLateFinished:
    """§4.7.2: the answer to one of the requests."""
    context = message.certificate_request_context
    late = state.requests.get(context)
    if late is None:
        raise UnexpectedMessage("a certificate that nobody asked for", message="certificate")
    wire.transcript = late.transcript
    wire.transcript.add(wire.received)
    left = {name: each for name, each in state.requests.items() if name != context}
    connected = dataclasses.replace(state, requests=left)
    client = client_identity(wire, state.flight.config, late.message, message)
    if client is None:
        return WaitLateFinished(connected, context, ())
    return WaitLateCertificateVerify(connected, late.message, client)


def late_certificate_verify(
    wire: Wire, state: WaitLateCertificateVerify, message: CertificateVerify
) -> WaitLateFinished:
    """§4.5.2: the client holds the certificate's private key."""
    offered = SignatureAlgorithms.certificate_request.find(state.request.extensions) or []
    check_signature(wire, message, state.client, offered, ClientCertificateVerifyContent)
    return WaitLateFinished(state.connected, state.request.certificate_request_context, state.client.chain)


def late_finished(wire: Wire, state: WaitLateFinished, message: Finished) -> ServerConnected:
    """§4.5.3: the answer is whole."""
    if wire.reading is None:
        raise RuntimeError("no key to judge by")
    suite, secret = wire.reading.suite, wire.reading.traffic_secret
    check_finished(message, suite, secret, wire.transcript.hash_before_last())
    wire.tell(ClientAuthenticated(state.context, state.chain))
    connected = state.connected
    wire.transcript = connected.established.transcript.fork()
    if not state.chain:
        return connected
    negotiated = dataclasses.replace(connected.established.negotiated, peer_certificates=state.chain)
    established = dataclasses.replace(connected.established, negotiated=negotiated)
    return dataclasses.replace(connected, established=established)
