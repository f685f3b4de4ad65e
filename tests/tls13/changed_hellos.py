"""What a second ClientHello may not change, whether the server remembers the first or not. RFC 9846 §4.2.2"""

from __future__ import annotations

from collections.abc import Callable

from by_hand import KeyPair
from violations import Violation

from schemas.code_points import CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme
from schemas.extensions import (
    EarlyDataIndication,
    KeyShare,
    ServerName,
    ServerNameIndication,
    SignatureAlgorithms,
    SupportedGroups,
)
from tls13 import errors
from tls13.errors import Reason

TWO_SUITES = [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384]
OTHER_NAME = ServerNameIndication.client_hello([ServerName(name=b"example.com")])
FEWER_GROUPS = SupportedGroups.client_hello([NamedGroup.x25519])
MORE_SCHEMES = SignatureAlgorithms.client_hello([SignatureScheme.ed25519, SignatureScheme.ed448])
X25519, P256 = KeyPair(NamedGroup.x25519), KeyPair(NamedGroup.secp256r1)


def changed(again: Callable[..., Violation]) -> tuple[tuple[str, Violation, type[Reason]], ...]:
    """Rows of what is refused. `again` makes the second hello, with these extensions and fields instead of its own."""
    return (
        ("random", again(random=bytes(32)), errors.ChangedParameter),
        ("session id", again(legacy_session_id=b""), errors.ChangedParameter),
        ("suites", again(cipher_suites=TWO_SUITES), errors.ChangedParameter),
        ("legacy_version", again(legacy_version=ProtocolVersion.TLS11), errors.UnsupportedVersion),
        ("compression", again(legacy_compression_methods=b"\0\1"), errors.IllegalCompression),
        ("groups", again(FEWER_GROUPS), errors.ChangedParameter),
        ("name", again(OTHER_NAME), errors.ChangedParameter),
        ("schemes", again(MORE_SCHEMES), errors.ChangedParameter),
        ("no share still", again(KeyShare.client_hello([])), errors.ChangedParameter),
        ("share of another group", again(KeyShare.client_hello([P256.entry])), errors.ChangedParameter),
        ("one share too many", again(KeyShare.client_hello([X25519.entry, P256.entry])), errors.ChangedParameter),
        ("early data", again(EarlyDataIndication.client_hello(b"")), errors.ChangedParameter),
    )
