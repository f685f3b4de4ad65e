"""The client's side of the handshake. RFC 9846 §4, appendix A.1

Each handler takes the state and the message that it allows, and gives the next state.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from schemas.certificate import Certificate
from schemas.code_points import CipherSuite, ExtensionType, NamedGroup, ProtocolVersion, PskKeyExchangeMode
from schemas.derived import ClientCertificateVerifyContent, ServerCertificateVerifyContent
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    Cookie,
    EarlyDataIndication,
    KeyShare,
    MaxFragmentLengthNegotiation,
    PostHandshakeAuth,
    PreSharedKey,
    PskKeyExchangeModes,
    RecordSizeLimit,
    SignatureAlgorithms,
    SupportedVersions,
)
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    HelloRetryRequest,
    ServerHello,
)
from tls13.config import ClientConfig
from tls13.crypto.aead import SUITES, Suite
from tls13.errors import (
    ChangedParameter,
    EmptyCertificate,
    ForbiddenValue,
    IllegalCompression,
    NoCommonPsk,
    TooManyMessages,
    UnexpectedMessage,
    UnofferedParameter,
    UnsupportedHandshake,
    UnsupportedVersion,
    UselessRetry,
    WrongSessionIdEcho,
)
from tls13.events import EarlyData, EarlyDataRejected, HandshakeCompleted, Negotiated
from tls13.handshake import client_hello
from tls13.handshake.authentication import chain_in, check_request, check_signature, credential_for, identity_of, prove
from tls13.handshake.negotiation import check_responses, require
from tls13.handshake.reading import older_server_hello
from tls13.handshake.record_size import check_record_size_limit, limit_fragments, limit_records
from tls13.handshake.secrets import (
    check_finished,
    derive_application_secrets,
    derive_handshake_keys,
    derive_resumption_secret,
)
from tls13.handshake.states import (
    Agreed,
    AwaitingSignature,
    ClientConnected,
    Established,
    Offer,
    OfferedPsk,
    WaitCertificate,
    WaitCertificateOrRequest,
    WaitCertificateVerify,
    WaitEncryptedExtensions,
    WaitServerFinished,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)
from tls13.key_schedule import verify_data
from tls13.sessions import Session
from tls13.wire import Wire
from tls13.x509.server_name import parse_server_name


def start(wire: Wire, config: ClientConfig, server_name: str, session: Session | None) -> WaitServerHello:
    """START: sends ClientHello. RFC 9846 §4.2.2. Raises ConfigurationError for what is no server name."""
    return WaitServerHello(client_hello.first(wire, config, parse_server_name(server_name), session))


def server_hello(
    wire: Wire, state: WaitServerHello | WaitServerHelloAfterRetry, message: ServerHello
) -> WaitEncryptedExtensions:
    """§4.2.3: the key exchange is complete, and from here on everything is protected."""
    offer = state.offer
    version = SupportedVersions.server_hello.find(message.extensions)
    if version is None:
        offered = SupportedVersions.client_hello.find(offer.hello.extensions) or []
        raise older_server_hello(message.random, message.legacy_version, offered)
    suite = _check_hello(offer, message, version)
    check_responses("server_hello", message.extensions, offer.hello.extensions)
    if offer.retry is not None and message.cipher_suite != offer.retry.cipher_suite:
        raise ChangedParameter("cipher_suite is not that of hello_retry_request", message="server_hello")
    selected = _selected_psk(offer, message, suite)
    group, shared_secret = _key_exchange(offer, message, selected)
    wire.transcript.select_hash(suite.hash_name)
    keys = derive_handshake_keys(wire, suite, group, shared_secret, None if selected is None else selected.psk)
    wire.read_under(suite, keys.server_secret)
    if offer.hello.legacy_session_id:
        wire.send_change_cipher_spec()
    # Early data goes on until the server says in EncryptedExtensions whether it takes any.
    if wire.early_data_room is not None and selected is not offer.psks[0]:
        _give_early_data_back(wire)
    if wire.early_data_room is None:
        wire.write_under(suite, keys.client_secret)
    return WaitEncryptedExtensions(offer, keys, selected)


def hello_retry_request(wire: Wire, state: WaitServerHello, message: HelloRetryRequest) -> WaitServerHelloAfterRetry:
    """§4.2.4: the server wants another key share, or a cookie sent back. Early data is refused by that."""
    wire.require_record_boundary()
    offer = state.offer
    version = require(
        SupportedVersions.hello_retry_request.find(message.extensions),
        ExtensionType.supported_versions,
        "hello_retry_request",
    )
    suite = _check_hello(offer, message, version)
    check_responses("hello_retry_request", message.extensions, offer.hello.extensions)
    group = KeyShare.hello_retry_request.find(message.extensions)
    cookie = Cookie.hello_retry_request.find(message.extensions)
    if group is None and cookie is None:
        raise UselessRetry("it asks for no change", message="hello_retry_request")
    shares = offer.shares if group is None else client_hello.share_on_request(wire, offer, group)
    wire.transcript.replace_client_hello_1(suite.hash_name)
    if offer.hello.legacy_session_id:
        wire.send_change_cipher_spec()
    if offer.early is not None:
        wire.write_in_the_clear()
        _give_early_data_back(wire)
    again = client_hello.second(wire, offer, shares, cookie, suite.hash_name)
    return WaitServerHelloAfterRetry(dataclasses.replace(again, retry=message))


def encrypted_extensions(
    wire: Wire, state: WaitEncryptedExtensions, message: EncryptedExtensions
) -> WaitCertificateOrRequest | WaitServerFinished:
    """§4.4.1: answers to what was offered, to nothing else."""
    offer, keys = state.offer, state.keys
    check_responses("encrypted_extensions", message.extensions, offer.hello.extensions)
    protocol = _application_protocol(offer, message)
    _agree_on_record_size(wire, offer, message)
    early_data = _early_data_answer(wire, state, message, protocol)
    agreed = Agreed(keys, state.selected, protocol, early_data)
    if state.selected is None:
        return WaitCertificateOrRequest(offer, agreed)
    return WaitServerFinished(offer, agreed)


def certificate_request(wire: Wire, state: WaitCertificateOrRequest, message: CertificateRequest) -> WaitCertificate:
    """§4.4.2: the server wants to know who the client is."""
    if message.certificate_request_context:
        raise ForbiddenValue("certificate_request_context is not empty", message="certificate_request")
    check_request(message)
    return WaitCertificate(state.offer, state.agreed, message)


def certificate(
    wire: Wire, state: WaitCertificateOrRequest | WaitCertificate, message: Certificate
) -> WaitCertificateVerify:
    """§4.5.1: who the server says it is. The trust policy decides whether to believe it."""
    offer = state.offer
    chain = chain_in(wire, message, offer.hello.extensions)
    if not chain:
        raise EmptyCertificate("the server sent no certificate", message="certificate")
    if offer.config.trust is None:
        raise UnexpectedMessage("a certificate, though no signature scheme was offered", message="certificate")
    server = identity_of(wire, chain)
    offer.config.trust.verify_server(chain, offer.server_name, offer.config.clock())
    request = state.request if isinstance(state, WaitCertificate) else None
    return WaitCertificateVerify(offer, state.agreed, request, server)


def certificate_verify(wire: Wire, state: WaitCertificateVerify, message: CertificateVerify) -> WaitServerFinished:
    """§4.5.2: the server holds the certificate's private key."""
    offered = SignatureAlgorithms.client_hello.find(state.offer.hello.extensions) or []
    check_signature(wire, message, state.server, offered, ServerCertificateVerifyContent)
    return WaitServerFinished(state.offer, state.agreed, state.request, state.server, message.algorithm)


