"""Capture files to packets: pcap, pcapng, gzip of either, told by what they start with, from any stream.

The layouts of headers and blocks are those of dpkt and python-pcapng. What stands around them is read here, because
neither library bounds what a length field makes it allocate or tells a file cut short from one that ends, and
python-pcapng's scanner decodes every option of every block and gives up the file over one it cannot.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

import dpkt.pcap
from pcapng import blocks
from pcapng.constants import block_types
from pcapng.exceptions import PcapngLoadError
from pcapng.structs import read_options, struct_decode

from tls13.capture.diagnostics import CaptureError, CaptureWarning, WarningKind, WarningLog
from tls13.capture.limits import Limits
from tls13.keylog import KeyLog

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Source = str | os.PathLike[str] | BinaryIO
"""A path, or a binary stream, which need not be able to seek."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: nanoseconds since the epoch, LINKTYPE, the bytes captured, and how many it had on the wire.

    The timestamp is 0 where the file gives none.
    """

    timestamp: int
    link_type: int
    data: bytes
    length: int


def packets(source: Source, limits: Limits | None = None) -> PacketReader:
    """The packets of a capture. Raises CaptureError at once for what is none."""
    return PacketReader(source, limits or Limits())


class PacketReader(Iterator[Packet]):
    """Iterates over a capture's packets, and closes a file that it opened behind the last.

    After construction nothing raises: what is wrong ends in `warnings`.
    """

    def __init__(self, source: Source, limits: Limits) -> None:
        self.secrets = KeyLog()
        """What the capture's own decryption secrets blocks have given so far."""
        self._log = WarningLog()
        self._file, self._owned = _open(source)
        try:
            self._packets = _recognise(_Bytes(self._file, limits.block), self._log, self.secrets, limits)
        except CaptureError:
            self.close()
            raise

    def __next__(self) -> Packet:
        packet = self._next()
        if packet is None:
            self.close()
            raise StopIteration
        return packet

    def _next(self) -> Packet | None:
        try:
            return next(self._packets, None)
        except _CutShortError as error:
            self._log.add(WarningKind.cut_short, f"the capture is cut short: {error}; all before it was read")
        except _CorruptError as error:
            self._log.add(WarningKind.corrupt, f"the capture is damaged: {error}; nothing after it was read")
        except _READ_ERRORS as error:
            self._log.add(WarningKind.cut_short, f"the capture cannot be read further: {_reason(error)}")
        return None

    @property
    def warnings(self) -> tuple[CaptureWarning, ...]:
        """What was wrong with the file so far."""
        secrets = (f"secrets in the capture: {each}" for each in self.secrets.warnings)
        return (*self._log, *(CaptureWarning(WarningKind.key_log, each) for each in secrets))

    def close(self) -> None:
        """Ends the iteration, and closes the file where it was given as a path."""
        self._packets = iter(())
        if self._owned:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


# -- the stream --------------------------------------------------------------------------------------------


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _CutShortError(Exception):
    """The stream ends in the middle of something."""


class _CorruptError(Exception):
    """The framing cannot be followed any further."""


_READ_ERRORS = (OSError, EOFError, zlib.error)
"""What a read can raise: the system, gzip for a stream that ends early, gzip for one that is damaged."""


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _open(source: Source) -> tuple[BinaryIO, bool]:
    if not isinstance(source, str | os.PathLike):
        return source, False
    try:
        return open(source, "rb"), True
    except OSError as error:
        raise CaptureError(
            f"cannot read {os.fspath(source)}: {error.strerror or error}", "name a capture file that can be read"
        ) from None


