"""What an endpoint is told before it starts: frozen, and checked when it is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from schemas.code_points import CipherSuite, MaxFragmentLength, NamedGroup, PskKeyExchangeMode, SignatureScheme
from schemas.extensions import OIDFilter
from schemas.handshake import ClientHello, HandshakeMessage
from tls13.crypto import Random
from tls13.crypto.aead import SUITES
from tls13.crypto.groups import GROUPS
from tls13.crypto.signatures import SIGNATURES
from tls13.early_data import EarlyDataPolicy
from tls13.errors import ConfigurationError, Reason
from tls13.events import Observer
from tls13.limits import Limits
from tls13.padding import NoPadding, PaddingPolicy
from tls13.psk import Psk
from tls13.record_layer import MAX_INNER_PLAINTEXT
from tls13.sealing import SealingKeys
from tls13.sessions import MAX_LIFETIME, SealedTickets, Session, TicketStore
from tls13.x509.certificates import public_key_of
from tls13.x509.credentials import Credential
from tls13.x509.oid_filters import check_filters
from tls13.x509.trust import CertificatePolicy, ClientCertificatePolicy

Clock = Callable[[], datetime]
"""Gives the present time, with its time zone."""

MessageEditor = Callable[[HandshakeMessage], HandshakeMessage | bytes]
"""Sees each handshake message before it is sent, and gives what shall be sent instead.

Bytes are sent as they are, header included, whether or not they are a message (`schemas.crafting` makes such).
"""

CIPHER_SUITES = tuple(suite for suite in SUITES if suite is not CipherSuite.TLS_AES_128_CCM_8_SHA256)
"""All but the one whose tag is short, which IANA does not recommend."""

GROUPS_BY_PREFERENCE = (
    NamedGroup.X25519MLKEM768,
    NamedGroup.x25519,
    NamedGroup.secp256r1,
    NamedGroup.secp384r1,
)
"""What browsers offer: the hybrid, the curves of RFC 9846 §9.1, and one for those who want more than 128 bits."""

SIGNATURE_SCHEMES = tuple(
    scheme
    for scheme in SIGNATURES
    if scheme not in (SignatureScheme.mldsa44, SignatureScheme.mldsa65, SignatureScheme.mldsa87)
)
"""For CertificateVerify: all but ML-DSA, which few peers know yet.

