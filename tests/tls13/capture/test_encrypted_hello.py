"""Encrypted ClientHello: opened with what a key log has, and what is said of one that stays closed."""

from __future__ import annotations

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
    retry,
    server_hello,
)

from schemas.code_points import ContentType, HpkeAead, HpkeKdf, HpkeKem
from schemas.encrypted_client_hello import (
    ECHClientHello,
    ECHClientHelloType,
    ECHOuter,
    HpkeSymmetricCipherSuite,
)
from schemas.extensions import EncryptedClientHello, ServerNameIndication
from schemas.handshake import ClientHello, Handshake
from tls13.capture import Connection, Message, read_capture
from tls13.capture.judging.judgement import EncryptedHello, EncryptedHelloStatus
from tls13.capture.opening.encrypted_hello import HpkeReceiver
from tls13.errors import BadRecordMac
from tls13.keylog import KeyLog

RECORDED = json.loads((Path(__file__).parent / "ech_connections.json").read_text())["connections"]


def recorded(name: str, *without: str) -> tuple[Connection, list[Message]]:
    """A recorded connection, read with its key log but for those labels."""
    wire = Wire().open()
    for sender, data in RECORDED[name]["wire"]:
        wire.send(CLIENT if sender == "client" else SERVER, bytes.fromhex(data))
    lines = [line for line in RECORDED[name]["keylog"] if not line.startswith(without or ("-",))]
    return read(wire, KeyLog.parse("\n".join(lines)))


def read(wire: Wire, keys: KeyLog | None) -> tuple[Connection, list[Message]]:
    (connection,) = read_capture(io.BytesIO(wire.pcap()), keylog=keys)
    return connection, [item for item in connection.messages if isinstance(item, Message)]


def judged(connection: Connection) -> EncryptedHello:
    found = connection.judgement.encrypted_hello
    assert found is not None
    return found


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


def test_a_second_hello_that_is_sealed_anew_is_no_grease() -> None:
    connection, _ = recorded("retry", "ECH_SECRET")
    assert judged(connection).status is EncryptedHelloStatus.unknown
    assert "it is a real one" in str(judged(connection))


def test_a_client_that_gives_up_tells_that_its_hello_was_rejected() -> None:
    connection, _ = recorded("rejected")
    assert judged(connection).status is EncryptedHelloStatus.rejected
    (alert,) = connection.judgement.alerts
    assert "could not open the encrypted ClientHello" in str(alert)


@pytest.mark.parametrize("label", ["ECH_SECRET", "ECH_CONFIG"])
@pytest.mark.parametrize("value", [b"", b"\0", bytes(32), b"\xff" * 70])
def test_wrong_lines_open_nothing_and_break_nothing(label: str, value: bytes) -> None:
    keys = KeyLog.parse("\n".join(RECORDED["accepted"]["keylog"]))
    client_random = next(each for known, each, _ in keys if known == label)
    keys.add(label, client_random, value)
    wire = Wire().open()
    for sender, data in RECORDED["accepted"]["wire"]:
        wire.send(CLIENT if sender == "client" else SERVER, bytes.fromhex(data))
    connection, messages = read(wire, keys)
    assert messages[0].inner is None
    assert str(judged(connection)).startswith("not opened: ")


# -- GREASE ------------------------------------------------------------------------------------------------


def sealed_hello(payload: bytes = b"\x5a" * 100, enc: bytes = b"\7" * 32) -> ClientHello:
    """A hello with an encrypted one that nobody can open."""
    suite = HpkeSymmetricCipherSuite(kdf_id=HpkeKdf.HKDF_SHA256, aead_id=HpkeAead.AES_128_GCM)
    content = ECHOuter(cipher_suite=suite, config_id=3, enc=enc, payload=payload)
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


def test_a_second_hello_that_repeats_the_first_ones_is_grease() -> None:
    talk = Talk()
    talk.plain(CLIENT, sealed_hello())
    talk.plain(SERVER, retry())
    talk.plain(CLIENT, sealed_hello())
    connection, _ = read(talk.wire, None)
    assert judged(connection).status is EncryptedHelloStatus.grease


def test_a_hello_of_the_inner_type_is_none_that_is_sealed() -> None:
    talk = Talk()
    inner = EncryptedClientHello.client_hello(ECHClientHello(type=ECHClientHelloType.inner, content=b""))
    hello = client_hello()
    talk.plain(CLIENT, replace(hello, extensions=[*(hello.extensions or []), inner]))
    connection, _ = read(talk.wire, keylog())
    assert connection.judgement.encrypted_hello is None


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
