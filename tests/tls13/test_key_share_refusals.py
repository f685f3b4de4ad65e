"""A share that is no public key of its group, in either hello: illegal_parameter. RFC 9846 §4.3.8, §7.4

Generated from the groups that are implemented. What each group makes of such shares is `test_groups` and
`test_mlkem_groups`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from by_hand import raw, with_extension
from endpoints import Endpoints
from scripted import ScriptedClient, ScriptedServer
from violations import check

from schemas.code_points import NamedGroup
from schemas.extensions import KeyShare, KeyShareEntry, SupportedGroups
from schemas.handshake import ClientHello, ServerHello
from tls13 import errors
from tls13.crypto.groups import GROUPS
from tls13.handshake.states import WaitClientFinished, WaitEncryptedExtensions

Change = Callable[[bytes], bytes]

WRONG: dict[str, Change] = {
    "one byte": lambda share: share[:1],
    "a byte less": lambda share: share[:-1],
    "a byte more": lambda share: share + b"\0",
    "twice": lambda share: share * 2,
    "zeros": lambda share: bytes(len(share)),
}
"""No group takes any of these, from a client or a server."""

each_group = pytest.mark.parametrize("group", list(GROUPS), ids=str)
each_way = pytest.mark.parametrize("change", WRONG.values(), ids=[name.replace(" ", "-") for name in WRONG])


def shares(group: NamedGroup) -> tuple[bytes, bytes]:
    """A client's, and a server's in answer to it."""
    client = GROUPS[group].generate(os.urandom)
    server, _ = GROUPS[group].respond(os.urandom, client.share)
    return client.share, server


def hello(client: ScriptedClient, group: NamedGroup, share: bytes) -> ClientHello:
    listed = with_extension(client.extensions(), SupportedGroups.client_hello([group]))
    entries = [KeyShareEntry(group=group, key_exchange=share)]
    return client.client_hello(extensions=with_extension(listed, KeyShare.client_hello(entries)))


def answer(server: ScriptedServer, group: NamedGroup, share: bytes) -> ServerHello:
    honest = server.server_hello(NamedGroup.x25519)
    entry = KeyShareEntry(group=group, key_exchange=share)
    return replace(honest, extensions=with_extension(honest.extensions, KeyShare.server_hello(entry)))


@each_group
@each_way
def test_a_clients_share_that_is_no_key_is_refused(endpoints: Endpoints, group: NamedGroup, change: Change) -> None:
    client = endpoints.scripted_client(groups=(group,))
    check(client, lambda _: hello(client, group, change(shares(group)[0])), errors.BadKeyShare)


@each_group
@each_way
def test_a_servers_share_that_is_no_key_is_refused(endpoints: Endpoints, group: NamedGroup, change: Change) -> None:
    server = endpoints.scripted_server(groups=(group,))
    theirs, _ = GROUPS[group].respond(os.urandom, server.client_shares[group])
    check(server, lambda _: answer(server, group, change(theirs)), errors.BadKeyShare)


@each_group
def test_the_shares_that_those_were_made_of_are_good(endpoints: Endpoints, group: NamedGroup) -> None:
    client = endpoints.scripted_client(groups=(group,))
    client.deliver(client.records(raw(hello(client, group, shares(group)[0]))))
    assert type(client.connection.state) is WaitClientFinished
    server = endpoints.scripted_server(groups=(group,))
    theirs, _ = GROUPS[group].respond(os.urandom, server.client_shares[group])
    server.tell(answer(server, group, theirs))
    assert type(server.connection.state) is WaitEncryptedExtensions
