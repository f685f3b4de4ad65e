"""What is never sent, but hashed, signed, sealed or derived from."""

from __future__ import annotations

from typing import Self

from schemas.code_points import ExtensionType, ProtocolVersion, TlsKdfIdentifier
from schemas.encrypted_client_hello import ECHConfig
from schemas.errors import DecodeError
from schemas.extensions import DelegatedCredential, OfferedPsks, PreSharedKey
from schemas.handshake import ClientHello, Handshake
from schemas.vocabulary import (
    Struct,
    build,
    constant,
    field,
    opaque,
    optional_field,
    rest,
    struct,
    trailing,
    uint16,
)

SERVER_CONTEXT_STRING = b"TLS 1.3, server CertificateVerify"
CLIENT_CONTEXT_STRING = b"TLS 1.3, client CertificateVerify"
SERVER_CREDENTIAL_STRING = b"TLS, server delegated credentials"
CLIENT_CREDENTIAL_STRING = b"TLS, client delegated credentials"

IMPORTED_PSK_LABEL = b"tls13 derived psk"
"""The HkdfLabel.label of an imported PSK; its context is the hash of an ImportedIdentity. RFC 9258 §5.1"""

IMPORTED_BINDER_LABEL = b"tls13 imp binder"
"""The HkdfLabel.label of the binder key of an imported PSK. RFC 9258 §5.2"""

EXPORTER_LABEL = b"tls13 exporter"
"""The HkdfLabel.label of exported keying material; its context is the hash of the caller's. RFC 9846 §7.5"""


@struct
class HkdfLabel(Struct):
    """RFC 9846 §7.1. The info input of HKDF-Expand-Label."""

    length: int = field(uint16, "bytes to derive")
    label: bytes = field(opaque(7, 255), '"tls13 " and what the bytes are for')
    context: bytes = field(opaque(0, 255), "a transcript hash, or nothing")


@struct
class MessageHash(Struct):
    """RFC 9846 §4.1. Stands for ClientHello1 in the transcript once a HelloRetryRequest has been sent."""

    msg_type: bytes = field(constant(b"\xfe"), "message_hash(254)", default=b"\xfe")
    hash: bytes = field(opaque(0, 2**24 - 1), "Hash(ClientHello1)")


@struct
class ServerCertificateVerifyContent(Struct):
    """RFC 9846 §4.5.2. What the server signs."""

    padding: bytes = field(constant(b"\x20" * 64), "64 spaces", default=b"\x20" * 64)
    context_string: bytes = field(
        constant(SERVER_CONTEXT_STRING), "for whom the signature is", default=SERVER_CONTEXT_STRING
    )
    separator: bytes = field(constant(b"\0"), "ends the context string", default=b"\0")
    transcript_hash: bytes = field(rest, "of everything up to the Certificate message")


@struct
class ClientCertificateVerifyContent(Struct):
    """RFC 9846 §4.5.2. What the client signs."""

    padding: bytes = field(constant(b"\x20" * 64), "64 spaces", default=b"\x20" * 64)
    context_string: bytes = field(
        constant(CLIENT_CONTEXT_STRING), "for whom the signature is", default=CLIENT_CONTEXT_STRING
    )
    separator: bytes = field(constant(b"\0"), "ends the context string", default=b"\0")
    transcript_hash: bytes = field(rest, "of everything up to the Certificate message")


@struct
class ServerDelegatedCredentialContent(Struct):
    """RFC 9345 §4. What a server's certificate signs to delegate."""

    padding: bytes = field(constant(b"\x20" * 64), "64 spaces", default=b"\x20" * 64)
    context_string: bytes = field(
        constant(SERVER_CREDENTIAL_STRING), "for whom the credential is", default=SERVER_CREDENTIAL_STRING
    )
    separator: bytes = field(constant(b"\0"), "ends the context string", default=b"\0")
    certificate_and_credential: bytes = field(rest, "DER of the certificate, the Credential, the algorithm")

    @classmethod
    def of(cls, certificate: bytes, credential: DelegatedCredential) -> Self:
        """For this credential, signed by the key of this certificate (DER)."""
        return cls(certificate_and_credential=_delegation(certificate, credential))


