"""pcapng, block by block: sections, interfaces, the three kinds of packet, decryption secrets.

The layouts of blocks are those of python-pcapng. Its scanner is not used, because it does not bound what a length
field makes it allocate, decodes every option of every block and gives up the file over one it cannot.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

from pcapng import blocks
from pcapng.constants import block_types
from pcapng.exceptions import PcapngLoadError
from pcapng.structs import IntField, read_options, struct_decode

from tls13.capture.diagnostics import WarningKind, WarningLog
from tls13.capture.files.framing import CorruptError, ExactReader
from tls13.capture.files.packets import Packet
from tls13.keylog import KeyLog, lines_of

DECRYPTION_SECRETS = 0x0000000A
TLS_KEY_LOG = 0x544C534B
_BYTE_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_BLOCK_START = 8
"""Type and length."""
_BLOCK_OVERHEAD = 12
"""The same, and the length again at the end."""
_MOST_INTERFACES = 2**16
_MOST_SECRET_TEXT = 2**26
"""Characters of all secrets in a capture."""
_IF_TSRESOL, _IF_TSOFFSET = 9, 14
_MICROSECONDS = 6
"""The resolution where nothing else is said, as a power of ten."""


def is_pcapng(magic: bytes) -> bool:
    """Whether a file that starts so is one."""
    return bool(int.from_bytes(magic, "big") == block_types.BLK_SECTION_HEADER)


@dataclass(frozen=True, slots=True)
class _Interface:
    link_type: int
    snap_length: int
    ticks_per_second: int
    offset: int

    def nanoseconds(self, high: int, low: int) -> int:
        return (high << 32 | low) * 10**9 // self.ticks_per_second + self.offset


class _Numbers:
    """The numbers that a block begins with, as the library's schema of it has them, in one byte order."""

    def __init__(self, block: type[blocks.Block], byte_order: str) -> None:
        numbers = [(name, each) for name, each, _ in block.schema if isinstance(each, IntField)]
        codes = (_CODES[each.size] for _, each in numbers)
        self._layout = struct.Struct(byte_order + "".join(codes))
        self.length = self._layout.size
        places = {name: place for place, (name, _) in enumerate(numbers)}
        self._wanted = itemgetter(*(places[name] for name in _PACKET_FIELDS))

    def read(self, body: bytes) -> tuple[int, int, int, int, int]:
        """The _PACKET_FIELDS of a body. Raises PcapngLoadError where it is too short."""
        try:
            wanted: tuple[int, int, int, int, int] = self._wanted(self._layout.unpack_from(body))
        except struct.error:
            raise PcapngLoadError("it is too short") from None
        return wanted


_CODES = {16: "H", 32: "I"}
_PACKET_FIELDS = ("interface_id", "timestamp_high", "timestamp_low", "captured_len", "packet_len")
_PACKETS = {
    block_types.BLK_ENHANCED_PACKET: {order: _Numbers(blocks.EnhancedPacket, order) for order in "<>"},
    block_types.BLK_PACKET: {order: _Numbers(blocks.ObsoletePacket, order) for order in "<>"},
}


