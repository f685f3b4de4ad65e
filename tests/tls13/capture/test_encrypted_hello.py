"""Encrypted ClientHello: opened with what a key log has, and what is said of one that stays closed."""

from __future__ import annotations

import hmac
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from capture.made_captures import (
    CLIENT,
    SERVER,
    Talk,
    Wire,
    client_hello,
    keylog,
    record,
    retry,
    server_hello,
)
from capture.made_quic import Sender, crypto, file_of
from Crypto.Protocol import DH, HPKE
from Crypto.PublicKey import ECC

from schemas.code_points import (
    AlertDescription,
    CipherSuite,
    ContentType,
    HandshakeType,
    HpkeAead,
    HpkeKdf,
    HpkeKem,
)
from schemas.encrypted_client_hello import (
    ECHClientHello,
    ECHClientHelloType,
    ECHConfig,
    ECHConfigContents,
    ECHOuter,
    HpkeKeyConfig,
    HpkeSymmetricCipherSuite,
)
from schemas.extensions import EncryptedClientHello, ServerNameIndication
from schemas.handshake import ClientHello, Handshake, HelloRetryRequest
from tls13.capture import Connection, Message, read_capture
from tls13.capture.judging.judgement import EncryptedHello, EncryptedHelloStatus
from tls13.capture.judging.rules import CHANGED_HELLO
from tls13.capture.opening.encrypted_hello import HpkeReceiver
from tls13.errors import BadRecordMac
from tls13.keylog import KeyLog

RECORDED = json.loads((Path(__file__).parent / "ech_connections.json").read_text())["connections"]


def recorded(name: str, *without: str) -> tuple[Connection, list[Message]]:
    """A recorded connection, read with its key log but for those labels."""
    lines = [line for line in RECORDED[name]["keylog"] if not line.startswith(without or ("-",))]
    return read(recorded_wire(name), KeyLog.parse("\n".join(lines)))


def recorded_wire(name: str) -> Wire:
    wire = Wire().open()
    for sender, data in RECORDED[name]["wire"]:
        wire.send(CLIENT if sender == "client" else SERVER, bytes.fromhex(data))
    return wire


def read(wire: Wire, keys: KeyLog | None) -> tuple[Connection, list[Message]]:
    (connection,) = read_capture(io.BytesIO(wire.pcap()), keylog=keys)
    return connection, [item for item in connection.messages if isinstance(item, Message)]


def judged(connection: Connection) -> EncryptedHello:
    found = connection.judgement.encrypted_hello
    assert found is not None
    return found


def sealed_in(message: Message) -> ECHOuter:
    assert isinstance(message.value, Handshake)
    assert isinstance(message.value.message, ClientHello)
    found = EncryptedClientHello.client_hello.find(message.value.message.extensions)
    assert found is not None
    assert isinstance(found.content, ECHOuter)
    return found.content


def name_in(hello: ClientHello) -> bytes:
    (name,) = ServerNameIndication.client_hello.find(hello.extensions) or []
    return name.name


# -- connections of another implementation -----------------------------------------------------------------


@pytest.mark.parametrize(("name", "hellos"), [("accepted", 1), ("retry", 2)])
def test_an_accepted_hello_is_shown_and_its_secrets_are_found(name: str, hellos: int) -> None:
    connection, messages = recorded(name)
    inner = [each.inner for each in messages if each.inner is not None]
    assert [name_in(each) for each in inner] == [b"inner.example"] * hellos
    outer = messages[0].value
    assert isinstance(outer, Handshake)
    assert isinstance(outer.message, ClientHello)
    assert name_in(outer.message) == b"public.example"
    assert not any(each.opaque for each in messages)
    assert [each.raw for each in messages if each.content_type is ContentType.application_data] == [b"ping", b"pong"]
    assert judged(connection).status is EncryptedHelloStatus.accepted
    assert judged(connection).config_id == 7
    offer = judged(connection).inner
    assert offer is not None
    assert offer.server_name == "inner.example"


def test_a_hello_in_quic_is_opened_as_well() -> None:
    _, messages = recorded("accepted")
    hellos = [message.raw for message in messages[:2]]
    client, server = Sender(), Sender(is_client=False)
    sent = ("C", client.packet(crypto(hellos[0]))), ("S", server.packet(crypto(hellos[1])))
    keys = KeyLog.parse("\n".join(RECORDED["accepted"]["keylog"]))
    (connection,) = read_capture(io.BytesIO(file_of(*sent)), keylog=keys)
    outer, answer = (item for item in connection.messages if isinstance(item, Message))
    assert (outer.raw, answer.raw) == tuple(hellos)
    assert outer.inner is not None
    assert name_in(outer.inner) == b"inner.example"
    assert judged(connection).status is EncryptedHelloStatus.accepted


