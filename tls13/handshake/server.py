"""The server's side of the handshake. RFC 9846 §4, appendix A.2

Each handler takes the state and the message that it allows, and gives the next state.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import ExtensionType, NamedGroup, ProtocolVersion, PskKeyExchangeMode, SignatureScheme
from schemas.derived import ServerCertificateVerifyContent
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    Cookie,
    EarlyDataIndication,
    KeyShare,
    KeyShareEntry,
    PreSharedKey,
    PskKeyExchangeModes,
    ServerNameIndication,
    SignatureAlgorithms,
    SignatureAlgorithmsCert,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import (
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    Finished,
    HelloRetryRequest,
    NewSessionTicket,
    ServerHello,
)
from tls13.config import ServerConfig
from tls13.credentials import Credential
from tls13.crypto.aead import SUITES, Suite
from tls13.crypto.groups import GROUPS
from tls13.errors import (
    BadFinished,
    ChangedParameter,
    ForbiddenValue,
    IllegalCompression,
    NoCommonCipherSuite,
    NoCommonGroup,
    UnsupportedVersion,
)
from tls13.events import HandshakeCompleted, Negotiated
from tls13.handshake.negotiation import (
    check_key_shares,
    check_places,
    choose_application_protocol,
    choose_credential,
    first_in_common,
    requested_server_name,
    require,
)
from tls13.handshake.secrets import check_length, derive_application_secrets, derive_handshake_keys
from tls13.handshake.states import (
    Established,
    ServerConnected,
    ServerStart,
    WaitClientFinished,
    WaitSecondClientHello,
)
from tls13.key_schedule import verify_data
from tls13.wire import Wire

TICKET_LIFETIME = 7200
"""Seconds that a client may keep a ticket."""

MAY_CHANGE = frozenset(
    {
        ExtensionType.key_share,
        ExtensionType.early_data,
        ExtensionType.cookie,
        ExtensionType.pre_shared_key,
        ExtensionType.padding,
    }
)
"""Extensions that a second ClientHello may add, drop or change. RFC 9846 §4.2.2"""


@dataclass(frozen=True, slots=True)
class Request:
    """A ClientHello, read: everything that the server's choices hang on."""

    hello: ClientHello
    groups: Sequence[NamedGroup]
    shares: Sequence[KeyShareEntry]
    schemes: Sequence[SignatureScheme]
    certificate_schemes: Sequence[SignatureScheme]
    server_name: str | None


def client_hello(wire: Wire, state: ServerStart, message: ClientHello) -> WaitClientFinished | WaitSecondClientHello:
    """§4.2.2: chooses, and sends either all of the server's flight or a HelloRetryRequest."""
    wire.require_record_boundary()
    wire.client_random = message.random
    request = _read(message)
    config = state.config
    suite = _choose_suite(config, message)
    group = _choose_group(config, request)
    if EarlyDataIndication.client_hello.find(message.extensions) is not None:
        wire.skip_early_data(config.limits.early_data)
    if any(each.group == group for each in request.shares):
        return _answer(wire, config, request, suite, group, retried=False)
    cookie = _retry(wire, message, suite, group)
    return WaitSecondClientHello(config, message, cookie, suite, group)


def second_client_hello(wire: Wire, state: WaitSecondClientHello, message: ClientHello) -> WaitClientFinished:
    """§4.2.2: the hello again, with the share that was asked for and else unchanged."""
    wire.require_record_boundary()
    wire.stop_skipping_early_data()
    request = _read(message)
    _check_unchanged(state.hello, message, state.cookie)
    if [each.group for each in request.shares] != [state.group]:
        raise ChangedParameter(f"key_share is not one entry for {state.group}", message="client_hello")
    return _answer(wire, state.config, request, state.suite, state.group, retried=True)


