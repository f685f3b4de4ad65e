"""X.509 certificates as TLS meets them: DER from a peer, files from a user, read by pyca/cryptography. RFC 5280 §4.

Nothing here says whether a certificate is to be believed; `tls13.x509.trust` does.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from Crypto.Util.asn1 import DerSequence
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import PublicKeyAlgorithmOID, SignatureAlgorithmOID

from schemas.code_points import SignatureScheme
from tls13.crypto.signatures import PublicKey
from tls13.errors import BadCertificate, ConfigurationError, EmptyCertificate, UnsupportedCertificate

E = TypeVar("E", bound=x509.ExtensionType)

# In bytes. Whole systems' trust stores take a fiftieth of it.
MAX_FILE_SIZE = 1 << 24
# In bytes: what the vector of certificate_authorities holds.
_MAX_AUTHORITIES = (1 << 16) - 1
_CERTIFICATE_SUFFIXES = frozenset({".pem", ".crt", ".cer", ".der"})

# What the X.509 library raises on bytes that are no certificate, or on a part that is none (TypeError and KeyError for
# names of a wrong type). It warns of some oddities: a program that turns warnings into errors refuses them.
UNPARSABLE = (
    ValueError,
    TypeError,
    KeyError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
    UserWarning,
)


def parse_chain(chain: Sequence[bytes], limit: int) -> list[x509.Certificate]:
    """A peer's chain of at most `limit` certificates in DER. Raises EmptyCertificate, BadCertificate."""
    if not chain:
        raise EmptyCertificate("a chain without a certificate")
    if len(chain) > limit:
        raise BadCertificate(f"a chain of {len(chain)} certificates, where {limit} are allowed")
    certificates = []
    for position, data in enumerate(chain, start=1):
        try:
            certificates.append(x509.load_der_x509_certificate(data))
        except UNPARSABLE as error:
            raise BadCertificate(f"certificate {position} of {len(chain)} does not parse") from error
    return certificates


def der(certificate: x509.Certificate) -> bytes:
    """The certificate's bytes."""
    return certificate.public_bytes(Encoding.DER)


def extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    """The value of the certificate's extension of that kind, if it has one. Raises what is in `UNPARSABLE`."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def public_key(certificate: x509.Certificate) -> PublicKey:
    """The key that a certificate is for. Raises BadCertificate, UnsupportedCertificate."""
    try:
        if certificate.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS:
            spki = _subject_public_key_info(certificate)
        else:
            spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except UnsupportedAlgorithm as error:
        raise UnsupportedCertificate("the certificate's public key is of an unknown kind") from error
    except UNPARSABLE as error:
        raise BadCertificate("the certificate's public key does not parse") from error
    return PublicKey.from_spki(spki)


def _subject_public_key_info(certificate: x509.Certificate) -> bytes:
    """As it stands in the certificate: the library would write an RSASSA-PSS key as any RSA key.

    Raises BadCertificate, also for a serial number over 20 bytes (RFC 5280 §4.1.2.2), which would take long to read.
    """
    if certificate.serial_number.bit_length() > 160:
        raise BadCertificate("the certificate's serial number is longer than 20 bytes")
    return _parts(certificate)[4]


def authority_names(authorities: Iterable[x509.Certificate]) -> tuple[bytes, ...]:
    """Their own names, each once, for certificate_authorities; none, where they don't fit into it. RFC 9846 §4.3.4

    Raises BadCertificate.
    """
    names = tuple(dict.fromkeys(_parts(each)[3] for each in authorities))
    return names if sum(2 + len(each) for each in names) <= _MAX_AUTHORITIES else ()


def issuer_names(chain: Sequence[bytes]) -> frozenset[bytes]:
    """By whom the certificates of a chain in DER are issued: distinguished names in DER. Raises BadCertificate."""
    return frozenset(_parts(each)[1] for each in parse_chain(chain, len(chain)))


def _parts(certificate: x509.Certificate) -> list[bytes]:
    """TBSCertificate from `signature` on, each part in DER as it stands there. RFC 5280 §4.1

    signature, issuer, validity, subject, subjectPublicKeyInfo and what follows. Raises BadCertificate.
    """
    match DerSequence().decode(certificate.tbs_certificate_bytes)[:]:
        # version, serialNumber, …; in version 1 it says none.
        case [bytes(), int(), *parts] | [int(), *parts]:
            read = [part for part in parts if isinstance(part, bytes)]
            if len(read) == len(parts) and len(read) >= 5:
                return read
    raise BadCertificate("the certificate's parts are not where they should be")


def dns_names(certificate: bytes) -> tuple[str, ...]:
    """The DNS names in a DER certificate's subjectAltName, as they stand there. Raises BadCertificate."""
    (parsed,) = parse_chain([certificate], 1)
    try:
        found = extension(parsed, x509.SubjectAlternativeName)
    except UNPARSABLE as error:
        raise BadCertificate("the certificate's extensions do not parse") from error
    return () if found is None else tuple(found.get_values_for_type(x509.DNSName))


