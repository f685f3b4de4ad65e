"""Connections that go over to TLS: the protocol before it is named, and what it said is no error."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from capture.made_captures import CLIENT, SERVER, Talk, Wire, client_hello, keylog, pcap_of, raw, record

from schemas.code_points import ContentType
from tls13.capture import Cleartext, Connection, Gap, GapReason, Message, read_capture

Dialogue = Sequence[tuple[str, bytes]]
HELLO = record(ContentType.handshake, raw(client_hello()))

MYSQL_GREETING = bytes.fromhex(
    "4a000000"  # 74 bytes, number 0
    "0a 382e302e333000"  # protocol 10, version 8.0.30
    "08000000 0102030405060708 00 ffff ff 0200 ffdf 15 00000000000000000000"
    "0102030405060708090a0b0c 00"
    "6d7973716c5f6e61746976655f70617373776f726400"  # mysql_native_password
)
MYSQL_SSL_REQUEST = bytes.fromhex(
    "20000001"  # 32 bytes, number 1
    "05aebf19"  # capabilities, CLIENT_SSL (0x0800) among them
    "00000001 ff"  # largest packet, character set
    "0000000000000000000000000000000000000000000000"
)
LDAP_START_TLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
LDAP_SUCCESS = bytes.fromhex("300c02010178070a010004000400")

DIALOGUES: dict[Cleartext, Dialogue] = {
    Cleartext.smtp: [
        ("S", b"220 mail.example ESMTP\r\n"),
        ("C", b"EHLO client.example\r\n"),
        ("S", b"250-mail.example\r\n250-" + b"X" * 600 + b"\r\n250 STARTTLS\r\n"),
        ("C", b"STARTTLS\r\n"),
        ("S", b"220 2.0.0 Ready to start TLS\r\n"),
    ],
    Cleartext.imap: [
        ("S", b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready.\r\n"),
        ("C", b"a001 STARTTLS\r\n"),
        ("S", b"a001 OK Begin TLS negotiation now.\r\n"),
    ],
    Cleartext.pop3: [("S", b"+OK POP3 ready\r\n"), ("C", b"STLS\r\n"), ("S", b"+OK Begin TLS\r\n")],
    Cleartext.ftp: [("S", b"220 FTP\r\n"), ("C", b"auth tls\r\n"), ("S", b"234 AUTH TLS successful\r\n")],
    Cleartext.nntp: [("S", b"200 news.example\r\n"), ("C", b"STARTTLS\r\n"), ("S", b"382 Continue\r\n")],
    Cleartext.xmpp: [
        ("C", b"<?xml version='1.0'?><stream:stream to='im.example' xmlns='jabber:client' version='1.0'>"),
        ("S", b"<?xml version='1.0'?><stream:stream id='1'><stream:features><starttls/></stream:features>"),
        ("C", b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        ("S", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    ],
    Cleartext.ldap: [("C", LDAP_START_TLS), ("S", LDAP_SUCCESS)],
    Cleartext.postgresql: [("C", bytes.fromhex("0000000804d2162f")), ("S", b"S")],
    Cleartext.mysql: [("S", MYSQL_GREETING), ("C", MYSQL_SSL_REQUEST)],
    Cleartext.http_connect: [
        ("C", b"CONNECT www.example:443 HTTP/1.1\r\nHost: www.example:443\r\nUser-Agent: " + b"u" * 500 + b"\r\n\r\n"),
        ("S", b"HTTP/1.1 200 Connection established\r\n\r\n"),
    ],
    Cleartext.proxy: [("C", b"PROXY TCP4 203.0.113.9 192.0.2.2 55555 443\r\n")],
    Cleartext.other: [("C", b"please\n"), ("S", b"go ahead\n")],
}


def spoken(dialogue: Dialogue) -> Talk:
    """A connection with that dialogue, and TLS behind it."""
    talk = Talk(Wire().open())
    for sender, data in dialogue:
        talk.wire.send(CLIENT if sender == "C" else SERVER, data)
    talk.handshake().say(CLIENT, b"secret")
    talk.wire.close()
    return talk


def only_connection(talk: Talk) -> tuple[Connection, list[Message], list[Gap]]:
    (connection,) = read_capture(io.BytesIO(pcap_of(talk.wire.segments)), keylog=keylog())
    items = list(connection.messages)
    messages = [item for item in items if isinstance(item, Message)]
    return connection, messages, [item for item in items if isinstance(item, Gap)]


@pytest.mark.parametrize("protocol", DIALOGUES, ids=lambda each: each.name)
def test_the_protocol_before_tls_is_named(protocol: Cleartext) -> None:
    dialogue = DIALOGUES[protocol]
    connection, messages, gaps = only_connection(spoken(dialogue))
    assert connection.upgraded_from is protocol
    assert (connection.client, connection.server) == (CLIENT, SERVER)
    assert messages[-1].raw == b"secret"
    lengths = {sender: sum(len(data) for each, data in dialogue if each == sender) for sender in "CS"}
    assert {gap.reason for gap in gaps} == {GapReason.not_tls}
    assert sorted(gap.length for gap in gaps) == sorted(length for length in lengths.values() if length)


def test_tls_from_the_start_comes_from_no_protocol() -> None:
    connection, _, gaps = only_connection(spoken([]))
    assert connection.upgraded_from is None
    assert not gaps


@pytest.mark.parametrize("protocol", [Cleartext.mysql, Cleartext.proxy], ids=lambda each: each.name)
def test_a_hello_may_share_a_segment_with_what_asks_for_no_answer(protocol: Cleartext) -> None:
    *before, (_, last) = DIALOGUES[protocol]
    talk = Talk(Wire().open())
    for sender, data in before:
        talk.wire.send(CLIENT if sender == "C" else SERVER, data)
    talk.wire.send(CLIENT, last + HELLO)
    connection, messages, gaps = only_connection(talk)
    assert connection.upgraded_from is protocol
    assert [message.raw for message in messages] == [raw(client_hello())]
    assert [gap.length for gap in gaps if gap.direction == "client"] == [len(last)]


@pytest.mark.parametrize(
    "dialogue",
    [
        [("S", b"220 mail.example\r\n"), ("C", b"EHLO STARTTLS\r\n"), ("S", b"250 ok\r\n")],
        [("S", b"SSH-2.0-x\r\n"), ("C", b"STARTTLS\r\n")],
        [("S", b"at your service: 220 mails\r\n"), ("C", b"STARTTLS\r\n")],
        [("C", b"CONNECT www.example:443 HTTP/1.1\r\n\r\n"), ("S", b"HTTP/1.1 403 Forbidden\r\n\r\n")],
        [("C", bytes.fromhex("0000000804d2162f")), ("S", b"N")],
    ],
)
def test_what_only_looks_like_a_request_is_not_named_for_it(dialogue: Dialogue) -> None:
    assert only_connection(spoken(dialogue))[0].upgraded_from is Cleartext.other


def test_a_request_is_enough_where_the_capture_lacks_the_server() -> None:
    talk = spoken(DIALOGUES[Cleartext.smtp])
    talk.wire.segments[:] = [segment for segment in talk.wire.segments if segment.source == CLIENT]
    connection, _, _ = only_connection(talk)
    assert connection.upgraded_from is Cleartext.smtp


def test_the_shared_capture_of_smtp(shared: Path) -> None:
    with read_capture(shared / "captures/public/zeek-smtp-starttls.pcap") as capture:
        (connection,) = capture
        assert connection.upgraded_from is Cleartext.smtp