class _Bytes:
    """Exact reads from a stream, with the position, and never more at once than the limit."""

    def __init__(self, stream: _Readable, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self.position = 0

    def take(self, size: int, of: str) -> bytes:
        """The next `size` bytes. Raises _CutShortError where the stream ends before, _CorruptError over the limit."""
        data = self.take_or_end(size, of)
        if len(data) != size:
            raise _CutShortError(f"it ends at byte {self.position}, in {of}")
        return data

    def rejoined(self, head: bytes) -> BinaryIO:
        """The stream as a file, with `head` put back before it."""
        return io.BufferedReader(_Rejoined(head, self._stream))

    def take_or_end(self, size: int, of: str) -> bytes:
        """The same, but empty at the end of the stream."""
        if size > self._limit:
            raise _CorruptError(f"at byte {self.position} {of} says {size} bytes, over the limit of {self._limit}")
        data = self._stream.read(size)
        if 0 < len(data) < size:
            data = self._the_rest(data, size)
        self.position += len(data)
        if data and len(data) < size:
            raise _CutShortError(f"it ends at byte {self.position}, in {of}")
        return data

    def _the_rest(self, data: bytes, size: int) -> bytes:
        """What a stream gives that answers in pieces, as a pipe may."""
        pieces, length = [data], len(data)
        while length < size and (more := self._stream.read(size - length)):
            pieces.append(more)
            length += len(more)
        return b"".join(pieces)


class _Rejoined(io.RawIOBase):
    """A stream with the bytes put back that were read to recognise it."""

    def __init__(self, head: bytes, stream: _Readable) -> None:
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._head or self._stream.read(len(view))
        self._head = data[len(view) :]
        given = data[: len(view)]
        view[: len(given)] = given
        return len(given)


# -- what kind of file -------------------------------------------------------------------------------------


_GZIP_MAGIC = b"\x1f\x8b"
_MAGIC_LENGTH = 4


def _recognise(stream: _Bytes, log: WarningLog, secrets: KeyLog, limits: Limits) -> Iterator[Packet]:
    """The packets of the stream, whose file header has been read. Raises CaptureError for what is no capture."""
    try:
        magic = stream.take_or_end(_MAGIC_LENGTH, "its first bytes")
        if magic.startswith(_GZIP_MAGIC):
            stream = _Bytes(gzip.GzipFile(fileobj=stream.rejoined(magic), mode="rb"), limits.block)
            magic = stream.take_or_end(_MAGIC_LENGTH, "its first bytes")
        if not magic:
            raise CaptureError("the capture is empty: it has no bytes", "record some packets into it first")
        if int.from_bytes(magic, "big") in dpkt.pcap.MAGIC_TO_PKT_HDR:
            return _Pcap(stream, magic).packets()
        if int.from_bytes(magic, "big") == blocks.SectionHeader.magic_number:
            reader = _Pcapng(stream, log, secrets, limits.secrets)
            reader.section_header()
            return reader.packets()
    except (_CutShortError, _CorruptError) as error:
        raise CaptureError(f"not a capture that can be read: {error}", _EXPECTED) from None
    except _READ_ERRORS as error:
        raise CaptureError(f"the capture cannot be read: {_reason(error)}", _EXPECTED) from None
    raise CaptureError(f"not a capture: it starts with {magic.hex(' ')}", _EXPECTED)


_EXPECTED = "give a pcap or pcapng file, or one of them in gzip"


# -- pcap --------------------------------------------------------------------------------------------------


_PCAP_NANOSECONDS = (dpkt.pcap.TCPDUMP_MAGIC_NANO, dpkt.pcap.PMUDPCT_MAGIC_NANO)
_LINK_TYPE_MASK = 0xFFFF
"""Above it the field tells the length of a frame check sequence."""


class _Pcap:
    """libpcap's file format, both byte orders and resolutions, with the headers that dpkt declares."""

    def __init__(self, stream: _Bytes, magic: bytes) -> None:
        self._stream = stream
        number = int.from_bytes(magic, "big")
        packet_header = dpkt.pcap.MAGIC_TO_PKT_HDR[number]
        self._header = struct.Struct(packet_header.__hdr_fmt__)
        self._nanoseconds = 1 if number in _PCAP_NANOSECONDS else 1000
        swapped = packet_header.__byte_order__ == "<" if hasattr(packet_header, "__byte_order__") else False
        file_header = dpkt.pcap.LEFileHdr if swapped else dpkt.pcap.FileHdr
        data = magic + stream.take(file_header.__hdr_len__ - len(magic), "the file header")
        self._link_type = file_header(data).linktype & _LINK_TYPE_MASK

    def packets(self) -> Iterator[Packet]:
        number = 0
        while True:
            number += 1
            header = self._stream.take_or_end(self._header.size, f"the header of packet {number}")
            if not header:
                return
            seconds, fraction, captured, length, *_ = self._header.unpack(header)
            data = self._stream.take(captured, f"packet {number}")
            timestamp = seconds * 10**9 + fraction * self._nanoseconds
            yield Packet(timestamp, self._link_type, data, max(length, captured))


# -- pcapng ------------------------------------------------------------------------------------------------


_BYTE_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_BLOCK_OVERHEAD = 12
DECRYPTION_SECRETS = 0x0000000A
TLS_KEY_LOG = 0x544C534B
_MOST_INTERFACES = 2**16
_IF_TSRESOL, _IF_TSOFFSET = 9, 14


@dataclass(frozen=True, slots=True)
class _Interface:
    link_type: int
    snap_length: int
    ticks_per_second: int
    offset: int

    def nanoseconds(self, high: int, low: int) -> int:
        return (high << 32 | low) * 10**9 // self.ticks_per_second + self.offset


class _Pcapng:
    """pcapng, block by block: sections, interfaces, the three kinds of packet, decryption secrets."""

    def __init__(self, stream: _Bytes, log: WarningLog, secrets: KeyLog, limit: int) -> None:
        self._stream = stream
        self._log = log
        self._secrets = secrets
        self._secrets_left = limit
        self._byte_order = "<"
        self._interfaces: list[_Interface | None] = []

    def section_header(self) -> None:
        """Reads a section header block, behind its type. Raises _CorruptError where it is none."""
        raw_length = self._stream.take(4, "a section header")
        magic = self._stream.take(4, "a section header")
        if magic not in _BYTE_ORDERS:
            raise _CorruptError(f"a section header has byte order magic {magic.hex()}")
        self._byte_order = _BYTE_ORDERS[magic]
        self._interfaces = []
        self._body(self._number(raw_length), already=4)

    def packets(self) -> Iterator[Packet]:
        while block_type := self._stream.take_or_end(4, "the type of a block"):
            number = self._number(block_type)
            if number == block_types.BLK_SECTION_HEADER:
                self.section_header()
                continue
            body = self._body(self._number(self._stream.take(4, "the length of a block")))
            try:
                packet = self._block(number, body)
            except PcapngLoadError as error:
                self._log.add(WarningKind.unreadable, f"a block of type {number} is unreadable: {error}")
                continue
            if packet is not None:
                yield packet

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, "big" if self._byte_order == ">" else "little")

    def _body(self, length: int, already: int = 0) -> bytes:
        """The rest of a block between its lengths, of which `already` bytes have been read."""
        at = self._stream.position
        if length < _BLOCK_OVERHEAD + already:
            raise _CorruptError(f"at byte {at} a block says a length of {length}")
        padding = -length % 4
        body = self._stream.take(length - _BLOCK_OVERHEAD - already + padding, "a block")
        again = self._number(self._stream.take(4, "a block"))
        if again != length:
            raise _CorruptError(f"the block at byte {at} says a length of {length} before and {again} behind it")
        return body

    def _block(self, number: int, body: bytes) -> Packet | None:
        """The packet of a block, None of any other. Raises PcapngLoadError for a bad one."""
        if number == block_types.BLK_ENHANCED_PACKET:
            return self._packet(blocks.EnhancedPacket, body)
        if number == block_types.BLK_PACKET:
            return self._packet(blocks.ObsoletePacket, body)
        if number == block_types.BLK_PACKET_SIMPLE:
            return self._simple_packet(body)
        if number == block_types.BLK_INTERFACE:
            if len(self._interfaces) == _MOST_INTERFACES:
                raise _CorruptError(f"a section describes more than {_MOST_INTERFACES} interfaces")
            # Its place counts even when it cannot be read: packets name their interface by number.
            self._interfaces.append(None)
            self._interfaces[-1] = self._interface(body)
        elif number == DECRYPTION_SECRETS:
            self._decryption_secrets(body)
        return None

    def _interface(self, body: bytes) -> _Interface:
        stream = io.BytesIO(body)
        fields = struct_decode(blocks.InterfaceDescription.schema[:-1], stream, self._byte_order)
        try:
            options = dict(read_options(stream, self._byte_order))
        except PcapngLoadError:
            options = {}
            self._log.add(WarningKind.unreadable, "an interface's options are unreadable: its times may be wrong")
        resolution = int.from_bytes(options.get(_IF_TSRESOL, b"\x06")[:1], "big")
        offset = options.get(_IF_TSOFFSET, b"")
        seconds = int.from_bytes(offset, "big" if self._byte_order == ">" else "little", signed=True)
        return _Interface(
            link_type=fields["link_type"],
            snap_length=fields["snaplen"],
            ticks_per_second=(2 if resolution & 0x80 else 10) ** (resolution & 0x7F),
            offset=seconds * 10**9,
        )

    def _packet(self, block: type[blocks.EnhancedPacket | blocks.ObsoletePacket], body: bytes) -> Packet:
        # The last field is the options, which may be anything and tell nothing that is needed here.
        fields = struct_decode(block.schema[:-1], io.BytesIO(body), self._byte_order)
        interface = self._described(fields["interface_id"])
        timestamp = interface.nanoseconds(fields["timestamp_high"], fields["timestamp_low"])
        data = fields["packet_data"]
        return Packet(timestamp, interface.link_type, data, max(fields["packet_len"], len(data)))

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
        lines = body[8 : 8 + length].decode("ascii", "replace").splitlines()
        if len(lines) > self._secrets_left:
            self._log.add(WarningKind.limit, "more secrets in the capture than are kept")
        self._secrets.update(lines[: self._secrets_left])
        self._secrets_left -= min(len(lines), self._secrets_left)
