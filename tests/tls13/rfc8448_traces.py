"""Endpoints for the traces of RFC 8448: ours, with the extensions and the randomness of NSS.

The traces' endpoints send some extensions and list some groups that ours do not by default: these are put in by
`edit_message`, as a test of anything unusual would. The salts of RSA-PSS are not in the traces, so an external signer
stands in: it checks what it is to sign and gives the trace's signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from schemas.certificate import Certificate
from schemas.code_points import CipherSuite, ExtensionType, NamedGroup, SignatureScheme
from schemas.extension_block import Extension
from schemas.extensions import (
    Cookie,
    Padding,
    RecordSizeLimit,
    ServerNameIndication,
    SignatureAlgorithms,
    SupportedGroups,
)
from schemas.handshake import ClientHello, EncryptedExtensions, Handshake, HandshakeMessage, HelloRetryRequest
from schemas.tls12_extensions import RenegotiationInfo, SessionTicket
from tls13.config import ClientConfig, MessageEditor, ServerConfig
from tls13.connection import Connection
from tls13.crypto import Random
from tls13.sessions import Session
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification

Trace = Mapping[str, bytes]
Traces = Mapping[str, Trace]

SUITES = (
    CipherSuite.TLS_AES_128_GCM_SHA256,
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_AES_256_GCM_SHA384,
)
SCHEMES = [
    SignatureScheme(number)
    for number in (
        *(0x0403, 0x0503, 0x0603, 0x0203, 0x0804, 0x0805, 0x0806, 0x0401),
        *(0x0501, 0x0601, 0x0201, 0x0402, 0x0502, 0x0602, 0x0202),
    )
]
MANY_GROUPS = [NamedGroup(number) for number in (0x1D, 0x17, 0x18, 0x19, 0x100, 0x101, 0x102, 0x103, 0x104)]
FEW_GROUPS = [NamedGroup.x25519, NamedGroup.secp256r1, NamedGroup(0x18)]

X25519_FIRST = (NamedGroup.x25519, NamedGroup.secp256r1)

NSS_ORDER = (
    ExtensionType.server_name,
    ExtensionType.renegotiation_info,
    ExtensionType.supported_groups,
    ExtensionType.session_ticket,
    ExtensionType.key_share,
    ExtensionType.early_data,
    ExtensionType.supported_versions,
    ExtensionType.signature_algorithms,
    ExtensionType.cookie,
    ExtensionType.psk_key_exchange_modes,
    ExtensionType.record_size_limit,
)
"""Of a ClientHello's extensions; padding and the PSKs come behind them."""


@dataclass(frozen=True)
class TraceSigner:
    """Signs one content, the trace's."""

    content: bytes
    signature: bytes
    schemes: Sequence[SignatureScheme] = (SignatureScheme.rsa_pss_rsae_sha256,)

    def sign(self, scheme: SignatureScheme, content: bytes) -> bytes:
        assert scheme is self.schemes[0]
        assert content == self.content
        return self.signature


def by_type(extensions: Iterable[Extension]) -> dict[ExtensionType, Extension]:
    return {each.extension_type: each for each in extensions}


def client_editor(groups: list[NamedGroup], *, session_ticket: bool = False) -> MessageEditor:
    """Our ClientHello with NSS's extensions in NSS's order; padded to 512 bytes after a retry, or with a PSK."""

    def edit(message: HandshakeMessage) -> HandshakeMessage:
        if not isinstance(message, ClientHello):
            return message
        found = by_type(message.extensions or []) | by_type(
            [
                RenegotiationInfo.client_hello(b""),
                SupportedGroups.client_hello(groups),
                *([SessionTicket.client_hello(b"")] if session_ticket else []),
                SignatureAlgorithms.client_hello(SCHEMES),
                RecordSizeLimit.client_hello(0x4001),
            ]
        )
        theirs = [found[each] for each in NSS_ORDER if each in found]
        psks = [found[ExtensionType.pre_shared_key]] if ExtensionType.pre_shared_key in found else []
        if psks or ExtensionType.cookie in found:
            short = Handshake.of(replace(message, extensions=theirs + psks)).build()
            theirs.append(Padding.client_hello(bytes(512 - len(short) - 4)))
        return replace(message, extensions=theirs + psks)

    return edit


def server_editor(groups: list[NamedGroup], cookie: bytes = b"") -> MessageEditor:
    """What NSS's server adds: its groups, its thanks for the name, a cookie."""

    def edit(message: HandshakeMessage) -> HandshakeMessage:
        if isinstance(message, HelloRetryRequest):
            ours = by_type(message.extensions)
            asked = ours[ExtensionType.key_share], Cookie.hello_retry_request(cookie)
            return replace(message, extensions=[*asked, ours[ExtensionType.supported_versions]])
        if isinstance(message, EncryptedExtensions):
            assert message.extensions == [RecordSizeLimit.encrypted_extensions(0x4001)]
            return EncryptedExtensions(
                extensions=[
                    SupportedGroups.encrypted_extensions(groups),
                    RecordSizeLimit.encrypted_extensions(0x4001),
                    ServerNameIndication.encrypted_extensions(b""),
                ]
            )
        return message

    return edit


def client_for(random: Random, editor: MessageEditor, session: Session | None = None, **settings: Any) -> Connection:
    config = ClientConfig(
        key_shares=1,
        trust=NoVerification(),
        cipher_suites=SUITES,
        groups=X25519_FIRST,
        random=random,
        edit_message=editor,
        **{"middlebox_compatibility": False, **settings},
    )
    return Connection.client(config, "server", session)


def server_for(
    given: Trace,
    random: Random,
    editor: MessageEditor,
    groups: tuple[NamedGroup, ...],
    scheme: SignatureScheme = SignatureScheme.rsa_pss_rsae_sha256,
    **settings: Any,
) -> Connection:
    certificate = Handshake.parse(given["message_server_certificate"]).message
    assert isinstance(certificate, Certificate)
    chain = tuple(each.cert_data for each in certificate.certificate_list)
    signer = TraceSigner(given["server_message_to_sign"], given["server_message_signature"], (scheme,))
    config = ServerConfig(
        credentials=(Credential(chain, signer),),
        cipher_suites=SUITES,
        groups=groups,
        random=random,
        edit_message=editor,
        tickets=0,
        **settings,
    )
    return Connection.server(config)