def chain_schemes(chain: Sequence[bytes]) -> frozenset[SignatureScheme | None]:
    """How the certificates of a chain in DER are signed, None for ways that TLS 1.3 has no name for.

    Those that are signed by their own key don't count: nobody verifies that. RFC 9846 §4.3.3. Raises BadCertificate.
    """
    certificates = parse_chain(chain, len(chain))
    return frozenset(signature_scheme(each) for each in certificates if each.issuer != each.subject)


def signature_scheme(certificate: x509.Certificate) -> SignatureScheme | None:
    """How a certificate is signed. Of ECDSA the hash tells the scheme, as the curve is the issuer's."""
    oid = certificate.signature_algorithm_oid
    if oid != SignatureAlgorithmOID.RSASSA_PSS:
        return CERTIFICATE_SIGNATURES.get(oid)
    digest = certificate.signature_hash_algorithm
    return None if digest is None else PSS_SIGNATURES.get(digest.name)


CERTIFICATE_SIGNATURES = {
    SignatureAlgorithmOID.RSA_WITH_SHA1: SignatureScheme.rsa_pkcs1_sha1,
    SignatureAlgorithmOID.RSA_WITH_SHA256: SignatureScheme.rsa_pkcs1_sha256,
    SignatureAlgorithmOID.RSA_WITH_SHA384: SignatureScheme.rsa_pkcs1_sha384,
    SignatureAlgorithmOID.RSA_WITH_SHA512: SignatureScheme.rsa_pkcs1_sha512,
    SignatureAlgorithmOID.ECDSA_WITH_SHA1: SignatureScheme.ecdsa_sha1,
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: SignatureScheme.ecdsa_secp256r1_sha256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: SignatureScheme.ecdsa_secp384r1_sha384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: SignatureScheme.ecdsa_secp521r1_sha512,
    SignatureAlgorithmOID.ED25519: SignatureScheme.ed25519,
    SignatureAlgorithmOID.ED448: SignatureScheme.ed448,
    SignatureAlgorithmOID.ML_DSA_44: SignatureScheme.mldsa44,
    SignatureAlgorithmOID.ML_DSA_65: SignatureScheme.mldsa65,
    SignatureAlgorithmOID.ML_DSA_87: SignatureScheme.mldsa87,
}
PSS_SIGNATURES = {
    "sha256": SignatureScheme.rsa_pss_rsae_sha256,
    "sha384": SignatureScheme.rsa_pss_rsae_sha384,
    "sha512": SignatureScheme.rsa_pss_rsae_sha512,
}


def in_force(chain: Sequence[bytes], now: datetime) -> bool:
    """Whether every certificate of a chain in DER is within its validity period. Raises BadCertificate."""
    certificates = parse_chain(chain, len(chain))
    return all(each.not_valid_before_utc <= now <= each.not_valid_after_utc for each in certificates)


def public_key_of(certificate: bytes) -> PublicKey:
    """The key that a certificate in DER is for. Raises BadCertificate, UnsupportedCertificate."""
    (parsed,) = parse_chain([certificate], 1)
    return public_key(parsed)


def load_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates of a file: any number of PEM blocks, or one in DER.

    Raises ConfigurationError where it can't be read or holds none.
    """
    content = read_file(path)
    try:
        with lenient():
            if b"-----BEGIN" in content:
                return x509.load_pem_x509_certificates(content)
            return [x509.load_der_x509_certificate(content)]
    except UNPARSABLE as error:
        if b"PRIVATE KEY-----" in content and b"-----BEGIN CERTIFICATE-----" not in content:
            raise ConfigurationError(f"{path} holds a private key, no certificate", "swap the two files?") from error
        raise ConfigurationError(
            f"{path} holds no certificate that can be read", "give PEM (-----BEGIN CERTIFICATE-----) or DER"
        ) from error


def read_file(path: Path) -> bytes:
    """The file's content. Raises ConfigurationError where there is none to be had."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_SIZE + 1)
    except FileNotFoundError as error:
        raise ConfigurationError(f"there is no file {path}", "check the name") from error
    except IsADirectoryError as error:
        raise ConfigurationError(f"{path} is a folder", "name a file in it") from error
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}", "check its permissions") from error
    except ValueError as error:
        raise ConfigurationError(f"{str(path)!r} can't be a file: {error}", "check the name") from error
    if len(content) > MAX_FILE_SIZE:
        raise ConfigurationError(f"{path} is longer than any file of certificates", "check the name")
    return content


def load_folder(folder: Path) -> list[x509.Certificate]:
    """The certificates of a folder's .pem, .crt, .cer and .der files, by name.

    Raises ConfigurationError where there are none, or one of the files holds none.
    """
    try:
        files = sorted(each for each in folder.iterdir() if each.suffix.lower() in _CERTIFICATE_SUFFIXES)
    except OSError as error:
        raise ConfigurationError(f"folder {folder} can't be read: {error.strerror}", "check its permissions") from error
    if not files:
        raise ConfigurationError(f"folder {folder} holds no certificate files", "they end in .pem, .crt, .cer or .der")
    return [each for file in files for each in load_certificates(file)]


def lenient() -> warnings.catch_warnings[None]:
    """Some roots of every system have a serial number of zero, of which the library warns. Nobody here can mend it."""
    return warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning)
