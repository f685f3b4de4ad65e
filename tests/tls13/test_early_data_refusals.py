"""What both roles refuse of early data: too much of it, at the wrong time, on other terms. RFC 9846 §4.3.10, §4.6"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from by_hand import (
    APPLICATION_DATA,
    HANDSHAKE,
    Direction,
    alert,
    key_update,
    message,
    plaintext,
    raw,
    with_extension,
    without_extension,
)
from endpoints import EARLY_DATA_SIZE, TICKET_KEY, Endpoints
from scripted import ScriptedClient, ScriptedServer
from shared_keys import offering
from violations import Violation, check, rows

from schemas.code_points import AlertDescription, AlertLevel, CipherSuite, ExtensionType, ProtocolVersion
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    EarlyDataIndication,
    KeyShare,
    PreSharedKey,
    SupportedVersions,
)
from schemas.handshake import EncryptedExtensions, EndOfEarlyData, HandshakeMessage
from tls13 import errors
from tls13.errors import Reason
from tls13.events import EarlyDataReceived
from tls13.handshake.states import (
    ServerConnected,
    WaitClientFinished,
    WaitEncryptedExtensions,
    WaitEndOfEarlyData,
    WaitSecondClientHello,
    WaitServerFinished,
    WaitServerHelloAfterRetry,
)
from tls13.limits import Limits
from tls13.psk import EarlyDataTerms, Psk

END_OF_EARLY_DATA = raw(EndOfEarlyData())


def refused(client: ScriptedClient, wire: bytes, reason: type[Reason]) -> None:
    error = client.refused(wire)
    assert type(error) is reason, repr(error)


def accepted(endpoints: Endpoints) -> ScriptedClient:
    return endpoints.scripted_client(**endpoints.taking_early_data()).reach(WaitEndOfEarlyData)


def data(client: ScriptedClient, content: bytes, padding: int = 0) -> bytes:
    return client.record(APPLICATION_DATA, content, padding)


# A server that takes early data


@pytest.mark.parametrize(
    "sizes",
    [[EARLY_DATA_SIZE + 1], [EARLY_DATA_SIZE, 1], [EARLY_DATA_SIZE - 1, 2], [1] * 101, [2**14]],
    ids=["one-more", "one-more-later", "in-two-parts", "byte-by-byte", "a-full-record"],
)
def test_more_early_data_than_the_ticket_allows_is_refused(endpoints: Endpoints, sizes: list[int]) -> None:
    client = accepted(endpoints)
    for size in sizes[:-1]:
        assert client.deliver(data(client, b"x" * size)) == [EarlyDataReceived(b"x" * size)]
    refused(client, data(client, b"x" * sizes[-1]), errors.TooMuchEarlyData)


def test_as_much_as_the_ticket_allows_is_taken_and_padding_does_not_count(endpoints: Endpoints) -> None:
    client = accepted(endpoints)
    assert client.deliver(data(client, b"x" * EARLY_DATA_SIZE, padding=5000)) == [
        EarlyDataReceived(b"x" * EARLY_DATA_SIZE)
    ]
    assert client.deliver(data(client, b"", padding=300)) == []
    assert client.reach(ServerConnected).connection.negotiated is not None


def test_the_tickets_own_size_counts(endpoints: Endpoints) -> None:
    for size, is_enough in ((7, True), (8, False)):
        client = endpoints.scripted_client(**endpoints.taking_early_data(max_early_data_size=7))
        client.reach(WaitEndOfEarlyData)
        if is_enough:
            assert client.deliver(data(client, b"x" * size)) == [EarlyDataReceived(b"x" * size)]
        else:
            refused(client, data(client, b"x" * size), errors.TooMuchEarlyData)


def test_empty_records_of_early_data_come_to_an_end(endpoints: Endpoints) -> None:
    changes = endpoints.taking_early_data()
    client = endpoints.scripted_client(**changes, limits=Limits(empty_records=3)).reach(WaitEndOfEarlyData)
    for _ in range(3):
        assert client.deliver(data(client, b"")) == []
    refused(client, data(client, b""), errors.TooManyMessages)


def under(client: ScriptedClient, secret: bytes, *content: bytes) -> bytes:
    """These handshake messages in one record under another key than it is time for."""
    return Direction(client.suite, secret).seal(HANDSHAKE, b"".join(content))


def test_end_of_early_data_comes_under_the_early_key_and_finished_does_not(endpoints: Endpoints) -> None:
    client = accepted(endpoints)
    refused(client, under(client, client.client_secret, END_OF_EARLY_DATA), errors.BadRecordMac)
    client = accepted(endpoints)
    refused(client, under(client, client.client_secret, raw(client.finished())), errors.BadRecordMac)
    client = accepted(endpoints)
    refused(client, client.record(HANDSHAKE, raw(client.finished())), errors.UnexpectedMessage)
    client = accepted(endpoints)
    refused(client, plaintext(HANDSHAKE, END_OF_EARLY_DATA), errors.UnexpectedMessage)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (message(5, b"\0"), errors.MalformedMessage),
        (END_OF_EARLY_DATA * 2, errors.KeyChangeInsideMessage),
        (END_OF_EARLY_DATA + b"\x14", errors.KeyChangeInsideMessage),
        (key_update(0), errors.UnexpectedMessage),
    ],
    ids=["with-a-body", "twice", "bytes-behind-it", "key-update"],
)
def test_end_of_early_data_that_breaks_a_rule(endpoints: Endpoints, wire: bytes, reason: type[Reason]) -> None:
    client = accepted(endpoints)
    refused(client, client.record(HANDSHAKE, wire), reason)


def test_early_data_must_not_follow_its_end(endpoints: Endpoints) -> None:
    client = accepted(endpoints)
    client.say(EndOfEarlyData())
    assert type(client.connection.state) is WaitClientFinished
    refused(client, data(client, b"late"), errors.UnexpectedMessage)
    client = accepted(endpoints)
    early = client.sending
    client.say(EndOfEarlyData())
    client.sending = early
    refused(client, data(client, b"late"), errors.BadRecordMac)


def test_end_of_early_data_comes_once(endpoints: Endpoints) -> None:
    client = accepted(endpoints)
    client.say(EndOfEarlyData())
    check(client, lambda _: END_OF_EARLY_DATA, errors.UnexpectedMessage)


def test_a_finished_that_leaves_end_of_early_data_out_is_wrong(endpoints: Endpoints) -> None:
    client = accepted(endpoints)
    client.say(EndOfEarlyData())
    client.transcript.remove(END_OF_EARLY_DATA)
    check(client, ScriptedClient.finished, errors.BadFinished)


# A server that refuses early data skips it


def rejected(endpoints: Endpoints, limit: int = 1000) -> ScriptedClient:
    """The ticket is taken, the early data is not."""
    changes = endpoints.taking_early_data() | {"early_data": None}
    client = endpoints.scripted_client(**changes, limits=Limits(early_data=limit))
    client.say(client.early_hello())
    assert client.early is not None
    assert type(client.connection.state) is WaitClientFinished
    return client


def early_record(client: ScriptedClient, length: int) -> bytes:
    """A record of so many bytes altogether, under the early key."""
    assert client.early is not None
    return client.early.seal(APPLICATION_DATA, bytes(length - 5 - 1 - 16))


def test_refused_early_data_is_skipped_up_to_the_limit(endpoints: Endpoints) -> None:
    client = rejected(endpoints)
    assert client.deliver(early_record(client, 900) + early_record(client, 100)) == []
    refused(client, early_record(client, 22), errors.TooManyMessages)
    client = rejected(endpoints)
    refused(client, early_record(client, 1001), errors.TooManyMessages)
    client = rejected(endpoints)
    client.deliver(early_record(client, 1000))
    assert client.reach(ServerConnected).connection.negotiated is not None


def test_nothing_is_skipped_once_a_record_has_opened(endpoints: Endpoints) -> None:
    """§4.3.10: from the first that opens on, one that does not is bad_record_mac."""
    client = rejected(endpoints)
    assert client.deliver(early_record(client, 100)) == []
    part, rest = raw(client.finished())[:9], raw(client.finished())[9:]
    assert client.deliver(client.record(HANDSHAKE, part)) == []
    refused(client, early_record(client, 100), errors.BadRecordMac)
    assert rest


def test_refused_early_data_has_no_end(endpoints: Endpoints) -> None:
    """§4.6: EndOfEarlyData is for data that was taken."""
    client = rejected(endpoints)
    client.deliver(early_record(client, 100))
    check(client, lambda _: END_OF_EARLY_DATA, errors.UnexpectedMessage)


def test_nothing_is_skipped_where_no_early_data_was_announced(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client(**endpoints.taking_early_data()).reach(WaitClientFinished)
    early = Direction(client.suite, bytes(32))
    refused(client, early.seal(APPLICATION_DATA, b"unannounced"), errors.BadRecordMac)


def retried(endpoints: Endpoints, limit: int = 1000) -> ScriptedClient:
    """After a HelloRetryRequest, with early data on its way."""
    client = endpoints.scripted_client(**endpoints.taking_early_data(), limits=Limits(early_data=limit))
    listed = with_extension(client.extensions(), KeyShare.client_hello([]))
    hello = client.client_hello(extensions=[*listed, EarlyDataIndication.client_hello(b"")])
    client.say(offering(hello, TICKET_KEY))
    assert type(client.connection.state) is WaitSecondClientHello
    client.early = Direction(client.suite, TICKET_KEY.stage.client_early_traffic_secret(bytes(32)))
    return client


def promised(limit: int) -> int:
    """What is skipped at most: the limit, and what a ticket of this server's may have promised."""
    return limit + 2**14


