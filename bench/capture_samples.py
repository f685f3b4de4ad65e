"""Captures to measure with: real TLS 1.3 between OpenSSL and itself, in the packets of a made-up Ethernet."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import BinaryIO

import dpkt.ethernet
import dpkt.ip
import dpkt.pcap
import dpkt.tcp

from bench.samples import test_pki

MEGABYTE = 10**6
SERVER = socket.inet_aton("198.51.100.1"), 443
SEGMENT = 1460
"""Bytes of TCP payload in an Ethernet frame of 1500."""

ACKNOWLEDGED = 2
"""After how many full segments the receiver acknowledges."""

DIFFERENT = 32
"""How many different connections a capture of small ones repeats, each time from another address and port."""

REQUEST, RESPONSE = bytes(300), bytes(1500)
BULK_CONNECTIONS = 4
BULK_WRITE = 2**18
"""Bytes that a bulk connection sends before it is another one's turn."""

Said = tuple[int, bytes]
"""Who said it, 0 for the client, and the bytes of TLS."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A capture file with its key log, and what its connections are like."""

    kind: str
    path: Path
    keylog: Path
    size: int
    """In bytes."""


def many_small(folder: Path, size: int) -> Sample:
    """About `size` bytes of connections with a handshake, a request and a response each."""
    path, keylog = folder / "small.pcap", folder / "small.keylog"
    conversations = [list(small_conversation(keylog)) for _ in range(DIFFERENT)]
    with path.open("wb") as file:
        frames, number = Frames(file), 0
        while file.tell() < size:
            flow = Flow(frames, number)
            flow.open()
            for sender, data in conversations[number % DIFFERENT]:
                flow.send(sender, data)
            flow.close()
            number += 1
        return Sample("many small connections", path, keylog, file.tell())


def few_bulk(folder: Path, size: int) -> Sample:
    """About `size` bytes of a few connections in turn, in each of which the server sends a lot."""
    path, keylog = folder / "bulk.pcap", folder / "bulk.keylog"
    ends = [Ends(keylog) for _ in range(BULK_CONNECTIONS)]
    with path.open("wb") as file:
        frames = Frames(file)
        flows = [Flow(frames, number) for number in range(len(ends))]
        for flow, pair in zip(flows, ends, strict=True):
            flow.open()
            for sender, data in (*pair.handshake(), *pair.say(0, REQUEST)):
                flow.send(sender, data)
        for flow, pair in cycle(list(zip(flows, ends, strict=True))):
            if file.tell() >= size:
                break
            for sender, data in pair.say(1, bytes(BULK_WRITE)):
                flow.send(sender, data)
        for flow in flows:
            flow.close()
        return Sample("few bulk connections", path, keylog, file.tell())


def small_conversation(keylog: Path) -> Iterator[Said]:
    ends = Ends(keylog)
    yield from ends.handshake()
    yield from ends.say(0, REQUEST)
    yield from ends.say(1, RESPONSE)


class Ends:
    """OpenSSL's client and server, in memory."""

    def __init__(self, keylog: Path) -> None:
        files = test_pki().server("ecdsa-p256")
        client = ssl.create_default_context(cafile=str(test_pki().ca))
        client.keylog_filename = str(keylog)
        client.set_alpn_protocols(["h2", "http/1.1"])
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(files.certificate, files.key)
        self._to, self._from = ((ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in range(2))
        self._ends = (
            client.wrap_bio(self._to[0], self._from[0], server_hostname="www.example.org"),
            server.wrap_bio(self._to[1], self._from[1], server_side=True),
        )

    def handshake(self) -> Iterator[Said]:
        """Both flights, and the tickets."""
        for sender in (0, 1, 0, 1):
            with suppress(ssl.SSLWantReadError):
                self._ends[sender].do_handshake()
            yield from self._sent(sender)

    def say(self, sender: int, data: bytes) -> Iterator[Said]:
        """Application data, which the other side reads."""
        self._ends[sender].write(data)
        yield from self._sent(sender)
        with suppress(ssl.SSLWantReadError):
            while self._ends[1 - sender].read(2**16):
                pass

    def _sent(self, sender: int) -> Iterator[Said]:
        data = self._from[sender].read()
        self._to[1 - sender].write(data)
        if data:
            yield sender, data


class Frames:
    """A pcap file of Ethernet frames, a tenth of a millisecond after each other."""

    def __init__(self, file: BinaryIO) -> None:
        self._writer = dpkt.pcap.Writer(file)
        self._count = 0

    def write(self, frame: dpkt.ethernet.Ethernet) -> None:
        """The next frame."""
        self._count += 1
        self._writer.writepkt(bytes(frame), 1_700_000_000 + self._count / 10_000)


class Flow:
    """One TCP connection on the way into the file."""

    def __init__(self, frames: Frames, number: int) -> None:
        self._frames = frames
        client = (10 << 24) + number // 50_000
        self._ends = ((client.to_bytes(4, "big"), 10_000 + number % 50_000), SERVER)
        self._next = [number * 7919 % 2**32, number * 104_729 % 2**32]

    def open(self) -> None:
        """The three-way handshake."""
        self._segment(0, dpkt.tcp.TH_SYN)
        self._segment(1, dpkt.tcp.TH_SYN | dpkt.tcp.TH_ACK)
        self._segment(0, dpkt.tcp.TH_ACK)

    def send(self, sender: int, data: bytes) -> None:
        """As many segments as it takes, and the acknowledgments."""
        for number, start in enumerate(range(0, len(data), SEGMENT), start=1):
            self._segment(sender, dpkt.tcp.TH_ACK | dpkt.tcp.TH_PUSH, data[start : start + SEGMENT])
            if number % ACKNOWLEDGED == 0:
                self._segment(1 - sender, dpkt.tcp.TH_ACK)

    def close(self) -> None:
        """Both FINs."""
        self._segment(0, dpkt.tcp.TH_ACK | dpkt.tcp.TH_FIN)
        self._segment(1, dpkt.tcp.TH_ACK | dpkt.tcp.TH_FIN)
        self._segment(0, dpkt.tcp.TH_ACK)

    def _segment(self, sender: int, flags: int, data: bytes = b"") -> None:
        (source, source_port), (destination, destination_port) = self._ends[sender], self._ends[1 - sender]
        tcp = dpkt.tcp.TCP(
            sport=source_port,
            dport=destination_port,
            seq=self._next[sender],
            ack=self._next[1 - sender] if flags & dpkt.tcp.TH_ACK else 0,
            flags=flags,
            sum=_NO_CHECKSUM,
            data=data,
        )
        ip = dpkt.ip.IP(
            src=source, dst=destination, p=dpkt.ip.IP_PROTO_TCP, len=20 + len(tcp), sum=_NO_CHECKSUM, data=tcp
        )
        self._frames.write(dpkt.ethernet.Ethernet(src=b"\2" + bytes(5), dst=b"\2" + bytes(4) + b"\1", data=ip))
        moved = len(data) + bool(flags & (dpkt.tcp.TH_SYN | dpkt.tcp.TH_FIN))
        self._next[sender] = (self._next[sender] + moved) % 2**32


_NO_CHECKSUM = 1
"""Any but 0, in place of which dpkt would work one out."""
