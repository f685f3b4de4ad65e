"""scapy: declarative packets, each of them with a TLS session of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from scapy.layers.tls.handshake import TLS13Certificate, TLS13ClientHello, TLS13ServerHello
from scapy.layers.tls.record import TLS
from scapy.packet import Packet

from bench.contenders import Contender, Preparation, Task
from bench.samples import Kind

PACKETS: dict[Kind, type[Packet]] = {
    Kind.client_hello: TLS13ClientHello,
    Kind.server_hello: TLS13ServerHello,
    Kind.certificate: TLS13Certificate,
    Kind.record: TLS,
}


def parsing(packet: type[Packet]) -> Preparation:
    return lambda data: partial(packet, data)


def building(packet: type[Packet]) -> Preparation:
    def prepare(data: bytes) -> Task:
        made = packet(data)
        forget_bytes(made)
        return partial(bytes, made)

    return prepare


def constructing(packet: type[Packet]) -> Preparation:
    def prepare(data: bytes) -> Task:
        make = remaking(packet(data))
        return lambda: bytes(make())

    return prepare


def forget_bytes(packet: Packet) -> None:
    """Drops the bytes that a packet was parsed from, which it would otherwise give back unbuilt."""
    packet.clear_cache()
    for value in packet.fields.values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Packet):
                forget_bytes(each)


def remaking(value: Any) -> Callable[[], Any]:
    """What makes an equal packet anew from plain values."""
    if isinstance(value, list):
        makers = [remaking(each) for each in value]
        return lambda: [make() for make in makers]
    cls: Callable[..., Any] = type(value)
    parts = {name: remaking(each) for name, each in value.fields.items() if is_made(each)}
    construct = partial(cls, **{name: each for name, each in value.fields.items() if name not in parts})
    return lambda: construct(**{name: make() for name, make in parts.items()})


def is_made(value: object) -> bool:
    return isinstance(value[0] if isinstance(value, list) and value else value, Packet)


CONTENDER = Contender(
    name="scapy",
    remark="leaves unknown extensions as bytes; makes a session with each packet; reads a Certificate's X.509 as well",
    parse={kind: parsing(packet) for kind, packet in PACKETS.items()},
    build={kind: building(packet) for kind, packet in PACKETS.items()},
    construct={kind: constructing(packet) for kind, packet in PACKETS.items()},
)
