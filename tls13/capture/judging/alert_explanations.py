"""What an alert means in the connection that it ends, as far as the connection tells. RFC 9846 §6.

An alert is one number. Why it was sent stands in what came before it: this says so in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.code_points import (
    AlertDescription,
    ProtocolVersion,
    SignatureScheme,
)
from tls13.capture.common_knowledge import KnownServer
from tls13.capture.judging.certificate_summary import CertificateSummary, summaries_of
from tls13.capture.judging.judgement import Anomaly, Negotiated, Offer, Retry
from tls13.capture.messages import Direction
from tls13.crypto.aead import SUITES
from tls13.printable import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known when an alert comes.

    `answered` says whether a ServerHello had come, `finished` whether the sender's peer had finished the handshake.
    `chain` is the peer's, in DER. `breaches` are the peer's. `ask_server` gives what the server supports as far
    as it has shown that, here or in other connections, `requested_schemes` are those for a client's certificate.
    """

    timestamp: int
    direction: Direction
    offer: Offer | None
    negotiated: Negotiated
    retry: Retry | None
    answered: bool
    finished: bool
    has_data: bool
    chain: tuple[bytes, ...]
    breaches: tuple[Anomaly, ...]
    ask_server: Callable[[], KnownServer]
    requested_schemes: tuple[SignatureScheme, ...]

    @property
    def peer(self) -> CertificateSummary | None:
        """The peer's own certificate, None where there is none that can be read."""
        return next(iter(summaries_of(self.chain[:1])), None)


def explain(description: AlertDescription, given: Circumstances) -> str:
    """What the alert says, in one line without a full stop."""
    explanation = _EXPLANATIONS.get(description)
    if explanation is None:
        return _because(given, f"the {given.direction} gives up")
    return explanation(given)


def _close_notify(given: Circumstances) -> str:
    if given.finished or given.has_data:
        return f"the {given.direction} has sent all that it has to send"
    return f"the {given.direction} closes the connection before the handshake is done"


def _nothing_in_common(given: Circumstances) -> str:
    offer = given.offer
    if given.direction is Direction.client or given.answered or offer is None:
        return _because(given, f"the {given.direction} finds no set of parameters that will do")
    if offer.versions == (ProtocolVersion.TLS13,) and not any(each in SUITES for each in offer.cipher_suites):
        return f"only TLS 1.3 was offered, and none of its cipher suites: {_list(offer.cipher_suites)}"
    server = given.ask_server()
    pairs: list[tuple[str, tuple[object, ...], tuple[object, ...]]] = [
        ("group", offer.groups, server.groups),
        ("cipher suite", offer.cipher_suites, server.cipher_suites),
    ]
    for what, offered, supported in pairs:
        if supported and not set(supported) & set(offered):
            return f"the server had no {what} in common: offered {_list(offered)}; server supports {_list(supported)}"
    lists = (*pairs, ("signature scheme", offer.signature_schemes, ()))
    offers = "; ".join(f"{what}s {_list(offered)}" for what, offered, _ in lists)
    shown = [f"{what}s {_list(supported)}" for what, _, supported in pairs if supported]
    known = f"; server supports {' and '.join(shown)}" if shown else ""
    return f"the server had no group, cipher suite or signature scheme in common: offered {offers}{known}"


def _illegal(given: Circumstances) -> str:
    offer, retry = given.offer, given.retry
    wanted = retry.group if retry is not None and given.direction is Direction.client else None
    if offer is not None and wanted is not None and wanted not in offer.groups:
        return (
            f"the server had no group in common: offered {_list(offer.groups)}; server supports "
            f"{_list(given.ask_server().groups)}, and asked for {wanted} all the same"
        )
    return _because(given, f"the {given.direction} found a value that is not allowed")


def _version(given: Circumstances) -> str:
    if given.direction is Direction.server and given.offer is not None:
        return f"the server supports none of the versions offered: {_versions(given.offer)}"
    chosen = given.negotiated.version
    if given.direction is Direction.client and chosen is not None:
        return f"the client does not accept {chosen}, which the server chose"
    return f"the {given.direction} does not support the version"


def _no_protocol(given: Circumstances) -> str:
    offered = given.offer.application_protocols if given.offer is not None else ()
    names = _list(each.decode("ascii", "backslashreplace") for each in offered)
    return f"the server speaks none of the application protocols offered: {names}"


def _unrecognized_name(given: Circumstances) -> str:
    name = given.offer.server_name if given.offer is not None else ""
    return f"the server has nothing for the name {name}" if name else "the server wants a name, and none was sent"


def _missing_extension(given: Circumstances) -> str:
    return _because(given, f"the {given.direction} misses an extension that the handshake cannot do without")


def _unknown_authority(given: Circumstances) -> str:
    if given.peer is None:
        return f"the {given.direction} does not trust the issuer of the {given.direction.opposite}'s certificate"
    subject, issuer = (printable(each) or "without a name" for each in (given.peer.subject, given.peer.issuer))
    if given.peer.is_self_issued:
        return f"the {given.direction} does not trust certificate {subject}, which nobody else vouches for"
    return f"the {given.direction} does not trust {issuer}, which issued certificate {subject}"


