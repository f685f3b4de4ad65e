"""The client's side of the handshake. RFC 9846 §4, appendix A.1

Each handler takes the state and the message that it allows, and gives the next state.
"""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Mapping

from schemas.certificate import Certificate
from schemas.code_points import (
    CipherSuite,
    ExtensionType,
    NamedGroup,
    ProtocolVersion,
    PskKeyExchangeMode,
)
from schemas.derived import ServerCertificateVerifyContent
from schemas.errors import EncodeError
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    Cookie,
    KeyShare,
    KeyShareEntry,
    PskKeyExchangeModes,
    ServerName,
    ServerNameIndication,
    SignatureAlgorithms,
    SignatureAlgorithmsCert,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    Finished,
    HelloRetryRequest,
    ServerHello,
)
from tls13.certificates import public_key_of
from tls13.config import ClientConfig
from tls13.crypto.aead import SUITES, Suite
from tls13.crypto.groups import GROUPS, PrivateShare
from tls13.errors import (
    BadFinished,
    ChangedParameter,
    EmptyCertificate,
    ForbiddenSignatureScheme,
    ForbiddenValue,
    IllegalCompression,
    UnofferedParameter,
    UnsupportedHandshake,
    UnsupportedVersion,
    UselessRetry,
    WrongSessionIdEcho,
)
from tls13.events import HandshakeCompleted, Negotiated
from tls13.handshake.negotiation import check_places, check_responses, require
from tls13.handshake.reading import older_server_hello
from tls13.handshake.secrets import check_length, derive_application_secrets, derive_handshake_keys
from tls13.handshake.states import (
    ClientConnected,
    Established,
    Offer,
    ServerIdentity,
    WaitCertificate,
    WaitCertificateOrRequest,
    WaitCertificateVerify,
    WaitEncryptedExtensions,
    WaitServerFinished,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)
from tls13.key_schedule import verify_data
from tls13.server_name import ServerName as HostName
from tls13.server_name import parse_server_name, server_name_for_sni
from tls13.trust import CERTIFICATE_SIGNATURE_SCHEMES
from tls13.wire import Wire


def start(wire: Wire, config: ClientConfig, server_name: str) -> WaitServerHello:
    """START: sends ClientHello. RFC 9846 §4.2.2. Raises ConfigurationError for what is no server name."""
    name = parse_server_name(server_name)
    random = wire.random(32)
    session_id = wire.random(32) if config.middlebox_compatibility else b""
    shares = {group: GROUPS[group].generate(wire.random) for group in config.groups[: config.key_shares]}
    hello = ClientHello(
        random=random,
        legacy_session_id=session_id,
        cipher_suites=list(config.cipher_suites),
        extensions=_hello_extensions(config, name, shares),
    )
    # The first hello says 0x0301 for servers that choke on anything newer. §5.1
    sent = _send_hello(wire, hello, ProtocolVersion.TLS10)
    return WaitServerHello(Offer(config, name, sent, shares))


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
    entry = require(KeyShare.server_hello.find(message.extensions), ExtensionType.key_share, "server_hello")
    if entry.group not in offer.shares:
        raise UnofferedParameter(f"a key share for {entry.group}, for which none was sent", message="server_hello")
    shared_secret = offer.shares[entry.group].agree(entry.key_exchange)
    wire.transcript.select_hash(suite.hash_name)
    keys = derive_handshake_keys(wire, suite, entry.group, shared_secret)
    wire.read_under(suite, keys.server_secret)
    if offer.hello.legacy_session_id:
        wire.send_change_cipher_spec()
    wire.write_under(suite, keys.client_secret)
    return WaitEncryptedExtensions(offer, keys)


