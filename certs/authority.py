"""Who signs what: a certificate's contents as data, and the authority that puts its name under them. RFC 5280 §4.

Everything here is in memory; `certs.pki` writes files.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.keys import Digest, KeyType, PrivateKey, digest_for, generate

# Certificates start a little before they are made, so that a peer whose clock is behind accepts them.
BACKDATED = timedelta(hours=1)
AUTHORITY_LIFETIME = timedelta(days=3650)
# The longest that browsers accept.
LEAF_LIFETIME = timedelta(days=398)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a certificate says of its holder.

    `subject` becomes the common name, which nobody matches against; `names` become the subjectAltName: those that
    read as IP addresses as such, the others as DNS names (ASCII; `*.example.com` is a wildcard). `usages` become
    extendedKeyUsage. An empty `names` or `usages` leaves the extension out.
    """

    subject: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...] = ()
    usages: tuple[x509.ObjectIdentifier, ...] = ()
    is_authority: bool = False

    @classmethod
    def authority(cls, subject: str, *, now: datetime) -> Profile:
        """One that may sign others."""
        return cls(subject=subject, not_before=now - BACKDATED, not_after=now + AUTHORITY_LIFETIME, is_authority=True)

    @classmethod
    def server(cls, names: tuple[str, ...], *, now: datetime, subject: str = "tls13 test server") -> Profile:
        """A TLS server's, for each of `names`."""
        return cls(
            subject=subject,
            not_before=now - BACKDATED,
            not_after=now + LEAF_LIFETIME,
            names=names,
            usages=(ExtendedKeyUsageOID.SERVER_AUTH,),
        )

    @classmethod
    def client(cls, name: str, *, now: datetime) -> Profile:
        """A TLS client's; `name` is its subject and its DNS name."""
        return cls(
            subject=name,
            not_before=now - BACKDATED,
            not_after=now + LEAF_LIFETIME,
            names=(name,),
            usages=(ExtendedKeyUsageOID.CLIENT_AUTH,),
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key and the certificates that vouch for it: the key's own first, each signed by the next, no root."""

    key: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """The key's own certificate."""
        return self.chain[0]

    @property
    def certificate_list(self) -> tuple[bytes, ...]:
        """The chain as DER, in the order that a Certificate message sends it. RFC 9846 §4.5.1."""
        return tuple(each.public_bytes(Encoding.DER) for each in self.chain)

    @property
    def certificate_pem(self) -> bytes:
        """The chain as PEM, in the same order."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in self.chain)

    @property
    def key_der(self) -> bytes:
        """The private key as PKCS#8 DER, unencrypted."""
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    @property
    def key_pem(self) -> bytes:
        """The private key as PKCS#8 PEM, unencrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate and the key under it that sign other certificates.

    `chain` leads from the authority's own certificate towards `root`, which it leaves out; a root's own is empty.
    """

    root: x509.Certificate
    key: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()

    @classmethod
    def self_made(cls, subject: str, *, now: datetime, key_type: KeyType = KeyType.ECDSA_P256) -> Authority:
        """A root. `key_type` is best RSA or ECDSA: many verifiers, pyca's among them, take no EdDSA authority.

        Those that take an ML-DSA one are new.
        """
        root = self_signed(Profile.authority(subject, now=now), generate(key_type))
        return cls(root.certificate, root.key)

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate that the next one down names as its issuer."""
        return self.chain[0] if self.chain else self.root

    @property
    def root_pem(self) -> bytes:
        """What a client is told to trust."""
        return self.root.public_bytes(Encoding.PEM)

    def subordinate(self, profile: Profile, *, key_type: KeyType = KeyType.ECDSA_P256) -> Authority:
        """An authority below this one, whatever `profile` says: one that may sign nothing makes a flawed chain."""
        below = self.issue(profile, generate(key_type))
        return Authority(self.root, below.key, below.chain)

    def issue(self, profile: Profile, key: PrivateKey, *, digest: Digest | None = None) -> Identity:
        """A certificate for `key`; `digest` replaces the hash that fits the authority's key.

        Raises ValueError where the profile has no X.509 form (a name that is not ASCII, an end before the start).
        """
        builder = _describe(profile, key.public_key(), self.certificate.subject)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        )
        return Identity(key, (builder.sign(self.key, digest or digest_for(self.key)), *self.chain))


def self_signed(profile: Profile, key: PrivateKey) -> Identity:
    """A certificate that nobody vouches for but its own key. Raises ValueError as `Authority.issue` does."""
    builder = _describe(profile, key.public_key(), _name(profile.subject)).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
    )
    return Identity(key, (builder.sign(key, digest_for(key)),))


def general_name(name: str) -> x509.GeneralName:
    """How subjectAltName writes `name`. Raises ValueError for one that is not ASCII: other scripts go as A-labels."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _describe(profile: Profile, public_key: CertificatePublicKeyTypes, issuer: x509.Name) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(profile.subject))
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(profile.not_before.replace(microsecond=0))
        .not_valid_after(profile.not_after.replace(microsecond=0))
        .add_extension(x509.BasicConstraints(ca=profile.is_authority, path_length=None), critical=True)
        .add_extension(_key_usage(profile), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    if profile.names:
        names = x509.SubjectAlternativeName([general_name(name) for name in profile.names])
        builder = builder.add_extension(names, critical=False)
    if profile.usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(profile.usages), critical=False)
    return builder


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(profile: Profile) -> x509.KeyUsage:
    """An authority signs certificates and revocation lists; everyone else signs handshakes."""
    return x509.KeyUsage(
        digital_signature=not profile.is_authority,
        key_cert_sign=profile.is_authority,
        crl_sign=profile.is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