def test_the_answers_are_held_against_the_hello_that_they_answer() -> None:
    connection, _ = recorded("retry")
    assert connection.judgement.anomalies == ()
    assert connection.judgement.retry is not None


@pytest.mark.parametrize("missing", ["ECH_SECRET", "ECH_CONFIG"])
def test_a_missing_line_is_named(missing: str) -> None:
    connection, messages = recorded("accepted", missing)
    assert messages[0].inner is None
    assert judged(connection).status is EncryptedHelloStatus.unknown
    assert f"the key log has no {missing} for client random" in str(judged(connection))
    notes = [str(each.note) for each in messages if each.opaque]
    assert notes
    assert all(f"an encrypted ClientHello was offered, and the key log has no {missing}" in note for note in notes)


def test_a_missing_key_log_is_told() -> None:
    connection, _ = read(recorded_wire("accepted"), None)
    assert judged(connection).status is EncryptedHelloStatus.unknown
    assert str(judged(connection)) == "not opened: no key log with secrets was given"


def test_a_second_hello_that_is_sealed_anew_tells_that_the_first_was_taken() -> None:
    for lines in ((), ("ECH_SECRET", "ECH_CONFIG"), ("ECH_SECRET", "ECH_CONFIG", "CLIENT", "SERVER")):
        connection, _ = recorded("retry", *lines)
        assert judged(connection).status is EncryptedHelloStatus.accepted
        assert connection.judgement.anomalies == ()


def test_a_retry_request_tells_by_itself_that_the_hello_was_taken() -> None:
    keys = KeyLog.parse("\n".join(RECORDED["retry"]["keylog"]))
    for name, accepted in (("retry", True), ("rejected_by_retry", False)):
        keys = KeyLog.parse("\n".join(RECORDED[name]["keylog"]))
        wire = Wire().open()
        for sender, data in RECORDED[name]["wire"][:2]:
            wire.send(CLIENT if sender == "client" else SERVER, bytes.fromhex(data))
        connection, messages = read(wire, keys)
        assert isinstance(messages[1].value, Handshake)
        assert isinstance(messages[1].value.message, HelloRetryRequest)
        expected = EncryptedHelloStatus.accepted if accepted else EncryptedHelloStatus.rejected
        assert judged(connection).status is expected


def test_a_retry_request_with_other_bytes_in_place_of_its_signal_does_not_take_the_hello() -> None:
    keys = KeyLog.parse("\n".join(RECORDED["retry"]["keylog"]))
    wire = Wire().open()
    (_, first), (_, answer) = RECORDED["retry"]["wire"][:2]
    # The extension: its type, its length, and the signal.
    place = bytes.fromhex(answer).index(b"\xfe\x0d\x00\x08") + 4
    wire.send(CLIENT, bytes.fromhex(first))
    wire.send(SERVER, bytes.fromhex(answer)[:place] + bytes(8) + bytes.fromhex(answer)[place + 8 :])
    connection, _ = read(wire, keys)
    assert judged(connection).status is EncryptedHelloStatus.rejected


@pytest.mark.parametrize("name", ["rejected", "rejected_by_retry"])
def test_a_rejected_hello_is_told_and_shown(name: str) -> None:
    connection, messages = recorded(name)
    assert judged(connection).status is EncryptedHelloStatus.rejected
    said, offered = str(judged(connection)).split("; ")
    assert said == "the server's hello does not confirm the inner one"
    assert offered == "the server offers 1 configuration for public.example instead"
    assert [name_in(each.inner) for each in messages if each.inner is not None] == [b"inner.example"]
    assert not any(each.opaque for each in messages)
    assert connection.judgement.anomalies == ()
    offer = judged(connection).inner
    assert offer is not None
    assert offer.server_name == "inner.example"


@pytest.mark.parametrize("name", ["rejected", "rejected_by_retry"])
def test_a_client_that_gives_up_tells_that_its_hello_was_rejected(name: str) -> None:
    connection, _ = recorded(name, "ECH_SECRET", "ECH_CONFIG")
    assert judged(connection).status is EncryptedHelloStatus.rejected
    assert str(judged(connection)).startswith("the client gives up because the server could not open it; ")
    (alert,) = [each for each in connection.judgement.alerts if each.description is AlertDescription.ech_required]
    assert "could not open the encrypted ClientHello" in str(alert)