def hello_retry_request(wire: Wire, state: WaitServerHello, message: HelloRetryRequest) -> WaitServerHelloAfterRetry:
    """§4.2.4: the server wants another key share, or a cookie sent back."""
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
    shares = offer.shares if group is None else _share_on_request(wire, offer, group)
    wire.transcript.replace_client_hello_1(suite.hash_name)
    if offer.hello.legacy_session_id:
        wire.send_change_cipher_spec()
    try:
        hello = dataclasses.replace(offer.hello, extensions=_second_extensions(offer.hello, shares, cookie))
    except EncodeError as error:
        raise ForbiddenValue("the cookie does not fit into a ClientHello", message="hello_retry_request") from error
    sent = _send_hello(wire, hello, ProtocolVersion.TLS12)
    return WaitServerHelloAfterRetry(dataclasses.replace(offer, hello=sent, shares=shares, retry=message))


def encrypted_extensions(
    wire: Wire, state: WaitEncryptedExtensions, message: EncryptedExtensions
) -> WaitCertificateOrRequest:
    """§4.4.1: answers to what was offered, to nothing else."""
    offer = state.offer
    check_responses("encrypted_extensions", message.extensions, offer.hello.extensions)
    chosen = ApplicationLayerProtocolNegotiation.encrypted_extensions.find(message.extensions)
    offered = ApplicationLayerProtocolNegotiation.client_hello.find(offer.hello.extensions) or []
    if chosen is not None and (len(chosen) != 1 or chosen[0] not in offered):
        raise UnofferedParameter("ALPN names none, or several, of what was offered", message="encrypted_extensions")
    protocol = None if chosen is None else chosen[0].decode("latin-1")
    return WaitCertificateOrRequest(offer, state.keys, protocol)


def certificate_request(wire: Wire, state: WaitCertificateOrRequest, message: CertificateRequest) -> WaitCertificate:
    """§4.4.2: the server wants to know who the client is. This client will answer that it has no certificate."""
    if message.certificate_request_context:
        raise ForbiddenValue("certificate_request_context is not empty", message="certificate_request")
    check_places("certificate_request", message.extensions)
    require(
        SignatureAlgorithms.certificate_request.find(message.extensions),
        ExtensionType.signature_algorithms,
        "certificate_request",
    )
    return WaitCertificate(state.offer, state.keys, state.application_protocol, message)


def certificate(
    wire: Wire, state: WaitCertificateOrRequest | WaitCertificate, message: Certificate
) -> WaitCertificateVerify:
    """§4.5.1: who the server says it is. The trust policy decides whether to believe it."""
    offer = state.offer
    if message.certificate_request_context:
        raise ForbiddenValue("certificate_request_context is not empty", message="certificate")
    if not message.certificate_list:
        raise EmptyCertificate("the server sent no certificate", message="certificate")
    extensions = [each for entry in message.certificate_list for each in entry.extensions]
    check_responses("certificate", extensions, offer.hello.extensions)
    chain = tuple(entry.cert_data for entry in message.certificate_list)
    offer.config.trust.verify_server(chain, offer.server_name, offer.config.clock())
    server = ServerIdentity(chain, public_key_of(chain[0]))
    request = state.request if isinstance(state, WaitCertificate) else None
    return WaitCertificateVerify(offer, state.keys, state.application_protocol, request, server)


def certificate_verify(wire: Wire, state: WaitCertificateVerify, message: CertificateVerify) -> WaitServerFinished:
    """§4.5.2: the server holds the certificate's private key."""
    scheme = message.algorithm
    offered = SignatureAlgorithms.client_hello.find(state.offer.hello.extensions) or []
    if scheme not in offered or scheme not in state.server.public_key.schemes:
        raise ForbiddenSignatureScheme(
            f"{scheme} was not offered, or is not for this certificate's key", message="certificate_verify"
        )
    content = ServerCertificateVerifyContent(transcript_hash=wire.transcript.hash_before_last())
    state.server.public_key.verify(scheme, message.signature, content.build())
    return WaitServerFinished(state.offer, state.keys, state.application_protocol, state.request, state.server, scheme)


