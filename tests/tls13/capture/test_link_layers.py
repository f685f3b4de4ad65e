"""Packets to TCP segments: every link layer, both IP versions, and bytes that are neither."""

from __future__ import annotations

import struct

import pytest
from capture.made_captures import ACK, CLIENT, PSH, SERVER, START, datagram, ethernet, ipv4, ipv6, tcp
from hypothesis import given
from hypothesis import strategies as st

from tls13.capture import Endpoint, WarningKind
from tls13.capture.diagnostics import WarningLog
from tls13.capture.files.formats import Packet
from tls13.capture.limits import Limits
from tls13.capture.network.link import Datagram, Layers, Segment

SEGMENT = Segment(START, CLIENT, SERVER, 0xFFFFFFF0, 77, PSH | ACK, b"payload", 7)
CLIENT6, SERVER6 = Endpoint("2001:db8::1", 50000), Endpoint("2001:db8::2", 443)
SEGMENT6 = SEGMENT._replace(source=CLIENT6, destination=SERVER6)
IPV4, IPV6 = datagram(SEGMENT), datagram(SEGMENT6)

VLAN = struct.pack(">HH", 100, 0x0800)
QINQ = struct.pack(">HHHH", 7, 0x8100, 100, 0x86DD)
SLL = struct.pack(">HHH8sH", 0, 1, 6, b"\2\0\0\0\0\1", 0x0800)
SLL2 = struct.pack(">HHIHBB8s", 0x86DD, 0, 1, 1, 0, 6, b"\2\0\0\0\0\1")


def found(
    data: bytes, link_type: int = 101, length: int | None = None
) -> tuple[Segment | Datagram | None, list[WarningKind]]:
    log = WarningLog()
    packet = Packet(START, link_type, data, len(data) if length is None else length)
    return Layers(Limits(), log).open(packet), [warning.kind for warning in log]