class PcapngFile:
    """pcapng, block by block: sections, interfaces, the three kinds of packet, decryption secrets."""

    def __init__(self, stream: ExactReader, log: WarningLog, secrets: KeyLog, limit: int) -> None:
        """Reads the section header, behind its type. Raises CutShortError, and CorruptError where it is none."""
        self._stream = stream
        self._log = log
        self._secrets = secrets
        self._secrets_left = limit
        self._secret_text_left = _MOST_SECRET_TEXT
        self._byte_order = "<"
        self._interfaces: list[_Interface | None] = []
        self._section_header(stream.take(4, "a section header"))

    def packets(self) -> Iterator[Packet]:
        """The packets. Raises CutShortError and CorruptError."""
        take_or_end = self._stream.take_or_end
        while start := take_or_end(_BLOCK_START, "the type and length of a block"):
            number = self._number(start[:4])
            if number == block_types.BLK_SECTION_HEADER:
                self._section_header(start[4:])
                continue
            body = self._body(self._number(start[4:]))
            try:
                packet = self._block(number, body)
            except PcapngLoadError as error:
                self._log.add(WarningKind.unreadable, f"a block of type {number} is unreadable: {error}")
                continue
            if packet is not None:
                yield packet

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, "big" if self._byte_order == ">" else "little")

    def _section_header(self, length: bytes) -> None:
        """The rest of a section header, whose length is still in the order that it tells."""
        magic = self._stream.take(4, "a section header")
        if magic not in _BYTE_ORDERS:
            raise CorruptError(f"a section header has byte order magic {magic.hex()}")
        self._byte_order = _BYTE_ORDERS[magic]
        self._interfaces = []
        self._body(self._number(length), already=4)

    def _body(self, length: int, already: int = 0) -> bytes:
        """The rest of a block between its lengths, of which `already` bytes have been read."""
        at = self._stream.position
        if length < _BLOCK_OVERHEAD + already:
            raise CorruptError(f"at byte {at} a block says a length of {length}")
        rest = self._stream.take(length - _BLOCK_START - already + -length % 4, "a block")
        again = self._number(rest[-4:])
        if again != length:
            raise CorruptError(f"the block at byte {at} says a length of {length} before and {again} behind it")
        return rest[:-4]

    def _block(self, number: int, body: bytes) -> Packet | None:
        """The packet of a block, None of any other. Raises PcapngLoadError for a bad one."""
        if number in _PACKETS:
            return self._packet(_PACKETS[number][self._byte_order], body)
        if number == block_types.BLK_PACKET_SIMPLE:
            return self._simple_packet(body)
        if number == block_types.BLK_INTERFACE:
            if len(self._interfaces) == _MOST_INTERFACES:
                raise CorruptError(f"a section describes more than {_MOST_INTERFACES} interfaces")
            # Its place counts even when it cannot be read: packets name their interface by number.
            self._interfaces.append(None)
            self._interfaces[-1] = self._interface(body)
        elif number == DECRYPTION_SECRETS:
            self._decryption_secrets(body)
        return None

    def _interface(self, body: bytes) -> _Interface:
        stream = io.BytesIO(body)
        fields = struct_decode(blocks.InterfaceDescription.schema[:-1], stream, self._byte_order)
        exponent, seconds = _MICROSECONDS, 0
        try:
            options = dict(read_options(stream, self._byte_order))
            if _IF_TSRESOL in options:
                (exponent,) = struct.unpack("B", options[_IF_TSRESOL])
            if _IF_TSOFFSET in options:
                (seconds,) = struct.unpack(f"{self._byte_order}q", options[_IF_TSOFFSET])
        except (PcapngLoadError, struct.error):
            self._log.add(WarningKind.unreadable, "an interface's options are unreadable: its times may be wrong")
        return _Interface(
            link_type=fields["link_type"],
            snap_length=fields["snaplen"],
            ticks_per_second=(2 if exponent & 0x80 else 10) ** (exponent & 0x7F),
            offset=seconds * 10**9,
        )

    def _packet(self, numbers: _Numbers, body: bytes) -> Packet:
        # Behind the data come options, which may be anything and tell nothing that is needed here.
        number, high, low, captured, length = numbers.read(body)
        interface = self._described(number)
        data = body[numbers.length : numbers.length + captured]
        if len(data) < captured:
            raise PcapngLoadError(f"it says {captured} bytes of packet and holds {len(data)}")
        return Packet(interface.nanoseconds(high, low), interface.link_type, data, max(length, captured))

    def _described(self, number: int) -> _Interface:
        interface = self._interfaces[number] if number < len(self._interfaces) else None
        if interface is None:
            raise PcapngLoadError(f"interface {number} is not described")
        return interface

    def _simple_packet(self, body: bytes) -> Packet:
        interface = self._described(0)
        length = struct_decode(blocks.SimplePacket.schema[:1], io.BytesIO(body), self._byte_order)["packet_len"]
        data = body[4:][: min(length, interface.snap_length or length)]
        return Packet(0, interface.link_type, data, length)

    def _decryption_secrets(self, body: bytes) -> None:
        secrets_type, length = self._number(body[:4]), self._number(body[4:8])
        if secrets_type != TLS_KEY_LOG:
            return
        text = io.TextIOWrapper(io.BytesIO(body[8 : 8 + length]), "ascii", "replace")
        self._secrets.update(self._bounded(lines_of(text)))

    def _bounded(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self._secrets_left -= 1
            self._secret_text_left -= len(line)
            if min(self._secrets_left, self._secret_text_left) < 0:
                self._log.add(WarningKind.limit, "more secrets in the capture than are kept")
                return
            yield line
