"""Certificates and keys from files: every usual form, and one clear line for everything that is none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from openssl_command import needs_openssl, openssl

from certs import Authority, Identity, KeyType, Pki, Profile, generate, mint, self_signed
from schemas.code_points import SignatureScheme
from tls13.crypto.signatures import LocalSigner
from tls13.errors import ConfigurationError
from tls13.x509.certificates import public_key_of
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification

NOW = datetime(2031, 5, 17, 12, 30, tzinfo=UTC)
NAMES = ("localhost", "WWW.Example.com", "*.example.org", "127.0.0.1")

SCHEMES = {
    KeyType.RSA: {
        SignatureScheme.rsa_pss_rsae_sha256,
        SignatureScheme.rsa_pss_rsae_sha384,
        SignatureScheme.rsa_pss_rsae_sha512,
    },
    KeyType.ECDSA_P256: {SignatureScheme.ecdsa_secp256r1_sha256},
    KeyType.ECDSA_P384: {SignatureScheme.ecdsa_secp384r1_sha384},
    KeyType.ECDSA_P521: {SignatureScheme.ecdsa_secp521r1_sha512},
    KeyType.ED25519: {SignatureScheme.ed25519},
    KeyType.ED448: {SignatureScheme.ed448},
    KeyType.ML_DSA_44: {SignatureScheme.mldsa44},
    KeyType.ML_DSA_65: {SignatureScheme.mldsa65},
    KeyType.ML_DSA_87: {SignatureScheme.mldsa87},
}


RFC_8448 = Path(__file__).parents[3] / "shared" / "vectors" / "rfc8448.json"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return mint(tmp_path_factory.mktemp("pki"), names=NAMES, now=NOW, intermediate=True)


def one_line(cert: Path, key: Path, password: str | None = None) -> str:
    """What the user reads when the two can't be used: the error and its hint."""
    with pytest.raises(ConfigurationError) as caught:
        Credential.load(cert, key, password)
    assert caught.value.hint
    assert "\n" not in f"{caught.value}{caught.value.hint}"
    return f"{caught.value} ({caught.value.hint})"


# -- what can be loaded ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", SCHEMES)
def test_a_chain_and_its_key_are_loaded_and_sign_what_the_certificate_verifies(pki: Pki, key_type: KeyType) -> None:
    files = pki.server(key_type)
    credential = Credential.load(files.certificate, str(files.key))
    chain = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    assert credential.certificate_list == tuple(each.public_bytes(Encoding.DER) for each in chain)
    assert len(credential.certificate_list) == 2
    assert set(credential.schemes) == SCHEMES[key_type]
    for scheme in credential.schemes:
        signature = credential.signer.sign(scheme, b"content")
        public_key_of(credential.certificate_list[0]).verify(scheme, signature, b"content")


def identity(key_type: KeyType) -> Identity:
    return self_signed(Profile.server(NAMES, now=NOW), generate(key_type))


def usual_forms() -> Iterator[tuple[KeyType, Encoding, PrivateFormat, str | None]]:
    older = PrivateFormat.TraditionalOpenSSL
    for key_type, encoding, password in product(SCHEMES, (Encoding.PEM, Encoding.DER), (None, "pässword")):
        yield key_type, encoding, PrivateFormat.PKCS8, password
        # PKCS#1 and SEC1: for RSA and ECDSA alone, and no encryption but in PEM.
        old = key_type is KeyType.RSA or key_type.startswith("ecdsa")
        if old and (encoding is Encoding.PEM or password is None):
            yield key_type, encoding, older, password


@pytest.mark.parametrize(("key_type", "encoding", "form", "password"), list(usual_forms()))
def test_keys_of_every_usual_form_are_loaded(
    key_type: KeyType, encoding: Encoding, form: PrivateFormat, password: str | None, tmp_path: Path
) -> None:
    made = identity(key_type)
    protected: KeySerializationEncryption = NoEncryption()
    if password is not None:
        protected = BestAvailableEncryption(password.encode())
    cert, key = tmp_path / "server.crt", tmp_path / "server.key"
    cert.write_bytes(made.certificate.public_bytes(encoding))
    key.write_bytes(made.key.private_bytes(encoding, form, protected))
    credential = Credential.load(cert, key, password)
    assert credential.certificate_list == made.certificate_list
    assert credential.schemes
    if password is None:
        assert Credential.load(cert, key, "a password that nobody needs").schemes == credential.schemes
    else:
        assert "does not open with this password" in one_line(cert, key, "wrong")
        assert "(give its password)" in one_line(cert, key)


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    made = identity(KeyType.ECDSA_P256)
    for content in (made.key_pem + made.certificate_pem, made.certificate_pem + made.key_pem):
        both = tmp_path / "server.pem"
        both.write_bytes(content)
        assert Credential.load(both, both).certificate_list == made.certificate_list