def finished(wire: Wire, state: WaitServerFinished, message: Finished) -> ClientConnected | AwaitingSignature:
    """§4.5.3: the server saw the same handshake. The client answers in kind, and is connected."""
    keys = state.agreed.keys
    check_finished(message, keys.suite, keys.server_secret, wire.transcript.hash_before_last())
    secrets = derive_application_secrets(wire, keys)
    wire.read_under(keys.suite, secrets.server_secret)
    if state.agreed.early_data is EarlyData.accepted:
        wire.end_early_data()
        wire.send(EndOfEarlyData())
        wire.write_under(keys.suite, keys.client_secret)

    def finish() -> ClientConnected:
        own = verify_data(keys.suite.hash_name, keys.client_secret, wire.transcript.hash())
        wire.send(Finished(verify_data=own))
        wire.write_under(keys.suite, secrets.client_secret)
        negotiated = _negotiated(state)
        wire.tell(HandshakeCompleted(negotiated))
        resumption_secret = derive_resumption_secret(wire, secrets)
        transcript = wire.transcript.fork()
        early = state.offer.early if state.agreed.early_data is EarlyData.accepted else None
        established = Established(negotiated, secrets.exporter_secret, resumption_secret, transcript, early)
        return ClientConnected(established, state.offer)

    if state.request is None:
        return finish()
    return _answer_request(wire, state.offer, state.request, finish, before=None)


