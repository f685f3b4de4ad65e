"""What a server makes of a ClientHello: whether it holds, and what the two sides go on with. RFC 9846 §4.2.1, §4.2.2"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.code_points import ExtensionType, NamedGroup, ProtocolVersion, PskKeyExchangeMode, SignatureScheme
from schemas.extensions import (
    KeyShare,
    KeyShareEntry,
    MaxFragmentLengthNegotiation,
    PreSharedKey,
    PskKeyExchangeModes,
    RecordSizeLimit,
    ServerNameIndication,
    SignatureAlgorithms,
    SignatureAlgorithmsCert,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import ClientHello
from schemas.stored import RetryMemory, TicketState
from tls13.config import ServerConfig
from tls13.crypto.aead import SUITES, Suite
from tls13.errors import (
    IllegalCompression,
    MissingExtension,
    NoCommonCipherSuite,
    NoCommonGroup,
    NoCommonPsk,
    UnknownPskIdentity,
    UnsupportedVersion,
)
from tls13.handshake.negotiation import check_key_shares, check_places, first_in_common, requested_server_name, require
from tls13.handshake.pre_shared import SelectedPsk, check_binder, check_offer, exchange_mode, select
from tls13.handshake.record_size import check_max_fragment_length, check_record_size_limit
from tls13.wire import Wire


@dataclass(frozen=True, slots=True)
class Request:
    """A ClientHello, read: everything that the server's choices hang on."""

    hello: ClientHello
    groups: Sequence[NamedGroup]
    shares: Sequence[KeyShareEntry]
    schemes: Sequence[SignatureScheme] | None
    certificate_schemes: Sequence[SignatureScheme]
    server_name: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What the server goes on with. `group` is None where the PSK alone is the key exchange.

    `memory` is of the first hello, if this is the second.
    """

    suite: Suite
    group: NamedGroup | None
    selected: SelectedPsk | None
    memory: RetryMemory | None

    @property
    def ticket(self) -> TicketState | None:
        """What is in the ticket that the client goes on with, if it does."""
        return None if self.selected is None else self.selected.ticket


def request_in(hello: ClientHello) -> Request:
    """Checks everything about a ClientHello that does not hang on the configuration. §4.2.2, §4.3, §9.2"""
    name = "client_hello"
    versions = SupportedVersions.client_hello.find(hello.extensions)
    if versions is None or ProtocolVersion.TLS13 not in versions:
        raise UnsupportedVersion(versions or [hello.legacy_version], [ProtocolVersion.TLS13], message=name)
    if hello.legacy_version is not ProtocolVersion.TLS12:
        raise UnsupportedVersion([hello.legacy_version], ["legacy_version TLS12"], message=name)
    if hello.legacy_compression_methods != b"\0":
        raise IllegalCompression("legacy_compression_methods is not the null method alone", message=name)
    check_places(name, hello.extensions)
    by_psk = check_offer(hello) is not None
    groups = SupportedGroups.client_hello.find(hello.extensions)
    shares = KeyShare.client_hello.find(hello.extensions)
    schemes = SignatureAlgorithms.client_hello.find(hello.extensions)
    if not by_psk or shares is not None:
        groups = require(groups, ExtensionType.supported_groups, name)
    if not by_psk or groups is not None:
        shares = require(shares, ExtensionType.key_share, name)
    if not by_psk:
        schemes = require(schemes, ExtensionType.signature_algorithms, name)
    check_key_shares(shares or [], groups or [])
    check_record_size_limit(RecordSizeLimit.client_hello.find(hello.extensions), name)
    check_max_fragment_length(MaxFragmentLengthNegotiation.client_hello.find(hello.extensions), name)
    server_name = requested_server_name(ServerNameIndication.client_hello.find(hello.extensions))
    certificate_schemes = SignatureAlgorithmsCert.client_hello.find(hello.extensions) or schemes or []
    return Request(hello, groups or [], shares or [], schemes, certificate_schemes, server_name)


def common_suites(config: ServerConfig, hello: ClientHello) -> list[Suite]:
    """The suites that both sides have, as this server wants them. Raises NoCommonCipherSuite."""
    common = [SUITES[each] for each in config.cipher_suites if each in hello.cipher_suites]
    if not common:
        raise NoCommonCipherSuite(hello.cipher_suites, config.cipher_suites, message="client_hello")
    return common


def choose(
    wire: Wire, config: ServerConfig, request: Request, suites: Sequence[Suite], memory: RetryMemory | None = None
) -> Choice:
    """A known key if there is one, and what goes with it; else what goes with a certificate. §4.2.1

    The key's binder is checked before anything hangs on it (§4.3.11). A ticket is used up when the answer follows.
    """
    selected = select(config, request.hello, request.server_name, suites, config.clock())
    if selected is not None:
        check_binder(wire, selected, wire.received)
        plain = exchange_mode(config, request.hello) is PskKeyExchangeMode.psk_ke
        group = None if plain else _choose_group(config, request)
        choice = Choice(selected.suite, group, selected, memory)
        if needs_retry(choice, request) or _spend(config, selected):
            return choice
    _require_certificates(config, request)
    return Choice(suites[0], _choose_group(config, request), None, memory)


def needs_retry(choice: Choice, request: Request) -> bool:
    """Whether the client has sent no share for the group that was chosen. §4.2.1"""
    return choice.group is not None and all(each.group != choice.group for each in request.shares)


def _spend(config: ServerConfig, selected: SelectedPsk) -> bool:
    """Whether the ticket may be used, this once more."""
    return selected.ticket is None or config.ticket_store.spend(selected.psk.identity, config.clock())


def _require_certificates(config: ServerConfig, request: Request) -> None:
    """Both sides can do without a PSK. Raises NoCommonPsk, UnknownPskIdentity, MissingExtension. §4.3.11, §9.2"""
    if not config.credentials:
        if PreSharedKey.client_hello.find(request.hello.extensions) is None:
            raise NoCommonPsk("the client offers no PSK, and this server has no certificate", message="client_hello")
        if PskKeyExchangeMode.psk_dhe_ke in (PskKeyExchangeModes.client_hello.find(request.hello.extensions) or []):
            # Says so if the groups are what stands in the way. §4.2.1
            _choose_group(config, request)
        raise UnknownPskIdentity("none of the offered PSKs is known here, or may be used", message="client_hello")
    require(request.schemes, ExtensionType.signature_algorithms, "client_hello")


def _choose_group(config: ServerConfig, request: Request) -> NamedGroup:
    """The first of the server's groups that has a share; the first in common, at the price of a retry. §4.2.1"""
    if not request.groups:
        raise MissingExtension("supported_groups is missing", message="client_hello")
    common = [group for group in config.groups if group in request.groups]
    if not common:
        raise NoCommonGroup(request.groups, config.groups, message="client_hello")
    return first_in_common(common, {each.group for each in request.shares}) or common[0]
