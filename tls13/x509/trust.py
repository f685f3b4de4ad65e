"""Whom an endpoint believes: certificate paths, and server names. RFC 5280 §6, RFC 9525, RFC 9846 §4.5.1.3.

`cryptography.x509.verification` decides. What this module adds is where trust comes from (`TrustStore`) and the rules
of RFC 5280 §6.1 in place of the stricter ones of public CAs. Why a chain was refused, `tls13.x509.refusal` finds out.
Revocation is not checked, nor are certificate policies: where they are critical, the chain is refused.
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
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from schemas.code_points import SignatureScheme
from tls13.crypto.signatures import MAX_RSA_EXPONENT_BITS, MAX_RSA_MODULUS_BITS
from tls13.errors import BadCertificate, ConfigurationError, UnsupportedCertificate
from tls13.x509.certificates import (
    UNPARSABLE,
    authority_names,
    der,
    extension,
    lenient,
    load_certificates,
    load_folder,
    parse_chain,
    public_key,
    public_key_of,
)
from tls13.x509.refusal import Purpose, explain, malformed
from tls13.x509.server_name import ServerName, parse_server_name

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
that are trusted as they are. It verifies ML-DSA too, which is offered where it is enabled.
"""


def certificate_signature_schemes(enabled: Iterable[SignatureScheme]) -> tuple[SignatureScheme, ...]:
    """For signature_algorithms_cert: the above, and what else is `enabled` for CertificateVerify. RFC 9846 §4.3.3"""
    return tuple(dict.fromkeys((*CERTIFICATE_SIGNATURE_SCHEMES, *enabled)))


class CertificatePolicy(Protocol):
    """What decides whether a server is who it should be."""

    def verify_server(self, chain: Sequence[bytes], server_name: ServerName, now: datetime) -> tuple[bytes, ...]:
        """The path that was validated, as DER, from the server's certificate to what is trusted.

        `chain` is the DER of each certificate that the server sent, its own first; `server_name` whom the client
        wants to talk to, as `parse_server_name` gives it; `now` the time (UTC, where it does not say). Raises a
        `Reason` for every chain that is not accepted, whatever its bytes.
        """


class ClientCertificatePolicy(Protocol):
    """What decides whether a client's certificate is to be believed. Whose it is, the application reads from it."""

    @property
    def authorities(self) -> tuple[bytes, ...]:
        """For the client to choose by: DER distinguished names for certificate_authorities. RFC 9846 §4.3.4

        None, where the extension is not to be sent.
        """

    def verify_client(self, chain: Sequence[bytes], now: datetime) -> tuple[bytes, ...]:
        """The path that was validated, as DER, from the client's certificate to what is trusted.

        `chain` is the DER of each certificate that the client sent, its own first; `now` the time (UTC, where it does
        not say). Raises a `Reason` for every chain that is not accepted, whatever its bytes.
        """


class TrustStore:
    """Believes a server whose certificate leads to one of its roots, is valid now and names the server.

    A client is believed by the same rules, save that its certificate need not name anybody that TLS knows.

    A root is a trust anchor: neither its signature nor its issuer matters, while its dates and what it limits itself
    to do. A certificate that is itself a root (self-signed, as people make them for tests) is trusted as exactly that
    certificate: its dates, a server's names and its usage are still checked.
    """

    __slots__ = ("_anchors", "_authorities", "_roots", "_store", "max_chain_length")

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
        self._anchors = {root: der(root) for root in self._roots}
        self._authorities: tuple[bytes, ...] | None = None

    @property
    def roots(self) -> tuple[bytes, ...]:
        """What is trusted, as DER."""
        return tuple(der(root) for root in self._roots)

    @property
    def authorities(self) -> tuple[bytes, ...]:
        """See `ClientCertificatePolicy`: the roots' names; none, where they are more than the extension can hold."""
        # Found when they are first asked for: a whole system's take milliseconds, and most clients never send them.
        if self._authorities is None:
            self._authorities = authority_names(self._roots)
        return self._authorities

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
        return self._verify(chain, Purpose.server(wanted), now)

    def verify_client(self, chain: Sequence[bytes], now: datetime) -> tuple[bytes, ...]:
        """See `ClientCertificatePolicy`. Raises as `verify_server`, and EmptyCertificate for no certificate at all."""
        return self._verify(chain, Purpose.client(), now)

    def _verify(self, chain: Sequence[bytes], purpose: Purpose, now: datetime) -> tuple[bytes, ...]:
        moment = now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)
        certificates = parse_chain(chain, self.max_chain_length)
        public_key_of(chain[0])
        _refuse_weak_key(certificates[0], purpose)
        _refuse_costly_keys(each for each in certificates[1:] if each not in self._anchors)
        try:
            path = self._validate(certificates, purpose.server_name, moment)
            if purpose.server_name is None:
                _refuse_unchecked_limits(path)
        except VerificationError as refusal:
            raise explain(refusal, certificates, self._roots, purpose, moment) from refusal
        except UNPARSABLE as error:
            raise malformed(error) from error
        # As it came, or as it was loaded: writing a certificate anew takes longer than looking it up.
        came = dict(zip(certificates, chain, strict=True))
        return tuple(came[each] if each in came else self._anchors[each] for each in path)

    def _validate(
        self, chain: list[x509.Certificate], wanted: ServerName | None, now: datetime
    ) -> list[x509.Certificate]:
        leaf, *others = chain
        own = _TRUSTED_LEAF if leaf in self._anchors else _LEAF
        rules = PolicyBuilder().store(self._store).time(now).max_chain_depth(self.max_chain_length)
        if wanted is None:
            # Many clients are people or programs, whose name stands in the subject alone.
            own = own.may_be_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
        rules = rules.extension_policies(ca_policy=_ISSUER, ee_policy=own)
        if wanted is None:
            return rules.build_client_verifier().verify(leaf, others).chain
        try:
            verifier = rules.build_server_verifier(_subject(wanted))
        except ValueError as error:
            raise BadCertificate(
                f"no certificate can be for {wanted}: X.509 knows letters, digits and hyphens in a host name",
                hint="ask for the server by another of its names, or by its address",
            ) from error
        return verifier.verify(leaf, others)


