"""The extensions of TLS 1.3 that table 1 of RFC 9846 leaves out, a row each: not recommended, of DTLS, or of drafts."""

from __future__ import annotations

from schemas.code_points import ExtensionType
from schemas.extension_block import body, extension
from schemas.vocabulary import CodePoint, Struct, empty, field, opaque, rest, struct, vector


class CachedInformationType(CodePoint, width=1):
    """TLS CachedInformationType Values. RFC 7924 §3."""

    cert = 1
    cert_req = 2


@struct
class CachedObject(Struct):
    """RFC 7924 §3. Something that the client has from before."""

    type: CachedInformationType = field(CachedInformationType, "which message")
    hash_value: bytes = field(opaque(1, 255), "the start of its SHA-256")


@extension(ExtensionType.cached_info, "RFC 7924 §3", "messages that need not be sent in full again")
class CachedInfo:
    client_hello = body(vector(CachedObject, 1, 2**16 - 1))
    encrypted_extensions = body(vector(CachedInformationType, 1, 2**16 - 1))
    tls12_server_hello = body(vector(CachedInformationType, 1, 2**16 - 1))


@extension(ExtensionType.tls_cert_with_extern_psk, "RFC 9973 §5", "a certificate and an external PSK together")
class CertWithExternPSK:
    client_hello = body(empty)
    server_hello = body(empty)


@extension(ExtensionType.connection_id, "RFC 9146 §3", "what datagrams to the sender shall start with (DTLS)")
class ConnectionID:
    client_hello = body(opaque(0, 2**8 - 1))
    server_hello = body(opaque(0, 2**8 - 1))
    tls12_server_hello = body(opaque(0, 2**8 - 1))


@extension(ExtensionType.rrc, "RFC 9853 §3", "checks that a new address of the peer is its own (DTLS)")
class ReturnRoutabilityCheck:
    client_hello = body(empty)
    server_hello = body(empty)
    tls12_server_hello = body(empty)


@extension(ExtensionType.tls_flags, "draft-ietf-tls-tlsflags §2", "extensions of one bit each, the first one lowest")
class TLSFlags:
    client_hello = body(opaque(0, 255))
    server_hello = body(opaque(0, 255))
    hello_retry_request = body(opaque(0, 255))
    encrypted_extensions = body(opaque(0, 255))
    certificate = body(opaque(0, 255))
    certificate_request = body(opaque(0, 255))
    new_session_ticket = body(opaque(0, 255))


@extension(ExtensionType.application_settings, "draft-vvv-tls-alps", "settings of what is spoken inside")
class ApplicationSettings:
    client_hello = body(vector(opaque(1, 2**8 - 1), 2, 2**16 - 1))
    encrypted_extensions = body(rest)


@extension(ExtensionType.application_settings_old, "draft-vvv-tls-alps", "the same under its first number")
class ApplicationSettingsOld:
    client_hello = body(vector(opaque(1, 2**8 - 1), 2, 2**16 - 1))
    encrypted_extensions = body(rest)


@extension(ExtensionType.trust_anchors, "draft-ietf-tls-trust-anchor-ids §4.1", "the trust anchors by short names")
class TrustAnchors:
    """In a Certificate it is empty, and says that the chain ends at an anchor that was asked for."""

    client_hello = body(vector(opaque(1, 2**8 - 1), 0, 2**16 - 1))
    encrypted_extensions = body(vector(opaque(1, 2**8 - 1), 0, 2**16 - 1))
    certificate_request = body(vector(opaque(1, 2**8 - 1), 0, 2**16 - 1))
    certificate = body(empty)
