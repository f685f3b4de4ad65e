"""The key exchange groups: code point → how to make a key share and what to make of the peer's. RFC 9846 §4.3.8, §7.4.

A group is one row of `GROUPS`. The client generates a share and later agrees on the secret, the server responds to the
client's share. In a Diffie-Hellman group both do the same; a KEM's server encapsulates, so the two stand apart; a
hybrid is two groups side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from Crypto.Protocol.DH import import_x448_private_key, import_x448_public_key, key_agreement
from Crypto.PublicKey import ECC, MLKEM
from Crypto.PublicKey.ECC import EccKey
from Crypto.PublicKey.MLKEM import MLKEMKey
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.exceptions import CryptoError

from schemas.code_points import NamedGroup
from tls13.crypto import Random
from tls13.errors import BadKeyShare, InternalError


class PrivateShare(Protocol):
    """The private half of a key share, for one handshake only: §4.3.8 forbids using it again."""

    @property
    def share(self) -> bytes:
        """The `key_exchange` to send."""

    def agree(self, peer_share: bytes) -> bytes:
        """The shared secret, given the peer's `key_exchange`. Raises BadKeyShare if that is no such thing."""


class Group(Protocol):
    """What a row of `GROUPS` offers."""

    @property
    def security_bits(self) -> int:
        """Its security strength. NIST SP 800-57 part 1 §5.6.1"""

    def generate(self, random: Random, /) -> PrivateShare:
        """A new key share."""

    def respond(self, random: Random, peer_share: bytes, /) -> tuple[bytes, bytes]:
        """The server's `key_exchange` for the client's, and the shared secret. Raises BadKeyShare."""


# -- Diffie-Hellman ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DiffieHellman:
    """A group where both sides send a public key, whoever comes first. `security_bits` is from SP 800-186."""

    generate: Callable[[Random], PrivateShare]
    security_bits: int

    def respond(self, random: Random, peer_share: bytes, /) -> tuple[bytes, bytes]:
        """See `Group`."""
        own = self.generate(random)
        return own.share, own.agree(peer_share)


@dataclass(frozen=True, slots=True)
class X25519Share:
    """A private key of X25519 and its public key, 32 bytes each. RFC 7748 §6.1."""

    private_key: bytes = field(repr=False)
    share: bytes

    @classmethod
    def generate(cls, random: Random, /) -> X25519Share:
        """The 32 bytes that `random` gives are the private key."""
        private_key = draw(random, 32)
        return cls(private_key, crypto_scalarmult_base(private_key))

    def agree(self, peer_share: bytes) -> bytes:
        """The 32 bytes of K. Raises BadKeyShare for a wrong length and, by §7.4.2, for an all-zero K."""
        check_length("an x25519 key share", peer_share, 32)
        try:
            return crypto_scalarmult(self.private_key, peer_share)
        except CryptoError:
            raise BadKeyShare("an x25519 key share of small order, which makes an all-zero secret") from None


@dataclass(frozen=True, slots=True)
class X448Share:
    """A private key of X448 and its public key, 56 bytes. RFC 7748 §6.2."""

    private_key: EccKey = field(repr=False)
    share: bytes

    @classmethod
    def generate(cls, random: Random, /) -> X448Share:
        """The 56 bytes that `random` gives are the private key."""
        private_key = import_x448_private_key(draw(random, 56))
        return cls(private_key, private_key.public_key().export_key(format="raw"))

    def agree(self, peer_share: bytes) -> bytes:
        """The 56 bytes of K. Raises BadKeyShare for a wrong length and, by §7.4.2, for an all-zero K."""
        check_length("an x448 key share", peer_share, 56)
        try:
            return key_agreement(kdf=bytes, eph_priv=self.private_key, eph_pub=import_x448_public_key(peer_share))
        except ValueError:
            raise BadKeyShare("an x448 key share of small order, which makes an all-zero secret") from None


