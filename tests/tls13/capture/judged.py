"""Hellos and answers to judge, and the judgement of a connection with them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from capture.made_captures import (
    CLIENT,
    SERVER,
    Talk,
    Wire,
    keylog,
)

from schemas import tls12
from schemas.code_points import (
    CipherSuite,
    NamedGroup,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
)
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    KeyShare,
    KeyShareEntry,
    OfferedPsks,
    PreSharedKey,
    PskIdentity,
    PskKeyExchangeModes,
    ServerName,
    ServerNameIndication,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import (
    ClientHello,
    HandshakeMessage,
    HelloRetryRequest,
    ServerHello,
)
from schemas.transparency import SignedCertificateTimestamp, SignedTimestamp
from tls13.capture import read_capture
from tls13.capture.judging.judgement import Judgement

SUITE = CipherSuite.TLS_AES_128_GCM_SHA256
OTHER_SUITE = CipherSuite.TLS_AES_256_GCM_SHA384
TLS13 = ProtocolVersion.TLS13
OLDER = [ProtocolVersion.TLS12, ProtocolVersion.TLS11, ProtocolVersion.TLS10, ProtocolVersion.SSL30]
X25519, P256, P384 = NamedGroup.x25519, NamedGroup.secp256r1, NamedGroup.secp384r1
SCHEME = SignatureScheme.ecdsa_secp256r1_sha256
CLIENT_HS, SERVER_HS = "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_AP, SERVER_AP = "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"


def share(group: NamedGroup) -> KeyShareEntry:
    return KeyShareEntry(group=group, key_exchange=bytes(32))


PSKS = OfferedPsks(
    identities=[
        PskIdentity(identity=b"one", obfuscated_ticket_age=0),
        PskIdentity(identity=b"two", obfuscated_ticket_age=0),
    ],
    binders=[bytes(32), bytes(32)],
)
MODES = PskKeyExchangeModes.client_hello([PskKeyExchangeMode.psk_dhe_ke])
OFFERED = PreSharedKey.client_hello(PSKS)
PARTS: dict[str, Extension] = {
    "versions": SupportedVersions.client_hello([ProtocolVersion(0x7A7A), TLS13, ProtocolVersion.TLS12]),
    "groups": SupportedGroups.client_hello([NamedGroup(0x1A1A), X25519, P256]),
    "shares": KeyShare.client_hello([KeyShareEntry(group=NamedGroup(0x1A1A), key_exchange=b"\0"), share(X25519)]),
    "schemes": SignatureAlgorithms.client_hello([SCHEME, SignatureScheme.rsa_pkcs1_sha256]),
    "protocols": ApplicationLayerProtocolNegotiation.client_hello([b"h2", b"http/1.1"]),
    "name": ServerNameIndication.client_hello([ServerName(name=b"example.com")]),
}
"""A hello that nothing is wrong with, extension by extension."""


def hello(
    *more: Extension, without: Sequence[str] = (), changes: dict[str, Extension] | None = None, **fields: Any
) -> ClientHello:
    """That hello, with some of it left out, changed or added."""
    parts = {**PARTS, **(changes or {})}
    extensions = [part for name, part in parts.items() if name not in without]
    values = {"cipher_suites": [CipherSuite(0x3A3A), SUITE, OTHER_SUITE], "random": bytes(range(32)), **fields}
    return ClientHello(extensions=[*extensions, *more], **values)


def answer(*more: Extension, group: NamedGroup | None = X25519, **fields: Any) -> ServerHello:
    """What a server may say to it."""
    extensions = [SupportedVersions.server_hello(TLS13)]
    if group is not None:
        extensions.append(KeyShare.server_hello(share(group)))
    return ServerHello(**{"random": bytes(32), "cipher_suite": SUITE, "extensions": [*extensions, *more], **fields})


def retry(*more: Extension, suite: CipherSuite = SUITE) -> HelloRetryRequest:
    extensions = [SupportedVersions.hello_retry_request(TLS13), *more]
    return HelloRetryRequest(cipher_suite=suite, extensions=extensions)


def judged(wire: Wire, *, keys: bool = True) -> Judgement:
    """What is said of the one connection of the wire."""
    (connection,) = read_capture(io.BytesIO(wire.pcap()), keylog=keylog() if keys else None)
    assert list(connection.messages)
    return connection.judgement


def hellos(first: HandshakeMessage, *answers: HandshakeMessage) -> Talk:
    """A client's hello, the server's answer, perhaps a second hello and so on."""
    talk = Talk()
    for number, message in enumerate((first, *answers)):
        talk.plain(SERVER if number % 2 else CLIENT, message)
    return talk


def rules(judgement: Judgement) -> list[str]:
    return [each.rule.name for each in judgement.anomalies]


def stamp() -> SignedCertificateTimestamp:
    signature = tls12.DigitallySigned(algorithm=SCHEME, signature=b"s")
    return SignedCertificateTimestamp(content=SignedTimestamp(id=bytes(32), timestamp=1, signature=signature))