def late_certificate_request(
    wire: Wire, state: ClientConnected, message: CertificateRequest
) -> ClientConnected | AwaitingSignature:
    """§4.7.2: the server wants to know now who the client is."""
    context = message.certificate_request_context
    if PostHandshakeAuth.client_hello.find(state.offer.hello.extensions) is None:
        raise UnexpectedMessage("post_handshake_auth was not offered", message="certificate_request")
    if state.established.negotiated.psk_identity is not None:
        raise UnexpectedMessage("the two sides know each other by an external PSK", message="certificate_request")
    if not context or context in state.contexts:
        raise ForbiddenValue("certificate_request_context is not unique", message="certificate_request")
    if len(state.contexts) >= wire.config.limits.certificate_requests:
        raise TooManyMessages(f"more than {wire.config.limits.certificate_requests} late certificate requests")
    check_request(message)
    wire.flush()
    wire.transcript = state.established.transcript.fork()
    wire.transcript.add(wire.received)

    def finish() -> ClientConnected:
        if wire.writing is None:
            raise RuntimeError("no key to authenticate with")
        suite, secret = wire.writing.suite, wire.writing.traffic_secret
        wire.send(Finished(verify_data=verify_data(suite.hash_name, secret, wire.transcript.hash())))
        wire.flush()
        return dataclasses.replace(state, contexts=state.contexts | {context})

    return _answer_request(wire, state.offer, message, finish, before=state)


def _answer_request(
    wire: Wire,
    offer: Offer,
    request: CertificateRequest,
    finish: Callable[[], ClientConnected],
    *,
    before: ClientConnected | None,
) -> ClientConnected | AwaitingSignature:
    """Certificate, CertificateVerify where there is one to show, and whatever `finish` does. §4.5.1"""
    chosen = credential_for(request, offer.config.credentials)
    context = request.certificate_request_context
    if chosen is None:
        wire.send(Certificate(certificate_request_context=context, certificate_list=[]))
        return finish()
    return prove(wire, chosen, ClientCertificateVerifyContent, finish, context=context, before=before)


def _give_early_data_back(wire: Wire) -> None:
    """The server takes none. What was sent of it goes back to the caller. §4.3.10"""
    sent = wire.end_early_data()
    if sent:
        wire.tell(EarlyDataRejected(sent))


def _selected_psk(offer: Offer, message: ServerHello, suite: Suite) -> OfferedPsk | None:
    """The key that the server took. §4.3.11"""
    index = PreSharedKey.server_hello.find(message.extensions)
    if index is None:
        if offer.config.trust is None:
            raise NoCommonPsk("the server took none of the PSKs, and no certificate will do", message="server_hello")
        return None
    if index >= len(offer.psks):
        raise UnofferedParameter(f"selected_identity is {index} of {len(offer.psks)}", message="server_hello")
    selected = offer.psks[index]
    if selected.psk.hash_name != suite.hash_name:
        raise UnofferedParameter(
            f"cipher suite {suite.cipher_suite} does not go with the selected PSK, which is for "
            f"{selected.psk.hash_name}",
            message="server_hello",
        )
    return selected


def _key_exchange(
    offer: Offer, message: ServerHello, selected: OfferedPsk | None
) -> tuple[NamedGroup | None, bytes | None]:
    """Group and shared secret; neither where the PSK alone is the key exchange. §4.3.8, §4.3.9"""
    entry = KeyShare.server_hello.find(message.extensions)
    modes = PskKeyExchangeModes.client_hello.find(offer.hello.extensions) or []
    if selected is not None:
        mode = PskKeyExchangeMode.psk_ke if entry is None else PskKeyExchangeMode.psk_dhe_ke
        if mode not in modes:
            raise UnofferedParameter(f"key exchange mode {mode} was not offered", message="server_hello")
        if entry is None:
            return None, None
    entry = require(entry, ExtensionType.key_share, "server_hello")
    if entry.group not in offer.shares:
        raise UnofferedParameter(f"a key share for {entry.group}, for which none was sent", message="server_hello")
    asked = None if offer.retry is None else KeyShare.hello_retry_request.find(offer.retry.extensions)
    if asked is not None and entry.group is not asked:
        raise ChangedParameter(f"a key share for {entry.group}, where {asked} was asked for", message="server_hello")
    return entry.group, offer.shares[entry.group].agree(entry.key_exchange)


