"""Certificates that a careful peer must refuse, each wrong in one way alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.authority import Authority, Identity, Profile, self_signed
from certs.keys import KeyType, generate

DAY = timedelta(days=1)


class Flaw(StrEnum):
    """What is wrong with a certificate."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_NAME = "wrong-name"
    NO_NAMES = "no-names"
    WRONG_USAGE = "wrong-usage"
    SELF_SIGNED = "self-signed"
    UNKNOWN_CA = "unknown-ca"
    NAMESAKE_CA = "namesake-ca"
    EXPIRED_ISSUER = "expired-issuer"
    ISSUER_IS_NO_CA = "issuer-is-no-ca"
    WEAK_KEY = "weak-key"
    WEAK_SIGNATURE = "weak-signature"
    UNSUPPORTED_KEY = "unsupported-key"


def mint_flawed(flaw: Flaw, authority: Authority, names: tuple[str, ...], *, now: datetime) -> Identity:
    """A server certificate for `names` that would be good at `now` under `authority`, were it not for `flaw`."""
    return _RECIPES[flaw](authority, Profile.server(names, now=now))


CLIENT_FLAWS = tuple(flaw for flaw in Flaw if flaw not in (Flaw.WRONG_NAME, Flaw.NO_NAMES))
"""What can be wrong with a client certificate: it may be for whomever it says, or for nobody."""


def mint_flawed_client(flaw: Flaw, authority: Authority, name: str, *, now: datetime) -> Identity:
    """A client certificate for `name` that would be good at `now` under `authority`, were it not for `flaw`.

    Raises ValueError for a flaw that is not among `CLIENT_FLAWS`.
    """
    if flaw not in CLIENT_FLAWS:
        raise ValueError(f"{flaw} is no flaw in a client certificate, choose from {', '.join(CLIENT_FLAWS)}")
    return _RECIPES[flaw](authority, Profile.client(name, now=now))


def _expired(authority: Authority, good: Profile) -> Identity:
    now = good.not_before
    return authority.issue(replace(good, not_before=now - 30 * DAY, not_after=now - DAY), _any_key())


def _not_yet_valid(authority: Authority, good: Profile) -> Identity:
    return authority.issue(replace(good, not_before=good.not_before + 30 * DAY), _any_key())


def _wrong_name(authority: Authority, good: Profile) -> Identity:
    return authority.issue(replace(good, names=("somebody-else.example",)), _any_key())


def _no_names(authority: Authority, good: Profile) -> Identity:
    """The name stands in the subject alone, where RFC 9525 §2 says not to look."""
    return authority.issue(replace(good, names=(), subject=good.names[0]), _any_key())


def _wrong_usage(authority: Authority, good: Profile) -> Identity:
    """A client's in a server's place, or the other way about."""
    both = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    return authority.issue(replace(good, usages=tuple(both - set(good.usages))), _any_key())


def _self_signed(authority: Authority, good: Profile) -> Identity:
    return self_signed(good, _any_key())


def _unknown_ca(authority: Authority, good: Profile) -> Identity:
    stranger = Authority.self_made("an authority that nobody knows", now=good.not_before)
    return stranger.issue(good, _any_key())


def _namesake_ca(authority: Authority, good: Profile) -> Identity:
    """What an old folder's server meets when the PKI was minted anew: the same issuer name, another key."""
    name = authority.certificate.subject.rfc4514_string().removeprefix("CN=")
    return Authority.self_made(name, now=good.not_before).issue(good, _any_key())


def _expired_issuer(authority: Authority, good: Profile) -> Identity:
    now = good.not_before
    profile = Profile.authority("an authority that has expired", now=now - 30 * DAY)
    return authority.subordinate(replace(profile, not_after=now - DAY)).issue(good, _any_key())


def _issuer_is_no_ca(authority: Authority, good: Profile) -> Identity:
    """An end entity that signs for others with its own key, which would let anyone be anyone."""
    impostor = replace(good, subject=f"{good.subject} that plays authority")
    return authority.subordinate(impostor).issue(good, _any_key())


def _weak_key(authority: Authority, good: Profile) -> Identity:
    return authority.issue(good, generate(KeyType.RSA, rsa_bits=1024))


def _weak_signature(authority: Authority, good: Profile) -> Identity:
    """SHA-224, the weakest hash that the library still signs with."""
    return authority.issue(good, _any_key(), digest=hashes.SHA224())


def _unsupported_key(authority: Authority, good: Profile) -> Identity:
    """A curve that TLS 1.3 has no signature scheme for."""
    return authority.issue(good, ec.generate_private_key(ec.SECP256K1()))


def _any_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


_RECIPES: dict[Flaw, Callable[[Authority, Profile], Identity]] = {
    Flaw.EXPIRED: _expired,
    Flaw.NOT_YET_VALID: _not_yet_valid,
    Flaw.WRONG_NAME: _wrong_name,
    Flaw.NO_NAMES: _no_names,
    Flaw.WRONG_USAGE: _wrong_usage,
    Flaw.SELF_SIGNED: _self_signed,
    Flaw.UNKNOWN_CA: _unknown_ca,
    Flaw.NAMESAKE_CA: _namesake_ca,
    Flaw.EXPIRED_ISSUER: _expired_issuer,
    Flaw.ISSUER_IS_NO_CA: _issuer_is_no_ca,
    Flaw.WEAK_KEY: _weak_key,
    Flaw.WEAK_SIGNATURE: _weak_signature,
    Flaw.UNSUPPORTED_KEY: _unsupported_key,
}
