"""Tables of violations: what is wrong, the message that is wrong so, and the reason that it must be refused for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scripted import Peer

from schemas.handshake import HandshakeMessage
from tls13.errors import Reason

Violation = Callable[[Any], HandshakeMessage | bytes]
"""Given the scripted peer, the message that it shall not send."""


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
