"""Packets to TCP segments and UDP datagrams: link layer, tunnels, IP with its fragments, transport.

Headers are laid out as dpkt declares them. Its packet objects are not used: they hand each payload to whatever class
their tables name, for a hundred protocols, some of which fail in ways of their own on bytes that are none, and they
take several times as long.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import dpkt.ip
import dpkt.ip6
import dpkt.tcp
import dpkt.udp

from tls13.capture.diagnostics import WarningKind, WarningLog
from tls13.capture.files.bare_records import LINKTYPE_RECORDS
from tls13.capture.files.packets import Packet
from tls13.capture.limits import Limits
from tls13.capture.network.addresses import Endpoint, Endpoints
from tls13.capture.network.fragments import Fragment, Fragments
from tls13.capture.network.link_types import BEFORE_IP, IPV4, IPV6, LINK_TYPES, Place
from tls13.capture.network.tunnels import IP_IN_IP, UDP_TUNNELS, behind_gre
from tls13.capture.quic.packets import is_quic


class Segment(NamedTuple):
    """A TCP segment. `length` is the payload's on the wire, more than is there where the capture cut packets."""

    timestamp: int
    source: Endpoint
    destination: Endpoint
    sequence: int
    acknowledgment: int
    flags: int
    payload: bytes
    length: int


class Datagram(NamedTuple):
    """A UDP datagram."""

    timestamp: int
    source: Endpoint
    destination: Endpoint
    payload: bytes


class Layers:
    """Takes packets apart. What is wrong with one is told to `log`."""

    def __init__(self, limits: Limits, log: WarningLog) -> None:
        self._log = log
        self._endpoints = Endpoints()
        self._fragments = Fragments(limits, log)
        self._bare = 0
        """How many bytes of bare records there have been."""
        self._is_cut = False
        """Whether the file holds less of the packet than there was."""

    def open(self, packet: Packet) -> Segment | Datagram | None:
        """What the packet holds, or completes; None where that is something else or not readable."""
        link = LINK_TYPES.get(packet.link_type)
        self._is_cut = packet.length > len(packet.data)
        try:
            if link is not None:
                ethertype, at = link(packet.data)
                return self._network(packet.timestamp, packet.data, ethertype, at, 0)
        except (struct.error, IndexError):
            self._damaged("a packet is damaged, or cut off in its headers")
            return None
        if packet.link_type == LINKTYPE_RECORDS:
            return self._bare_segment(packet)
        self._log.add(WarningKind.unsupported, f"packets of link type {packet.link_type} are not read")
        return None

    def finish(self) -> None:
        """There are no more packets."""
        self._fragments.finish()

    def _bare_segment(self, packet: Packet) -> Segment:
        at, length = self._bare, len(packet.data)
        self._bare += length
        return Segment(0, _SENDER, _RECEIVER, at % SEQUENCE_NUMBERS, 0, 0, packet.data, length)

    def _network(self, timestamp: int, data: bytes, ethertype: int, at: int, depth: int) -> Segment | Datagram | None:
        """`depth` counts the tunnels around it."""
        if ethertype in BEFORE_IP:
            ethertype, at = BEFORE_IP[ethertype](data, at)
        if ethertype == IPV4:
            return self._ipv4(timestamp, data, at, depth)
        if ethertype == IPV6:
            return self._ipv6(timestamp, data, at, depth)
        return None

    # -- IP

    def _ipv4(self, timestamp: int, data: bytes, at: int, depth: int) -> Segment | Datagram | None:
        """RFC 791 §3.1"""
        first, _, total, identification, place, _, protocol, _, source, destination = _IPV4.unpack_from(data, at)
        if first >> 4 != 4 or protocol not in _PROTOCOLS:
            return None
        # A total length of 0 is what segmentation offload leaves: all that was captured counts.
        end = at + total if total else len(data)
        at += (first & 15) << 2
        if not place & _IPV4_FRAGMENT:
            return self._transport(timestamp, data, at, end, protocol, source + destination, depth)
        payload = self._fragments.add(
            Fragment(
                key=source + destination + identification.to_bytes(2, "big") + bytes([protocol]),
                timestamp=timestamp,
                offset=(place & dpkt.ip.IP_OFFMASK) << 3,
                data=data[at:end],
                is_last=not place & dpkt.ip.IP_MF,
            )
        )
        if payload is None:
            return None
        return self._transport(timestamp, payload, 0, len(payload), protocol, source + destination, depth)

    def _ipv6(self, timestamp: int, data: bytes, at: int, depth: int) -> Segment | Datagram | None:
        """RFC 8200 §3, §4"""
        first, length, protocol, _, source, destination = _IPV6.unpack_from(data, at)
        if first >> 28 != 6:
            return None
        addresses: bytes = source + destination
        at += _IPV6.size
        end = at + length if length else len(data)
        headers = 0
        while protocol in _EXTENSION_HEADERS and headers < _MOST_EXTENSION_HEADERS:
            headers += 1
            following, words = data[at], data[at + 1]
            if protocol == dpkt.ip.IP_PROTO_FRAGMENT:
                _, _, place, identification = _FRAGMENT_HEADER.unpack_from(data, at)
                at += _FRAGMENT_HEADER.size
                if place & _IPV6_FRAGMENT:
                    key = addresses + identification.to_bytes(4, "big") + bytes([following])
                    offset, is_last = place & _IPV6_OFFSET, not place & _IPV6_MORE
                    payload = self._fragments.add(Fragment(key, timestamp, offset, data[at:end], is_last))
                    if payload is None:
                        return None
                    data, at, end = payload, 0, len(payload)
            else:
                at += (words + 2) << 2 if protocol == dpkt.ip.IP_PROTO_AH else (words + 1) << 3
            protocol = following
        return self._transport(timestamp, data, at, end, protocol, addresses, depth)

    # -- what IP carries

    def _transport(
        self, timestamp: int, data: bytes, at: int, end: int, protocol: int, addresses: bytes, depth: int
    ) -> Segment | Datagram | None:
        """IP's payload from `at` to `end`, as it was on the wire: of a packet that was cut, less is there."""
        if protocol == dpkt.ip.IP_PROTO_TCP:
            return self._tcp(timestamp, data, at, end, addresses)
        if protocol == dpkt.ip.IP_PROTO_UDP:
            return self._udp(timestamp, data, at, end, addresses, depth)
        if protocol == dpkt.ip.IP_PROTO_GRE:
            return self._tunnelled(timestamp, data[:end], behind_gre(data, at), depth)
        if protocol in IP_IN_IP:
            return self._tunnelled(timestamp, data[:end], (IP_IN_IP[protocol], at), depth)
        return None

    def _tcp(self, timestamp: int, data: bytes, at: int, end: int, addresses: bytes) -> Segment | None:
        """RFC 9293 §3.1"""
        _, _, sequence, acknowledgment, flags, _, _, _ = _TCP.unpack_from(data, at)
        source, destination = self._endpoints.of(addresses, data[at : at + 4])
        payload_at = at + (flags >> 12 << 2)
        if payload_at < at + _TCP.size or payload_at > len(data):
            self._damaged("a TCP header is damaged or cut off")
            return None
        payload = data[payload_at:end]
        length = end - payload_at
        if length > len(payload):
            self._log.add(WarningKind.snapped, _SNAPPED)
        else:
            length = len(payload)
        return Segment(timestamp, source, destination, sequence, acknowledgment, flags & _TCP_FLAGS, payload, length)

    def _udp(
        self, timestamp: int, data: bytes, at: int, end: int, addresses: bytes, depth: int
    ) -> Segment | Datagram | None:
        """RFC 768"""
        _, port, length, _ = _UDP.unpack_from(data, at)
        payload_at = at + _UDP.size
        if length:
            end = min(end, at + length)
        if port in UDP_TUNNELS and payload_at < end:
            inside = UDP_TUNNELS[port](data[:end], payload_at)
            if inside is not None:
                return self._tunnelled(timestamp, data[:end], inside, depth)
        source, destination = self._endpoints.of(addresses, data[at : at + 4])
        payload = data[payload_at:end]
        if self._is_cut and end > len(data) and is_quic(payload):
            self._log.add(WarningKind.snapped, _SNAPPED)
        return Datagram(timestamp, source, destination, payload)

    def _damaged(self, what: str) -> None:
        """Tells of headers that are not all there: of a packet that the capture cut, what it takes to have them."""
        if self._is_cut:
            self._log.add(WarningKind.snapped, _SNAPPED_IN_HEADERS)
        else:
            self._log.add(WarningKind.unreadable, what)

    def _tunnelled(self, timestamp: int, data: bytes, inside: Place, depth: int) -> Segment | Datagram | None:
        if depth == _DEEPEST_TUNNEL:
            self._log.add(WarningKind.unsupported, f"packets in more than {_DEEPEST_TUNNEL} tunnels are not read")
            return None
        return self._network(timestamp, data, *inside, depth + 1)


