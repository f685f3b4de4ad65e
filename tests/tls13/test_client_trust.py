"""Which clients a server believes: by the same paths as servers, for another usage and without a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from trusted_root import NOW, authority, der, intermediate, signed_part, store

from certs import CLIENT_FLAWS, Authority, Flaw, Identity, KeyType, Profile, generate, mint_flawed_client, self_signed
from tls13.errors import BadCertificate, CertificateExpired, EmptyCertificate, Reason, UnknownCA, UnsupportedCertificate
from tls13.x509.trust import ClientCertificatePolicy, NoVerification, TrustStore

ALICE = Profile.client("alice", now=NOW)


def client(profile: Profile = ALICE, key_type: KeyType = KeyType.ED25519) -> Identity:
    return intermediate().issue(profile, generate(key_type))


def refusal(chain: tuple[bytes, ...], trust: ClientCertificatePolicy | None = None) -> Reason:
    with pytest.raises(Reason) as caught:
        (trust or store()).verify_client(chain, NOW)
    assert str(caught.value).isprintable()
    assert "server" not in str(caught.value)
    return caught.value


# -- clients that are believed -----------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", KeyType)
def test_a_good_chain_gives_the_path_from_client_to_root(key_type: KeyType) -> None:
    chain = client(key_type=key_type).certificate_list
    assert store().verify_client(chain, NOW) == (*chain, der(authority().root))


@pytest.mark.parametrize("names", [(), ("alice",), ("*.example.com", "192.0.2.1")])
@pytest.mark.parametrize("usages", [(), (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)])
def test_names_do_not_matter_nor_does_a_usage_that_is_left_open(
    names: tuple[str, ...], usages: tuple[x509.ObjectIdentifier, ...]
) -> None:
    assert store().verify_client(client(replace(ALICE, names=names, usages=usages)).certificate_list, NOW)


@pytest.mark.parametrize(
    "name",
    [
        x509.RFC822Name("alice@example.com"),
        x509.UniformResourceIdentifier("spiffe://example.com/alice"),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x05alice"),
        x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alice")])),
    ],
    ids=["mail", "URI", "other name", "directory name"],
)
@pytest.mark.parametrize("critical", [False, True])
def test_a_client_may_be_named_in_any_form(name: x509.GeneralName, critical: bool) -> None:
    """Critical, too, with a subject beside it: RFC 5280 §4.2.1.6 wants that of none, but a validator takes it."""
    key = generate(KeyType.ECDSA_P256)
    builder = x509.CertificateBuilder(
        issuer_name=authority().root.subject,
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alice")]),
        public_key=key.public_key(),
        serial_number=7,
        not_valid_before=NOW,
        not_valid_after=NOW,
    ).add_extension(x509.SubjectAlternativeName([name]), critical=critical)
    assert store().verify_client([der(builder.sign(authority().key, hashes.SHA256()))], NOW)


def test_a_self_signed_certificate_that_is_trusted_itself_is_accepted_for_its_dates_and_usage_alone() -> None:
    chain = self_signed(ALICE, generate(KeyType.ED25519)).certificate_list
    trust = TrustStore.from_der(chain)
    assert trust.verify_client(chain, NOW) == chain
    with pytest.raises(CertificateExpired, match="expired on 2032-06-18"):
        trust.verify_client(chain, NOW + timedelta(days=399))
    server = self_signed(Profile.server(("localhost",), now=NOW), generate(KeyType.ED25519)).certificate_list
    assert type(refusal_of_usage(server)) is BadCertificate
    other = self_signed(ALICE, generate(KeyType.ED25519)).certificate_list
    assert type(refusal(other, trust)) is UnknownCA


def refusal_of_usage(chain: tuple[bytes, ...]) -> Reason:
    with pytest.raises(Reason, match="its extendedKeyUsage has no clientAuth") as caught:
        TrustStore.from_der(chain).verify_client(chain, NOW)
    return caught.value


def test_whoever_is_believed_as_a_server_is_not_for_that_a_client() -> None:
    chain = intermediate().issue(Profile.server(("localhost",), now=NOW), generate(KeyType.ED25519)).certificate_list
    assert store().verify_server(chain, "localhost", NOW)
    with pytest.raises(BadCertificate, match="certificate is not for TLS clients"):
        store().verify_client(chain, NOW)
    with pytest.raises(BadCertificate, match="certificate is not for TLS servers"):
        store().verify_server(client().certificate_list, "alice", NOW)


def test_a_time_without_zone_is_utc() -> None:
    made = client()
    begin = made.certificate.not_valid_before_utc
    assert store().verify_client(made.certificate_list, begin.replace(tzinfo=None))
    with pytest.raises(CertificateExpired):
        store().verify_client(made.certificate_list, begin.replace(tzinfo=None) - timedelta(seconds=1))


# -- clients that are not ----------------------------------------------------------------------------------

FLAWS: dict[Flaw, tuple[type[Reason], str]] = {
    Flaw.EXPIRED: (CertificateExpired, "certificate expired on 2031-05-16 11:30 UTC; now it is 2031-05-17 12:30 UTC"),
    Flaw.NOT_YET_VALID: (CertificateExpired, "certificate is not valid before 2031-06-16 11:30 UTC"),
    Flaw.WRONG_USAGE: (BadCertificate, "certificate is not for TLS clients: its extendedKeyUsage has no clientAuth"),
    Flaw.SELF_SIGNED: (UnknownCA, "self-signed certificate CN=alice, which nobody vouches for"),
    Flaw.UNKNOWN_CA: (UnknownCA, "no trusted root for issuer CN=an authority that nobody knows"),
    Flaw.NAMESAKE_CA: (UnknownCA, "signed by another CN=the root than the one at hand"),
    Flaw.EXPIRED_ISSUER: (CertificateExpired, "issuer CN=an authority that has expired expired on 2031-05-16"),
    Flaw.ISSUER_IS_NO_CA: (BadCertificate, "issuer CN=alice that plays authority is no CA"),
    Flaw.WEAK_KEY: (UnsupportedCertificate, "RSA key is weak: 1024 bits"),
    Flaw.WEAK_SIGNATURE: (BadCertificate, "sha224"),
    Flaw.UNSUPPORTED_KEY: (UnsupportedCertificate, "public key"),
}


@pytest.mark.parametrize("flaw", CLIENT_FLAWS)
def test_each_flaw_is_refused_for_what_it_is(flaw: Flaw) -> None:
    if flaw is Flaw.WRONG_USAGE:
        assert ExtendedKeyUsageOID.SERVER_AUTH in usages_of(mint_flawed_client(flaw, authority(), "alice", now=NOW))
    expected, words = FLAWS[flaw]
    reason = refusal(mint_flawed_client(flaw, authority(), "alice", now=NOW).certificate_list)
    assert type(reason) is expected
    assert words in str(reason)
    assert "--ca" not in reason.hint


def usages_of(identity: Identity) -> x509.ExtendedKeyUsage:
    return identity.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value


def test_a_server_is_told_how_to_trust_a_client() -> None:
    reason = refusal(mint_flawed_client(Flaw.UNKNOWN_CA, authority(), "alice", now=NOW).certificate_list)
    assert reason.hint == "add its CA to this server's trusted roots"


def test_any_usage_at_all_is_no_leave_to_be_a_client() -> None:
    """RFC 5280 §4.2.1.12 lets an application ask for the particular purpose."""
    profile = replace(ALICE, usages=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,))
    assert "no clientAuth" in str(refusal(client(profile).certificate_list))


def test_no_certificate_at_all_is_named_so() -> None:
    for policy in (store(), NoVerification()):
        assert type(refusal((), policy)) is EmptyCertificate


@pytest.mark.parametrize("policy", [TrustStore([authority().root]), NoVerification()], ids=["trust", "insecure"])
def test_too_long_a_chain_is_refused_unread(policy: ClientCertificatePolicy) -> None:
    reason = refusal((b"no certificate",) * 17, policy)
    assert str(reason) == "a chain of 17 certificates, where 16 are allowed"


@given(chain=st.lists(st.binary(max_size=200), max_size=20))
def test_random_bytes_are_refused_with_a_reason(chain: list[bytes]) -> None:
    refusal(tuple(chain))
    refusal(tuple(chain), NoVerification())


@cache
def good_chain() -> tuple[bytes, ...]:
    return client().certificate_list


@given(data=st.data())
def test_a_damaged_certificate_is_refused_with_a_reason(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, 1))
    damaged = bytearray(good_chain()[position])
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(min_size=0, max_size=2))
    chain = [*good_chain()[:position], bytes(damaged), *good_chain()[position + 1 :]]
    try:
        path = store().verify_client(chain, NOW)
    except Reason:
        return
    assert signed_part(path[position]) == signed_part(good_chain()[position])


# -- the policy that believes anyone -----------------------------------------------------------------------


@pytest.mark.parametrize("flaw", sorted(set(CLIENT_FLAWS) - {Flaw.UNSUPPORTED_KEY}))
def test_no_verification_takes_every_flaw_but_an_unusable_key(flaw: Flaw) -> None:
    chain = mint_flawed_client(flaw, authority(), "alice", now=NOW).certificate_list
    assert NoVerification().verify_client(chain, NOW) == chain


def test_no_verification_still_wants_a_key_to_verify_the_handshake_with() -> None:
    chain = mint_flawed_client(Flaw.UNSUPPORTED_KEY, authority(), "alice", now=NOW).certificate_list
    assert type(refusal(chain, NoVerification())) is UnsupportedCertificate


# -- what the client is told to choose by ------------------------------------------------------------------


def test_the_authorities_are_the_names_of_the_roots_in_der() -> None:
    """RFC 9846 §4.3.4: as X.501 distinguished names, the whole SEQUENCE."""
    one, other = (Authority.self_made(name, now=NOW).root for name in "AB")
    expected = tuple(bytes.fromhex("300c 310a 3008 0603 550403 0c01") + name for name in (b"A", b"B"))
    assert TrustStore([one, other]).authorities == expected
    assert NoVerification().authorities == ()


def test_roots_of_one_name_are_named_once() -> None:
    roots = [Authority.self_made("again", now=NOW).root for _ in range(3)]
    store_of_three = TrustStore(roots)
    assert len(store_of_three.authorities) == 1
    assert store_of_three.authorities is store_of_three.authorities


def test_a_trusted_intermediate_is_named_itself_and_not_its_issuer() -> None:
    names = TrustStore([intermediate().certificate]).authorities
    assert [name.endswith(b"\x0c\x10the intermediate") for name in names] == [True]


@pytest.mark.parametrize(("length", "named"), [(1006, 65), (1007, 0)])
def test_more_authorities_than_the_extension_holds_are_not_named(length: int, named: int) -> None:
    """Its vector takes 65535 bytes, each name two for its length: 65 names of 1006 bytes, not of 1007."""
    authorities = TrustStore([with_long_name(number, length) for number in range(65)]).authorities
    assert len(authorities) == named
    assert {len(each) for each in authorities} <= {length}


def with_long_name(number: int, length: int) -> x509.Certificate:
    key = authority().key
    # Four bytes begin the name; of its sixteen attributes each has 11 around its text.
    pieces = [f"{number:02d}" + "x" * 49 for _ in range(15)]
    pieces.append("x" * (length - 4 - 16 * 11 - 15 * 51))
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, piece) for piece in pieces])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, NOW, NOW)
    return builder.sign(key, hashes.SHA256())
