"""Signatures by every scheme, against another implementation; a bad one raises BadSignature, however bad."""

from __future__ import annotations

import os

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from signing_keys import (
    CONTENT,
    DEDICATED_PSS,
    ECDSA,
    ML_DSA,
    PSS,
    PrivateKey,
    key_for,
    pkcs8_for,
    spki,
    spki_for,
    their_signature,
    their_verification,
)

from schemas.code_points import SignatureScheme
from tls13.crypto.signatures import SIGNATURES, LocalSigner, PublicKey
from tls13.errors import BadSignature, InternalError

ALL = pytest.mark.parametrize("scheme", SIGNATURES, ids=str)


@ALL
def test_what_we_sign_the_other_implementation_verifies(scheme: SignatureScheme) -> None:
    signature = LocalSigner.from_der(pkcs8_for(scheme), os.urandom).sign(scheme, CONTENT)
    their_verification(scheme, signature, CONTENT)
    with pytest.raises(InvalidSignature):
        their_verification(scheme, signature, CONTENT + b"!")


@ALL
def test_what_the_other_implementation_signs_we_verify(scheme: SignatureScheme) -> None:
    public_key = PublicKey.from_spki(spki_for(scheme))
    signature = their_signature(scheme, CONTENT)
    public_key.verify(scheme, signature, CONTENT)
    with pytest.raises(BadSignature, match="not the certificate key's"):
        public_key.verify(scheme, signature, CONTENT + b"!")
    with pytest.raises(BadSignature):
        public_key.verify(scheme, signature, b"")


@ALL
def test_the_public_half_of_a_signer_is_that_of_its_key(scheme: SignatureScheme) -> None:
    signer = LocalSigner.from_der(pkcs8_for(scheme))
    assert signer.public_key == spki_for(scheme)
    assert signer.schemes == PublicKey.from_spki(signer.public_key).schemes
    assert scheme in signer.schemes


@ALL
def test_every_byte_of_a_signature_counts(scheme: SignatureScheme) -> None:
    public_key = PublicKey.from_spki(spki_for(scheme))
    signature = their_signature(scheme, CONTENT)
    for index in range(len(signature)):
        altered = bytearray(signature)
        altered[index] ^= 1 << index % 8
        with pytest.raises(BadSignature):
            public_key.verify(scheme, bytes(altered), CONTENT)


@ALL
def test_every_other_length_of_a_signature_is_refused(scheme: SignatureScheme) -> None:
    public_key = PublicKey.from_spki(spki_for(scheme))
    signature = their_signature(scheme, CONTENT)
    for wrong in (
        *(signature[:length] for length in range(len(signature))),
        signature + b"\0",
        b"\0" + signature,
        signature * 2,
        bytes(65535),
        b"\xff" * 65535,
        b"\x30\x82\xff\xfb\x02\x82\xff\xf7" + b"\x7f" * 65527,
    ):
        with pytest.raises(BadSignature):
            public_key.verify(scheme, wrong, CONTENT)


@ALL
@pytest.mark.parametrize("other", [*SignatureScheme, SignatureScheme(0x5A5A), SignatureScheme(0xFE00)], ids=str)
def test_a_scheme_that_is_not_the_keys_is_refused(scheme: SignatureScheme, other: SignatureScheme) -> None:
    public_key = PublicKey.from_spki(spki_for(scheme))
    signer = LocalSigner.from_der(pkcs8_for(scheme))
    if other in public_key.schemes:
        return
    with pytest.raises(BadSignature, match=f"{other}, but the certificate's key is for"):
        public_key.verify(other, their_signature(scheme, CONTENT), CONTENT)
    with pytest.raises(InternalError, match=f"cannot sign by {other}"):
        signer.sign(other, CONTENT)


@pytest.mark.parametrize("schemes", [PSS, DEDICATED_PSS], ids=["rsae", "pss"])
def test_a_signature_by_one_hash_is_none_by_another(schemes: dict[SignatureScheme, hashes.HashAlgorithm]) -> None:
    public_key = PublicKey.from_spki(spki_for(next(iter(schemes))))
    for made in schemes:
        for claimed in schemes:
            if made is not claimed:
                with pytest.raises(BadSignature):
                    public_key.verify(claimed, their_signature(made, CONTENT), CONTENT)


@pytest.mark.parametrize("scheme", [*ECDSA, *ML_DSA, SignatureScheme.ed448], ids=str)
def test_a_key_of_the_same_type_that_is_another_refuses(scheme: SignatureScheme) -> None:
    key: PrivateKey
    if scheme in ECDSA:
        key = ec.derive_private_key(2, ECDSA[scheme][0])
    else:
        key = ML_DSA[scheme].generate() if scheme in ML_DSA else ed448.Ed448PrivateKey.generate()
    with pytest.raises(BadSignature):
        PublicKey.from_spki(spki(key)).verify(scheme, their_signature(scheme, CONTENT), CONTENT)


@ALL
def test_a_private_key_does_not_show(scheme: SignatureScheme) -> None:
    key = key_for(scheme)
    signer = repr(LocalSigner.from_der(pkcs8_for(scheme)))
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        secrets = [str(number) for number in (numbers.d, numbers.p, numbers.q)]
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        secrets = [str(key.private_numbers().private_value), "c0ffee"]
    else:
        secrets = [key.private_bytes_raw().hex(), repr(key.private_bytes_raw())[2:-1]]
    assert not any(secret in signer for secret in secrets)


@pytest.mark.parametrize("scheme", [*PSS, *DEDICATED_PSS], ids=str)
def test_an_rsa_pss_salt_is_drawn_from_the_source_given(scheme: SignatureScheme) -> None:
    asked: list[int] = []

    def random(length: int) -> bytes:
        asked.append(length)
        return b"\x2a" * length

    signer = LocalSigner.from_der(pkcs8_for(scheme), random)
    assert signer.sign(scheme, CONTENT) == signer.sign(scheme, CONTENT)
    assert asked == [{**PSS, **DEDICATED_PSS}[scheme].digest_size] * 2


@pytest.mark.parametrize("scheme", [*ECDSA, *ML_DSA], ids=str)
def test_an_ecdsa_nonce_and_the_rnd_of_ml_dsa_are_drawn_from_the_source_given(scheme: SignatureScheme) -> None:
    def signature(byte: int) -> bytes:
        return LocalSigner.from_der(pkcs8_for(scheme), lambda length: bytes([byte]) * length).sign(scheme, CONTENT)

    assert signature(1) == signature(1) != signature(2)
    PublicKey.from_spki(spki_for(scheme)).verify(scheme, signature(1), CONTENT)


@ALL
def test_without_a_source_given_no_two_signatures_are_the_same_but_edwards_ones(scheme: SignatureScheme) -> None:
    signer = LocalSigner.from_der(pkcs8_for(scheme))
    same = signer.sign(scheme, CONTENT) == signer.sign(scheme, CONTENT)
    assert same == (scheme in (SignatureScheme.ed25519, SignatureScheme.ed448))


@pytest.mark.parametrize("scheme", [SignatureScheme.rsa_pss_rsae_sha256, SignatureScheme.mldsa65], ids=str)
def test_a_library_that_fails_to_sign_is_an_internal_error(scheme: SignatureScheme) -> None:
    signer = LocalSigner.from_der(pkcs8_for(scheme), lambda _: b"short")
    with pytest.raises(InternalError, match=f"signing by {scheme} failed"):
        signer.sign(scheme, CONTENT)
