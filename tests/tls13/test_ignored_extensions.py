"""Extensions that are none of the endpoint's business, whatever is in them. RFC 9846 §4.2.2, §4.3, §9.3"""

from __future__ import annotations

import pytest
from by_hand import disguised
from endpoints import Endpoints

from schemas.code_points import ExtensionType
from tls13.handshake.reading import IMPLEMENTED
from tls13.handshake.states import WaitClientFinished

ELSEWHERE = {ExtensionType.oid_filters}
"""Known, and not for a ClientHello: that is another matter."""

IGNORED = [each for each in ExtensionType.__members__.values() if each not in IMPLEMENTED and each not in ELSEWHERE]


@pytest.mark.parametrize("extension_type", [*IGNORED, ExtensionType(0x5A5A), ExtensionType(0xFE00)], ids=str)
def test_a_server_ignores_what_it_does_not_implement(endpoints: Endpoints, extension_type: ExtensionType) -> None:
    for data in (b"", b"\xff", b"\x00\x05\x01", bytes(40)):
        client = endpoints.scripted_client()
        client.deliver(client.records(disguised(client.client_hello(), int(extension_type), data)))
        assert isinstance(client.connection.state, WaitClientFinished), (extension_type, data)
