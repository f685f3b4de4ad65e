"""Pre-shared keys in both hellos: which are offered, which is taken, the binders that prove them. RFC 9846 §4.3.11"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.code_points import ExtensionType, PskKeyExchangeMode
from schemas.derived import binders_length, with_binders
from schemas.extension_block import Extension
from schemas.extensions import (
    EarlyDataIndication,
    OfferedPsks,
    PreSharedKey,
    PskIdentity,
    PskKeyExchangeModes,
    SupportedGroups,
)
from schemas.handshake import ClientHello, HandshakeMessage
from schemas.stored import TicketState
from tls13.config import ClientConfig, ServerConfig
from tls13.crypto.aead import SUITES, Suite
from tls13.crypto.hkdf import HASHES
from tls13.errors import BadBinder, ForbiddenValue, Reason
from tls13.handshake.negotiation import first_in_common, require
from tls13.handshake.states import OfferedPsk
from tls13.key_schedule import EarlySecret, verify_data
from tls13.psk import RESUMPTION_BINDER, EarlyDataTerms, Psk
from tls13.sessions import Session, seconds_left, ticket_age
from tls13.transcript import Transcript
from tls13.wire import Wire
from tls13.x509.certificates import in_force
from tls13.x509.server_name import ServerName
from tls13.x509.trust import TrustStore

# The client's


def psks_to_offer(config: ClientConfig, name: ServerName, session: Session | None) -> tuple[OfferedPsk, ...]:
    """The session first, then the external keys: those that go with one of the cipher suites. §4.3.11"""
    hashes = {SUITES[suite].hash_name for suite in config.cipher_suites}
    external = [*config.psks, *(config.psk_for(str(name)) if config.psk_for is not None else ())]
    offered = [OfferedPsk(psk) for psk in external]
    if session is not None and _is_for(session, config, name):
        offered.insert(0, OfferedPsk(session.psk, session))
    return tuple(each for each in offered if each.psk.hash_name in hashes)


def _is_for(session: Session, config: ClientConfig, name: ServerName) -> bool:
    """Whether a session is live, of this server, and of a certificate that is trusted still. §4.7.1"""
    now = config.clock()
    if session.server_name != str(name) or not session.is_live(now):
        return False
    if len(session.state.ticket) > config.limits.ticket:
        return False
    if not session.peer_certificates:
        return bool(config.psks) or config.psk_for is not None
    if config.trust is None:
        return False
    try:
        if session.trusted_by is config.trust and isinstance(config.trust, TrustStore):
            # Nothing but time can change its mind.
            return in_force(session.peer_certificates, now)
        config.trust.verify_server(session.peer_certificates, name, now)
    except Reason:
        return False
    return True


def early_terms(config: ClientConfig, offered: Sequence[OfferedPsk]) -> EarlyDataTerms | None:
    """What early data under the first key keeps to, None where it is not to be offered. §4.3.10"""
    terms = offered[0].psk.early_data if offered and config.early_data else None
    if terms is None or terms.cipher_suite not in config.cipher_suites:
        return None
    known = terms.application_protocol is None or terms.application_protocol in config.application_protocols
    return terms if known else None


def offer_of(offered: Sequence[OfferedPsk], now: datetime) -> Extension:
    """The pre_shared_key extension, each binder still zeros."""
    identities = [
        PskIdentity(identity=each.psk.identity, obfuscated_ticket_age=each.obfuscated_ticket_age(now))
        for each in offered
    ]
    return PreSharedKey.client_hello(OfferedPsks(identities=identities, binders=_zeros(offered)))


def fill_in_binders(
    transcript: Transcript, hello: HandshakeMessage, raw: bytes, offered: Sequence[OfferedPsk]
) -> bytes:
    """The hello's bytes with its binders, unless somebody has put others in the zeros' place. §4.3.11.2"""
    extensions = hello.extensions if isinstance(hello, ClientHello) else None
    psks = PreSharedKey.client_hello.find((extensions or [])[-1:])
    if psks is None or psks.binders != _zeros(offered):
        return raw
    truncated = raw[: -binders_length(psks)]
    binders = [_binder(each.psk, transcript.hash_with(each.psk.hash_name, truncated)) for each in offered]
    return with_binders(raw, psks, binders)


def _zeros(offered: Sequence[OfferedPsk]) -> list[bytes]:
    return [bytes(HASHES[each.psk.hash_name].digest_size) for each in offered]


def _binder(psk: Psk, transcript_hash: bytes) -> bytes:
    key = EarlySecret.of(psk.hash_name, psk.key).binder_key(psk.binder_label)
    return verify_data(psk.hash_name, key, transcript_hash)


# The server's


@dataclass(frozen=True, slots=True)
class SelectedPsk:
    """The key that a server takes: where it stands in the offer, and its ticket's content if it has one."""

    index: int
    psk: Psk
    ticket: TicketState | None
    suite: Suite
    offered: OfferedPsks


