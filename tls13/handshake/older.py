"""Hellos of TLS 1.2 and older: read only as far as it takes to refuse them by name. RFC 9846 §4.2.3, §E.1, §E.2"""

from __future__ import annotations

from collections.abc import Sequence

from schemas import tls12
from schemas.code_points import ExtensionType, ProtocolVersion
from schemas.errors import DecodeError
from schemas.extension_block import Extension
from tls13.errors import DowngradeDetected, Reason, UnsupportedVersion

DOWNGRADE_SENTINELS = (b"DOWNGRD\x01", b"DOWNGRD\x00")
"""The last eight bytes of ServerHello.random where TLS 1.3 was given up for less. §4.2.3"""

TLS13_ONLY = (ProtocolVersion.TLS13,)


def older_server_hello(random: bytes, version: ProtocolVersion, offered: Sequence[ProtocolVersion]) -> Reason:
    """Why a ServerHello that chooses an older version ends the handshake."""
    if random[-8:] in DOWNGRADE_SENTINELS:
        return DowngradeDetected(
            "the server speaks TLS 1.3 but was made to choose less: somebody changed the hello on its way",
            message="server_hello",
        )
    return UnsupportedVersion([version], offered, message="server_hello")


def older_hello(raw: bytes) -> Reason | None:
    """Why a message that TLS 1.3's grammar does not hold ends the handshake, None where it is no older hello either."""
    try:
        message = tls12.Handshake.parse(raw).message
    except DecodeError:
        return None
    match message:
        case tls12.ClientHello() if not _speaks_tls13(message.extensions):
            return UnsupportedVersion([message.client_version], TLS13_ONLY, message="client_hello")
        case tls12.ServerHello() if not _speaks_tls13(message.extensions):
            return older_server_hello(message.random, message.server_version, TLS13_ONLY)
        case _:
            return None


def _speaks_tls13(extensions: Sequence[Extension] | None) -> bool:
    return any(each.extension_type is ExtensionType.supported_versions for each in extensions or ())
