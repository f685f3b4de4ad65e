"""Whom a client believes: certificate paths and server names. RFC 5280 §6, RFC 9525, RFC 9846 §4.4.2.4.

`cryptography.x509.verification` decides. What this module adds is where trust comes from (`TrustStore`), the rules
of RFC 5280 §6.1 in place of the stricter ones of public CAs, and, once the library has refused a chain, a search for
the reason that the person in front of it can act on. Revocation is not checked.
"""

from __future__ import annotations

import contextlib
import ssl
import warnings
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, Self, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, PublicKeyAlgorithmOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from tls13.crypto.signatures import PublicKey
from tls13.errors import (
    BadCertificate,
    CertificateExpired,
    ConfigurationError,
    EmptyCertificate,
    Reason,
    UnknownCA,
    UnsupportedCertificate,
)
from tls13.server_name import ServerName, dns_name_matches, parse_server_name, printable

E = TypeVar("E", bound=x509.ExtensionType)

# Public chains hold two or three certificates; each one more is work that a hostile server gets for free.
MAX_CHAIN_LENGTH = 16
# What public CAs must ask for, and the library asks of issuers.
MIN_RSA_BITS = 2048
# In bytes. Whole systems' trust stores take a fiftieth of it.
MAX_FILE_SIZE = 1 << 24


class CertificatePolicy(Protocol):
    """What decides whether a server is who it should be."""

    def verify_server(self, chain: Sequence[bytes], server_name: ServerName, now: datetime) -> tuple[bytes, ...]:
        """The path that was validated, as DER, from the server's certificate to what is trusted.

        `chain` is the DER of each certificate that the server sent, its own first; `server_name` whom the client
        wants to talk to, as `parse_server_name` gives it; `now` the time (UTC, where it does not say). Raises a
        `Reason` for every chain that is not accepted, whatever its bytes.
        """


