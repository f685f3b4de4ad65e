"""What an endpoint is told before it starts: frozen, and checked when it is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from schemas.code_points import CipherSuite, NamedGroup, SignatureScheme
from schemas.handshake import HandshakeMessage
from tls13.credentials import Credential
from tls13.crypto import Random
from tls13.crypto.aead import SUITES
from tls13.crypto.groups import GROUPS
from tls13.crypto.signatures import SIGNATURES
from tls13.errors import ConfigurationError
from tls13.events import Observer
from tls13.limits import Limits
from tls13.trust import CertificatePolicy

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
"""For CertificateVerify: all but ML-DSA, whose certificates not every release of the X.509 library reads.

How the certificates of a chain may be signed is another list: `tls13.trust.CERTIFICATE_SIGNATURE_SCHEMES`.
"""


def system_clock() -> datetime:
    """The machine's own time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """What both roles are told. Algorithms stand most wanted first.

    `edit_message` is for crafting: what it gives back is sent and hashed in the message's place, and a client goes by
    the hello that it gives, if that is one. `random` and `clock` are all that the engine knows of the world; with both
    fixed, and a signer that draws nothing itself, a connection replays.
    """

    cipher_suites: tuple[CipherSuite, ...] = CIPHER_SUITES
    groups: tuple[NamedGroup, ...] = GROUPS_BY_PREFERENCE
    application_protocols: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    observer: Observer | None = None
    edit_message: MessageEditor | None = None
    random: Random = os.urandom
    clock: Clock = system_clock

    def __post_init__(self) -> None:
        _require_known("cipher suite", self.cipher_suites, SUITES)
        _require_known("group", self.groups, GROUPS)
        for name in self.application_protocols:
            if not name.isascii() or not 1 <= len(name) <= 255:
                raise ConfigurationError(f"ALPN protocol {name!r} is not 1 to 255 ASCII characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig(EndpointConfig):
    """How a client connects.

    `trust` decides on the server's certificates; there is no default that trusts anybody unasked. A key share goes out
    for the first `key_shares` groups. `middlebox_compatibility` is RFC 9846 appendix E.4.
    Raises ConfigurationError for what cannot work.
    """

    trust: CertificatePolicy
    signature_schemes: tuple[SignatureScheme, ...] = SIGNATURE_SCHEMES
    key_shares: int = 2
    middlebox_compatibility: bool = True

    def __post_init__(self) -> None:
        EndpointConfig.__post_init__(self)
        _require_known("signature scheme", self.signature_schemes, SIGNATURES)
        if self.key_shares < 0:
            raise ConfigurationError(f"{self.key_shares} key shares", "give 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig(EndpointConfig):
    """How a server answers.

    Of `credentials` the first whose names and signature schemes suit the client is used. `tickets` is how many
    NewSessionTicket messages follow the handshake, for clients that take them. With `require_server_name` a client that
    asks for a name that no credential has is refused (RFC 6066 §3) instead of being shown the first.
    Raises ConfigurationError for what cannot work.
    """

    credentials: tuple[Credential, ...]
    tickets: int = 1
    require_server_name: bool = False

    def __post_init__(self) -> None:
        EndpointConfig.__post_init__(self)
        if not self.credentials:
            raise ConfigurationError("a server needs a certificate and its key")
        if not 0 <= self.tickets <= 255:
            raise ConfigurationError(f"{self.tickets} tickets: 0 to 255 may be sent")


def _require_known(what: str, names: tuple[object, ...], known: Collection[object]) -> None:
    """Each of `names` is among `known`, none twice, and there is at least one."""
    if not names:
        raise ConfigurationError(f"no {what} is enabled")
    if len(set(names)) != len(names):
        raise ConfigurationError(f"a {what} stands twice")
    for name in names:
        if name not in known:
            raise ConfigurationError(f"{what} {name} is not implemented", f"choose from {', '.join(map(str, known))}")
