"""Why a chain was refused, told so that the person in front of it can act. RFC 9846 §4.5.1.3, §6.2.

The X.509 library says no in words that help few. Here, and only after it has said no, the chain is looked at once more
for the reason. Nothing in this module ever makes a yes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import VerificationError

from tls13.errors import BadCertificate, CertificateExpired, Reason, UnknownCA, UnsupportedCertificate
from tls13.printable import printable
from tls13.x509.certificates import UNPARSABLE, extension
from tls13.x509.server_name import ServerName, dns_name_matches

# What the library verifies certificates with.
_ISSUER_KEYS = (
    rsa.RSAPublicKey,
    ec.EllipticCurvePublicKey,
    mldsa.MLDSA44PublicKey,
    mldsa.MLDSA65PublicKey,
    mldsa.MLDSA87PublicKey,
)
_FRAMES = (
    "validation failed: ",
    "candidates exhausted: ",
    "fatal error: ",
    "Python extension validator failed: ValueError: ",
)
_WEAK_DIGESTS = frozenset({"md5", "sha1", "sha224"})


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a certificate is asked for: whose it must be, and for which use.

    `holder` is "server" or "client", `server_name` the server that was asked for.
    """

    holder: str
    usage: x509.ObjectIdentifier
    usage_name: str
    _remedy: str
    server_name: ServerName | None = None

    @classmethod
    def server(cls, name: ServerName) -> Self:
        """To be the server `name`, which is as `parse_server_name` gives it."""
        return cls("server", ExtendedKeyUsageOID.SERVER_AUTH, "serverAuth", "give {} with --ca", name)

    @classmethod
    def client(cls) -> Self:
        """To be any client."""
        return cls("client", ExtendedKeyUsageOID.CLIENT_AUTH, "clientAuth", "add {} to this server's trusted roots")

    def trusting(self, what: str) -> str:
        """The step that makes `what` trusted."""
        return self._remedy.format(what)


def explain(
    refusal: VerificationError,
    chain: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    purpose: Purpose,
    now: datetime,
) -> Reason:
    """Why the library refused `chain`, which some of `roots` should have signed, in the order in which it looks."""
    try:
        return (
            _other_version(chain[0])
            or _outside_validity(chain[0], "certificate", now)
            or _other_name(chain[0], purpose.server_name)
            or _other_usage(chain[0], purpose)
            or _broken_path(chain, roots, purpose, now)
            or BadCertificate(_in_short(refusal))
        )
    except UNPARSABLE as error:
        return malformed(error)


def malformed(error: Exception) -> Reason:
    """For what the X.509 library raises (`UNPARSABLE`) when it looks into a part of a certificate."""
    return BadCertificate(f"certificate with a malformed part: {printable(str(error))}")


def _broken_path(
    chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], purpose: Purpose, now: datetime
) -> Reason | None:
    """Climbs from the peer's certificate to where the path ends."""
    child, known, seen = chain[0], (*roots, *chain[1:]), [chain[0]]
    while child not in roots:
        namesakes = [each for each in known if each.subject == child.issuer and each not in seen]
        issuer = next((each for each in namesakes if _signed(each, child)), None)
        if issuer is None:
            return _no_issuer(child, namesakes, purpose, is_leaf=child == chain[0])
        reason = (
            _weak_signature(child, purpose)
            or _outside_validity(issuer, f"issuer {_name(issuer.subject)}", now)
            or _no_authority(issuer, purpose)
        )
        if reason is not None:
            return reason
        child = issuer
        seen.append(child)
    return None


def _other_version(leaf: x509.Certificate) -> Reason | None:
    if leaf.version is x509.Version.v3:
        return None
    return UnsupportedCertificate(
        "certificate is of X.509 version 1, where TLS takes version 3",
        hint="it must be made anew, with extensions: openssl x509 -extfile FILE for instance",
    )


def _outside_validity(certificate: x509.Certificate, what: str, now: datetime) -> Reason | None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if begin <= now <= end:
        return None
    verb, when = ("is not valid before", begin) if now < begin else ("expired on", end)
    return CertificateExpired(
        f"{what} {verb} {when:%Y-%m-%d %H:%M} UTC; now it is {now:%Y-%m-%d %H:%M} UTC",
        hint="check this machine's clock, then ask for a new certificate",
    )


def _other_name(leaf: x509.Certificate, wanted: ServerName | None) -> Reason | None:
    if wanted is None:
        return None
    found = extension(leaf, x509.SubjectAlternativeName)
    if found is None:
        return BadCertificate(
            f"certificate names no server (it has no subjectAltName); asked for {wanted}",
            hint="the name in the subject does not count: the certificate must be made anew",
        )
    named, addresses = found.get_values_for_type(x509.DNSName), found.get_values_for_type(x509.IPAddress)
    if _address(wanted) in addresses or (
        isinstance(wanted, str) and any(dns_name_matches(each, wanted) for each in named)
    ):
        return None
    if str(wanted) in named:
        return BadCertificate(
            f"certificate has {wanted} as a DNS name, where an address is asked for",
            hint="it must be made anew, with an IP address in its subjectAltName",
        )
    listed = [*named, *(str(each) for each in addresses)]
    shown = ", ".join(printable(each) for each in listed[:8]) or "nothing that TLS knows"
    more = f" and {len(listed) - 8} more" if len(listed) > 8 else ""
    return BadCertificate(
        f"certificate is for {shown}{more}; asked for {wanted}",
        hint="is it the right server? If so, ask for one of the certificate's names",
    )


