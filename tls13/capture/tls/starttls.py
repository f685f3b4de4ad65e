"""Which protocol a connection spoke before it went over to TLS, from the cleartext of both sides.

RFC 3207 (SMTP), RFC 2595 (IMAP, POP3), RFC 4217 (FTP), RFC 4642 (NNTP), RFC 6120 (XMPP), RFC 4511 §4.14 (LDAP),
RFC 9110 §9.3.6 (HTTP CONNECT), the PostgreSQL frontend/backend protocol, the MySQL client/server protocol, and the
PROXY protocol of HAProxy.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

KEPT = 256
"""How many bytes of each side's cleartext tell: half of them the first, half the last."""


class Cleartext(StrEnum):
    """A protocol that may lead to TLS in the same connection."""

    smtp = "SMTP"
    imap = "IMAP"
    pop3 = "POP3"
    ftp = "FTP"
    nntp = "NNTP"
    xmpp = "XMPP"
    ldap = "LDAP"
    postgresql = "PostgreSQL"
    mysql = "MySQL"
    http_connect = "HTTP CONNECT"
    proxy = "PROXY protocol"
    other = "unknown"
    """Some other, or not enough of it in the capture to tell."""


class _Upgrade(NamedTuple):
    """How a protocol is known: the client's request for TLS, and what the server has said, where it is there."""

    protocol: Cleartext
    request: re.Pattern[bytes]
    server: re.Pattern[bytes]


def _line(command: bytes) -> re.Pattern[bytes]:
    """A command that is the client's last line."""
    return re.compile(rb"(?:^|\n)" + command + rb"[ \t]*\r?\n\Z", re.IGNORECASE)


_REPLY_220 = re.compile(rb"220[ -]")
_UPGRADES = (
    _Upgrade(Cleartext.smtp, _line(b"STARTTLS"), _REPLY_220),
    _Upgrade(Cleartext.imap, _line(rb"[^ \r\n]+ STARTTLS"), re.compile(rb"\* (?:OK|PREAUTH)")),
    _Upgrade(Cleartext.pop3, _line(b"STLS"), re.compile(rb"\+OK")),
    _Upgrade(Cleartext.ftp, _line(b"AUTH (?:TLS|TLS-C|SSL|TLS-P)"), _REPLY_220),
    _Upgrade(Cleartext.nntp, _line(b"STARTTLS"), re.compile(rb"20[01][ -]")),
    _Upgrade(Cleartext.xmpp, re.compile(rb"<starttls[^<]*urn:ietf:params:xml:ns:xmpp-tls"), re.compile(rb"\s*<")),
    _Upgrade(Cleartext.ldap, re.compile(rb"1\.3\.6\.1\.4\.1\.1466\.20037"), re.compile(rb"\x30")),
    _Upgrade(Cleartext.postgresql, re.compile(rb"\A\0\0\0\x08\x04\xd2\x16\x2f\Z"), re.compile(rb"S\Z")),
    _Upgrade(Cleartext.mysql, re.compile(rb"\x20\0\0\x01.{32}\Z", re.DOTALL), re.compile(rb".{3}\0\x0a", re.DOTALL)),
    _Upgrade(Cleartext.http_connect, re.compile(rb"\ACONNECT [^ ]+ HTTP/1\.[01]\r?\n"), re.compile(rb"HTTP/1\.[01] 2")),
    _Upgrade(Cleartext.proxy, re.compile(rb"\APROXY (?:TCP[46]|UNKNOWN)"), re.compile(rb"\Z")),
)

INTRODUCTION = re.compile(rb"(?:PROXY (?:TCP[46]|UNKNOWN)[^\r\n]{0,90}\r\n|\x20\0\0\x01.{32})(?=\x16\x03)", re.DOTALL)
"""What a client sends that waits for no answer, and so may share a segment with the ClientHello behind it."""


def cleartext_before(client: bytes, server: bytes) -> Cleartext | None:
    """What was spoken before TLS, from up to KEPT bytes of each side; None where nothing was."""
    if not client and not server:
        return None
    for upgrade in _UPGRADES:
        if upgrade.request.search(client) and (not server or upgrade.server.match(server)):
            return upgrade.protocol
    return Cleartext.other
