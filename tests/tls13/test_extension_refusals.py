"""Every extension in every message, as the rows of the extension table have it, and refused where they have it not.

RFC 9846 §4.3: misplaced, answered without having been asked for, twice in a block, or with a body that does not parse.
All of it is generated from `schemas.extension_block.ROWS`; the bodies are typed in by hand, in tests/vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import wire_extensions
import wire_older_extensions
import wire_other_extensions
from annotated import Example
from by_hand import Extensible, disguised, without_extension
from endpoints import Endpoints
from scripted import Peer, ScriptedClient, ScriptedServer
from violations import TICKET

from schemas.certificate import Certificate
from schemas.code_points import ExtensionType
from schemas.extension_block import MESSAGES, ROWS, Extension
from schemas.extensions import OIDFilters
from schemas.handshake import CertificateRequest, ClientHello, HandshakeMessage
from tls13 import errors
from tls13.config import MessageEditor
from tls13.errors import Reason
from tls13.handshake.reading import IMPLEMENTED
from tls13.handshake.states import (
    ClientConnected,
    ServerStart,
    WaitCertificate,
    WaitCertificateOrRequest,
    WaitClientCertificate,
    WaitEncryptedExtensions,
    WaitSecondClientHello,
    WaitServerHello,
)

EXAMPLES = (*wire_extensions.BODIES, *wire_other_extensions.BODIES, *wire_older_extensions.BODIES)

BODIES: Mapping[tuple[str, str], Example] = {
    (name.split()[0], name.replace(",", "").split()[1]): each
    for name, each in sorted(((each.name, each) for each in EXAMPLES), key=lambda pair: len(pair[1].data))
}
"""Extension and message → what such a body looks like, the longest of the examples."""

STRANGERS = [ExtensionType(0xFADE), ExtensionType(0x5A5A)]
"""Types that nobody knows, the second of them GREASE."""


def of(row: ExtensionType, message: str) -> Example:
    return BODIES[str(row), message]


def test_there_is_a_body_for_every_row_in_every_message() -> None:
    for row in ROWS.values():
        for message in row.bodies:
            assert of(row.extension_type, message).data is not None


# Where extensions can come


@dataclass(frozen=True)
class Place:
    """One message that a peer may put an extension into.

    `message` is its column in the table. Of an answer, `asks` is the message that asks for it. `reach` gives the peer
    of a connection that waits for the message, `honest` the message without the extension.
    """

    name: str
    message: str
    reach: Callable[[Endpoints, MessageEditor], Peer]
    honest: Callable[[Any], HandshakeMessage]
    asks: type[ClientHello | CertificateRequest] | None = None

    def __str__(self) -> str:
        return self.name.replace(" ", "-")

    def peer(self, endpoints: Endpoints, *, offer: Extension | None, drop: ExtensionType | None = None) -> Peer:
        """Facing a connection that has asked for `offer`, and not for `drop`."""

        def edit(what: HandshakeMessage) -> HandshakeMessage:
            if self.asks is None or not isinstance(what, self.asks):
                return what
            kept = list(what.extensions or []) if drop is None else without_extension(what.extensions, drop)
            is_asked_for = offer is None or any(each.extension_type == offer.extension_type for each in kept)
            return replace(what, extensions=kept if offer is None or is_asked_for else [*kept, offer])

        return self.reach(endpoints, edit)


def server_at(state: type, **changes: Any) -> Callable[[Endpoints, MessageEditor], ScriptedServer]:
    return lambda endpoints, edit: endpoints.scripted_server(edit_message=edit, **changes).reach(state)


def client_at(state: type) -> Callable[[Endpoints, MessageEditor], ScriptedClient]:
    def reach(endpoints: Endpoints, edit: MessageEditor) -> ScriptedClient:
        asking = endpoints.asking() if state is WaitClientCertificate else {}
        return endpoints.scripted_client(edit_message=edit, **asking).reach(state)

    return reach


def after_a_retry(endpoints: Endpoints, edit: MessageEditor) -> ScriptedServer:
    """A HelloRetryRequest for the sake of its cookie alone."""
    server = endpoints.scripted_server(edit_message=edit)
    server.say(server.hello_retry_request(group=None, cookie=b"crumb"))
    return server


def asked_late(endpoints: Endpoints, edit: MessageEditor) -> ScriptedClient:
    client = endpoints.late_client(edit_message=edit)
    client.be_asked()
    return client


def two_entries(peer: ScriptedServer | ScriptedClient) -> Certificate:
    """The chain twice, so that the extension stands in another entry than the first."""
    honest = peer.certificate()
    return replace(honest, certificate_list=honest.certificate_list * 2)


PLACES = [
    Place("client_hello", "client_hello", client_at(ServerStart), lambda peer: peer.client_hello()),
    Place(
        "second client_hello",
        "client_hello",
        client_at(WaitSecondClientHello),
        lambda peer: peer.second_client_hello(),
    ),
    Place("server_hello", "server_hello", server_at(WaitServerHello), ScriptedServer.server_hello, ClientHello),
    Place(
        "server_hello after a retry",
        "server_hello",
        after_a_retry,
        ScriptedServer.server_hello,
        ClientHello,
    ),
    Place(
        "hello_retry_request",
        "hello_retry_request",
        server_at(WaitServerHello),
        ScriptedServer.hello_retry_request,
        ClientHello,
    ),
    Place(
        "encrypted_extensions",
        "encrypted_extensions",
        server_at(WaitEncryptedExtensions),
        ScriptedServer.encrypted_extensions,
        ClientHello,
    ),
    Place(
        "certificate_request",
        "certificate_request",
        server_at(WaitCertificateOrRequest),
        ScriptedServer.certificate_request,
    ),
    Place(
        "late certificate_request",
        "certificate_request",
        server_at(ClientConnected, post_handshake_auth=True),
        lambda peer: peer.certificate_request(b"late"),
    ),
    Place(
        "certificate",
        "certificate",
        server_at(WaitCertificateOrRequest),
        ScriptedServer.certificate,
        ClientHello,
    ),
    Place(
        "certificate after a request, second entry",
        "certificate",
        server_at(WaitCertificate),
        two_entries,
        ClientHello,
    ),
    Place(
        "certificate of a client",
        "certificate",
        client_at(WaitClientCertificate),
        ScriptedClient.certificate,
        CertificateRequest,
    ),
    Place("late certificate, second entry", "certificate", asked_late, two_entries, CertificateRequest),
    Place("new_session_ticket", "new_session_ticket", server_at(ClientConnected), lambda peer: TICKET),
]

ANSWERS = [each for each in PLACES if each.asks is not None]

MANDATORY = {ExtensionType.supported_versions, ExtensionType.key_share, ExtensionType.signature_algorithms}
"""What a connection asks for in any case, or else it gets no answer."""


def test_every_message_with_extensions_has_a_place() -> None:
    assert {each.message for each in PLACES} == {*MESSAGES} - {"tls12_server_hello"}


def asked_for(place: Place, extension_type: ExtensionType) -> Extension | None:
    """The extension as the other side has to ask for it; None where it can't, or need not."""
    if place.asks is None or extension_type is ExtensionType.cookie:
        return None
    if extension_type is ExtensionType.oid_filters and place.asks is CertificateRequest:
        return OIDFilters.certificate_request([])
    asking = "client_hello" if place.asks is ClientHello else "certificate_request"
    row = ROWS.get(extension_type)
    if row is None:
        return Extension(extension_type=extension_type, extension_data=b"")
    value = of(extension_type, asking).value if asking in row.bodies else b""
    return Extension(extension_type=extension_type, extension_data=value)