# What `openssl genpkey -algorithm RSA-PSS` is told, and what the key then is for.
RSASSA_PSS = {
    "": {SignatureScheme.rsa_pss_pss_sha256, SignatureScheme.rsa_pss_pss_sha384, SignatureScheme.rsa_pss_pss_sha512},
    "md:sha256 mgf1_md:sha256 saltlen:32": {SignatureScheme.rsa_pss_pss_sha256},
    "md:sha384 mgf1_md:sha384 saltlen:48": {SignatureScheme.rsa_pss_pss_sha384},
    "md:sha512 mgf1_md:sha512 saltlen:64": {SignatureScheme.rsa_pss_pss_sha512},
}


def openssl_rsassa_pss(folder: Path, confined_to: str) -> tuple[Path, Path]:
    """A key for RSASSA-PSS alone and its certificate, by the openssl command."""
    bits = ["-pkeyopt", "rsa_keygen_bits:2048"]
    parameters = [word for each in confined_to.split() for word in ("-pkeyopt", f"rsa_pss_keygen_{each}")]
    names = ["-subj", "/CN=x", "-addext", "subjectAltName=DNS:localhost"]
    for command in (
        ["genpkey", "-algorithm", "RSA-PSS", *bits, *parameters, "-out", "server.key"],
        ["req", "-x509", "-new", "-key", "server.key", "-out", "server.pem", *names],
    ):
        openssl(folder, *command)
    return folder / "server.pem", folder / "server.key"


@needs_openssl
@pytest.mark.parametrize("confined_to", RSASSA_PSS)
def test_an_rsassa_pss_key_signs_by_what_its_certificate_allows(confined_to: str, tmp_path: Path) -> None:
    cert, key = openssl_rsassa_pss(tmp_path, confined_to)
    credential = Credential.load(cert, key)
    assert set(credential.schemes) == RSASSA_PSS[confined_to]
    for scheme in credential.schemes:
        signature = credential.signer.sign(scheme, b"content")
        public_key_of(credential.certificate_list[0]).verify(scheme, signature, b"content")
    openssl(tmp_path, "pkcs8", "-topk8", "-nocrypt", "-in", "server.key", "-outform", "DER", "-out", "key.der")
    in_memory = Credential.from_der(credential.certificate_list, (tmp_path / "key.der").read_bytes())
    assert in_memory.schemes == credential.schemes


@needs_openssl
def test_an_encrypted_rsassa_pss_key_is_one_too(tmp_path: Path) -> None:
    cert, key = openssl_rsassa_pss(tmp_path, "")
    openssl(tmp_path, "pkcs8", "-topk8", "-in", "server.key", "-passout", "pass:x", "-out", "encrypted.key")
    assert Credential.load(cert, tmp_path / "encrypted.key", "x").schemes == Credential.load(cert, key).schemes


@needs_openssl
def test_an_rsassa_pss_key_with_parameters_that_no_scheme_has_is_told_so(tmp_path: Path) -> None:
    told = one_line(*openssl_rsassa_pss(tmp_path, "md:sha256"))
    assert "RSASSA-PSS with other parameters" in told


@needs_openssl
def test_an_ec_key_as_openssl_writes_it_with_its_parameters_before_it_is_loaded(tmp_path: Path) -> None:
    openssl(tmp_path, "ecparam", "-name", "prime256v1", "-genkey", "-out", "server.key")
    names = ["-subj", "/CN=x", "-addext", "subjectAltName=DNS:localhost"]
    openssl(tmp_path, "req", "-x509", "-new", "-key", "server.key", "-out", "server.pem", *names)
    assert (tmp_path / "server.key").read_bytes().startswith(b"-----BEGIN EC PARAMETERS")
    assert Credential.load(tmp_path / "server.pem", tmp_path / "server.key").names == ("localhost",)


