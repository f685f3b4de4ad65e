"""TLS 1.2 decrypted from CLIENT_RANDOM lines: what OpenSSL protects, and what is said where it does not open."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from capture.made_captures import CLIENT, RANDOM, SERVER, Wire, pcap_of, record
from capture.relays import Relay, certificate, exchange, free_port, program, serving
from capture.tshark import Tshark

from schemas import tls12
from schemas.code_points import CipherSuite, ContentType, HandshakeType
from tls13.capture import Connection, Direction, Epoch, Message, NoteKind, read_capture
from tls13.capture.judging.judgement import Resumption
from tls13.capture.network.link import Segment
from tls13.capture.opening.tls12_decryption import form_of, prf
from tls13.keylog import KeyLog, line

SUITES = {
    "ECDHE-RSA-AES128-GCM-SHA256": CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    "ECDHE-RSA-AES256-GCM-SHA384": CipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    "ECDHE-RSA-CHACHA20-POLY1305": CipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    "DHE-RSA-AES128-CCM": CipherSuite.TLS_DHE_RSA_WITH_AES_128_CCM,
    "DHE-RSA-AES256-CCM8": CipherSuite.TLS_DHE_RSA_WITH_AES_256_CCM_8,
    "AES256-CCM": CipherSuite.TLS_RSA_WITH_AES_256_CCM,
    "AES128-CCM8": CipherSuite.TLS_RSA_WITH_AES_128_CCM_8,
    "AES256-GCM-SHA384": CipherSuite.TLS_RSA_WITH_AES_256_GCM_SHA384,
    "DHE-PSK-AES256-GCM-SHA384": CipherSuite.TLS_DHE_PSK_WITH_AES_256_GCM_SHA384,
    "PSK-CHACHA20-POLY1305": CipherSuite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256,
}
ALL = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
PSK = ("-psk", "00112233445566778899aabbccddeeff")
FULL = [
    "client client_key_exchange",
    "client change_cipher_spec",
    "client finished",
    "server new_session_ticket",
    "server change_cipher_spec",
    "server finished",
    "client ping\n",
    "server gnip\n",
]


@dataclass
class Peers:
    """OpenSSL's server behind a relay, and its client."""

    openssl: str
    relay: Relay
    folder: Path
    own: Sequence[str]
    """The options of the certificate and its key, which a client may have as well."""

    def talk(self, *options: str, more: Sequence[tuple[bytes, bytes]] = ()) -> tuple[Wire, KeyLog]:
        """One connection, and its secrets."""
        path = self.folder / "keylog"
        path.unlink(missing_ok=True)
        command = [self.openssl, "s_client", "-connect", f"127.0.0.1:{self.relay.port}", "-tls1_2", "-quiet", *PSK]
        with self.relay.one() as wire:
            exchange([*command, "-keylogfile", str(path), "-no_ign_eof", *options], (b"ping\n", b"gnip"), *more)
        return wire, KeyLog.load(path)


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    openssl, folder, port = program("openssl"), tmp_path_factory.mktemp("tls12"), free_port()
    certificate_file, key = certificate(openssl, folder)
    command = [openssl, "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_2", "-rev", "-cipher", ALL]
    own = ["-cert", str(certificate_file), "-key", str(key)]
    with serving([*command, *own, *PSK, "-serverpref", "-client_renegotiation", "-verify", "1"], port) as relay:
        yield Peers(openssl, relay, folder, own)


def connections(keys: KeyLog | None, *wires: Wire) -> list[Connection]:
    """The connections of those captures, read as one."""
    segments = [segment for wire in wires for segment in wire.segments]
    return list(read_capture(io.BytesIO(pcap_of(segments)), keylog=keys))


def said(connection: Connection) -> list[str]:
    """Who says what."""
    words = []
    for item in connection.messages:
        assert isinstance(item, Message)
        what = item.handshake_type or item.content_type
        if item.content_type is ContentType.application_data and not item.opaque:
            what = item.raw.decode()
        words.append(f"{item.direction} {what if not item.opaque else f'opaque {item.note and item.note.kind}'}")
    return words


# -- what opens


@pytest.mark.parametrize("name", SUITES)
def test_each_aead_suite_opens(peers: Peers, name: str) -> None:
    wire, keys = peers.talk("-cipher", f"{name}:@SECLEVEL=0")
    (connection,) = connections(keys, wire)
    words = said(connection)
    assert words[-len(FULL) - 2 : -2] == FULL or words[-len(FULL) - 1 : -1] == FULL
    assert words[-1].endswith("alert")
    judged = connection.judgement
    assert judged.negotiated.cipher_suite == SUITES[name]
    assert judged.undecrypted == ()
    assert judged.anomalies == ()
    assert judged.resumption is Resumption.none