def held_by(host: HandshakeMessage) -> set[ExtensionType]:
    if isinstance(host, Certificate):
        return set()
    assert isinstance(host, Extensible)
    return {each.extension_type for each in host.extensions or ()}


def refused(peer: Peer, wire: bytes, reason: type[Reason]) -> None:
    error = peer.refused(peer.records(wire))
    assert type(error) is reason, repr(error)


Case = tuple[Place, ExtensionType]


def cases(generated: Iterator[Case]) -> pytest.MarkDecorator:
    listed = list(generated)
    return pytest.mark.parametrize(
        ("place", "extension_type"), listed, ids=[f"{place}-{extension_type}" for place, extension_type in listed]
    )


# Misplaced


def foreign() -> Iterator[Case]:
    for place in PLACES:
        for row in ROWS.values():
            if place.message not in row.bodies:
                yield place, row.extension_type


@cases(foreign())
def test_an_extension_in_a_message_that_it_is_not_for_is_illegal(
    endpoints: Endpoints, place: Place, extension_type: ExtensionType
) -> None:
    """Even where it was asked for: an answer belongs into the message that the table says."""
    elsewhere = next(iter(ROWS[extension_type].bodies))
    for data in (b"", b"\xff", of(extension_type, elsewhere).data):
        peer = place.peer(endpoints, offer=asked_for(place, extension_type))
        refused(peer, disguised(place.honest(peer), extension_type, data), errors.MisplacedExtension)


