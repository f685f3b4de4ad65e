"""Connections to messages: what each key opens, and what is said about what none does."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from capture.made_captures import (
    CLIENT,
    FINISHED,
    RANDOM,
    SECRETS,
    SERVER,
    SUITE,
    TICKET,
    Talk,
    Wire,
    client_hello,
    datagram,
    enhanced,
    in_order,
    interface,
    keylog,
    pcap_of,
    raw,
    record,
    retry,
    secrets,
    section,
    server_hello,
)

from schemas import tls12
from schemas.alert import Alert
from schemas.code_points import (
    AlertDescription,
    AlertLevel,
    CipherSuite,
    ContentType,
    HandshakeType,
    ProtocolVersion,
)
from schemas.extensions import Padding, SupportedVersions
from schemas.handshake import ClientHello, EncryptedExtensions, HelloRetryRequest, ServerHello
from tls13.capture import Direction, Epoch, Gap, Limits, Message, NoteKind, read_capture
from tls13.capture.network.link import Segment
from tls13.crypto.aead import SUITES
from tls13.key_schedule import traffic_keys
from tls13.keylog import KeyLog, line
from tls13.record_layer import Protection

EARLY, CLIENT_HS, SERVER_HS = (
    "CLIENT_EARLY_TRAFFIC_SECRET",
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
)
CLIENT_AP, SERVER_AP = "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"
HANDSHAKE = [
    "client client_hello",
    "server server_hello",
    "server encrypted_extensions handshake",
    "server finished handshake",
    "client finished handshake",
]


def items(segments: Sequence[Segment], keys: KeyLog | None = None, limits: Limits | None = None) -> list[Message | Gap]:
    """What the one connection of the segments holds."""
    (connection,) = read_capture(io.BytesIO(pcap_of(segments)), keylog=keys, limits=limits)
    return list(connection.messages)


def shown(item: Message | Gap) -> str:
    """An item in a few words: who, what, under which keys, why not."""
    if isinstance(item, Gap):
        return f"{item.direction} gap {item.offset}+{item.length} {item.reason}"
    what = item.handshake_type or (item.raw.decode("latin-1") if _is_data(item) else item.content_type)
    words = [str(item.direction), "opaque" if item.opaque else str(what)]
    if item.epoch is not Epoch.plaintext:
        words.append(f"{item.epoch}{item.generation or ''}")
    words += [str(each) for each in (item.error and "error", item.note and item.note.kind) if each]
    return " ".join(words)


def _is_data(item: Message) -> bool:
    return item.content_type is ContentType.application_data


def read(segments: Sequence[Segment], keys: KeyLog | None = None, limits: Limits | None = None) -> list[str]:
    return [shown(item) for item in items(segments, keys, limits)]


def messages(found: Sequence[Message | Gap]) -> list[Message]:
    return [each for each in found if isinstance(each, Message)]


# -- what opens --------------------------------------------------------------------------------------------


def test_a_whole_connection_is_read_in_order() -> None:
    talk = Talk().handshake()
    talk.send(SERVER, SERVER_AP, TICKET)
    talk.say(CLIENT, b"ping")
    talk.say(SERVER, b"pong")
    talk.send(CLIENT, CLIENT_AP, b"\1\0", ContentType.alert)
    assert read(talk.wire.close().segments, keylog()) == [
        *HANDSHAKE,
        "server new_session_ticket application",
        "client ping application",
        "server pong application",
        "client alert application",
    ]


def test_a_message_says_where_and_when_it_was_sent_and_what_it_is() -> None:
    talk = Talk().handshake()
    talk.say(CLIENT, b"ping")
    talk.send(CLIENT, CLIENT_AP, b"\1\0", ContentType.alert)
    hello, *_, finished, ping, alert = messages(items(talk.wire.segments, keylog()))
    first = len(record(ContentType.handshake, raw(client_hello())))
    assert (hello.direction, hello.record, hello.offset, hello.protected) == (Direction.client, 0, 0, False)
    assert hello.timestamp == talk.wire.segments[3].timestamp
    assert hello.raw == raw(client_hello())
    assert hello.value is not None
    assert hello.value.build() == hello.raw
    assert (finished.record, finished.offset, finished.protected) == (1, first, True)
    assert (ping.value, ping.raw, ping.opaque) == (None, b"ping", False)
    assert alert.value == Alert(level=AlertLevel.warning, description=AlertDescription.close_notify)
    assert alert.handshake_type is None


@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_every_suite_of_tls_1_3_opens(suite: CipherSuite) -> None:
    length = hashlib.new(SUITES[suite].hash_name).digest_size
    log = KeyLog()
    for label, secret in SECRETS.items():
        log.add(label, RANDOM, secret[:1] * length)
    keys = {label: Protection(SUITES[suite], secret) for label, _, secret in log}
    wire = Wire().open()
    wire.send(CLIENT, record(ContentType.handshake, raw(replace(client_hello(), cipher_suites=[suite]))))
    wire.send(SERVER, record(ContentType.handshake, raw(server_hello(suite))))
    for sender, label in ((SERVER, SERVER_HS), (CLIENT, CLIENT_HS)):
        if sender == SERVER:
            wire.send(sender, keys[label].protect(ContentType.handshake, raw(EncryptedExtensions())))
        wire.send(sender, keys[label].protect(ContentType.handshake, raw(FINISHED)))
    wire.send(CLIENT, keys[CLIENT_AP].protect(ContentType.application_data, b"ping"))
    wire.send(SERVER, keys[SERVER_AP].protect(ContentType.application_data, b"pong"))
    expected = [*HANDSHAKE, "client ping application", "server pong application"]
    assert read(wire.segments, log) == expected


def test_key_updates_are_followed_in_each_direction_alone() -> None:
    talk = Talk().handshake()
    talk.update(CLIENT, CLIENT_AP)
    talk.say(CLIENT, b"one")
    talk.say(SERVER, b"same")
    talk.update(CLIENT, CLIENT_AP)
    talk.say(CLIENT, b"two")
    talk.update(SERVER, SERVER_AP)
    talk.say(SERVER, b"new")
    assert read(talk.wire.segments, keylog())[5:] == [
        "client key_update application",
        "client one application1",
        "server same application",
        "client key_update application1",
        "client two application2",
        "server key_update application",
        "server new application1",
    ]


def test_hello_retry_request_is_followed() -> None:
    talk = Talk()
    talk.plain(CLIENT, client_hello())
    talk.plain(SERVER, retry())
    talk.hellos()
    talk.rest_of_handshake()
    found = items(talk.wire.segments, keylog())
    assert [shown(item) for item in found] == ["client client_hello", "server server_hello", *HANDSHAKE]
    first_answer = messages(found)[1].value
    assert type(first_answer).__name__ == "Handshake"
    assert first_answer == type(first_answer).parse(raw(retry()))


def test_early_data_is_read_before_the_server_answers() -> None:
    talk = Talk()
    talk.plain(CLIENT, client_hello(early_data=True))
    talk.send(CLIENT, EARLY, b"quick")
    talk.plain(SERVER, server_hello())
    talk.rest_of_handshake(early_data=True)
    talk.say(CLIENT, b"ping")
    assert read(talk.wire.segments, keylog()) == [
        "client client_hello",
        "client quick early_data",
        *HANDSHAKE[1:4],
        "client end_of_early_data early_data",
        HANDSHAKE[4],
        "client ping application",
    ]


def test_refused_early_data_without_its_secret_is_skipped() -> None:
    talk = Talk()
    talk.plain(CLIENT, client_hello(early_data=True))
    talk.send(CLIENT, EARLY, b"quick")
    talk.plain(SERVER, server_hello())
    talk.rest_of_handshake()
    talk.say(CLIENT, b"ping")
    assert read(talk.wire.segments, keylog(EARLY)) == [
        "client client_hello",
        "client opaque unknown early_data",
        "server server_hello",
        *HANDSHAKE[2:],
        "client ping application",
    ]


def test_early_data_before_a_hello_retry_request_is_skipped() -> None:
    talk = Talk()
    talk.plain(CLIENT, client_hello(early_data=True))
    talk.send(CLIENT, EARLY, b"quick")
    talk.plain(SERVER, retry())
    talk.send(CLIENT, EARLY, b"late")
    talk.hellos()
    talk.rest_of_handshake()
    assert read(talk.wire.segments, keylog(EARLY)) == [
        "client client_hello",
        "client opaque unknown early_data",
        "server server_hello",
        "client opaque unknown early_data",
        *HANDSHAKE,
    ]


@pytest.mark.parametrize("known", [keylog(EARLY), keylog()], ids=["without its secret", "with it"])
@pytest.mark.parametrize("answer", [retry, server_hello])
def test_messages_come_in_the_order_of_the_capture(
    answer: Callable[[], HelloRetryRequest | ServerHello], known: KeyLog
) -> None:
    talk = Talk()
    talk.plain(CLIENT, client_hello(early_data=True))
    talk.send(CLIENT, EARLY, b"quick")
    talk.plain(SERVER, answer())
    if answer is retry:
        talk.hellos()
    talk.rest_of_handshake()
    times = [item.timestamp for item in items(talk.wire.segments, known)]
    assert times == sorted(times)
    assert len(set(times)) > 3


def test_a_malformed_extension_costs_no_more_than_itself() -> None:
    talk = Talk()
    extensions = [*(client_hello().extensions or ()), Padding.client_hello(bytes(4))]
    hello = raw(replace(client_hello(), extensions=extensions))
    talk.wire.send(CLIENT, record(ContentType.handshake, hello[:-1] + b"\1"))
    talk.plain(SERVER, server_hello())
    talk.rest_of_handshake()
    (connection,) = read_capture(io.BytesIO(talk.wire.pcap()), keylog=keylog())
    found = messages(connection.messages)
    assert "padding" in str(found[0].error)
    assert [shown(message) for message in found] == [f"{HANDSHAKE[0]} error", *HANDSHAKE[1:]]
    offer = connection.judgement.offer
    assert offer is not None
    assert offer.versions == (ProtocolVersion.TLS13,)


def test_a_hello_of_which_no_extension_can_be_read_is_followed() -> None:
    talk = Talk()
    hello = bytearray(raw(client_hello()))
    hello[-3:] = b"\5\3\4"  # a list of versions longer than its data
    talk.wire.send(CLIENT, record(ContentType.handshake, bytes(hello)))
    talk.plain(SERVER, server_hello())
    talk.rest_of_handshake()
    assert read(talk.wire.segments, keylog()) == [f"{HANDSHAKE[0]} error", *HANDSHAKE[1:]]


def test_behind_a_server_hello_that_does_not_parse_messages_come_in_order() -> None:
    talk = Talk()
    talk.plain(CLIENT, client_hello())
    of_draft_20 = bytes.fromhex("7f14") + bytes(32) + bytes.fromhex("1301 0000")
    hello = bytes([HandshakeType.server_hello]) + len(of_draft_20).to_bytes(3, "big") + of_draft_20
    talk.wire.send(SERVER, record(ContentType.handshake, hello))
    talk.rest_of_handshake()
    talk.say(CLIENT, b"ping")
    talk.say(SERVER, b"pong")
    found = messages(items(talk.wire.segments))
    assert found[1].handshake_type is HandshakeType.server_hello
    assert found[1].error is not None
    assert [shown(message) for message in found[2:]] == [
        f"{side} opaque unknown no_hello" for side in ("server", "server", "client", "client", "server")
    ]
    times = [message.timestamp for message in found]
    assert times == sorted(times)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_client_alone_before_tls13_sends_its_finished_encrypted(resumed: bool) -> None:
    wire = Wire().open()
    wire.send(CLIENT, record(ContentType.handshake, raw(client_hello())))
    if not resumed:
        wire.send(CLIENT, record(ContentType.handshake, bytes.fromhex("10 000003 020304")))
    wire.send(CLIENT, record(ContentType.change_cipher_spec, b"\1"))
    wire.send(CLIENT, record(ContentType.handshake, bytes(40)))
    wire.send(CLIENT, record(ContentType.application_data, bytes(40)))
    found = [shown(item) for item in items(wire.segments) if isinstance(item, Message)]
    key_exchange = [] if resumed else ["client client_key_exchange"]
    protected = "client opaque legacy no_hello"
    assert found == ["client client_hello", *key_exchange, "client change_cipher_spec", protected, protected]


def test_a_client_alone_may_change_and_send_its_second_hello() -> None:
    wire = Wire().open()
    wire.send(CLIENT, record(ContentType.handshake, raw(client_hello())))
    wire.send(CLIENT, record(ContentType.change_cipher_spec, b"\1"))
    wire.send(CLIENT, record(ContentType.handshake, raw(client_hello())))
    found = [shown(item) for item in items(wire.segments) if isinstance(item, Message)]
    assert found == ["client client_hello", "client change_cipher_spec", "client client_hello"]


def test_messages_are_put_together_over_records_and_segments_and_taken_apart() -> None:
    wire = Wire().open()
    talk = Talk(wire)
    hello = raw(client_hello())
    for at in range(0, len(hello), 7):
        wire.send(CLIENT, record(ContentType.handshake, hello[at : at + 7]))
    talk.plain(SERVER, server_hello())
    both = raw(EncryptedExtensions()) + raw(FINISHED)
    sealed = b"".join(
        talk.sealed(SERVER, SERVER_HS, both[at : at + 5], ContentType.handshake) for at in range(0, len(both), 5)
    )
    for at in range(0, len(sealed), 11):
        wire.send(SERVER, sealed[at : at + 11])
    talk.send(CLIENT, CLIENT_HS, FINISHED)
    found = messages(items(wire.segments, keylog()))
    assert [shown(item) for item in found] == HANDSHAKE
    assert (found[0].record, found[0].timestamp) == (0, wire.segments[3 + (len(hello) - 1) // 7].timestamp)
    # The first message of the server's flight ends in its second record, which starts the next.
    assert [(item.record, item.epoch) for item in found[2:4]] == [(1, Epoch.handshake), (2, Epoch.handshake)]


def test_the_clients_records_wait_for_a_server_hello_that_the_capture_has_later() -> None:
    talk = Talk().handshake()
    talk.say(CLIENT, b"ping")
    # The ServerHello's segment comes last of all: its direction waits for it, and so do the client's keys.
    order = [0, 1, 2, 3, 5, 6, 7, 8, 4]
    assert read(in_order(talk.wire.segments, order), keylog()) == [
        *HANDSHAKE[:2],
        "client finished handshake",
        "client ping application",
        *HANDSHAKE[2:4],
    ]


def test_secrets_inside_the_capture_are_used() -> None:
    talk = Talk().handshake()
    lines = b"".join(line(*each).encode() for each in keylog())
    packets = b"".join(enhanced(each.timestamp // 1000, datagram(each)) for each in talk.wire.segments)
    (connection,) = read_capture(io.BytesIO(section() + interface() + secrets(lines) + packets))
    assert [shown(item) for item in connection.messages] == HANDSHAKE


@pytest.mark.parametrize("late", range(1, 5))
def test_secrets_that_the_capture_brings_late_open_what_follows(late: int) -> None:
    talk = Talk().handshake()
    for number in range(4):
        talk.say(SERVER, b"%d" % number)
    segments = talk.wire.segments
    lines = b"".join(line(*each).encode() for each in keylog())
    blocks = [enhanced(each.timestamp // 1000, datagram(each)) for each in segments]
    blocks.insert(len(blocks) - late, secrets(lines))
    (connection,) = read_capture(io.BytesIO(section() + interface() + b"".join(blocks)))
    found = [shown(item) for item in connection.messages]
    assert found[-late:] == [f"server {number} application" for number in range(4)][-late:]
    assert all("opaque" in each for each in found[2:-late])


# -- what does not open ------------------------------------------------------------------------------------


def test_without_a_key_log_every_protected_record_says_so() -> None:
    talk = Talk().handshake()
    assert read(talk.wire.segments) == [
        *HANDSHAKE[:2],
        "server opaque unknown no_keylog",
        "server opaque unknown no_keylog",
        "client opaque unknown no_keylog",
    ]


def test_a_missing_secret_is_named_with_its_client_random() -> None:
    talk = Talk().handshake()
    talk.say(SERVER, b"pong")
    found = items(talk.wire.segments, keylog(SERVER_HS))
    assert [shown(item) for item in found] == [
        *HANDSHAKE[:2],
        "server opaque unknown missing_secret",
        "server opaque unknown missing_secret",
        "client finished handshake",
        "server pong application",
    ]
    note = messages(found)[2].note
    assert str(note) == f"encrypted, and the key log has no {SERVER_HS} for client random {RANDOM.hex()}"


def test_a_key_log_of_another_session_is_told_from_one_that_lacks_a_label() -> None:
    talk = Talk().handshake()
    found = messages(items(talk.wire.segments, keylog(random=bytes(32))))
    assert found[2].note is not None
    assert found[2].note.kind is NoteKind.missing_secret
    assert "has no secret for client random" in str(found[2].note)


def test_wrong_secrets_name_the_first_record_that_does_not_open() -> None:
    talk = Talk().handshake()
    wrong = keylog()
    wrong.add(SERVER_HS, RANDOM, b"\xee" * 32)
    found = messages(items(talk.wire.segments, wrong))
    assert [shown(item) for item in found] == [
        *HANDSHAKE[:2],
        "server opaque handshake not_decrypted",
        "server opaque handshake not_decrypted",
        "client finished handshake",
    ]
    assert str(found[2].note) == f"record 1 does not open under {SERVER_HS}"
    assert str(found[3].note).endswith("the first that did not is record 1")


def test_a_suite_that_cannot_be_decrypted_says_so() -> None:
    talk = Talk()
    talk.plain(CLIENT, client_hello())
    talk.plain(SERVER, server_hello(CipherSuite.TLS_SHA256_SHA256))
    talk.send(SERVER, SERVER_HS, EncryptedExtensions())
    assert read(talk.wire.segments, keylog())[2:] == ["server opaque unknown unsupported_suite"]


def test_a_connection_under_way_says_that_the_hellos_are_missing() -> None:
    talk = Talk().handshake()
    talk.say(CLIENT, b"ping")
    talk.say(SERVER, b"pong")
    assert read(talk.wire.segments[-2:], keylog()) == [
        "client opaque unknown no_hello",
        "server opaque unknown no_hello",
    ]


def test_a_secret_of_another_length_than_the_suites_hash_is_named() -> None:
    talk = Talk().handshake()
    wrong = keylog()
    wrong.add(SERVER_HS, RANDOM, bytes(48))
    found = messages(items(talk.wire.segments, wrong))
    assert str(found[2].note) == f"encrypted, and {SERVER_HS} in the key log is 48 bytes instead of 32"


def test_the_generation_of_keys_that_a_record_does_not_open_under_is_told() -> None:
    talk = Talk().handshake()
    talk.update(CLIENT, CLIENT_AP)
    talk.update(CLIENT, CLIENT_AP)
    talk.wire.send(CLIENT, record(ContentType.application_data, bytes(40)))
    (connection,) = read_capture(io.BytesIO(pcap_of(talk.wire.segments)), keylog=keylog())
    last = [each for each in connection.messages if isinstance(each, Message)][-1]
    assert str(last.note) == f"record 4 does not open under {CLIENT_AP}, key generation 2"
    assert (last.generation, last.opaque) == (2, True)
    (found,) = connection.judgement.undecrypted
    assert (found.generation, found.first_record, found.kind) == (2, 4, NoteKind.not_decrypted)


def test_a_corrupt_record_is_opaque_and_the_next_one_opens() -> None:
    talk = Talk().handshake()
    talk.say(CLIENT, b"one")
    talk.say(CLIENT, b"two")
    segment = talk.wire.segments[-2]
    talk.wire.segments[-2] = segment._replace(payload=segment.payload[:-1] + b"\0")
    talk.say(CLIENT, b"three")
    assert read(talk.wire.segments, keylog())[5:] == [
        "client opaque application not_decrypted",
        "client two application",
        "client three application",
    ]


def test_records_that_never_open_again_are_not_tried_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk().handshake()
    talk.say(CLIENT, b"one")
    for _ in range(200):
        talk.wire.send(CLIENT, record(ContentType.application_data, bytes(40)))
    tried: list[int] = []
    unprotect = Protection.unprotect

    def counted(protection: Protection, data: bytes) -> tuple[ContentType, bytes]:
        tried.append(protection.sequence_number)
        return unprotect(protection, data)

    monkeypatch.setattr(Protection, "unprotect", counted)
    found = read(talk.wire.segments, keylog())[6:]
    assert found == ["client opaque application not_decrypted"] * 200
    assert len(tried) < 300


@pytest.mark.parametrize("lost", [1, 5, 40])
def test_behind_missing_records_the_sequence_number_is_found_again(lost: int) -> None:
    talk = Talk().handshake()
    talk.say(CLIENT, b"before")
    at = len(talk.wire.segments)
    for number in range(lost):
        talk.say(CLIENT, b"lost %d" % number)
    del talk.wire.segments[at:]
    talk.say(CLIENT, b"after")
    talk.say(CLIENT, b"and on")
    found = read(talk.wire.segments, keylog())[5:]
    assert found[0] == "client before application"
    assert found[1].startswith("client gap")
    assert found[2:] == ["client after application", "client and on application"]


def test_missing_bytes_in_a_record_cost_that_record_alone() -> None:
    talk = Talk().handshake()
    talk.say(CLIENT, b"before")
    talk.say(CLIENT, b"x" * 3000)
    long = talk.wire.segments.pop()
    for at in (0, 1000, 2000):
        part = long.payload[at : at + (1000 if at < 2000 else 2000)]
        piece = long._replace(sequence=long.sequence + at, payload=part, length=len(part))
        if at != 1000:
            talk.wire.segments.append(piece)
    talk.say(CLIENT, b"after")
    found = items(talk.wire.segments, keylog())[5:]
    words = [shown(item) for item in found]
    assert words[0] == "client before application"
    assert words[1] == "client opaque application incomplete"
    assert words[2].startswith("client gap")
    assert words[3:] == ["client after application"]
    assert str(messages(found)[1].note) == "only 995 of its 3017 bytes are in the capture"


def test_a_missing_finished_does_not_hide_the_application_data() -> None:
    talk = Talk().handshake()
    del talk.wire.segments[-2:]
    talk.say(SERVER, b"pong")
    talk.say(CLIENT, b"ping")
    found = read(talk.wire.segments, keylog())
    assert "server pong application" in found
    assert "client ping application" in found


def test_key_updates_are_followed_where_the_finished_before_them_is_missing() -> None:
    talk = Talk().handshake()
    del talk.wire.segments[-1]
    talk.say(CLIENT, b"zero")
    talk.update(CLIENT, CLIENT_AP)
    talk.say(CLIENT, b"one")
    assert read(talk.wire.segments, keylog())[-3:] == [
        "client zero application",
        "client key_update application",
        "client one application1",
    ]


def test_a_damaged_record_behind_missing_ones_does_not_lose_the_place() -> None:
    talk = Talk().handshake()
    talk.say(CLIENT, b"lost" * 50)
    del talk.wire.segments[-1]
    talk.say(CLIENT, b"damaged")
    segment = talk.wire.segments[-1]
    talk.wire.segments[-1] = segment._replace(payload=segment.payload[:-1] + b"\0")
    talk.say(CLIENT, b"after")
    assert read(talk.wire.segments, keylog())[6:] == [
        "client opaque application not_decrypted",
        "client after application",
    ]


# -- what is not as it should be ---------------------------------------------------------------------------


def test_a_malformed_message_keeps_its_bytes_and_the_next_one_is_read() -> None:
    talk = Talk()
    talk.hellos()
    bad = b"\x08\0\0\3\0\7\0"  # EncryptedExtensions whose list is longer than the message
    talk.send(SERVER, SERVER_HS, bad, ContentType.handshake)
    talk.rest_of_handshake()
    found = messages(items(talk.wire.segments, keylog()))
    assert found[2].raw == bad
    assert found[2].handshake_type is HandshakeType.encrypted_extensions
    assert found[2].error is not None
    assert "extensions" in str(found[2].error)
    assert [shown(item) for item in found[3:]] == HANDSHAKE[2:]


def test_a_malformed_client_hello_still_tells_its_random() -> None:
    talk = Talk()
    hello = bytearray(raw(client_hello()))
    hello[-7:-5] = b"\xff\xff"  # an extension type, and then a length that cannot be
    hello[-5:-3] = b"\xff\xff"
    talk.wire.send(CLIENT, record(ContentType.handshake, bytes(hello)))
    talk.plain(SERVER, server_hello())
    talk.rest_of_handshake()
    assert read(talk.wire.segments, keylog()) == ["client client_hello error", *HANDSHAKE[1:]]


def test_a_message_over_the_limit_is_shortened_and_the_next_one_is_read() -> None:
    talk = Talk()
    talk.hellos()
    long = b"\x0b\0\x40\0" + bytes(2**14)
    for at in range(0, len(long), 5000):
        talk.send(SERVER, SERVER_HS, long[at : at + 5000], ContentType.handshake)
    talk.rest_of_handshake()
    found = messages(items(talk.wire.segments, keylog(), Limits(handshake_message=2**13)))
    assert [shown(item) for item in found] == [
        *HANDSHAKE[:2],
        "server certificate handshake too_long",
        *HANDSHAKE[2:],
    ]
    assert found[2].raw == long[:5000]


def test_a_message_that_never_ends_is_given_out_as_it_is() -> None:
    talk = Talk()
    talk.hellos()
    talk.send(SERVER, SERVER_HS, b"\x0b\0\x40\0" + bytes(10), ContentType.handshake)
    talk.wire.close()
    found = messages(items(talk.wire.segments, keylog()))
    assert shown(found[2]) == "server certificate handshake incomplete"
    assert found[2].raw == b"\x0b\0\x40\0" + bytes(10)


def test_a_record_of_padding_alone_says_so() -> None:
    talk = Talk().handshake()
    keys = traffic_keys(SUITES[SUITE], SECRETS[CLIENT_AP])
    header = b"\x17\3\3\0\x18"
    talk.wire.send(CLIENT, header + SUITES[SUITE].aead(keys.key).seal(keys.iv, bytes(8), header))
    talk._keys[CLIENT_AP].sequence_number += 1
    talk.say(CLIENT, b"next")
    assert read(talk.wire.segments, keylog())[5:] == [
        "client opaque application malformed",
        "client next application",
    ]


def test_malformed_alerts_and_unknown_contents_are_items_too() -> None:
    talk = Talk().handshake()
    talk.send(CLIENT, CLIENT_AP, b"\1", ContentType.alert)
    talk.send(CLIENT, CLIENT_AP, b"beat", ContentType.heartbeat)
    talk.send(CLIENT, CLIENT_AP, b"\2", ContentType.change_cipher_spec)
    assert read(talk.wire.segments, keylog())[5:] == [
        "client alert application error",
        "client heartbeat application",
        "client change_cipher_spec application error",
    ]


def test_hellos_inside_protected_records_change_no_keys() -> None:
    talk = Talk().handshake()
    talk.send(CLIENT, CLIENT_AP, client_hello(random=bytes(32)))
    talk.send(SERVER, SERVER_AP, server_hello())
    talk.say(CLIENT, b"ping")
    talk.say(SERVER, b"pong")
    assert read(talk.wire.segments, keylog())[7:] == ["client ping application", "server pong application"]


def test_a_hello_in_the_clear_behind_the_handshake_changes_no_keys() -> None:
    talk = Talk().handshake()
    talk.plain(CLIENT, client_hello(random=bytes(32)))
    talk.say(CLIENT, b"ping")
    talk.say(SERVER, b"pong")
    assert read(talk.wire.segments, keylog())[-2:] == ["client ping application", "server pong application"]


# -- older versions ----------------------------------------------------------------------------------------


def test_tls_1_2_is_shown_as_far_as_it_is_in_the_clear() -> None:
    wire = Wire().open()
    hello = ClientHello(random=RANDOM, cipher_suites=[CipherSuite(0xC02F)])
    answer = tls12.Handshake.of(tls12.ServerHello(random=bytes(32), cipher_suite=CipherSuite(0xC02F))).build()
    ccs = record(ContentType.change_cipher_spec, b"\1")
    wire.send(CLIENT, record(ContentType.handshake, raw(hello), 0x0301))
    wire.send(SERVER, record(ContentType.handshake, answer + b"\x0b\0\0\3\0\0\0" + b"\x0e\0\0\0"))
    wire.send(CLIENT, record(ContentType.handshake, b"\x10\0\0\1x") + ccs + record(ContentType.handshake, bytes(40)))
    wire.send(SERVER, ccs + record(ContentType.handshake, bytes(40)))
    wire.send(CLIENT, record(ContentType.application_data, bytes(40)))
    wire.send(CLIENT, record(ContentType.alert, bytes(26)))
    found = items(wire.segments, keylog())
    assert [shown(item) for item in found] == [
        "client client_hello",
        "server server_hello",
        "server certificate",
        "server server_hello_done",
        "client client_key_exchange",
        "client change_cipher_spec",
        "client opaque legacy missing_secret",
        "server change_cipher_spec",
        "server opaque legacy missing_secret",
        "client opaque legacy missing_secret",
        "client opaque legacy missing_secret",
    ]
    assert messages(found)[1].value is not None


def test_a_draft_version_is_not_taken_for_tls_1_2() -> None:
    talk = Talk()
    draft = ServerHello(
        random=bytes(32),
        cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
        extensions=[SupportedVersions.server_hello(ProtocolVersion(0x7F1C))],
    )
    talk.plain(CLIENT, client_hello())
    talk.plain(SERVER, draft)
    talk.rest_of_handshake()
    assert read(talk.wire.segments, keylog()) == HANDSHAKE
