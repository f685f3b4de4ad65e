"""Link layers: where the network layer begins in a packet, and which it is. https://www.tcpdump.org/linktypes.html"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import dpkt.ethernet
import dpkt.ppp
import dpkt.pppoe
import dpkt.sll
import dpkt.sll2

IPV4: int = dpkt.ethernet.ETH_TYPE_IP
IPV6: int = dpkt.ethernet.ETH_TYPE_IP6
OTHER = 0
"""An ethertype for what is not looked into."""

Place = tuple[int, int]
"""The ethertype of what follows, and where it begins."""


def ethernet(data: bytes, at: int = 0) -> Place:
    """A frame, with any number of VLAN tags, and SNAP behind a length. Raises IndexError where it is too short."""
    ethertype, at = _behind_tags(data, at + _ETHERNET_LENGTH)
    if ethertype <= _LONGEST_PAYLOAD and data[at : at + len(_SNAP)] == _SNAP:
        at += len(_SNAP) + 2
        return data[at - 2] << 8 | data[at - 1], at
    return ethertype, at


def raw_ip(data: bytes, at: int = 0) -> Place:
    """IP of the version that its first bits say. Raises IndexError where there is nothing."""
    return _IP_VERSIONS.get(data[at] >> 4, OTHER), at


def behind_labels(data: bytes, at: int) -> Place:
    """IP behind MPLS labels, of which the last has its lowest bit but eight set. RFC 3032 §2.1. Raises IndexError."""
    while not data[at + 2] & _BOTTOM_OF_STACK:
        at += _LABEL_LENGTH
    return raw_ip(data, at + _LABEL_LENGTH)


def ppp(data: bytes, at: int = 0) -> Place:
    """IP in PPP, whose address, control and zero bytes may be missing. RFC 1661 §6. Raises IndexError."""
    if data[at : at + len(_PPP_ADDRESS_AND_CONTROL)] == _PPP_ADDRESS_AND_CONTROL:
        at += len(_PPP_ADDRESS_AND_CONTROL)
    length = 1 if data[at] & 1 else 2
    return _PPP_PROTOCOLS.get(int.from_bytes(data[at : at + length], "big"), OTHER), at + length


def behind_pppoe(data: bytes, at: int = 0) -> Place:
    """IP in a session of PPP over Ethernet. RFC 2516 §4, §6. Raises IndexError."""
    return ppp(data, at + _PPPOE_LENGTH)


BEFORE_IP: Mapping[int, Callable[[bytes, int], Place]] = {
    dpkt.ethernet.ETH_TYPE_MPLS: behind_labels,
    dpkt.ethernet.ETH_TYPE_MPLS_MCAST: behind_labels,
    dpkt.ethernet.ETH_TYPE_PPPoE: behind_pppoe,
}
"""What may stand between the link layer and IP, by its ethertype."""


def _loopback(data: bytes) -> Place:
    # The family's number differs from system to system, and with the byte order; the IP version does not.
    return raw_ip(data, _LOOPBACK_FAMILY_LENGTH)


def _linux_cooked(data: bytes) -> Place:
    return _behind_tags(data, _SLL_LENGTH)


def _linux_cooked_2(data: bytes) -> Place:
    protocol = data[0] << 8 | data[1]
    return _behind_tags(data, _SLL2_LENGTH + _TAG_LENGTH) if protocol in _TAGS else (protocol, _SLL2_LENGTH)


def _behind_tags(data: bytes, at: int) -> Place:
    """What begins at `at`, behind its ethertype, or behind the VLAN tags that stand there. IEEE 802.1Q"""
    ethertype = data[at - 2] << 8 | data[at - 1]
    while ethertype in _TAGS:
        at += _TAG_LENGTH
        ethertype = data[at - 2] << 8 | data[at - 1]
    return ethertype, at


_LONGEST_PAYLOAD = 1500
"""What is more is an ethertype, in place of the payload's length. IEEE 802.3 §3.2.6"""
_SNAP = b"\xaa\xaa\x03\x00\x00\x00"
"""RFC 1042: LLC and SNAP, up to the ethertype."""
_ETHERNET_LENGTH: int = dpkt.ethernet.Ethernet.__hdr_len__
_SLL_LENGTH: int = dpkt.sll.SLL.__hdr_len__
_SLL2_LENGTH: int = dpkt.sll2.SLL2.__hdr_len__
_TAG_LENGTH: int = dpkt.ethernet.VLANtag8021Q.__hdr_len__
_TAGS = frozenset(
    {dpkt.ethernet.ETH_TYPE_8021Q, dpkt.ethernet.ETH_TYPE_8021AD, dpkt.ethernet.ETH_TYPE_QINQ1}
    | {dpkt.ethernet.ETH_TYPE_QINQ2}
)
_LOOPBACK_FAMILY_LENGTH = 4
_LABEL_LENGTH, _BOTTOM_OF_STACK = 4, 1
_PPPOE_LENGTH: int = dpkt.pppoe.PPPoE.__hdr_len__
_PPP_ADDRESS_AND_CONTROL = b"\xff\x03"
"""RFC 1662 §3.1"""
_PPP_PROTOCOLS = {dpkt.ppp.PPP_IP: IPV4, dpkt.ppp.PPP_IP6: IPV6}
_IP_VERSIONS = {4: IPV4, 6: IPV6}

LINK_TYPES: Mapping[int, Callable[[bytes], Place]] = {
    0: _loopback,  # LINKTYPE_NULL
    1: ethernet,  # LINKTYPE_ETHERNET
    9: ppp,  # LINKTYPE_PPP
    12: raw_ip,  # DLT_RAW, which some systems write into files in place of
    14: raw_ip,
    50: ppp,  # LINKTYPE_PPP_HDLC
    51: behind_pppoe,  # LINKTYPE_PPP_ETHER
    101: raw_ip,  # LINKTYPE_RAW
    108: _loopback,  # LINKTYPE_LOOP
    113: _linux_cooked,  # LINKTYPE_LINUX_SLL
    228: raw_ip,  # LINKTYPE_IPV4
    229: raw_ip,  # LINKTYPE_IPV6
    276: _linux_cooked_2,  # LINKTYPE_LINUX_SLL2
}
