"""RFC 5246: the handshake messages of TLS 1.2, for reading captures. `tls10` has what TLS 1.0 and 1.1 write otherwise.

Which message a `server_key_exchange` or a `client_key_exchange` holds depends on the cipher suite that ServerHello
chose. `Handshake` keeps their bytes, and `key_exchange` tells how to read them:

    forms = key_exchange(server_hello.cipher_suite)
    if forms.server is not None:
        parameters = forms.server.parse(message.parameters)
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.code_points import (
    CertificateStatusType,
    CipherSuite,
    ClientCertificateType,
    CompressionMethod,
    ECCurveType,
    HandshakeType,
    NamedGroup,
    ProtocolVersion,
    SignatureScheme,
)
from schemas.errors import EncodeError
from schemas.extension_block import Extension, extensions_of
from schemas.vocabulary import (
    CodePoint,
    Struct,
    describe,
    field,
    opaque,
    optional_field,
    rest,
    select,
    struct,
    trailing,
    uint8,
    uint16,
    uint24,
    uint32,
    vector,
)


@struct
class HelloRequest(Struct):
    """RFC 5246 §7.4.1.1. The server asks for a new handshake."""


@struct
class ClientHello(Struct):
    """RFC 5246 §7.4.1.2. Everything that the client can do."""

    client_version: ProtocolVersion = field(
        ProtocolVersion, "the newest that the client has", default=ProtocolVersion.TLS12
    )
    random: bytes = field(opaque(32), "the time in four bytes, or not, and random ones")
    session_id: bytes = field(opaque(0, 32), "of the session to resume, or empty", default=b"")
    cipher_suites: list[CipherSuite] = field(vector(CipherSuite, 2, 2**16 - 2), "most wanted first")
    compression_methods: list[CompressionMethod] = field(
        vector(CompressionMethod, 1, 2**8 - 1),
        "most wanted first; null is one",
        default=[CompressionMethod.null],
    )
    extensions: list[Extension] | None = optional_field(
        trailing(extensions_of("client_hello")), "what is offered; absent from old clients"
    )


@struct
class ServerHello(Struct):
    """RFC 5246 §7.4.1.3. What the server chose."""

    server_version: ProtocolVersion = field(
        ProtocolVersion, "the version of the connection", default=ProtocolVersion.TLS12
    )
    random: bytes = field(opaque(32), "the time in four bytes, or not, and random ones")
    session_id: bytes = field(opaque(0, 32), "of this session; empty if it can't be resumed", default=b"")
    cipher_suite: CipherSuite = field(CipherSuite, "the suite of the connection")
    compression_method: CompressionMethod = field(
        CompressionMethod, "the compression of the connection", default=CompressionMethod.null
    )
    extensions: list[Extension] | None = optional_field(
        trailing(extensions_of("tls12_server_hello")), "answers, at most one to each that was offered"
    )


@struct
class Certificate(Struct):
    """RFC 5246 §7.4.2. The sender's chain, its own certificate first."""

    certificate_list: list[bytes] = field(
        vector(opaque(1, 2**24 - 1), 0, 2**24 - 1), "DER, end entity first; empty from a client that has none"
    )


@struct
class RawPublicKeyCertificate(Struct):
    """RFC 7250 §3. What stands in the message's place where a bare key was negotiated."""

    asn1_subject_public_key_info: bytes = field(opaque(1, 2**24 - 1), "DER of the key")


@struct
class ServerDHParams(Struct):
    """RFC 5246 §7.4.3. A finite field, and the server's public value in it."""

    dh_p: bytes = field(opaque(1, 2**16 - 1), "the prime modulus")
    dh_g: bytes = field(opaque(1, 2**16 - 1), "the generator")
    dh_ys: bytes = field(opaque(1, 2**16 - 1), "g^X mod p")


@struct
class ECParameters(Struct):
    """RFC 8422 §5.4. An elliptic curve."""

    curve_type: ECCurveType = field(ECCurveType, "how it is told", default=ECCurveType.named_curve)
    namedcurve: NamedGroup = field(select("curve_type", {ECCurveType.named_curve: NamedGroup}), "which curve")


@struct
class ServerECDHParams(Struct):
    """RFC 8422 §5.4. A curve, and the server's public key on it."""

    curve_params: ECParameters = field(ECParameters, "the curve")
    public: bytes = field(opaque(1, 2**8 - 1), "the point, or the key of an XDH function")


