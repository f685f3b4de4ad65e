"""Against published figures and another implementation; whatever a peer sends is refused as a bad key share."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from draws import Draws
from hypothesis import given
from hypothesis import strategies as st

from schemas.code_points import NamedGroup
from tls13.crypto.groups import GROUPS, Group
from tls13.errors import BadKeyShare, InternalError

x25519 = GROUPS[NamedGroup.x25519]
x448 = GROUPS[NamedGroup.x448]
secp256r1 = GROUPS[NamedGroup.secp256r1]

# What each side of a group draws, and how long shares and secret are: RFC 9846 §4.3.8.2, §7.4.2; RFC 10024 §4.
SIZES = {
    NamedGroup.x25519: ([32], [32], 32, 32, 32),
    NamedGroup.x448: ([56], [56], 56, 56, 56),
    NamedGroup.secp256r1: ([32], [32], 65, 65, 32),
    NamedGroup.secp384r1: ([48], [48], 97, 97, 48),
    NamedGroup.secp521r1: ([66], [66], 133, 133, 66),
    NamedGroup.X25519MLKEM768: ([64, 32], [32, 32], 1216, 1120, 64),
    NamedGroup.SecP256r1MLKEM768: ([32, 64], [32, 32], 1249, 1153, 64),
    NamedGroup.SecP384r1MLKEM1024: ([48, 64], [48, 32], 1665, 1665, 80),
}

ALL = pytest.mark.parametrize("name", GROUPS, ids=str)


def test_there_is_a_size_for_every_group() -> None:
    assert set(SIZES) == set(GROUPS)


@ALL
def test_both_sides_come_to_the_same_secret(name: NamedGroup) -> None:
    group = GROUPS[name]
    ours = group.generate(os.urandom)
    share, secret = group.respond(os.urandom, ours.share)
    assert ours.agree(share) == secret
    assert (len(ours.share), len(share), len(secret)) == SIZES[name][2:]
    assert {type(ours.share), type(share), type(secret), type(ours.agree(share))} == {bytes}


@ALL
def test_every_share_is_a_new_one(name: NamedGroup) -> None:
    group = GROUPS[name]
    ours = group.generate(os.urandom)
    assert ours.share != group.generate(os.urandom).share
    assert group.respond(os.urandom, ours.share)[0] != group.respond(os.urandom, ours.share)[0]


@ALL
def test_shares_follow_from_the_randomness(name: NamedGroup) -> None:
    group = GROUPS[name]
    for_client, for_server, *_ = SIZES[name]
    first, again, other = (
        group.generate(Draws(*(bytes([byte]) * length for length in for_client))).share for byte in (7, 7, 9)
    )
    assert first == again != other
    first, again, other = (
        group.respond(Draws(*(bytes([byte]) * length for length in for_server)), other)[0] for byte in (1, 1, 2)
    )
    assert first == again != other


@ALL
@pytest.mark.parametrize("surplus", [-1, 1])
def test_a_source_of_randomness_that_gives_too_little_or_too_much_is_told(name: NamedGroup, surplus: int) -> None:
    group = GROUPS[name]
    for_client, for_server, *_ = SIZES[name]
    share = group.generate(os.urandom).share
    words = r"gave {} bytes where {} were asked for"
    with pytest.raises(InternalError, match=words.format(for_client[0] + surplus, for_client[0])):
        group.generate(lambda length: bytes(length + surplus))
    with pytest.raises(InternalError, match=words.format(for_server[0] + surplus, for_server[0])):
        group.respond(lambda length: bytes(length + surplus), share)
    with pytest.raises(InternalError, match="gave 0 bytes"):
        group.generate(lambda _: b"")


@ALL
def test_a_private_key_does_not_show(name: NamedGroup) -> None:
    draws = [b"\x5a" * length for length in SIZES[name][0]]
    shown = repr(GROUPS[name].generate(Draws(*draws)))
    numbers = [int.from_bytes(draw, order) % 2**521 for draw in draws for order in ("big", "little")]
    assert not any(secret in shown for secret in ("ZZZZ", "5a5a5a5a", *map(str, numbers)))


@ALL
@given(data=st.data())
def test_whatever_a_peer_sends_is_a_share_or_a_bad_one(name: NamedGroup, data: st.DataObject) -> None:
    group = GROUPS[name]
    for_client, _, client_length, server_length, secret_length = SIZES[name]
    ours = group.generate(Draws(*(b"\x11" * each for each in for_client)))
    of_client, of_server = (
        data.draw(st.binary(max_size=2 * length) | st.binary(min_size=length, max_size=length))
        for length in (client_length, server_length)
    )
    with suppress(BadKeyShare):
        assert len(ours.agree(of_server)) == secret_length
    with suppress(BadKeyShare):
        assert len(group.respond(os.urandom, of_client)[1]) == secret_length


@ALL
def test_a_share_of_any_other_length_is_refused(name: NamedGroup) -> None:
    group = GROUPS[name]
    ours = group.generate(os.urandom)
    theirs, _ = group.respond(os.urandom, ours.share)
    for wrong in (b"", theirs[:1], theirs[:-1], theirs[1:], theirs + b"\0", b"\0" + theirs, theirs * 2):
        with pytest.raises(BadKeyShare):
            ours.agree(wrong)
    good = ours.share
    for wrong in (b"", good[:1], good[:-1], good[1:], good + b"\0", b"\0" + good, good * 2):
        with pytest.raises(BadKeyShare):
            group.respond(os.urandom, wrong)


# -- X25519 and X448 -----------------------------------------------------------------------------------------

# RFC 7748 §6.1, §6.2: Alice's private and public key, Bob's, their secret.
EXCHANGES = [
    (
        x25519,
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    ),
    (
        x448,
        "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d"
        "d9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
        "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c"
        "22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
        "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d"
        "6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
        "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b430"
        "27d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
        "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b"
        "b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d",
    ),
]


@pytest.mark.parametrize(
    ("group", "alice", "alice_share", "bob", "bob_share", "secret"), EXCHANGES, ids=["x25519", "x448"]
)
def test_the_figures_of_rfc_7748_6_come_out(
    group: Group, alice: str, alice_share: str, bob: str, bob_share: str, secret: str
) -> None:
    ours = group.generate(Draws(bytes.fromhex(alice)))
    assert ours.share.hex() == alice_share
    share, agreed = group.respond(Draws(bytes.fromhex(bob)), ours.share)
    assert (share.hex(), agreed.hex()) == (bob_share, secret)
    assert ours.agree(share) == agreed


# RFC 7748 §5.2
PRODUCTS = [
    (
        x25519,
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    (  # the top bit of the point is set: it does not count
        x25519,
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
    (
        x448,
        "3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121"
        "700a779c984c24f8cdd78fbff44943eba368f54b29259a4f1c600ad3",
        "06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9"
        "814dc031ddbdc38c19c6da2583fa5429db94ada18aa7a7fb4ef8a086",
        "ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239f"
        "e14fbaadeb445fc66a01b0779d98223961111e21766282f73dd96b6f",
    ),
    (
        x448,
        "203d494428b8399352665ddca42f9de8fef600908e0d461cb021f8c5"
        "38345dd77c3e4806e25f46d3315c44e0a5b4371282dd2c8d5be3095f",
        "0fbcc2f993cd56d3305b0b7d9e55d4c1a8fb5dbb52f8e9a1e9b6201b"
        "165d015894e56c4d3570bee52fe205e28a78b91cdfbde71ce8d157db",
        "884a02576239ff7a2f2f63b2db6a9ff37047ac13568e1e30fe63c4a7"
        "ad1b3ee3a5700df34321d62077e63633c575c1c954514e99da7c179d",
    ),
]


@pytest.mark.parametrize(("group", "scalar", "point", "product"), PRODUCTS)
def test_the_figures_of_rfc_7748_5_2_come_out(group: Group, scalar: str, point: str, product: str) -> None:
    assert group.generate(Draws(bytes.fromhex(scalar))).agree(bytes.fromhex(point)).hex() == product


def test_the_key_exchange_of_rfc_8448_3_comes_out() -> None:
    client = x25519.generate(Draws(bytes.fromhex("49af42ba7f7994852d713ef2784bcbcaa7911de26adc5642cb634540e7ea5005")))
    assert client.share.hex() == "99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c"
    server = Draws(bytes.fromhex("b1580eeadf6dd589b8ef4f2d5652578cc810e9980191ec8d058308cea216a21e"))
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


def test_x448_agrees_with_another_implementation_both_ways() -> None:
    for _ in range(20):
        theirs = X448PrivateKey.generate()
        their_share = theirs.public_key().public_bytes_raw()
        ours = x448.generate(os.urandom)
        assert ours.agree(their_share) == theirs.exchange(X448PublicKey.from_public_bytes(ours.share))
        share, secret = x448.respond(os.urandom, their_share)
        assert secret == theirs.exchange(X448PublicKey.from_public_bytes(share))


P25519, P448 = 2**255 - 19, 2**448 - 2**224 - 1


@pytest.mark.parametrize("group", [x25519, x448], ids=["x25519", "x448"])
def test_a_coordinate_that_is_not_reduced_counts_as_if_it_were(group: Group) -> None:
    """RFC 7748 §5."""
    p, length = (P25519, 32) if group is x25519 else (P448, 56)
    ours = group.generate(os.urandom)
    for u in (2, 3, 5, 9, 18):
        assert ours.agree((p + u).to_bytes(length, "little")) == ours.agree(u.to_bytes(length, "little"))


# Every u of order 1, 2, 4 or 8 on the curve or its twist, reduced or not.
SMALL_ORDER_25519 = [
    0,
    1,
    0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
    0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
    P25519 - 1,
    P25519,
    P25519 + 1,
]
SMALL_ORDER_448 = [0, 1, P448 - 1, P448, P448 + 1]


@pytest.mark.parametrize("top_bit", [0, 2**255])
@pytest.mark.parametrize("u", SMALL_ORDER_25519)
def test_an_x25519_share_of_small_order_is_refused(u: int, top_bit: int) -> None:
    share = (u + top_bit).to_bytes(32, "little")
    with pytest.raises(BadKeyShare, match="all-zero"):
        x25519.generate(os.urandom).agree(share)
    with pytest.raises(BadKeyShare, match="all-zero"):
        x25519.respond(os.urandom, share)


@pytest.mark.parametrize("u", SMALL_ORDER_448)
def test_an_x448_share_of_small_order_is_refused(u: int) -> None:
    share = u.to_bytes(56, "little")
    with pytest.raises(BadKeyShare, match="all-zero"):
        x448.generate(os.urandom).agree(share)
    with pytest.raises(BadKeyShare, match="all-zero"):
        x448.respond(os.urandom, share)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 55, 57, 65])
def test_an_x25519_or_x448_share_of_another_length_is_told_with_the_right_one(length: int) -> None:
    with pytest.raises(BadKeyShare, match=f"x25519 key share is 32 bytes, this one {length}"):
        x25519.respond(os.urandom, b"\x09" * length)
    with pytest.raises(BadKeyShare, match=f"x448 key share is 56 bytes, this one {length}"):
        x448.respond(os.urandom, b"\x09" * length)


# -- P-256, P-384, P-521 -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """One of the curves of SP 800-186 §3.2.1, as its definition has it."""

    group: Group
    name: str
    theirs: ec.EllipticCurve
    length: int
    p: int
    order: int

    def point(self, x: int, y: int) -> bytes:
        """An UncompressedPointRepresentation. RFC 9846 §4.3.8.2."""
        return b"\x04" + x.to_bytes(self.length, "big") + y.to_bytes(self.length, "big")

    def known_point(self) -> tuple[int, int]:
        numbers = ec.derive_private_key(0xC0FFEE, self.theirs).public_key().public_numbers()
        return numbers.x, numbers.y

    def scalar(self, value: int) -> bytes:
        return value.to_bytes(self.length, "big")

    def point_with_a_small_x(self) -> tuple[int, int]:
        """The point of the curve with the least X, so that X + p may fit in as many bytes too."""
        for x in range(100):
            try:
                key = ec.EllipticCurvePublicKey.from_encoded_point(self.theirs, b"\x02" + self.scalar(x))
            except ValueError:
                continue
            return x, key.public_numbers().y
        raise AssertionError("the curve has a point with a small X")


CURVES = [
    Curve(
        secp256r1,
        "P-256",
        ec.SECP256R1(),
        32,
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    Curve(
        GROUPS[NamedGroup.secp384r1],
        "P-384",
        ec.SECP384R1(),
        48,
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        39402006196394479212279040100143613805079739270465446667946905279627659399113263569398956308152294913554433653942643,
    ),
    Curve(
        GROUPS[NamedGroup.secp521r1],
        "P-521",
        ec.SECP521R1(),
        66,
        2**521 - 1,
        2**521 - 657877501894328237357444332315020117536923257219387276263472201219398408051703,
    ),
]
EVERY_CURVE = pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)

# NIST, ECC CDH Primitive validation vectors, COUNT = 0: private key, its X and Y, the peer's X and Y, the secret.
NIST_FIGURES = [
    (
        "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534",
        "ead218590119e8876b29146ff89ca61770c4edbbf97d38ce385ed281d8a6b230"
        "28af61281fd35e2fa7002523acc85a429cb06ee6648325389f59edfce1405141",
        "700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287"
        "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac",
        "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b",
    ),
    (
        "3cc3122a68f0d95027ad38c067916ba0eb8c38894d22e1b15618b6818a661774ad463b205da88cf699ab4d43c9cf98a1",
        "9803807f2f6d2fd966cdd0290bd410c0190352fbec7ff6247de1302df86f25d34fe4a97bef60cff548355c015dbb3e5f"
        "ba26ca69ec2f5b5d9dad20cc9da711383a9dbe34ea3fa5a2af75b46502629ad54dd8b7d73a8abb06a3a3be47d650cc99",
        "a7c76b970c3b5fe8b05d2838ae04ab47697b9eaf52e764592efda27fe7513272734466b400091adbf2d68c58e0c50066"
        "ac68f19f2e1cb879aed43a9969b91a0839c4c38a49749b661efedf243451915ed0905a32b060992b468c64766fc8437a",
        "5f9d29dc5e31a163060356213669c8ce132e22f57c9a04f40ba7fcead493b457e5621e766c40a2e3d4d6a04b25e533f1",
    ),
    (
        "017eecc07ab4b329068fba65e56a1f8890aa935e57134ae0ffcce802735151f4ea"
        "c6564f6ee9974c5e6887a1fefee5743ae2241bfeb95d5ce31ddcb6f9edb4d6fc47",
        "00602f9d0cf9e526b29e22381c203c48a886c2b0673033366314f1ffbcba240ba4"
        "2f4ef38a76174635f91e6b4ed34275eb01c8467d05ca80315bf1a7bbd945f550a5"
        "01b7c85f26f5d4b2d7355cf6b02117659943762b6d1db5ab4f1dbc44ce7b2946eb"
        "6c7de342962893fd387d1b73d7a8672d1f236961170b7eb3579953ee5cdc88cd2d",
        "00685a48e86c79f0f0875f7bc18d25eb5fc8c0b07e5da4f4370f3a949034085433"
        "4b1e1b87fa395464c60626124a4e70d0f785601d37c09870ebf176666877a2046d"
        "01ba52c56fc8776d9e8f5db4f0cc27636d0b741bbe05400697942e80b739884a83"
        "bde99e0f6716939e632bc8986fa18dccd443a348b6c3e522497955a4f3c302f676",
        "005fc70477c3e63bc3954bd0df3ea0d1f41ee21746ed95fc5e1fdf90930d5e1366"
        "72d72cc770742d1711c3c3a4c334a0ad9759436a4d3c5bf6e74b9578fac148c831",
    ),
]


@pytest.mark.parametrize(
    ("curve", "figures"), list(zip(CURVES, NIST_FIGURES, strict=True)), ids=["P-256", "P-384", "P-521"]
)
def test_the_figures_of_nist_come_out(curve: Curve, figures: tuple[str, str, str, str]) -> None:
    private_key, own, peer, secret = figures
    ours = curve.group.generate(Draws(bytes.fromhex(private_key)))
    assert ours.share.hex() == "04" + own
    assert ours.agree(bytes.fromhex("04" + peer)).hex() == secret


@EVERY_CURVE
def test_a_curve_agrees_with_another_implementation_both_ways(curve: Curve) -> None:
    theirs = ec.generate_private_key(curve.theirs)
    their_share = theirs.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    share, secret = curve.group.respond(os.urandom, their_share)
    assert secret == theirs.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve.theirs, share))
    ours = curve.group.generate(os.urandom)
    assert ours.agree(their_share) == theirs.exchange(
        ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve.theirs, ours.share)
    )


@EVERY_CURVE
def test_leading_zeros_of_the_shared_secret_are_kept(curve: Curve) -> None:
    private_key = ec.derive_private_key(2, curve.theirs)
    for scalar in range(1, 2000):
        peer = ec.derive_private_key(scalar, curve.theirs).public_key()
        if private_key.exchange(ec.ECDH(), peer)[0] == 0:
            break
    else:
        pytest.fail("no scalar below 2000 makes a short secret")
    share = peer.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = curve.group.generate(Draws(curve.scalar(2))).agree(share)
    assert len(secret) == curve.length
    assert secret == private_key.exchange(ec.ECDH(), peer)


@EVERY_CURVE
def test_the_smallest_and_the_largest_scalar_are_taken(curve: Curve) -> None:
    for scalar in (1, curve.order - 1):
        expected = ec.derive_private_key(scalar, curve.theirs).public_key().public_numbers()
        share = curve.group.generate(Draws(curve.scalar(scalar))).share
        assert share == curve.point(expected.x, expected.y)


@EVERY_CURVE
def test_a_scalar_out_of_range_is_drawn_again(curve: Curve) -> None:
    largest = 2 ** curve.order.bit_length() - 1
    for scalar in (0, curve.order, curve.order + 1, largest):
        random = Draws(curve.scalar(scalar), curve.scalar(0xC0FFEE))
        assert curve.group.generate(random).share == curve.point(*curve.known_point())


def test_bits_that_p_521_has_no_use_for_do_not_count() -> None:
    curve = CURVES[2]
    surplus = curve.scalar(0xC0FFEE + 2**521 + 2**527)
    assert curve.group.generate(Draws(surplus)).share == curve.point(*curve.known_point())


@EVERY_CURVE
def test_a_source_of_randomness_that_gives_only_zeros_is_told(curve: Curve) -> None:
    with pytest.raises(InternalError, match=f"no {curve.name} private key"):
        curve.group.generate(bytes)


@EVERY_CURVE
def test_a_point_with_a_small_x_is_taken(curve: Curve) -> None:
    share = curve.point(*curve.point_with_a_small_x())
    assert len(curve.group.generate(os.urandom).agree(share)) == curve.length


def bad_points(curve: Curve) -> dict[str, bytes]:
    x, y = curve.known_point()
    small_x, its_y = curve.point_with_a_small_x()
    good, size = curve.point(x, y), curve.length
    return {
        "not on the curve": curve.point(x, y ^ 1),
        "on another curve with the same a": curve.point(2, 3),
        "the origin, which stands for infinity": curve.point(0, 0),
        "x = p": curve.point(curve.p, y),
        "x not reduced": curve.point(small_x + curve.p, its_y),
        "y not reduced": curve.point(x, 2 ** (8 * size) - 1),
        "all ones": b"\x04" + b"\xff" * (2 * size),
        "infinity in one byte": b"\x00",
        "nothing": b"",
        "form alone": b"\x04",
        "one byte short": good[:-1],
        "one byte long": good + b"\0",
        "without form": good[1:],
        "compressed": bytes([2 + y % 2]) + good[1 : 1 + size],
        "compressed form, full length": bytes([2 + y % 2]) + good[1:],
        "hybrid form": bytes([6 + y % 2]) + good[1:],
        "form 0": b"\0" + good[1:],
        "form 5": b"\5" + good[1:],
        "a DER sequence": b"\x30\x3f" + good[2:],
        "a point of another curve": next(each.point(*each.known_point()) for each in CURVES if each is not curve),
    }


@pytest.mark.parametrize(
    ("curve", "share"),
    [
        pytest.param(curve, share, id=f"{curve.name} {why}")
        for curve in CURVES
        for why, share in bad_points(curve).items()
    ],
)
def test_what_is_no_point_of_the_curve_is_refused(curve: Curve, share: bytes) -> None:
    with pytest.raises(BadKeyShare, match=curve.name):
        curve.group.generate(os.urandom).agree(share)
    with pytest.raises(BadKeyShare, match=curve.name):
        curve.group.respond(os.urandom, share)


def test_a_private_key_in_der_is_no_point() -> None:
    # RFC 5915: version 1, private key 2, parameters, public key. The library reads this as a key, too.
    private_key = (
        bytes.fromhex("303f 020101 0420")
        + (2).to_bytes(32, "big")
        + bytes.fromhex("a00a 0608 2a8648ce3d030107 a10c")
        + bytes(12)
    )
    with pytest.raises(BadKeyShare, match="P-256"):
        secp256r1.respond(os.urandom, private_key)


@EVERY_CURVE
def test_every_altered_bit_of_a_point_is_refused(curve: Curve) -> None:
    ours, good = curve.group.generate(os.urandom), curve.point(*curve.known_point())
    for bit in range(8 * len(good)):
        altered = (int.from_bytes(good, "big") ^ 1 << bit).to_bytes(len(good), "big")
        with pytest.raises(BadKeyShare):
            ours.agree(altered)