@pytest.mark.parametrize(
    ("link_type", "data", "expected"),
    [
        (1, ethernet(IPV4), SEGMENT),
        (1, ethernet(IPV6, 0x86DD), SEGMENT6),
        (1, ethernet(IPV4 + bytes(6)), SEGMENT),
        (1, ethernet(VLAN + IPV4, 0x8100), SEGMENT),
        (1, ethernet(QINQ + IPV6, 0x88A8), SEGMENT6),
        (1, ethernet(QINQ + IPV6, 0x9100), SEGMENT6),
        (113, SLL + IPV4, SEGMENT),
        (113, SLL[:14] + b"\x81\0" + VLAN + IPV4, SEGMENT),
        (276, SLL2 + IPV6, SEGMENT6),
        (276, b"\x81\0" + SLL2[2:] + VLAN + IPV4, SEGMENT),
        (0, struct.pack("<I", 2) + IPV4, SEGMENT),
        (0, struct.pack(">I", 30) + IPV6, SEGMENT6),
        (108, struct.pack(">I", 24) + IPV6, SEGMENT6),
        (101, IPV4, SEGMENT),
        (101, IPV6, SEGMENT6),
        (12, IPV4, SEGMENT),
        (228, IPV4, SEGMENT),
        (229, IPV6, SEGMENT6),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_every_link_layer_leads_to_the_segment(link_type: int, data: bytes, expected: Segment) -> None:
    assert found(data, link_type) == (expected, [])


def test_ipv6_extension_headers_are_stepped_over() -> None:
    hop_by_hop = bytes([60, 0, 1, 4, 0, 0, 0, 0])  # next: destination options; PadN
    destination = bytes([43, 0, 1, 4, 0, 0, 0, 0])  # next: routing
    routing = bytes([44, 0, 0, 0, 0, 0, 0, 0])  # next: fragment
    atomic = bytes([6, 0, 0, 0, 0, 0, 0, 1])  # next: TCP; the first and last fragment
    payload = hop_by_hop + destination + routing + atomic + tcp(SEGMENT6)
    data = ipv6(CLIENT6.address, SERVER6.address, payload, next_header=0)
    assert found(data) == (SEGMENT6, [])


def test_an_authentication_header_counts_its_length_in_other_words() -> None:
    authentication = bytes([6, 4, 0, 0]) + bytes(20)  # next: TCP; (4 + 2) * 4 bytes
    data = ipv6(CLIENT6.address, SERVER6.address, authentication + tcp(SEGMENT6), next_header=51)
    assert found(data) == (SEGMENT6, [])


def test_ip_options_and_tcp_options_are_stepped_over() -> None:
    options = bytes.fromhex("94040000")  # router alert
    with_options = bytearray(tcp(SEGMENT))
    with_options[12] = 8 << 4  # data offset: 12 bytes of options
    with_options[20:20] = bytes.fromhex("0101080a0000000100000002")  # two NOPs, timestamps
    data = bytearray(ipv4(CLIENT.address, SERVER.address, options + bytes(with_options)))
    data[0] = 0x46  # header length
    assert found(bytes(data)) == (SEGMENT, [])


def test_a_total_length_of_zero_means_all_that_was_captured() -> None:
    data = bytearray(IPV4)
    data[2:4] = b"\0\0"
    assert found(bytes(data)) == (SEGMENT, [])


def test_a_packet_cut_by_the_capture_tells_its_length_on_the_wire() -> None:
    cut, warnings = found(IPV4[:-3])
    assert cut == SEGMENT._replace(payload=b"payl", length=7)
    assert warnings == [WarningKind.snapped]


@pytest.mark.parametrize(
    ("link_type", "data"),
    [
        (1, ethernet(b"\0\1\x08\0\6\4\0\1" + bytes(20), 0x0806)),
        (1, ethernet(b"\x42\x42\x03" + bytes(40), 38)),
        (1, ethernet(b"\xff\xff" + bytes(40), 42)),
        (1, ethernet(b"\xaa\xaa\x03\0\0\0\x08\6" + bytes(28), 36)),
        (1, ethernet(bytes(40), 0x88CC)),
        (101, ipv4(CLIENT.address, SERVER.address, bytes(20), protocol=1)),
        (101, ipv6(CLIENT6.address, SERVER6.address, bytes(20), next_header=58)),
        (101, ipv6(CLIENT6.address, SERVER6.address, bytes(8), next_header=59)),
        (101, b"\x00" * 40),
    ],
)
def test_other_protocols_are_no_matter_for_a_warning(link_type: int, data: bytes) -> None:
    assert found(data, link_type) == (None, [])


def test_an_unknown_link_type_is_warned_of() -> None:
    assert found(IPV4, 147) == (None, [WarningKind.unsupported])


@pytest.mark.parametrize("data", [IPV4, IPV6], ids=["IPv4", "IPv6"])
def test_a_packet_cut_anywhere_in_its_headers_is_warned_of(data: bytes) -> None:
    for length in range(len(data) - len(b"payload")):
        assert found(data[:length]) == (None, [WarningKind.unreadable])


@pytest.mark.parametrize("data", [IPV4, IPV6], ids=["IPv4", "IPv6"])
def test_the_snap_length_is_named_where_the_capture_says_that_it_cut_the_packet(data: bytes) -> None:
    headers = len(data) - len(b"payload")
    for kept in range(len(data)):
        log = WarningLog()
        Layers(Limits(), log).open(Packet(START, 101, data[:kept], len(data)))
        (warning,) = log
        assert warning.kind is WarningKind.snapped
        assert ("in their headers" in str(warning)) is (kept < headers)
        assert "by the snap length: capture again with -s 0" in str(warning)
        # The next packet is whole.
        assert Layers(Limits(), log).open(Packet(START, 101, data, len(data))) is not None
        assert len(list(log)) == 1


def test_of_datagrams_only_those_of_quic_have_to_be_whole() -> None:
    for start, expected in ((b"\xc0\0\0\0\1", [WarningKind.snapped]), (b"\x40\0\0\0\1", [])):
        udp = bytes.fromhex("c000 01bb 04b8 0000") + start + bytes(1195)
        data = ipv4(CLIENT.address, SERVER.address, udp, protocol=17)
        log = WarningLog()
        Layers(Limits(), log).open(Packet(START, 101, data[:300], len(data)))
        assert [each.kind for each in log] == expected


# -- tunnels and UDP -----------------------------------------------------------------------------------------------


OUTER = ("198.51.100.1", "198.51.100.2")
OUTER6 = ("2001:db8:ffff::1", "2001:db8:ffff::2")
GRE = struct.pack(">HH", 0, 0x0800)
GRE_WITH_ALL = struct.pack(">HHHHII", 0xB000, 0x86DD, 0xABCD, 0, 7, 99)  # checksum, key, sequence number
VXLAN = bytes.fromhex("0800000000002a00")  # a network identifier is there: 42
GENEVE = bytes.fromhex("0000655800002a00")  # version 0, no options, Ethernet inside, network identifier 42
GENEVE_WITH_OPTIONS = bytes.fromhex("0280080000002a00 0102030100000007")  # two words of them, IPv4 inside
GTP = bytes.fromhex("30ff 0040 00000007")  # version 1, user data, tunnel 7
GTP_EXTENDED = bytes.fromhex("34ff 0040 00000007 00000085 01 1000 c0 02 000000 000000 00")  # two extension headers
ERSPAN = bytes.fromhex("1000 88be 00000001 1001000000000000")  # packet 1 of version 2's
LABELS = bytes.fromhex("0001003f 0001103f 0001213f")  # 16, 17 and 18, the last marked as such
PPPOE = bytes.fromhex("11000001")  # version 1, type 1, session data, session 1


def udp(payload: bytes, *, source: int = 50000, destination: int = 443) -> bytes:
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ipv4(*OUTER, GRE + IPV4, protocol=47), SEGMENT),
        (ipv4(*OUTER, GRE_WITH_ALL + IPV6, protocol=47), SEGMENT6),
        (ipv4(*OUTER, struct.pack(">HH", 0, 0x6558) + ethernet(VLAN + IPV4, 0x8100), protocol=47), SEGMENT),
        (ipv6(*OUTER6, GRE + IPV4, next_header=47), SEGMENT),
        (ipv4(*OUTER, udp(VXLAN + ethernet(IPV6, 0x86DD), destination=4789), protocol=17), SEGMENT6),
        (ipv4(*OUTER, udp(GENEVE + ethernet(IPV4), destination=6081), protocol=17), SEGMENT),
        (ipv4(*OUTER, udp(GENEVE_WITH_OPTIONS + IPV4, destination=6081), protocol=17), SEGMENT),
        (ipv4(*OUTER, udp(b"\x88" + VXLAN[1:] + ethernet(IPV4), destination=4789), protocol=17), SEGMENT),
        (ipv4(*OUTER, udp(GTP + IPV4, destination=2152), protocol=17), SEGMENT),
        (ipv4(*OUTER, udp(GTP_EXTENDED + IPV6, destination=2152), protocol=17), SEGMENT6),
        (ipv4(*OUTER, ERSPAN + ethernet(IPV4), protocol=47), SEGMENT),
        (ipv4(*OUTER, struct.pack(">HH", 0, 0x88BE) + ethernet(IPV4), protocol=47), SEGMENT),
        (ipv4(*OUTER, IPV4, protocol=4), SEGMENT),
        (ipv4(*OUTER, IPV6, protocol=41), SEGMENT6),
        (ipv6(*OUTER6, IPV4, next_header=4), SEGMENT),
        (ipv4(*OUTER, ipv4(*OUTER, GRE + IPV4, protocol=47), protocol=4), SEGMENT),
    ],
)
def test_tunnels_lead_to_the_segment_inside(data: bytes, expected: Segment) -> None:
    assert found(data) == (expected, [])