def test_a_second_hello_that_repeats_what_was_rejected_is_not_tried() -> None:
    _, messages = recorded("rejected_by_retry", "CLIENT", "SERVER")
    assert [each.inner is None for each in messages if each.handshake_type is HandshakeType.client_hello] == [
        False,
        True,
    ]
    notes = [str(each.note) for each in messages if each.opaque]
    assert notes
    assert not any("does not open" in note for note in notes)


def test_a_real_hello_that_a_retry_request_rejects_is_not_called_grease() -> None:
    """Go's client repeats it, as RFC 9849 §6.1.6 has it go on with the outer hello."""
    connection, messages = read(recorded_wire("rejected_by_retry"), None)
    first, second = (each for each in messages if each.handshake_type is HandshakeType.client_hello)
    assert sealed_in(first) == sealed_in(second)
    assert judged(connection).status is EncryptedHelloStatus.rejected
    assert "it may have been GREASE" in str(judged(connection))


@pytest.mark.parametrize("label", ["ECH_SECRET", "ECH_CONFIG"])
@pytest.mark.parametrize("value", [b"", b"\0", bytes(32), b"\xff" * 70])
def test_wrong_lines_open_nothing_and_break_nothing(label: str, value: bytes) -> None:
    keys = KeyLog.parse("\n".join(RECORDED["accepted"]["keylog"]))
    client_random = next(each for known, each, _ in keys if known == label)
    keys.add(label, client_random, value)
    connection, messages = read(recorded_wire("accepted"), keys)
    assert messages[0].inner is None
    assert str(judged(connection)).startswith("not opened: ")


# -- GREASE ------------------------------------------------------------------------------------------------


def sealed_hello(payload: bytes = b"\x5a" * 100, enc: bytes = b"\7" * 32, config_id: int = 3) -> ClientHello:
    """A hello with an encrypted one that nobody can open."""
    suite = HpkeSymmetricCipherSuite(kdf_id=HpkeKdf.HKDF_SHA256, aead_id=HpkeAead.AES_128_GCM)
    content = ECHOuter(cipher_suite=suite, config_id=config_id, enc=enc, payload=payload)
    extension = EncryptedClientHello.client_hello(ECHClientHello(type=ECHClientHelloType.outer, content=content))
    hello = client_hello()
    return replace(hello, extensions=[*(hello.extensions or []), extension])


def test_a_client_that_goes_on_when_its_hello_was_not_taken_sent_grease() -> None:
    talk = Talk()
    talk.plain(CLIENT, sealed_hello())
    talk.plain(SERVER, server_hello())
    talk.rest_of_handshake()
    talk.say(CLIENT, b"on and on")
    connection, messages = read(talk.wire, keylog())
    assert not any(each.opaque for each in messages)
    assert judged(connection).status is EncryptedHelloStatus.grease


def retried(second: ClientHello, signal: bytes | None, *, goes_on: bool = False) -> Connection:
    """A sealed hello, a HelloRetryRequest with that signal, and a second hello."""
    talk = Talk()
    talk.plain(CLIENT, sealed_hello())
    request = retry()
    if signal is not None:
        confirming = EncryptedClientHello.hello_retry_request(signal)
        request = replace(request, extensions=[*request.extensions, confirming])
    talk.plain(SERVER, request)
    talk.plain(CLIENT, second)
    if goes_on:
        talk.plain(SERVER, server_hello())
        talk.rest_of_handshake()
        talk.say(CLIENT, b"on and on")
    connection, _ = read(talk.wire, keylog())
    return connection


def test_a_second_hello_that_repeats_the_first_ones_was_not_taken_or_is_grease() -> None:
    for signal in (None, bytes(8)):
        found = judged(retried(sealed_hello(), signal))
        assert found.status is EncryptedHelloStatus.rejected
        assert "it may have been GREASE" in str(found)
        found = judged(retried(sealed_hello(), signal, goes_on=True))
        assert found.status is EncryptedHelloStatus.grease


def test_a_second_hello_that_does_not_go_on_from_the_first_is_grease() -> None:
    for second in (sealed_hello(b"\6" * 100, b"\6" * 32), sealed_hello(b"\6" * 100, b"", config_id=4)):
        assert judged(retried(second, bytes(8))).status is EncryptedHelloStatus.grease