def test_the_server_of_rfc_8448_can_be_loaded(tmp_path: Path) -> None:
    if not RFC_8448.exists():
        pytest.skip(f"needs {RFC_8448}")
    vectors = json.loads(RFC_8448.read_text())
    message = next(text for text in strings_in(vectors) if text.startswith("0b0001b9000001b5"))
    # Certificate: 4 bytes of header, an empty certificate_request_context, two lengths of 3 bytes, then one entry.
    certificate = bytes.fromhex(message)[4 + 1 + 3 + 3 : -2]
    (tmp_path / "server.crt").write_bytes(certificate)
    (tmp_path / "server.key").write_text(vectors["server_rsa_key_pem"])
    credential = Credential.load(tmp_path / "server.crt", tmp_path / "server.key")
    assert credential.certificate_list == (certificate,)
    assert credential.names == ()
    assert SignatureScheme.rsa_pss_rsae_sha256 in credential.schemes
    assert NoVerification().verify_server([certificate], "server", NOW) == (certificate,)


def strings_in(value: object) -> list[str]:
    """Every string in a JSON value, keys left out."""
    match value:
        case str():
            return [value]
        case dict():
            return [text for each in value.values() for text in strings_in(each)]
        case list():
            return [text for each in value for text in strings_in(each)]
    return []


# -- what cannot, and what the user is told ----------------------------------------------------------------


def test_a_missing_file_is_named(pki: Pki, tmp_path: Path) -> None:
    files = pki.server("ed25519")
    nowhere = tmp_path / "nowhere.pem"
    assert one_line(nowhere, files.key) == f"there is no file {nowhere} (check the name)"
    assert one_line(files.certificate, nowhere) == f"there is no file {nowhere} (check the name)"


def test_a_folder_is_no_file(pki: Pki, tmp_path: Path) -> None:
    files = pki.server("ed25519")
    assert one_line(tmp_path, files.key) == f"{tmp_path} is a folder (name a file in it)"
    assert one_line(files.certificate, tmp_path) == f"{tmp_path} is a folder (name a file in it)"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions can stop")
def test_a_file_that_may_not_be_read_is_named(pki: Pki, tmp_path: Path) -> None:
    files = pki.server("ed25519")
    secret = tmp_path / "secret.key"
    secret.touch(mode=0o000)
    assert f"{secret} can't be read" in one_line(files.certificate, secret)


def test_certificate_and_key_the_wrong_way_round_are_noticed(pki: Pki) -> None:
    files = pki.server("ecdsa-p256")
    told = one_line(files.key, files.certificate)
    assert told == f"{files.key} holds a private key, no certificate (swap the two files?)"
    told = one_line(files.certificate, files.certificate)
    assert told == f"{files.certificate} holds a certificate, no private key (swap the two files?)"


def test_a_key_that_is_another_certificates_is_noticed(pki: Pki, tmp_path: Path) -> None:
    mine, other = pki.server("ed25519"), mint(tmp_path, names=NAMES, now=NOW).server("ed25519")
    told = one_line(mine.certificate, other.key)
    assert told.startswith(f"{other.key} is not the key of the certificate in {mine.certificate} (")
    assert "is not the key of" in one_line(mine.certificate, pki.server("rsa").key)


def test_a_chain_in_the_wrong_order_is_noticed(pki: Pki, tmp_path: Path) -> None:
    files = pki.server("ed25519")
    server, issuer = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    turned = tmp_path / "turned.pem"
    turned.write_bytes(issuer.public_bytes(Encoding.PEM) + server.public_bytes(Encoding.PEM))
    told = one_line(turned, files.key)
    assert told.startswith(f"{files.key} belongs to certificate 2 in {turned} (put that certificate first")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "holds no private key that can be read"),
        (b"hello\n", "holds no private key that can be read"),
        (bytes(range(256)), "holds no private key that can be read"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds a damaged private key"),
        (b"-----BEGIN PRIVATE KEY-----\n", "holds a damaged private key"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "holds no private key"),
    ],
)
def test_a_file_without_a_key_is_named(content: bytes, complaint: str, pki: Pki, tmp_path: Path) -> None:
    path = tmp_path / "server.key"
    path.write_bytes(content)
    assert f"{path} {complaint}" in one_line(pki.server("ed25519").certificate, path)


def test_a_file_without_a_certificate_is_named(pki: Pki, tmp_path: Path) -> None:
    path = tmp_path / "server.pem"
    for content in (b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"0\0"):
        path.write_bytes(content)
        assert f"{path} holds no certificate that can be read" in one_line(path, pki.server("ed25519").key)


