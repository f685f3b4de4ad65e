"""RFC 8448: given a trace's randomness, both of our roles send the very records of the trace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from draws import Draws
from rfc8448_traces import (
    FEW_GROUPS,
    MANY_GROUPS,
    SCHEMES,
    X25519_FIRST,
    Trace,
    Traces,
    TraceSigner,
    by_type,
    client_editor,
    client_for,
    server_editor,
    server_for,
)
from scripted import MINTED

from schemas.code_points import CipherSuite, ExtensionType, NamedGroup, SignatureScheme
from schemas.extensions import (
    EarlyDataIndication,
    RecordSizeLimit,
    ServerNameIndication,
    SignatureAlgorithms,
    SupportedGroups,
)
from schemas.handshake import CertificateRequest, EncryptedExtensions, HandshakeMessage, NewSessionTicket, ServerHello
from schemas.stored import TicketState
from tls13.config import ClientAuthentication
from tls13.connection import Connection
from tls13.crypto import Random
from tls13.early_data import EarlyDataPolicy
from tls13.events import DataReceived, EarlyData, EarlyDataReceived, HandshakeCompleted, PeerClosed, TicketReceived
from tls13.sessions import Session
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification


def test_simple_1rtt_client(rfc8448: Traces) -> None:
    given = rfc8448["simple_1rtt"]
    random = Draws.of_32(given["client_randomness_in_order_of_use"])
    client = client_for(random, client_editor(MANY_GROUPS, session_ticket=True))
    assert client.data_to_send() == given["record_client_hello_1"]
    assert client.receive_data(given["record_server_hello"]) == []
    (completed,) = client.receive_data(given["record_server_handshake_messages"])
    assert isinstance(completed, HandshakeCompleted)
    assert client.data_to_send() == given["record_client_finished"]
    (event,) = client.receive_data(given["record_new_session_ticket"])
    assert isinstance(event, TicketReceived)
    assert event.ticket == trace_ticket(given)
    client.send(given["client_app_data"])
    assert client.data_to_send() == given["record_client_app_data"]
    assert client.receive_data(given["record_server_app_data"]) == [DataReceived(given["server_app_data"])]
    part(client, given)
    assert client.is_closed
    assert random.is_used_up


def test_simple_1rtt_server(rfc8448: Traces) -> None:
    given = rfc8448["simple_1rtt"]
    random = Draws.of_32(given["server_randomness_in_order_of_use"])
    server = server_for(given, random, server_editor(MANY_GROUPS), X25519_FIRST)
    assert server.receive_data(given["record_client_hello_1"]) == []
    assert server.data_to_send() == given["record_server_hello"] + given["record_server_handshake_messages"]
    (completed,) = server.receive_data(given["record_client_finished"])
    assert isinstance(completed, HandshakeCompleted)
    assert completed.negotiated.server_name == "server"
    assert server.data_to_send() == b""
    server.send_ticket(trace_ticket(given))
    assert server.data_to_send() == given["record_new_session_ticket"]
    assert server.receive_data(given["record_client_app_data"]) == [DataReceived(given["client_app_data"])]
    server.send(given["server_app_data"])
    assert server.data_to_send() == given["record_server_app_data"]
    assert server.receive_data(given["record_client_close_notify"]) == [PeerClosed()]
    server.close()
    assert server.data_to_send() == given["record_server_close_notify"]
    assert server.is_closed
    assert random.is_used_up


def part(client: Connection, given: Trace) -> None:
    """The client says goodbye first, and hears the server's."""
    client.close()
    assert client.data_to_send() == given["record_client_close_notify"]
    assert client.receive_data(given["record_server_close_notify"]) == [PeerClosed()]


def trace_ticket(given: Trace) -> NewSessionTicket:
    """RFC 8448 §3: lifetime 30 s, ticket_age_add fad6aac5 (the last of the server's randomness), 1024 bytes early."""
    return NewSessionTicket.parse(
        bytes.fromhex("0000001e fad6aac5 02 0000")
        + len(given["session_ticket"]).to_bytes(2, "big")
        + given["session_ticket"]
        + bytes.fromhex("0008 002a 0004 00000400")
    )


def test_hello_retry_request_client(rfc8448: Traces) -> None:
    given = rfc8448["hello_retry_request"]
    random = Draws.of_32(given["client_randomness_in_order_of_use"])
    client = client_for(random, client_editor(FEW_GROUPS))
    assert client.data_to_send() == given["record_client_hello_1"]
    assert client.receive_data(given["record_hello_retry_request"]) == []
    assert client.data_to_send() == given["record_client_hello_2"]
    (completed,) = client.receive_data(given["record_server_hello"] + given["record_server_handshake_messages"])
    assert isinstance(completed, HandshakeCompleted)
    assert completed.negotiated.retried
    assert client.data_to_send() == given["record_client_finished"]
    part(client, given)
    assert random.is_used_up


