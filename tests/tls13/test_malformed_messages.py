"""Every message that a state allows, cut short or with bytes behind its end: decode_error. RFC 9846 §6.2"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from by_hand import key_update, message, raw
from endpoints import Endpoints
from scripted import Peer
from violations import TICKET

from schemas.code_points import HandshakeType
from schemas.handshake import (
    MESSAGE_TYPES,
    CertificateRequest,
    ClientHello,
    HandshakeMessage,
    HelloRetryRequest,
    KeyUpdate,
    NewSessionTicket,
    ServerHello,
)
from tls13 import errors
from tls13.errors import Reason
from tls13.handshake.states import (
    ClientConnected,
    ServerConnected,
    State,
    WaitCertificate,
    WaitLateFinished,
    WaitServerHelloAfterRetry,
)
from tls13.handshake.table import HANDLERS

Case = tuple[type[State], type[HandshakeMessage]]

LATE_CERTIFICATE = (ServerConnected, HandshakeType.certificate)


def all_cases() -> Iterator[Case]:
    for state, row in HANDLERS.items():
        for what in row:
            yield state, what


def honest(endpoints: Endpoints, state: type[State], what: type[HandshakeMessage]) -> tuple[Peer, bytes]:
    """A peer of a connection in that state, and such a message in its right form."""
    if (state, MESSAGE_TYPES[what]) == LATE_CERTIFICATE:
        client = endpoints.late_client()
        client.be_asked()
        return client, raw(client.certificate())
    late = {"post_handshake_auth": True} if (state, what) == (ClientConnected, CertificateRequest) else {}
    peer = endpoints.peer(state, **late)
    if what is NewSessionTicket:
        return peer, raw(TICKET)
    if what is KeyUpdate:
        return peer, key_update(0)
    if late:
        return peer, raw(endpoints.scripted_server().certificate_request(b"late"))
    towards: dict[type[HandshakeMessage], type[State]] = {
        HelloRetryRequest: WaitServerHelloAfterRetry,
        CertificateRequest: WaitCertificate,
    }
    said = peer.next_message(towards.get(what, WaitLateFinished if state is ServerConnected else ServerConnected))
    assert isinstance(said, what)
    return peer, raw(said)


OLDER_HELLOS = {ClientHello: 2 + 32 + 33 + 4 + 2, ServerHello: 2 + 32 + 33 + 2 + 1}
"""How long a hello is without extensions: as older versions have it, and so of none that would do. §E.1, §E.2"""


def reason_for(what: type[HandshakeMessage], length: int) -> type[Reason]:
    return errors.UnsupportedVersion if OLDER_HELLOS.get(what) == length else errors.MalformedMessage


@pytest.mark.parametrize(
    ("state", "what"), list(all_cases()), ids=[f"{state.__name__}-{what.__name__}" for state, what in all_cases()]
)
def test_a_message_that_ends_too_early_or_too_late_does_not_parse(
    endpoints: Endpoints, state: type[State], what: type[HandshakeMessage]
) -> None:
    """Its header says the right length each time: it is the message in it that does not come to its end."""
    _, whole = honest(endpoints, state, what)
    body = whole[4:]
    step = max(1, len(body) // 40)
    lengths = {*range(0, len(body), step), len(body) - 1, OLDER_HELLOS.get(what, 0)}
    for length in sorted(each for each in lengths if 0 <= each < len(body)):
        peer, _ = honest(endpoints, state, what)
        error = peer.refused_message(message(whole[0], body[:length]))
        assert type(error) is reason_for(what, length), (length, repr(error))
    for more in (b"\0", b"\0" * 100):
        peer, _ = honest(endpoints, state, what)
        assert type(peer.refused_message(message(whole[0], body + more))) is errors.MalformedMessage
