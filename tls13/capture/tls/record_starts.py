"""What looks like a record, and like the first of a connection. RFC 9846 §5.1"""

from __future__ import annotations

import re
from enum import StrEnum

from schemas.code_points import AlertLevel, ContentType, HandshakeType
from schemas.record import MAX_PLAINTEXT
from schemas.sslv2 import RECOGNISED_BY, V2RecordHeader, is_v2_client_hello

HEADER_LENGTH = 5
MAX_LEGACY_CIPHERTEXT = MAX_PLAINTEXT + 2048
"""RFC 5246 §6.2.3: what older versions allow, more than TLS 1.3 does."""


class Start(StrEnum):
    """What a TLS stream starts with, as far as that tells who is who."""

    client_hello = "client_hello"
    server_hello = "server_hello"
    other = "other"


HELLO_TYPE = frozenset({ContentType.handshake})
ANSWER_TYPES = frozenset({ContentType.handshake, ContentType.alert})
ANY_TYPE = frozenset(
    {ContentType.change_cipher_spec, ContentType.alert, ContentType.handshake, ContentType.application_data}
)
READABLE_TYPES = ANY_TYPE | {ContentType.heartbeat}
HEADER = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")
"""What a header starts with, for searches."""
STARTS = {HandshakeType.client_hello: Start.client_hello, HandshakeType.server_hello: Start.server_hello}
MAJOR_VERSION, NEWEST_MINOR_VERSION = 3, 4
_SHORTEST_PROTECTED = 17


def is_header(data: bytes | bytearray, types: frozenset[ContentType]) -> bool | None:
    """Whether a record header starts the data, None where there is not enough of it to tell."""
    if data[:1] and data[0] not in types:
        return False
    if data[1:2] and data[1] != MAJOR_VERSION:
        return False
    if data[2:3] and data[2] > NEWEST_MINOR_VERSION:
        return False
    if len(data) < HEADER_LENGTH:
        return None
    return int.from_bytes(data[3:5], "big") <= MAX_LEGACY_CIPHERTEXT


def is_content(content_type: int, content: bytes | bytearray, length: int, under_way: bool) -> bool | None:
    """Whether a record of that type and length may start so, None where there is not enough of it to tell.

    `under_way` is for records that may come from anywhere in a connection, rather than from its start.
    """
    if content_type == ContentType.application_data:
        return length >= _SHORTEST_PROTECTED
    if not content:
        return None if length else False
    if content_type == ContentType.change_cipher_spec:
        return length == 1 and content[0] == 1
    if content_type == ContentType.alert:
        plain = length == 2 and content[0] in _ALERT_LEVELS
        return plain or (under_way and length >= _SHORTEST_PROTECTED)
    if content[0] not in STARTS:
        return under_way and HandshakeType(content[0]).is_registered
    if length < _HELLO_SHOWN or len(content) >= _HELLO_SHOWN:
        return content[1:2] <= b"\x01" and content[4:5] in _HELLO_VERSIONS
    return None


_ALERT_LEVELS = (AlertLevel.warning, AlertLevel.fatal)
_HELLO_SHOWN = 5
"""Bytes of a hello: type, length, and the version's first byte."""
_HELLO_VERSIONS = (b"", b"\x03", b"\x7f")
"""That byte, where it is there; the last was a ServerHello's in drafts of TLS 1.3, up to the 21st."""


def sslv2_hello_length(data: bytes | bytearray) -> int | None:
    """How long the hello of SSL 2.0 is that starts the data, 0 where it is none, None where more is needed to tell.

    RFC 5246 §E.2
    """
    if not data[0] & 0x80 or data[2:3] not in (b"", b"\x01"):
        return 0
    if len(data) < RECOGNISED_BY:
        return None
    if not is_v2_client_hello(bytes(data[:RECOGNISED_BY])):
        return 0
    length = 2 + V2RecordHeader.parse(bytes(data[:2])).length
    return None if len(data) < length else length
