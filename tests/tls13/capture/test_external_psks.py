"""External PSKs: what they open by themselves, what they leave closed, and how a wrong one shows."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from capture.made_captures import CLIENT, SERVER, Wire, client_hello, raw
from capture.relays import Relay, exchange, free_port, program, serving

from schemas.code_points import ContentType
from schemas.extensions import OfferedPsks, PreSharedKey, PskIdentity
from schemas.handshake import ClientHello, Handshake
from tls13.capture import Connection, Direction, Epoch, Message, NoteKind, read_capture
from tls13.capture.judging.judgement import EarlyData, PskOrigin, Resumption
from tls13.capture.opening.decryption import ConnectionSecrets, Secrets
from tls13.capture.opening.external_psks import PskSchedule
from tls13.keylog import KeyLog

IDENTITY = b"client"
KEY = bytes(range(32))
PSK_ALONE = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+PSK"
WITH_KEY_EXCHANGE = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+DHE-PSK:+ECDHE-PSK"

RESUMED_PSK = bytes.fromhex("4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3")
"""RFC 8448 §3: the PSK of the ticket that the connection of §4 resumes with."""


@pytest.fixture(scope="module")
def gnutls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """GnuTLS's server, which knows the PSK, behind a relay."""
    passwords = tmp_path_factory.mktemp("psk") / "passwords"
    passwords.write_text(f"{IDENTITY.decode()}:{KEY.hex()}\n")
    port = free_port()
    command = [program("gnutls-serv"), "--echo", "--quiet", "--port", str(port), "--pskpasswd", str(passwords)]
    with serving([*command, "--priority", f"{PSK_ALONE}:+DHE-PSK:+ECDHE-PSK"], port) as relay:
        yield relay


def talk(relay: Relay, priority: str, keylog: str = "") -> Wire:
    """A connection of GnuTLS's client."""
    command = [program("gnutls-cli"), "--insecure", "--port", str(relay.port), "127.0.0.1", "--priority", priority]
    environment = {**os.environ, "SSLKEYLOGFILE": keylog} if keylog else None
    with relay.one() as wire:
        psk = ["--pskusername", IDENTITY.decode(), "--pskkey", KEY.hex()]
        # The echo is what is in both lines.
        exchange([*command, *psk], (b"ping pong\n", b"ping pong\n"), environment=environment)
    return wire


def read(wire: Wire, psks: Mapping[bytes, bytes], keys: KeyLog | None = None) -> tuple[Connection, list[Message]]:
    (connection,) = read_capture(io.BytesIO(wire.pcap()), keylog=keys, psks=psks)
    return connection, [item for item in connection.messages if isinstance(item, Message)]


def data(messages: list[Message], direction: Direction) -> bytes:
    return b"".join(
        each.raw
        for each in messages
        if each.direction is direction and each.content_type is ContentType.application_data and not each.opaque
    )


def test_without_a_key_exchange_the_psk_opens_everything(gnutls: Relay) -> None:
    connection, messages = read(talk(gnutls, PSK_ALONE), {b"another": bytes(32), IDENTITY: KEY})
    assert not any(each.opaque for each in messages)
    assert data(messages, Direction.client) == b"ping pong\n"
    assert data(messages, Direction.server) == b"ping pong\n"
    judged = connection.judgement
    assert judged.negotiated.key_exchange == "PSK"
    assert judged.resumption is Resumption.none
    assert judged.negotiated.psk_origin is PskOrigin.external
    assert judged.anomalies == ()


def test_with_a_key_exchange_the_note_says_that_the_psk_is_not_enough(gnutls: Relay) -> None:
    _, messages = read(talk(gnutls, WITH_KEY_EXCHANGE), {IDENTITY: KEY})
    (note,) = {each.note for each in messages if each.opaque and each.direction is Direction.server}
    assert note is not None
    assert note.kind is NoteKind.missing_secret
    assert "psk_dhe_ke adds a key exchange" in str(note)


def test_a_wrong_psk_is_named(gnutls: Relay) -> None:
    _, messages = read(talk(gnutls, PSK_ALONE), {IDENTITY: bytes(32)})
    notes = {str(each.note) for each in messages if each.opaque}
    assert all("the pre-shared key given for identity client does not fit its binder" in note for note in notes)
    assert notes


def test_a_psk_of_another_name_says_so(gnutls: Relay) -> None:
    _, messages = read(talk(gnutls, PSK_ALONE), {b"another": KEY})
    notes = {str(each.note) for each in messages if each.opaque}
    assert all("no pre-shared key given fits what the client offers" in note for note in notes)
    assert notes


def test_what_a_hello_says_again_and_again_is_told_once() -> None:
    """A hello of many identities that are known, each with a binder of another key."""
    offered = OfferedPsks(
        identities=[PskIdentity(identity=IDENTITY, obfuscated_ticket_age=0)] * 500, binders=[bytes(32)] * 500
    )
    hello = client_hello()
    hello = replace(hello, extensions=[*(hello.extensions or []), PreSharedKey.client_hello(offered)])
    secrets = ConnectionSecrets(Secrets(psks={IDENTITY: KEY}))
    PskSchedule(secrets.shared.psks, secrets).client_hello(raw(hello), hello)
    assert secrets.hints == [
        "the pre-shared key given for identity client does not fit its binder",
        "no pre-shared key given fits what the client offers",
    ]


def resumed(rfc8448: dict[str, dict[str, bytes]]) -> Wire:
    """The connection of RFC 8448 §4, up to the server's Finished."""
    trace = rfc8448["resumed_0rtt"]
    wire = Wire().open()
    wire.send(CLIENT, trace["record_client_hello_1"])
    wire.send(CLIENT, trace["record_client_early_app_data"])
    wire.send(SERVER, trace["record_server_hello"])
    wire.send(SERVER, trace["record_server_handshake_messages"])
    return wire


def test_early_data_opens_with_a_psk_that_needs_a_key_exchange_for_the_rest(
    rfc8448: dict[str, dict[str, bytes]],
) -> None:
    wire = resumed(rfc8448)
    hello = Handshake.parse(rfc8448["resumed_0rtt"]["record_client_hello_1"][5:]).message
    assert isinstance(hello, ClientHello)
    offered = PreSharedKey.client_hello.find(hello.extensions)
    assert offered is not None
    connection, messages = read(wire, {offered.identities[0].identity: RESUMED_PSK})
    assert [(each.epoch, each.opaque) for each in messages] == [
        (Epoch.plaintext, False),
        (Epoch.early_data, False),
        (Epoch.plaintext, False),
        (Epoch.unknown, True),
    ]
    assert messages[1].raw == rfc8448["resumed_0rtt"]["client_early_app_data"]
    assert connection.judgement.early_data is EarlyData.unknown