# Unsolicited


def unsolicited() -> Iterator[Case]:
    for place in ANSWERS:
        for extension_type in [*ExtensionType.__members__.values(), *STRANGERS]:
            if extension_type not in MANDATORY and extension_type is not ExtensionType.cookie:
                yield place, extension_type


@cases(unsolicited())
def test_an_answer_to_what_was_not_asked_for_is_unsupported(
    endpoints: Endpoints, place: Place, extension_type: ExtensionType
) -> None:
    """Whether or not it parses, whether or not it belongs there. A cookie is no answer."""
    row = ROWS.get(extension_type)
    bodies = {b"", b"\xff"}
    if row is not None and place.message in row.bodies:
        bodies.add(of(extension_type, place.message).data)
    for data in bodies:
        peer = place.peer(endpoints, offer=None, drop=extension_type)
        refused(peer, disguised(place.honest(peer), extension_type, data), errors.UnsolicitedExtension)


# Twice


def at_home() -> Iterator[Case]:
    for place in PLACES:
        for row in ROWS.values():
            if place.message in row.bodies:
                yield place, row.extension_type
        for stranger in STRANGERS:
            yield place, stranger


@cases(at_home())
def test_an_extension_that_stands_twice_is_illegal(
    endpoints: Endpoints, place: Place, extension_type: ExtensionType
) -> None:
    """Even one that this endpoint does not look at, whatever is in it."""
    bodies = [of(extension_type, place.message).data if extension_type in ROWS else b""]
    if extension_type not in IMPLEMENTED:
        bodies.append(b"\xff")
    for data in bodies:
        peer = place.peer(endpoints, offer=asked_for(place, extension_type))
        host: HandshakeMessage = place.honest(peer)
        is_there = extension_type in held_by(host)
        once_more = disguised(host, extension_type, data)
        refused(peer, once_more if is_there else twice_in(host, extension_type, data), errors.DuplicateExtension)


def twice_in(host: HandshakeMessage, extension_type: ExtensionType, data: bytes) -> bytes:
    """Two more extensions of that type, one behind the other."""
    one = extension_type.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data
    mask = disguised(host, 0xFFEE, data + one)
    at = mask.rindex(b"\xff\xee" + (len(data) + len(one)).to_bytes(2, "big"))
    return mask[:at] + one[:4] + mask[at + 4 :]


# A body that does not parse


def read_by_us() -> Iterator[Case]:
    for place in PLACES:
        for row in ROWS.values():
            if place.message in row.bodies and row.extension_type in IMPLEMENTED:
                yield place, row.extension_type


@cases(read_by_us())
def test_a_body_of_the_wrong_length_does_not_parse(
    endpoints: Endpoints, place: Place, extension_type: ExtensionType
) -> None:
    """Bytes too many, at its end, or too few, anywhere."""
    example = of(extension_type, place.message)
    cut = [example.data[:length] for length in range(len(example.data)) if length not in example.whole_prefixes]
    for data in [*cut, *([] if example.open_end else [example.data + b"\0"])]:
        peer = place.peer(endpoints, offer=asked_for(place, extension_type))
        host = place.honest(peer)
        assert isinstance(host, Extensible | Certificate)
        if not isinstance(host, Certificate):
            host = replace(host, extensions=without_extension(host.extensions, extension_type))
        refused(peer, disguised(host, extension_type, data), errors.MalformedMessage)
