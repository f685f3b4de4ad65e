"""Packets to TCP segments: link layer, IPv4 or IPv6, TCP, with dpkt.

dpkt hands each layer's payload to whatever class its tables name, for a hundred protocols, some of which fail in
ways of their own on bytes that are none. The subclasses here know only the protocols that lead to TCP.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import NamedTuple

import dpkt
import dpkt.ethernet
import dpkt.ip
import dpkt.ip6
import dpkt.sll
import dpkt.sll2
import dpkt.tcp

from tls13.capture.diagnostics import WarningKind, WarningLog
from tls13.capture.files import Packet


class Endpoint(NamedTuple):
    """An IP address, as text, and a TCP port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


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


def segment(packet: Packet, log: WarningLog) -> Segment | None:
    """The TCP segment in a packet, None for any other packet. What may have been one is told to `log`."""
    link = _LINKS.get(packet.link_type)
    if link is None:
        log.add(WarningKind.unsupported, f"packets of link type {packet.link_type} are not read")
        return None
    try:
        datagram = link(packet.data)
    except (dpkt.UnpackError, IndexError):
        datagram = None
        log.add(WarningKind.unreadable, "a packet is damaged, or cut off in its first headers")
    if isinstance(datagram, dpkt.ip.IP):
        return _from_ipv4(packet, datagram, log)
    if isinstance(datagram, dpkt.ip6.IP6):
        return _from_ipv6(packet, datagram, log)
    return None


# -- link layers -------------------------------------------------------------------------------------------


# dpkt declares no types, and a class statement would inherit from Any.
_TCP_ONLY = {"_protosw": {dpkt.ip.IP_PROTO_TCP: dpkt.tcp.TCP}}
_IPv4 = type("IP", (dpkt.ip.IP,), _TCP_ONLY)
_IPv6 = type("IP6", (dpkt.ip6.IP6,), _TCP_ONLY)
_IP_ONLY = {"_typesw": {dpkt.ethernet.ETH_TYPE_IP: _IPv4, dpkt.ethernet.ETH_TYPE_IP6: _IPv6}}
_Ethernet = type("Ethernet", (dpkt.ethernet.Ethernet,), _IP_ONLY)
_LinuxCooked = type("SLL", (dpkt.sll.SLL,), _IP_ONLY)
_LinuxCooked2 = type("SLL2", (dpkt.sll2.SLL2,), _IP_ONLY)

_ETHERTYPE = slice(12, 14)
_LONGEST_802_3 = 1500
"""Up to here the field after the addresses is a length, and what follows is no IP."""
_LOOPBACK_FAMILY_LENGTH = 4


def _ethernet(data: bytes) -> object:
    if int.from_bytes(data[_ETHERTYPE], "big") <= _LONGEST_802_3:
        return None
    payload: object = _Ethernet(data).data
    return payload


def _linux_cooked(data: bytes) -> object:
    payload: object = _LinuxCooked(data).data
    return payload


def _linux_cooked_2(data: bytes) -> object:
    payload: object = _LinuxCooked2(data).data
    return payload


def _raw_ip(data: bytes) -> object:
    version = data[0] >> 4
    return _IPv4(data) if version == 4 else _IPv6(data) if version == 6 else None


def _loopback(data: bytes) -> object:
    # The family's number differs from system to system, and with the byte order; the IP version does not.
    return _raw_ip(data[_LOOPBACK_FAMILY_LENGTH:])


_LINKS: dict[int, Callable[[bytes], object]] = {
    0: _loopback,  # LINKTYPE_NULL
    1: _ethernet,  # LINKTYPE_ETHERNET
    12: _raw_ip,  # DLT_RAW, which some systems write into files in place of
    14: _raw_ip,
    101: _raw_ip,  # LINKTYPE_RAW
    108: _loopback,  # LINKTYPE_LOOP
    113: _linux_cooked,  # LINKTYPE_LINUX_SLL
    228: _raw_ip,  # LINKTYPE_IPV4
    229: _raw_ip,  # LINKTYPE_IPV6
    276: _linux_cooked_2,  # LINKTYPE_LINUX_SLL2
}
"""https://www.tcpdump.org/linktypes.html"""


# -- IP and TCP --------------------------------------------------------------------------------------------


def _from_ipv4(packet: Packet, ip: dpkt.ip.IP, log: WarningLog) -> Segment | None:
    if ip.p != dpkt.ip.IP_PROTO_TCP:
        return None
    if ip.offset or ip.mf:
        log.add(WarningKind.fragment, "IP fragments of TCP are not put together: their segments are missing")
        return None
    # A total length of 0 is what segmentation offload leaves: all that was captured counts.
    length = ip.len - (ip.hl << 2) if ip.len else None
    return _from_tcp(packet, socket.AF_INET, ip, length, log)


def _from_ipv6(packet: Packet, ip: dpkt.ip6.IP6, log: WarningLog) -> Segment | None:
    for header in ip.all_extension_headers:
        if isinstance(header, dpkt.ip6.IP6FragmentHeader) and (header.frag_off or header.m_flag):
            log.add(WarningKind.fragment, "IP fragments are not put together: their segments are missing")
            return None
    if getattr(ip, "p", None) != dpkt.ip.IP_PROTO_TCP:
        return None
    extensions = sum(header.length for header in ip.all_extension_headers)
    return _from_tcp(packet, socket.AF_INET6, ip, ip.plen - extensions if ip.plen else None, log)


def _from_tcp(
    packet: Packet, family: int, ip: dpkt.ip.IP | dpkt.ip6.IP6, length: int | None, log: WarningLog
) -> Segment | None:
    """`length` is what IP says of TCP's header and payload together."""
    tcp = ip.data
    if not isinstance(tcp, dpkt.tcp.TCP):
        log.add(WarningKind.unreadable, "a TCP header is damaged or cut off")
        return None
    payload = bytes(tcp.data)
    on_the_wire = len(payload) if length is None else max(len(payload), length - (tcp.off << 2))
    if on_the_wire > len(payload):
        log.add(WarningKind.snapped, "packets were cut when they were captured: bytes are missing")
    return Segment(
        packet.timestamp,
        Endpoint(socket.inet_ntop(family, ip.src), tcp.sport),
        Endpoint(socket.inet_ntop(family, ip.dst), tcp.dport),
        tcp.seq,
        tcp.ack,
        tcp.flags,
        payload,
        on_the_wire,
    )
