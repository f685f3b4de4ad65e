"""Connections into a capture file of their own: pcapng, with the secrets inside, which Wireshark shows decrypted.

What is recorded is what the endpoints handed to and got from their transport. The packets around it are made up:
handshake, segments, acknowledgments and end as TCP would have them on a link that loses nothing.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import dpkt.ip
import dpkt.ip6
import dpkt.tcp
from pcapng import FileWriter, blocks
from pcapng.structs import IntField, RawBytes

from tls13.capture.diagnostics import CaptureError
from tls13.capture.files.pcapng_files import DECRYPTION_SECRETS, TLS_KEY_LOG
from tls13.capture.messages import Direction
from tls13.capture.network.addresses import Endpoint
from tls13.capture.network.streams import ACK, FIN, SYN
from tls13.closing import Closing
from tls13.keylog import line

_LINKTYPE_RAW = 101
_PSH = dpkt.tcp.TH_PUSH
_SEGMENT_LENGTHS = {socket.AF_INET: 1460, socket.AF_INET6: 1440}
"""What an Ethernet frame of 1500 bytes leaves for TCP payload."""
_UNACKNOWLEDGED = 2**15
"""Bytes, after which the receiver sends an acknowledgment of its own."""
_SEQUENCE_NUMBERS = 2**32
_INITIAL_STEP = 2**20

# python-pcapng has no block of this kind yet, and declares no types that a class statement could inherit from.
_DecryptionSecrets = type(
    "DecryptionSecrets",
    (blocks.SectionMemberBlock,),
    {
        "__slots__": [],
        "magic_number": DECRYPTION_SECRETS,
        "schema": [
            ("secrets_type", IntField(32, False), TLS_KEY_LOG),
            ("secrets_length", IntField(32, False), 0),
            ("secrets_data", RawBytes(0), b""),
        ],
    },
)


class CaptureWriter(Closing):
    """Writes a pcapng file, which its owner alone may read. Recordings may be made from several threads.

    `clock` gives seconds since the epoch. Raises CaptureError where the file cannot be opened or written.
    """

    def __init__(self, path: str | os.PathLike[str], clock: Callable[[], float] = time.time) -> None:
        self.path = os.fspath(path)
        self._clock = clock
        self._lock = threading.Lock()
        self._recordings = 0
        self._section = blocks.SectionHeader(options={"shb_userappl": "tls13"})
        self._section.new_member(blocks.InterfaceDescription, link_type=_LINKTYPE_RAW)
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(descriptor, "wb")
        except OSError as error:
            raise self._failure(error) from None
        try:
            self._writer = FileWriter(self._file, self._section)
            self._file.flush()
        except OSError as error:
            with suppress(OSError):  # what could not be written before can't be now
                self._file.close()
            raise self._failure(error) from None

    def open(self, client: Endpoint, server: Endpoint) -> Recording:
        """A new connection, opened by the client. Raises CaptureError for addresses that are not of one IP version."""
        with self._lock:
            number = self._recordings
            self._recordings += 1
        return Recording(self, client, server, number * _INITIAL_STEP % _SEQUENCE_NUMBERS)

    def secret(self, label: str, client_random: bytes, secret: bytes) -> None:
        """Puts a secret into the file, before the packets that it opens when those are recorded after it."""
        data = line(label, client_random, secret).encode("ascii")
        self._write([(_DecryptionSecrets, {"secrets_length": len(data), "secrets_data": data})])

    def close(self) -> None:
        """Closes the file. What is recorded after it is not written; a second time does nothing."""
        with self._lock:
            try:
                self._file.close()
            except OSError as error:
                raise self._failure(error) from None

    def _packets(self, packets: list[bytes]) -> None:
        timestamp = int(self._clock() * 10**6)
        times = {"timestamp_high": timestamp >> 32, "timestamp_low": timestamp & 0xFFFFFFFF}
        self._write([(blocks.EnhancedPacket, {"packet_data": packet, **times}) for packet in packets])

    def _write(self, members: list[tuple[type, dict[str, object]]]) -> None:
        with self._lock:
            if self._file.closed:
                return
            try:
                for kind, fields in members:
                    self._writer.write_block(self._section.new_member(kind, **fields))
                self._file.flush()
            except OSError as error:
                raise self._failure(error) from None

    def _failure(self, error: OSError) -> CaptureError:
        return CaptureError(
            f"cannot write capture {self.path}: {error.strerror or error}", "name a file that can be written"
        )


class Recording(Closing):
    """One connection in a capture that is being written. Its calls may come from several threads.

    Record bytes after the engine has seen them: then the secrets that open them stand before them in the file.
    """

    def __init__(self, writer: CaptureWriter, client: Endpoint, server: Endpoint, initial: int) -> None:
        self._writer = writer
        self._lock = threading.Lock()
        self._family = socket.AF_INET6 if ":" in client.address else socket.AF_INET
        self._ends = {Direction.client: self._end(client), Direction.server: self._end(server)}
        self._next = dict.fromkeys(Direction, initial)
        """The sequence number of the next byte of each direction."""
        self._unacknowledged = dict.fromkeys(Direction, 0)
        self._closed = False
        opening = [
            self._packet(Direction.client, SYN),
            self._packet(Direction.server, SYN | ACK),
            self._packet(Direction.client, ACK),
        ]
        writer._packets(opening)

    def sent(self, direction: Direction, data: bytes) -> None:
        """Records what that side sent. Nothing is recorded of no bytes, or after `close`."""
        size = _SEGMENT_LENGTHS[self._family]
        with self._lock:
            if self._closed or not data:
                return
            packets: list[bytes] = []
            for start in range(0, len(data), size):
                packets.append(self._packet(direction, _PSH | ACK, data[start : start + size]))
                if self._unacknowledged[direction] >= _UNACKNOWLEDGED:
                    packets.append(self._packet(direction.opposite, ACK))
            self._writer._packets(packets)

    def close(self) -> None:
        """Records the end of the connection. A second time does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                closing = [(Direction.client, FIN | ACK), (Direction.server, FIN | ACK), (Direction.client, ACK)]
                self._writer._packets([self._packet(direction, flags) for direction, flags in closing])

    def _end(self, endpoint: Endpoint) -> tuple[bytes, int]:
        """The address as the IP header has it, and the port."""
        address, _, _zone = endpoint.address.partition("%")
        try:
            return socket.inet_pton(self._family, address), endpoint.port
        except OSError:
            version = 6 if self._family is socket.AF_INET6 else 4
            raise CaptureError(
                f"{endpoint.address} is no IPv{version} address", "give both ends of one IP version"
            ) from None

    def _packet(self, direction: Direction, flags: int, data: bytes = b"") -> bytes:
        """The next packet of that side, checksums and all."""
        (source, source_port), (destination, destination_port) = (
            self._ends[direction],
            self._ends[direction.opposite],
        )
        tcp = dpkt.tcp.TCP(
            sport=source_port,
            dport=destination_port,
            seq=self._next[direction],
            ack=self._next[direction.opposite] if flags & ACK else 0,
            flags=flags,
            data=data,
        )
        length = len(data) + bool(flags & (SYN | FIN))
        self._next[direction] = (self._next[direction] + length) % _SEQUENCE_NUMBERS
        self._unacknowledged[direction] += len(data)
        self._unacknowledged[direction.opposite] = 0
        if self._family is socket.AF_INET6:
            return bytes(
                dpkt.ip6.IP6(src=source, dst=destination, nxt=dpkt.ip.IP_PROTO_TCP, hlim=64, plen=len(tcp), data=tcp)
            )
        return bytes(dpkt.ip.IP(src=source, dst=destination, p=dpkt.ip.IP_PROTO_TCP, df=1, data=tcp))
