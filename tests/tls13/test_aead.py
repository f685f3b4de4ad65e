"""Against published figures and another implementation; every altered bit of a ciphertext is noticed."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from Crypto.Cipher import AES, ChaCha20_Poly1305
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_encrypt

from schemas.code_points import CipherSuite
from tls13.crypto.aead import SUITES, Suite
from tls13.errors import BadRecordMac

ALL = pytest.mark.parametrize("suite", SUITES.values(), ids=str)

KEY = bytes(range(0x40, 0x60))
NONCE = bytes(range(12))
HEADER = bytes.fromhex("1703030035")

# suite, key, nonce, additional data, plaintext, ciphertext and tag
FIGURES = [
    # "The Galois/Counter Mode of Operation", McGrew and Viega, appendix B, test case 4
    (
        CipherSuite.TLS_AES_128_GCM_SHA256,
        "feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
        "5bc94fbc3221a5db94fae95ae7121a47",
    ),
    # the same, test case 16
    (
        CipherSuite.TLS_AES_256_GCM_SHA384,
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
    # RFC 8439 §2.8.2
    (
        CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
        "070000004041424344454647",
        "50515253c0c1c2c3c4c5c6c7",
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future,"
        b" sunscreen would be it.".hex(),
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
        "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
        "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
        "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
    ),
    # Project Wycheproof, aes_ccm_test.json, tcId 13
    (
        CipherSuite.TLS_AES_128_CCM_SHA256,
        "d97c9b043bdccfd59491a995e78f1696",
        "ef423240358830df915506a3",
        "3ddba7b3ab69c8b2",
        "f047594a5cffda64303a80b2fa6a957169",
        "e0caf2a9d50f70ecaa43b4a287c3b34a99cff4c61882b413b686ff35b63a3a73de",
    ),
    # NIST SP 800-38C, appendix C.3
    (
        CipherSuite.TLS_AES_128_CCM_8_SHA256,
        "404142434445464748494a4b4c4d4e4f",
        "101112131415161718191a1b",
        "000102030405060708090a0b0c0d0e0f10111213",
        "202122232425262728292a2b2c2d2e2f3031323334353637",
        "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951",
    ),
]


@pytest.mark.parametrize(("name", "key", "nonce", "additional", "plain", "sealed"), FIGURES, ids=lambda x: str(x)[:30])
def test_published_figures_come_out_both_ways(
    name: CipherSuite, key: str, nonce: str, additional: str, plain: str, sealed: str
) -> None:
    aead = SUITES[name].aead(bytes.fromhex(key))
    iv, header = bytes.fromhex(nonce), bytes.fromhex(additional)
    assert aead.seal(iv, bytes.fromhex(plain), header).hex() == sealed
    assert aead.open(iv, bytes.fromhex(sealed), header).hex() == plain


# RFC 8448 §3: the server's close_notify, its 2nd record under the key of its application data.
def test_a_record_of_rfc_8448_opens() -> None:
    key, iv = bytes.fromhex("9f02283b6c9c07efc26bb9f2ac92e356"), bytes.fromhex("cf782b88dd83549aadf1e984")
    record = bytes.fromhex("1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9")
    sequence_number = 2  # after NewSessionTicket and the application data
    nonce = (int.from_bytes(iv, "big") ^ sequence_number).to_bytes(12, "big")
    aead = SUITES[CipherSuite.TLS_AES_128_GCM_SHA256].aead(key)
    assert aead.open(nonce, record[5:], record[:5]) == b"\x01\x00\x15"  # warning, close_notify, alert(21)


def pycryptodome_gcm(key: bytes, nonce: bytes, plaintext: bytes, additional_data: bytes) -> bytes:
    cipher = AES.new(key, AES.MODE_GCM, nonce=nonce)
    cipher.update(additional_data)
    return b"".join(cipher.encrypt_and_digest(plaintext))


def pycryptodome_ccm(key: bytes, nonce: bytes, plaintext: bytes, additional_data: bytes) -> bytes:
    cipher = AES.new(key, AES.MODE_CCM, nonce=nonce, mac_len=16)
    cipher.update(additional_data)
    return b"".join(cipher.encrypt_and_digest(plaintext))


def pycryptodome_ccm_8(key: bytes, nonce: bytes, plaintext: bytes, additional_data: bytes) -> bytes:
    cipher = AES.new(key, AES.MODE_CCM, nonce=nonce, mac_len=8)
    cipher.update(additional_data)
    return b"".join(cipher.encrypt_and_digest(plaintext))


def pycryptodome_chacha(key: bytes, nonce: bytes, plaintext: bytes, additional_data: bytes) -> bytes:
    cipher = ChaCha20_Poly1305.new(key=key, nonce=nonce)
    cipher.update(additional_data)
    return b"".join(cipher.encrypt_and_digest(plaintext))


def libsodium_chacha(key: bytes, nonce: bytes, plaintext: bytes, additional_data: bytes) -> bytes:
    return crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, additional_data, nonce, key)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        (CipherSuite.TLS_AES_128_GCM_SHA256, pycryptodome_gcm),
        (CipherSuite.TLS_AES_256_GCM_SHA384, pycryptodome_gcm),
        (CipherSuite.TLS_CHACHA20_POLY1305_SHA256, pycryptodome_chacha),
        (CipherSuite.TLS_CHACHA20_POLY1305_SHA256, libsodium_chacha),
        (CipherSuite.TLS_AES_128_CCM_SHA256, pycryptodome_ccm),
        (CipherSuite.TLS_AES_128_CCM_8_SHA256, pycryptodome_ccm_8),
    ],
    ids=str,
)
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 1400, 16384, 16385])
def test_each_suite_agrees_with_another_implementation_both_ways(
    name: CipherSuite, theirs: Callable[[bytes, bytes, bytes, bytes], bytes], length: int
) -> None:
    suite = SUITES[name]
    key, nonce, plaintext = os.urandom(suite.key_length), os.urandom(suite.iv_length), os.urandom(length)
    sealed = theirs(key, nonce, plaintext, HEADER)
    assert suite.aead(key).seal(nonce, plaintext, HEADER) == sealed
    assert suite.aead(key).open(nonce, sealed, HEADER) == plaintext


@ALL
def test_what_is_sealed_is_longer_by_the_tag(suite: Suite) -> None:
    assert len(suite.aead(KEY[: suite.key_length]).seal(NONCE, b"hello", HEADER)) == 5 + suite.tag_length


@ALL
def test_every_altered_bit_is_noticed(suite: Suite) -> None:
    aead = suite.aead(KEY[: suite.key_length])
    sealed = aead.seal(NONCE, b"four", HEADER)
    for bit in range(8 * len(sealed)):
        altered = (int.from_bytes(sealed, "big") ^ 1 << bit).to_bytes(len(sealed), "big")
        with pytest.raises(BadRecordMac):
            aead.open(NONCE, altered, HEADER)
    for bit in range(8 * len(HEADER)):
        altered = (int.from_bytes(HEADER, "big") ^ 1 << bit).to_bytes(len(HEADER), "big")
        with pytest.raises(BadRecordMac):
            aead.open(NONCE, sealed, altered)
    assert aead.open(NONCE, sealed, HEADER) == b"four"


@ALL
def test_every_other_length_is_noticed(suite: Suite) -> None:
    aead = suite.aead(KEY[: suite.key_length])
    sealed = aead.seal(NONCE, b"four", HEADER)
    for shorter in range(len(sealed)):
        with pytest.raises(BadRecordMac):
            aead.open(NONCE, sealed[:shorter], HEADER)
    with pytest.raises(BadRecordMac):
        aead.open(NONCE, sealed + b"\0", HEADER)
    with pytest.raises(BadRecordMac):
        aead.open(NONCE, sealed, b"")


@ALL
def test_another_key_or_nonce_does_not_open(suite: Suite) -> None:
    sealed = suite.aead(KEY[: suite.key_length]).seal(NONCE, b"four", HEADER)
    with pytest.raises(BadRecordMac):
        suite.aead(KEY[::-1][: suite.key_length]).open(NONCE, sealed, HEADER)
    with pytest.raises(BadRecordMac):
        suite.aead(KEY[: suite.key_length]).open(NONCE[::-1], sealed, HEADER)


@ALL
def test_any_bytes_like_input_is_taken(suite: Suite) -> None:
    aead = suite.aead(KEY[: suite.key_length])
    sealed = aead.seal(NONCE, b"hello", HEADER)
    for kind in (bytearray, memoryview):
        assert aead.seal(NONCE, kind(b"hello"), kind(HEADER)) == sealed
        opened = aead.open(NONCE, kind(sealed), kind(HEADER))
        assert opened == b"hello"
        assert type(opened) is bytes


@ALL
def test_a_key_of_a_wrong_length_is_refused(suite: Suite) -> None:
    for length in (0, suite.key_length - 1, suite.key_length + 1):
        with pytest.raises(ValueError, match="key"):
            suite.aead(bytes(length))


@ALL
def test_a_key_does_not_show(suite: Suite) -> None:
    aead = suite.aead(b"k" * suite.key_length)
    assert "kkk" not in repr(aead)


def test_the_rows_are_those_of_rfc_9846_b_4() -> None:
    rows = [(s.cipher_suite.value, s.hash_name, s.key_length, s.iv_length, s.tag_length) for s in SUITES.values()]
    assert rows == [
        (0x1301, "sha256", 16, 12, 16),
        (0x1302, "sha384", 32, 12, 16),
        (0x1303, "sha256", 32, 12, 16),
        (0x1304, "sha256", 16, 12, 16),
        (0x1305, "sha256", 16, 12, 8),
    ]
    assert all(name is suite.cipher_suite for name, suite in SUITES.items())


def test_the_record_limits_are_those_of_rfc_9846_5_5() -> None:
    limits = {name: suite.record_limit for name, suite in SUITES.items()}
    gcm = limits[CipherSuite.TLS_AES_128_GCM_SHA256]
    assert gcm == limits[CipherSuite.TLS_AES_256_GCM_SHA384]
    assert gcm**2 <= 2**49 < (gcm + 1) ** 2  # 2^24.5, rounded down
    assert limits[CipherSuite.TLS_CHACHA20_POLY1305_SHA256] == 2**64 - 1


def test_the_record_limit_of_ccm_keeps_the_margin_of_rfc_9147_b_1() -> None:
    ccm = SUITES[CipherSuite.TLS_AES_128_CCM_SHA256].record_limit
    assert ccm == SUITES[CipherSuite.TLS_AES_128_CCM_8_SHA256].record_limit
    blocks = 2 * 2**14 // 16  # what CCM runs AES over for a full-size record: 2l
    assert (blocks * ccm) ** 2 * 2**60 <= 2**128 < (blocks * 2 * ccm) ** 2 * 2**60  # an advantage of 2^-60
