"""The server's side of the handshake. RFC 9846 §4, appendix A.2

Each handler takes the state and the message that it allows, and gives the next state.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.certificate import Certificate
from schemas.code_points import (
    ExtensionType,
    NamedGroup,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
)
from schemas.derived import ClientCertificateVerifyContent, ServerCertificateVerifyContent
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    Cookie,
    EarlyDataIndication,
    KeyShare,
    KeyShareEntry,
    MaxFragmentLengthNegotiation,
    PreSharedKey,
    PskKeyExchangeModes,
    RecordSizeLimit,
    ServerNameIndication,
    SignatureAlgorithms,
    SignatureAlgorithmsCert,
    SupportedGroups,
    SupportedVersions,
    TicketRequest,
)
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    ServerHello,
)
from schemas.stored import RetryMemory, TicketState
from tls13.config import ServerConfig
from tls13.crypto.aead import SUITES, Suite
from tls13.crypto.groups import GROUPS
from tls13.errors import (
    IllegalCompression,
    MissingExtension,
    NoCommonCipherSuite,
    NoCommonGroup,
    NoCommonPsk,
    UnknownPskIdentity,
    UnsupportedVersion,
)
from tls13.events import EarlyData, HandshakeCompleted, Negotiated
from tls13.handshake import retry
from tls13.handshake.authentication import certificate_request, check_signature, client_identity, prove
from tls13.handshake.negotiation import (
    check_key_shares,
    check_places,
    choose_application_protocol,
    choose_credential,
    first_in_common,
    requested_server_name,
    require,
)
from tls13.handshake.post import issue_tickets
from tls13.handshake.pre_shared import (
    SelectedPsk,
    check_binder,
    check_offer,
    exchange_mode,
    select,
    takes_early_data,
)
from tls13.handshake.record_size import (
    check_max_fragment_length,
    check_record_size_limit,
    limit_fragments,
    limit_records,
)
from tls13.handshake.secrets import (
    check_finished,
    derive_application_secrets,
    derive_early_secrets,
    derive_handshake_keys,
    derive_resumption_secret,
)
from tls13.handshake.states import (
    AwaitingSignature,
    EarlySecrets,
    Established,
    Flight,
    HandshakeKeys,
    ServerConnected,
    ServerStart,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitClientFinished,
    WaitEndOfEarlyData,
    WaitSecondClientHello,
)
from tls13.key_schedule import verify_data
from tls13.record_layer import MAX_INNER_PLAINTEXT
from tls13.sessions import milliseconds
from tls13.wire import Wire
from tls13.x509.credentials import Credential

AfterFlight = WaitEndOfEarlyData | WaitClientCertificate | WaitClientFinished


@dataclass(frozen=True, slots=True)
class Request:
    """A ClientHello, read: everything that the server's choices hang on."""

    hello: ClientHello
    groups: Sequence[NamedGroup]
    shares: Sequence[KeyShareEntry]
    schemes: Sequence[SignatureScheme] | None
    certificate_schemes: Sequence[SignatureScheme]
    server_name: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What the server goes on with. `group` is None where the PSK alone is the key exchange.

    `memory` is of the first hello, if this is the second.
    """

    suite: Suite
    group: NamedGroup | None
    selected: SelectedPsk | None
    memory: RetryMemory | None

    @property
    def ticket(self) -> TicketState | None:
        """What is in the ticket that the client goes on with, if it does."""
        return None if self.selected is None else self.selected.ticket


def client_hello(
    wire: Wire, state: ServerStart, message: ClientHello
) -> AfterFlight | WaitSecondClientHello | AwaitingSignature:
    """§4.2.2: chooses, and sends either all of the server's flight or a HelloRetryRequest."""
    wire.require_record_boundary()
    wire.client_random = message.random
    config = _config_for(wire, state.config, message)
    request = _read(message)
    if config.retry_cookies is not None and Cookie.client_hello.find(message.extensions) is not None:
        return _go_on(wire, WaitSecondClientHello(config, None, None, None), request)
    choice = _choose(wire, config, request, _common_suites(config, message))
    if EarlyDataIndication.client_hello.find(message.extensions) is not None:
        promised = 0 if config.early_data is None else config.early_data.max_size
        wire.skip_early_data(config.limits.early_data + promised)
    if choice.group is not None and _needs_retry(choice, request):
        return retry.ask(wire, config, message, choice.suite, choice.group)
    return _answer(wire, config, request, choice)


def second_client_hello(
    wire: Wire, state: WaitSecondClientHello, message: ClientHello
) -> AfterFlight | AwaitingSignature:
    """§4.2.2: the hello again, with the share that was asked for and else unchanged."""
    wire.require_record_boundary()
    wire.stop_skipping_early_data()
    return _go_on(wire, state, _read(message))


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


