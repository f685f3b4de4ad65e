"""What a reader of captures gets: the messages of a connection, and the gaps between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Self

from schemas import tls10, tls12
from schemas.alert import Alert
from schemas.code_points import ContentType, HandshakeType
from schemas.errors import DecodeError
from schemas.handshake import ClientHello, Handshake
from schemas.record import ChangeCipherSpec
from tls13.capture.tls.records import GapReason, Hole

AnyHandshake = Handshake | tls12.Handshake | tls10.Handshake
"""A handshake message with its header, in the form that its version gives it."""


class Direction(StrEnum):
    """Who sent it."""

    client = "client"
    server = "server"

    @property
    def opposite(self) -> Direction:
        return Direction.server if self is Direction.client else Direction.client


class Epoch(StrEnum):
    """Which keys protect a record."""

    plaintext = "plaintext"
    early_data = "early_data"
    handshake = "handshake"
    application = "application"
    legacy = "legacy"
    """Those of TLS 1.2 or older."""
    unknown = "unknown"
    """One of the above, which the capture does not tell without the keys."""


class NoteKind(StrEnum):
    """What a note is about."""

    no_keylog = "no_keylog"
    """There are no secrets at all to decrypt with."""
    missing_secret = "missing_secret"
    """There are secrets, but not the one that it takes."""
    no_hello = "no_hello"
    """ClientHello or ServerHello is not in the capture, so that nothing tells which secret it takes."""
    not_decrypted = "not_decrypted"
    """The record does not open under the secret that there is."""
    unsupported_suite = "unsupported_suite"
    """The cipher suite is none that can be decrypted here."""
    legacy_version = "legacy_version"
    """It is encrypted under a version older than TLS 1.2, of which only what is in the clear is read."""
    early_data = "early_data"
    """It may be early data, for which there is no secret."""
    incomplete = "incomplete"
    """The capture does not hold all of it."""
    malformed = "malformed"
    """It is not what the protocol allows here."""
    too_long = "too_long"
    """It is longer than the limit, and only its start is kept."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader should know about a message. str() is one line for people."""

    kind: NoteKind
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One handshake message, alert or ChangeCipherSpec, or the content of one record of anything else.

    `timestamp` is in nanoseconds since the epoch, of the packet that completed it. `record` numbers the records of its
    direction from 0, `offset` counts bytes of that direction's TCP stream; both are of the record it starts in.
    `protected` says that it came encrypted, `opaque` that it was not decrypted: `content_type` is then the record's
    outer type and `raw` its ciphertext. Otherwise `raw` is the handshake message with its header, or the content.
    `generation` counts the KeyUpdates of its direction. `value` is `raw` parsed; where it is None although there is a
    schema, `error` says why, with offsets into `raw`. Application data has no value. `inner` is the ClientHello inside
    an encrypted one, where the key log opens it; it takes what it shares with the outer one from there. RFC 9849 §5.1
    """

    timestamp: int
    direction: Direction
    record: int
    offset: int
    content_type: ContentType
    protected: bool
    opaque: bool
    epoch: Epoch
    generation: int
    raw: bytes
    value: AnyHandshake | Alert | ChangeCipherSpec | None
    error: DecodeError | None
    note: Note | None
    inner: ClientHello | None = None

    @property
    def handshake_type(self) -> HandshakeType | None:
        """The type of a handshake message that can be read, parsed or not."""
        if self.opaque or self.content_type is not ContentType.handshake or not self.raw:
            return None
        return handshake_type_of(self.raw[0])


@lru_cache(maxsize=256)
def handshake_type_of(number: int) -> HandshakeType:
    """The type that the first byte of a message names: asked for several times, and slow to look up in an enum."""
    return HandshakeType(number)


def parsed_size(length: int, body: object) -> int:
    """About how many bytes of memory a message of that length takes with what it was parsed to, None if to nothing."""
    if body is None:
        return length
    parts = sum(len(getattr(body, name, None) or ()) for name in _LISTS)
    return length * _PARSED + parts * _PART


_PARSED, _PART = 8, 400
_LISTS = ("extensions", "certificate_list")
"""Those whose items may be small in a message, and are objects with parts of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """`length` bytes of a direction's TCP stream, from `offset`, that are no records. str() is a line for people."""

    timestamp: int
    direction: Direction
    offset: int
    length: int
    reason: GapReason

    @classmethod
    def of(cls, direction: Direction, hole: Hole) -> Self:
        """What a hole in the records of that direction is."""
        return cls(
            timestamp=hole.timestamp, direction=direction, offset=hole.offset, length=hole.length, reason=hole.reason
        )

    def __str__(self) -> str:
        what, verb = ("1 byte", "is") if self.length == 1 else (f"{self.length} bytes", "are")
        return f"{what} of the {self.direction} from byte {self.offset} on {verb} {_GAPS[self.reason]}"


_GAPS = {
    GapReason.missing: "not in the capture",
    GapReason.not_tls: "not TLS",
    GapReason.sslv2_hello: "a ClientHello in the form of SSL 2.0, without a record",
}