class TrustStore:
    """Believes a server whose certificate leads to one of its roots, is valid now and names the server.

    A root is a trust anchor: neither its signature nor its issuer matters. A server certificate that is itself a
    root (self-signed, as people make them for tests) is trusted as exactly that certificate: its dates, its names
    and its usage are still checked.
    """

    __slots__ = ("_anchors", "_roots", "_store", "max_chain_length")

    def __init__(self, roots: Iterable[x509.Certificate], *, max_chain_length: int = MAX_CHAIN_LENGTH) -> None:
        """Trusts `roots`, and chains of at most `max_chain_length` certificates, 1 to 255.

        Raises ConfigurationError for no root at all, or another length.
        """
        if not 1 <= max_chain_length <= 255:
            raise ConfigurationError(f"a chain length limit of {max_chain_length}", "choose one from 1 to 255")
        self.max_chain_length = max_chain_length
        self._roots = tuple(roots)
        if not self._roots:
            raise ConfigurationError("no trusted root at all", "name a file of CA certificates: --ca FILE")
        self._store = Store(list(self._roots))
        self._anchors = frozenset(_der(root) for root in self._roots)

    @property
    def roots(self) -> tuple[bytes, ...]:
        """What is trusted, as DER."""
        return tuple(_der(root) for root in self._roots)

    @classmethod
    def load(cls, path: str | Path, *, max_chain_length: int = MAX_CHAIN_LENGTH) -> Self:
        """Trusts the certificates of a PEM or DER file, or of a folder's .pem, .crt, .cer and .der files.

        Raises ConfigurationError for a file or folder that is missing, unreadable or without certificates.
        """
        source = Path(path)
        roots = _in_folder(source) if source.is_dir() else load_certificates(source)
        return cls(roots, max_chain_length=max_chain_length)

    @classmethod
    def system(cls, *, max_chain_length: int = MAX_CHAIN_LENGTH) -> Self:
        """Trusts what this machine trusts, SSL_CERT_FILE and SSL_CERT_DIR included.

        A root that the X.509 library can't read is left out. Raises ConfigurationError where there is none.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        roots = _readable(context.get_ca_certs(binary_form=True))
        # OpenSSL reads a folder of hashed names only as it needs them, so that none of them is listed above.
        folder = ssl.get_default_verify_paths().capath
        if not roots and folder is not None:
            return cls.load(folder, max_chain_length=max_chain_length)
        return cls(roots, max_chain_length=max_chain_length)

    @classmethod
    def from_der(cls, roots: Iterable[bytes], *, max_chain_length: int = MAX_CHAIN_LENGTH) -> Self:
        """Trusts the given certificates. Raises ConfigurationError for one that does not parse."""
        try:
            with _lenient():
                parsed = [x509.load_der_x509_certificate(root) for root in roots]
        except _UNPARSABLE as error:
            raise ConfigurationError(f"a trusted root does not parse: {error}", "give DER certificates") from error
        return cls(parsed, max_chain_length=max_chain_length)

    def verify_server(self, chain: Sequence[bytes], server_name: ServerName, now: datetime) -> tuple[bytes, ...]:
        """See `CertificatePolicy`. Raises BadCertificate, UnsupportedCertificate, CertificateExpired, UnknownCA.

        ConfigurationError, where `server_name` is none that `parse_server_name` accepts.
        """
        wanted = parse_server_name(server_name)
        moment = now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)
        certificates = _parse_chain(chain, self.max_chain_length)
        _public_key(certificates[0])
        _refuse_weak_key(certificates[0])
        try:
            path = self._validate(certificates, wanted, moment)
        except VerificationError as refusal:
            raise self._explain(refusal, certificates, wanted, moment) from refusal
        except _UNPARSABLE as error:
            raise _malformed(error) from error
        return tuple(_der(each) for each in path)

    def _validate(self, chain: list[x509.Certificate], wanted: ServerName, now: datetime) -> list[x509.Certificate]:
        leaf, *others = chain
        builder = PolicyBuilder().time(now).max_chain_depth(self.max_chain_length)
        if _der(leaf) in self._anchors:
            rules = builder.store(Store([leaf])).extension_policies(ca_policy=_ISSUER, ee_policy=_TRUSTED_LEAF)
        else:
            rules = builder.store(self._store).extension_policies(ca_policy=_ISSUER, ee_policy=_LEAF)
        try:
            verifier = rules.build_server_verifier(_subject(wanted))
        except ValueError as error:
            raise BadCertificate(
                f"no certificate can be for {wanted}: X.509 knows letters, digits and hyphens in a host name",
                hint="ask for the server by another of its names, or by its address",
            ) from error
        return verifier.verify(leaf, others)

    def _explain(
        self, refusal: VerificationError, chain: list[x509.Certificate], wanted: ServerName, now: datetime
    ) -> Reason:
        """Why the library said no, in the order in which it looks. Never a yes."""
        try:
            return (
                _outside_validity(chain[0], "certificate", now)
                or _other_name(chain[0], wanted)
                or _other_usage(chain[0])
                or self._broken_path(chain, now)
                or BadCertificate(_in_short(refusal))
            )
        except _UNPARSABLE as error:
            return _malformed(error)

    def _broken_path(self, chain: list[x509.Certificate], now: datetime) -> Reason | None:
        """Climbs from the server's certificate to where the path ends."""
        child, known = chain[0], (*self._roots, *chain[1:])
        for _ in range(self.max_chain_length):
            if _der(child) in self._anchors:
                return None
            namesakes = [each for each in known if each.subject == child.issuer and each != child]
            issuer = next((each for each in namesakes if _signed(each, child)), None)
            if issuer is None:
                return _no_issuer(child, namesakes, is_leaf=child == chain[0])
            reason = (
                _weak_signature(child)
                or _outside_validity(issuer, f"issuer {_name(issuer.subject)}", now)
                or _no_authority(issuer)
            )
            if reason is not None:
                return reason
            child = issuer
        return UnknownCA("no path leads to a trusted root", hint="give the server's CA with --ca")


class NoVerification:
    """Believes anyone: whoever answers may read and change everything. For tests and for looking at strange servers.

    The chain must still be one: certificates that parse, and in the first a key that can be verified with.
    """

    __slots__ = ()

    def verify_server(self, chain: Sequence[bytes], server_name: ServerName, now: datetime) -> tuple[bytes, ...]:
        """The chain itself, whoever it is for. Raises BadCertificate, UnsupportedCertificate, EmptyCertificate."""
        _public_key(_parse_chain(chain, MAX_CHAIN_LENGTH)[0])
        return tuple(chain)


def dns_names(certificate: bytes) -> tuple[str, ...]:
    """The DNS names in a DER certificate's subjectAltName, as they stand there. Raises BadCertificate."""
    (parsed,) = _parse_chain([certificate], 1)
    try:
        found = _extension(parsed, x509.SubjectAlternativeName)
    except _UNPARSABLE as error:
        raise BadCertificate("the certificate's extensions do not parse") from error
    return () if found is None else tuple(found.get_values_for_type(x509.DNSName))


def public_key_of(certificate: bytes) -> PublicKey:
    """The key that a DER certificate is for. Raises BadCertificate, UnsupportedCertificate."""
    (parsed,) = _parse_chain([certificate], 1)
    return _public_key(parsed)