def _address(wanted: ServerName) -> ServerName:
    """An address without the zone that it may have on this machine, which no certificate knows."""
    return wanted if isinstance(wanted, str) else ip_address(wanted.packed)


def _other_usage(leaf: x509.Certificate, purpose: Purpose) -> Reason | None:
    usages, usage = extension(leaf, x509.ExtendedKeyUsage), extension(leaf, x509.KeyUsage)
    hint = f"the {purpose.holder} needs another certificate"
    if usages is not None and purpose.usage not in usages:
        return BadCertificate(
            f"certificate is not for TLS {purpose.holder}s: its extendedKeyUsage has no {purpose.usage_name}", hint=hint
        )
    if usage is not None and not usage.digital_signature:
        return BadCertificate(
            "certificate is not for signing handshakes: its keyUsage has no digitalSignature", hint=hint
        )
    return None


def _no_issuer(
    child: x509.Certificate, namesakes: Sequence[x509.Certificate], purpose: Purpose, *, is_leaf: bool
) -> Reason:
    """None of `namesakes`, the known certificates with the issuer's name, has signed `child`."""
    name, issuer = _name(child.subject), _name(child.issuer)
    if child.issuer == child.subject and is_leaf:
        return UnknownCA(
            f"self-signed certificate {name}, which nobody vouches for",
            hint=f"if it is the right one, trust exactly it: {purpose.trusting('the certificate')}",
        )
    if child.issuer == child.subject:
        return UnknownCA(
            f"the chain ends in {name}, which is not trusted", hint=f"if it should be, {purpose.trusting('it')}"
        )
    if not namesakes:
        return UnknownCA(f"no trusted root for issuer {issuer}", hint=purpose.trusting("its CA"))
    if all(each.subject.public_bytes() != child.issuer.public_bytes() for each in namesakes):
        return UnknownCA(
            f"issuer {issuer} is not written as in the certificate of that CA: other types of string",
            hint="the certificate must be made anew, with the issuer's name as it stands in the CA's own",
        )
    return _weak_signature(child, purpose) or _other_key(child, namesakes, purpose)


def _weak_signature(child: x509.Certificate, purpose: Purpose) -> Reason | None:
    digest = child.signature_hash_algorithm
    if digest is None or digest.name not in _WEAK_DIGESTS:
        return None
    return BadCertificate(
        f"certificate {_name(child.subject)} is signed over {digest.name}, which is too weak",
        hint=f"the {purpose.holder} needs a certificate that is signed over SHA-256 or better",
    )


def _other_key(child: x509.Certificate, namesakes: Sequence[x509.Certificate], purpose: Purpose) -> Reason:
    """Told apart by key identifiers: a CA that was made anew under its old name, and a signature that is false."""
    issuer, signed_by = _name(child.issuer), extension(child, x509.AuthorityKeyIdentifier)
    identifiers = [extension(each, x509.SubjectKeyIdentifier) for each in namesakes]
    known = {each.digest for each in identifiers if each is not None}
    if signed_by is not None and known and signed_by.key_identifier not in known:
        return UnknownCA(
            f"signed by another {issuer} than the one at hand: they have different keys",
            hint=f"was the CA made anew? Then {purpose.trusting('the one that signed')}",
        )
    return BadCertificate(f"the signature under certificate {_name(child.subject)} is not that of {issuer}")


def _no_authority(issuer: x509.Certificate, purpose: Purpose) -> Reason | None:
    constraints = extension(issuer, x509.BasicConstraints)
    usage = extension(issuer, x509.KeyUsage)
    if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
        return BadCertificate(f"issuer {_name(issuer.subject)} is no CA: it may not sign certificates")
    usages = extension(issuer, x509.ExtendedKeyUsage)
    if usages is not None and not {purpose.usage, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & {*usages}:
        return BadCertificate(
            f"issuer {_name(issuer.subject)} is no CA for TLS {purpose.holder}s: "
            f"its extendedKeyUsage has no {purpose.usage_name}"
        )
    key = issuer.public_key()
    if not isinstance(key, _ISSUER_KEYS):
        return UnsupportedCertificate(
            f"issuer {_name(issuer.subject)} has a key of a kind that can't be checked: {type(key).__name__}",
            hint=f"sign with an RSA or ECDSA CA, or {purpose.trusting('the certificate itself')}",
        )
    return None


def _signed(issuer: x509.Certificate, child: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNPARSABLE):
        return False
    return True


def _in_short(refusal: VerificationError) -> str:
    """The library's words, without the frames that it puts around them."""
    words = str(refusal)
    for frame in _FRAMES:
        words = words.removeprefix(frame)
    return printable(words.partition(" (encountered processing")[0])


def _name(name: x509.Name) -> str:
    return printable(name.rfc4514_string()) or "without a name"