@pytest.mark.parametrize("ethertype", [0x8847, 0x8848])
def test_labels_lead_to_the_packet_behind_them(ethertype: int) -> None:
    assert found(ethernet(LABELS + IPV4, ethertype), 1) == (SEGMENT, [])
    assert found(ethernet(VLAN[:2] + struct.pack(">H", ethertype) + LABELS[8:] + IPV6, 0x8100), 1) == (SEGMENT6, [])


def test_frames_with_a_length_may_have_snap() -> None:
    snap = bytes.fromhex("aaaa03 000000 0800")
    assert found(ethernet(snap + IPV4, len(snap + IPV4)), 1) == (SEGMENT, [])


@pytest.mark.parametrize("start", ["30fe", "10ff", "50ff", "70ff", "b0ff", "00"])
def test_other_messages_to_the_port_of_a_tunnel_are_datagrams(start: str) -> None:
    payload = bytes.fromhex(start) + GTP[2:] + IPV4
    data = ipv4(CLIENT.address, SERVER.address, udp(payload, source=CLIENT.port, destination=2152), protocol=17)
    assert found(data) == (Datagram(START, CLIENT, SERVER._replace(port=2152), payload), [])


def test_sessions_of_ppp_over_ethernet_lead_to_the_packet_inside() -> None:
    for protocol, data, expected in ((0x0021, IPV4, SEGMENT), (0x0057, IPV6, SEGMENT6), (0xC021, b"\x09\x00", None)):
        inside = struct.pack(">HH", len(data) + 2, protocol) + data
        assert found(ethernet(PPPOE + inside, 0x8864), 1) == (expected, [])


