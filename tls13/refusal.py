"""Why a chain was refused, told so that the person in front of it can act. RFC 9846 §4.5.1.3, §6.2.

The X.509 library says no in words that help few. Here, and only after it has said no, the chain is looked at once more
for the reason. Nothing in this module ever makes a yes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import VerificationError

from tls13.certificates import UNPARSABLE, extension
from tls13.errors import BadCertificate, CertificateExpired, Reason, UnknownCA, UnsupportedCertificate
from tls13.printable import printable
from tls13.server_name import ServerName, dns_name_matches

_WEAK_DIGESTS = frozenset({"md5", "sha1", "sha224"})


def explain(
    refusal: VerificationError,
    chain: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    wanted: ServerName,
    now: datetime,
) -> Reason:
    """Why the library refused `chain`, which some of `roots` should have signed, in the order in which it looks."""
    try:
        return (
            _outside_validity(chain[0], "certificate", now)
            or _other_name(chain[0], wanted)
            or _other_usage(chain[0])
            or _broken_path(chain, roots, now)
            or BadCertificate(_in_short(refusal))
        )
    except UNPARSABLE as error:
        return malformed(error)


def malformed(error: Exception) -> Reason:
    """For what the X.509 library raises (`UNPARSABLE`) when it looks into a part of a certificate."""
    return BadCertificate(f"certificate with a malformed part: {printable(str(error))}")


def _broken_path(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now: datetime) -> Reason | None:
    """Climbs from the server's certificate to where the path ends."""
    child, known = chain[0], (*roots, *chain[1:])
    for _ in range(len(chain) + 1):
        if child in roots:
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
    found = extension(leaf, x509.SubjectAlternativeName)
    if found is None:
        return BadCertificate(
            f"certificate names no server (it has no subjectAltName); asked for {wanted}",
            hint="the name in the subject does not count: the certificate must be made anew",
        )
    named, addresses = found.get_values_for_type(x509.DNSName), found.get_values_for_type(x509.IPAddress)
    if wanted in addresses or (isinstance(wanted, str) and any(dns_name_matches(each, wanted) for each in named)):
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


def _other_usage(leaf: x509.Certificate) -> Reason | None:
    found = extension(leaf, x509.ExtendedKeyUsage)
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
    issuer, signed_by = _name(child.issuer), extension(child, x509.AuthorityKeyIdentifier)
    identifiers = [extension(each, x509.SubjectKeyIdentifier) for each in namesakes]
    known = {each.digest for each in identifiers if each is not None}
    if signed_by is not None and known and signed_by.key_identifier not in known:
        return UnknownCA(
            f"signed by another {issuer} than the one at hand: they have different keys",
            hint="was the CA made anew? Give the one that signed with --ca",
        )
    return BadCertificate(f"the signature under certificate {_name(child.subject)} is not that of {issuer}")


def _no_authority(issuer: x509.Certificate) -> Reason | None:
    constraints = extension(issuer, x509.BasicConstraints)
    usage = extension(issuer, x509.KeyUsage)
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
    except (InvalidSignature, *UNPARSABLE):
        return False
    return True


def _in_short(refusal: VerificationError) -> str:
    """The library's words, without the frames that it puts around them."""
    words = str(refusal).removeprefix("validation failed: ").removeprefix("candidates exhausted: ")
    return printable(words.partition(" (encountered processing")[0])


def _name(name: x509.Name) -> str:
    return printable(name.rfc4514_string()) or "without a name"
