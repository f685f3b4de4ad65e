"""RFC 9846 §5: bytes from the transport to records and back, protected once there are keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.code_points import ContentType, ProtocolVersion
from schemas.errors import DecodeError
from schemas.record import (
    MAX_CIPHERTEXT,
    MAX_PLAINTEXT,
    RecordHeader,
    TLSInnerPlaintext,
    TLSPlaintext,
)
from tls13.crypto.aead import LAST_SEQUENCE_NUMBER, Suite
from tls13.errors import InternalError, NotTLS, RecordOverflow, UnexpectedMessage
from tls13.key_schedule import traffic_keys, updated_traffic_secret

HEADER_LENGTH = 5
CONTENT_TYPES = frozenset(
    {ContentType.change_cipher_spec, ContentType.alert, ContentType.handshake, ContentType.application_data}
)
"""The record types of TLS 1.3. §5.1"""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands on the wire. `raw` is all of it, header included."""

    header: RecordHeader
    raw: bytes

    @property
    def fragment(self) -> bytes:
        """What follows the header."""
        return self.raw[HEADER_LENGTH:]


class RecordReader:
    """Cuts the peer's byte stream into records, whatever the chunks it comes in. Holds at most one record."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._before_first_record = True

    def feed(self, data: bytes) -> Iterator[Record]:
        """The records that `data` completes.

        Raises NotTLS where the stream does not start like TLS, UnexpectedMessage for a content type that is none,
        RecordOverflow for a length over the limits of §5.1 and §5.2.
        """
        self._buffer += data
        start = 0
        try:
            while len(self._buffer) - start >= HEADER_LENGTH:
                header = self._header(bytes(self._buffer[start : start + HEADER_LENGTH]))
                end = start + HEADER_LENGTH + header.length
                if len(self._buffer) < end:
                    break
                raw = bytes(memoryview(self._buffer)[start:end])
                start = end
                yield Record(header, raw)
        finally:
            del self._buffer[:start]

    def _header(self, data: bytes) -> RecordHeader:
        header = RecordHeader.parse(data)
        if header.type not in CONTENT_TYPES:
            if self._before_first_record:
                raise _not_tls(data)
            raise UnexpectedMessage(f"a record of content type {header.type}")
        limit = MAX_CIPHERTEXT if header.type is ContentType.application_data else MAX_PLAINTEXT
        if header.length > limit:
            raise RecordOverflow(f"a record of type {header.type} says {header.length} bytes, over {limit}")
        self._before_first_record = False
        return header


class Protection:
    """One direction under one traffic secret: its keys and its sequence number. RFC 9846 §5.2, §5.3"""

    def __init__(self, suite: Suite, traffic_secret: bytes) -> None:
        self.suite = suite
        self.traffic_secret = traffic_secret
        self.sequence_number = 0
        keys = traffic_keys(suite, traffic_secret)
        self._aead = suite.aead(keys.key)
        self._iv = int.from_bytes(keys.iv, "big")

    def protect(self, content_type: ContentType, content: bytes, padding: int = 0) -> bytes:
        """The record that carries `content`, at most 2^14 bytes, with `padding` zeros sealed in behind it."""
        inner = TLSInnerPlaintext(content=content, type=content_type, zeros=bytes(padding)).build()
        header = RecordHeader(type=ContentType.application_data, length=len(inner) + self.suite.tag_length).build()
        return header + self._aead.seal(self._next_nonce(), inner, header)

    def unprotect(self, record: bytes) -> tuple[ContentType, bytes]:
        """The content type and content of a whole record.

        The sequence number moves on only when the record opens. Raises BadRecordMac where it does not,
        RecordOverflow for a content over 2^14 bytes, UnexpectedMessage where all of it is padding.
        """
        nonce = self._nonce()
        inner = self._aead.open(nonce, record[HEADER_LENGTH:], record[:HEADER_LENGTH])
        self._next_nonce()
        if len(inner) > MAX_PLAINTEXT + 1:
            raise RecordOverflow(f"a record opens to {len(inner)} bytes, over {MAX_PLAINTEXT + 1}")
        try:
            plaintext = TLSInnerPlaintext.parse(inner)
        except DecodeError as error:
            raise UnexpectedMessage(str(error)) from None
        return plaintext.type, plaintext.content

    def updated(self) -> Protection:
        """The next generation, as after a KeyUpdate. RFC 9846 §7.2"""
        return Protection(self.suite, updated_traffic_secret(self.suite.hash_name, self.traffic_secret))

    def _nonce(self) -> bytes:
        return (self._iv ^ self.sequence_number).to_bytes(self.suite.iv_length, "big")

    def _next_nonce(self) -> bytes:
        if self.sequence_number > LAST_SEQUENCE_NUMBER:
            raise InternalError("the record sequence number is used up")
        nonce = self._nonce()
        self.sequence_number += 1
        return nonce


def fragments(content: bytes) -> Iterator[bytes]:
    """`content` in pieces that fit a record. Nothing for no content."""
    for start in range(0, len(content), MAX_PLAINTEXT):
        yield content[start : start + MAX_PLAINTEXT]


def plaintext_record(content_type: ContentType, fragment: bytes, version: ProtocolVersion) -> bytes:
    """An unprotected record. `version` is its legacy_record_version."""
    return TLSPlaintext(type=content_type, legacy_record_version=version, fragment=fragment).build()


_OTHER_PROTOCOLS = {
    b"GET ": "an HTTP request",
    b"POST": "an HTTP request",
    b"HEAD": "an HTTP request",
    b"PUT ": "an HTTP request",
    b"CONN": "an HTTP request",
    b"OPTI": "an HTTP request",
    b"HTTP": "an HTTP response",
    b"SSH-": "SSH",
    b"220 ": "an SMTP or FTP greeting",
    b"* OK": "an IMAP greeting",
    b"+OK ": "a POP3 greeting",
}


def _not_tls(start: bytes) -> NotTLS:
    """What the first bytes of a stream are, when they are no record."""
    if start[0] & 0x80 and start[2:3] == b"\x01":
        what = "an SSL 2.0 hello"
    else:
        text = start.decode("ascii", "replace")
        unknown = repr(text) if text.isprintable() and text.isascii() else f"bytes {start.hex()}"
        what = _OTHER_PROTOCOLS.get(start[:4], unknown)
    return NotTLS(
        f"the peer does not speak TLS here: it starts with {what}", hint="check host and port, and that the port is TLS"
    )
