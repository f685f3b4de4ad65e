"""QUIC's Initial packets made by hand, without the code that reads them, and captures of them."""

from __future__ import annotations

import hmac
import io
import struct
from dataclasses import dataclass

import quic_initial_packets as rfc
from capture.made_captures import CLIENT, SERVER, START, ipv4, pcap
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tls13.capture import Capture, Connection, Direction, Limits, Message, read_capture
from tls13.capture.network.addresses import Endpoint

V1, V2 = 0x00000001, 0x6B3343CF
DRAFT_23, DRAFT_28, DRAFT_29, DRAFT_34 = 0xFF000017, 0xFF00001C, 0xFF00001D, 0xFF000022
SALTS = {
    V1: bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
    V2: bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"),
    DRAFT_23: bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502"),
    DRAFT_28: bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502"),
    DRAFT_29: bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899"),
    DRAFT_34: bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
}
CLOSE = bytes.fromhex("1c 0a 06 00")  # CONNECTION_CLOSE: PROTOCOL_VIOLATION, about a CRYPTO frame, no reason


def expand(secret: bytes, label: bytes, length: int) -> bytes:
    info = struct.pack(">HB", length, 6 + len(label)) + b"tls13 " + label + b"\0"
    return HKDFExpand(SHA256(), length, info).derive(secret)


@dataclass
class Sender:
    """One side's Initial packets. Made without the code that reads them."""

    is_client: bool = True
    version: int = V1
    connection_id: bytes = rfc.CONNECTION_ID
    """The client's first, which the keys come from."""
    number: int = 0
    client_id: bytes = b""
    server_id: bytes = b"serv"
    destination: bytes | None = None
    """Where it goes: in the client's case another than where the keys come from, once the server has spoken."""
    keys_of: int | None = None
    """The version whose keys it takes, where that is not the one it says."""

    def packet(self, frames: bytes, *, token: bytes = b"") -> bytes:
        """The next packet. RFC 9000 §17.2.2, RFC 9001 §5"""
        key, iv, hp = self.secrets()
        first = (0xD3 if self.version == V2 else 0xC3).to_bytes(1, "big")
        mine, theirs = (self.client_id, self.connection_id) if self.is_client else (self.server_id, self.client_id)
        theirs = theirs if self.destination is None else self.destination
        ids = bytes([len(theirs)]) + theirs + bytes([len(mine)]) + mine
        length = struct.pack(">H", 0x4000 | 4 + len(frames) + 16)
        header = first + struct.pack(">I", self.version) + ids + bytes([len(token)]) + token + length
        number = struct.pack(">I", self.number)
        nonce = (int.from_bytes(iv, "big") ^ self.number).to_bytes(12, "big")
        self.number += 1
        sealed = AESGCM(key).encrypt(nonce, frames, header + number)
        mask = Cipher(AES(hp), ECB()).encryptor().update(sealed[:16])
        protected = bytes(each ^ other for each, other in zip(number, mask[1:5], strict=True))
        return bytes([header[0] ^ mask[0] & 0x0F]) + header[1:] + protected + sealed

    def secrets(self) -> tuple[bytes, bytes, bytes]:
        version = self.version if self.keys_of is None else self.keys_of
        initial = hmac.digest(SALTS[version], self.connection_id, "sha256")
        secret = expand(initial, b"client in" if self.is_client else b"server in", 32)
        label = b"quicv2 " if version == V2 else b"quic "
        return expand(secret, label + b"key", 16), expand(secret, label + b"iv", 12), expand(secret, label + b"hp", 16)


def crypto(data: bytes, offset: int = 0) -> bytes:
    """A CRYPTO frame, its numbers in two bytes. RFC 9000 §19.6"""
    return b"\x06" + struct.pack(">HH", 0x4000 | offset, 0x4000 | len(data)) + data


def handshake_packet(version: int = V1, destination: bytes = b"", source: bytes = b"") -> bytes:
    """A Handshake packet that nobody can open. RFC 9000 §17.2.4"""
    ids = bytes([len(destination)]) + destination + bytes([len(source)]) + source
    first = 0xF0 if version == V2 else 0xE0
    return bytes([first]) + struct.pack(">I", version) + ids + struct.pack(">H", 0x4000 | 40) + bytes(40)


def retry_packet(connection_id: bytes, destination: bytes = b"") -> bytes:
    """A Retry packet of version 1 that asks to be sent to that connection ID. RFC 9000 §17.2.5"""
    ids = bytes([len(destination)]) + destination + bytes([len(connection_id)]) + connection_id
    return b"\xf0" + struct.pack(">I", V1) + ids + b"token" + bytes(16)


Sent = tuple[str, bytes]
"""C or S, and a datagram; c or s where the client has got another port."""
MOVED = Endpoint(CLIENT.address, 50001)


def capture_of(*sent: Sent, limits: Limits | None = None) -> Capture:
    return read_capture(io.BytesIO(file_of(*sent)), limits=limits)


def file_of(*sent: Sent) -> bytes:
    """A pcap file of the datagrams, a microsecond after each other."""
    packets = []
    for number, (sender, payload) in enumerate(sent):
        client = CLIENT if sender.isupper() else MOVED
        source, destination = (client, SERVER) if sender in "Cc" else (SERVER, client)
        udp = struct.pack(">HHHH", source.port, destination.port, 8 + len(payload), 0) + payload
        packets.append((START + number * 1000, ipv4(source.address, destination.address, udp, protocol=17)))
    return pcap(packets)


HELLOS = [(Direction.client, rfc.CLIENT_HELLO), (Direction.server, rfc.SERVER_HELLO)]


def said(connection: Connection) -> list[tuple[Direction, bytes]]:
    return [(item.direction, item.raw) for item in connection.messages if isinstance(item, Message)]