def load_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates of a file: any number of PEM blocks, or one in DER.

    Raises ConfigurationError where it can't be read or holds none.
    """
    content = read_file(path)
    try:
        with _lenient():
            if b"-----BEGIN" in content:
                return x509.load_pem_x509_certificates(content)
            return [x509.load_der_x509_certificate(content)]
    except _UNPARSABLE as error:
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
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} can't be read: {error}", "check its name and permissions") from error
    if len(content) > MAX_FILE_SIZE:
        raise ConfigurationError(f"{path} is longer than any file of certificates", "check the name")
    return content


# -- what is checked ---------------------------------------------------------------------------------------


def _may_sign(policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("keyUsage does not allow signing certificates")


# The library's own rules are those that public CAs follow. Private ones often leave out what a path validator has no
# need of by RFC 5280 §6.1, and so do the certificates that OpenSSL makes by default: keyUsage in an issuer (checked
# where it is present, step n), a key identifier in authorityKeyIdentifier, which is a hint for finding issuers.
_ISSUER = (
    ExtensionPolicy.webpki_defaults_ca()
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
    .may_be_present(x509.AuthorityKeyIdentifier, Criticality.NON_CRITICAL, None)
)
_LEAF = ExtensionPolicy.webpki_defaults_ee().may_be_present(x509.AuthorityKeyIdentifier, Criticality.NON_CRITICAL, None)
# Nothing is signed by a leaf that is trusted for itself, so that it doesn't matter whether it could.
_TRUSTED_LEAF = _LEAF.may_be_present(x509.BasicConstraints, Criticality.AGNOSTIC, None).may_be_present(
    x509.KeyUsage, Criticality.AGNOSTIC, None
)

# What the X.509 library raises on bytes that are no certificate, or one with a part that is none (TypeError for a name
# of a wrong type). It warns of some oddities: a program that turns warnings into errors refuses them.
_UNPARSABLE = (
    ValueError,
    TypeError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
    UserWarning,
)


def _parse_chain(chain: Sequence[bytes], limit: int) -> list[x509.Certificate]:
    if not chain:
        raise EmptyCertificate("the server sent no certificate")
    if len(chain) > limit:
        raise BadCertificate(f"a chain of {len(chain)} certificates, where {limit} are allowed")
    certificates = []
    for position, der in enumerate(chain, start=1):
        try:
            certificates.append(x509.load_der_x509_certificate(der))
        except _UNPARSABLE as error:
            raise BadCertificate(f"certificate {position} of {len(chain)} does not parse") from error
    return certificates


def _public_key(certificate: x509.Certificate) -> PublicKey:
    # The library reads a key for RSASSA-PSS alone as if it were for anything, and would write it so. RFC 9846 §4.3.3.
    if certificate.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS:
        raise UnsupportedCertificate("the certificate's public key is for RSASSA-PSS alone (rsa_pss_pss_*)")
    try:
        spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except UnsupportedAlgorithm as error:
        raise UnsupportedCertificate("the certificate's public key is of an unknown kind") from error
    except _UNPARSABLE as error:
        raise BadCertificate("the certificate's public key does not parse") from error
    return PublicKey.from_spki(spki)


def _refuse_weak_key(leaf: x509.Certificate) -> None:
    """The library checks this for issuers, but leaves it out for the server's own key."""
    key = leaf.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise UnsupportedCertificate(
            f"the certificate's RSA key is weak: {key.key_size} bits, where {MIN_RSA_BITS} are asked for",
            hint="the server needs a new key and certificate",
        )


def _subject(name: ServerName) -> x509.DNSName | x509.IPAddress:
    return x509.DNSName(name) if isinstance(name, str) else x509.IPAddress(name)


# -- why a chain was refused -------------------------------------------------------------------------------


def _malformed(error: Exception) -> Reason:
    return BadCertificate(f"certificate with a malformed part: {printable(str(error))}")


def _outside_validity(certificate: x509.Certificate, what: str, now: datetime) -> Reason | None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if begin <= now <= end:
        return None
    verb, when = ("is not valid before", begin) if now < begin else ("expired on", end)
    return CertificateExpired(
        f"{what} {verb} {when:%Y-%m-%d %H:%M} UTC; now it is {now:%Y-%m-%d %H:%M} UTC",
        hint="check this machine's clock, then ask for a new certificate",
    )


def _other_name(leaf: x509.Certificate, wanted: ServerName) -> Reason | None:
    found = _extension(leaf, x509.SubjectAlternativeName)
    if found is None:
        return BadCertificate(
            f"certificate names no server (it has no subjectAltName); asked for {wanted}",
            hint="the name in the subject does not count: the certificate must be made anew",
        )
    named, addresses = found.get_values_for_type(x509.DNSName), found.get_values_for_type(x509.IPAddress)
    if wanted in addresses or (isinstance(wanted, str) and any(dns_name_matches(each, wanted) for each in named)):
        return None
    listed = [*named, *(str(each) for each in addresses)]
    shown = ", ".join(printable(each) for each in listed[:8]) or "nothing that TLS knows"
    more = f" and {len(listed) - 8} more" if len(listed) > 8 else ""
    return BadCertificate(
        f"certificate is for {shown}{more}; asked for {wanted}",
        hint="is it the right server? If so, ask for one of the certificate's names",
    )