def _application_protocol(offer: Offer, message: EncryptedExtensions) -> str | None:
    chosen = ApplicationLayerProtocolNegotiation.encrypted_extensions.find(message.extensions)
    offered = ApplicationLayerProtocolNegotiation.client_hello.find(offer.hello.extensions) or []
    if chosen is not None and (len(chosen) != 1 or chosen[0] not in offered):
        raise UnofferedParameter("ALPN names none, or several, of what was offered", message="encrypted_extensions")
    return None if chosen is None else chosen[0].decode("latin-1")


def _agree_on_record_size(wire: Wire, offer: Offer, message: EncryptedExtensions) -> None:
    """RFC 8449 §4, RFC 6066 §4."""
    theirs = RecordSizeLimit.encrypted_extensions.find(message.extensions)
    length = MaxFragmentLengthNegotiation.encrypted_extensions.find(message.extensions)
    if theirs is not None and length is not None:
        raise ForbiddenValue("both record_size_limit and max_fragment_length", message="encrypted_extensions")
    if theirs is not None:
        check_record_size_limit(theirs, "encrypted_extensions")
        limit_records(wire, theirs, RecordSizeLimit.client_hello.find(offer.hello.extensions))
    if length is not None:
        if length is not MaxFragmentLengthNegotiation.client_hello.find(offer.hello.extensions):
            raise UnofferedParameter("max_fragment_length is not what was asked for", message="encrypted_extensions")
        limit_fragments(wire, length)


def _early_data_answer(
    wire: Wire, state: WaitEncryptedExtensions, message: EncryptedExtensions, protocol: str | None
) -> EarlyData:
    """What becomes of the early data. §4.3.10"""
    offer = state.offer
    accepted = EarlyDataIndication.encrypted_extensions.find(message.extensions) is not None
    if offer.early is None:
        return EarlyData.not_sent
    if wire.early_data_room is None:
        if accepted:
            raise UnofferedParameter("early_data under another PSK than the first", message="encrypted_extensions")
        return EarlyData.rejected
    if not accepted:
        _give_early_data_back(wire)
        wire.write_under(state.keys.suite, state.keys.client_secret)
        return EarlyData.rejected
    terms = offer.psks[0].psk.early_data
    if terms is None or terms.cipher_suite != state.keys.suite.cipher_suite or terms.application_protocol != protocol:
        raise UnofferedParameter(
            "early_data with another cipher suite or protocol than the session's", message="encrypted_extensions"
        )
    return EarlyData.accepted


def _check_hello(offer: Offer, message: ServerHello | HelloRetryRequest, version: ProtocolVersion) -> Suite:
    """What ServerHello and HelloRetryRequest have to fulfil alike; gives the suite. §4.2.3, §4.2.4"""
    name = "server_hello" if isinstance(message, ServerHello) else "hello_retry_request"
    if version is not ProtocolVersion.TLS13:
        raise UnofferedParameter(f"selected_version is {version}, which was not offered", message=name)
    if message.legacy_version is not ProtocolVersion.TLS12:
        raise UnsupportedVersion([message.legacy_version], ["legacy_version TLS12"], message=name)
    if message.legacy_session_id_echo != offer.hello.legacy_session_id:
        raise WrongSessionIdEcho("legacy_session_id_echo is not what client_hello said", message=name)
    if message.legacy_compression_method != 0:
        raise IllegalCompression(f"compression method {message.legacy_compression_method}", message=name)
    return _offered_suite(offer, message.cipher_suite, name)


def _offered_suite(offer: Offer, chosen: CipherSuite, name: str) -> Suite:
    if chosen not in offer.hello.cipher_suites:
        raise UnofferedParameter(f"cipher suite {chosen} was not offered", message=name)
    if chosen not in SUITES:
        raise UnsupportedHandshake(f"cipher suite {chosen} was offered, but is not implemented", message=name)
    return SUITES[chosen]


def _negotiated(state: WaitServerFinished) -> Negotiated:
    selected = state.agreed.selected
    session = None if selected is None else selected.session
    validated = () if session is None else session.peer_certificates
    return Negotiated(
        version=ProtocolVersion.TLS13,
        cipher_suite=state.agreed.keys.suite.cipher_suite,
        group=state.agreed.keys.group,
        signature_scheme=state.signature_scheme,
        server_name=str(state.offer.server_name),
        application_protocol=state.agreed.application_protocol,
        peer_certificates=validated if state.server is None else state.server.chain,
        retried=state.offer.retry is not None,
        resumed=session is not None,
        psk_identity=selected.psk.identity if selected is not None and session is None else None,
        early_data=state.agreed.early_data,
    )
