"""The extensions that only TLS 1.2 and older negotiate, a row each. A client of all versions offers them too.

In TLS 1.3 they may stand in a ClientHello and nowhere else.
"""

from __future__ import annotations

from schemas.code_points import CertificateStatusType, ECPointFormat, ExtensionType
from schemas.extension_block import body, extension
from schemas.extensions import OCSPStatusRequest
from schemas.vocabulary import (
    CodePoint,
    Struct,
    empty,
    field,
    opaque,
    repeated,
    rest,
    select,
    struct,
    uint8,
    uint16,
    vector,
)


@extension(ExtensionType.ec_point_formats, "RFC 8422 §5.1.2", "how points on a curve may be written")
class ECPointFormats:
    client_hello = body(vector(ECPointFormat, 1, 2**8 - 1))
    tls12_server_hello = body(vector(ECPointFormat, 1, 2**8 - 1))


@extension(ExtensionType.encrypt_then_mac, "RFC 7366 §2", "the MAC of CBC suites covers the ciphertext")
class EncryptThenMac:
    client_hello = body(empty)
    tls12_server_hello = body(empty)


@extension(ExtensionType.extended_main_secret, "RFC 7627 §5.1", "the main secret depends on the whole handshake")
class ExtendedMainSecret:
    client_hello = body(empty)
    tls12_server_hello = body(empty)


@extension(ExtensionType.session_ticket, "RFC 5077 §3.2", "a ticket to resume with, or empty to ask for one")
class SessionTicket:
    client_hello = body(rest)
    tls12_server_hello = body(empty)


@extension(ExtensionType.renegotiation_info, "RFC 5746 §3.2", "ties a renegotiation to what it renegotiates")
class RenegotiationInfo:
    client_hello = body(opaque(0, 255))
    tls12_server_hello = body(opaque(0, 255))


@struct
class CertificateStatusRequestItemV2(Struct):
    """RFC 6961 §2.2. One way to prove that certificates are not revoked."""

    status_type: CertificateStatusType = field(CertificateStatusType, "how proven")
    request: OCSPStatusRequest | bytes = field(
        select(
            "status_type",
            {
                CertificateStatusType.ocsp: OCSPStatusRequest,
                CertificateStatusType.ocsp_multi_RESERVED: OCSPStatusRequest,
            },
            length=uint16,
            otherwise=rest,
        ),
        "what is asked",
    )


@extension(ExtensionType.status_request_v2, "RFC 6961 §2.2", "OCSP responses for each certificate of the chain")
class StatusRequestV2:
    client_hello = body(vector(CertificateStatusRequestItemV2, 1, 2**16 - 1))
    tls12_server_hello = body(empty)


@extension(ExtensionType.client_certificate_url, "RFC 6066 §5", "the client may send URLs of certificates")
class ClientCertificateURL:
    client_hello = body(empty)
    tls12_server_hello = body(empty)


class IdentifierType(CodePoint, width=1):
    """The IdentifierType enum, which has no registry. RFC 6066 §6."""

    pre_agreed = 0
    key_sha1_hash = 1
    x509_name = 2
    cert_sha1_hash = 3


@struct
class TrustedAuthority(Struct):
    """RFC 6066 §6. A root that the client trusts."""

    identifier_type: IdentifierType = field(IdentifierType, "how it is named")
    identifier: bytes = field(
        select(
            "identifier_type",
            {
                IdentifierType.pre_agreed: empty,
                IdentifierType.key_sha1_hash: opaque(20),
                IdentifierType.x509_name: opaque(1, 2**16 - 1),
                IdentifierType.cert_sha1_hash: opaque(20),
            },
        ),
        "its hash, or DER of its name",
    )


@extension(ExtensionType.trusted_ca_keys, "RFC 6066 §6", "the roots that the client trusts")
class TrustedCAKeys:
    client_hello = body(vector(TrustedAuthority, 0, 2**16 - 1))
    tls12_server_hello = body(empty)


@extension(ExtensionType.truncated_hmac, "RFC 6066 §7", "MACs of ten bytes")
class TruncatedHMAC:
    client_hello = body(empty)
    tls12_server_hello = body(empty)


class TokenBindingKeyParameters(CodePoint, width=1):
    """Token Binding Key Parameters. RFC 8472 §2. A `_` stands for the dot of `rsa2048_pkcs1.5`."""

    rsa2048_pkcs1_5 = 0
    rsa2048_pss = 1
    ecdsap256 = 2


@struct
class TBProtocolVersion(Struct):
    """RFC 8472 §2. A version of the Token Binding protocol."""

    major: int = field(uint8, "before the dot")
    minor: int = field(uint8, "behind it")


@struct
class TokenBindingParameters(Struct):
    """RFC 8472 §2. How tokens are bound to the connection."""

    token_binding_version: TBProtocolVersion = field(TBProtocolVersion, "the newest, or the one chosen")
    key_parameters_list: list[TokenBindingKeyParameters] = field(
        vector(TokenBindingKeyParameters, 1, 2**8 - 1), "most wanted first; one from a server"
    )


@extension(ExtensionType.token_binding, "RFC 8472 §2", "binds HTTP tokens to a key of the client's")
class TokenBinding:
    client_hello = body(TokenBindingParameters)
    tls12_server_hello = body(TokenBindingParameters)


@extension(
    ExtensionType.next_protocol_negotiation, "draft-agl-tls-nextprotoneg-04 §3", "what is spoken inside, before ALPN"
)
class NextProtocolNegotiation:
    client_hello = body(empty)
    tls12_server_hello = body(repeated(opaque(1, 255)))


@extension(ExtensionType.channel_id, "draft-balfanz-tls-channelid-01", "proves a key of the client's for the channel")
class ChannelID:
    client_hello = body(empty)
    tls12_server_hello = body(empty)


@extension(ExtensionType.channel_id_old, "draft-balfanz-tls-channelid-00", "the same under its first number")
class ChannelIDOld:
    client_hello = body(empty)
    tls12_server_hello = body(empty)
