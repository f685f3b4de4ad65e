"""Certificate and CertificateVerify: proving who one is, in the handshake or after it. RFC 9846 §4.5.1, §4.5.2"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import ExtensionType, SignatureScheme
from schemas.derived import ClientCertificateVerifyContent, ServerCertificateVerifyContent
from schemas.extension_block import Extension
from schemas.extensions import CertificateAuthorities, OIDFilters, SignatureAlgorithms, SignatureAlgorithmsCert
from schemas.handshake import CertificateRequest, CertificateVerify
from tls13.config import ClientAuthentication, ServerConfig
from tls13.crypto.signatures import Signer
from tls13.errors import (
    CertificateRequired,
    ForbiddenSignatureScheme,
    ForbiddenValue,
    InsufficientSecurity,
    TooManyCertificates,
    UnsupportedCertificate,
)
from tls13.events import SignaturePending
from tls13.handshake.negotiation import check_places, check_responses, require
from tls13.handshake.states import AwaitingSignature, ClientConnected, PeerIdentity, State
from tls13.wire import Wire
from tls13.x509.certificates import public_key_of
from tls13.x509.credentials import Credential, choose_client_credential
from tls13.x509.oid_filters import chain_matches_filters
from tls13.x509.trust import certificate_signature_schemes

Next = TypeVar("Next", bound=State)
Content = type[ServerCertificateVerifyContent] | type[ClientCertificateVerifyContent]


def certificate_request(
    asked: ClientAuthentication, schemes: Sequence[SignatureScheme], context: bytes = b""
) -> CertificateRequest:
    """What a server asks of its clients. §4.4.2"""
    extensions: list[Extension] = [
        SignatureAlgorithms.certificate_request(list(schemes)),
        SignatureAlgorithmsCert.certificate_request(list(certificate_signature_schemes(schemes))),
    ]
    if asked.policy.authorities:
        extensions.append(CertificateAuthorities.certificate_request(list(asked.policy.authorities)))
    if asked.oid_filters:
        extensions.append(OIDFilters.certificate_request(list(asked.oid_filters)))
    return CertificateRequest(certificate_request_context=context, extensions=extensions)


def check_request(message: CertificateRequest) -> None:
    """Raises MisplacedExtension, MissingExtension. §4.4.2"""
    check_places("certificate_request", message.extensions)
    require(
        SignatureAlgorithms.certificate_request.find(message.extensions),
        ExtensionType.signature_algorithms,
        "certificate_request",
    )


def credential_for(
    request: CertificateRequest, credentials: Sequence[Credential]
) -> tuple[Credential, SignatureScheme] | None:
    """The first of a client's that the request accepts, and how to sign for it. §4.5.1.2"""
    schemes = SignatureAlgorithms.certificate_request.find(request.extensions) or []
    return choose_client_credential(
        credentials,
        schemes=schemes,
        certificate_schemes=SignatureAlgorithmsCert.certificate_request.find(request.extensions) or schemes,
        authorities=CertificateAuthorities.certificate_request.find(request.extensions) or [],
        filters=OIDFilters.certificate_request.find(request.extensions) or [],
    )


def chain_in(
    wire: Wire, message: Certificate, offers: Iterable[Extension] | None, context: bytes = b""
) -> tuple[bytes, ...]:
    """The peer's chain in DER, perhaps empty, whose extensions answer only `offers`. §4.5.1

    Raises ForbiddenValue for another context, UnsolicitedExtension, MisplacedExtension, TooManyCertificates.
    """
    if message.certificate_request_context != context:
        expected = "not that of the request" if context else "not empty"
        raise ForbiddenValue(f"certificate_request_context is {expected}", message="certificate")
    limit = wire.config.limits.certificates
    if len(message.certificate_list) > limit:
        raise TooManyCertificates(
            f"{len(message.certificate_list)} certificates, over the limit of {limit}", message="certificate"
        )
    for entry in message.certificate_list:
        check_responses("certificate", entry.extensions, offers)
    return tuple(entry.cert_data for entry in message.certificate_list)


def identity_of(wire: Wire, chain: tuple[bytes, ...]) -> PeerIdentity:
    """The peer by its chain in DER, which holds one certificate at least.

    Raises BadCertificate, UnsupportedCertificate, InsufficientSecurity.
    """
    public_key = public_key_of(chain[0])
    floor = wire.config.security_floor
    if public_key.security_bits < floor:
        raise InsufficientSecurity(
            f"the certificate's key is of {public_key.security_bits} bits, where {floor} are asked for",
            message="certificate",
        )
    return PeerIdentity(chain, public_key)


def check_signature(
    wire: Wire, message: CertificateVerify, peer: PeerIdentity, offered: Collection[SignatureScheme], content: Content
) -> None:
    """The peer holds the private key of its certificate. §4.5.2. Raises ForbiddenSignatureScheme, BadSignature."""
    scheme = message.algorithm
    if scheme not in offered or scheme not in peer.public_key.schemes:
        raise ForbiddenSignatureScheme(
            f"{scheme} was not offered, or is not for this certificate's key", message="certificate_verify"
        )
    signed = content(transcript_hash=wire.transcript.hash_before_last())
    peer.public_key.verify(scheme, message.signature, signed.build())


def client_identity(
    wire: Wire, config: ServerConfig, request: CertificateRequest, message: Certificate
) -> PeerIdentity | None:
    """The client's certificate, validated; None where it has none and need not. §4.5.1.3

    Raises CertificateRequired, and what the policy raises.
    """
    asked = config.client_authentication
    if asked is None:
        raise RuntimeError("a certificate that nobody asked for")
    chain = chain_in(wire, message, request.extensions, request.certificate_request_context)
    if not chain:
        if asked.required:
            raise CertificateRequired("the client has no certificate to show", message="certificate")
        return None
    client = identity_of(wire, chain)
    asked.policy.verify_client(chain, config.clock())
    if not chain_matches_filters(chain[0], OIDFilters.certificate_request.find(request.extensions) or []):
        raise UnsupportedCertificate("the certificate does not match the oid_filters", message="certificate")
    return client


def prove(
    wire: Wire,
    chosen: tuple[Credential, SignatureScheme],
    content: Content,
    then: Callable[[], Next],
    *,
    context: bytes = b"",
    before: ClientConnected | None = None,
) -> Next | AwaitingSignature:
    """Sends Certificate and CertificateVerify and goes on with `then`: at once, or when the signer is ready."""
    credential, scheme = chosen
    entries = [CertificateEntry(cert_data=each) for each in credential.certificate_list]
    wire.send(Certificate(certificate_request_context=context, certificate_list=entries))
    to_sign = content(transcript_hash=wire.transcript.hash()).build()

    def signed(signature: bytes) -> Next:
        wire.send(CertificateVerify(algorithm=scheme, signature=signature))
        return then()

    return _sign(wire, credential.signer, scheme, to_sign, signed, before)


def sign_again(wire: Wire, state: AwaitingSignature) -> State:
    """Asks the signer once more; the next state, or the same."""
    signature = state.signer.sign(state.scheme, state.content)
    return state if signature is None else state.then(signature)


def _sign(
    wire: Wire,
    signer: Signer,
    scheme: SignatureScheme,
    content: bytes,
    then: Callable[[bytes], Next],
    before: ClientConnected | None,
) -> Next | AwaitingSignature:
    signature = signer.sign(scheme, content)
    if signature is not None:
        return then(signature)
    wire.tell(SignaturePending(scheme))
    return AwaitingSignature(signer, scheme, content, then, before)