@dataclass(frozen=True, slots=True)
class WeierstrassShare:
    """A private key on a curve of SP 800-186 §3.2.1 and its public key, an uncompressed point. RFC 9846 §4.3.8.2."""

    curve: WeierstrassCurve
    private_key: EccKey = field(repr=False)
    share: bytes

    def agree(self, peer_share: bytes) -> bytes:
        """The X coordinate of the shared point, left-padded to its full length (§7.4.2). Raises BadKeyShare."""
        curve = self.curve
        if len(peer_share) != 1 + 2 * curve.coordinate_length or peer_share[0] != UNCOMPRESSED:
            raise BadKeyShare(
                f"a {curve.name} key share is 0x04 and {2 * curve.coordinate_length} bytes,"
                f" this one {peer_share[:1].hex() or 'nothing'} and {max(len(peer_share) - 1, 0)}"
            )
        try:
            public_key = ECC.import_key(peer_share, curve_name=curve.name)
            # Refuses the point at infinity, which the library reads from zeros.
            return key_agreement(kdf=bytes, eph_priv=self.private_key, eph_pub=public_key)
        except ValueError:
            raise BadKeyShare(f"a {curve.name} key share that is no point of the curve") from None


@dataclass(frozen=True, slots=True)
class WeierstrassCurve:
    """A curve by its name in PyCryptodome, the length of a coordinate in bytes and the order of the base point."""

    name: str
    coordinate_length: int
    order: int

    def generate(self, random: Random, /) -> WeierstrassShare:
        """What `random` gives is the private key, big-endian, once it is in 1..order-1. FIPS 186-5 §A.2.2."""
        mask = (1 << self.order.bit_length()) - 1
        for _ in range(DRAWS):
            scalar = int.from_bytes(draw(random, self.coordinate_length), "big") & mask
            if 1 <= scalar < self.order:
                key = ECC.construct(curve=self.name, d=scalar)
                return WeierstrassShare(self, key, key.public_key().export_key(format="SEC1"))
        raise InternalError(f"the source of randomness gave no {self.name} private key in {DRAWS} draws")


# -- ML-KEM, alone and beside an elliptic curve --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MlKemShare:
    """A decapsulation key, and the encapsulation key that the client sends. FIPS 203 §7.1"""

    decapsulation_key: MLKEMKey = field(repr=False)
    ciphertext_length: int
    share: bytes

    def agree(self, peer_share: bytes) -> bytes:
        """The 32 bytes of K that the server's ciphertext holds. Raises BadKeyShare for a wrong length.

        A ciphertext that was altered gives another K (implicit rejection, FIPS 203 §6.3): the handshake fails later.
        """
        check_length("an ML-KEM ciphertext", peer_share, self.ciphertext_length)
        try:
            return self.decapsulation_key._decaps(peer_share)
        except ValueError as error:
            # RFC 10024 §4.2 wants this told apart from a bad share.
            raise InternalError(f"ML-KEM decapsulation failed: {error}") from error


@dataclass(frozen=True, slots=True)
class MlKem:
    """A parameter set of ML-KEM (FIPS 203 §8) and the lengths of its ciphertexts and encapsulation keys in bytes.

    `security_bits` is the strength that FIPS 203 table 2 asks of its randomness.
    Encapsulation by given randomness and decapsulation have no public name in the library: `_encaps` and `_decaps` are
    what its own HPKE calls.
    """

    parameter_set: MLKEM.ParamSet
    encapsulation_key_length: int
    ciphertext_length: int
    security_bits: int

    def generate(self, random: Random, /) -> MlKemShare:
        """The 64 bytes that `random` gives are the seeds d and z. FIPS 203 §6.1"""
        key = MLKEM.construct(param_set=self.parameter_set, seed=draw(random, 64))
        return MlKemShare(key, self.ciphertext_length, key.ek)

    def respond(self, random: Random, peer_share: bytes, /) -> tuple[bytes, bytes]:
        """The ciphertext and the 32 bytes of K in it. The 32 bytes that `random` gives are m. FIPS 203 §6.2

        Raises BadKeyShare for a wrong length and for a key that fails the modulus check of §7.2.
        """
        check_length(f"an {self.parameter_set.value} encapsulation key", peer_share, self.encapsulation_key_length)
        try:
            encapsulation_key = MLKEM.construct(param_set=self.parameter_set, ek=peer_share)
        except ValueError:
            raise BadKeyShare(f"an {self.parameter_set.value} encapsulation key with a number over 3328") from None
        secret, ciphertext = encapsulation_key._encaps(draw(random, 32))
        return ciphertext, secret


