"""Signatures, against published figures and another implementation; a bad one raises BadSignature, however bad."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import pytest
from Crypto.Signature import DSS
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from schemas.code_points import SignatureScheme
from tls13.crypto.signatures import SIGNATURES, LocalSigner, PublicKey
from tls13.errors import (
    BadSignature,
    InternalError,
)

PSS = {
    SignatureScheme.rsa_pss_rsae_sha256: hashes.SHA256(),
    SignatureScheme.rsa_pss_rsae_sha384: hashes.SHA384(),
    SignatureScheme.rsa_pss_rsae_sha512: hashes.SHA512(),
}
CONTENT = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + bytes(range(32))
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def p256_key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(0xC0FFEE, ec.SECP256R1())


@cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def key_for(scheme: SignatureScheme) -> PrivateKey:
    if scheme is SignatureScheme.ed25519:
        return ed25519_key()
    return rsa_key() if scheme in PSS else p256_key()


def pkcs8(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def spki(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def their_signature(scheme: SignatureScheme, content: bytes) -> bytes:
    key = key_for(scheme)
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(PSS[scheme]), PSS[scheme].digest_size)
        return key.sign(content, pss, PSS[scheme])
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(content, ec.ECDSA(hashes.SHA256()))
    return key.sign(content)


def their_verification(scheme: SignatureScheme, signature: bytes, content: bytes) -> None:
    key = key_for(scheme)
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(PSS[scheme]), PSS[scheme].digest_size)
        key.public_key().verify(signature, content, pss, PSS[scheme])
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        key.public_key().verify(signature, content, ec.ECDSA(hashes.SHA256()))
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


ALL = pytest.mark.parametrize("scheme", SIGNATURES, ids=str)


@ALL
def test_what_we_sign_the_other_implementation_verifies(scheme: SignatureScheme) -> None:
    signature = LocalSigner.from_der(pkcs8(key_for(scheme)), os.urandom).sign(scheme, CONTENT)
    their_verification(scheme, signature, CONTENT)
    with pytest.raises(InvalidSignature):
        their_verification(scheme, signature, CONTENT + b"!")


@ALL
def test_what_the_other_implementation_signs_we_verify(scheme: SignatureScheme) -> None:
    public_key = PublicKey.from_spki(spki(key_for(scheme)))
    signature = their_signature(scheme, CONTENT)
    public_key.verify(scheme, signature, CONTENT)
    with pytest.raises(BadSignature, match="not the certificate key's"):
        public_key.verify(scheme, signature, CONTENT + b"!")
    with pytest.raises(BadSignature):
        public_key.verify(scheme, signature, b"")


@ALL
def test_the_public_half_of_a_signer_is_that_of_its_key(scheme: SignatureScheme) -> None:
    signer = LocalSigner.from_der(pkcs8(key_for(scheme)))
    assert signer.public_key == spki(key_for(scheme))
    assert signer.schemes == PublicKey.from_spki(signer.public_key).schemes
    assert scheme in signer.schemes


@ALL
def test_every_byte_of_a_signature_counts(scheme: SignatureScheme) -> None:
    public_key = PublicKey.from_spki(spki(key_for(scheme)))
    signature = their_signature(scheme, CONTENT)
    for index in range(len(signature)):
        altered = bytearray(signature)
        altered[index] ^= 1 << index % 8
        with pytest.raises(BadSignature):
            public_key.verify(scheme, bytes(altered), CONTENT)


@ALL
def test_every_other_length_of_a_signature_is_refused(scheme: SignatureScheme) -> None:
    public_key = PublicKey.from_spki(spki(key_for(scheme)))
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
    public_key = PublicKey.from_spki(spki(key_for(scheme)))
    signer = LocalSigner.from_der(pkcs8(key_for(scheme)))
    if other in public_key.schemes:
        return
    with pytest.raises(BadSignature, match=f"{other}, but the certificate's key is for"):
        public_key.verify(other, their_signature(scheme, CONTENT), CONTENT)
    with pytest.raises(InternalError, match=f"cannot sign by {other}"):
        signer.sign(other, CONTENT)


def test_a_signature_by_one_hash_is_none_by_another() -> None:
    public_key = PublicKey.from_spki(spki(rsa_key()))
    for made in PSS:
        for claimed in PSS:
            if made is not claimed:
                with pytest.raises(BadSignature):
                    public_key.verify(claimed, their_signature(made, CONTENT), CONTENT)


def test_a_key_of_the_same_type_that_is_another_refuses() -> None:
    other = PublicKey.from_spki(spki(ec.derive_private_key(2, ec.SECP256R1())))
    scheme = SignatureScheme.ecdsa_secp256r1_sha256
    with pytest.raises(BadSignature):
        other.verify(scheme, their_signature(scheme, CONTENT), CONTENT)


@ALL
def test_a_private_key_does_not_show(scheme: SignatureScheme) -> None:
    key = key_for(scheme)
    signer = repr(LocalSigner.from_der(pkcs8(key)))
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        secrets = [str(number) for number in (numbers.d, numbers.p, numbers.q)]
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        secrets = [str(key.private_numbers().private_value), "c0ffee"]
    else:
        secrets = [key.private_bytes_raw().hex(), repr(key.private_bytes_raw())[2:-1]]
    assert not any(secret in signer for secret in secrets)


def test_the_figures_of_rfc_8032_come_out() -> None:
    # §7.1, test 3
    seed = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    signature = bytes.fromhex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    # RFC 8410 §10.3 shows the structure: version, algorithm, OCTET STRING in OCTET STRING
    private_key = bytes.fromhex("302e 0201 00 3005 0603 2b6570 0422 0420") + seed
    signer = LocalSigner.from_der(private_key)
    assert signer.public_key == bytes.fromhex("302a 3005 0603 2b6570 0321 00") + public
    assert signer.sign(SignatureScheme.ed25519, b"\xaf\x82") == signature
    PublicKey.from_spki(signer.public_key).verify(SignatureScheme.ed25519, signature, b"\xaf\x82")


def test_the_figures_of_rfc_6979_verify() -> None:
    # §A.2.5, SHA-256
    public = PublicKey.from_spki(
        bytes.fromhex(
            "3059 3013 0607 2a8648ce3d0201 0608 2a8648ce3d030107 0342 00 04"
            "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
            "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
        )
    )
    r = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
    s = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8
    scheme = SignatureScheme.ecdsa_secp256r1_sha256
    public.verify(scheme, der(0x30, integer(r), integer(s)), b"sample")
    # ECDSA signatures come in pairs, and TLS 1.3 takes both.
    public.verify(scheme, der(0x30, integer(r), integer(P256_N - s)), b"sample")
    with pytest.raises(BadSignature):
        public.verify(scheme, der(0x30, integer(r), integer(s)), b"test")


VECTORS = Path(__file__).parents[3] / "shared/vectors/rfc8448.json"


@pytest.mark.skipif(not VECTORS.exists(), reason="../shared/vectors is not beside this checkout")
def test_the_server_of_rfc_8448_signs_the_same() -> None:
    figures = json.loads(VECTORS.read_text())
    trace = figures["traces"]["simple_1rtt"]
    content = bytes.fromhex(trace["server_message_to_sign"])
    signature = bytes.fromhex(trace["server_message_signature"])
    key = load_pem_private_key(figures["server_rsa_key_pem"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    scheme = SignatureScheme.rsa_pss_rsae_sha256
    PublicKey.from_spki(spki(key)).verify(scheme, signature, content)

    salts: list[int] = []

    def random(length: int) -> bytes:
        salts.append(length)
        return salt_of(key, signature)

    assert LocalSigner.from_der(pkcs8(key), random).sign(scheme, content) == signature
    assert salts == [32]


def salt_of(key: rsa.RSAPrivateKey, signature: bytes) -> bytes:
    """The salt in a PSS signature by SHA-256 of a 1024-bit key: RFC 8017 §9.1.2, steps 5 to 11."""
    numbers = key.public_key().public_numbers()
    encoded = pow(int.from_bytes(signature, "big"), numbers.e, numbers.n).to_bytes(128, "big")
    masked_db, h = encoded[:-33], encoded[-33:-1]
    mask = b""
    for counter in range(4):
        digest = hashes.Hash(hashes.SHA256())
        digest.update(h + counter.to_bytes(4, "big"))
        mask += digest.finalize()
    return bytes(a ^ b for a, b in zip(masked_db, mask, strict=False))[-32:]


@pytest.mark.skipif(not VECTORS.exists(), reason="../shared/vectors is not beside this checkout")
def test_the_ecdsa_signature_of_rfc_8448_6_verifies() -> None:
    trace = json.loads(VECTORS.read_text())["traces"]["client_authentication"]
    message = bytes.fromhex(trace["message_server_certificate"])
    certificate = x509.load_der_x509_certificate(message[11:-2])
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    PublicKey.from_spki(public).verify(
        SignatureScheme.ecdsa_secp256r1_sha256,
        bytes.fromhex(trace["server_message_signature"]),
        bytes.fromhex(trace["server_message_to_sign"]),
    )


@pytest.mark.parametrize("bits", range(1024, 1034))
def test_rsa_moduli_of_any_bit_length_work_both_ways(bits: int) -> None:
    key, scheme = rsa_key(bits), SignatureScheme.rsa_pss_rsae_sha256
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    public_key = PublicKey.from_spki(spki(key))
    signature = key.sign(CONTENT, pss, hashes.SHA256())
    public_key.verify(scheme, signature, CONTENT)
    ours = LocalSigner.from_der(pkcs8(key)).sign(scheme, CONTENT)
    key.public_key().verify(ours, CONTENT, pss, hashes.SHA256())
    with pytest.raises(BadSignature):
        public_key.verify(scheme, signature[::-1], CONTENT)


@pytest.mark.parametrize("salt_length", [0, 20, 31, 33, 64, 222])
def test_a_salt_of_another_length_than_the_hash_is_refused(salt_length: int) -> None:
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length)
    signature = rsa_key().sign(CONTENT, pss, hashes.SHA256())
    with pytest.raises(BadSignature):
        PublicKey.from_spki(spki(rsa_key())).verify(SignatureScheme.rsa_pss_rsae_sha256, signature, CONTENT)


def test_another_hash_in_the_mask_is_refused() -> None:
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), 32)
    signature = rsa_key().sign(CONTENT, pss, hashes.SHA256())
    with pytest.raises(BadSignature):
        PublicKey.from_spki(spki(rsa_key())).verify(SignatureScheme.rsa_pss_rsae_sha256, signature, CONTENT)


def test_pkcs1_v1_5_padding_is_refused() -> None:
    signature = rsa_key().sign(CONTENT, padding.PKCS1v15(), hashes.SHA256())
    for scheme in PSS:
        with pytest.raises(BadSignature):
            PublicKey.from_spki(spki(rsa_key())).verify(scheme, signature, CONTENT)


def test_a_signature_is_a_number_below_the_modulus() -> None:
    scheme = SignatureScheme.rsa_pss_rsae_sha256
    modulus = rsa_key().public_key().public_numbers().n
    public_key = PublicKey.from_spki(spki(rsa_key()))
    good = int.from_bytes(their_signature(scheme, CONTENT), "big")
    for number in (0, 1, modulus - 1, modulus, modulus + 1, 2**2048 - 1, min(good + modulus, 2**2048 - 1)):
        with pytest.raises(BadSignature):
            public_key.verify(scheme, number.to_bytes(256, "big"), CONTENT)


def bad_ecdsa_signatures() -> dict[str, bytes]:
    r, s = decode_dss_signature(p256_key().sign(CONTENT, ec.ECDSA(hashes.SHA256())))
    r_der, s_der = integer(r), integer(s)
    good = der(0x30, r_der, s_der)
    infinite = b"\x30\x80" + r_der + s_der + b"\0\0"
    padded = b"\x02" + bytes([r_der[1] + 1]) + b"\0" + r_der[2:]
    return {
        "r = 0": der(0x30, integer(0), s_der),
        "s = 0": der(0x30, r_der, integer(0)),
        "both 0": der(0x30, integer(0), integer(0)),
        "both 1": der(0x30, integer(1), integer(1)),
        "r = n": der(0x30, integer(P256_N), s_der),
        "s = n": der(0x30, r_der, integer(P256_N)),
        "r + n": der(0x30, integer(r + P256_N), s_der),
        "s + n": der(0x30, r_der, integer(s + P256_N)),
        "r - n": der(0x30, integer(r - P256_N), s_der),
        "s - n": der(0x30, r_der, integer(s - P256_N)),
        "negative r": der(0x30, integer(-r), s_der),
        "swapped": der(0x30, s_der, r_der),
        "raw": r.to_bytes(32, "big") + s.to_bytes(32, "big"),
        "r alone": der(0x30, r_der),
        "three numbers": der(0x30, r_der, s_der, integer(1)),
        "empty sequence": b"\x30\x00",
        "empty": b"",
        "empty integers": b"\x30\x04\x02\x00\x02\x00",
        "a set": b"\x31" + good[1:],
        "octet strings": der(0x30, b"\x04" + r_der[1:], b"\x04" + s_der[1:]),
        "a number with a needless zero": der(0x30, padded, s_der),
        "length in long form": b"\x30\x81" + good[1:],
        "length with a leading zero": b"\x30\x82\x00" + good[1:],
        "integer length in long form": der(0x30, b"\x02\x81" + r_der[1:], s_der),
        "indefinite length": infinite,
        "bytes behind": good + b"\0",
        "bytes inside": der(0x30, r_der, s_der, b"\0"),
        "length over the end": b"\x30" + bytes([good[1] + 1]) + good[2:],
        "enormous length": b"\x30\x89" + b"\xff" * 9 + good[2:],
        "reserved length": b"\x30\xff" + good[2:],
    }


@pytest.mark.parametrize("signature", bad_ecdsa_signatures().values(), ids=bad_ecdsa_signatures())
def test_an_ecdsa_signature_that_is_not_one_is_refused(signature: bytes) -> None:
    public_key = PublicKey.from_spki(spki(p256_key()))
    with pytest.raises(BadSignature):
        public_key.verify(SignatureScheme.ecdsa_secp256r1_sha256, signature, CONTENT)


def test_an_ecdsa_signature_over_any_length_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    public_key = PublicKey.from_spki(spki(p256_key()))
    monkeypatch.setattr(DSS, "DerSequence", None)
    with pytest.raises(BadSignature):
        public_key.verify(SignatureScheme.ecdsa_secp256r1_sha256, der(0x30, integer(1), integer(2**1100)), CONTENT)


def test_ecdsa_signatures_of_every_length_are_taken() -> None:
    public_key = PublicKey.from_spki(spki(p256_key()))
    lengths = set()
    for counter in range(600):
        content = counter.to_bytes(2, "big")
        signature = p256_key().sign(content, ec.ECDSA(hashes.SHA256()))
        if len(signature) not in lengths:
            lengths.add(len(signature))
            public_key.verify(SignatureScheme.ecdsa_secp256r1_sha256, signature, content)
            assert signature == encode_dss_signature(*decode_dss_signature(signature))
    assert {70, 71, 72} <= lengths


ED25519_L = 2**252 + 27742317777372353535851937790883648493


def ed25519_spki(key: bytes) -> bytes:
    return bytes.fromhex("302a 3005 0603 2b6570 0321 00") + key


def test_a_second_s_of_an_ed25519_signature_is_refused() -> None:
    scheme = SignatureScheme.ed25519
    signature = their_signature(scheme, CONTENT)
    s = int.from_bytes(signature[32:], "little")
    public_key = PublicKey.from_spki(spki(ed25519_key()))
    for other in (s + ED25519_L, s + 2 * ED25519_L):
        with pytest.raises(BadSignature):
            public_key.verify(scheme, signature[:32] + other.to_bytes(32, "little"), CONTENT)


# The eight points of small order and the encodings of two of them that are not reduced.
@pytest.mark.parametrize(
    "point",
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ],
)
def test_an_ed25519_key_of_small_order_verifies_nothing(point: str) -> None:
    public_key = PublicKey.from_spki(ed25519_spki(bytes.fromhex(point)))
    neutral = bytes.fromhex("01") + bytes(31)
    for r in (neutral, bytes.fromhex(point)):
        for content in (b"", CONTENT, b"1", b"2", b"3"):
            with pytest.raises(BadSignature):
                public_key.verify(SignatureScheme.ed25519, r + bytes(32), content)


@pytest.mark.parametrize("scheme", PSS, ids=str)
def test_an_rsa_pss_salt_is_drawn_from_the_source_given(scheme: SignatureScheme) -> None:
    asked: list[int] = []

    def random(length: int) -> bytes:
        asked.append(length)
        return b"\x2a" * length

    signer = LocalSigner.from_der(pkcs8(rsa_key()), random)
    assert signer.sign(scheme, CONTENT) == signer.sign(scheme, CONTENT)
    assert asked == [PSS[scheme].digest_size] * 2


def test_an_ecdsa_nonce_is_drawn_from_the_source_given() -> None:
    scheme = SignatureScheme.ecdsa_secp256r1_sha256

    def signature(byte: int) -> bytes:
        return LocalSigner.from_der(pkcs8(p256_key()), lambda length: bytes([byte]) * length).sign(scheme, CONTENT)

    assert signature(1) == signature(1) != signature(2)
    PublicKey.from_spki(spki(p256_key())).verify(scheme, signature(1), CONTENT)


def test_without_a_source_given_no_two_signatures_are_the_same() -> None:
    for scheme in (SignatureScheme.ecdsa_secp256r1_sha256, *PSS):
        signer = LocalSigner.from_der(pkcs8(key_for(scheme)))
        assert signer.sign(scheme, CONTENT) != signer.sign(scheme, CONTENT)


def test_a_library_that_fails_to_sign_is_an_internal_error() -> None:
    signer = LocalSigner.from_der(pkcs8(rsa_key()), lambda _: b"short")
    with pytest.raises(InternalError, match="signing by rsa_pss_rsae_sha256 failed"):
        signer.sign(SignatureScheme.rsa_pss_rsae_sha256, CONTENT)
