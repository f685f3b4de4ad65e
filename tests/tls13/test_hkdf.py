"""Against RFC 5869 appendix A, the figures of RFC 8448 §3, and another implementation."""

from __future__ import annotations

import hmac
from types import ModuleType

import pytest
from Crypto.Hash import SHA256, SHA384
from Crypto.Protocol.KDF import HKDF

from schemas.errors import EncodeError
from tls13.crypto.hkdf import HASHES, derive_secret, hkdf_expand, hkdf_expand_label, hkdf_extract

# RFC 5869 A.1, A.2, A.3: IKM, salt, info, PRK, OKM.
RFC_5869 = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]

# RFC 8448 §3, in the order in which the server derives them.
EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
EARLY_SECRET = "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a"
DERIVED_OF_EARLY_SECRET = "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba"
SHARED_SECRET = "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"
HANDSHAKE_SECRET = "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac"
HASH_TO_SERVER_HELLO = "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8"
SERVER_HANDSHAKE_TRAFFIC_SECRET = "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"
SERVER_HANDSHAKE_KEY = "3fce516009c21727d0f2e4e86ee403bc"
SERVER_HANDSHAKE_IV = "5d313eb2671276ee13000b30"


@pytest.mark.parametrize(("ikm", "salt", "info", "prk", "okm"), RFC_5869, ids=["A.1", "A.2", "A.3"])
def test_extract_and_expand_give_the_figures_of_rfc_5869(ikm: str, salt: str, info: str, prk: str, okm: str) -> None:
    assert hkdf_extract("sha256", bytes.fromhex(salt), bytes.fromhex(ikm)).hex() == prk
    assert hkdf_expand("sha256", bytes.fromhex(prk), bytes.fromhex(info), len(okm) // 2).hex() == okm


@pytest.mark.parametrize(("name", "module"), [("sha256", SHA256), ("sha384", SHA384)])
@pytest.mark.parametrize("length", [1, 12, 16, 32, 33, 48, 49, 255])
def test_both_hashes_agree_with_another_implementation(name: str, module: ModuleType, length: int) -> None:
    ikm, salt, info = b"input keying material", b"salt" * 12, b"some info"
    expected = HKDF(ikm, length, salt, module, context=info)
    assert hkdf_expand(name, hkdf_extract(name, salt, ikm), info, length) == expected


def test_the_first_secrets_of_rfc_8448_come_out() -> None:
    early = hkdf_extract("sha256", bytes(32), bytes(32))
    assert early.hex() == EARLY_SECRET
    derived = derive_secret("sha256", early, b"derived", bytes.fromhex(EMPTY_HASH))
    assert derived.hex() == DERIVED_OF_EARLY_SECRET
    handshake = hkdf_extract("sha256", derived, bytes.fromhex(SHARED_SECRET))
    assert handshake.hex() == HANDSHAKE_SECRET
    traffic = derive_secret("sha256", handshake, b"s hs traffic", bytes.fromhex(HASH_TO_SERVER_HELLO))
    assert traffic.hex() == SERVER_HANDSHAKE_TRAFFIC_SECRET


@pytest.mark.parametrize(
    ("label", "length", "expected"), [(b"key", 16, SERVER_HANDSHAKE_KEY), (b"iv", 12, SERVER_HANDSHAKE_IV)]
)
def test_expand_label_gives_the_key_and_iv_of_rfc_8448(label: bytes, length: int, expected: str) -> None:
    secret = bytes.fromhex(SERVER_HANDSHAKE_TRAFFIC_SECRET)
    assert hkdf_expand_label("sha256", secret, label, b"", length).hex() == expected


def test_the_info_of_expand_label_is_length_prefixed_label_prefixed_context() -> None:
    info = (
        b"\x00\x20"  # uint16 length = 32
        b"\x10tls13 exp master"  # opaque label<7..255>
        b"\x03ctx"  # opaque context<0..255>
    )
    one_block = hmac.digest(b"\x07" * 32, info + b"\x01", "sha256")
    assert hkdf_expand_label("sha256", b"\x07" * 32, b"exp master", b"ctx", 32) == one_block


@pytest.mark.parametrize(("name", "length"), [("sha256", 32), ("sha384", 48)])
def test_derive_secret_gives_as_many_bytes_as_the_hash(name: str, length: int) -> None:
    assert HASHES[name].digest_size == length
    secret = derive_secret(name, bytes(length), b"c ap traffic", bytes(length))
    assert len(secret) == length
    assert secret == hkdf_expand_label(name, bytes(length), b"c ap traffic", bytes(length), length)


@pytest.mark.parametrize("label", [b"k", b"k" * 249])
def test_the_shortest_and_the_longest_label_are_taken(label: bytes) -> None:
    assert len(hkdf_expand_label("sha256", bytes(32), label, bytes(255), 16)) == 16


@pytest.mark.parametrize(("label", "context"), [(b"", b""), (b"k" * 250, b""), (b"key", bytes(256))])
def test_a_label_or_context_that_does_not_fit_is_refused(label: bytes, context: bytes) -> None:
    with pytest.raises(EncodeError):
        hkdf_expand_label("sha256", bytes(32), label, context, 16)