@struct
class ClientDelegatedCredentialContent(Struct):
    """RFC 9345 §4. What a client's certificate signs to delegate."""

    padding: bytes = field(constant(b"\x20" * 64), "64 spaces", default=b"\x20" * 64)
    context_string: bytes = field(
        constant(CLIENT_CREDENTIAL_STRING), "for whom the credential is", default=CLIENT_CREDENTIAL_STRING
    )
    separator: bytes = field(constant(b"\0"), "ends the context string", default=b"\0")
    certificate_and_credential: bytes = field(rest, "DER of the certificate, the Credential, the algorithm")

    @classmethod
    def of(cls, certificate: bytes, credential: DelegatedCredential) -> Self:
        """For this credential, signed by the key of this certificate (DER)."""
        return cls(certificate_and_credential=_delegation(certificate, credential))


def _delegation(certificate: bytes, credential: DelegatedCredential) -> bytes:
    return certificate + credential.cred.build() + build(type(credential.algorithm).schema, credential.algorithm)


@struct
class ImportedIdentity(Struct):
    """RFC 9258 §5.1. The identity that an external PSK is offered by, once for each protocol and KDF.

    Its hash is the context of the HkdfLabel that the imported PSK is derived with, see IMPORTED_PSK_LABEL.
    """

    external_identity: bytes = field(opaque(1, 2**16 - 1), "names the external PSK")
    context: bytes = field(opaque(0, 2**16 - 1), "what the PSK is bound to", default=b"")
    target_protocol: ProtocolVersion = field(ProtocolVersion, "for which it is imported", default=ProtocolVersion.TLS13)
    target_kdf: TlsKdfIdentifier = field(TlsKdfIdentifier, "for which it is imported")


@struct
class Tls12ExporterSeed(Struct):
    """RFC 5705 §4. What TLS 1.2 exports keying material from, beside the main secret and the label."""

    client_random: bytes = field(opaque(32), "of ClientHello")
    server_random: bytes = field(opaque(32), "of ServerHello")
    context_value: bytes | None = optional_field(
        trailing(opaque(0, 2**16 - 1)), "the caller's; none is not the same as an empty one"
    )


@struct
class ECHInfo(Struct):
    """RFC 9849 §6.1. The info with which HPKE seals an inner ClientHello."""

    label: bytes = field(constant(b"tls ech\0"), "and a zero", default=b"tls ech\0")
    config: ECHConfig = field(ECHConfig, "the configuration that is used")


def truncated(client_hello: bytes) -> bytes:
    """RFC 9846 §4.3.11.2: a ClientHello, header included, without its binders, as each binder's transcript ends with.

    Lengths stay what they are. Raises DecodeError unless the hello ends with a pre_shared_key extension.
    """
    hello = Handshake.parse(client_hello).message
    extensions = hello.extensions if isinstance(hello, ClientHello) else None
    last = extensions[-1] if extensions else None
    if last is None or last.extension_type != ExtensionType.pre_shared_key:
        found = str(last.extension_type) if last is not None else "no extensions"
        raise DecodeError("a ClientHello that ends with pre_shared_key", found, offset=0, path="handshake")
    psks = PreSharedKey.client_hello.find([last])
    return client_hello[: -binders_length(psks)] if psks is not None else client_hello


def with_binders(client_hello: bytes, psks: OfferedPsks, binders: list[bytes]) -> bytes:
    """RFC 9846 §4.3.11.2: a ClientHello, header included, with other binders than those of its `psks`, as long as they.

    Raises EncodeError for what are no binders.
    """
    return client_hello[: -binders_length(psks)] + build(_BINDERS, binders)


def binders_length(psks: OfferedPsks) -> int:
    """The bytes that the binders of an offer take, with their length: what `truncated` cuts off."""
    return _BINDERS.measure(psks.binders, {})


_BINDERS = dict(OfferedPsks.schema.children())["binders"]
