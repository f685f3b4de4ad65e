"""Both sides ready for early data, and what becomes of it: for the tests of taking it and of replays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from endpoints import Endpoints
from modes import Clock, Sides, configs

from schemas.code_points import NamedGroup
from tls13.connection import Connection
from tls13.early_data import EarlyDataPolicy
from tls13.events import EarlyData, Event
from tls13.sessions import Session

P256 = (NamedGroup.secp256r1,)


def willing(endpoints: Endpoints, watch: Clock) -> Sides:
    """Both ready for early data."""
    client, server = configs(endpoints, watch)
    return replace(client, early_data=True), replace(server, early_data=EarlyDataPolicy())


def begun(sides: Sides, session: Session, early: bytes = b"early", **changes: Any) -> tuple[Connection, Connection]:
    """A client that has sent early data, and its server, to which nothing was carried yet."""
    client = Connection.client(sides[0], "localhost", session)
    client.send_early(early)
    return client, Connection.server(replace(sides[1], **changes))


def outcome(client: Connection) -> EarlyData:
    assert client.negotiated is not None
    return client.negotiated.early_data


def data(events: Sequence[Event], kind: Any) -> bytes:
    return b"".join(each.data for each in events if isinstance(each, kind))
