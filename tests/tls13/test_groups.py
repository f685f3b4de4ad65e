"""Against published figures and another implementation; whatever a peer sends is refused as a bad key share."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from schemas.code_points import NamedGroup
from tls13.crypto.groups import GROUPS, Group
from tls13.errors import BadKeyShare, InternalError

x25519 = GROUPS[NamedGroup.x25519]
secp256r1 = GROUPS[NamedGroup.secp256r1]

ALL = pytest.mark.parametrize("group", GROUPS.values(), ids=[str(name) for name in GROUPS])

P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def source(*draws: bytes) -> Callable[[int], bytes]:
    """A source of randomness that gives these, each to a request for as many bytes."""
    left = list(draws)

    def random(length: int) -> bytes:
        data = left.pop(0)
        assert len(data) == length
        return data

    return random


@ALL
def test_both_sides_come_to_the_same_secret(group: Group) -> None:
    ours = group.generate(os.urandom)
    share, secret = group.respond(os.urandom, ours.share)
    assert ours.agree(share) == secret
    assert len(secret) == 32


@ALL
def test_every_share_is_a_new_one(group: Group) -> None:
    assert group.generate(os.urandom).share != group.generate(os.urandom).share


@ALL
def test_the_share_follows_from_the_randomness(group: Group) -> None:
    draws = [bytes([7]) * 32, bytes([9]) * 32]
    first, second = (group.generate(source(each)).share for each in draws)
    assert first != second
    assert group.generate(source(draws[0])).share == first
    assert group.respond(source(draws[0]), second)[0] == first


@ALL
@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_source_of_randomness_that_gives_too_little_or_too_much_is_told(group: Group, length: int) -> None:
    with pytest.raises(InternalError, match=f"gave {length} bytes where 32"):
        group.generate(lambda _: bytes(length))


@ALL
def test_a_private_key_does_not_show(group: Group) -> None:
    ours = group.generate(source(b"\x5a" * 32))
    for private_key in ("ZZZZ", "5a5a5a5a", str(int.from_bytes(b"\x5a" * 32, "big"))):
        assert private_key not in repr(ours)


@ALL
@given(data=st.binary(max_size=70))
def test_whatever_a_peer_sends_is_a_share_or_a_bad_one(group: Group, data: bytes) -> None:
    ours = group.generate(source(b"\x11" * 32))
    try:
        secret = ours.agree(data)
    except BadKeyShare:
        return
    assert len(secret) == 32


def test_the_figures_of_rfc_7748_6_1_come_out() -> None:
    alice = x25519.generate(source(bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")))
    assert alice.share.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    bob = source(bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    share, secret = x25519.respond(bob, alice.share)
    assert share.hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    assert secret.hex() == "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert alice.agree(share) == secret


@pytest.mark.parametrize(
    ("scalar", "point", "product"),
    [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (  # the top bit of the point is set: it does not count
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ],
)
def test_the_figures_of_rfc_7748_5_2_come_out(scalar: str, point: str, product: str) -> None:
    assert x25519.generate(source(bytes.fromhex(scalar))).agree(bytes.fromhex(point)).hex() == product


def test_the_key_exchange_of_rfc_8448_3_comes_out() -> None:
    client = x25519.generate(source(bytes.fromhex("49af42ba7f7994852d713ef2784bcbcaa7911de26adc5642cb634540e7ea5005")))
    assert client.share.hex() == "99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c"
    server = source(bytes.fromhex("b1580eeadf6dd589b8ef4f2d5652578cc810e9980191ec8d058308cea216a21e"))
    share, secret = x25519.respond(server, client.share)
    assert share.hex() == "c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f"
    assert secret.hex() == "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"


def test_x25519_agrees_with_another_implementation_both_ways() -> None:
    theirs = X25519PrivateKey.generate()
    their_share = theirs.public_key().public_bytes_raw()
    ours = x25519.generate(os.urandom)
    assert ours.agree(their_share) == theirs.exchange(X25519PublicKey.from_public_bytes(ours.share))
    share, secret = x25519.respond(os.urandom, their_share)
    assert secret == theirs.exchange(X25519PublicKey.from_public_bytes(share))


# Every u of order 1, 2, 4 or 8 on the curve or its twist, reduced or not.
SMALL_ORDER = [
    0,
    1,
    0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
    0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
    2**255 - 20,
    2**255 - 19,
    2**255 - 18,
]


@pytest.mark.parametrize("top_bit", [0, 2**255])
@pytest.mark.parametrize("u", SMALL_ORDER)
def test_an_x25519_share_of_small_order_is_refused(u: int, top_bit: int) -> None:
    share = (u + top_bit).to_bytes(32, "little")
    with pytest.raises(BadKeyShare, match="all-zero"):
        x25519.generate(os.urandom).agree(share)
    with pytest.raises(BadKeyShare, match="all-zero"):
        x25519.respond(os.urandom, share)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 65])
def test_an_x25519_share_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(BadKeyShare, match=f"32 bytes, this one {length}"):
        x25519.respond(os.urandom, b"\x09" * length)


def point(x: int, y: int) -> bytes:
    """An UncompressedPointRepresentation. RFC 9846 §4.3.8.2."""
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def known_point() -> tuple[int, int]:
    numbers = ec.derive_private_key(0xC0FFEE, ec.SECP256R1()).public_key().public_numbers()
    return numbers.x, numbers.y


# NIST, ECC CDH Primitive validation vectors, P-256, COUNT = 0
def test_the_figures_of_nist_come_out() -> None:
    ours = secp256r1.generate(source(bytes.fromhex("7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534")))
    assert ours.share == point(
        0xEAD218590119E8876B29146FF89CA61770C4EDBBF97D38CE385ED281D8A6B230,
        0x28AF61281FD35E2FA7002523ACC85A429CB06EE6648325389F59EDFCE1405141,
    )
    peer = point(
        0x700C48F77F56584C5CC632CA65640DB91B6BACCE3A4DF6B42CE7CC838833D287,
        0xDB71E509E3FD9B060DDB20BA5C51DCC5948D46FBF640DFE0441782CAB85FA4AC,
    )
    assert ours.agree(peer).hex() == "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"


def test_secp256r1_agrees_with_another_implementation_both_ways() -> None:
    theirs = ec.generate_private_key(ec.SECP256R1())
    their_share = theirs.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    share, secret = secp256r1.respond(os.urandom, their_share)
    assert secret == theirs.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), share))
    ours = secp256r1.generate(os.urandom)
    assert ours.agree(their_share) == theirs.exchange(
        ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), ours.share)
    )


def test_leading_zeros_of_the_shared_secret_are_kept() -> None:
    private_key = ec.derive_private_key(2, ec.SECP256R1())
    for scalar in range(1, 2000):
        peer = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
        if private_key.exchange(ec.ECDH(), peer)[0] == 0:
            break
    else:
        pytest.fail("no scalar below 2000 makes a short secret")
    share = peer.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = secp256r1.generate(source((2).to_bytes(32, "big"))).agree(share)
    assert len(secret) == 32
    assert secret == private_key.exchange(ec.ECDH(), peer)


@pytest.mark.parametrize("scalar", [1, P256_N - 1])
def test_the_smallest_and_the_largest_scalar_are_taken(scalar: int) -> None:
    expected = ec.derive_private_key(scalar, ec.SECP256R1()).public_key().public_numbers()
    assert secp256r1.generate(source(scalar.to_bytes(32, "big"))).share == point(expected.x, expected.y)


@pytest.mark.parametrize("scalar", [0, P256_N, P256_N + 1, 2**256 - 1])
def test_a_scalar_out_of_range_is_drawn_again(scalar: int) -> None:
    random = source(scalar.to_bytes(32, "big"), (0xC0FFEE).to_bytes(32, "big"))
    assert secp256r1.generate(random).share == point(*known_point())


def test_a_source_of_randomness_that_gives_only_zeros_is_told() -> None:
    with pytest.raises(InternalError, match="no P-256 private key"):
        secp256r1.generate(bytes)


def small_x_point() -> tuple[int, int]:
    """The point of the curve with the least X, so that X + p fits in 32 bytes too."""
    for x in range(100):
        try:
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x02" + x.to_bytes(32, "big"))
        except ValueError:
            continue
        return x, key.public_numbers().y
    raise AssertionError("the curve has a point with a small X")


def test_a_point_with_a_small_x_is_taken() -> None:
    assert len(secp256r1.generate(os.urandom).agree(point(*small_x_point()))) == 32


def bad_points() -> dict[str, bytes]:
    x, y = known_point()
    small_x, its_y = small_x_point()
    good = point(x, y)
    return {
        "not on the curve": point(x, y ^ 1),
        "on another curve with the same a": point(2, 3),
        "the origin, which stands for infinity": point(0, 0),
        "x = p": point(P256_P, y),
        "x not reduced": point(small_x + P256_P, its_y),
        "y = 2^256 - 1": point(x, 2**256 - 1),
        "all ones": b"\x04" + b"\xff" * 64,
        "infinity in one byte": b"\x00",
        "nothing": b"",
        "form alone": b"\x04",
        "one byte short": good[:-1],
        "one byte long": good + b"\0",
        "without form": good[1:],
        "compressed": bytes([2 + y % 2]) + good[1:33],
        "compressed form, full length": bytes([2 + y % 2]) + good[1:],
        "hybrid form": bytes([6 + y % 2]) + good[1:],
        "form 0": b"\0" + good[1:],
        "form 5": b"\5" + good[1:],
        "a DER sequence": b"\x30\x3f" + good[2:],
        # RFC 5915: version 1, private key 2, parameters, public key. The library reads this as a key, too.
        "an ECPrivateKey": bytes.fromhex("303f 020101 0420")
        + (2).to_bytes(32, "big")
        + bytes.fromhex("a00a 0608 2a8648ce3d030107 a10c")
        + bytes(12),
    }


@pytest.mark.parametrize("share", bad_points().values(), ids=bad_points())
def test_what_is_no_point_of_secp256r1_is_refused(share: bytes) -> None:
    with pytest.raises(BadKeyShare, match="P-256"):
        secp256r1.generate(os.urandom).agree(share)
    with pytest.raises(BadKeyShare, match="P-256"):
        secp256r1.respond(os.urandom, share)


def test_every_altered_bit_of_a_point_is_refused() -> None:
    ours, good = secp256r1.generate(os.urandom), point(*known_point())
    for bit in range(8 * len(good)):
        altered = (int.from_bytes(good, "big") ^ 1 << bit).to_bytes(65, "big")
        with pytest.raises(BadKeyShare):
            ours.agree(altered)