def test_hello_retry_request_server(rfc8448: Traces) -> None:
    given = rfc8448["hello_retry_request"]
    random = Draws.of_32(given["server_randomness_in_order_of_use"])
    editor = server_editor(FEW_GROUPS[1:] + FEW_GROUPS[:1], given["hello_retry_request_cookie"])
    server = server_for(given, random, editor, (NamedGroup.secp256r1,))
    assert server.receive_data(given["record_client_hello_1"]) == []
    assert server.data_to_send() == given["record_hello_retry_request"]
    assert server.receive_data(given["record_client_hello_2"]) == []
    assert server.data_to_send() == given["record_server_hello"] + given["record_server_handshake_messages"]
    (completed,) = server.receive_data(given["record_client_finished"])
    assert isinstance(completed, HandshakeCompleted)
    assert completed.negotiated.group is NamedGroup.secp256r1
    server.close()
    assert server.data_to_send() == given["record_server_close_notify"]
    assert server.receive_data(given["record_client_close_notify"]) == [PeerClosed()]
    assert random.is_used_up


def test_compatibility_mode_client(rfc8448: Traces) -> None:
    given = rfc8448["compatibility_mode"]
    random = Draws.of_32(given["client_randomness_in_order_of_use"])
    client = client_for(random, client_editor(MANY_GROUPS), middlebox_compatibility=True)
    assert client.data_to_send() == given["record_client_hello_1"]
    (completed,) = client.receive_data(given["record_server_hello"] + given["record_server_handshake_messages"])
    assert isinstance(completed, HandshakeCompleted)
    assert client.data_to_send() == given["record_client_finished"]
    part(client, given)
    assert random.is_used_up


def test_compatibility_mode_server(rfc8448: Traces) -> None:
    given = rfc8448["compatibility_mode"]
    random = Draws.of_32(given["server_randomness_in_order_of_use"])
    server = server_for(given, random, server_editor(MANY_GROUPS), X25519_FIRST)
    assert server.receive_data(given["record_client_hello_1"]) == []
    assert server.data_to_send() == given["record_server_hello"] + given["record_server_handshake_messages"]
    (completed,) = server.receive_data(given["record_client_finished"])
    assert isinstance(completed, HandshakeCompleted)
    server.close()
    assert server.data_to_send() == given["record_server_close_notify"]
    assert server.receive_data(given["record_client_close_notify"]) == [PeerClosed()]
    assert random.is_used_up


RESUMPTION_PSK = bytes.fromhex("4ecd0eb6ec3b4d87f5d6028f922ca4c5 851a277fd41311c9e62d2c9492e1c4f3")
"""RFC 8448 §3: what HKDF-Expand-Label gives of the first trace's resumption_master_secret and ticket_nonce."""

RESUMED_FLIGHT = bytes.fromhex(
    "1703030061 dc48237b4b879f50d0d4d262ea8b4716eb40ddc1eb957e11126e8a7149c2d012d37a7115957e64ce30008b9e03"
    "23f2c05a9c1c77b4f37849a695ab255060a33fee770ca95cb8486bfd0843b87024865ca35cc41c4e515c64dcb1369f98635bc7a5"
)
"""RFC 8448 §4: EncryptedExtensions with server_name, and Finished. The shared traces lack the server_name here."""

RESUMED = MINTED + timedelta(milliseconds=6)
"""RFC 8448 §4 offers the ticket with an age that is its ticket_age_add and 6."""


def traced_session(given: Trace) -> Session:
    """What the first trace's client keeps of its ticket."""
    random = Draws.of_32(given["client_randomness_in_order_of_use"])
    client = client_for(random, client_editor(MANY_GROUPS, session_ticket=True), clock=lambda: MINTED)
    client.receive_data(given["record_server_hello"] + given["record_server_handshake_messages"])
    (event,) = client.receive_data(given["record_new_session_ticket"])
    assert isinstance(event, TicketReceived)
    assert event.session is not None
    return event.session


def test_resumed_0rtt_client(rfc8448: Traces) -> None:
    given = rfc8448["resumed_0rtt"]
    session = traced_session(rfc8448["simple_1rtt"])
    assert session.psk.key == RESUMPTION_PSK
    random = Draws.of_32(given["client_randomness_in_order_of_use"])
    client = client_for(random, client_editor(MANY_GROUPS), session=session, early_data=True, clock=lambda: RESUMED)
    assert client.data_to_send() == given["record_client_hello_1"]
    assert client.early_data_room == 1024
    client.send_early(given["client_early_app_data"])
    assert client.data_to_send() == given["record_client_early_app_data"]
    assert client.receive_data(given["record_server_hello"]) == []
    (completed,) = client.receive_data(RESUMED_FLIGHT)
    assert isinstance(completed, HandshakeCompleted)
    assert completed.negotiated.resumed
    assert completed.negotiated.early_data is EarlyData.accepted
    assert client.data_to_send() == given["record_client_finished"]
    client.send(given["client_app_data"])
    assert client.data_to_send() == given["record_client_app_data"]
    assert client.receive_data(given["record_server_app_data"]) == [DataReceived(given["server_app_data"])]
    part(client, given)
    assert random.is_used_up