_IPV4 = struct.Struct(dpkt.ip.IP.__hdr_fmt__)
_IPV6 = struct.Struct(dpkt.ip6.IP6.__hdr_fmt__)
_FRAGMENT_HEADER = struct.Struct(dpkt.ip6.IP6FragmentHeader.__hdr_fmt__)
_TCP = struct.Struct(dpkt.tcp.TCP.__hdr_fmt__)
_UDP = struct.Struct(dpkt.udp.UDP.__hdr_fmt__)

_IPV4_FRAGMENT = dpkt.ip.IP_OFFMASK | dpkt.ip.IP_MF
_IPV6_OFFSET, _IPV6_MORE = 0xFFF8, 1
_IPV6_FRAGMENT = _IPV6_OFFSET | _IPV6_MORE
_TCP_FLAGS = 0x1FF
_PROTOCOLS = frozenset({dpkt.ip.IP_PROTO_TCP, dpkt.ip.IP_PROTO_UDP, dpkt.ip.IP_PROTO_GRE, *IP_IN_IP})
_EXTENSION_HEADERS = frozenset(
    {
        dpkt.ip.IP_PROTO_HOPOPTS,
        dpkt.ip.IP_PROTO_ROUTING,
        dpkt.ip.IP_PROTO_FRAGMENT,
        dpkt.ip.IP_PROTO_AH,
        dpkt.ip.IP_PROTO_DSTOPTS,
    }
)
_MOST_EXTENSION_HEADERS = 32
_DEEPEST_TUNNEL = 4

_SNAPPED = "packets are cut by the snap length: capture again with -s 0"
_SNAPPED_IN_HEADERS = "packets are cut in their headers by the snap length: capture again with -s 0"

_SENDER, _RECEIVER = Endpoint("0.0.0.0", 1), Endpoint("0.0.0.0", 0)
"""The ends of bare records, which have none: with the higher port goes who is taken for the client if nothing tells."""
SEQUENCE_NUMBERS = 2**32
"""TCP counts modulo this. RFC 9293 §3.4"""
