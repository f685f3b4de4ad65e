"""Signatures against published figures: RFC 8032, RFC 6979, RFC 8448 and the community's for ML-DSA."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from Crypto.Hash import SHAKE128
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from signing_keys import ECDSA, ML_DSA, ORDERS, der, integer, pkcs8, spki

from schemas.code_points import SignatureScheme
from tls13.crypto.signatures import LocalSigner, PublicKey
from tls13.errors import BadSignature


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


# RFC 8032 §7.4: "Blank" and "1 octet"
ED448_FIGURES = [
    (
        "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f95b",
        "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180",
        "",
        "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd3980"
        "ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a7363268c71d95808ff2e652600",
    ),
    (
        "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e",
        "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480",
        "03",
        "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd77980"
        "5e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c03a00",
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), ED448_FIGURES, ids=["blank", "1 octet"])
def test_the_figures_of_rfc_8032_for_ed448_come_out(seed: str, public: str, message: str, signature: str) -> None:
    signer = LocalSigner.from_der(bytes.fromhex("3047 0201 00 3005 0603 2b6571 043b 0439" + seed))
    assert signer.public_key == bytes.fromhex("3043 3005 0603 2b6571 033a 00" + public)
    content, expected = bytes.fromhex(message), bytes.fromhex(signature)
    assert signer.sign(SignatureScheme.ed448, content) == expected
    PublicKey.from_spki(signer.public_key).verify(SignatureScheme.ed448, expected, content)


# RFC 6979 §A.2.5 to §A.2.7, the message "sample" by the hash that TLS 1.3 pairs with the curve: Ux, Uy, r, s.
RFC_6979 = {
    SignatureScheme.ecdsa_secp256r1_sha256: (
        0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
        0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ),
    SignatureScheme.ecdsa_secp384r1_sha384: (
        0xEC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13,
        0x8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720,
        0x94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46,
        0x99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8,
    ),
    SignatureScheme.ecdsa_secp521r1_sha512: (
        0x1894550D0785932E00EAA23B694F213F8C3121F86DC97A04E5A7167DB4E5BCD371123D46E45DB6B5D5370A7F20FB633155D38FFA16D2BD761DCAC474B9A2F5023A4,
        0x0493101C962CD4D2FDDF782285E64584139C2F91B47F87FF82354D6630F746A28A0DB25741B5B34A828008B22ACC23F924FAAFBD4D33F81EA66956DFEAA2BFDFCF5,
        0x0C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA,
        0x0617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A,
    ),
}


@pytest.mark.parametrize("scheme", RFC_6979, ids=str)
def test_the_figures_of_rfc_6979_verify(scheme: SignatureScheme) -> None:
    x, y, r, s = RFC_6979[scheme]
    public = PublicKey.from_spki(spki_of_point(x, y, ECDSA[scheme][0]))
    public.verify(scheme, der(0x30, integer(r), integer(s)), b"sample")
    # ECDSA signatures come in pairs, and TLS 1.3 takes both.
    public.verify(scheme, der(0x30, integer(r), integer(ORDERS[scheme] - s)), b"sample")
    with pytest.raises(BadSignature):
        public.verify(scheme, der(0x30, integer(r), integer(s)), b"test")


def spki_of_point(x: int, y: int, curve: ec.EllipticCurve) -> bytes:
    key = ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# C2SP CCTV, ML-DSA/accumulated: what a hash over 100 public keys and their signatures of nothing comes to.
ACCUMULATED = {
    SignatureScheme.mldsa44: "d51148e1f9f4fa1a723a6cf42e25f2a99eb5c1b378b3d2dbbd561b1203beeae4",
    SignatureScheme.mldsa65: "8358a1843220194417cadbc2651295cd8fc65125b5a5c1a239a16dc8b57ca199",
    SignatureScheme.mldsa87: "8c3ad714777622b8f21ce31bb35f71394f23bc0fcf3c78ace5d608990f3b061b",
}


@pytest.mark.parametrize("scheme", ML_DSA, ids=str)
def test_the_accumulated_figures_of_ml_dsa_come_out(scheme: SignatureScheme) -> None:
    """The deterministic variant of FIPS 204 §3.4 is the one with zeros for rnd."""
    stream, results = SHAKE128.new(), SHAKE128.new()
    for _ in range(100):
        # RFC 9881 §6: the seed in [0], in the OCTET STRING of a PKCS#8 structure
        key = ML_DSA[scheme].from_seed_bytes(bytes(32))
        private_key = pkcs8(key)[:-32] + stream.read(32)
        signer = LocalSigner.from_der(private_key, bytes)
        signature = signer.sign(scheme, b"")
        PublicKey.from_spki(signer.public_key).verify(scheme, signature, b"")
        results.update(signer.public_key[22:])
        results.update(signature)
    assert results.read(32).hex() == ACCUMULATED[scheme]


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
