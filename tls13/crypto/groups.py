"""The key exchange groups: code point → how to make a key share and what to make of the peer's. RFC 9846 §4.3.8, §7.4.

A group is one row of `GROUPS`. The client generates a share and later agrees on the secret, the server responds to the
client's share. In a Diffie-Hellman group both do the same; where it is a KEM the server's response encapsulates, so the
two stand apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from Crypto.Protocol.DH import key_agreement
from Crypto.PublicKey import ECC
from Crypto.PublicKey.ECC import EccKey
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

    def generate(self, random: Random, /) -> PrivateShare:
        """A new key share."""

    def respond(self, random: Random, peer_share: bytes, /) -> tuple[bytes, bytes]:
        """The server's `key_exchange` for the client's, and the shared secret. Raises BadKeyShare."""


@dataclass(frozen=True, slots=True)
class DiffieHellman:
    """A group where both sides send a public key, whoever comes first."""

    generate: Callable[[Random], PrivateShare]

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
        if len(peer_share) != 32:
            raise BadKeyShare(f"an x25519 key share is 32 bytes, this one {len(peer_share)}")
        try:
            return crypto_scalarmult(self.private_key, peer_share)
        except CryptoError:
            raise BadKeyShare("an x25519 key share of small order, which makes an all-zero secret") from None


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
            # Refuses the point at infinity, which the library reads from 64 zero bytes.
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

P256 = WeierstrassCurve(
    name="P-256",
    coordinate_length=32,
    order=0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551,
)

GROUPS: Mapping[NamedGroup, Group] = {
    NamedGroup.x25519: DiffieHellman(X25519Share.generate),
    NamedGroup.secp256r1: DiffieHellman(P256.generate),
}
"""Every group that this package can use, most wanted first."""
