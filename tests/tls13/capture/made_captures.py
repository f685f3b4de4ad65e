"""Captures made by hand for the tests: packets, the files around them, and TLS 1.3 connections inside.

Headers are packed here field by field, without the libraries that read them.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from schemas.code_points import CipherSuite, ContentType, KeyUpdateRequest, ProtocolVersion
from schemas.extensions import EarlyDataIndication, SupportedVersions
from schemas.handshake import (
    ClientHello,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    Handshake,
    HandshakeMessage,
    HelloRetryRequest,
    KeyUpdate,
    NewSessionTicket,
    ServerHello,
)
from tls13.capture.network.link import Endpoint, Segment
from tls13.crypto.aead import SUITES
from tls13.keylog import KeyLog
from tls13.record_layer import Protection

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CLIENT = Endpoint("192.0.2.1", 50000)
SERVER = Endpoint("192.0.2.2", 443)
START = 1_700_000_000_000_000_000
"""Nanoseconds; a whole number of microseconds, which every file format keeps."""


# -- packets -----------------------------------------------------------------------------------------------


def tcp(segment: Segment) -> bytes:
    """Header and payload of a segment."""
    header = struct.pack(
        ">HHIIBBHHH",
        segment.source.port,
        segment.destination.port,
        segment.sequence,
        segment.acknowledgment,
        5 << 4,  # data offset in words, no options
        segment.flags,
        65535,  # window
        0,  # checksum, left out as with offloading
        0,  # urgent pointer
    )
    return header + segment.payload


def ipv4(source: str, destination: str, payload: bytes, *, protocol: int = 6, fragment: int = 0) -> bytes:
    """An IPv4 datagram. `fragment` is the field of flags and offset."""
    header = struct.pack(
        ">BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(payload),
        0,
        fragment,
        64,
        protocol,
        0,
        ipaddress.ip_address(source).packed,
        ipaddress.ip_address(destination).packed,
    )
    return header + payload


def ipv6(source: str, destination: str, payload: bytes, *, next_header: int = 6) -> bytes:
    """An IPv6 datagram. Extension headers are the start of the payload."""
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    return struct.pack(">IHBB", 6 << 28, len(payload), next_header, 64) + addresses + payload


def datagram(segment: Segment) -> bytes:
    """A segment in the datagram that its addresses ask for."""
    make = ipv6 if ":" in segment.source.address else ipv4
    return make(segment.source.address, segment.destination.address, tcp(segment))


def ethernet(payload: bytes, ethertype: int = 0x0800) -> bytes:
    """An Ethernet frame."""
    return bytes.fromhex("020000000002020000000001") + struct.pack(">H", ethertype) + payload


# -- files -------------------------------------------------------------------------------------------------


def pcap(
    packets: Iterable[tuple[int, bytes]], *, order: str = "<", nanoseconds: bool = False, link_type: int = 101
) -> bytes:
    """A pcap file of (nanoseconds, packet) pairs."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    file = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)
    for timestamp, data in packets:
        seconds, rest = divmod(timestamp, 10**9)
        fraction = rest if nanoseconds else rest // 1000
        file += struct.pack(order + "IIII", seconds, fraction, len(data), len(data)) + data
    return file


def block(number: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", number) + length + body + length


def section(order: str = "<") -> bytes:
    """A pcapng section header block."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """A pcapng option."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(link_type: int = 101, options: bytes = b"", *, snap_length: int = 0, order: str = "<") -> bytes:
    """A pcapng interface description block."""
    end = option(0, b"", order) if options else b""
    return block(1, struct.pack(order + "HHI", link_type, 0, snap_length) + options + end, order)


def enhanced(ticks: int, data: bytes, *, number: int = 0, length: int | None = None, order: str = "<") -> bytes:
    """A pcapng enhanced packet block."""
    fields = (number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data) if length is None else length)
    return block(6, struct.pack(order + "5I", *fields) + data, order)


def secrets(text: bytes, order: str = "<") -> bytes:
    """A pcapng decryption secrets block of TLS key log lines."""
    return block(10, struct.pack(order + "II", 0x544C534B, len(text)) + text, order)


# -- TCP connections ---------------------------------------------------------------------------------------


