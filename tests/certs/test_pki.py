"""The PKI as its users see it: files, and certificates that OpenSSL and pyca/cryptography judge."""

from __future__ import annotations

import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from openssl_command import needs_openssl

from certs import CLIENT_FLAWS, Authority, Flaw, KeyType, Pki, Profile, generate, mint, self_signed

NOW = datetime(2031, 5, 17, 12, 30, 15, 250_000, tzinfo=UTC)
NAMES = ("localhost", "*.example.com", "127.0.0.1", "::1")

ML_DSA = (KeyType.ML_DSA_44, KeyType.ML_DSA_65, KeyType.ML_DSA_87)
# Releases of OpenSSL before 3.5 know no ML-DSA.
OPENSSL_KEY_TYPES = [each for each in KeyType if each not in ML_DSA]


@pytest.fixture(scope="module", params=["root", "intermediate"])
def pki(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki") / "made" / "on demand"
    return mint(folder, names=NAMES, now=NOW, intermediate=request.param == "intermediate")


def chain_in(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def openssl_verify(pki: Pki, certificate: Path, *, purpose: str, name: str | None, now: datetime = NOW) -> str:
    """What OpenSSL says: "OK", or its error number."""
    named = ["-verify_hostname", name] if name else []
    strict = ["openssl", "verify", "-x509_strict", "-auth_level", "2", "-attime", str(int(now.timestamp()))]
    files = ["-CAfile", str(pki.ca), "-untrusted", str(certificate), str(certificate)]
    result = subprocess.run(
        [*strict, "-purpose", purpose, *named, *files], capture_output=True, text=True, timeout=30, check=False
    )
    if result.returncode == 0:
        return "OK"
    return result.stderr.partition("error ")[2].partition(" at ")[0]


@needs_openssl
@pytest.mark.parametrize("key_type", OPENSSL_KEY_TYPES)
def test_openssl_in_strict_mode_accepts_every_server_certificate(pki: Pki, key_type: KeyType) -> None:
    certificate = pki.server(key_type).certificate
    assert openssl_verify(pki, certificate, purpose="sslserver", name="localhost") == "OK"
    assert openssl_verify(pki, certificate, purpose="sslserver", name="www.example.com") == "OK"
    assert openssl_verify(pki, certificate, purpose="sslserver", name="example.org") == "62"
    assert openssl_verify(pki, certificate, purpose="sslclient", name=None) == "26"


@needs_openssl
@pytest.mark.parametrize("key_type", OPENSSL_KEY_TYPES)
def test_openssl_in_strict_mode_accepts_every_client_certificate(pki: Pki, key_type: KeyType) -> None:
    certificate = pki.client(key_type, "alice").certificate
    assert certificate.name == f"alice-{key_type}.pem"
    assert openssl_verify(pki, certificate, purpose="sslclient", name=None) == "OK"
    assert openssl_verify(pki, certificate, purpose="sslserver", name=None) == "26"


@pytest.mark.parametrize("key_type", KeyType)
def test_the_webpki_rules_of_pyca_accept_every_certificate(pki: Pki, key_type: KeyType) -> None:
    (root,) = chain_in(pki.ca)
    rules = PolicyBuilder().store(Store([root])).time(NOW)
    server, *above = chain_in(pki.server(key_type).certificate)
    assert len(above) == len(pki.authority.chain)
    for name in (x509.DNSName("localhost"), x509.IPAddress(IPv6Address("::1"))):
        assert rules.build_server_verifier(name).verify(server, above) == [server, *above, root]
    client, *above = chain_in(pki.client(key_type).certificate)
    verified = rules.build_client_verifier().verify(client, above)
    assert verified.subjects == [x509.DNSName("client")]


@pytest.mark.parametrize(
    ("key_type", "identifier"),
    [
        (KeyType.ML_DSA_44, "2.16.840.1.101.3.4.3.17"),
        (KeyType.ML_DSA_65, "2.16.840.1.101.3.4.3.18"),
        (KeyType.ML_DSA_87, "2.16.840.1.101.3.4.3.19"),
    ],
)
def test_an_ml_dsa_authority_signs_what_pyca_verifies(key_type: KeyType, identifier: str) -> None:
    """RFC 9881 §2: one identifier for the key and its signatures, and no hash beside it."""
    authority = Authority.self_made("root", now=NOW, key_type=key_type)
    server = authority.issue(Profile.server(NAMES, now=NOW), generate(key_type)).certificate
    for each in (authority.root, server):
        assert each.signature_algorithm_oid.dotted_string == identifier
        assert each.public_key_algorithm_oid.dotted_string == identifier
        assert each.signature_hash_algorithm is None
    verifier = PolicyBuilder().store(Store([authority.root])).time(NOW).build_server_verifier(x509.DNSName("localhost"))
    assert verifier.verify(server, []) == [server, authority.root]


@pytest.mark.parametrize(
    ("key_type", "digest"),
    [
        (KeyType.RSA, "sha256"),
        (KeyType.ECDSA_P256, "sha256"),
        (KeyType.ECDSA_P384, "sha384"),
        (KeyType.ECDSA_P521, "sha512"),
    ],
)
def test_an_authority_signs_with_a_hash_as_strong_as_its_key(key_type: KeyType, digest: str) -> None:
    authority = Authority.self_made("root", now=NOW, key_type=key_type)
    certificate = authority.issue(Profile.server(NAMES, now=NOW), generate(KeyType.ED25519)).certificate
    for each in (authority.root, certificate):
        assert each.signature_hash_algorithm is not None
        assert each.signature_hash_algorithm.name == digest


@needs_openssl
def test_a_server_certificate_ends_after_398_days(pki: Pki) -> None:
    certificate = pki.server("ed25519").certificate
    # OpenSSL holds a certificate for expired within its last second already.
    last, first_without = NOW + timedelta(days=398, seconds=-1), NOW + timedelta(days=398, seconds=1)
    assert openssl_verify(pki, certificate, purpose="sslserver", name="localhost", now=last) == "OK"
    assert openssl_verify(pki, certificate, purpose="sslserver", name="localhost", now=first_without) == "10"
    assert openssl_verify(pki, certificate, purpose="sslserver", name=None, now=NOW - timedelta(days=1)) == "9"


KINDS = {
    KeyType.RSA: (rsa.RSAPrivateKey, 2048),
    KeyType.ECDSA_P256: (ec.EllipticCurvePrivateKey, 256),
    KeyType.ECDSA_P384: (ec.EllipticCurvePrivateKey, 384),
    KeyType.ECDSA_P521: (ec.EllipticCurvePrivateKey, 521),
    KeyType.ED25519: (ed25519.Ed25519PrivateKey, None),
    KeyType.ED448: (ed448.Ed448PrivateKey, None),
    KeyType.ML_DSA_44: (mldsa.MLDSA44PrivateKey, None),
    KeyType.ML_DSA_65: (mldsa.MLDSA65PrivateKey, None),
    KeyType.ML_DSA_87: (mldsa.MLDSA87PrivateKey, None),
}


@pytest.mark.parametrize("key_type", KeyType)
def test_the_key_file_holds_the_certificates_key_and_nobody_else_may_read_it(pki: Pki, key_type: KeyType) -> None:
    files = pki.server(key_type)
    assert files.key.name == f"server-{key_type}.key"
    key = load_pem_private_key(files.key.read_bytes(), None)
    kind, bits = KINDS[key_type]
    assert isinstance(key, kind)
    assert getattr(key, "key_size", None) == bits
    assert key.public_key() == chain_in(files.certificate)[0].public_key()
    if os.name == "posix":
        assert stat.S_IMODE(files.key.stat().st_mode) == 0o600


def test_only_what_is_asked_for_is_minted(tmp_path: Path) -> None:
    pki = mint(tmp_path, names=["localhost"], now=NOW, key_types=["ed25519", KeyType.ECDSA_P256])
    there = {"ca.pem", "server-ed25519.pem", "server-ed25519.key", "server-ecdsa-p256.pem", "server-ecdsa-p256.key"}
    assert {each.name for each in tmp_path.iterdir()} == there
    minted = pki.server("ed25519").certificate.read_bytes()
    assert pki.server("ed25519").certificate.read_bytes() == minted
    pki.flawed("expired")
    assert {each.name for each in tmp_path.iterdir()} == there | {"flawed-expired.pem", "flawed-expired.key"}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("somebody's own")
    with pytest.raises(FileExistsError):
        mint(tmp_path, names=["localhost"], now=NOW)
    assert (tmp_path / "ca.pem").read_text() == "somebody's own"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("names", "key_types", "complaint"),
    [
        ([], [], "at least one name"),
        (["localhost"], ["rsa-pss"], "'rsa-pss' is not a valid KeyType"),
        (["localhost", "bücher.example"], [], "A-label"),
    ],
)
def test_what_cannot_be_minted_leaves_no_trace(
    names: list[str], key_types: list[str], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=complaint):
        mint(tmp_path / "pki", names=names, now=NOW, key_types=key_types)
    assert not (tmp_path / "pki").exists()


def test_a_key_does_not_show_in_a_representation() -> None:
    authority = Authority.self_made("root", now=NOW)
    assert "PrivateKey" not in repr(authority)
    assert "PrivateKey" not in repr(self_signed(Profile.server(("localhost",), now=NOW), generate(KeyType.ED25519)))


# What `openssl verify` answers, by X509_V_ERR_* number. It takes a name from the subject where there is no
# subjectAltName, SHA-224 signatures and any curve that it knows: three flaws that it does not see.
OPENSSL_ANSWERS = {
    Flaw.EXPIRED: {"10"},
    Flaw.NOT_YET_VALID: {"9"},
    Flaw.WRONG_NAME: {"62"},
    Flaw.NO_NAMES: {"OK"},
    Flaw.WRONG_USAGE: {"26"},
    Flaw.SELF_SIGNED: {"18"},
    Flaw.UNKNOWN_CA: {"20"},
    Flaw.NAMESAKE_CA: {"20"},
    Flaw.EXPIRED_ISSUER: {"10"},
    Flaw.ISSUER_IS_NO_CA: {"24", "79"},
    Flaw.WEAK_KEY: {"66"},
    Flaw.WEAK_SIGNATURE: {"OK"},
    Flaw.UNSUPPORTED_KEY: {"OK"},
}


@needs_openssl
@pytest.mark.parametrize("flaw", Flaw)
def test_openssl_sees_each_flaw_as_what_it_is(pki: Pki, flaw: Flaw) -> None:
    certificate = pki.flawed(flaw).certificate
    assert openssl_verify(pki, certificate, purpose="sslserver", name="localhost") in OPENSSL_ANSWERS[flaw]


def test_every_flaw_but_those_of_a_servers_name_can_be_a_clients() -> None:
    assert set(Flaw) - set(CLIENT_FLAWS) == {Flaw.WRONG_NAME, Flaw.NO_NAMES}


@needs_openssl
@pytest.mark.parametrize("flaw", CLIENT_FLAWS)
def test_openssl_sees_each_flaw_in_a_client_certificate_too(pki: Pki, flaw: Flaw) -> None:
    certificate = pki.flawed_client(flaw, "alice").certificate
    assert certificate.name == f"flawed-alice-{flaw}.pem"
    assert openssl_verify(pki, certificate, purpose="sslclient", name=None) in OPENSSL_ANSWERS[flaw]


def test_a_client_of_the_wrong_usage_is_a_good_server(pki: Pki) -> None:
    leaf, *above = chain_in(pki.flawed_client(Flaw.WRONG_USAGE, "localhost").certificate)
    rules = PolicyBuilder().store(Store(chain_in(pki.ca))).time(NOW)
    assert rules.build_server_verifier(x509.DNSName("localhost")).verify(leaf, above)
    with pytest.raises(VerificationError, match="EKU"):
        rules.build_client_verifier().verify(leaf, above)


@pytest.mark.parametrize("flaw", [Flaw.WRONG_NAME, "no-names", "ugly"])
def test_what_is_no_flaw_of_a_client_is_not_minted(flaw: str, tmp_path: Path) -> None:
    pki = mint(tmp_path, names=["localhost"], now=NOW)
    with pytest.raises(ValueError, match=flaw):
        pki.flawed_client(flaw)
    assert [each.name for each in tmp_path.iterdir()] == ["ca.pem"]


def test_the_flaws_that_openssl_overlooks_are_in_the_certificate(pki: Pki) -> None:
    nameless = chain_in(pki.flawed(Flaw.NO_NAMES).certificate)[0]
    assert nameless.subject.rfc4514_string() == "CN=localhost"
    with pytest.raises(x509.ExtensionNotFound):
        nameless.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    signed = chain_in(pki.flawed(Flaw.WEAK_SIGNATURE).certificate)[0].signature_hash_algorithm
    assert signed is not None
    assert signed.name == "sha224"
    odd = chain_in(pki.flawed(Flaw.UNSUPPORTED_KEY).certificate)[0].public_key()
    assert isinstance(odd, ec.EllipticCurvePublicKey)
    assert odd.curve.name == "secp256k1"


def test_a_profile_without_usages_has_no_such_extension() -> None:
    profile = Profile(subject="x", names=("localhost",), not_before=NOW, not_after=NOW + timedelta(days=1))
    certificate = self_signed(profile, generate(KeyType.ED25519)).certificate
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    server = self_signed(Profile.server(("localhost",), now=NOW), generate(KeyType.ED25519)).certificate
    usage = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