@struct
class DigitallySigned(Struct):
    """RFC 5246 §4.7. A signature, and how it is made."""

    algorithm: SignatureScheme = field(SignatureScheme, "hash and signature algorithm")
    signature: bytes = field(opaque(0, 2**16 - 1), "over what the context says")


@struct
class SignedDHParams(Struct):
    """RFC 5246 §7.4.3. ServerKeyExchange of DHE_RSA and DHE_DSS."""

    params: ServerDHParams = field(ServerDHParams, "the server's half of the exchange")
    signed_params: DigitallySigned = field(DigitallySigned, "over both randoms and the parameters")


@struct
class AnonymousDHParams(Struct):
    """RFC 5246 §7.4.3. ServerKeyExchange of DH_anon."""

    params: ServerDHParams = field(ServerDHParams, "the server's half of the exchange")


@struct
class SignedECDHParams(Struct):
    """RFC 8422 §5.4. ServerKeyExchange of ECDHE_RSA and ECDHE_ECDSA."""

    params: ServerECDHParams = field(ServerECDHParams, "the server's half of the exchange")
    signed_params: DigitallySigned = field(DigitallySigned, "over both randoms and the parameters")


@struct
class AnonymousECDHParams(Struct):
    """RFC 8422 §5.4. ServerKeyExchange of ECDH_anon."""

    params: ServerECDHParams = field(ServerECDHParams, "the server's half of the exchange")


@struct
class PskIdentityHint(Struct):
    """RFC 4279 §2. ServerKeyExchange of PSK and RSA_PSK; left out where there is no hint."""

    psk_identity_hint: bytes = field(opaque(0, 2**16 - 1), "helps the client to choose a key")


@struct
class PskDHParams(Struct):
    """RFC 4279 §3. ServerKeyExchange of DHE_PSK."""

    psk_identity_hint: bytes = field(opaque(0, 2**16 - 1), "helps the client to choose a key")
    params: ServerDHParams = field(ServerDHParams, "the server's half of the exchange")


@struct
class PskECDHParams(Struct):
    """RFC 5489 §2. ServerKeyExchange of ECDHE_PSK."""

    psk_identity_hint: bytes = field(opaque(0, 2**16 - 1), "helps the client to choose a key")
    params: ServerECDHParams = field(ServerECDHParams, "the server's half of the exchange")


@struct
class ServerKeyExchange(Struct):
    """RFC 5246 §7.4.3. The server's half of the key exchange, in the form of the cipher suite."""

    parameters: bytes = field(rest, "see key_exchange")


@struct
class CertificateRequest(Struct):
    """RFC 5246 §7.4.4. The server wants a certificate of the client's."""

    certificate_types: list[ClientCertificateType] = field(
        vector(ClientCertificateType, 1, 2**8 - 1), "the kinds that will do"
    )
    supported_signature_algorithms: list[SignatureScheme] = field(
        vector(SignatureScheme, 2, 2**16 - 2), "how it and what it signs may be signed"
    )
    certificate_authorities: list[bytes] = field(
        vector(opaque(1, 2**16 - 1), 0, 2**16 - 1), "DER names of issuers that will do", default=[]
    )


@struct
class ServerHelloDone(Struct):
    """RFC 5246 §7.4.5. The server's flight ends."""


@struct
class EncryptedPreMasterSecret(Struct):
    """RFC 5246 §7.4.7.1. ClientKeyExchange of RSA."""

    encrypted_pre_master_secret: bytes = field(opaque(0, 2**16 - 1), "by the certificate's key")


@struct
class ClientDiffieHellmanPublic(Struct):
    """RFC 5246 §7.4.7.2. ClientKeyExchange of DHE, DH and DH_anon."""

    dh_yc: bytes | None = optional_field(
        trailing(opaque(1, 2**16 - 1)), "the client's public value; absent where its certificate has it"
    )


@struct
class ClientECDiffieHellmanPublic(Struct):
    """RFC 8422 §5.7. ClientKeyExchange of ECDHE, ECDH and ECDH_anon."""

    ecdh_yc: bytes | None = optional_field(
        trailing(opaque(1, 2**8 - 1)), "the client's public key; absent where its certificate has it"
    )


@struct
class PskIdentity(Struct):
    """RFC 4279 §2. ClientKeyExchange of PSK."""

    psk_identity: bytes = field(opaque(0, 2**16 - 1), "names the key")