@dataclass
class Wire:
    """A TCP connection as the segments that go by. Every segment is a millisecond after the one before it."""

    client: Endpoint = CLIENT
    server: Endpoint = SERVER
    initial: tuple[int, int] = (1000, 900_000)
    segments: list[Segment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._next = {self.client: self.initial[0], self.server: self.initial[1]}

    def open(self) -> Wire:
        """The three-way handshake."""
        self.send(self.client, flags=SYN)
        self.send(self.server, flags=SYN | ACK)
        self.send(self.client)
        return self

    def send(self, source: Endpoint, data: bytes = b"", flags: int = ACK) -> None:
        """One segment, whatever its length."""
        destination = self.server if source == self.client else self.client
        sequence = self._next[source]
        acknowledgment = self._next[destination] if flags & ACK else 0
        self._next[source] = (sequence + len(data) + bool(flags & (SYN | FIN))) % 2**32
        timestamp = START + len(self.segments) * 10**6
        self.segments.append(Segment(timestamp, source, destination, sequence, acknowledgment, flags, data, len(data)))

    def close(self) -> Wire:
        """Both FINs."""
        self.send(self.client, flags=FIN | ACK)
        self.send(self.server, flags=FIN | ACK)
        self.send(self.client)
        return self

    def pcap(self) -> bytes:
        """The segments as a pcap file of raw IP."""
        return pcap_of(self.segments)


def pcap_of(segments: Iterable[Segment]) -> bytes:
    """Segments as a pcap file of raw IP."""
    return pcap((segment.timestamp, datagram(segment)) for segment in segments)


# -- TLS connections ---------------------------------------------------------------------------------------


RANDOM = bytes(range(32))
SUITE = CipherSuite.TLS_AES_128_GCM_SHA256


def record(content_type: ContentType, fragment: bytes, version: int = 0x0303) -> bytes:
    """A record that is not protected."""
    return struct.pack(">BHH", content_type, version, len(fragment)) + fragment


def client_hello(*, random: bytes = RANDOM, early_data: bool = False, padding: int = 0) -> ClientHello:
    """A ClientHello with as few extensions as there can be."""
    extensions = [SupportedVersions.client_hello([ProtocolVersion.TLS13])]
    if early_data:
        extensions.append(EarlyDataIndication.client_hello(b""))
    return ClientHello(
        random=random, cipher_suites=[SUITE], legacy_session_id=bytes(min(padding, 32)), extensions=extensions
    )


def server_hello(suite: CipherSuite = SUITE) -> ServerHello:
    """A ServerHello that chooses TLS 1.3."""
    extensions = [SupportedVersions.server_hello(ProtocolVersion.TLS13)]
    return ServerHello(random=bytes(32), cipher_suite=suite, extensions=extensions)


def retry() -> HelloRetryRequest:
    """A HelloRetryRequest."""
    extensions = [SupportedVersions.hello_retry_request(ProtocolVersion.TLS13)]
    return HelloRetryRequest(cipher_suite=SUITE, extensions=extensions)


def raw(message: HandshakeMessage) -> bytes:
    """A handshake message with its header."""
    return Handshake.of(message).build()


FINISHED = Finished(verify_data=bytes(32))
TICKET = NewSessionTicket(ticket_lifetime=1, ticket_age_add=2, ticket_nonce=b"", ticket=b"ticket")
KEY_UPDATE = KeyUpdate(request_update=KeyUpdateRequest.update_not_requested)

SECRETS = {
    "CLIENT_EARLY_TRAFFIC_SECRET": b"\x01" * 32,
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET": b"\x02" * 32,
    "SERVER_HANDSHAKE_TRAFFIC_SECRET": b"\x03" * 32,
    "CLIENT_TRAFFIC_SECRET_0": b"\x04" * 32,
    "SERVER_TRAFFIC_SECRET_0": b"\x05" * 32,
}


def keylog(*without: str, random: bytes = RANDOM) -> KeyLog:
    """The secrets of every `Talk`, but for those labels."""
    log = KeyLog()
    for label, secret in SECRETS.items():
        if label not in without:
            log.add(label, random, secret)
    return log


@dataclass
class Talk:
    """A TLS connection on a wire: one side's records after the other's, protected under `SECRETS`."""

    wire: Wire = field(default_factory=lambda: Wire().open())

    def __post_init__(self) -> None:
        self._keys = {label: Protection(SUITES[SUITE], secret) for label, secret in SECRETS.items()}

    def plain(self, source: Endpoint, message: HandshakeMessage) -> None:
        """A hello, in a record and a segment of its own."""
        self.wire.send(source, record(ContentType.handshake, raw(message)))

    def sealed(self, source: Endpoint, label: str, data: bytes, content_type: ContentType) -> bytes:
        """A protected record, not sent."""
        return self._keys[label].protect(content_type, data)

    def send(
        self,
        source: Endpoint,
        label: str,
        data: bytes | HandshakeMessage,
        content_type: ContentType = ContentType.application_data,
    ) -> None:
        """A protected record in a segment of its own: a handshake message, or a content of that type."""
        if not isinstance(data, bytes):
            data, content_type = raw(data), ContentType.handshake
        self.wire.send(source, self.sealed(source, label, data, content_type))

    def update(self, source: Endpoint, label: str) -> None:
        """A KeyUpdate, and the new keys."""
        self.send(source, label, KEY_UPDATE)
        self._keys[label] = self._keys[label].updated()

    def hellos(self, *, early_data: bool = False) -> None:
        """ClientHello and ServerHello."""
        self.plain(CLIENT, client_hello(early_data=early_data))
        self.plain(SERVER, server_hello())

    def rest_of_handshake(self, *, early_data: bool = False) -> None:
        """What follows the hellos, in the shortest form, up to the client's Finished."""
        self.send(SERVER, "SERVER_HANDSHAKE_TRAFFIC_SECRET", EncryptedExtensions())
        self.send(SERVER, "SERVER_HANDSHAKE_TRAFFIC_SECRET", FINISHED)
        if early_data:
            self.send(CLIENT, "CLIENT_EARLY_TRAFFIC_SECRET", EndOfEarlyData())
        self.send(CLIENT, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", FINISHED)

    def handshake(self) -> Talk:
        """All of the handshake."""
        self.hellos()
        self.rest_of_handshake()
        return self

    def say(self, source: Endpoint, data: bytes) -> None:
        """Application data."""
        self.send(source, "CLIENT_TRAFFIC_SECRET_0" if source == CLIENT else "SERVER_TRAFFIC_SECRET_0", data)


def in_order(sequence: Sequence[Segment], order: Sequence[int]) -> list[Segment]:
    """The segments in another order, with the timestamps of the places that they take."""
    return [sequence[index]._replace(timestamp=place.timestamp) for place, index in zip(sequence, order, strict=True)]
