"""What looks like a signature and is none: RSA-PSS, ECDSA and EdDSA by the rules of each."""

from __future__ import annotations

import pytest
from Crypto.Signature import DSS
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from signing_keys import (
    CONTENT,
    ECDSA,
    ORDERS,
    PSS,
    der,
    ed25519_key,
    integer,
    p256_key,
    pkcs8,
    rsa_key,
    spki,
    spki_for,
    their_signature,
)

from schemas.code_points import SignatureScheme
from tls13.crypto.signatures import LocalSigner, PublicKey
from tls13.errors import BadSignature


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
@pytest.mark.parametrize("scheme", [SignatureScheme.rsa_pss_rsae_sha256, SignatureScheme.rsa_pss_pss_sha256], ids=str)
def test_a_salt_of_another_length_than_the_hash_is_refused(scheme: SignatureScheme, salt_length: int) -> None:
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length)
    signature = rsa_key().sign(CONTENT, pss, hashes.SHA256())
    with pytest.raises(BadSignature):
        PublicKey.from_spki(spki_for(scheme)).verify(scheme, signature, CONTENT)


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


def bad_ecdsa_signatures(scheme: SignatureScheme) -> dict[str, bytes]:
    order = ORDERS[scheme]
    r, s = decode_dss_signature(their_signature(scheme, CONTENT))
    r_der, s_der = integer(r), integer(s)
    good = der(0x30, r_der, s_der)
    content = r_der + s_der
    infinite = b"\x30\x80" + content + b"\0\0"
    padded = b"\x02" + bytes([r_der[1] + 1]) + b"\0" + r_der[2:]
    size = (order.bit_length() + 7) // 8
    return {
        "r = 0": der(0x30, integer(0), s_der),
        "s = 0": der(0x30, r_der, integer(0)),
        "both 0": der(0x30, integer(0), integer(0)),
        "both 1": der(0x30, integer(1), integer(1)),
        "r = n": der(0x30, integer(order), s_der),
        "s = n": der(0x30, r_der, integer(order)),
        "r + n": der(0x30, integer(r + order), s_der),
        "s + n": der(0x30, r_der, integer(s + order)),
        "r - n": der(0x30, integer(r - order), s_der),
        "s - n": der(0x30, r_der, integer(s - order)),
        "negative r": der(0x30, integer(-r), s_der),
        "swapped": der(0x30, s_der, r_der),
        "raw": r.to_bytes(size, "big") + s.to_bytes(size, "big"),
        "r alone": der(0x30, r_der),
        "three numbers": der(0x30, r_der, s_der, integer(1)),
        "empty sequence": b"\x30\x00",
        "empty": b"",
        "empty integers": b"\x30\x04\x02\x00\x02\x00",
        "a set": b"\x31" + good[1:],
        "octet strings": der(0x30, b"\x04" + r_der[1:], b"\x04" + s_der[1:]),
        "a number with a needless zero": der(0x30, padded, s_der),
        "length with a needless byte": b"\x30\x82\x00" + bytes([len(content)]) + content,
        "length in a form of no need": b"\x30\x81\x00" + bytes([len(content)]) + content,
        "integer length in long form": der(0x30, b"\x02\x81" + r_der[1:], s_der),
        "indefinite length": infinite,
        "bytes behind": good + b"\0",
        "bytes inside": der(0x30, r_der, s_der, b"\0"),
        "length over the end": good[: -len(content) - 1] + bytes([len(content) + 1]) + content,
        "enormous length": b"\x30\x89" + b"\xff" * 9 + content,
        "reserved length": b"\x30\xff" + content,
    }


@pytest.mark.parametrize(
    ("scheme", "signature"),
    [
        pytest.param(scheme, signature, id=f"{scheme} {why}")
        for scheme in ECDSA
        for why, signature in bad_ecdsa_signatures(scheme).items()
    ],
)
def test_an_ecdsa_signature_that_is_not_one_is_refused(scheme: SignatureScheme, signature: bytes) -> None:
    with pytest.raises(BadSignature):
        PublicKey.from_spki(spki_for(scheme)).verify(scheme, signature, CONTENT)


def test_an_ecdsa_signature_over_any_length_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    public_key = PublicKey.from_spki(spki(p256_key()))
    monkeypatch.setattr(DSS, "DerSequence", None)
    with pytest.raises(BadSignature):
        public_key.verify(SignatureScheme.ecdsa_secp256r1_sha256, der(0x30, integer(1), integer(2**1100)), CONTENT)


@pytest.mark.parametrize(
    ("scheme", "usual"),
    [
        (SignatureScheme.ecdsa_secp256r1_sha256, {70, 71, 72}),
        (SignatureScheme.ecdsa_secp384r1_sha384, {102, 103, 104}),
        (SignatureScheme.ecdsa_secp521r1_sha512, {137, 138, 139}),
    ],
    ids=str,
)
def test_ecdsa_signatures_of_every_length_are_taken(scheme: SignatureScheme, usual: set[int]) -> None:
    public_key = PublicKey.from_spki(spki_for(scheme))
    lengths = set()
    for counter in range(600):
        content = counter.to_bytes(2, "big")
        signature = their_signature(scheme, content)
        if len(signature) not in lengths:
            lengths.add(len(signature))
            public_key.verify(scheme, signature, content)
            assert signature == encode_dss_signature(*decode_dss_signature(signature))
    assert usual <= lengths


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


ED448_L = 2**446 - 13818066809895115352007386748515426880336692474882178609894547503885


def test_a_second_s_of_an_ed448_signature_is_refused() -> None:
    scheme = SignatureScheme.ed448
    signature = their_signature(scheme, CONTENT)
    s = int.from_bytes(signature[57:], "little")
    public_key = PublicKey.from_spki(spki_for(scheme))
    for other in (s + ED448_L, s + 2 * ED448_L, s + 2**448):
        with pytest.raises(BadSignature):
            public_key.verify(scheme, signature[:57] + other.to_bytes(57, "little"), CONTENT)


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