def finished(wire: Wire, state: WaitServerFinished, message: Finished) -> ClientConnected:
    """§4.5.3: the server saw the same handshake. The client answers in kind, and is connected."""
    keys = state.keys
    check_length(message, keys.suite)
    expected = verify_data(keys.suite.hash_name, keys.server_secret, wire.transcript.hash_before_last())
    if not hmac.compare_digest(message.verify_data, expected):
        raise BadFinished("verify_data is wrong: the two sides saw different handshakes", message="finished")
    secrets = derive_application_secrets(wire, keys)
    wire.read_under(keys.suite, secrets.server_secret)
    if state.request is not None:
        wire.send(Certificate(certificate_list=[]))
    own = verify_data(keys.suite.hash_name, keys.client_secret, wire.transcript.hash())
    wire.send(Finished(verify_data=own))
    wire.write_under(keys.suite, secrets.client_secret)
    negotiated = _negotiated(state)
    wire.tell(HandshakeCompleted(negotiated))
    return ClientConnected(Established(negotiated, secrets.exporter_secret))


def _hello_extensions(
    config: ClientConfig, server_name: HostName, shares: Mapping[NamedGroup, PrivateShare]
) -> list[Extension]:
    extensions: list[Extension] = []
    host_name = server_name_for_sni(server_name)
    if host_name is not None:
        extensions.append(ServerNameIndication.client_hello([ServerName(name=host_name.encode("ascii"))]))
    extensions += [
        SupportedGroups.client_hello(list(config.groups)),
        KeyShare.client_hello(_entries(shares)),
        SupportedVersions.client_hello([ProtocolVersion.TLS13]),
        SignatureAlgorithms.client_hello(list(config.signature_schemes)),
        SignatureAlgorithmsCert.client_hello(list(CERTIFICATE_SIGNATURE_SCHEMES)),
        PskKeyExchangeModes.client_hello([PskKeyExchangeMode.psk_dhe_ke]),
    ]
    if config.application_protocols:
        names = [name.encode("ascii") for name in config.application_protocols]
        extensions.append(ApplicationLayerProtocolNegotiation.client_hello(names))
    return extensions


def _entries(shares: Mapping[NamedGroup, PrivateShare]) -> list[KeyShareEntry]:
    return [KeyShareEntry(group=group, key_exchange=each.share) for group, each in shares.items()]


def _send_hello(wire: Wire, hello: ClientHello, version: ProtocolVersion) -> ClientHello:
    sent = wire.send(hello)
    if not isinstance(sent, ClientHello):
        raise UnsupportedHandshake("the message editor made another message of client_hello", message="client_hello")
    wire.flush(version)
    return sent


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


def _share_on_request(wire: Wire, offer: Offer, group: NamedGroup) -> dict[NamedGroup, PrivateShare]:
    """A share for the group that HelloRetryRequest names. §4.3.8"""
    name = "hello_retry_request"
    if group not in (SupportedGroups.client_hello.find(offer.hello.extensions) or []):
        raise UnofferedParameter(f"group {group} was not offered", message=name)
    if group in offer.shares:
        raise UselessRetry(f"a key share for {group} was sent already", message=name)
    if group not in GROUPS:
        raise UnsupportedHandshake(f"group {group} was offered, but is not implemented", message=name)
    return {group: GROUPS[group].generate(wire.random)}


def _second_extensions(
    hello: ClientHello, shares: Mapping[NamedGroup, PrivateShare], cookie: bytes | None
) -> list[Extension]:
    """Those of the first hello with the changes that §4.2.2 permits."""
    changed = KeyShare.client_hello(_entries(shares))
    extensions = [
        changed if each.extension_type is ExtensionType.key_share else each for each in hello.extensions or []
    ]
    if cookie is not None:
        extensions.append(Cookie.client_hello(cookie))
    return extensions


def _negotiated(state: WaitServerFinished) -> Negotiated:
    return Negotiated(
        version=ProtocolVersion.TLS13,
        cipher_suite=state.keys.suite.cipher_suite,
        group=state.keys.group,
        signature_scheme=state.signature_scheme,
        server_name=str(state.offer.server_name),
        application_protocol=state.application_protocol,
        peer_certificates=state.server.chain,
        retried=state.offer.retry is not None,
    )