@struct
class PskDiffieHellmanPublic(Struct):
    """RFC 4279 §3. ClientKeyExchange of DHE_PSK."""

    psk_identity: bytes = field(opaque(0, 2**16 - 1), "names the key")
    dh_yc: bytes = field(opaque(1, 2**16 - 1), "the client's public value")


@struct
class PskECDiffieHellmanPublic(Struct):
    """RFC 5489 §2. ClientKeyExchange of ECDHE_PSK."""

    psk_identity: bytes = field(opaque(0, 2**16 - 1), "names the key")
    ecdh_yc: bytes = field(opaque(1, 2**8 - 1), "the client's public key")


@struct
class PskEncryptedPreMasterSecret(Struct):
    """RFC 4279 §4. ClientKeyExchange of RSA_PSK."""

    psk_identity: bytes = field(opaque(0, 2**16 - 1), "names the key")
    encrypted_pre_master_secret: bytes = field(opaque(0, 2**16 - 1), "by the certificate's key")


@struct
class ClientKeyExchange(Struct):
    """RFC 5246 §7.4.7. The client's half of the key exchange, in the form of the cipher suite."""

    exchange_keys: bytes = field(rest, "see key_exchange")


@struct
class CertificateVerify(Struct):
    """RFC 5246 §7.4.8. Proof that the client holds its certificate's private key."""

    algorithm: SignatureScheme = field(SignatureScheme, "how it is signed")
    signature: bytes = field(opaque(0, 2**16 - 1), "over all handshake messages so far")


@struct
class Finished(Struct):
    """RFC 5246 §7.4.9. Both sides saw the same handshake."""

    verify_data: bytes = field(rest, "12 bytes, unless the cipher suite says otherwise")


@struct
class NewSessionTicket(Struct):
    """RFC 5077 §3.3. The session, for the client to keep."""

    ticket_lifetime_hint: int = field(uint32, "seconds from its arrival; 0 leaves it to the client")
    ticket: bytes = field(opaque(0, 2**16 - 1), "empty where the server changed its mind")


@struct
class CertificateStatus(Struct):
    """RFC 6066 §8, RFC 6961 §2.2. Proof that the server's certificates are not revoked."""

    status_type: CertificateStatusType = field(CertificateStatusType, "how proven", default=CertificateStatusType.ocsp)
    response: bytes | list[bytes] = field(
        select(
            "status_type",
            {
                CertificateStatusType.ocsp: opaque(0, 2**24 - 1),
                CertificateStatusType.ocsp_multi_RESERVED: vector(opaque(0, 2**24 - 1), 1, 2**24 - 1),
            },
        ),
        "DER of an OCSPResponse; of one for each certificate, empty where there is none",
    )


class CertChainType(CodePoint, width=1):
    """The CertChainType enum, which has no registry. RFC 6066 §5."""

    individual_certs = 0
    pkipath = 1


@struct
class URLAndHash(Struct):
    """RFC 6066 §5. Where a certificate is to be had."""

    url: bytes = field(opaque(1, 2**16 - 1), "an absolute URI")
    padding: int = field(uint8, "always 1", default=1)
    sha1_hash: bytes = field(opaque(20), "SHA-1 of what is there")


@struct
class CertificateURL(Struct):
    """RFC 6066 §5. Sent by a client in the place of its Certificate."""

    type: CertChainType = field(CertChainType, "a URL each, or one for the chain")
    url_and_hash_list: list[URLAndHash] = field(vector(URLAndHash, 1, 2**16 - 1), "its own first")


@struct
class SupplementalDataEntry(Struct):
    """RFC 4680 §2. Data of one type."""

    supp_data_type: int = field(uint16, "of a registry of its own")
    supp_data: bytes = field(opaque(0, 2**16 - 1), "of that type")


@struct
class SupplementalData(Struct):
    """RFC 4680 §2. What an application sends along with the handshake."""

    supp_data: list[SupplementalDataEntry] = field(vector(SupplementalDataEntry, 1, 2**24 - 1), "one or more")


@struct
class NextProtocol(Struct):
    """draft-agl-tls-nextprotoneg-04 §3. The protocol that the client chose, from what the server listed or not."""

    selected_protocol: bytes = field(opaque(0, 255), "as http/1.1")
    padding: bytes = field(opaque(0, 255), "makes the message a multiple of 32 bytes")


HandshakeMessage = (
    HelloRequest
    | ClientHello
    | ServerHello
    | NewSessionTicket
    | Certificate
    | ServerKeyExchange
    | CertificateRequest
    | ServerHelloDone
    | CertificateVerify
    | ClientKeyExchange
    | Finished
    | CertificateURL
    | CertificateStatus
    | SupplementalData
    | NextProtocol
)
"""Every message of TLS 1.2."""

