"""Extensions that are none of the endpoint's business, whatever is in them. RFC 9846 §4.2.2, §4.3, §4.4.2, §4.7.1"""

from __future__ import annotations

from dataclasses import replace

import pytest
from by_hand import disguised
from endpoints import Endpoints
from violations import TICKET

from schemas.code_points import ExtensionType
from schemas.extension_block import ROWS
from schemas.extensions import Cookie
from tls13.events import TicketReceived
from tls13.handshake.reading import IMPLEMENTED
from tls13.handshake.states import (
    ClientConnected,
    WaitCertificate,
    WaitCertificateOrRequest,
    WaitClientFinished,
    WaitSecondClientHello,
)
from tls13.sealing import SealingKeys

STRANGERS = (ExtensionType(0x5A5A), ExtensionType(0xFE00))
"""GREASE, and a type that nobody knows."""

BODIES = (b"", b"\xff", b"\x00\x05\x01", bytes(40))


def ignored_in(message: str) -> list[ExtensionType]:
    """Whatever this endpoint does not look at, save what is known to have no place in that message."""
    others = [each for each in (*ExtensionType.__members__.values(), *STRANGERS) if each not in IMPLEMENTED]
    return [each for each in others if each not in ROWS or message in ROWS[each].bodies]


@pytest.mark.parametrize("extension_type", ignored_in("client_hello"), ids=str)
def test_a_server_ignores_what_it_does_not_implement(endpoints: Endpoints, extension_type: ExtensionType) -> None:
    for data in BODIES:
        client = endpoints.scripted_client()
        client.deliver(client.records(disguised(client.client_hello(), int(extension_type), data)))
        assert isinstance(client.connection.state, WaitClientFinished), (extension_type, data)


@pytest.mark.parametrize("extension_type", ignored_in("certificate_request"), ids=str)
def test_a_client_ignores_it_in_a_request(endpoints: Endpoints, extension_type: ExtensionType) -> None:
    """In the handshake and after it."""
    for data in BODIES:
        server = endpoints.scripted_server().reach(WaitCertificateOrRequest)
        server.tell(disguised(server.certificate_request(), int(extension_type), data))
        assert isinstance(server.connection.state, WaitCertificate), (extension_type, data)
        late = endpoints.scripted_server(post_handshake_auth=True).reach(ClientConnected)
        late.say(disguised(late.certificate_request(b"late"), int(extension_type), data))
        assert [each[0] for each in late.late_answer] == [11, 20]


@pytest.mark.parametrize("extension_type", ignored_in("new_session_ticket"), ids=str)
def test_a_client_ignores_it_in_a_ticket(endpoints: Endpoints, extension_type: ExtensionType) -> None:
    for data in BODIES:
        server = endpoints.scripted_server().reach(ClientConnected)
        (told,) = server.tell(disguised(TICKET, int(extension_type), data))
        assert isinstance(told, TicketReceived)
        assert told.session is not None


@pytest.mark.parametrize("extension_type", ignored_in("client_hello"), ids=str)
def test_a_server_ignores_it_over_a_retry(endpoints: Endpoints, extension_type: ExtensionType) -> None:
    """It must be the same in both hellos, whatever it is; with a memory of the first and without."""
    for keys in (None, SealingKeys()):
        for data in BODIES:
            client = endpoints.scripted_client(retry_cookies=keys)
            first = client.first_hello(WaitSecondClientHello)
            client.hello = first
            client.deliver(client.records(disguised(first, int(extension_type), data)))
            assert isinstance(client.connection.state, WaitSecondClientHello), (extension_type, data)
            client.transcript = [disguised(first, int(extension_type), data)]
            client.hear_answer()
            second = client.second_client_hello()
            assert client.retry is not None
            cookie = Cookie.hello_retry_request.find(client.retry.extensions)
            if cookie is not None:
                second = replace(second, extensions=[*(second.extensions or []), Cookie.client_hello(cookie)])
            client.deliver(client.records(disguised(second, int(extension_type), data)))
            assert isinstance(client.connection.state, WaitClientFinished), (extension_type, data)
