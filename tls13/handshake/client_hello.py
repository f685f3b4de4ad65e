"""ClientHello from the client's side: what it offers first, and what it says when it is asked again. RFC 9846 §4.2.2"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from schemas.code_points import ExtensionType, NamedGroup, ProtocolVersion
from schemas.errors import EncodeError
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    ClientTicketRequest,
    Cookie,
    EarlyDataIndication,
    KeyShare,
    KeyShareEntry,
    MaxFragmentLengthNegotiation,
    PostHandshakeAuth,
    PskKeyExchangeModes,
    RecordSizeLimit,
    ServerName,
    ServerNameIndication,
    SignatureAlgorithms,
    SignatureAlgorithmsCert,
    SupportedGroups,
    SupportedVersions,
    TicketRequest,
)
from schemas.handshake import ClientHello
from tls13.config import ClientConfig
from tls13.crypto.aead import SUITES
from tls13.crypto.groups import GROUPS, PrivateShare
from tls13.errors import ForbiddenValue, UnofferedParameter, UnsupportedHandshake, UselessRetry
from tls13.handshake.pre_shared import early_terms, fill_in_binders, offer_of, psks_to_offer
from tls13.handshake.secrets import derive_early_secrets
from tls13.handshake.states import EarlySecrets, Offer, OfferedPsk
from tls13.sessions import Session
from tls13.wire import Wire
from tls13.x509.server_name import ServerName as HostName
from tls13.x509.server_name import server_name_for_sni
from tls13.x509.trust import certificate_signature_schemes


def first(wire: Wire, config: ClientConfig, name: HostName, session: Session | None) -> Offer:
    """Sends the first ClientHello; early data may follow."""
    random = wire.random(32)
    session_id = wire.random(32) if config.middlebox_compatibility else b""
    shares = {group: GROUPS[group].generate(wire.random) for group in config.groups[: config.key_shares]}
    psks = psks_to_offer(config, name, session)
    hello = ClientHello(
        random=random,
        legacy_session_id=session_id,
        cipher_suites=list(config.cipher_suites),
        extensions=_hello_extensions(config, name, shares, psks),
    )
    # The first hello says 0x0301 for servers that choke on anything newer. §5.1
    sent = _send_hello(wire, hello, psks, ProtocolVersion.TLS10)
    offer = Offer(config, name, sent, shares, psks)
    return dataclasses.replace(offer, early=_start_early_data(wire, offer))


def second(
    wire: Wire, offer: Offer, shares: Mapping[NamedGroup, PrivateShare], cookie: bytes | None, hash_name: str
) -> Offer:
    """Sends the ClientHello that a HelloRetryRequest asks for. §4.2.2

    Keys for another hash than that of the server's suite are left out. Raises ForbiddenValue for too long a cookie.
    """
    psks = tuple(each for each in offer.psks if each.psk.hash_name == hash_name)
    try:
        extensions = _second_extensions(offer, shares, cookie, psks)
        sent = _send_hello(wire, dataclasses.replace(offer.hello, extensions=extensions), psks, ProtocolVersion.TLS12)
    except EncodeError as error:
        raise ForbiddenValue("the cookie does not fit into a ClientHello", message="hello_retry_request") from error
    return dataclasses.replace(offer, hello=sent, shares=shares, psks=psks)


def share_on_request(wire: Wire, offer: Offer, group: NamedGroup) -> dict[NamedGroup, PrivateShare]:
    """A share for the group that HelloRetryRequest names. §4.3.8"""
    name = "hello_retry_request"
    if group not in (SupportedGroups.client_hello.find(offer.hello.extensions) or []):
        raise UnofferedParameter(f"group {group} was not offered", message=name)
    if group in offer.shares:
        raise UselessRetry(f"a key share for {group} was sent already", message=name)
    if group not in GROUPS:
        raise UnsupportedHandshake(f"group {group} was offered, but is not implemented", message=name)
    return {group: GROUPS[group].generate(wire.random)}


def _hello_extensions(
    config: ClientConfig,
    server_name: HostName,
    shares: Mapping[NamedGroup, PrivateShare],
    psks: Sequence[OfferedPsk],
) -> list[Extension]:
    extensions: list[Extension] = []
    host_name = server_name_for_sni(server_name)
    if host_name is not None:
        extensions.append(ServerNameIndication.client_hello([ServerName(name=host_name.encode("ascii"))]))
    extensions += [
        SupportedGroups.client_hello(list(config.groups)),
        KeyShare.client_hello(_entries(shares)),
        SupportedVersions.client_hello([ProtocolVersion.TLS13]),
    ]
    if config.trust is not None:
        extensions.append(SignatureAlgorithms.client_hello(list(config.signature_schemes)))
        extensions.append(
            SignatureAlgorithmsCert.client_hello(list(certificate_signature_schemes(config.signature_schemes)))
        )
    extensions.append(PskKeyExchangeModes.client_hello(list(config.psk_key_exchange_modes)))
    if config.application_protocols:
        names = [name.encode("ascii") for name in config.application_protocols]
        extensions.append(ApplicationLayerProtocolNegotiation.client_hello(names))
    if config.max_fragment_length is not None:
        extensions.append(MaxFragmentLengthNegotiation.client_hello(config.max_fragment_length))
    if config.record_size_limit is not None:
        extensions.append(RecordSizeLimit.client_hello(config.record_size_limit))
    if config.ticket_request is not None:
        new, again = config.ticket_request
        wanted = ClientTicketRequest(new_session_count=new, resumption_count=again)
        extensions.append(TicketRequest.client_hello(wanted))
    if config.post_handshake_auth:
        extensions.append(PostHandshakeAuth.client_hello(b""))
    if early_terms(config, psks) is not None:
        extensions.append(EarlyDataIndication.client_hello(b""))
    if psks:
        extensions.append(offer_of(psks, config.clock()))
    return extensions


def _entries(shares: Mapping[NamedGroup, PrivateShare]) -> list[KeyShareEntry]:
    return [KeyShareEntry(group=group, key_exchange=each.share) for group, each in shares.items()]


def _send_hello(wire: Wire, hello: ClientHello, psks: Sequence[OfferedPsk], version: ProtocolVersion) -> ClientHello:
    sent = wire.send(hello, lambda edited, raw: fill_in_binders(wire.transcript, edited, raw, psks) if psks else raw)
    if not isinstance(sent, ClientHello):
        raise UnsupportedHandshake("the message editor made another message of client_hello", message="client_hello")
    wire.flush(version)
    return sent


def _start_early_data(wire: Wire, offer: Offer) -> EarlySecrets | None:
    """What follows a hello that announces early data is under the key of the first PSK. §4.3.10"""
    terms = early_terms(offer.config, offer.psks)
    if terms is None or EarlyDataIndication.client_hello.find(offer.hello.extensions) is None:
        return None
    psk = offer.psks[0].psk
    early = derive_early_secrets(wire, psk, wire.transcript.hash_with(psk.hash_name, b""))
    if offer.hello.legacy_session_id:
        wire.send_change_cipher_spec()
    wire.start_early_data(SUITES[terms.cipher_suite], early.client_secret, terms.max_size)
    return early


def _second_extensions(
    offer: Offer, shares: Mapping[NamedGroup, PrivateShare], cookie: bytes | None, psks: Sequence[OfferedPsk]
) -> list[Extension]:
    """Those of the first hello with the changes that §4.2.2 permits, and asks for."""
    dropped = (ExtensionType.early_data, ExtensionType.pre_shared_key)
    changed = KeyShare.client_hello(_entries(shares))
    extensions = [
        changed if each.extension_type is ExtensionType.key_share else each
        for each in offer.hello.extensions or []
        if each.extension_type not in dropped
    ]
    if cookie is not None:
        extensions.append(Cookie.client_hello(cookie))
    if psks:
        extensions.append(offer_of(psks, offer.config.clock()))
    return extensions