@pytest.mark.parametrize("name", ["ECDHE-RSA-AES128-GCM-SHA256", "AES256-CCM"])
def test_a_client_certificate_is_part_of_the_handshake(peers: Peers, name: str) -> None:
    wire, keys = peers.talk("-cipher", f"{name}:@SECLEVEL=0", *peers.own)
    (connection,) = connections(keys, wire)
    words = said(connection)
    flight = [each for each in words if each.startswith("client") and "hello" not in each][:5]
    assert flight == [
        "client certificate",
        "client client_key_exchange",
        "client certificate_verify",
        "client change_cipher_spec",
        "client finished",
    ]
    assert "server gnip\n" in words
    assert len(connection.judgement.client_chain) == 1
    assert connection.judgement.undecrypted == connection.judgement.anomalies == ()


def test_what_opens_is_what_tshark_opens(peers: Peers, tshark: Tshark, tmp_path: Path) -> None:
    talks = [
        peers.talk("-cipher", f"{name}:@SECLEVEL=0")
        for name in ("ECDHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-CCM", "AES128-CCM8", "AES256-GCM-SHA384")
    ]
    talks.append(peers.talk("-cipher", "ECDHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0", *peers.own))
    talks.append(peers.talk(more=[(b"R\n", b"RENEGOTIATING"), (b"again\n", b"niaga")]))
    log, capture = tmp_path / "keys", tmp_path / "capture.pcap"
    log.write_text("".join(line(*each) for _, keys in talks for each in keys))
    capture.write_bytes(pcap_of(segment for wire, _ in talks for segment in wire.segments))
    found = list(read_capture(capture, keylog=KeyLog.load(log)))
    assert len(found) == len(talks)
    for connection in found:
        sides = dict.fromkeys(Direction, b"")
        for item in connection.messages:
            if isinstance(item, Message) and item.content_type is ContentType.application_data:
                sides[item.direction] += item.raw
        theirs = tshark.application_data(capture, connection.number, SERVER.port, keylog=log)
        assert (sides[Direction.client], sides[Direction.server]) == theirs
        assert sides[Direction.client].startswith(b"ping\n")


def test_a_key_log_of_many_labels_and_line_ends_opens_them_all(peers: Peers) -> None:
    """RFC 9850 §2, and what older programs and newer versions write besides."""
    wire, keys = peers.talk()
    ((label, client_random, secret),) = keys
    other = bytes(32).hex()
    text = "\r\n".join(
        [
            "# SSL/TLS secrets log file, generated by something",
            "",
            f"RSA 0123456789abcdef {bytes(48).hex()}",
            f"CLIENT_HANDSHAKE_TRAFFIC_SECRET {other} {bytes(32).hex()}",
            f"EXPORTER_SECRET {client_random.hex()} {bytes(32).hex()}",
            f"EARLY_EXPORTER_SECRET {client_random.hex()} {bytes(32).hex()}",
            f"CLIENT_RANDOM {other} {bytes(48).hex()}",
            f"{label} {client_random.hex().upper()} {secret.hex().upper()}",
            "# the end",
        ]
    )
    log = KeyLog.parse(text)
    assert log.warnings == ()
    (connection,) = connections(log, wire)
    assert "server gnip\n" in said(connection)


def test_a_connection_without_extended_main_secret_opens(peers: Peers) -> None:
    path = peers.folder / "gnutls"
    command = [program("gnutls-cli"), "--insecure", "--port", str(peers.relay.port), "127.0.0.1"]
    versions = "NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH"
    with peers.relay.one() as wire:
        environment = {**os.environ, "SSLKEYLOGFILE": str(path)}
        exchange([*command, "--priority", versions], (b"ping\n", b"gnip"), environment=environment)
    (connection,) = connections(KeyLog.load(path), wire)
    assert "server gnip\n" in said(connection)
    assert connection.judgement.negotiated.extended_main_secret is False


@pytest.mark.parametrize(
    ("option", "resumption"),
    [([], Resumption.session_ticket), (["-no_ticket"], Resumption.session_id)],
    ids=["ticket", "session id"],
)
def test_a_resumed_session_opens_with_the_line_of_the_one_before(
    peers: Peers, option: list[str], resumption: Resumption
) -> None:
    session = str(peers.folder / "session")
    first, keys = peers.talk("-sess_out", session, *option)
    second, later = peers.talk("-sess_in", session, *option)
    assert len(later)
    full, resumed = connections(keys, first, second)
    assert "server gnip\n" in said(full)
    words = said(resumed)
    assert words.index("server finished") < words.index("client finished")
    assert "server gnip\n" in words
    assert resumed.judgement.resumption is resumption
    # Its own line will do as well, without the other connection.
    (alone,) = connections(later, second)
    assert "server gnip\n" in said(alone)


