"""TLS records with no packets around them: one direction of a connection, as bytes or written down in hexadecimal.

Plain digits are read as they come. A dump, with offsets, is taken as a whole.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from tls13.capture.files.framing import CorruptError, CutShortError, ExactReader, Readable
from tls13.capture.files.hexadecimal import SEPARATORS, NotHexadecimal, begins_a_dump, from_hexadecimal
from tls13.capture.files.packets import Packet
from tls13.capture.tls.record_starts import HEADER

LINKTYPE_RECORDS = -1
"""In place of a link type, for packets that are a piece of such a stream each."""

_HEXADECIMAL = re.compile(rb"[0-9a-fA-FxX\s:,;\\{}()\[\]\"'_-]+")
_SEPARATORS = re.compile(SEPARATORS.pattern.encode("ascii"))
_HALVES = (b"0", b"\\")
_NO_DIGIT = re.compile(rb"[^0-9a-fA-F]")
_RECOGNISED_BY = 3
"""So many bytes, which a slow stream may give one after the other."""
_PIECE = 2**14
_LONGEST_LINE = 2**10
_LONGEST_DUMP = 2**21
"""Characters."""


def bare_packets(head: bytes, stream: ExactReader) -> Iterator[Packet] | None:
    """The pieces of a stream that starts with `head`, None where that is neither a record nor the digits of one.

    Raises CutShortError and CorruptError.
    """
    if HEADER.match(head):
        return _pieces(head, stream)
    if _HEXADECIMAL.fullmatch(head):
        text = _with_first_line(head, stream)
        written = _dump(text, stream) or _Hexadecimal(text, stream)
        start = b""
        while len(start) < _RECOGNISED_BY and (more := written.read(_PIECE)):
            start += more
        if HEADER.match(start):
            return _pieces(start, written)
    return None


def _pieces(data: bytes, stream: Readable) -> Iterator[Packet]:
    while data:
        yield Packet(0, LINKTYPE_RECORDS, data, len(data))
        data = stream.read(_PIECE)


def _with_first_line(head: bytes, stream: ExactReader) -> bytes:
    """The text up to where its first line ends, and more that was read with it."""
    text = head
    while b"\n" not in text.lstrip() and len(text) < _LONGEST_LINE and (more := stream.read(_LONGEST_LINE)):
        text += more
    return text


def _dump(text: bytes, stream: ExactReader) -> Readable | None:
    """What a dump writes down, None where the text begins none. Raises CorruptError."""
    try:
        if not begins_a_dump(text.lstrip().partition(b"\n")[0].decode("ascii", "replace")):
            return None
        pieces, length = [text], len(text)
        while more := stream.read(_PIECE):
            pieces.append(more)
            length += len(more)
            if length > _LONGEST_DUMP:
                raise CorruptError(f"a dump of more than {_LONGEST_DUMP} characters")
        return io.BytesIO(from_hexadecimal(b"".join(pieces).decode("ascii", "replace")))
    except NotHexadecimal as error:
        raise CorruptError(str(error)) from None


class _Hexadecimal:
    """Digits in any groups, with spaces, commas, colons, `0x` or `\\x` between them, as bytes."""

    def __init__(self, head: bytes, stream: ExactReader) -> None:
        self._text = head
        self._stream = stream
        self._is_over = False

    def read(self, size: int, /) -> bytes:
        """About `size` bytes, none at the end. Raises CorruptError and CutShortError where the digits stop."""
        while True:
            digits = self._digits(size)
            whole = digits[: len(digits) // 2 * 2]
            if whole or self._is_over:
                return bytes.fromhex(whole.decode("ascii"))

    def _digits(self, size: int) -> bytes:
        """The next digits. What may go together with those after them is kept."""
        more = self._stream.read(2 * size)
        self._is_over = not more
        text = self._text + more
        # A 0 or \ at the end may turn out to begin a separator.
        end = len(text) - (text[-1:] in _HALVES and not self._is_over)
        digits = _SEPARATORS.sub(b"", text[:end])
        strange = _NO_DIGIT.search(digits)
        if strange is not None:
            raise CorruptError(
                f"{chr(strange.group()[0])!r} before byte {self._stream.position} is no hexadecimal digit"
            )
        odd = len(digits) % 2
        if self._is_over and len(digits) == 1:
            raise CutShortError("an odd number of hexadecimal digits makes no whole bytes")
        self._text = digits[len(digits) - odd :] + text[end:]
        return digits
