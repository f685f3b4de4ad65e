"""ML-KEM and the hybrids of RFC 10024: published figures, another implementation, and what a peer may not send."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest
from Crypto.Hash import SHAKE128
from Crypto.PublicKey.MLKEM import MLKEMKey
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
    MLKEM1024PrivateKey,
    MLKEM1024PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from draws import Draws

from schemas.code_points import AlertDescription, NamedGroup
from tls13.crypto.groups import GROUPS, ML_KEM_768, ML_KEM_1024, MlKem
from tls13.errors import ALERTS, BadKeyShare, InternalError

# What a hash over many keys, ciphertexts and secrets comes to, all drawn from one stream: for ML-KEM-768 by Go's tests
# (crypto/mlkem, TestAccumulated), for ML-KEM-1024 by LibreSSL's, which take the decapsulation keys in, too.
GO_100 = "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415"
LIBRESSL_10_000 = "e3bf82b013307b2e9d47dde791ff6dfc82e694e6382404abdb948b908b75bad5"


def accumulated(kem: MlKem, number: int, *, with_decapsulation_keys: bool) -> str:
    stream, results = SHAKE128.new(), SHAKE128.new()
    for _ in range(number):
        client = kem.generate(stream.read)
        results.update(client.share)
        if with_decapsulation_keys:
            results.update(client.decapsulation_key.expanded_dk)
        ciphertext, secret = kem.respond(stream.read, client.share)
        assert client.agree(ciphertext) == secret
        results.update(ciphertext + secret)
        results.update(client.agree(stream.read(kem.ciphertext_length)))  # no ciphertext of anybody's
    return results.read(32).hex()


def test_the_accumulated_figure_of_go_comes_out() -> None:
    assert accumulated(ML_KEM_768, 100, with_decapsulation_keys=False) == GO_100


def test_the_accumulated_figure_of_libressl_comes_out() -> None:
    assert accumulated(ML_KEM_1024, 10_000, with_decapsulation_keys=True) == LIBRESSL_10_000


# -- the hybrids against their parts, by another implementation ----------------------------------------------


@dataclass(frozen=True)
class Theirs:
    """The two halves of a hybrid, cut and put together here as RFC 10024 §4 says, with another library's primitives."""

    ecdh_first: bool
    kem_key: MLKEM768PrivateKey | MLKEM1024PrivateKey
    ec_key: ec.EllipticCurvePrivateKey | X25519PrivateKey

    @property
    def ec_share(self) -> bytes:
        if isinstance(self.ec_key, X25519PrivateKey):
            return self.ec_key.public_key().public_bytes_raw()
        return self.ec_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def join(self, of_kem: bytes, of_ec: bytes) -> bytes:
        return of_ec + of_kem if self.ecdh_first else of_kem + of_ec

    def cut(self, share: bytes) -> tuple[bytes, bytes]:
        """Of the KEM, of the curve."""
        length = len(self.ec_share)
        return (share[length:], share[:length]) if self.ecdh_first else (share[:-length], share[-length:])

    def exchange(self, share: bytes) -> bytes:
        if isinstance(self.ec_key, X25519PrivateKey):
            return self.ec_key.exchange(X25519PublicKey.from_public_bytes(share))
        return self.ec_key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(self.ec_key.curve, share))

    def client_share(self) -> bytes:
        return self.join(self.kem_key.public_key().public_bytes_raw(), self.ec_share)

    def agree(self, server_share: bytes) -> bytes:
        ciphertext, ec_share = self.cut(server_share)
        return self.join(self.kem_key.decapsulate(ciphertext), self.exchange(ec_share))

    def respond(self, client_share: bytes) -> tuple[bytes, bytes]:
        encapsulation_key, ec_share = self.cut(client_share)
        kind = MLKEM768PublicKey if isinstance(self.kem_key, MLKEM768PrivateKey) else MLKEM1024PublicKey
        secret, ciphertext = kind.from_public_bytes(encapsulation_key).encapsulate()
        return self.join(ciphertext, self.ec_share), self.join(secret, self.exchange(ec_share))