@pytest.mark.parametrize("curve", [ec.SECP256K1(), ec.BrainpoolP256R1()])
def test_a_key_of_a_type_that_is_not_supported_is_named_with_those_that_are(
    curve: ec.EllipticCurve, tmp_path: Path
) -> None:
    made = self_signed(Profile.server(NAMES, now=NOW), ec.generate_private_key(curve))
    cert, key = tmp_path / "server.pem", tmp_path / "server.key"
    cert.write_bytes(made.certificate_pem)
    key.write_bytes(made.key_pem)
    told = one_line(cert, key)
    assert str(key) in told
    assert "Ed25519" in told


@given(content=st.binary(max_size=300), armour=st.sampled_from([b"", b"-----BEGIN PRIVATE KEY-----\n"]))
def test_random_bytes_are_no_credential(content: bytes, armour: bytes, pki: Pki) -> None:
    path = pki.folder / "random"
    path.write_bytes(armour + content)
    for cert, key in ((pki.server("ed25519").certificate, path), (path, path)):
        with pytest.raises(ConfigurationError):
            Credential.load(cert, key)


# -- in memory ---------------------------------------------------------------------------------------------


def test_a_credential_can_be_made_from_bytes_in_memory() -> None:
    made = Authority.self_made("root", now=NOW).issue(Profile.server(NAMES, now=NOW), generate(KeyType.ECDSA_P256))
    credential = Credential.from_der(made.certificate_list, made.key_der)
    assert credential.certificate_list == made.certificate_list
    with pytest.raises(ConfigurationError, match="is not the certificate's"):
        Credential.from_der(made.certificate_list, identity(KeyType.ECDSA_P256).key_der)
    with pytest.raises(ConfigurationError, match="of another type"):
        Credential.from_der(made.certificate_list, identity(KeyType.ED25519).key_der)
    with pytest.raises(ConfigurationError, match="without a certificate"):
        Credential.from_der([], made.key_der)
    with pytest.raises(ConfigurationError, match="does not parse"):
        Credential.from_der([b"junk"], made.key_der)
    with pytest.raises(ConfigurationError):
        Credential.from_der(made.certificate_list, b"junk")


def test_a_signer_that_keeps_its_key_elsewhere_will_do() -> None:
    class Elsewhere:
        schemes = (SignatureScheme.ed25519,)

        def sign(self, scheme: SignatureScheme, content: bytes) -> bytes:
            return bytes([scheme % 256]) + content

    credential = Credential(identity(KeyType.ED25519).certificate_list, Elsewhere())
    assert credential.schemes == (SignatureScheme.ed25519,)
    assert credential.signer.sign(SignatureScheme.ed25519, b"x") == b"\x07x"


def test_a_credential_is_immutable_and_shows_no_key() -> None:
    made = identity(KeyType.ED25519)
    credential = Credential(made.certificate_list, LocalSigner.from_der(made.key_der))
    for name in ("certificate_list", "signer", "names"):
        with pytest.raises(FrozenInstanceError):
            setattr(credential, name, ())
    seed = made.key_der[-32:]
    assert seed.hex() not in repr(credential)
    assert repr(seed) not in repr(credential)


@pytest.mark.parametrize(
    ("name", "is_for"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("www.example.com", True),
        ("example.com", False),
        ("a.example.org", True),
        ("a.b.example.org", False),
        ("example.org", False),
        ("xn--bcher-kva.example.org", True),
        ("bücher.example.org", True),
        ("127.0.0.1", False),
        ("", False),
        ("*.example.org", False),
        ("no host name", False),
        ("a" * 100_000, False),
    ],
)
def test_a_credential_matches_the_dns_names_of_its_certificate(name: str, is_for: bool) -> None:
    made = identity(KeyType.ED25519)
    credential = Credential.from_der(made.certificate_list, made.key_der)
    assert credential.names == ("localhost", "www.example.com", "*.example.org")
    assert credential.matches(name) is is_for


def test_a_certificate_without_names_is_for_nobody_in_particular() -> None:
    profile = Profile.authority("localhost", now=NOW)
    made = self_signed(profile, generate(KeyType.ED25519))
    credential = Credential.from_der(made.certificate_list, made.key_der)
    assert credential.names == ()
    assert not credential.matches("localhost")