def test_a_second_hello_that_is_sealed_anew_was_asked_for_by_one_who_took_the_first() -> None:
    second = sealed_hello(b"\6" * 100, b"")
    assert judged(retried(second, bytes(8))).status is EncryptedHelloStatus.accepted
    # Nobody did.
    assert judged(retried(second, None)).status is EncryptedHelloStatus.unknown


def test_the_outer_hello_need_not_do_what_the_inner_one_was_asked_for() -> None:
    """RFC 9849 §6.1.5: its extensions may be copied or omitted."""
    changed = CHANGED_HELLO.name
    second = replace(sealed_hello(b"\6" * 100, b""), cipher_suites=[CipherSuite.TLS_AES_256_GCM_SHA384])
    accepted = retried(second, bytes(8)).judgement.anomalies
    assert changed not in [each.rule.name for each in accepted]
    rejected = retried(replace(second, extensions=sealed_hello().extensions), bytes(8)).judgement.anomalies
    assert changed in [each.rule.name for each in rejected]


def test_a_hello_of_the_inner_type_is_none_that_is_sealed() -> None:
    talk = Talk()
    inner = EncryptedClientHello.client_hello(ECHClientHello(type=ECHClientHelloType.inner, content=b""))
    hello = client_hello()
    talk.plain(CLIENT, replace(hello, extensions=[*(hello.extensions or []), inner]))
    connection, _ = read(talk.wire, keylog())
    assert connection.judgement.encrypted_hello is None


def test_the_configuration_of_the_key_log_is_the_one_whatever_number_the_client_gave() -> None:
    """RFC 9849 §10.4: a client may make the number up."""
    key = ECC.generate(curve="curve25519")
    suite = HpkeSymmetricCipherSuite(kdf_id=HpkeKdf.HKDF_SHA256, aead_id=HpkeAead.AES_128_GCM)
    public_key = key.public_key().export_key(format="raw")
    key_config = HpkeKeyConfig(
        config_id=7, kem_id=HpkeKem.DHKEM_X25519_HKDF_SHA256, public_key=public_key, cipher_suites=[suite]
    )
    contents = ECHConfigContents(key_config=key_config, maximum_name_length=0, public_name=b"public.example")
    config = ECHConfig(contents=contents).build()
    sender = HPKE.new(receiver_key=key.public_key(), aead_id=HPKE.AEAD.AES128_GCM, info=b"tls ech\0" + config)
    inner = client_hello(random=b"\1" * 32)
    encoded = inner.build()
    empty = sealed_hello(bytes(len(encoded) + 16), sender.enc, config_id=99)
    payload = sender.seal(encoded, empty.build())
    keys = KeyLog()
    keys.add("ECH_SECRET", empty.random, shared_secret(key, sender.enc, public_key))
    keys.add("ECH_CONFIG", empty.random, config)
    wire = Wire().open()
    hello = Handshake.of(sealed_hello(payload, sender.enc, config_id=99)).build()
    wire.send(CLIENT, record(ContentType.handshake, hello))
    _, (message,) = read(wire, keys)
    assert message.inner == inner


def shared_secret(key: ECC.EccKey, enc: bytes, public_key: bytes) -> bytes:
    """What DHKEM(X25519, HKDF-SHA256) gives the receiver. RFC 9180 §4.1"""
    exchanged = DH.key_agreement(static_priv=key, eph_pub=DH.import_x25519_public_key(enc), kdf=lambda shared: shared)
    suite = b"HPKE-v1KEM\x00\x20"
    extracted = hmac.digest(b"", suite + b"eae_prk" + exchanged, "sha256")
    return hmac.digest(extracted, b"\x00\x20" + suite + b"shared_secret" + enc + public_key + b"\1", "sha256")


# -- HPKE --------------------------------------------------------------------------------------------------


def test_hpke_opens_what_rfc_9180_seals() -> None:
    """RFC 9180 §A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, from the shared secret on."""
    receiver = HpkeReceiver(
        HpkeKem.DHKEM_X25519_HKDF_SHA256,
        HpkeSymmetricCipherSuite(kdf_id=HpkeKdf.HKDF_SHA256, aead_id=HpkeAead.AES_128_GCM),
        bytes.fromhex("fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc"),
        bytes.fromhex("4f6465206f6e2061204772656369616e2055726e"),
    )
    first = "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
    assert receiver.open(bytes.fromhex(first), b"Count-0") == b"Beauty is truth, truth beauty"
    with pytest.raises(BadRecordMac):
        receiver.open(bytes.fromhex(first), b"Count-0")
