"""Violations: messages out of place, and tables of what is wrong, the message that is so, and why it is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from by_hand import key_update, message, raw
from scripted import Peer

from schemas.certificate import Certificate
from schemas.code_points import ExtensionType, HandshakeType, SignatureScheme
from schemas.extension_block import Extension
from schemas.extensions import SignatureAlgorithms
from schemas.handshake import (
    MESSAGE_TYPES,
    CertificateRequest,
    CertificateVerify,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    HandshakeMessage,
    NewSessionTicket,
)
from tls13.errors import Reason

Violation = Callable[[Any], HandshakeMessage | bytes]
"""Given the scripted peer, the message that it shall not send."""


EVERY_TYPE = [HandshakeType(number) for number in range(256)]
"""Every number, with a name or without."""

TICKET = NewSessionTicket(ticket_lifetime=1, ticket_age_add=2, ticket_nonce=b"3", ticket=b"4")

WELL_FORMED: Mapping[HandshakeType, bytes] = {
    MESSAGE_TYPES[type(each)]: raw(each)
    for each in (
        TICKET,
        EncryptedExtensions(),
        EndOfEarlyData(),
        Certificate(certificate_list=[]),
        CertificateRequest(
            extensions=[SignatureAlgorithms.certificate_request([SignatureScheme.ed25519])],
        ),
        CertificateVerify(algorithm=SignatureScheme.ed25519, signature=bytes(64)),
        Finished(verify_data=bytes(32)),
    )
} | {HandshakeType.key_update: key_update(0)}
"""Where a message has a form that does not hang on the connection: refused for its type, not for its bytes."""


UNKNOWN = Extension(extension_type=ExtensionType(0xFADE), extension_data=b"")
"""An extension that nobody knows."""


def encrypted_with(*extensions: Extension) -> Violation:
    """EncryptedExtensions with just these."""
    return lambda server: EncryptedExtensions(extensions=list(extensions))


def finished_of(change: Callable[[bytes], bytes]) -> Violation:
    """The peer's Finished, changed."""
    return lambda peer: message(20, change(peer.finished().verify_data))


def rows(*table: tuple[str, Violation, type[Reason]]) -> pytest.MarkDecorator:
    """Runs a test for each row."""
    return pytest.mark.parametrize(
        ("violation", "reason"), [row[1:] for row in table], ids=[row[0].replace(" ", "-") for row in table]
    )


def check(peer: Peer, violation: Violation, reason: type[Reason]) -> None:
    """The message is refused for that reason, by the alert that `test_errors` holds every reason to."""
    error = peer.refused_message(violation(peer))
    assert type(error) is reason, repr(error)
    assert "\n" not in str(error)