@dataclass(frozen=True)
class TracedTickets:
    """Knows the one ticket of the traces."""

    ticket: bytes

    def issue(self, state: TicketState, now: datetime, random: Random) -> bytes:
        raise AssertionError("no ticket is issued here")

    def find(self, ticket: bytes, now: datetime) -> TicketState | None:
        if ticket != self.ticket:
            return None
        return TicketState(
            cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
            resumption_psk=RESUMPTION_PSK,
            creation_time=int(MINTED.timestamp() * 1000),
            authentication_time=int(MINTED.timestamp() * 1000),
            ticket_lifetime=30,
            ticket_age_add=0xFAD6AAC5,
            max_early_data_size=1024,
            server_name=b"server",
        )

    def spend(self, ticket: bytes, now: datetime) -> bool:
        return True


def resuming_server_editor(message: HandshakeMessage) -> HandshakeMessage:
    if isinstance(message, ServerHello):
        found = by_type(message.extensions or [])
        order = (ExtensionType.pre_shared_key, ExtensionType.key_share, ExtensionType.supported_versions)
        return replace(message, extensions=[found[each] for each in order])
    if isinstance(message, EncryptedExtensions):
        ours = [RecordSizeLimit.encrypted_extensions(0x4001), EarlyDataIndication.encrypted_extensions(b"")]
        assert message.extensions == ours
        theirs = [SupportedGroups.encrypted_extensions(MANY_GROUPS), ServerNameIndication.encrypted_extensions(b"")]
        return replace(message, extensions=[theirs[0], ours[0], theirs[1], ours[1]])
    return message


def test_resumed_0rtt_server(rfc8448: Traces) -> None:
    given = rfc8448["resumed_0rtt"]
    random = Draws.of_32(given["server_randomness_in_order_of_use"])
    server = server_for(
        rfc8448["simple_1rtt"],
        random,
        resuming_server_editor,
        X25519_FIRST,
        ticket_store=TracedTickets(given["session_ticket"]),
        early_data=EarlyDataPolicy(),
        clock=lambda: RESUMED,
    )
    assert server.receive_data(given["record_client_hello_1"]) == []
    assert server.data_to_send() == given["record_server_hello"] + RESUMED_FLIGHT
    early = server.receive_data(given["record_client_early_app_data"])
    assert early == [EarlyDataReceived(given["client_early_app_data"])]
    (completed,) = server.receive_data(given["record_client_finished"])
    assert isinstance(completed, HandshakeCompleted)
    assert completed.negotiated.resumed
    assert server.receive_data(given["record_client_app_data"]) == [DataReceived(given["client_app_data"])]
    server.send(given["server_app_data"])
    assert server.data_to_send() == given["record_server_app_data"]
    assert server.receive_data(given["record_client_close_notify"]) == [PeerClosed()]
    server.close()
    assert server.data_to_send() == given["record_server_close_notify"]
    assert random.is_used_up


def asking_editor(message: HandshakeMessage) -> HandshakeMessage | bytes:
    """As `server_editor`, and a CertificateRequest that has no signature_algorithms_cert."""
    if isinstance(message, CertificateRequest):
        return replace(message, extensions=[SignatureAlgorithms.certificate_request(SCHEMES)])
    return server_editor(MANY_GROUPS)(message)


def authenticating_server(given: Trace, random: Random) -> Connection:
    return server_for(
        given,
        random,
        asking_editor,
        X25519_FIRST,
        SignatureScheme.ecdsa_secp256r1_sha256,
        client_authentication=ClientAuthentication(policy=NoVerification()),
    )


def test_client_authentication_server(rfc8448: Traces) -> None:
    given = rfc8448["client_authentication"]
    random = Draws.of_32(given["server_randomness_in_order_of_use"])
    server = authenticating_server(given, random)
    assert server.receive_data(given["record_client_hello_1"]) == []
    assert server.data_to_send() == given["record_server_hello"] + given["record_server_handshake_messages"]
    (completed,) = server.receive_data(given["record_client_finished"])
    assert isinstance(completed, HandshakeCompleted)
    assert len(completed.negotiated.peer_certificates) == 1
    assert server.receive_data(given["record_client_close_notify"]) == [PeerClosed()]
    server.close()
    assert server.data_to_send() == given["record_server_close_notify"]
    assert random.is_used_up


def test_client_authentication_client(rfc8448: Traces) -> None:
    given = rfc8448["client_authentication"]
    # The client's certificate stands in the trace under protection only.
    server = authenticating_server(given, Draws.of_32(given["server_randomness_in_order_of_use"]))
    server.receive_data(given["record_client_hello_1"] + given["record_client_finished"])
    assert server.negotiated is not None
    signer = TraceSigner(given["client_message_to_sign"], given["client_message_signature"])
    random = Draws.of_32(given["client_randomness_in_order_of_use"])
    client = client_for(
        random,
        client_editor(MANY_GROUPS),
        credentials=(Credential(server.negotiated.peer_certificates, signer),),
    )
    assert client.data_to_send() == given["record_client_hello_1"]
    (completed,) = client.receive_data(given["record_server_hello"] + given["record_server_handshake_messages"])
    assert isinstance(completed, HandshakeCompleted)
    assert client.data_to_send() == given["record_client_finished"]
    part(client, given)
    assert random.is_used_up
