"""The server's side of the handshake. RFC 9846 §4, appendix A.2

Each handler takes the state and the message that it allows, and gives the next state.
"""

from __future__ import annotations

import dataclasses

from schemas.certificate import Certificate
from schemas.derived import ClientCertificateVerifyContent
from schemas.extensions import Cookie, EarlyDataIndication, SignatureAlgorithms
from schemas.handshake import CertificateVerify, ClientHello, EndOfEarlyData, Finished
from tls13.config import ServerConfig
from tls13.crypto.aead import SUITES
from tls13.errors import NoCommonCipherSuite, NoCommonGroup
from tls13.events import HandshakeCompleted
from tls13.handshake import retry
from tls13.handshake.authentication import check_signature, client_identity
from tls13.handshake.choice import Request, choose, common_suites, needs_retry, request_in
from tls13.handshake.flight import AfterFlight, answer
from tls13.handshake.post import issue_tickets
from tls13.handshake.secrets import check_finished, derive_resumption_secret
from tls13.handshake.states import (
    AwaitingSignature,
    Established,
    ServerConnected,
    ServerStart,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitClientFinished,
    WaitEndOfEarlyData,
    WaitSecondClientHello,
)
from tls13.wire import Wire


def client_hello(
    wire: Wire, state: ServerStart, message: ClientHello
) -> AfterFlight | WaitSecondClientHello | AwaitingSignature:
    """§4.2.2: chooses, and sends either all of the server's flight or a HelloRetryRequest."""
    wire.require_record_boundary()
    wire.client_random = message.random
    config = _config_for(wire, state.config, message)
    request = request_in(message)
    if config.retry_cookies is not None and Cookie.client_hello.find(message.extensions) is not None:
        return _go_on(wire, WaitSecondClientHello(config, None, None, None), request)
    choice = choose(wire, config, request, common_suites(config, message))
    if EarlyDataIndication.client_hello.find(message.extensions) is not None:
        promised = 0 if config.early_data is None else config.early_data.max_size
        wire.skip_early_data(config.limits.early_data + promised)
    if choice.group is not None and needs_retry(choice, request):
        return retry.ask(wire, config, message, choice.suite, choice.group)
    return answer(wire, config, request, choice)


def second_client_hello(
    wire: Wire, state: WaitSecondClientHello, message: ClientHello
) -> AfterFlight | AwaitingSignature:
    """§4.2.2: the hello again, with the share that was asked for and else unchanged."""
    wire.require_record_boundary()
    wire.stop_skipping_early_data()
    return _go_on(wire, state, request_in(message))


def end_of_early_data(wire: Wire, state: WaitEndOfEarlyData, message: EndOfEarlyData) -> WaitClientFinished:
    """§4.6: from here on the client writes under the handshake key."""
    wire.read_under(state.flight.keys.suite, state.flight.keys.client_secret)
    return WaitClientFinished(state.flight)


def certificate(
    wire: Wire, state: WaitClientCertificate, message: Certificate
) -> WaitClientCertificateVerify | WaitClientFinished:
    """§4.5.1: who the client says it is, if it says so."""
    client = client_identity(wire, state.flight.config, state.request, message)
    if client is None:
        return WaitClientFinished(state.flight)
    return WaitClientCertificateVerify(state.flight, state.request, client)


def certificate_verify(
    wire: Wire, state: WaitClientCertificateVerify, message: CertificateVerify
) -> WaitClientFinished:
    """§4.5.2: the client holds the certificate's private key."""
    offered = SignatureAlgorithms.certificate_request.find(state.request.extensions) or []
    check_signature(wire, message, state.client, offered, ClientCertificateVerifyContent)
    negotiated = dataclasses.replace(state.flight.negotiated, peer_certificates=state.client.chain)
    return WaitClientFinished(dataclasses.replace(state.flight, negotiated=negotiated))


def finished(wire: Wire, state: WaitClientFinished, message: Finished) -> ServerConnected:
    """§4.5.3: the client saw the same handshake. The server is connected."""
    flight = state.flight
    keys, secrets = flight.keys, flight.secrets
    check_finished(message, keys.suite, keys.client_secret, wire.transcript.hash_before_last())
    wire.read_under(keys.suite, secrets.client_secret)
    wire.tell(HandshakeCompleted(flight.negotiated))
    resumption_secret = derive_resumption_secret(wire, secrets)
    established = Established(
        flight.negotiated, secrets.exporter_secret, resumption_secret, wire.transcript.fork(), flight.early
    )
    return issue_tickets(wire, ServerConnected(established, flight))


def _config_for(wire: Wire, config: ServerConfig, message: ClientHello) -> ServerConfig:
    """The config that the caller picks for this hello, else the one there is."""
    picked = None if config.on_client_hello is None else config.on_client_hello(message)
    if picked is None:
        return config
    wire.config = picked
    return picked


def _go_on(wire: Wire, state: WaitSecondClientHello, request: Request) -> AfterFlight | AwaitingSignature:
    """The second hello is read: it must be the first again, with the share that was asked for. §4.2.2"""
    memory = retry.remembered(wire, state, request.hello)
    if memory.cipher_suite not in state.config.cipher_suites:
        raise NoCommonCipherSuite([memory.cipher_suite], state.config.cipher_suites, message="client_hello")
    if memory.selected_group not in state.config.groups:
        raise NoCommonGroup([memory.selected_group], state.config.groups, message="client_hello")
    retry.check_unchanged(wire, memory, state.hello, request.hello)
    retry.check_share(memory.selected_group, request.shares)
    choice = choose(wire, state.config, request, [SUITES[memory.cipher_suite]], memory)
    return answer(wire, state.config, request, choice)