def _read(hello: ClientHello) -> Request:
    """Checks everything about a ClientHello that does not hang on the configuration. §4.2.2, §4.3, §9.2"""
    name = "client_hello"
    versions = SupportedVersions.client_hello.find(hello.extensions)
    if versions is None or ProtocolVersion.TLS13 not in versions:
        raise UnsupportedVersion(versions or [hello.legacy_version], [ProtocolVersion.TLS13], message=name)
    if hello.legacy_version is not ProtocolVersion.TLS12:
        raise UnsupportedVersion([hello.legacy_version], ["legacy_version TLS12"], message=name)
    if hello.legacy_compression_methods != b"\0":
        raise IllegalCompression("legacy_compression_methods is not the null method alone", message=name)
    check_places(name, hello.extensions)
    by_psk = check_offer(hello) is not None
    groups = SupportedGroups.client_hello.find(hello.extensions)
    shares = KeyShare.client_hello.find(hello.extensions)
    schemes = SignatureAlgorithms.client_hello.find(hello.extensions)
    if not by_psk or shares is not None:
        groups = require(groups, ExtensionType.supported_groups, name)
    if not by_psk or groups is not None:
        shares = require(shares, ExtensionType.key_share, name)
    if not by_psk:
        schemes = require(schemes, ExtensionType.signature_algorithms, name)
    check_key_shares(shares or [], groups or [])
    check_record_size_limit(RecordSizeLimit.client_hello.find(hello.extensions), name)
    check_max_fragment_length(MaxFragmentLengthNegotiation.client_hello.find(hello.extensions), name)
    server_name = requested_server_name(ServerNameIndication.client_hello.find(hello.extensions))
    certificate_schemes = SignatureAlgorithmsCert.client_hello.find(hello.extensions) or schemes or []
    return Request(hello, groups or [], shares or [], schemes, certificate_schemes, server_name)


def _common_suites(config: ServerConfig, hello: ClientHello) -> list[Suite]:
    common = [SUITES[each] for each in config.cipher_suites if each in hello.cipher_suites]
    if not common:
        raise NoCommonCipherSuite(hello.cipher_suites, config.cipher_suites, message="client_hello")
    return common


def _choose(
    wire: Wire, config: ServerConfig, request: Request, suites: Sequence[Suite], memory: RetryMemory | None = None
) -> Choice:
    """A known key if there is one, and what goes with it; else what goes with a certificate. §4.2.1

    The key's binder is checked before anything hangs on it (§4.3.11). A ticket is used up when the answer follows.
    """
    selected = select(config, request.hello, request.server_name, suites, config.clock())
    if selected is not None:
        check_binder(wire, selected, wire.received)
        plain = exchange_mode(config, request.hello) is PskKeyExchangeMode.psk_ke
        group = None if plain else _choose_group(config, request)
        choice = Choice(selected.suite, group, selected, memory)
        if _needs_retry(choice, request) or _spend(config, selected):
            return choice
    _require_certificates(config, request)
    return Choice(suites[0], _choose_group(config, request), None, memory)


def _needs_retry(choice: Choice, request: Request) -> bool:
    return choice.group is not None and all(each.group != choice.group for each in request.shares)


def _spend(config: ServerConfig, selected: SelectedPsk) -> bool:
    """Whether the ticket may be used, this once more."""
    return selected.ticket is None or config.ticket_store.spend(selected.psk.identity, config.clock())


def _require_certificates(config: ServerConfig, request: Request) -> None:
    """Both sides can do without a PSK. Raises NoCommonPsk, UnknownPskIdentity, MissingExtension. §4.3.11, §9.2"""
    if not config.credentials:
        if PreSharedKey.client_hello.find(request.hello.extensions) is None:
            raise NoCommonPsk("the client offers no PSK, and this server has no certificate", message="client_hello")
        if PskKeyExchangeMode.psk_dhe_ke in (PskKeyExchangeModes.client_hello.find(request.hello.extensions) or []):
            # Says so if the groups are what stands in the way. §4.2.1
            _choose_group(config, request)
        raise UnknownPskIdentity("none of the offered PSKs is known here, or may be used", message="client_hello")
    require(request.schemes, ExtensionType.signature_algorithms, "client_hello")


def _choose_group(config: ServerConfig, request: Request) -> NamedGroup:
    """The first of the server's groups that has a share; the first in common, at the price of a retry. §4.2.1"""
    if not request.groups:
        raise MissingExtension("supported_groups is missing", message="client_hello")
    common = [group for group in config.groups if group in request.groups]
    if not common:
        raise NoCommonGroup(request.groups, config.groups, message="client_hello")
    return first_in_common(common, {each.group for each in request.shares}) or common[0]


def _go_on(wire: Wire, state: WaitSecondClientHello, request: Request) -> AfterFlight | AwaitingSignature:
    """The second hello is read: it must be the first again, with the share that was asked for. §4.2.2"""
    memory = retry.remembered(wire, state, request.hello)
    if memory.cipher_suite not in state.config.cipher_suites:
        raise NoCommonCipherSuite([memory.cipher_suite], state.config.cipher_suites, message="client_hello")
    if memory.selected_group not in state.config.groups:
        raise NoCommonGroup([memory.selected_group], state.config.groups, message="client_hello")
    retry.check_unchanged(wire, memory, state.hello, request.hello)
    retry.check_share(memory.selected_group, request.shares)
    choice = _choose(wire, state.config, request, [SUITES[memory.cipher_suite]], memory)
    return _answer(wire, state.config, request, choice)


def _answer(wire: Wire, config: ServerConfig, request: Request, choice: Choice) -> AfterFlight | AwaitingSignature:
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
