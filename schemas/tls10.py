"""RFC 2246 and RFC 4346: what TLS 1.0 and 1.1 write in another form than TLS 1.2. The other messages are `tls12`'s.

Signatures don't say how they are made. Use these where ServerHello says TLS 1.0 or 1.1.
"""

from __future__ import annotations

from schemas import tls12
from schemas.code_points import CipherSuite, ClientCertificateType, HandshakeType
from schemas.errors import EncodeError
from schemas.tls12 import KeyExchange, ServerDHParams, ServerECDHParams, key_exchange_name
from schemas.vocabulary import Struct, describe, field, opaque, select, struct, uint24, vector


@struct
class ServerRSAParams(Struct):
    """RFC 2246 §7.4.3. A short key, which exports were allowed to encrypt with."""

    rsa_modulus: bytes = field(opaque(1, 2**16 - 1), "the modulus")
    rsa_exponent: bytes = field(opaque(1, 2**16 - 1), "the public exponent")


@struct
class SignedRSAParams(Struct):
    """RFC 2246 §7.4.3. ServerKeyExchange of RSA_EXPORT; left out where the certificate's key is short enough."""

    params: ServerRSAParams = field(ServerRSAParams, "the key to encrypt with")
    signature: bytes = field(opaque(0, 2**16 - 1), "over both randoms and the parameters")


@struct
class SignedDHParams(Struct):
    """RFC 4346 §7.4.3. ServerKeyExchange of DHE_RSA and DHE_DSS."""

    params: ServerDHParams = field(ServerDHParams, "the server's half of the exchange")
    signature: bytes = field(opaque(0, 2**16 - 1), "over both randoms and the parameters")


@struct
class SignedECDHParams(Struct):
    """RFC 4492 §5.4. ServerKeyExchange of ECDHE_RSA and ECDHE_ECDSA."""

    params: ServerECDHParams = field(ServerECDHParams, "the server's half of the exchange")
    signature: bytes = field(opaque(0, 2**16 - 1), "over both randoms and the parameters")


@struct
class CertificateRequest(Struct):
    """RFC 4346 §7.4.4. The server wants a certificate of the client's."""

    certificate_types: list[ClientCertificateType] = field(
        vector(ClientCertificateType, 1, 2**8 - 1), "the kinds that will do"
    )
    certificate_authorities: list[bytes] = field(
        vector(opaque(1, 2**16 - 1), 0, 2**16 - 1), "DER names of issuers that will do", default=[]
    )


@struct
class CertificateVerify(Struct):
    """RFC 4346 §7.4.8. Proof that the client holds its certificate's private key."""

    signature: bytes = field(opaque(0, 2**16 - 1), "over all handshake messages so far")


@struct
class Finished(Struct):
    """RFC 4346 §7.4.9. Both sides saw the same handshake."""

    verify_data: bytes = field(opaque(12), "of the master secret and the handshake")


HandshakeMessage = (
    tls12.HelloRequest
    | tls12.ClientHello
    | tls12.ServerHello
    | tls12.NewSessionTicket
    | tls12.Certificate
    | tls12.ServerKeyExchange
    | CertificateRequest
    | tls12.ServerHelloDone
    | CertificateVerify
    | tls12.ClientKeyExchange
    | Finished
    | tls12.CertificateURL
    | tls12.CertificateStatus
    | tls12.SupplementalData
    | tls12.NextProtocol
)
"""Every message of TLS 1.0 and 1.1."""

MESSAGE_TYPES: dict[type[Struct], HandshakeType] = {
    **{
        message: msg_type
        for message, msg_type in tls12.MESSAGE_TYPES.items()
        if message not in (tls12.CertificateRequest, tls12.CertificateVerify, tls12.Finished)
    },
    CertificateRequest: HandshakeType.certificate_request,
    CertificateVerify: HandshakeType.certificate_verify,
    Finished: HandshakeType.finished,
}


@struct
class Handshake(Struct):
    """RFC 4346 §7.4. A message with its header."""

    msg_type: HandshakeType = field(HandshakeType, "which message follows")
    message: HandshakeMessage = field(
        select("msg_type", {number: message for message, number in MESSAGE_TYPES.items()}, length=uint24), "the message"
    )

    @classmethod
    def of(cls, message: HandshakeMessage) -> Handshake:
        """`message` behind the header that its class calls for. Raises EncodeError for what is none of TLS 1.1."""
        msg_type = MESSAGE_TYPES.get(type(message))
        if msg_type is None:
            raise EncodeError("a handshake message of TLS 1.0 or 1.1", describe(message), path="handshake")
        return cls(msg_type=msg_type, message=message)


SIGNED_FORMS: dict[type[Struct] | None, type[Struct]] = {
    tls12.SignedDHParams: SignedDHParams,
    tls12.SignedECDHParams: SignedECDHParams,
}
"""What stands in TLS 1.0 and 1.1 for a form of TLS 1.2's."""


def key_exchange(cipher_suite: CipherSuite) -> KeyExchange | None:
    """How this suite's key exchange messages are read, as `tls12.key_exchange` tells for TLS 1.2."""
    forms = tls12.key_exchange(cipher_suite)
    if forms is None:
        return None
    if "_EXPORT_" in str(cipher_suite) and key_exchange_name(cipher_suite) == "RSA":
        return KeyExchange(SignedRSAParams, forms.client)
    return KeyExchange(SIGNED_FORMS.get(forms.server, forms.server), forms.client)