def theirs(name: NamedGroup) -> Theirs:
    match name:
        case NamedGroup.X25519MLKEM768:
            return Theirs(False, MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())
        case NamedGroup.SecP256r1MLKEM768:
            return Theirs(True, MLKEM768PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1()))
        case _:
            return Theirs(True, MLKEM1024PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1()))


HYBRIDS = [NamedGroup.X25519MLKEM768, NamedGroup.SecP256r1MLKEM768, NamedGroup.SecP384r1MLKEM1024]
EVERY_HYBRID = pytest.mark.parametrize("name", HYBRIDS, ids=str)


@EVERY_HYBRID
def test_a_client_of_ours_agrees_with_a_server_of_theirs(name: NamedGroup) -> None:
    client = GROUPS[name].generate(os.urandom)
    share, secret = theirs(name).respond(client.share)
    assert client.agree(share) == secret


@EVERY_HYBRID
def test_a_server_of_ours_agrees_with_a_client_of_theirs(name: NamedGroup) -> None:
    client = theirs(name)
    share, secret = GROUPS[name].respond(os.urandom, client.client_share())
    assert client.agree(share) == secret


def test_the_seed_of_a_client_is_d_and_z_and_the_private_key_of_the_curve() -> None:
    d_and_z, scalar = bytes(range(64)), bytes(range(100, 132))
    share = GROUPS[NamedGroup.X25519MLKEM768].generate(Draws(d_and_z, scalar)).share
    assert share[:1184] == MLKEM768PrivateKey.from_seed_bytes(d_and_z).public_key().public_bytes_raw()
    assert share[1184:] == X25519PrivateKey.from_private_bytes(scalar).public_key().public_bytes_raw()


# -- what a server may not send ------------------------------------------------------------------------------


@EVERY_HYBRID
def test_an_altered_ciphertext_gives_another_secret_without_a_word(name: NamedGroup) -> None:
    """FIPS 203 §6.3, implicit rejection: the same one each time, and only ML-KEM's half."""
    client, server = GROUPS[name].generate(os.urandom), theirs(name)
    share, secret = server.respond(client.share)
    ciphertext, ec_share = server.cut(share)
    for index in (0, 1, 500, len(ciphertext) - 1):
        altered = bytearray(ciphertext)
        altered[index] ^= 1
        rejected = client.agree(server.join(bytes(altered), ec_share))
        assert rejected == client.agree(server.join(bytes(altered), ec_share))
        of_ec = slice(None, -32) if server.ecdh_first else slice(32, None)
        of_kem = slice(-32, None) if server.ecdh_first else slice(None, 32)
        assert rejected[of_ec] == secret[of_ec]
        assert rejected[of_kem] != secret[of_kem]


@EVERY_HYBRID
def test_a_bad_share_of_the_curve_is_refused_in_a_servers_answer(name: NamedGroup) -> None:
    client, server = GROUPS[name].generate(os.urandom), theirs(name)
    ciphertext, ec_share = server.cut(server.respond(client.share)[0])
    for bad in bad_shares_of_the_curve(ec_share):
        with pytest.raises(BadKeyShare):
            client.agree(server.join(ciphertext, bad))


@EVERY_HYBRID
def test_a_bad_share_of_the_curve_is_refused_in_a_clients_hello(name: NamedGroup) -> None:
    client = theirs(name)
    encapsulation_key, ec_share = client.cut(client.client_share())
    for bad in bad_shares_of_the_curve(ec_share):
        with pytest.raises(BadKeyShare):
            GROUPS[name].respond(os.urandom, client.join(encapsulation_key, bad))


def bad_shares_of_the_curve(good: bytes) -> list[bytes]:
    """As long as a good one. For X25519 u = 0, 1 and p, which make an all-zero secret."""
    if len(good) == 32:
        return [bytes(32), b"\1" + bytes(31), (2**255 - 19).to_bytes(32, "little")]
    return [bytes(len(good)), b"\4" + bytes(len(good) - 1), b"\2" + good[1:], good[:-1] + bytes([good[-1] ^ 1])]


