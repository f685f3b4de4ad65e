"""Who is believed and who is not: good chains, every flaw with its exact reason, hostile bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from openssl_command import needs_openssl, openssl
from trusted_root import NOW, authority, der, intermediate, signed_part, store

from certs import Authority, Flaw, Identity, KeyType, Profile, generate, mint, mint_flawed, self_signed
from schemas.code_points import SignatureScheme
from tls13.errors import (
    BadCertificate,
    CertificateExpired,
    ConfigurationError,
    EmptyCertificate,
    Reason,
    UnknownCA,
    UnsupportedCertificate,
)
from tls13.x509.certificates import dns_names, public_key_of
from tls13.x509.trust import CertificatePolicy, NoVerification, TrustStore

NAMES = ("localhost", "*.example.com", "127.0.0.1", "::1")


@cache
def server() -> Identity:
    return intermediate().issue(Profile.server(NAMES, now=NOW), generate(KeyType.ECDSA_P256))


def refusal(chain: tuple[bytes, ...], *, trust: CertificatePolicy | None = None, name: str = "localhost") -> Reason:
    with pytest.raises(Reason) as caught:
        (trust or store()).verify_server(chain, name, NOW)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    return caught.value


# -- chains that are accepted ------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", KeyType)
@pytest.mark.parametrize("by", [authority, intermediate])
@pytest.mark.parametrize("root_key", [KeyType.RSA, KeyType.ECDSA_P384])
def test_a_good_chain_gives_the_path_from_server_to_root(
    key_type: KeyType, by: Callable[[], Authority], root_key: KeyType
) -> None:
    issuer = Authority.self_made("a root", now=NOW, key_type=root_key)
    if by is intermediate:
        issuer = issuer.subordinate(Profile.authority("between", now=NOW))
    chain = issuer.issue(Profile.server(NAMES, now=NOW), generate(key_type)).certificate_list
    path = TrustStore([issuer.root]).verify_server(chain, "localhost", NOW)
    assert path == (*chain, der(issuer.root))


@pytest.mark.parametrize("name", ["LOCALHOST.", "www.example.com", "127.0.0.1", "::1", ip_address("127.0.0.1")])
def test_each_name_and_address_of_the_certificate_will_do(name: str) -> None:
    assert store().verify_server(server().certificate_list, name, NOW)[0] == server().certificate_list[0]


def test_the_root_may_be_sent_and_the_order_above_the_server_does_not_matter() -> None:
    leaf, middle = server().certificate_list
    root = der(authority().root)
    for chain in ([leaf, middle, root], [leaf, root, middle], [leaf, leaf, middle]):
        assert store().verify_server(chain, "localhost", NOW) == (leaf, middle, root)


@pytest.fixture(params=["UTC0", "JST-9", "EST5"])
def _local_time_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("this system can't change its time zone")
    with monkeypatch.context() as changed:
        changed.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_local_time_zone")
def test_a_time_without_zone_is_utc_wherever_the_machine_stands() -> None:
    begin = server().certificate.not_valid_before_utc
    chain = server().certificate_list
    eastern = timezone(timedelta(hours=9))
    assert store().verify_server(chain, "localhost", begin.replace(tzinfo=None))
    assert store().verify_server(chain, "localhost", begin.astimezone(eastern))
    with pytest.raises(CertificateExpired):
        store().verify_server(chain, "localhost", begin.replace(tzinfo=eastern))
    with pytest.raises(CertificateExpired):
        store().verify_server(chain, "localhost", begin.replace(tzinfo=None) - timedelta(seconds=1))


def test_a_certificate_without_extended_key_usage_is_for_any_use() -> None:
    profile = replace(Profile.server(NAMES, now=NOW), usages=())
    chain = intermediate().issue(profile, generate(KeyType.ED25519)).certificate_list
    assert store().verify_server(chain, "localhost", NOW)


def test_a_self_signed_certificate_that_is_trusted_itself_is_accepted_for_its_names_and_dates_alone() -> None:
    profile = Profile.server(NAMES, now=NOW)
    chain = self_signed(profile, generate(KeyType.ED25519)).certificate_list
    trust = TrustStore.from_der(chain)
    assert trust.verify_server(chain, "www.example.com", NOW) == chain
    assert type(refusal(chain, trust=trust, name="example.org")) is BadCertificate
    with pytest.raises(CertificateExpired, match="expired on 2032-06-18"):
        trust.verify_server(chain, "localhost", NOW + timedelta(days=399))
    wrong_use = replace(profile, usages=(ExtendedKeyUsageOID.CLIENT_AUTH,))
    other = self_signed(wrong_use, generate(KeyType.ED25519)).certificate_list
    assert type(refusal(other, trust=TrustStore.from_der(other))) is BadCertificate


def test_an_authority_that_is_trusted_is_no_server_by_itself_unless_its_key_may_sign_handshakes() -> None:
    """Profiles of authorities have a keyUsage of keyCertSign and cRLSign, those that OpenSSL makes by default none."""
    authoritative = replace(Profile.server(NAMES, now=NOW), is_authority=True)
    chain = self_signed(authoritative, generate(KeyType.ED25519)).certificate_list
    assert "its keyUsage has no digitalSignature" in str(refusal(chain, trust=TrustStore.from_der(chain)))


def test_trusting_a_certificate_does_not_trust_another_with_the_same_name_and_key() -> None:
    key = generate(KeyType.ECDSA_P256)
    trusted, other = (self_signed(Profile.server(NAMES, now=NOW), key).certificate_list for _ in range(2))
    assert trusted != other
    assert type(refusal(other, trust=TrustStore.from_der(trusted))) is BadCertificate


# -- every flaw, its reason and its words ------------------------------------------------------------------

FLAWS: dict[Flaw, tuple[type[Reason], str]] = {
    Flaw.EXPIRED: (CertificateExpired, "certificate expired on 2031-05-16 11:30 UTC; now it is 2031-05-17 12:30 UTC"),
    Flaw.NOT_YET_VALID: (CertificateExpired, "certificate is not valid before 2031-06-16 11:30 UTC; now it is"),
    Flaw.WRONG_NAME: (BadCertificate, "certificate is for somebody-else.example; asked for localhost"),
    Flaw.NO_NAMES: (BadCertificate, "certificate names no server (it has no subjectAltName); asked for localhost"),
    Flaw.WRONG_USAGE: (BadCertificate, "certificate is not for TLS servers"),
    Flaw.SELF_SIGNED: (UnknownCA, "self-signed certificate CN=tls13 test server"),
    Flaw.UNKNOWN_CA: (UnknownCA, "no trusted root for issuer CN=an authority that nobody knows"),
    Flaw.NAMESAKE_CA: (UnknownCA, "signed by another CN=the root than the one at hand"),
    Flaw.EXPIRED_ISSUER: (CertificateExpired, "issuer CN=an authority that has expired expired on 2031-05-16"),
    Flaw.ISSUER_IS_NO_CA: (BadCertificate, "issuer CN=tls13 test server that plays authority is no CA"),
    Flaw.WEAK_KEY: (UnsupportedCertificate, "RSA key is weak: 1024 bits"),
    Flaw.WEAK_SIGNATURE: (BadCertificate, "sha224"),
    Flaw.UNSUPPORTED_KEY: (UnsupportedCertificate, "public key"),
}


@pytest.mark.parametrize("flaw", Flaw)
def test_each_flaw_is_refused_for_what_it_is(flaw: Flaw) -> None:
    expected, words = FLAWS[flaw]
    reason = refusal(mint_flawed(flaw, authority(), NAMES, now=NOW).certificate_list)
    assert type(reason) is expected
    assert words in str(reason)


def test_another_name_is_told_with_all_that_the_certificate_has() -> None:
    reason = refusal(server().certificate_list, name="example.org")
    assert str(reason) == "certificate is for localhost, *.example.com, 127.0.0.1, ::1; asked for example.org"
    assert "asked for 127.0.0.2" in str(refusal(server().certificate_list, name="127.0.0.2"))


def test_an_address_is_not_matched_with_a_dns_name_that_looks_like_it() -> None:
    builder = x509.CertificateBuilder(
        issuer_name=authority().root.subject,
        subject_name=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")]),
        public_key=server().key.public_key(),
        serial_number=7,
        not_valid_before=NOW,
        not_valid_after=NOW,
        extensions=[],
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName("127.0.0.1")]), critical=False)
    chain = (der(builder.sign(authority().key, hashes.SHA256())),)
    reason = refusal(chain, name="127.0.0.1")
    assert type(reason) is BadCertificate
    assert str(reason) == "certificate has 127.0.0.1 as a DNS name, where an address is asked for"


def test_ten_thousand_names_are_told_in_one_short_line() -> None:
    names = tuple(f"host{number}.example" for number in range(10_000))
    chain = intermediate().issue(Profile.server(names, now=NOW), generate(KeyType.ED25519)).certificate_list
    assert "host7.example and 9992 more; asked for localhost" in str(refusal(chain))


def test_control_characters_in_a_certificate_do_not_reach_the_message() -> None:
    evil = Authority.self_made("\x1b[2Jthe root\n", now=NOW)
    chain = evil.issue(Profile.server(NAMES, now=NOW), generate(KeyType.ED25519)).certificate_list
    assert r"\x1b[2Jthe root" in str(refusal(chain))
    names = ("\x1b[2Jlocalhost",)
    chain = authority().issue(Profile.server(names, now=NOW), generate(KeyType.ED25519)).certificate_list
    assert r"certificate is for \x1b[2Jlocalhost" in str(refusal(chain))


def test_a_missing_intermediate_is_an_unknown_ca() -> None:
    reason = refusal(server().certificate_list[:1])
    assert type(reason) is UnknownCA
    assert "CN=the intermediate" in str(reason)
    assert "--ca" in reason.hint


def test_a_self_made_root_at_the_end_of_the_chain_is_not_trusted_for_being_sent() -> None:
    stranger = Authority.self_made("a stranger", now=NOW)
    chain = stranger.issue(Profile.server(NAMES, now=NOW), generate(KeyType.ED25519)).certificate_list
    reason = refusal((*chain, der(stranger.root)))
    assert type(reason) is UnknownCA
    assert "ends in CN=a stranger, which is not trusted" in str(reason)


def test_a_forged_signature_under_a_trusted_name_is_a_bad_certificate() -> None:
    chain = bytearray(authority().issue(Profile.server(NAMES, now=NOW), generate(KeyType.ED25519)).certificate_list[0])
    chain[-1] ^= 1
    reason = refusal((bytes(chain),))
    assert type(reason) is BadCertificate
    assert "is not that of CN=the root" in str(reason)


def test_an_ed25519_authority_is_refused_as_unsupported() -> None:
    eddsa = Authority.self_made("the EdDSA root", now=NOW, key_type=KeyType.ED25519)
    chain = eddsa.issue(Profile.server(NAMES, now=NOW), generate(KeyType.ECDSA_P256)).certificate_list
    reason = refusal(chain, trust=TrustStore([eddsa.root]))
    assert type(reason) is UnsupportedCertificate
    assert "issuer CN=the EdDSA root has a key" in str(reason)


def test_authorities_that_sign_each_other_lead_nowhere_and_end_soon() -> None:
    first = Authority.self_made("A", now=NOW)
    second = first.subordinate(Profile.authority("B", now=NOW))
    back = second.issue(Profile.authority("A", now=NOW), first.key).certificate_list[0]
    chain = second.issue(Profile.server(NAMES, now=NOW), generate(KeyType.ED25519)).certificate_list
    assert type(refusal((*chain, back, *chain, back))) is UnknownCA


def test_a_certificate_for_a_name_that_x509_cannot_hold_is_refused() -> None:
    reason = refusal(server().certificate_list, name="my_service")
    assert type(reason) is BadCertificate
    assert "my_service" in str(reason)


def test_a_name_that_is_none_is_the_callers_mistake() -> None:
    with pytest.raises(ConfigurationError):
        store().verify_server(server().certificate_list, "no host name", NOW)


# -- certificates that other tools make --------------------------------------------------------------------


def openssl_ca(folder: Path, *options: str) -> None:
    make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem"]
    openssl(folder, *make, "-subj", "/CN=made with openssl", "-days", "30", *options)


def openssl_server(folder: Path, *options: str) -> tuple[bytes, ...]:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "s.key", "-out", "s.csr"]
    openssl(folder, "req", *curve, "-subj", "/CN=server")
    (folder / "extensions").write_text("subjectAltName=DNS:localhost\n")
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "20", "-extfile", "extensions"]
    openssl(folder, "x509", "-req", "-in", "s.csr", *signing, "-outform", "DER", "-out", "s.der", *options)
    return ((folder / "s.der").read_bytes(),)


@needs_openssl
@pytest.mark.parametrize(
    "options", [[], ["-addext", "authorityKeyIdentifier=keyid,issuer:always"]], ids=["plain", "as-easy-rsa-does"]
)
def test_the_authority_that_openssl_makes_by_default_is_good_enough(options: list[str], tmp_path: Path) -> None:
    openssl_ca(tmp_path, *options)
    chain = openssl_server(tmp_path)
    path = TrustStore.load(tmp_path / "ca.pem").verify_server(chain, "localhost", datetime.now(UTC))
    assert len(path) == 2


@needs_openssl
def test_an_authority_whose_key_usage_forbids_signing_certificates_is_none(tmp_path: Path) -> None:
    openssl_ca(tmp_path, "-addext", "keyUsage=cRLSign")
    chain = openssl_server(tmp_path)
    with pytest.raises(BadCertificate, match="is no CA"):
        TrustStore.load(tmp_path / "ca.pem").verify_server(chain, "localhost", datetime.now(UTC))


@needs_openssl
def test_a_sha1_signature_is_a_bad_certificate(tmp_path: Path) -> None:
    openssl_ca(tmp_path)
    chain = openssl_server(tmp_path, "-sha1")
    with pytest.raises(BadCertificate, match="sha1"):
        TrustStore.load(tmp_path / "ca.pem").verify_server(chain, "localhost", datetime.now(UTC))


@needs_openssl
@pytest.mark.parametrize("algorithm", ["ed25519", "rsa:2048"])
def test_the_self_signed_certificate_that_openssl_makes_can_be_trusted_itself(algorithm: str, tmp_path: Path) -> None:
    make = ["req", "-x509", "-newkey", algorithm, "-nodes", "-keyout", "self.key", "-out", "self.pem"]
    openssl(tmp_path, *make, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "30")
    trust = TrustStore.load(tmp_path / "self.pem")
    now = datetime.now(UTC)
    assert trust.verify_server(trust.roots, "localhost", now) == trust.roots
    with pytest.raises(BadCertificate, match="certificate is for localhost; asked for"):
        trust.verify_server(trust.roots, "example.org", now)
    with pytest.raises(UnknownCA, match="self-signed certificate CN=localhost"):
        store().verify_server(trust.roots, "localhost", now)


@needs_openssl
def test_a_key_for_rsassa_pss_alone_is_not_taken_for_a_common_rsa_key(tmp_path: Path) -> None:
    make = ["req", "-x509", "-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048", "-nodes", "-keyout", "self.key"]
    openssl(tmp_path, *make, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", "self.pem")
    trust = TrustStore.load(tmp_path / "self.pem")
    for policy in (trust, NoVerification()):
        path = policy.verify_server(trust.roots, "localhost", datetime.now(UTC))
        assert set(public_key_of(path[0]).schemes) == {
            SignatureScheme.rsa_pss_pss_sha256,
            SignatureScheme.rsa_pss_pss_sha384,
            SignatureScheme.rsa_pss_pss_sha512,
        }


@needs_openssl
def test_a_key_for_rsassa_pss_alone_by_another_scheme_than_those_of_tls_1_3_is_unsupported(tmp_path: Path) -> None:
    make = ["req", "-x509", "-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048", "-nodes", "-keyout", "self.key"]
    make += ["-pkeyopt", "rsa_pss_keygen_md:sha256", "-pkeyopt", "rsa_pss_keygen_saltlen:20"]
    openssl(tmp_path, *make, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", "self.pem")
    trust = TrustStore.load(tmp_path / "self.pem")
    for policy in (trust, NoVerification()):
        with pytest.raises(UnsupportedCertificate, match="RSASSA-PSS with other parameters"):
            policy.verify_server(trust.roots, "localhost", datetime.now(UTC))


@needs_openssl
def test_a_serial_number_over_20_bytes_of_an_rsassa_pss_certificate_is_refused_unread(tmp_path: Path) -> None:
    make = ["req", "-x509", "-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048", "-nodes", "-keyout", "self.key"]
    openssl(
        tmp_path, *make, "-subj", "/CN=localhost", "-set_serial", "0x7f" + 20 * "ff", "-outform", "DER", "-out", "c"
    )
    with pytest.raises(BadCertificate, match="longer than 20 bytes"):
        public_key_of((tmp_path / "c").read_bytes())


# -- hostile chains ----------------------------------------------------------------------------------------


def test_no_certificate_at_all_is_named_so() -> None:
    assert type(refusal(())) is EmptyCertificate
    assert type(refusal((), trust=NoVerification())) is EmptyCertificate


@pytest.mark.parametrize("policy", [TrustStore([authority().root]), NoVerification()], ids=["trust", "insecure"])
def test_too_long_a_chain_is_refused_unread(policy: CertificatePolicy) -> None:
    reason = refusal((b"no certificate",) * 1000, trust=policy)
    assert type(reason) is BadCertificate
    assert str(reason) == "a chain of 1000 certificates, where 16 are allowed"


def test_the_limit_on_the_chain_length_is_the_callers() -> None:
    narrow = TrustStore([authority().root], max_chain_length=1)
    assert "a chain of 2 certificates, where 1 are allowed" in str(refusal(server().certificate_list, trust=narrow))
    direct = authority().issue(Profile.server(NAMES, now=NOW), generate(KeyType.ED25519)).certificate_list
    assert narrow.verify_server(direct, "localhost", NOW)
    for senseless in (0, 256):
        with pytest.raises(ConfigurationError):
            TrustStore([authority().root], max_chain_length=senseless)


@pytest.mark.parametrize("position", [0, 1])
def test_every_truncation_of_a_certificate_is_refused_as_unparsable(position: int) -> None:
    good = list(server().certificate_list)
    whole = good[position]
    for length in range(len(whole)):
        good[position] = whole[:length]
        reason = refusal(tuple(good))
        assert type(reason) is BadCertificate
        assert str(reason) == f"certificate {position + 1} of 2 does not parse"
    good[position] = whole + b"\0"
    assert type(refusal(tuple(good))) is BadCertificate


def test_megabytes_of_anything_are_refused() -> None:
    for junk in (b"\x30" * 10_000_000, b"\x30\x83\x98\x96\x80" + bytes(10_000_000), b"\xff" * 10_000_000):
        assert type(refusal((junk,))) is BadCertificate
        assert type(refusal((*server().certificate_list, junk))) is BadCertificate


@given(chain=st.lists(st.binary(max_size=200), max_size=20), name=st.sampled_from(["localhost", "127.0.0.1"]))
def test_random_bytes_are_refused_with_a_reason(chain: list[bytes], name: str) -> None:
    refusal(tuple(chain), name=name)
    refusal(tuple(chain), name=name, trust=NoVerification())


@given(data=st.data(), flaw=st.sampled_from([None, Flaw.WRONG_NAME, Flaw.SELF_SIGNED, Flaw.UNKNOWN_CA]))
def test_a_damaged_certificate_is_refused_with_a_reason(data: st.DataObject, flaw: Flaw | None) -> None:
    chain = [*damaged_from(flaw), der(authority().root)]
    position = data.draw(st.integers(0, len(chain) - 2))
    damaged = bytearray(chain[position])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(min_size=0, max_size=2))
    try:
        path = store().verify_server([*chain[:position], bytes(damaged), *chain[position + 1 :]], "localhost", NOW)
    except Reason:
        return
    # X.509 signatures do not cover themselves: the library overlooks the count of unused bits before them.
    assert flaw is None
    assert signed_part(path[position]) == signed_part(chain[position])


@pytest.mark.parametrize(
    "attribute",
    [
        b"\x55\x04\x03\x03\x11\0ls13 test server",
        b"\x55\x04\x03\x0c\x11\xffls13 test server",
        b"\x55\x04\x03\x0d\x11tls13 test server",
        b"\x55\x04\x06\x0c\x11tls13 test server",
    ],
    ids=["bit string", "no UTF-8", "object identifier", "country of 17 letters"],
)
@pytest.mark.parametrize("name", ["localhost", "example.org"])
def test_a_name_that_the_library_cannot_hold_makes_a_bad_certificate(attribute: bytes, name: str) -> None:
    """Each escapes pyca/cryptography as another type of exception, the last as a warning (here an error)."""
    good = server().certificate_list
    common_name = b"\x55\x04\x03\x0c\x11tls13 test server"
    assert good[0].count(common_name) == 1
    chain = (good[0].replace(common_name, attribute), *good[1:])
    assert type(refusal(chain, name=name)) is BadCertificate


def test_an_authority_cannot_be_a_server_too() -> None:
    """Unless it is trusted as exactly that server, above."""
    profile = replace(Profile.server(NAMES, now=NOW), is_authority=True)
    chain = authority().issue(profile, generate(KeyType.ED25519)).certificate_list
    assert type(refusal(chain)) is BadCertificate


@cache
def damaged_from(flaw: Flaw | None) -> tuple[bytes, ...]:
    if flaw is None:
        return server().certificate_list
    return mint_flawed(flaw, intermediate(), NAMES, now=NOW).certificate_list


@given(data=st.data())
def test_a_damaged_certificate_that_is_trusted_itself_is_no_longer_the_same(data: st.DataObject) -> None:
    (trusted,) = damaged_from(Flaw.SELF_SIGNED)
    trust = TrustStore.from_der([trusted])
    damaged = bytearray(trusted)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    refusal((bytes(damaged),), trust=trust)


# -- the policy that believes anyone -----------------------------------------------------------------------


@pytest.mark.parametrize("flaw", sorted(set(Flaw) - {Flaw.UNSUPPORTED_KEY}))
def test_no_verification_takes_every_flaw_but_an_unusable_key(flaw: Flaw) -> None:
    chain = mint_flawed(flaw, authority(), NAMES, now=NOW).certificate_list
    assert NoVerification().verify_server(chain, "localhost", NOW) == chain


def test_no_verification_still_wants_a_key_to_verify_the_handshake_with() -> None:
    chain = mint_flawed(Flaw.UNSUPPORTED_KEY, authority(), NAMES, now=NOW).certificate_list
    assert type(refusal(chain, trust=NoVerification())) is UnsupportedCertificate
    assert type(refusal((b"no certificate",), trust=NoVerification())) is BadCertificate


def test_what_a_certificate_holds_can_be_read_on_its_own() -> None:
    certificate = server().certificate_list[0]
    assert dns_names(certificate) == ("localhost", "*.example.com")
    assert public_key_of(certificate).schemes == (SignatureScheme.ecdsa_secp256r1_sha256,)
    for read in (dns_names, public_key_of):
        with pytest.raises(BadCertificate):
            read(certificate[:-1])


# -- where roots come from ---------------------------------------------------------------------------------


def test_roots_come_from_a_pem_file_a_der_file_or_a_folder_of_both(tmp_path: Path) -> None:
    first, second, third = (Authority.self_made(name, now=NOW) for name in "ABC")
    (tmp_path / "two.pem").write_bytes(b"A comment first.\n" + first.root_pem + b"\n" + second.root_pem)
    (tmp_path / "one.CRT").write_bytes(der(third.root))
    (tmp_path / "README").write_text("no certificate")
    assert TrustStore.load(tmp_path / "two.pem").roots == (der(first.root), der(second.root))
    assert TrustStore.load(str(tmp_path / "one.CRT")).roots == (der(third.root),)
    assert set(TrustStore.load(tmp_path).roots) == {der(each.root) for each in (first, second, third)}


def test_every_root_in_a_store_is_trusted() -> None:
    others = [Authority.self_made(f"other {number}", now=NOW).root for number in range(5)]
    mixed = TrustStore([*others, authority().root, *others])
    assert mixed.verify_server(server().certificate_list, "localhost", NOW)
    assert type(refusal(server().certificate_list, trust=TrustStore(others))) is UnknownCA


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "holds no certificate"),
        (b"hello", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\n", "holds no certificate"),
        (bytes(range(256)), "holds no certificate"),
        (self_signed(Profile.server(NAMES, now=NOW), generate(KeyType.ED25519)).key_pem, "holds a private key"),
    ],
)
def test_a_file_without_certificates_is_a_configuration_error(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(content)
    for source in (path, tmp_path):
        with pytest.raises(ConfigurationError, match=complaint) as error:
            TrustStore.load(source)
        assert str(path) in str(error.value)
        assert error.value.hint


def test_a_missing_file_and_an_empty_folder_are_configuration_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no file"):
        TrustStore.load(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="holds no certificate files"):
        TrustStore.load(tmp_path)
    with pytest.raises(ConfigurationError, match="can't be a file"):
        TrustStore.load("a\0b")
    with pytest.raises(ConfigurationError, match="no trusted root at all"):
        TrustStore([])
    with pytest.raises(ConfigurationError, match="does not parse"):
        TrustStore.from_der([b"junk"])


def test_an_endless_file_is_not_read_to_its_end() -> None:
    endless = Path("/dev/zero")
    if not endless.exists():
        pytest.skip("this system has no /dev/zero")
    with pytest.raises(ConfigurationError, match="longer than any file of certificates"):
        TrustStore.load(endless)


def test_the_system_store_is_what_openssl_is_told_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pki = mint(tmp_path, names=NAMES, now=NOW)
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.ca))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nowhere"))
    assert TrustStore.system().roots == (der(pki.authority.root),)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert TrustStore.system().roots == (der(pki.authority.root),)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match="no trusted root at all"):
        TrustStore.system()
