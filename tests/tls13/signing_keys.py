"""Keys of every type that TLS 1.3 signs with, and what another implementation signs and verifies by them."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from certs import PrivateKey
from schemas.code_points import SignatureScheme

PSS = {
    SignatureScheme.rsa_pss_rsae_sha256: hashes.SHA256(),
    SignatureScheme.rsa_pss_rsae_sha384: hashes.SHA384(),
    SignatureScheme.rsa_pss_rsae_sha512: hashes.SHA512(),
}
DEDICATED_PSS = {
    SignatureScheme.rsa_pss_pss_sha256: hashes.SHA256(),
    SignatureScheme.rsa_pss_pss_sha384: hashes.SHA384(),
    SignatureScheme.rsa_pss_pss_sha512: hashes.SHA512(),
}
ECDSA = {
    SignatureScheme.ecdsa_secp256r1_sha256: (ec.SECP256R1(), hashes.SHA256()),
    SignatureScheme.ecdsa_secp384r1_sha384: (ec.SECP384R1(), hashes.SHA384()),
    SignatureScheme.ecdsa_secp521r1_sha512: (ec.SECP521R1(), hashes.SHA512()),
}
MlDsa = type[mldsa.MLDSA44PrivateKey] | type[mldsa.MLDSA65PrivateKey] | type[mldsa.MLDSA87PrivateKey]

ML_DSA: dict[SignatureScheme, MlDsa] = {
    SignatureScheme.mldsa44: mldsa.MLDSA44PrivateKey,
    SignatureScheme.mldsa65: mldsa.MLDSA65PrivateKey,
    SignatureScheme.mldsa87: mldsa.MLDSA87PrivateKey,
}
CONTENT = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + bytes(range(32))
ORDERS = {
    SignatureScheme.ecdsa_secp256r1_sha256: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    SignatureScheme.ecdsa_secp384r1_sha384: 2**384 - 1388124618062372383947042015309946732620727252194336364173,
    SignatureScheme.ecdsa_secp521r1_sha512: 2**521
    - 657877501894328237357444332315020117536923257219387276263472201219398408051703,
}
"""How many points the curves have. SP 800-186 §3.2.1"""


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def p256_key() -> ec.EllipticCurvePrivateKey:
    return ecdsa_key(SignatureScheme.ecdsa_secp256r1_sha256)


@cache
def ecdsa_key(scheme: SignatureScheme) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(0xC0FFEE, ECDSA[scheme][0])


@cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@cache
def key_for(scheme: SignatureScheme) -> PrivateKey:
    if scheme in ECDSA:
        return ecdsa_key(scheme)
    if scheme in ML_DSA:
        return ML_DSA[scheme].from_seed_bytes(bytes(range(32)))
    if scheme is SignatureScheme.ed448:
        return ed448.Ed448PrivateKey.from_private_bytes(bytes(range(57)))
    return ed25519_key() if scheme is SignatureScheme.ed25519 else rsa_key()


def pkcs8(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def spki(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


RSASSA_PSS = bytes.fromhex("300b 0609 2a864886f70d01010a")


def pkcs8_for(scheme: SignatureScheme) -> bytes:
    if scheme not in DEDICATED_PSS:
        return pkcs8(key_for(scheme))
    numbers = rsa_key().private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return der(0x30, integer(0), RSASSA_PSS, der(0x04, numbers))


def spki_for(scheme: SignatureScheme) -> bytes:
    if scheme not in DEDICATED_PSS:
        return spki(key_for(scheme))
    return der(
        0x30, RSASSA_PSS, der(0x03, b"\0", rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1))
    )


def their_signature(scheme: SignatureScheme, content: bytes) -> bytes:
    key = key_for(scheme)
    if isinstance(key, rsa.RSAPrivateKey):
        digest = {**PSS, **DEDICATED_PSS}[scheme]
        return key.sign(content, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(content, ec.ECDSA(ECDSA[scheme][1]))
    return key.sign(content)


def their_verification(scheme: SignatureScheme, signature: bytes, content: bytes) -> None:
    key = key_for(scheme)
    if isinstance(key, rsa.RSAPrivateKey):
        digest = {**PSS, **DEDICATED_PSS}[scheme]
        key.public_key().verify(signature, content, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        key.public_key().verify(signature, content, ec.ECDSA(ECDSA[scheme][1]))
    else:
        key.public_key().verify(signature, content)


def der(tag: int, *parts: bytes) -> bytes:
    """A DER element, built by hand."""
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(length)]) + length + content


def integer(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=value < 0))