@pytest.mark.parametrize("protocol", ["0021", "21", "ff030021", "ff0321"])
def test_ppp_leads_to_the_packet_inside(protocol: str) -> None:
    assert found(bytes.fromhex(protocol) + IPV4, 9) == (SEGMENT, [])
    assert found(bytes.fromhex(protocol) + IPV4, 50) == (SEGMENT, [])
    assert found(PPPOE + struct.pack(">H", len(IPV4)) + bytes.fromhex(protocol) + IPV4, 51) == (SEGMENT, [])


@pytest.mark.parametrize(("ethertype", "data"), [(0x8847, LABELS[:9]), (0x8864, PPPOE + b"\x00\x20")])
def test_what_leads_to_a_packet_may_be_cut(ethertype: int, data: bytes) -> None:
    assert found(ethernet(data, ethertype), 1) == (None, [WarningKind.unreadable])


def test_a_geneve_header_of_another_version_is_in_a_datagram() -> None:
    payload = b"\x40" + GENEVE[1:] + ethernet(IPV4)
    data = ipv4(CLIENT.address, SERVER.address, udp(payload, source=CLIENT.port, destination=6081), protocol=17)
    assert found(data) == (Datagram(START, CLIENT, SERVER._replace(port=6081), payload), [])


def test_tunnels_in_tunnels_end_somewhere() -> None:
    data = IPV4
    for _ in range(5):
        data = ipv4(*OUTER, data, protocol=4)
    assert found(data) == (None, [WarningKind.unsupported])


@pytest.mark.parametrize(
    "gre",
    [
        struct.pack(">HHHH", 0x2001, 0x880B, 10, 7),  # version 1, PPTP's
        struct.pack(">HH", 0x4000, 0x0800),  # with source routes
        struct.pack(">HH", 0, 0x88BE),
    ],
)
def test_other_forms_of_gre_are_passed_over(gre: bytes) -> None:
    assert found(ipv4(*OUTER, gre + IPV4, protocol=47)) == (None, [])


def test_udp_gives_a_datagram_without_padding() -> None:
    data = ethernet(ipv4(CLIENT.address, SERVER.address, udp(b"datagram"), protocol=17) + b"padding")
    assert found(data, 1) == (Datagram(START, CLIENT, SERVER, b"datagram"), [])
    data = ipv6(CLIENT6.address, SERVER6.address, udp(b""), next_header=17)
    assert found(data) == (Datagram(START, CLIENT6, SERVER6, b""), [])


def test_a_udp_port_of_vxlan_alone_makes_no_tunnel() -> None:
    data = ipv4(CLIENT.address, SERVER.address, udp(b"no such header", destination=4789), protocol=17)
    assert found(data) == (Datagram(START, CLIENT, Endpoint(SERVER.address, 4789), b"no such header"), [])


@given(
    link_type=st.sampled_from([0, 1, 12, 14, 101, 108, 113, 228, 229, 276]),
    start=st.sampled_from([b"", IPV4[:9], IPV6[:6], ethernet(IPV4)[:14], ethernet(b"", 0x8847), SLL, SLL2]),
    data=st.binary(max_size=120),
)
def test_any_bytes_are_a_segment_or_none(link_type: int, start: bytes, data: bytes) -> None:
    found(start + data, link_type)
