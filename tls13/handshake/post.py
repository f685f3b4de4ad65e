"""After the handshake: tickets and key updates. RFC 9846 §4.7"""

from __future__ import annotations

from typing import TypeVar

from schemas.code_points import KeyUpdateRequest
from schemas.handshake import KeyUpdate, NewSessionTicket
from tls13.errors import ForbiddenValue
from tls13.events import KeysUpdated, TicketReceived
from tls13.handshake.negotiation import check_places
from tls13.handshake.states import ClientConnected, ServerConnected
from tls13.wire import Wire

Connected = TypeVar("Connected", ClientConnected, ServerConnected)


def new_session_ticket(wire: Wire, state: ClientConnected, message: NewSessionTicket) -> ClientConnected:
    """§4.7.1: the ticket goes to the caller."""
    check_places("new_session_ticket", message.extensions)
    wire.tell(TicketReceived(message))
    return state


def key_update(wire: Wire, state: Connected, message: KeyUpdate) -> Connected:
    """§4.7.3: the peer's next record is under its next key; ours too, where it asks for that."""
    if not message.request_update.is_registered:
        raise ForbiddenValue(f"request_update is {message.request_update}", message="key_update")
    wire.update_reading_key()
    wire.awaits_key_update = False
    requested = message.request_update is KeyUpdateRequest.update_requested
    wire.owes_key_update = wire.owes_key_update or requested
    wire.tell(KeysUpdated(requested))
    return state
