"""The cryptography of a handshake and nothing else: what the same libraries take for the same operations.

Both ends of a full handshake with X25519, AES-128-GCM, SHA-256 and a server certificate under one authority, as
RFC 9846 §7.1 and §4.5 have it. What goes around it (messages, certificates' parsing, states) is left out.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from bench.contenders import Task
from schemas.code_points import SignatureScheme
from tls13.crypto.signatures import LocalSigner, PublicKey
from tls13.x509.credentials import Credential

HASH_LENGTH = 32
SHA_256 = SHA256()
AEAD = AESGCM(bytes(16))
CONTENT = bytes(64 + 34 + HASH_LENGTH)
"""As long as what CertificateVerify signs."""

INFO = bytes(2 + 1 + 12 + 1 + HASH_LENGTH)
"""As long as most HkdfLabels."""

HELLOS, FLIGHT, FINISHED = bytes(400), bytes(1200), bytes(36)
"""As long as both hellos, the server's messages after them, and a Finished."""


def key_exchange() -> None:
    """§4.2.2, §4.3.8: the hellos' randoms and a session id, both ends' key pairs, and the secret at either end."""
    for _ in ("client random", "server random", "legacy_session_id"):
        os.urandom(32)
    private_keys = os.urandom(32), os.urandom(32)
    shares = [crypto_scalarmult_base(key) for key in private_keys]
    for key, share in zip(private_keys, reversed(shares), strict=True):
        crypto_scalarmult(key, share)


def key_schedule_of_one_end() -> None:
    """§7.1, §7.3, §4.5.3: three extractions, 18 expansions, and two MACs, of which one is the peer's."""
    secret = bytes(HASH_LENGTH)
    for _ in ("early", "handshake", "main"):
        hmac.digest(secret, secret, "sha256")
    for _ in (
        *("derived", "derived", "c hs traffic", "s hs traffic", "c ap traffic", "s ap traffic"),
        *("exp master", "res master", "finished", "finished"),
    ):
        HKDFExpand(SHA_256, HASH_LENGTH, INFO).derive(secret)
    for _ in ("client handshake", "server handshake", "client application", "server application"):
        AESGCM(HKDFExpand(SHA_256, 16, INFO).derive(secret))
        HKDFExpand(SHA_256, 12, INFO).derive(secret)
    for _ in ("client", "server"):
        hmac.digest(secret, secret, "sha256")


def transcript_of_one_end() -> None:
    """§4.1: all messages hashed once, and the hash taken at five points."""
    running = hashlib.sha256(HELLOS)
    running.copy().digest()
    running.update(FLIGHT)
    for _ in ("certificate_verify", "server finished", "application secrets", "client finished"):
        running.copy().digest()
    running.update(FINISHED)


def record_protection() -> None:
    """§5.2: the server's flight and the client's Finished, sealed and opened."""
    nonce, header = bytes(12), bytes(5)
    for content in (FLIGHT, FINISHED):
        AEAD.decrypt(nonce, AEAD.encrypt(nonce, content, header), header)


def authentication(credential: Credential, scheme: SignatureScheme, authority: x509.Certificate) -> Task:
    """§4.5.1, §4.5.2: the handshake is signed, its signature verified, and that on the certificate."""
    signer, authority_key = credential.signer, authority.public_key()
    leaf = x509.load_der_x509_certificate(credential.certificate_list[0])
    if not isinstance(signer, LocalSigner) or not isinstance(authority_key, ec.EllipticCurvePublicKey):
        raise RuntimeError("the test PKI has its keys at hand, and an authority that signs by ECDSA")
    key, algorithm = PublicKey.from_spki(signer.public_key), leaf.signature_algorithm_parameters
    if not isinstance(algorithm, ec.ECDSA):
        raise RuntimeError("the authority has not signed by ECDSA")
    signed, signature = leaf.tbs_certificate_bytes, leaf.signature

    def task() -> None:
        key.verify(scheme, signer.sign(scheme, CONTENT), CONTENT)
        authority_key.verify(signature, signed, algorithm)

    return task


def cryptography_of_a_handshake(credential: Credential, scheme: SignatureScheme, authority: x509.Certificate) -> Task:
    """All of it, for both ends, one after the other."""
    authenticate = authentication(credential, scheme, authority)

    def task() -> None:
        key_exchange()
        authenticate()
        for _ in ("client", "server"):
            key_schedule_of_one_end()
            transcript_of_one_end()
        record_protection()

    return task
