"""A peer whose handshake messages come damaged, in every mode: it is served or refused, and nothing else happens.

The damage is done before protection, so that it reaches the handlers.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace

import pytest
from endpoints import Endpoints, exchange
from mode_table import MODE, Mode, carried, prepared

from certs import Pki
from schemas.handshake import Handshake, HandshakeMessage
from tls13.connection import Connection
from tls13.errors import TLSError


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, put in or left out; the header's length is right again half of the time."""
    changed = bytearray(raw)
    for _ in range(chance.choice([1, 1, 1, 3])):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                changed[at : at + 1] = chance.choice([b"\0", b"\xff"])
            case 2:
                changed[at:at] = bytes(chance.randrange(1, 5))
            case _:
                del changed[at : at + chance.randrange(1, 5)]
    if chance.random() < 0.5:
        changed[1:4] = max(0, len(changed) - 4).to_bytes(3, "big")
    return bytes(changed)


@MODE
@pytest.mark.parametrize("damages_client", [True, False], ids=["client", "server"])
def test_a_damaged_message_ends_in_a_connection_or_in_one_of_our_errors(
    endpoints: Endpoints, pki: Pki, mode: Mode, damages_client: bool
) -> None:
    client_config, server_config, session = prepared(mode, endpoints, "sha256", pki)
    outcomes = set()
    for seed in range(8):
        chance = random.Random(seed)
        left = [chance.randrange(4)]

        def edit(message: HandshakeMessage, chance: random.Random = chance, left: list[int] = left) -> bytes:
            raw = Handshake.of(message).build()
            left[0] -= 1
            return damaged(raw, chance) if left[0] == -1 else raw

        if damages_client:
            ours, theirs = replace(client_config, edit_message=edit), server_config
        else:
            ours, theirs = client_config, replace(server_config, edit_message=edit)
        client, server = Connection.client(ours, "localhost", session), Connection.server(theirs)
        try:
            carried(client, server, exchange, mode.early)
            outcomes.add("served")
        except TLSError:
            outcomes.add("refused")
            check_that_it_is_over(client, server)
    assert "refused" in outcomes


def check_that_it_is_over(client: Connection, server: Connection) -> None:
    """Whoever found it out sends nothing more; the other one hears of it, or finds the same."""
    for finder, other in ((client, server), (server, client)):
        if not finder.is_closed:
            continue
        said = finder.data_to_send()
        assert finder.is_closed
        assert finder.data_to_send() == b""
        with suppress(TLSError):
            other.receive_data(said)