How the certificates of a chain may be signed is another list: `tls13.x509.trust.CERTIFICATE_SIGNATURE_SCHEMES`.
"""


PSK_KEY_EXCHANGE_MODES = (PskKeyExchangeMode.psk_dhe_ke, PskKeyExchangeMode.psk_ke)


def system_clock() -> datetime:
    """The machine's own time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """What both roles are told. Algorithms stand most wanted first.

    `credentials` are what this side proves itself with, `psks` the keys that both sides have from elsewhere, used in
    one of `psk_key_exchange_modes`. The peer may sign by `signature_schemes`. `record_size_limit` is the most that a
    record sent to this side may open to, type and padding included (RFC 8449); with None a client says nothing, and a
    server that is asked says 2^14 + 1.

    What is weaker than `security_floor`, in bits (NIST SP 800-57 part 1), is left out of suites, groups and signature
    schemes, and certificates with such keys are refused.

    `edit_message` is for crafting: what it gives back is sent and hashed in the message's place, and a client goes by
    the hello that it gives, if that is one; the PSK binders that it sees are zeros, and filled in where it leaves them
    so. `random` and `clock` are all that the engine knows of the world; with both fixed, and a signer that draws
    nothing itself, a connection replays.
    """

    credentials: tuple[Credential, ...] = ()
    psks: tuple[Psk, ...] = ()
    psk_key_exchange_modes: tuple[PskKeyExchangeMode, ...] = (PskKeyExchangeMode.psk_dhe_ke,)
    cipher_suites: tuple[CipherSuite, ...] = CIPHER_SUITES
    groups: tuple[NamedGroup, ...] = GROUPS_BY_PREFERENCE
    signature_schemes: tuple[SignatureScheme, ...] = SIGNATURE_SCHEMES
    security_floor: int = 0
    application_protocols: tuple[str, ...] = ()
    padding: PaddingPolicy = field(default_factory=NoPadding)
    record_size_limit: int | None = None
    limits: Limits = field(default_factory=Limits)
    observer: Observer | None = None
    edit_message: MessageEditor | None = None
    random: Random = os.urandom
    clock: Clock = system_clock

    def __post_init__(self) -> None:
        _require_known("cipher suite", self.cipher_suites, SUITES)
        _require_known("group", self.groups, GROUPS)
        _require_known("signature scheme", self.signature_schemes, SIGNATURES)
        _require_known("PSK key exchange mode", self.psk_key_exchange_modes, PSK_KEY_EXCHANGE_MODES)
        self._apply_security_floor()
        for name in self.application_protocols:
            if not name.isascii() or not 1 <= len(name) <= 255:
                raise ConfigurationError(f"ALPN protocol {name!r} is not 1 to 255 ASCII characters")
        if self.record_size_limit is not None and not 64 <= self.record_size_limit <= MAX_INNER_PLAINTEXT:
            raise ConfigurationError(
                f"a record size limit of {self.record_size_limit}", f"give 64 to {MAX_INNER_PLAINTEXT} bytes"
            )

    def _apply_security_floor(self) -> None:
        for field_name, known in (("cipher_suites", SUITES), ("groups", GROUPS), ("signature_schemes", SIGNATURES)):
            chosen = getattr(self, field_name)
            strong = tuple(each for each in chosen if known[each].security_bits >= self.security_floor)
            if not strong:
                raise ConfigurationError(
                    f"none of the {field_name.replace('_', ' ')} reaches {self.security_floor} bits", "lower the floor"
                )
            object.__setattr__(self, field_name, strong)
        for credential in self.credentials:
            bits = public_key_of(credential.certificate_list[0]).security_bits
            if bits < self.security_floor:
                raise ConfigurationError(
                    f"a certificate whose key is of {bits} bits, under the floor of {self.security_floor}",
                    "give one with a larger key, or lower the floor",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig(EndpointConfig):
    """How a client connects.

    `trust` decides on the server's certificates; there is no default that trusts anybody unasked. With None no
    certificate will do, and the server must know one of the `psks`, or of those that `psk_for` gives for its name. A
    key share goes out for the first `key_shares` groups. `middlebox_compatibility` is RFC 9846 appendix E.4.

    With `early_data`, a session or PSK that allows it is offered with early data, for `Connection.send_early`.
    `on_session` gets each session that a server's ticket opens. `ticket_request` is how many tickets are wanted: after
    a full handshake, after a resumption (RFC 9149). One of `credentials` answers a server that asks who the client is;
    with `post_handshake_auth` it may ask after the handshake too.
    Raises ConfigurationError for what cannot work.
    """

    trust: CertificatePolicy | None
    key_shares: int = 2
    middlebox_compatibility: bool = True
    psk_for: Callable[[str], Iterable[Psk]] | None = None
    early_data: bool = False
    on_session: Callable[[Session], None] | None = None
    ticket_request: tuple[int, int] | None = None
    post_handshake_auth: bool = False
    max_fragment_length: MaxFragmentLength | None = None

    def __post_init__(self) -> None:
        EndpointConfig.__post_init__(self)
        if self.key_shares < 0:
            raise ConfigurationError(f"{self.key_shares} key shares", "give 0 or more")
        if self.ticket_request is not None and not all(0 <= count <= 255 for count in self.ticket_request):
            raise ConfigurationError(f"a request for {self.ticket_request} tickets", "give two numbers, 0 to 255")
        if self.trust is None and not self.psks and self.psk_for is None:
            raise ConfigurationError("neither trust nor a PSK: no server would do", "give a trust store, or a PSK")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAuthentication:
    """What a server asks of its clients. RFC 9846 §4.4.2

    `policy` decides on their certificates, which must match `oid_filters`. Unless `required`, a client without one is
    served all the same. Without `in_handshake` nobody is asked before `Connection.request_certificate` does so. Raises
    ConfigurationError for filters that no server may send.
    """

    policy: ClientCertificatePolicy
    required: bool = True
    in_handshake: bool = True
    oid_filters: tuple[OIDFilter, ...] = ()

    def __post_init__(self) -> None:
        try:
            check_filters(self.oid_filters)
        except Reason as reason:
            raise ConfigurationError(reason.detail, "leave it out of oid_filters") from reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig(EndpointConfig):
    """How a server answers.

    Of `credentials` the first whose names and signature schemes suit the client is used; without any, clients must know
    one of the `psks`, or of those that `psk_for` gives for an identity. With `require_server_name` a client that asks
    for a name that no credential has is refused (RFC 6066 §3) instead of being shown the first. `on_client_hello` sees
    each first ClientHello, and may give another config to go on with.

    `tickets` is how many follow a handshake, for clients that take them and ask for no other number; `ticket_store`
    makes them, good for `ticket_lifetime`. `early_data` says how early data is taken, None that it is not.
    `client_authentication` asks for the client's certificate; with `retry_cookies` nothing is kept between
    HelloRetryRequest and its answer, which must come within `retry_lifetime`.
    Raises ConfigurationError for what cannot work.
    """

    psk_for: Callable[[bytes], Psk | None] | None = None
    require_server_name: bool = False
    on_client_hello: Callable[[ClientHello], ServerConfig | None] | None = None
    tickets: int = 1
    ticket_store: TicketStore = field(default_factory=SealedTickets)
    ticket_lifetime: timedelta = timedelta(hours=2)
    early_data: EarlyDataPolicy | None = None
    client_authentication: ClientAuthentication | None = None
    retry_cookies: SealingKeys | None = None
    retry_lifetime: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        EndpointConfig.__post_init__(self)
        if not self.credentials and not self.psks and self.psk_for is None:
            raise ConfigurationError("a server needs a certificate and its key", "or a PSK that its clients have too")
        if not 0 <= self.tickets <= 255:
            raise ConfigurationError(f"{self.tickets} tickets: 0 to 255 may be sent")
        if not timedelta(0) < self.ticket_lifetime <= timedelta(seconds=MAX_LIFETIME):
            raise ConfigurationError(f"a ticket lifetime of {self.ticket_lifetime}", "give more than 0, 7 days at most")
        if self.retry_lifetime <= timedelta(0):
            raise ConfigurationError(f"a retry lifetime of {self.retry_lifetime}", "give more than 0")


def _require_known(what: str, names: tuple[object, ...], known: Collection[object]) -> None:
    """Each of `names` is among `known`, none twice, and there is at least one."""
    if not names:
        raise ConfigurationError(f"no {what} is enabled")
    if len(set(names)) != len(names):
        raise ConfigurationError(f"a {what} stands twice")
    for name in names:
        if name not in known:
            raise ConfigurationError(f"{what} {name} is not implemented", f"choose from {', '.join(map(str, known))}")