def finished(wire: Wire, state: WaitClientFinished, message: Finished) -> ServerConnected:
    """§4.5.3: the client saw the same handshake. The server is connected."""
    keys = state.keys
    check_length(message, keys.suite)
    expected = verify_data(keys.suite.hash_name, keys.client_secret, wire.transcript.hash_before_last())
    if not hmac.compare_digest(message.verify_data, expected):
        raise BadFinished("verify_data is wrong: the two sides saw different handshakes", message="finished")
    wire.read_under(keys.suite, state.secrets.client_secret)
    wire.tell(HandshakeCompleted(state.negotiated))
    for number in range(state.config.tickets if state.takes_tickets else 0):
        wire.send_ticket(_ticket(wire, number))
    return ServerConnected(Established(state.negotiated, state.secrets.exporter_secret))


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
    _check_pre_shared_key(hello)
    groups = require(SupportedGroups.client_hello.find(hello.extensions), ExtensionType.supported_groups, name)
    shares = require(KeyShare.client_hello.find(hello.extensions), ExtensionType.key_share, name)
    check_key_shares(shares, groups)
    schemes = require(SignatureAlgorithms.client_hello.find(hello.extensions), ExtensionType.signature_algorithms, name)
    server_name = requested_server_name(ServerNameIndication.client_hello.find(hello.extensions))
    certificate_schemes = SignatureAlgorithmsCert.client_hello.find(hello.extensions) or schemes
    return Request(hello, groups, shares, schemes, certificate_schemes, server_name)


def _check_pre_shared_key(hello: ClientHello) -> None:
    """Its form, though no pre-shared key is ever selected. §4.3.9, §4.3.11"""
    extensions = hello.extensions or []
    offered = PreSharedKey.client_hello.find(extensions)
    if offered is None:
        return
    if extensions[-1].extension_type is not ExtensionType.pre_shared_key:
        raise ForbiddenValue("pre_shared_key is not the last extension", message="client_hello")
    if len(offered.identities) != len(offered.binders):
        raise ForbiddenValue("pre_shared_key has not one binder an identity", message="client_hello")
    require(PskKeyExchangeModes.client_hello.find(extensions), ExtensionType.psk_key_exchange_modes, "client_hello")


def _choose_suite(config: ServerConfig, hello: ClientHello) -> Suite:
    chosen = first_in_common(config.cipher_suites, hello.cipher_suites)
    if chosen is None:
        raise NoCommonCipherSuite(hello.cipher_suites, config.cipher_suites, message="client_hello")
    return SUITES[chosen]


def _choose_group(config: ServerConfig, request: Request) -> NamedGroup:
    """The first of the server's groups that has a share; the first in common, at the price of a retry. §4.2.1"""
    common = [group for group in config.groups if group in request.groups]
    if not common:
        raise NoCommonGroup(request.groups, config.groups, message="client_hello")
    return first_in_common(common, {each.group for each in request.shares}) or common[0]


def _retry(wire: Wire, hello: ClientHello, suite: Suite, group: NamedGroup) -> bytes | None:
    """Sends HelloRetryRequest; gives the cookie that stands in it if an editor has put one there."""
    wire.transcript.replace_client_hello_1(suite.hash_name)
    sent = wire.send(
        HelloRetryRequest(
            legacy_session_id_echo=hello.legacy_session_id,
            cipher_suite=suite.cipher_suite,
            extensions=[
                SupportedVersions.hello_retry_request(ProtocolVersion.TLS13),
                KeyShare.hello_retry_request(group),
            ],
        )
    )
    wire.flush()
    if hello.legacy_session_id:
        wire.send_change_cipher_spec()
    return Cookie.hello_retry_request.find(sent.extensions) if isinstance(sent, HelloRetryRequest) else None


def _check_unchanged(first: ClientHello, second: ClientHello, cookie: bytes | None) -> None:
    """Raises ChangedParameter for any change that §4.2.2 does not permit."""
    for name in ("legacy_version", "random", "legacy_session_id", "cipher_suites", "legacy_compression_methods"):
        if getattr(first, name) != getattr(second, name):
            raise ChangedParameter(f"{name} is not that of the first client_hello", message="client_hello")
    if _fixed(first) != _fixed(second):
        raise ChangedParameter("extensions are not those of the first client_hello", message="client_hello")
    if Cookie.client_hello.find(second.extensions) != cookie:
        raise ChangedParameter("cookie is not that of hello_retry_request", message="client_hello")
    had_psk, has_psk = (PreSharedKey.client_hello.find(each.extensions) is not None for each in (first, second))
    if has_psk and not had_psk:
        raise ChangedParameter("pre_shared_key is new in the second client_hello", message="client_hello")
    if EarlyDataIndication.client_hello.find(second.extensions) is not None:
        raise ChangedParameter("early_data stands in the second client_hello too", message="client_hello")