MESSAGE_TYPES: dict[type[Struct], HandshakeType] = {
    HelloRequest: HandshakeType.hello_request,
    ClientHello: HandshakeType.client_hello,
    ServerHello: HandshakeType.server_hello,
    NewSessionTicket: HandshakeType.new_session_ticket,
    Certificate: HandshakeType.certificate,
    ServerKeyExchange: HandshakeType.server_key_exchange,
    CertificateRequest: HandshakeType.certificate_request,
    ServerHelloDone: HandshakeType.server_hello_done,
    CertificateVerify: HandshakeType.certificate_verify,
    ClientKeyExchange: HandshakeType.client_key_exchange,
    Finished: HandshakeType.finished,
    CertificateURL: HandshakeType.certificate_url,
    CertificateStatus: HandshakeType.certificate_status,
    SupplementalData: HandshakeType.supplemental_data,
    NextProtocol: HandshakeType.next_protocol,
}


@struct
class Handshake(Struct):
    """RFC 5246 §7.4. A message with its header."""

    msg_type: HandshakeType = field(HandshakeType, "which message follows")
    message: HandshakeMessage = field(
        select("msg_type", {number: message for message, number in MESSAGE_TYPES.items()}, length=uint24), "the message"
    )

    @classmethod
    def of(cls, message: HandshakeMessage) -> Handshake:
        """`message` behind the header that its class calls for. Raises EncodeError for what is none of TLS 1.2."""
        msg_type = MESSAGE_TYPES.get(type(message))
        if msg_type is None:
            raise EncodeError("a handshake message of TLS 1.2", describe(message), path="handshake")
        return cls(msg_type=msg_type, message=message)


@dataclass(frozen=True, slots=True)
class KeyExchange:
    """What a cipher suite's key exchange messages hold: `server` is None where there is none from the server."""

    server: type[Struct] | None
    client: type[Struct]


KEY_EXCHANGES: dict[str, KeyExchange] = {
    "RSA": KeyExchange(None, EncryptedPreMasterSecret),
    "DH_RSA": KeyExchange(None, ClientDiffieHellmanPublic),
    "DH_DSS": KeyExchange(None, ClientDiffieHellmanPublic),
    "DHE_RSA": KeyExchange(SignedDHParams, ClientDiffieHellmanPublic),
    "DHE_DSS": KeyExchange(SignedDHParams, ClientDiffieHellmanPublic),
    "DH_anon": KeyExchange(AnonymousDHParams, ClientDiffieHellmanPublic),
    "ECDH_RSA": KeyExchange(None, ClientECDiffieHellmanPublic),
    "ECDH_ECDSA": KeyExchange(None, ClientECDiffieHellmanPublic),
    "ECDHE_RSA": KeyExchange(SignedECDHParams, ClientECDiffieHellmanPublic),
    "ECDHE_ECDSA": KeyExchange(SignedECDHParams, ClientECDiffieHellmanPublic),
    "ECDH_anon": KeyExchange(AnonymousECDHParams, ClientECDiffieHellmanPublic),
    "PSK": KeyExchange(PskIdentityHint, PskIdentity),
    "RSA_PSK": KeyExchange(PskIdentityHint, PskEncryptedPreMasterSecret),
    "DHE_PSK": KeyExchange(PskDHParams, PskDiffieHellmanPublic),
    "PSK_DHE": KeyExchange(PskDHParams, PskDiffieHellmanPublic),
    "ECDHE_PSK": KeyExchange(PskECDHParams, PskECDiffieHellmanPublic),
}
"""The key exchanges by the name that cipher suites give them, between `TLS_` and `_WITH_`. RFC 6655 says PSK_DHE."""


def key_exchange(cipher_suite: CipherSuite) -> KeyExchange | None:
    """How this suite's key exchange messages are read; None for a suite whose messages nothing here describes.

    Those are unknown suites, TLS 1.3's, and what SRP, Kerberos, GOST and passwords exchange.
    """
    return KEY_EXCHANGES.get(key_exchange_name(cipher_suite))


def key_exchange_name(cipher_suite: CipherSuite) -> str:
    """`ECDHE_RSA` of TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256; "" where the name has none."""
    name, found, _ = str(cipher_suite).removeprefix("TLS_").partition("_WITH_")
    return name.removesuffix("_EXPORT") if found else ""
