"""Tunnels: where the packet inside begins, and which it is. All raise struct.error or IndexError where it is cut."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

import dpkt.ethernet
import dpkt.gre
import dpkt.ip

from tls13.capture.network.link_types import IPV4, IPV6, OTHER, Place, ethernet, raw_ip

IP_IN_IP: Mapping[int, int] = {dpkt.ip.IP_PROTO_IPIP: IPV4, dpkt.ip.IP_PROTO_IP6: IPV6}
"""The ethertype of IP in IP, by its protocol number. RFC 2003, RFC 2473, RFC 4213"""


def behind_gre(data: bytes, at: int) -> Place:
    """What a GRE header of version 0 leads to: RFC 2784, RFC 2890. The frames of ERSPAN have a header of their own."""
    flags, ethertype = _GRE.unpack_from(data, at)
    at += _GRE.size
    if flags & (_GRE_VERSION | dpkt.gre.GRE_RP):
        return OTHER, at
    for present, _, code in dpkt.gre.GRE_opt_fields:
        if flags & present:
            at += struct.calcsize(code)
    if ethertype == _ERSPAN:
        # Of its first version, which has no header, GRE does not count the packets.
        return ethernet(data, at + (_ERSPAN_LENGTH if flags & dpkt.gre.GRE_SP else 0))
    if ethertype == dpkt.ethernet.ETH_TYPE_TEB:
        return ethernet(data, at)
    return ethertype, at


def _behind_vxlan(data: bytes, at: int) -> Place | None:
    """RFC 7348 §5. Of what is reserved, the first three bytes are in use by now, the last is not."""
    if not data[at] & _VXLAN_IDENTIFIED or data[at + _VXLAN_LENGTH - 1]:
        return None
    return ethernet(data, at + _VXLAN_LENGTH)


def _behind_geneve(data: bytes, at: int) -> Place | None:
    """RFC 8926 §3.4: of version 0; options are counted in words."""
    first, _, ethertype, _ = _GENEVE.unpack_from(data, at)
    if first >> 6:
        return None
    at += _GENEVE.size + ((first & 0x3F) << 2)
    return ethernet(data, at) if ethertype == dpkt.ethernet.ETH_TYPE_TEB else (ethertype, at)


def _behind_gtp(data: bytes, at: int) -> Place | None:
    """3GPP TS 29.281 §5.1, §5.2.1: user data of version 1. Extension headers are counted in words, and chained."""
    flags, kind = data[at], data[at + 1]
    if flags & _GTP_FORM != _GTP_VERSION_1 or kind != _GTP_USER_DATA:
        return None
    at += _GTP_LENGTH
    if flags & _GTP_OPTIONAL:
        following = data[at + 3] if flags & _GTP_EXTENDED else 0
        at += 4
        while following:
            at += max(data[at], 1) << 2
            following = data[at - 1]
    return raw_ip(data, at)


UDP_TUNNELS: Mapping[int, Callable[[bytes, int], Place | None]] = {
    2152: _behind_gtp,
    4789: _behind_vxlan,
    6081: _behind_geneve,
}
"""By destination port, what leads into the tunnel from where the UDP payload begins; None where that is no tunnel."""


_GRE = struct.Struct(dpkt.gre.GRE.__hdr_fmt__)
_GENEVE = struct.Struct(">BBHI")
_GRE_VERSION = 7
_ERSPAN, _ERSPAN_LENGTH = 0x88BE, 8
_VXLAN_IDENTIFIED, _VXLAN_LENGTH = 0x08, 8
_GTP_FORM, _GTP_VERSION_1 = 0xF0, 0x30
"""Version and protocol type."""
_GTP_USER_DATA, _GTP_LENGTH = 0xFF, 8
_GTP_EXTENDED, _GTP_OPTIONAL = 4, 7