def _other_usage(leaf: x509.Certificate) -> Reason | None:
    found = _extension(leaf, x509.ExtendedKeyUsage)
    if found is None or ExtendedKeyUsageOID.SERVER_AUTH in found:
        return None
    return BadCertificate(
        "certificate is not for TLS servers: its extendedKeyUsage has no serverAuth",
        hint="the server needs another certificate",
    )


def _no_issuer(child: x509.Certificate, namesakes: Sequence[x509.Certificate], *, is_leaf: bool) -> Reason:
    """None of `namesakes`, the known certificates with the issuer's name, has signed `child`."""
    name, issuer = _name(child.subject), _name(child.issuer)
    if child.issuer == child.subject and is_leaf:
        return UnknownCA(
            f"self-signed certificate {name}, which nobody vouches for",
            hint="if it is the right one, trust exactly it: give the certificate with --ca",
        )
    if child.issuer == child.subject:
        return UnknownCA(f"the chain ends in {name}, which is not trusted", hint="if it should be, give it with --ca")
    if not namesakes:
        return UnknownCA(f"no trusted root for issuer {issuer}", hint="give its CA with --ca")
    return _weak_signature(child) or _other_key(child, namesakes)


def _weak_signature(child: x509.Certificate) -> Reason | None:
    digest = child.signature_hash_algorithm
    if digest is None or digest.name not in _WEAK_DIGESTS:
        return None
    return BadCertificate(
        f"certificate {_name(child.subject)} is signed over {digest.name}, which is too weak",
        hint="the server needs a certificate that is signed over SHA-256 or better",
    )


def _other_key(child: x509.Certificate, namesakes: Sequence[x509.Certificate]) -> Reason:
    """Told apart by key identifiers: a CA that was made anew under its old name, and a signature that is false."""
    issuer, signed_by = _name(child.issuer), _extension(child, x509.AuthorityKeyIdentifier)
    known = {each.digest for each in (_extension(one, x509.SubjectKeyIdentifier) for one in namesakes) if each}
    if signed_by is not None and known and signed_by.key_identifier not in known:
        return UnknownCA(
            f"{issuer} is trusted, but another of the same name has signed: their keys differ",
            hint="the CA was made anew? Give the one that signed with --ca",
        )
    return BadCertificate(f"the signature under certificate {_name(child.subject)} is not that of {issuer}")


_WEAK_DIGESTS = frozenset({"md5", "sha1", "sha224"})


def _no_authority(issuer: x509.Certificate) -> Reason | None:
    constraints = _extension(issuer, x509.BasicConstraints)
    usage = _extension(issuer, x509.KeyUsage)
    if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
        return BadCertificate(f"issuer {_name(issuer.subject)} is no CA: it may not sign certificates")
    key = issuer.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return UnsupportedCertificate(
            f"issuer {_name(issuer.subject)} has a key of a kind that can't be checked: {type(key).__name__}",
            hint="sign with an RSA or ECDSA CA, or trust the server's own certificate: --ca FILE",
        )
    return None


def _signed(issuer: x509.Certificate, child: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(issuer)
    except (InvalidSignature, *_UNPARSABLE):
        return False
    return True


def _in_short(refusal: VerificationError) -> str:
    """The library's words, without the frames that it puts around them."""
    words = str(refusal).removeprefix("validation failed: ").removeprefix("candidates exhausted: ")
    return printable(words.partition(" (encountered processing")[0])


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _name(name: x509.Name) -> str:
    return printable(name.rfc4514_string()) or "without a name"


# -- files -------------------------------------------------------------------------------------------------


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _in_folder(folder: Path) -> list[x509.Certificate]:
    try:
        files = sorted(each for each in folder.iterdir() if each.suffix.lower() in _CERTIFICATE_SUFFIXES)
    except OSError as error:
        raise ConfigurationError(f"folder {folder} can't be read: {error}", "check its permissions") from error
    if not files:
        raise ConfigurationError(f"folder {folder} holds no certificate files", "they end in .pem, .crt, .cer or .der")
    return [each for file in files for each in load_certificates(file)]


_CERTIFICATE_SUFFIXES = frozenset({".pem", ".crt", ".cer", ".der"})


def _readable(certificates: Iterable[bytes]) -> list[x509.Certificate]:
    roots = []
    with _lenient():
        for der in certificates:
            with contextlib.suppress(*_UNPARSABLE):
                roots.append(x509.load_der_x509_certificate(der))
    return roots


def _lenient() -> warnings.catch_warnings[None]:
    """Some roots of every system have a serial number of zero, of which the library warns. Nobody here can mend it."""
    return warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning)