def _expired(given: Circumstances) -> str:
    peer = given.peer
    if peer is None:
        return f"the {given.direction} holds the {given.direction.opposite}'s certificate to be expired"
    certificate = f"certificate {printable(peer.subject)}"
    seconds = given.timestamp // 10**9
    now = datetime.fromtimestamp(seconds, UTC) if 0 <= seconds < _LATEST else None
    if now is not None and now < peer.not_before:
        return f"{certificate} is valid from {peer.not_before:%Y-%m-%d} on, after this capture"
    if now is not None and now <= peer.not_after:
        return f"{certificate} was valid then, until {peer.not_after:%Y-%m-%d}: is the clock right?"
    return f"{certificate} expired on {peer.not_after:%Y-%m-%d}"


def _bad_certificate(given: Circumstances) -> str:
    whose = given.direction.opposite
    what = f" {printable(given.peer.subject)}" if given.peer is not None else ""
    names = ""
    offer = given.offer
    if given.direction is Direction.client and given.peer is not None and offer is not None and offer.server_name:
        names = f"; it is for {_list(given.peer.names)}, and {offer.server_name} was asked for"
    return f"the {given.direction} does not accept the {whose}'s certificate{what}{names}"


def _unsupported_certificate(given: Circumstances) -> str:
    key = f" with key {given.peer.key}, signed by {given.peer.signature}" if given.peer is not None else ""
    return f"the {given.direction} cannot use the {given.direction.opposite}'s certificate{key}"


def _certificate_required(given: Circumstances) -> str:
    schemes = f" signed with one of {_list(given.requested_schemes)}" if given.requested_schemes else ""
    return f"the server asked for a client certificate{schemes}, and the client sent none"


def _bad_mac(given: Circumstances) -> str:
    whose = given.direction.opposite
    return _because(given, f"a record of the {whose} did not open: altered on the way, or under other keys")


def _decrypt_error(given: Circumstances) -> str:
    return f"a signature, a Finished or a binder of the {given.direction.opposite} does not verify"


def _versions(offer: Offer) -> str:
    return _list(offer.versions) if offer.versions_listed else f"up to {_list(offer.versions)}"


def _unknown_psk(given: Circumstances) -> str:
    count = given.offer.psk_identities if given.offer is not None else 0
    return f"the server knows none of the {count} pre-shared keys offered, and does not do without"


def _fallback(given: Circumstances) -> str:
    offered = _versions(given.offer) if given.offer is not None else "this"
    return f"the client says that {offered} is a second try, and the server can do more: RFC 7507"


def _ech_required(given: Circumstances) -> str:
    return "the server could not open the encrypted ClientHello; the client may try again with the server's new keys"


def _user_canceled(given: Circumstances) -> str:
    return f"the {given.direction} was asked to stop: no error of the protocol"


def _no_renegotiation(given: Circumstances) -> str:
    return f"the {given.direction} does not want a second handshake on this connection"


def _internal(given: Circumstances) -> str:
    return f"the {given.direction} has trouble of its own: its log may say why"


def _objects(what: str) -> Callable[[Circumstances], str]:
    """It did not like what it got, and `what` about it."""
    return lambda given: _because(given, f"the {given.direction} got {what}")


_EXPLANATIONS: Mapping[AlertDescription, Callable[[Circumstances], str]] = {
    AlertDescription.close_notify: _close_notify,
    AlertDescription.handshake_failure: _nothing_in_common,
    AlertDescription.insufficient_security: _nothing_in_common,
    AlertDescription.illegal_parameter: _illegal,
    AlertDescription.protocol_version: _version,
    AlertDescription.no_application_protocol: _no_protocol,
    AlertDescription.unrecognized_name: _unrecognized_name,
    AlertDescription.missing_extension: _missing_extension,
    AlertDescription.unknown_ca: _unknown_authority,
    AlertDescription.certificate_expired: _expired,
    AlertDescription.bad_certificate: _bad_certificate,
    AlertDescription.certificate_unknown: _bad_certificate,
    AlertDescription.certificate_revoked: _bad_certificate,
    AlertDescription.unsupported_certificate: _unsupported_certificate,
    AlertDescription.certificate_required: _certificate_required,
    AlertDescription.bad_record_mac: _bad_mac,
    AlertDescription.decrypt_error: _decrypt_error,
    AlertDescription.unknown_psk_identity: _unknown_psk,
    AlertDescription.inappropriate_fallback: _fallback,
    AlertDescription.ech_required: _ech_required,
    AlertDescription.user_canceled: _user_canceled,
    AlertDescription.no_renegotiation: _no_renegotiation,
    AlertDescription.internal_error: _internal,
    AlertDescription.unexpected_message: _objects("a message that it did not expect there"),
    AlertDescription.record_overflow: _objects("a record longer than any may be"),
    AlertDescription.decode_error: _objects("something that it could not read, or the end in the middle of something"),
    AlertDescription.unsupported_extension: _objects("an extension that it had not asked for"),
    AlertDescription.access_denied: _objects("a certificate that holds, and lets nobody in with it"),
    AlertDescription.bad_certificate_status_response: _objects("an OCSP response that it does not accept"),
}
_LATEST = 253_402_300_800
"""Seconds from 1970 to the year 10000, beyond which there are no dates."""
_SHOWN = 8


def _because(given: Circumstances, what: str) -> str:
    """What the sender says, and what its peer did wrong before it, if anything."""
    if not given.breaches:
        return what
    return f"{what}: {given.breaches[-1].text} ({given.breaches[-1].rule.section})"


def _list(names: Iterable[object]) -> str:
    """The first of the names, whatever a peer put into them."""
    shown = [printable(str(each)) for each in names]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return (", ".join(shown[:_SHOWN]) or "none") + more
