"""Handshake messages out of a capture, cut by hand: as little as that takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dpkt


def handshake_messages(file: Path) -> list[bytes]:
    """Those in the clear, header included, by connection and direction."""
    return [message for stream in streams(file) for message in messages_in(stream)]


def streams(file: Path) -> Iterator[bytes]:
    """The bytes of each direction of each connection."""
    segments: dict[tuple[bytes, int, bytes, int], dict[int, bytes]] = {}
    with file.open("rb") as opened:
        reader: Any = dpkt.pcapng.Reader(opened) if file.suffix == ".pcapng" else dpkt.pcap.Reader(opened)
        for _, frame in reader:
            packet = dpkt.ethernet.Ethernet(frame).data
            if isinstance(packet, (dpkt.ip.IP, dpkt.ip6.IP6)) and isinstance(packet.data, dpkt.tcp.TCP):
                tcp = packet.data
                if tcp.data:
                    segments.setdefault((packet.src, tcp.sport, packet.dst, tcp.dport), {})[tcp.seq] = bytes(tcp.data)
    for each in segments.values():
        yield b"".join(each[seq] for seq in sorted(each))


def messages_in(stream: bytes) -> Iterator[bytes]:
    """The handshake messages with their headers, up to where encryption begins, cut by hand."""
    at = max(0, stream.find(b"\x16\x03"))
    content = b""
    while stream[at : at + 1] == b"\x16":
        length = int.from_bytes(stream[at + 3 : at + 5], "big")
        content += stream[at + 5 : at + 5 + length]
        at += 5 + length
    while content:
        length = 4 + int.from_bytes(content[1:4], "big")
        yield content[:length]
        content = content[length:]