def check_offer(hello: ClientHello) -> OfferedPsks | None:
    """The offer, in due form. Raises ForbiddenValue, MissingExtension. §4.3.9, §4.3.11"""
    extensions = hello.extensions or []
    offered = PreSharedKey.client_hello.find(extensions)
    if offered is None:
        return None
    if extensions[-1].extension_type is not ExtensionType.pre_shared_key:
        raise ForbiddenValue("pre_shared_key is not the last extension", message="client_hello")
    if len(offered.identities) != len(offered.binders):
        raise ForbiddenValue("pre_shared_key has not one binder an identity", message="client_hello")
    require(PskKeyExchangeModes.client_hello.find(extensions), ExtensionType.psk_key_exchange_modes, "client_hello")
    return offered


def exchange_mode(config: ServerConfig, hello: ClientHello) -> PskKeyExchangeMode | None:
    """The first of the server's modes that the client takes too, and has a group for if it needs one. §4.3.9"""
    groups = SupportedGroups.client_hello.find(hello.extensions) or []
    feasible = [
        mode
        for mode in config.psk_key_exchange_modes
        if mode is PskKeyExchangeMode.psk_ke or first_in_common(config.groups, groups) is not None
    ]
    return first_in_common(feasible, PskKeyExchangeModes.client_hello.find(hello.extensions) or [])


def select(
    config: ServerConfig, hello: ClientHello, server_name: str | None, suites: Sequence[Suite], now: datetime
) -> SelectedPsk | None:
    """The first offered key that is known, goes with one of `suites` and may be used here. §4.3.11, §4.7.1

    Its binder is not looked at yet.
    """
    offered = PreSharedKey.client_hello.find(hello.extensions)
    if offered is None or exchange_mode(config, hello) is None:
        return None
    looked_at = offered.identities[: config.limits.psk_identities]
    for index, identity in enumerate(looked_at):
        for psk, ticket in _known(config, identity.identity, now):
            suite = _suite_for(psk, ticket, suites)
            if suite is not None and (ticket is None or _continues(config, ticket, server_name, now)):
                return SelectedPsk(index, psk, ticket, suite, offered)
    return None


def _known(config: ServerConfig, identity: bytes, now: datetime) -> Iterator[tuple[Psk, TicketState | None]]:
    for psk in config.psks:
        if hmac.compare_digest(psk.identity, identity):
            yield psk, None
    found = None if config.psk_for is None else config.psk_for(identity)
    if found is not None:
        yield found, None
    ticket = config.ticket_store.find(identity, now)
    if ticket is not None and ticket.cipher_suite in SUITES:
        hash_name = SUITES[ticket.cipher_suite].hash_name
        key = ticket.resumption_psk
        yield Psk(identity=identity, key=key, hash_name=hash_name, binder_label=RESUMPTION_BINDER), ticket


def _suite_for(psk: Psk, ticket: TicketState | None, suites: Sequence[Suite]) -> Suite | None:
    """The ticket's own suite, else the first with the key's hash."""
    usable = [suite for suite in suites if suite.hash_name == psk.hash_name]
    own = next((suite for suite in usable if ticket is not None and suite.cipher_suite == ticket.cipher_suite), None)
    return own if own is not None else next(iter(usable), None)


def _continues(config: ServerConfig, ticket: TicketState, server_name: str | None, now: datetime) -> bool:
    """Whether the session is for the same name, not too old, and of a client that is still known well enough."""
    if ticket.server_name != (server_name or "").encode() or seconds_left(ticket.authentication_time, now) <= 0:
        return False
    asked = config.client_authentication
    if not ticket.peer_certificates:
        return asked is None or not (asked.required and asked.in_handshake)
    try:
        return asked is not None and bool(asked.policy.verify_client(ticket.peer_certificates, now))
    except Reason:
        return False


def check_binder(wire: Wire, selected: SelectedPsk, client_hello: bytes) -> None:
    """The client holds the key. `client_hello` is its bytes, the last in the transcript. §4.3.11. Raises BadBinder."""
    truncated = client_hello[: -binders_length(selected.offered)]
    transcript_hash = wire.transcript.hash_with(selected.psk.hash_name, truncated, instead_of_last=True)
    if not hmac.compare_digest(_binder(selected.psk, transcript_hash), selected.offered.binders[selected.index]):
        raise BadBinder("the PSK binder is wrong: the two sides hold different keys", message="client_hello")


def takes_early_data(
    config: ServerConfig, hello: ClientHello, selected: SelectedPsk | None, protocol: str | None, now: datetime
) -> bool:
    """Whether early data is offered, allowed by its ticket, fresh, and new. §4.3.10, §8

    Under an external key there is no age to judge by, so that its early data is not taken.
    """
    policy = config.early_data
    if EarlyDataIndication.client_hello.find(hello.extensions) is None or policy is None or selected is None:
        return False
    ticket = selected.ticket
    if ticket is None or selected.index != 0 or not ticket.max_early_data_size or not policy.remembers(now):
        return False
    if selected.suite.cipher_suite != ticket.cipher_suite or ticket.alpn != (protocol or "").encode("latin-1"):
        return False
    claimed = (selected.offered.identities[0].obfuscated_ticket_age - ticket.ticket_age_add) % 2**32
    if not policy.is_fresh(claimed, ticket_age(ticket, now)):
        return False
    # A hello is outside the window, and refused for its age, once this is over. §8.2
    until = now + 2 * policy.window + timedelta(seconds=1)
    return policy.replays.add(selected.offered.binders[0], until, now)
