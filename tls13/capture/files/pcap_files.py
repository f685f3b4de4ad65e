"""libpcap's file format, with the headers that dpkt declares."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import dpkt.pcap

from tls13.capture.files.framing import ExactReader
from tls13.capture.files.packets import Packet

_NANOSECONDS = (dpkt.pcap.TCPDUMP_MAGIC_NANO, dpkt.pcap.PMUDPCT_MAGIC_NANO)
_LINK_TYPE_MASK = 0xFFFF
"""Above it the field tells the length of a frame check sequence."""


def is_pcap(magic: bytes) -> bool:
    """Whether a file that starts so is one."""
    return int.from_bytes(magic, "big") in dpkt.pcap.MAGIC_TO_PKT_HDR


class PcapFile:
    """A file in either byte order and resolution, and with the longer packet headers of some systems."""

    def __init__(self, stream: ExactReader, magic: bytes) -> None:
        """Reads the file header, behind its magic. Raises CutShortError."""
        self._stream = stream
        number = int.from_bytes(magic, "big")
        packet_header = dpkt.pcap.MAGIC_TO_PKT_HDR[number]
        self._header = struct.Struct(packet_header.__hdr_fmt__)
        self._nanoseconds = 1 if number in _NANOSECONDS else 1000
        swapped = packet_header.__byte_order__ == "<" if hasattr(packet_header, "__byte_order__") else False
        file_header = dpkt.pcap.LEFileHdr if swapped else dpkt.pcap.FileHdr
        data = magic + stream.take(file_header.__hdr_len__ - len(magic), "the file header")
        self._link_type = file_header(data).linktype & _LINK_TYPE_MASK

    def packets(self) -> Iterator[Packet]:
        """The packets. Raises CutShortError and CorruptError."""
        take, take_or_end, unpack = self._stream.take, self._stream.take_or_end, self._header.unpack
        size, link_type, nanoseconds = self._header.size, self._link_type, self._nanoseconds
        number = 0
        while header := take_or_end(size, "the header of packet", number + 1):
            number += 1
            seconds, fraction, captured, length, *_ = unpack(header)
            data = take(captured, "packet", number)
            yield Packet(seconds * 10**9 + fraction * nanoseconds, link_type, data, max(length, captured))