def _fixed(hello: ClientHello) -> list[Extension]:
    return [each for each in hello.extensions or [] if each.extension_type not in MAY_CHANGE]


def _answer(
    wire: Wire, config: ServerConfig, request: Request, suite: Suite, group: NamedGroup, *, retried: bool
) -> WaitClientFinished:
    """ServerHello up to the server's Finished. §2"""
    hello = request.hello
    credential, scheme = choose_credential(
        config.credentials,
        request.server_name,
        request.schemes,
        request.certificate_schemes,
        require_server_name=config.require_server_name,
    )
    protocol = choose_application_protocol(
        ApplicationLayerProtocolNegotiation.client_hello.find(hello.extensions), config.application_protocols
    )
    client_share = next(each.key_exchange for each in request.shares if each.group == group)
    random = wire.random(32)
    share, shared_secret = GROUPS[group].respond(wire.random, client_share)
    wire.send(_server_hello(hello, suite, random, KeyShareEntry(group=group, key_exchange=share)))
    wire.flush()
    if hello.legacy_session_id:
        wire.send_change_cipher_spec()
    wire.transcript.select_hash(suite.hash_name)
    keys = derive_handshake_keys(wire, suite, group, shared_secret)
    wire.write_under(suite, keys.server_secret)
    wire.read_under(suite, keys.client_secret)
    named = request.server_name is not None and credential.matches(request.server_name)
    wire.send(_encrypted_extensions(named=named, protocol=protocol))
    _authenticate(wire, credential, scheme)
    own = verify_data(suite.hash_name, keys.server_secret, wire.transcript.hash())
    wire.send(Finished(verify_data=own))
    secrets = derive_application_secrets(wire, keys)
    wire.write_under(suite, secrets.server_secret)
    negotiated = Negotiated(
        version=ProtocolVersion.TLS13,
        cipher_suite=suite.cipher_suite,
        group=group,
        signature_scheme=scheme,
        server_name=request.server_name,
        application_protocol=protocol,
        peer_certificates=(),
        retried=retried,
    )
    return WaitClientFinished(config, keys, secrets, negotiated, _takes_tickets(hello))


def _server_hello(hello: ClientHello, suite: Suite, random: bytes, share: KeyShareEntry) -> ServerHello:
    return ServerHello(
        random=random,
        legacy_session_id_echo=hello.legacy_session_id,
        cipher_suite=suite.cipher_suite,
        extensions=[
            KeyShare.server_hello(share),
            SupportedVersions.server_hello(ProtocolVersion.TLS13),
        ],
    )


def _encrypted_extensions(*, named: bool, protocol: str | None) -> EncryptedExtensions:
    """Answers: the name was used (RFC 6066 §3), the protocol chosen (RFC 7301 §3.1)."""
    extensions: list[Extension] = []
    if named:
        extensions.append(ServerNameIndication.encrypted_extensions(b""))
    if protocol is not None:
        chosen = [protocol.encode("ascii")]
        extensions.append(ApplicationLayerProtocolNegotiation.encrypted_extensions(chosen))
    return EncryptedExtensions(extensions=extensions)


def _authenticate(wire: Wire, credential: Credential, scheme: SignatureScheme) -> None:
    """Certificate and CertificateVerify. §4.5.1, §4.5.2"""
    entries = [CertificateEntry(cert_data=each) for each in credential.certificate_list]
    wire.send(Certificate(certificate_list=entries))
    content = ServerCertificateVerifyContent(transcript_hash=wire.transcript.hash())
    signature = credential.signer.sign(scheme, content.build())
    wire.send(CertificateVerify(algorithm=scheme, signature=signature))


def _takes_tickets(hello: ClientHello) -> bool:
    """A ticket may go only to a client that has said how it would use one. §4.7.1"""
    modes = PskKeyExchangeModes.client_hello.find(hello.extensions) or []
    return PskKeyExchangeMode.psk_dhe_ke in modes


def _ticket(wire: Wire, number: int) -> NewSessionTicket:
    """A ticket that names nothing: a client that offers it gets a full handshake."""
    return NewSessionTicket(
        ticket_lifetime=TICKET_LIFETIME,
        ticket_age_add=int.from_bytes(wire.random(4), "big"),
        ticket_nonce=bytes([number]),
        ticket=wire.random(32),
    )