class NoVerification:
    """Believes anyone: whoever answers may read and change everything, whoever calls may say that he is anybody.

    For tests and for looking at strange servers.

    The chain must still be one: certificates that parse, and in the first a key that can be verified with.
    """

    __slots__ = ()

    def verify_server(self, chain: Sequence[bytes], server_name: ServerName, now: datetime) -> tuple[bytes, ...]:
        """The chain itself, whoever it is for. Raises BadCertificate, UnsupportedCertificate, EmptyCertificate."""
        public_key(parse_chain(chain, MAX_CHAIN_LENGTH)[0])
        return tuple(chain)

    @property
    def authorities(self) -> tuple[bytes, ...]:
        """None: any certificate will do."""
        return ()

    def verify_client(self, chain: Sequence[bytes], now: datetime) -> tuple[bytes, ...]:
        """The chain itself, whosever it is. Raises as `verify_server`."""
        public_key(parse_chain(chain, MAX_CHAIN_LENGTH)[0])
        return tuple(chain)


# -- what is checked ---------------------------------------------------------------------------------------


def _is_authority(policy: Policy, certificate: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("basicConstraints makes it no CA")


def _may_sign(policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("keyUsage does not allow signing certificates")


def _may_vouch(policy: Policy, certificate: x509.Certificate, usages: x509.ExtendedKeyUsage | None) -> None:
    if usages is not None and not {policy.extended_key_usage, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & {*usages}:
        raise ValueError("extendedKeyUsage does not allow signing such certificates")


def _may_authenticate(policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    """RFC 9846 §4.5.1.2."""
    if usage is not None and not usage.digital_signature:
        raise ValueError("keyUsage does not allow signing handshakes")


def _may_authenticate_only(policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    _may_authenticate(policy, certificate, usage)
    if usage is not None and usage.key_cert_sign:
        raise ValueError("keyUsage is that of a CA")


def _has_usage(policy: Policy, certificate: x509.Certificate, usages: x509.ExtendedKeyUsage | None) -> None:
    if usages is not None and policy.extended_key_usage not in usages:
        raise ValueError("extendedKeyUsage is another")


# The library's own rules are those that public CAs follow. Private ones often leave out what a path validator has no
# need of by RFC 5280 §6.1, and so do the certificates that OpenSSL makes by default: keyUsage in an issuer (checked
# where it is present, step n), a key identifier in authorityKeyIdentifier, which is a hint for finding issuers. Nor
# does a path validator mind whether basicConstraints and extendedKeyUsage are critical: it knows both.
_ISSUER = (
    ExtensionPolicy.webpki_defaults_ca()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _is_authority)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_vouch)
    .may_be_present(x509.AuthorityKeyIdentifier, Criticality.NON_CRITICAL, None)
)
_PEER = (
    ExtensionPolicy.webpki_defaults_ee()
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _has_usage)
    .may_be_present(x509.AuthorityKeyIdentifier, Criticality.NON_CRITICAL, None)
)
_LEAF = _PEER.may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_authenticate_only)
# Nothing is signed by a leaf that is trusted for itself, so that it doesn't matter whether it could.
_TRUSTED_LEAF = _PEER.may_be_present(x509.BasicConstraints, Criticality.AGNOSTIC, None).may_be_present(
    x509.KeyUsage, Criticality.AGNOSTIC, _may_authenticate
)


def _refuse_costly_keys(issuers: Iterable[x509.Certificate]) -> None:
    """Who sends a chain chooses what its verification costs: an RSA exponent of thousands of bits takes long."""
    for issuer in issuers:
        with contextlib.suppress(*UNPARSABLE):
            key = issuer.public_key()
            if isinstance(key, rsa.RSAPublicKey) and (
                key.key_size > MAX_RSA_MODULUS_BITS or key.public_numbers().e.bit_length() > MAX_RSA_EXPONENT_BITS
            ):
                raise UnsupportedCertificate("a certificate of the chain has an RSA key that is too large")


def _refuse_unchecked_limits(path: Sequence[x509.Certificate]) -> None:
    """Limits on subjects, by which clients go and the library does not. RFC 5280 §4.2.1.10

    It refuses critical ones on directory names by itself. Those on mail addresses hold for the subject's, too, where
    there is no subjectAltName.
    """
    leaf, *issuers = path
    by_mail = extension(leaf, x509.SubjectAlternativeName) is None and bool(
        leaf.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    )
    limited = (x509.DirectoryName, x509.RFC822Name) if by_mail else (x509.DirectoryName,)
    for issuer in issuers:
        limits = extension(issuer, x509.NameConstraints)
        subtrees = [] if limits is None else [*(limits.permitted_subtrees or ()), *(limits.excluded_subtrees or ())]
        if any(isinstance(each, limited) for each in subtrees):
            raise BadCertificate("an issuer limits the subjects that it may certify, in a way that can't be checked")


def _refuse_weak_key(leaf: x509.Certificate, purpose: Purpose) -> None:
    """The library checks this for issuers, but leaves it out for the peer's own key."""
    key = leaf.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise UnsupportedCertificate(
            f"the certificate's RSA key is weak: {key.key_size} bits, where {MIN_RSA_BITS} are asked for",
            hint=f"the {purpose.holder} needs a new key and certificate",
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