@dataclass(frozen=True, slots=True)
class HybridShare:
    """The shares of both groups of a hybrid. `peer_lengths` is how long their shares are in the server's."""

    first: PrivateShare
    second: PrivateShare
    peer_lengths: tuple[int, int]

    @property
    def share(self) -> bytes:
        """Both shares, one after the other. RFC 10024 §4.1"""
        return self.first.share + self.second.share

    def agree(self, peer_share: bytes) -> bytes:
        """Both secrets, one after the other. RFC 10024 §4.3. Raises BadKeyShare."""
        first, second = cut(peer_share, self.peer_lengths)
        return self.first.agree(first) + self.second.agree(second)


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Two groups of which it is enough that one is not broken. RFC 9954, RFC 10024.

    The lengths, in bytes, are those of the two shares that the client and the server send.
    """

    first: Group
    second: Group
    client_lengths: tuple[int, int]
    server_lengths: tuple[int, int]

    @property
    def security_bits(self) -> int:
        """That of the stronger of the two."""
        return max(self.first.security_bits, self.second.security_bits)

    def generate(self, random: Random, /) -> HybridShare:
        """See `Group`. The first group draws first."""
        return HybridShare(self.first.generate(random), self.second.generate(random), self.server_lengths)

    def respond(self, random: Random, peer_share: bytes, /) -> tuple[bytes, bytes]:
        """See `Group`. The first group draws first."""
        first, second = cut(peer_share, self.client_lengths)
        first_share, first_secret = self.first.respond(random, first)
        second_share, second_secret = self.second.respond(random, second)
        return first_share + second_share, first_secret + second_secret


def cut(share: bytes, lengths: tuple[int, int]) -> tuple[bytes, bytes]:
    """A hybrid's share in its two parts. Raises BadKeyShare where it is not as long as both."""
    check_length("a hybrid key share", share, sum(lengths))
    return share[: lengths[0]], share[lengths[0] :]


def check_length(what: str, data: bytes, length: int) -> None:
    """Raises BadKeyShare where `data` is not `length` bytes."""
    if len(data) != length:
        raise BadKeyShare(f"{what} is {length} bytes, this one {len(data)}")


def draw(random: Random, length: int) -> bytes:
    """`length` bytes of `random`. Raises InternalError for any other number: libsodium reads on without asking."""
    data = random(length)
    if len(data) != length:
        raise InternalError(f"the source of randomness gave {len(data)} bytes where {length} were asked for")
    return data


UNCOMPRESSED = 0x04
"""legacy_form of UncompressedPointRepresentation: the only one that TLS 1.3 knows."""

DRAWS = 64
"""Each fails with a chance of at most 1/2 (of 2^-32 for P-256), unless the source of randomness is broken."""

# -- the rows ------------------------------------------------------------------------------------------------

X25519 = DiffieHellman(X25519Share.generate, security_bits=128)
X448 = DiffieHellman(X448Share.generate, security_bits=224)
P256 = DiffieHellman(
    WeierstrassCurve(
        name="P-256",
        coordinate_length=32,
        order=0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551,
    ).generate,
    security_bits=128,
)
P384 = DiffieHellman(
    WeierstrassCurve(
        name="P-384",
        coordinate_length=48,
        order=2**384 - 0x389CB27E_0BC8D220_A7E5F24D_B74F5885_1313E695_333AD68D,
    ).generate,
    security_bits=192,
)
P521 = DiffieHellman(
    WeierstrassCurve(
        name="P-521",
        coordinate_length=66,
        order=2**521 - 0x5_AE79787C_40D06994_8033FEB7_08F65A2F_C44A3647_7663B851_449048E1_6EC79BF7,
    ).generate,
    security_bits=256,
)
ML_KEM_768 = MlKem(MLKEM.ML_KEM_768, encapsulation_key_length=1184, ciphertext_length=1088, security_bits=192)
ML_KEM_1024 = MlKem(MLKEM.ML_KEM_1024, encapsulation_key_length=1568, ciphertext_length=1568, security_bits=256)

GROUPS: Mapping[NamedGroup, Group] = {
    NamedGroup.X25519MLKEM768: Hybrid(ML_KEM_768, X25519, client_lengths=(1184, 32), server_lengths=(1088, 32)),
    NamedGroup.x25519: X25519,
    NamedGroup.secp256r1: P256,
    NamedGroup.secp384r1: P384,
    NamedGroup.secp521r1: P521,
    NamedGroup.x448: X448,
    NamedGroup.SecP256r1MLKEM768: Hybrid(P256, ML_KEM_768, client_lengths=(65, 1184), server_lengths=(65, 1088)),
    NamedGroup.SecP384r1MLKEM1024: Hybrid(P384, ML_KEM_1024, client_lengths=(97, 1568), server_lengths=(97, 1568)),
}
"""Every group that this package can use, most wanted first."""
