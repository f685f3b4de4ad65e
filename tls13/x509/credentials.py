"""What an endpoint proves itself with: a certificate chain and the private key under it. RFC 9846 §4.5.1, §4.5.2."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from schemas.code_points import SignatureScheme
from schemas.extensions import OIDFilter
from tls13.crypto.keys import key_type_names
from tls13.crypto.signatures import LocalSigner, Signer
from tls13.errors import ConfigurationError, Reason
from tls13.x509.certificates import chain_schemes, dns_names, issuer_names, load_certificates, public_key_of, read_file
from tls13.x509.oid_filters import check_filters, client_may_send
from tls13.x509.server_name import dns_name_matches, parse_server_name


@dataclass(frozen=True, slots=True)
class Credential:
    """A chain and its signer. `certificate_list` is DER, the holder's own certificate first, each signed by the next.

    `signer` may be any `Signer`, one that asks a key elsewhere too. `names` are the DNS names that the certificate is
    for, in lower case, wildcards as they stand; `chain_schemes` how the chain is signed, `issuers` by whom: DER
    distinguished names as they stand in it. Raises ConfigurationError for a chain that is empty or does not parse, and
    for a certificate that signs by none of the signer's schemes.
    """

    certificate_list: tuple[bytes, ...] = field(repr=False)
    signer: Signer
    names: tuple[str, ...] = field(init=False)
    chain_schemes: frozenset[SignatureScheme | None] = field(init=False, repr=False)
    issuers: frozenset[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.certificate_list:
            raise ConfigurationError("a credential without a certificate", "give at least the holder's own")
        try:
            usable = public_key_of(self.certificate_list[0]).schemes
            names = dns_names(self.certificate_list[0])
            chain = chain_schemes(self.certificate_list)
            issuers = issuer_names(self.certificate_list)
        except Reason as reason:
            raise ConfigurationError(reason.detail, reason.hint) from reason
        if not set(usable) & set(self.signer.schemes):
            raise ConfigurationError(
                "the private key is of another type than the certificate's", "give the key that belongs to it"
            )
        object.__setattr__(self, "names", tuple(name.lower() for name in names))
        object.__setattr__(self, "chain_schemes", chain)
        object.__setattr__(self, "issuers", issuers)

    @classmethod
    def load(cls, cert_path: str | Path, key_path: str | Path, password: str | bytes | None = None) -> Self:
        """From files: the chain as PEM, or its one certificate as DER; the key as PEM or DER, PKCS#8, PKCS#1 or SEC1.

        Both may be the same file. `password` is for an encrypted key. Raises ConfigurationError, with the path and
        what to do, for files that can't be used and for a key that is not the certificate's.
        """
        cert_file, key_file = Path(cert_path), Path(key_path)
        chain = tuple(each.public_bytes(Encoding.DER) for each in load_certificates(cert_file))
        key = _load_key(key_file, password)
        try:
            pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            signer = LocalSigner.from_der(pkcs8, certified=_public_key(chain[0]))
        except ConfigurationError as error:
            raise ConfigurationError(f"{key_file}: {error}", error.hint or _usable()) from error
        _check_pair(chain, signer.public_key, cert_file, key_file)
        try:
            return cls(chain, signer)
        except ConfigurationError as error:
            raise ConfigurationError(f"{cert_file}: {error}", error.hint or _usable()) from error

    @classmethod
    def from_der(cls, certificate_list: Sequence[bytes], key: bytes) -> Self:
        """From a chain in memory, as `certificate_list`, and an unencrypted PKCS#8 key.

        Raises ConfigurationError as `load` does.
        """
        signer = LocalSigner.from_der(key, certified=_public_key(certificate_list[0]) if certificate_list else None)
        credential = cls(tuple(certificate_list), signer)
        if public_key_of(certificate_list[0]).spki != signer.public_key:
            raise ConfigurationError(
                "the private key is not the certificate's", "give the key that the certificate was made for"
            )
        return credential

    @property
    def schemes(self) -> tuple[SignatureScheme, ...]:
        """What the key can sign by, best first."""
        return tuple(self.signer.schemes)

    def matches(self, server_name: str) -> bool:
        """Whether the certificate is for the DNS name that a client asked for. RFC 9525 §6.3; False for no name."""
        try:
            wanted = parse_server_name(server_name)
        except ConfigurationError:
            return False
        return isinstance(wanted, str) and any(dns_name_matches(name, wanted) for name in self.names)

    def matches_filters(self, filters: Sequence[OIDFilter]) -> bool:
        """Whether the certificate has the extensions that a server asks for, unknown ones left out. RFC 9846 §4.3.5

        Raises ForbiddenValue for filters that no server may send.
        """
        return client_may_send(self.certificate_list[0], filters)


def choose_client_credential(
    credentials: Sequence[Credential],
    *,
    schemes: Sequence[SignatureScheme],
    certificate_schemes: Collection[SignatureScheme],
    authorities: Collection[bytes],
    filters: Sequence[OIDFilter],
) -> tuple[Credential, SignatureScheme] | None:
    """The first that is all that a CertificateRequest asks for, and how to sign for it. RFC 9846 §4.5.1.2

    Its key signs by one of `schemes` (signature_algorithms), its chain is signed by `certificate_schemes`
    (signature_algorithms_cert, or the same), one of `authorities` has issued a certificate of it, where any is named,
    and it matches `filters`. None where none fits. Raises ForbiddenValue as `Credential.matches_filters` does.
    """
    check_filters(filters)
    for credential in credentials:
        scheme = next((each for each in credential.signer.schemes if each in schemes), None)
        if (
            scheme is not None
            and credential.chain_schemes <= {*certificate_schemes}
            and (not authorities or not credential.issuers.isdisjoint(authorities))
            and credential.matches_filters(filters)
        ):
            return credential, scheme
    return None


def _load_key(path: Path, password: str | bytes | None) -> PrivateKeyTypes:
    content = read_file(path)
    secret = password.encode() if isinstance(password, str) else password
    try:
        return _parse_key(content, secret)
    except UnsupportedAlgorithm as error:
        raise ConfigurationError(f"{path} holds a key that can't be used: {error}", _usable()) from error
    except TypeError as error:
        raise ConfigurationError(f"{path} holds an encrypted key", "give its password") from error
    except ValueError as error:
        raise _unreadable_key(path, content, secret, error) from error


def _parse_key(content: bytes, password: bytes | None) -> PrivateKeyTypes:
    """Raises UnsupportedAlgorithm, ValueError, and TypeError for an encrypted key without a password."""
    load = load_pem_private_key if b"-----BEGIN" in content else load_der_private_key
    try:
        return load(content, password)
    except TypeError:
        # The library also refuses a password that a key has no need of. Like `ssl`, we don't ask for it then.
        return load(content, None)


def _unreadable_key(path: Path, content: bytes, password: bytes | None, error: ValueError) -> ConfigurationError:
    if b"PRIVATE KEY-----" not in content and b"-----BEGIN CERTIFICATE-----" in content:
        return ConfigurationError(f"{path} holds a certificate, no private key", "swap the two files?")
    if password is not None and (b"ENCRYPTED" in content or b"-----BEGIN" not in content):
        return ConfigurationError(f"{path} does not open with this password", "check the password")
    if b"PRIVATE KEY-----" in content:
        return ConfigurationError(f"{path} holds a damaged private key: {error}", "check it with: openssl pkey -in KEY")
    return ConfigurationError(
        f"{path} holds no private key that can be read", "give PEM (-----BEGIN PRIVATE KEY-----) or DER"
    )


def _usable() -> str:
    return f"make a new key and certificate: {key_type_names()}"


def _check_pair(chain: Sequence[bytes], public_key: bytes, cert_file: Path, key_file: Path) -> None:
    keys = [_public_key(each) for each in chain]
    # What keeps the first from being read, the credential itself tells.
    if keys[0] in (public_key, None):
        return
    holders = [position for position, key in enumerate(keys, start=1) if key == public_key]
    if holders:
        raise ConfigurationError(
            f"{key_file} belongs to certificate {holders[0]} in {cert_file}",
            "put that certificate first, then the one that signed it, and so on",
        )
    raise ConfigurationError(
        f"{key_file} is not the key of the certificate in {cert_file}", "give the two that were made together"
    )


def _public_key(certificate: bytes) -> bytes | None:
    """The SubjectPublicKeyInfo in a certificate in DER, None where that can't be read: it isn't one of ours then."""
    try:
        return public_key_of(certificate).spki
    except Reason:
        return None