def second_without_early_data(client: ScriptedClient) -> HandshakeMessage:
    second = client.second_client_hello()
    listed = without_extension(second.extensions, ExtensionType.early_data)
    return offering(replace(second, extensions=listed), TICKET_KEY, before=b"".join(client.transcript))


def test_early_data_after_a_retry_is_skipped_up_to_the_limit(endpoints: Endpoints) -> None:
    for length, is_enough in ((promised(1000) - 100, True), (promised(1000) - 99, False)):
        client = retried(endpoints)
        for _ in range(length // 1000):
            assert client.deliver(early_record(client, 1000)) == []
        rest = early_record(client, length % 1000)
        if not is_enough:
            assert client.deliver(rest) == []
            refused(client, early_record(client, 100), errors.TooManyMessages)
            continue
        assert client.deliver(rest + early_record(client, 100)) == []
        client.say(second_without_early_data(client))
        assert client.reach(ServerConnected).connection.negotiated is not None


def test_early_data_must_not_follow_the_second_hello(endpoints: Endpoints) -> None:
    client = retried(endpoints)
    client.deliver(early_record(client, 100))
    client.say(second_without_early_data(client))
    refused(client, early_record(client, 100), errors.BadRecordMac)


def test_the_second_hello_announces_no_early_data(endpoints: Endpoints) -> None:
    def again(client: ScriptedClient) -> HandshakeMessage:
        return offering(client.second_client_hello(), TICKET_KEY, before=b"".join(client.transcript))

    check(retried(endpoints), again, errors.ChangedParameter)


def test_application_data_after_a_retry_is_unexpected_where_none_was_announced(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client(**endpoints.taking_early_data()).reach(WaitSecondClientHello)
    refused(client, plaintext(APPLICATION_DATA, bytes(50)), errors.UnexpectedMessage)


# A client that has sent early data

FIRST = Psk(
    identity=TICKET_KEY.identity,
    key=TICKET_KEY.secret,
    binder_label=TICKET_KEY.label,
    early_data=EarlyDataTerms(
        cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256, application_protocol=None, max_size=EARLY_DATA_SIZE
    ),
)
SECOND = Psk(identity=b"another", key=bytes(range(32)))


def offered(endpoints: Endpoints, *psks: Psk, protocols: Sequence[str] = ()) -> ScriptedServer:
    """Facing a client that has announced early data, and sent some."""
    connection = endpoints.client(psks=psks or (FIRST,), early_data=True, application_protocols=tuple(protocols))
    connection.send_early(b"early")
    server = ScriptedServer(connection, endpoints.identity, key=TICKET_KEY)
    server.skip_change_cipher_spec()
    assert server.hear() == [(APPLICATION_DATA, b"early")]
    return server


def waiting(server: ScriptedServer) -> ScriptedServer:
    """In WAIT_EE, where an alert goes out under the handshake key. §A.1"""
    server.reach(WaitEncryptedExtensions)
    server.receiving = Direction(server.suite, server.client_secret)
    return server


TAKEN = EarlyDataIndication.encrypted_extensions(b"")


def taken_with(*protocols: bytes) -> Violation:
    chosen = [ApplicationLayerProtocolNegotiation.encrypted_extensions(list(protocols))] if protocols else []
    return lambda server: EncryptedExtensions(extensions=[*chosen, TAKEN])


def test_early_data_is_taken_on_the_terms_that_it_was_sent_on(endpoints: Endpoints) -> None:
    server = offered(endpoints).reach(WaitServerFinished)
    server.say(server.finished())
    assert server.connection.negotiated is not None
    assert server.connection.negotiated.early_data == "accepted"


def test_early_data_is_not_taken_under_another_key_than_the_first(endpoints: Endpoints) -> None:
    server = offered(endpoints, FIRST, SECOND)
    server.key = replace(TICKET_KEY, identity=SECOND.identity, secret=SECOND.key, label=SECOND.binder_label)
    server.selected_identity = 1
    check(waiting(server), taken_with(), errors.UnofferedParameter)


def test_early_data_is_not_taken_without_its_key(endpoints: Endpoints) -> None:
    server = offered(endpoints)
    server.key = None
    check(waiting(server), taken_with(), errors.UnofferedParameter)


def test_early_data_is_not_taken_with_another_suite_of_the_same_hash(endpoints: Endpoints) -> None:
    server = offered(endpoints)
    server.suite = CipherSuite.TLS_CHACHA20_POLY1305_SHA256
    check(waiting(server), taken_with(), errors.UnofferedParameter)


@pytest.mark.parametrize(
    ("known", "chosen"),
    [("h2", [b"h3"]), ("h2", []), (None, [b"h2"])],
    ids=["another", "none", "one-where-there-was-none"],
)
def test_early_data_is_not_taken_with_another_protocol(
    endpoints: Endpoints, known: str | None, chosen: list[bytes]
) -> None:
    assert FIRST.early_data is not None
    terms = replace(FIRST.early_data, application_protocol=known)
    server = offered(endpoints, replace(FIRST, early_data=terms), protocols=["h2", "h3"])
    check(waiting(server), taken_with(*chosen), errors.UnofferedParameter)


def test_early_data_is_not_taken_after_a_retry(endpoints: Endpoints) -> None:
    server = offered(endpoints).reach(WaitServerHelloAfterRetry)
    assert EarlyDataIndication.client_hello.find(server.client_hello.extensions) is None
    server.reach(WaitEncryptedExtensions)
    check(server, taken_with(), errors.UnsolicitedExtension)


def test_early_data_is_not_taken_where_none_was_offered(endpoints: Endpoints) -> None:
    server = endpoints.resuming_server().reach(WaitEncryptedExtensions)
    check(server, taken_with(), errors.UnsolicitedExtension)


@rows(
    (
        "TLS 1.2",
        lambda server: server.server_hello(extensions=[KeyShare.server_hello(server.key_pair.entry)]),
        errors.UnsupportedVersion,
    ),
    (
        "an identity that was not offered",
        lambda server: server.server_hello(
            extensions=[
                KeyShare.server_hello(server.key_pair.entry),
                SupportedVersions.server_hello(ProtocolVersion.TLS13),
                PreSharedKey.server_hello(1),
            ]
        ),
        errors.UnofferedParameter,
    ),
)
def test_a_server_hello_that_breaks_a_rule_after_early_data(
    endpoints: Endpoints, violation: Violation, reason: type[Reason]
) -> None:
    """§E.3: who has sent early data does not go on with an older version. The alert goes under the early key."""
    server = offered(endpoints)
    server.server_hello()
    check(server, violation, reason)


def test_a_peer_that_gives_up_instead_of_taking_early_data_is_heard(endpoints: Endpoints) -> None:
    server = offered(endpoints)
    with pytest.raises(errors.AlertReceived):
        server.deliver(plaintext(21, alert(AlertDescription.unexpected_message, AlertLevel.fatal)))
    assert server.connection.is_closed