def test_a_finished_opens_although_the_change_of_keys_before_it_is_missing(peers: Peers) -> None:
    wire, keys = peers.talk("-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
    change = b"\x14\3\3\0\1\1"
    segments: list[Segment] = []
    for each in wire.segments:
        before, found, after = each.payload.partition(change)
        if found and each.source == wire.server:
            at = each.sequence + len(before) + len(change)
            segments.append(each._replace(payload=before, length=len(before)))
            segments.append(each._replace(sequence=at, payload=after, length=len(after)))
        else:
            segments.append(each)
    (connection,) = read_capture(io.BytesIO(pcap_of(segments)), keylog=keys)
    server = [each for each in connection.messages if isinstance(each, Message) and each.direction is Direction.server]
    assert HandshakeType.finished in [each.handshake_type for each in server]
    assert ContentType.change_cipher_spec not in [each.content_type for each in server]
    assert not any(each.opaque or each.error or each.note for each in server)


def test_a_renegotiation_is_read_with_both_of_its_lines(peers: Peers) -> None:
    wire, keys = peers.talk(more=[(b"R\n", b"RENEGOTIATING"), (b"again\n", b"niaga")])
    assert len(keys) == 2
    (connection,) = connections(keys, wire)
    words = said(connection)
    assert words.count("client client_hello") == words.count("server server_hello") == 2
    assert "server niaga\n" in words
    assert not any("opaque" in each for each in words)
    assert connection.judgement.anomalies == ()


@pytest.mark.parametrize("missing", [0, 1], ids=["the first", "the second"])
def test_of_a_renegotiation_each_part_takes_its_own_line(peers: Peers, missing: int) -> None:
    wire, keys = peers.talk(more=[(b"R\n", b"RENEGOTIATING"), (b"again\n", b"niaga")])
    labels = list(keys)
    _, absent, _ = labels.pop(missing)
    left = KeyLog()
    for each in labels:
        left.add(*each)
    (connection,) = connections(left, wire)
    words = said(connection)
    assert ("server gnip\n" in words) is (missing == 1)
    assert ("server niaga\n" in words) is False
    assert {each.kind for each in connection.judgement.undecrypted} == {NoteKind.missing_secret}
    assert absent.hex() in connection.judgement.undecrypted[0].text


def test_records_behind_missing_ones_open(peers: Peers) -> None:
    wire, keys = peers.talk("-cipher", "ECDHE-RSA-CHACHA20-POLY1305")
    finished = next(
        place
        for place, each in enumerate(wire.segments)
        if each.source == wire.server and b"\x14\x03\x03" in each.payload
    )
    del wire.segments[finished]
    (connection,) = connections(keys, wire)
    assert "server gnip\n" in [
        f"{item.direction} {item.raw.decode('latin-1')}" for item in connection.messages if isinstance(item, Message)
    ]


# -- what does not open


def test_without_a_key_log_the_missing_line_is_named(peers: Peers) -> None:
    wire, keys = peers.talk("-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
    (without,) = connections(None, wire)
    assert "client opaque no_keylog" in said(without)
    other = KeyLog()
    other.add("CLIENT_RANDOM", bytes(32), bytes(48))
    (connection,) = connections(other, wire)
    notes = [item.note for item in connection.messages if isinstance(item, Message) and item.note is not None]
    ((_, client_random, _),) = keys
    assert str(notes[0]) == f"encrypted, and the key log has no secret for client random {client_random.hex()}"


def test_a_wrong_main_secret_names_the_first_record(peers: Peers) -> None:
    wire, keys = peers.talk("-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
    ((label, client_random, _),) = keys
    keys.add(label, client_random, bytes(48))
    (connection,) = connections(keys, wire)
    notes = [item.note for item in connection.messages if isinstance(item, Message) and item.note is not None]
    assert {note.kind for note in notes} == {NoteKind.not_decrypted}
    assert str(notes[0]) == "record 4 does not open under the main secret of CLIENT_RANDOM"
    first = connection.judgement.undecrypted[0]
    assert (first.direction, first.first_record, first.kind) == (Direction.client, 4, NoteKind.not_decrypted)


def test_a_main_secret_of_another_length_is_none(peers: Peers) -> None:
    wire, keys = peers.talk("-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
    ((label, client_random, secret),) = keys
    keys.add(label, client_random, secret[:-1])
    (connection,) = connections(keys, wire)
    notes = [item.note for item in connection.messages if isinstance(item, Message) and item.note is not None]
    assert {str(note) for note in notes} == {"encrypted, and CLIENT_RANDOM in the key log is 47 bytes instead of 48"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "AES128-SHA",
            "encrypted with TLS_RSA_WITH_AES_128_CBC_SHA, a block cipher in CBC mode: of TLS 1.2, only AEAD suites are"
            " decrypted",
        ),
        (
            "ECDHE-ARIA128-GCM-SHA256",
            "encrypted with TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256, whose cipher is not supported",
        ),
        (
            "ECDHE-RSA-NULL-SHA",
            "TLS_ECDHE_RSA_WITH_NULL_SHA encrypts nothing, but ends each record with a MAC: its records are left as"
            " they are",
        ),
    ],
)
def test_a_suite_that_is_not_opened_is_named_with_the_reason(peers: Peers, name: str, says: str) -> None:
    wire, keys = peers.talk("-cipher", f"{name}:@SECLEVEL=0")
    (connection,) = connections(keys, wire)
    notes = [item.note for item in connection.messages if isinstance(item, Message) and item.note is not None]
    assert {note.kind for note in notes} == {NoteKind.unsupported_suite}
    assert {str(note) for note in notes} == {says}


@pytest.mark.parametrize(
    ("suite", "says"),
    [
        (CipherSuite.TLS_RSA_WITH_RC4_128_SHA, "with TLS_RSA_WITH_RC4_128_SHA, a stream cipher"),
        (CipherSuite(0xFAFB), "with unknown 0xfafb, whose cipher is not supported"),
    ],
)
def test_a_suite_that_nobody_has_any_more_is_named_with_the_reason(suite: CipherSuite, says: str) -> None:
    keys = KeyLog()
    keys.add("CLIENT_RANDOM", RANDOM, bytes(48))
    wire = begun(suite)
    wire.send(CLIENT, record(ContentType.application_data, bytes(40)))
    (connection,) = connections(keys, wire)
    (note,) = [item.note for item in connection.messages if isinstance(item, Message) and item.note is not None]
    assert says in str(note)


def begun(suite: CipherSuite) -> Wire:
    """Hellos of TLS 1.2, and the client's ChangeCipherSpec."""
    wire = Wire().open()
    hello = tls12.Handshake.of(tls12.ClientHello(random=RANDOM, cipher_suites=[suite]))
    answer = tls12.Handshake.of(tls12.ServerHello(random=bytes(32), cipher_suite=suite))
    wire.send(CLIENT, record(ContentType.handshake, hello.build()))
    wire.send(SERVER, record(ContentType.handshake, answer.build()))
    wire.send(CLIENT, record(ContentType.change_cipher_spec, b"\1"))
    return wire


def test_records_too_short_for_nonce_or_tag_are_opaque() -> None:
    keys = KeyLog()
    keys.add("CLIENT_RANDOM", RANDOM, bytes(48))
    wire = begun(CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256)
    for length in (1, 7, 8, 23, 24):
        wire.send(CLIENT, record(ContentType.application_data, bytes(length)))
    (connection,) = connections(keys, wire)
    opaque = [item for item in connection.messages if isinstance(item, Message) and item.opaque]
    assert [len(item.raw) for item in opaque] == [1, 7, 8, 23, 24]
    assert {item.epoch for item in opaque} == {Epoch.legacy}


# -- what the keys are made of


def test_the_prf_is_that_of_a_published_vector() -> None:
    """P_SHA256 with "test label", from ietf.org/mail-archive/web/tls/current/msg03416.html."""
    secret = bytes.fromhex("9bbe436ba940f017b17652849a71db35")
    seed = b"test label" + bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    expected = (
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af"
        "0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
        "87347b66"
    )
    assert prf("sha256", secret, seed, 100).hex() == expected


def test_the_aead_suites_of_tls_1_2_have_a_form_by_their_names() -> None:
    known = {suite for suite in CipherSuite if form_of(suite) is not None}
    algorithms = ("_WITH_AES_128_GCM_", "_WITH_AES_256_GCM_", "_WITH_AES_128_CCM", "_WITH_AES_256_CCM")
    expected = {suite for suite in CipherSuite if any(each in suite.name for each in algorithms)}
    assert known == expected | {suite for suite in CipherSuite if suite.name.endswith("_WITH_CHACHA20_POLY1305_SHA256")}
