"""The server's flight: ServerHello up to its own Finished, and what it waits for then. RFC 9846 §2, §4.4, §4.5"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.code_points import ProtocolVersion, SignatureScheme
from schemas.derived import ServerCertificateVerifyContent
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    EarlyDataIndication,
    KeyShare,
    KeyShareEntry,
    MaxFragmentLengthNegotiation,
    PreSharedKey,
    RecordSizeLimit,
    ServerNameIndication,
    SupportedVersions,
    TicketRequest,
)
from schemas.handshake import CertificateRequest, ClientHello, EncryptedExtensions, Finished, ServerHello
from tls13.config import ServerConfig
from tls13.crypto.groups import GROUPS
from tls13.events import EarlyData, Negotiated
from tls13.handshake.authentication import certificate_request, prove
from tls13.handshake.choice import Choice, Request
from tls13.handshake.negotiation import choose_application_protocol, choose_credential
from tls13.handshake.pre_shared import exchange_mode, takes_early_data
from tls13.handshake.record_size import limit_fragments, limit_records
from tls13.handshake.secrets import derive_application_secrets, derive_early_secrets, derive_handshake_keys
from tls13.handshake.states import (
    AwaitingSignature,
    EarlySecrets,
    Flight,
    HandshakeKeys,
    WaitClientCertificate,
    WaitClientFinished,
    WaitEndOfEarlyData,
)
from tls13.key_schedule import verify_data
from tls13.record_layer import MAX_INNER_PLAINTEXT
from tls13.sessions import milliseconds
from tls13.wire import Wire
from tls13.x509.credentials import Credential

AfterFlight = WaitEndOfEarlyData | WaitClientCertificate | WaitClientFinished


def answer(wire: Wire, config: ServerConfig, request: Request, choice: Choice) -> AfterFlight | AwaitingSignature:
    """ServerHello up to the server's Finished. §2"""
    hello, suite, selected = request.hello, choice.suite, choice.selected
    proof = None if selected is not None else _choose_credential(config, request)
    protocol = choose_application_protocol(
        ApplicationLayerProtocolNegotiation.client_hello.find(hello.extensions), config.application_protocols
    )
    early = _early_secrets(wire, config, request, choice, protocol)
    shared_secret = _send_server_hello(wire, request, choice)
    keys = derive_handshake_keys(wire, suite, choice.group, shared_secret, None if selected is None else selected.psk)
    wire.write_under(suite, keys.server_secret)
    wire.read_under(suite, keys.client_secret if early is None else early.client_secret)
    terms = Terms(protocol, early, proof, _tickets(config, request, choice))
    wire.send(_encrypted_extensions(wire, config, request, terms))
    if proof is None:
        return _finish(wire, config, request, choice, keys, terms, None)
    asked = _ask_for_certificate(wire, config)
    return prove(
        wire,
        proof,
        ServerCertificateVerifyContent,
        lambda: _finish(wire, config, request, choice, keys, terms, asked),
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """What EncryptedExtensions settles, how the server proves itself, and how many tickets it will send."""

    protocol: str | None
    early: EarlySecrets | None
    proof: tuple[Credential, SignatureScheme] | None
    tickets: int


def _finish(
    wire: Wire,
    config: ServerConfig,
    request: Request,
    choice: Choice,
    keys: HandshakeKeys,
    terms: Terms,
    asked: CertificateRequest | None,
) -> AfterFlight:
    """The server's Finished, and what it waits for then. §4.5.3"""
    own = verify_data(keys.suite.hash_name, keys.server_secret, wire.transcript.hash())
    wire.send(Finished(verify_data=own))
    secrets = derive_application_secrets(wire, keys)
    wire.write_under(keys.suite, secrets.server_secret)
    negotiated = _negotiated(request, choice, terms)
    ticket = choice.ticket
    began = milliseconds(config.clock()) if ticket is None else ticket.authentication_time
    flight = Flight(config, request.hello, keys, secrets, negotiated, terms.early, terms.tickets, began)
    if terms.early is not None and ticket is not None:
        return WaitEndOfEarlyData(flight, ticket.max_early_data_size)
    return WaitClientFinished(flight) if asked is None else WaitClientCertificate(flight, asked)


def _choose_credential(config: ServerConfig, request: Request) -> tuple[Credential, SignatureScheme]:
    return choose_credential(
        config.credentials,
        request.server_name,
        request.schemes or [],
        request.certificate_schemes,
        require_server_name=config.require_server_name,
    )


def _early_secrets(
    wire: Wire, config: ServerConfig, request: Request, choice: Choice, protocol: str | None
) -> EarlySecrets | None:
    """Of the early data, if it is taken: then there is nothing to skip. §4.3.10"""
    if choice.memory is not None or choice.selected is None:
        return None
    if not takes_early_data(config, request.hello, choice.selected, protocol, config.clock()):
        return None
    wire.stop_skipping_early_data()
    return derive_early_secrets(wire, choice.selected.psk, wire.transcript.hash_with(choice.suite.hash_name, b""))


def _send_server_hello(wire: Wire, request: Request, choice: Choice) -> bytes | None:
    """ServerHello; gives the shared secret, None where the PSK alone is the key exchange. §4.2.3"""
    hello, selected = request.hello, choice.selected
    random = wire.random(32)
    extensions: list[Extension] = []
    shared_secret = None
    if choice.group is not None:
        theirs = next(each.key_exchange for each in request.shares if each.group == choice.group)
        share, shared_secret = GROUPS[choice.group].respond(wire.random, theirs)
        extensions.append(KeyShare.server_hello(KeyShareEntry(group=choice.group, key_exchange=share)))
    if selected is not None:
        extensions.append(PreSharedKey.server_hello(selected.index))
    extensions.append(SupportedVersions.server_hello(ProtocolVersion.TLS13))
    wire.send(
        ServerHello(
            random=random,
            legacy_session_id_echo=hello.legacy_session_id,
            cipher_suite=choice.suite.cipher_suite,
            extensions=extensions,
        )
    )
    wire.flush()
    if hello.legacy_session_id:
        wire.send_change_cipher_spec()
    wire.transcript.select_hash(choice.suite.hash_name)
    return shared_secret


def _encrypted_extensions(wire: Wire, config: ServerConfig, request: Request, terms: Terms) -> EncryptedExtensions:
    """Answers: the name was used (RFC 6066 §3), the protocol chosen (RFC 7301 §3.1), records limited, and so on."""
    hello = request.hello
    extensions: list[Extension] = []
    if terms.proof is not None and request.server_name is not None and terms.proof[0].matches(request.server_name):
        extensions.append(ServerNameIndication.encrypted_extensions(b""))
    if terms.protocol is not None:
        chosen = [terms.protocol.encode("ascii")]
        extensions.append(ApplicationLayerProtocolNegotiation.encrypted_extensions(chosen))
    extensions += _record_size(wire, config, hello)
    if TicketRequest.client_hello.find(hello.extensions) is not None:
        extensions.append(TicketRequest.encrypted_extensions(terms.tickets))
    if terms.early is not None:
        extensions.append(EarlyDataIndication.encrypted_extensions(b""))
    return EncryptedExtensions(extensions=extensions)


def _record_size(wire: Wire, config: ServerConfig, hello: ClientHello) -> list[Extension]:
    """The limits that hold from here on, and the answer that says so. RFC 8449 §4, RFC 6066 §4"""
    theirs = RecordSizeLimit.client_hello.find(hello.extensions)
    if theirs is not None:
        own = MAX_INNER_PLAINTEXT if config.record_size_limit is None else config.record_size_limit
        limit_records(wire, theirs, own)
        return [RecordSizeLimit.encrypted_extensions(own)]
    length = MaxFragmentLengthNegotiation.client_hello.find(hello.extensions)
    if length is None:
        return []
    limit_fragments(wire, length)
    return [MaxFragmentLengthNegotiation.encrypted_extensions(length)]


def _tickets(config: ServerConfig, request: Request, choice: Choice) -> int:
    """How many NewSessionTickets follow: none for a client that has not said how it would use one. §4.7.1, RFC 9149"""
    if exchange_mode(config, request.hello) is None:
        return 0
    asked = TicketRequest.client_hello.find(request.hello.extensions)
    if asked is None or config.tickets == 0:
        return config.tickets
    wanted = asked.new_session_count if choice.ticket is None else asked.resumption_count
    return min(wanted, config.limits.tickets)


def _ask_for_certificate(wire: Wire, config: ServerConfig) -> CertificateRequest | None:
    authentication = config.client_authentication
    if authentication is None or not authentication.in_handshake:
        return None
    asked = wire.send(certificate_request(authentication, config.signature_schemes))
    return asked if isinstance(asked, CertificateRequest) else None


def _negotiated(request: Request, choice: Choice, terms: Terms) -> Negotiated:
    selected, ticket = choice.selected, choice.ticket
    refused = choice.memory is not None and bool(choice.memory.offered_early_data)
    early_data = EarlyData.not_sent
    if terms.early is not None:
        early_data = EarlyData.accepted
    elif refused or EarlyDataIndication.client_hello.find(request.hello.extensions) is not None:
        early_data = EarlyData.rejected
    return Negotiated(
        version=ProtocolVersion.TLS13,
        cipher_suite=choice.suite.cipher_suite,
        group=choice.group,
        signature_scheme=None if terms.proof is None else terms.proof[1],
        server_name=request.server_name,
        application_protocol=terms.protocol,
        peer_certificates=() if ticket is None else tuple(ticket.peer_certificates),
        retried=choice.memory is not None,
        resumed=ticket is not None,
        psk_identity=selected.psk.identity if selected is not None and ticket is None else None,
        early_data=early_data,
    )
