"""RFC 9846 §5: bytes from the transport to records and back, protected once there are keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from schemas.code_points import ContentType, ProtocolVersion
from schemas.errors import DecodeError
from schemas.record import MAX_CIPHERTEXT, MAX_PLAINTEXT, RecordHeader, TLSInnerPlaintext
from tls13.crypto.aead import LAST_SEQUENCE_NUMBER, Buffer, Suite
from tls13.errors import InternalError, NotTLS, RecordOverflow, UnexpectedMessage
from tls13.key_schedule import traffic_keys, updated_traffic_secret

HEADER_LENGTH = 5

MAX_INNER_PLAINTEXT = MAX_PLAINTEXT + 1
"""The most that content, its type and padding come to. §5.4"""

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
        self._held = bytearray()
        self._before_first_record = True

    @property
    def holds_data(self) -> bool:
        """Whether bytes are left that have not been given out as a record."""
        return bool(self._held)

    def feed(self, data: Buffer) -> Iterator[Record]:
        """The records that `data` completes.

        Raises NotTLS where the stream does not start like TLS, UnexpectedMessage for a content type that is none,
        RecordOverflow for a length over the limits of §5.1 and §5.2.
        """
        # Whole records are cut out of `data` itself: only the part of one is ever held, and added to.
        held, self._held = self._held, bytearray()
        held += data if held else b""
        source = held or data
        start = 0
        try:
            while len(source) - start >= HEADER_LENGTH:
                header = self._header(bytes(source[start : start + HEADER_LENGTH]))
                end = start + HEADER_LENGTH + header.length
                if len(source) < end:
                    break
                raw = bytes(source[start:end])
                start = end
                yield Record(header, raw)
        finally:
            if source is held:
                del held[:start]
            else:
                held += source[start:]
            self._held = held

    def _header(self, data: bytes) -> RecordHeader:
        header = parse_header(data)
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
        inner = content + behind_content(content_type, padding)
        length = len(inner) + self.suite.tag_length
        header = record_header(ContentType.application_data, ProtocolVersion.TLS12, length)
        nonce = self._nonce()
        self.sequence_number += 1
        return header + self._aead.seal(nonce, inner, header)

    def unprotect(self, record: bytes, limit: int = MAX_INNER_PLAINTEXT) -> tuple[ContentType, bytes]:
        """The content type and content of a whole record.

        `limit` is how many bytes content, type and padding may come to, as record_size_limit counts (RFC 8449 §4).
        The sequence number moves on only when the record opens. Raises BadRecordMac where it does not,
        RecordOverflow where it opens to more than `limit` bytes, UnexpectedMessage where all of it is padding.
        """
        inner = self._aead.open(self._nonce(), memoryview(record)[HEADER_LENGTH:], record[:HEADER_LENGTH])
        self.sequence_number += 1
        if len(inner) > limit:
            raise RecordOverflow(f"a record opens to {len(inner)} bytes, over {limit}")
        try:
            plaintext = TLSInnerPlaintext.parse(inner)
        except DecodeError as error:
            raise UnexpectedMessage(str(error)) from None
        return plaintext.type, plaintext.content

    def updated(self) -> Protection:
        """The next generation, as after a KeyUpdate. RFC 9846 §7.2"""
        return Protection(self.suite, updated_traffic_secret(self.suite.hash_name, self.traffic_secret))

    def _nonce(self) -> bytes:
        if self.sequence_number > LAST_SEQUENCE_NUMBER:
            raise InternalError("the record sequence number is used up")
        return (self._iv ^ self.sequence_number).to_bytes(self.suite.iv_length, "big")


# A stream's records are alike but for their content: most are full, and few lengths come up besides. So what stands
# around the content is not made anew for each of them.


@lru_cache(maxsize=64)
def parse_header(data: bytes) -> RecordHeader:
    """The header in 5 bytes. §5.1"""
    return RecordHeader.parse(data)


@lru_cache(maxsize=64)
def record_header(content_type: ContentType, version: ProtocolVersion, length: int) -> bytes:
    """The header before `length` bytes; where they are protected, also their additional data. §5.1, §5.2"""
    return RecordHeader(type=content_type, legacy_record_version=version, length=length).build()


@lru_cache(maxsize=16)
def behind_content(content_type: ContentType, padding: int) -> bytes:
    """A TLSInnerPlaintext from its type on. Its content comes first and has no length of its own. §5.2"""
    return TLSInnerPlaintext(content=b"", type=content_type, zeros=bytes(padding)).build()


def fragments(content: bytes, size: int = MAX_PLAINTEXT) -> Iterator[bytes]:
    """`content` in pieces of `size` bytes, the last perhaps shorter. Nothing for no content."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def plaintext_record(content_type: ContentType, fragment: bytes, version: ProtocolVersion) -> bytes:
    """An unprotected record. `version` is its legacy_record_version."""
    return record_header(content_type, version, len(fragment)) + fragment


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
