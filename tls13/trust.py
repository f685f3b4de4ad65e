"""Whom a client believes: certificate paths and server names. RFC 5280 §6, RFC 9525, RFC 9846 §4.5.1.3.

`cryptography.x509.verification` decides. What this module adds is where trust comes from (`TrustStore`) and the rules
of RFC 5280 §6.1 in place of the stricter ones of public CAs. Why a chain was refused, `tls13.refusal` finds out.
Revocation is not checked.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from schemas.code_points import SignatureScheme
from tls13.certificates import UNPARSABLE, der, lenient, load_certificates, load_folder, parse_chain, public_key
from tls13.errors import BadCertificate, ConfigurationError, UnsupportedCertificate
from tls13.refusal import explain, malformed
from tls13.server_name import ServerName, parse_server_name

# Public chains hold two or three certificates; each one more is work that a hostile server gets for free.
MAX_CHAIN_LENGTH = 16
# What public CAs must ask for, and the library asks of issuers.
MIN_RSA_BITS = 2048


CERTIFICATE_SIGNATURE_SCHEMES = (
    SignatureScheme.ecdsa_secp256r1_sha256,
    SignatureScheme.ecdsa_secp384r1_sha384,
    SignatureScheme.ecdsa_secp521r1_sha512,
    SignatureScheme.ed25519,
    SignatureScheme.rsa_pss_rsae_sha256,
    SignatureScheme.rsa_pss_rsae_sha384,
    SignatureScheme.rsa_pss_rsae_sha512,
    SignatureScheme.rsa_pss_pss_sha256,
    SignatureScheme.rsa_pss_pss_sha384,
    SignatureScheme.rsa_pss_pss_sha512,
    SignatureScheme.ed448,
    SignatureScheme.rsa_pkcs1_sha256,
    SignatureScheme.rsa_pkcs1_sha384,
    SignatureScheme.rsa_pkcs1_sha512,
)
"""How the certificates of a chain may be signed. RFC 9846 §4.3.3, §9.1

What the X.509 library verifies; and ed25519, ed448 and rsa_pss_pss_*, of which it takes no issuer, for certificates
that are trusted as they are.
"""


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
        self._anchors = frozenset(der(root) for root in self._roots)

    @property
    def roots(self) -> tuple[bytes, ...]:
        """What is trusted, as DER."""
        return tuple(der(root) for root in self._roots)

    @classmethod
    def load(cls, path: str | Path, *, max_chain_length: int = MAX_CHAIN_LENGTH) -> Self:
        """Trusts the certificates of a PEM or DER file, or of a folder's .pem, .crt, .cer and .der files.

        Raises ConfigurationError for a file or folder that is missing, unreadable or without certificates.
        """
        source = Path(path)
        roots = load_folder(source) if source.is_dir() else load_certificates(source)
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
            with lenient():
                parsed = [x509.load_der_x509_certificate(root) for root in roots]
        except UNPARSABLE as error:
            raise ConfigurationError(f"a trusted root does not parse: {error}", "give DER certificates") from error
        return cls(parsed, max_chain_length=max_chain_length)

    def verify_server(self, chain: Sequence[bytes], server_name: ServerName, now: datetime) -> tuple[bytes, ...]:
        """See `CertificatePolicy`. Raises BadCertificate, UnsupportedCertificate, CertificateExpired, UnknownCA.

        ConfigurationError, where `server_name` is none that `parse_server_name` accepts.
        """
        wanted = parse_server_name(server_name)
        moment = now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)
        certificates = parse_chain(chain, self.max_chain_length)
        public_key(certificates[0])
        _refuse_weak_key(certificates[0])
        try:
            path = self._validate(certificates, wanted, moment)
        except VerificationError as refusal:
            raise explain(refusal, certificates, self._roots, wanted, moment) from refusal
        except UNPARSABLE as error:
            raise malformed(error) from error
        return tuple(der(each) for each in path)

    def _validate(self, chain: list[x509.Certificate], wanted: ServerName, now: datetime) -> list[x509.Certificate]:
        leaf, *others = chain
        rules = PolicyBuilder().store(self._store).time(now).max_chain_depth(self.max_chain_length)
        server = _TRUSTED_LEAF if der(leaf) in self._anchors else _LEAF
        rules = rules.extension_policies(ca_policy=_ISSUER, ee_policy=server)
        try:
            verifier = rules.build_server_verifier(_subject(wanted))
        except ValueError as error:
            raise BadCertificate(
                f"no certificate can be for {wanted}: X.509 knows letters, digits and hyphens in a host name",
                hint="ask for the server by another of its names, or by its address",
            ) from error
        return verifier.verify(leaf, others)


class NoVerification:
    """Believes anyone: whoever answers may read and change everything. For tests and for looking at strange servers.

    The chain must still be one: certificates that parse, and in the first a key that can be verified with.
    """

    __slots__ = ()

    def verify_server(self, chain: Sequence[bytes], server_name: ServerName, now: datetime) -> tuple[bytes, ...]:
        """The chain itself, whoever it is for. Raises BadCertificate, UnsupportedCertificate, EmptyCertificate."""
        public_key(parse_chain(chain, MAX_CHAIN_LENGTH)[0])
        return tuple(chain)


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


def _readable(certificates: Iterable[bytes]) -> list[x509.Certificate]:
    roots = []
    with lenient():
        for data in certificates:
            with contextlib.suppress(*UNPARSABLE):
                roots.append(x509.load_der_x509_certificate(data))
    return roots