@EVERY_HYBRID
def test_the_parts_of_a_share_in_the_wrong_order_are_refused(name: NamedGroup) -> None:
    client = theirs(name)
    encapsulation_key, ec_share = client.cut(client.client_share())
    swapped = encapsulation_key + ec_share if client.ecdh_first else ec_share + encapsulation_key
    with pytest.raises(BadKeyShare):
        GROUPS[name].respond(os.urandom, swapped)


@EVERY_HYBRID
def test_the_share_of_a_hybrid_is_told_its_right_length(name: NamedGroup) -> None:
    client = GROUPS[name].generate(os.urandom)
    share, _ = theirs(name).respond(client.share)
    for part in (client.share[:-1], share[:32], b""):
        with pytest.raises(BadKeyShare, match=rf"hybrid key share is {len(client.share)} bytes, this one {len(part)}"):
            GROUPS[name].respond(os.urandom, part)
    with pytest.raises(BadKeyShare, match=rf"hybrid key share is {len(share)} bytes, this one {len(share) + 1}"):
        client.agree(share + b"\0")


# -- encapsulation keys --------------------------------------------------------------------------------------

Q = 3329


def with_number(encapsulation_key: bytes, index: int, value: int) -> bytes:
    """The key with its number at `index` replaced: 12 bits each, the least significant first. FIPS 203 §4.2.1"""
    bits = int.from_bytes(encapsulation_key[:-32], "little")
    bits &= ~(0xFFF << 12 * index)
    bits |= value << 12 * index
    return bits.to_bytes(len(encapsulation_key) - 32, "little") + encapsulation_key[-32:]


@pytest.mark.parametrize(("kem", "numbers"), [(ML_KEM_768, 768), (ML_KEM_1024, 1024)], ids=["768", "1024"])
def test_an_encapsulation_key_with_a_number_that_is_not_reduced_is_refused(kem: MlKem, numbers: int) -> None:
    """The modulus check of FIPS 203 §7.2, which RFC 10024 §4.2 asks of a server."""
    good = kem.generate(os.urandom).share
    for index in range(0, numbers, 37):
        assert len(kem.respond(os.urandom, with_number(good, index, Q - 1))[1]) == 32
        for value in (Q, Q + 1, 4095):
            with pytest.raises(BadKeyShare, match="number over 3328"):
                kem.respond(os.urandom, with_number(good, index, value))
    with pytest.raises(BadKeyShare):
        kem.respond(os.urandom, with_number(good, numbers - 1, Q))


@pytest.mark.parametrize("kem", [ML_KEM_768, ML_KEM_1024], ids=["768", "1024"])
def test_shares_of_ml_kem_of_another_length_are_refused(kem: MlKem) -> None:
    client = kem.generate(os.urandom)
    ciphertext, _ = kem.respond(os.urandom, client.share)
    for wrong in (b"", ciphertext[:-1], ciphertext + b"\0"):
        with pytest.raises(BadKeyShare, match=f"ciphertext is {kem.ciphertext_length} bytes"):
            client.agree(wrong)
    for wrong in (b"", client.share[:-1], client.share + b"\0"):
        with pytest.raises(BadKeyShare, match=f"encapsulation key is {kem.encapsulation_key_length} bytes"):
            kem.respond(os.urandom, wrong)


def test_a_bad_share_is_an_illegal_parameter_and_a_failed_decapsulation_an_internal_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 10024 §4.2."""

    def broken(_key: MLKEMKey, _ciphertext: bytes) -> bytes:
        raise ValueError("Error 2 during the ML-KEM decapsulation")

    client = ML_KEM_768.generate(os.urandom)
    monkeypatch.setattr(MLKEMKey, "_decaps", broken)
    with pytest.raises(InternalError) as internal:
        client.agree(bytes(1088))
    assert ALERTS[type(internal.value)] is AlertDescription.internal_error
    with pytest.raises(BadKeyShare) as bad:
        client.agree(bytes(1087))
    assert ALERTS[type(bad.value)] is AlertDescription.illegal_parameter
