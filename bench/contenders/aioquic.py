"""aioquic's TLS: hand-written parsers over a buffer in C."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import TypeVar

from aioquic import tls
from aioquic.buffer import Buffer

from bench.contenders import Contender, Preparation, Task
from bench.samples import Kind

M = TypeVar("M", tls.ClientHello, tls.ServerHello, tls.Certificate)

ROOM = 2**14


def parsing(pull: Callable[[Buffer], M]) -> Preparation:
    return lambda data: lambda: pull(Buffer(data=data))


def building(pull: Callable[[Buffer], M], push: Callable[[Buffer, M], None]) -> Preparation:
    return lambda data: partial(pushed, push, pull(Buffer(data=data)))


def constructing(pull: Callable[[Buffer], M], push: Callable[[Buffer, M], None]) -> Preparation:
    def prepare(data: bytes) -> Task:
        parsed = pull(Buffer(data=data))
        construct = partial(type(parsed), **{each.name: getattr(parsed, each.name) for each in fields(parsed)})
        return lambda: pushed(push, construct())

    return prepare


def pushed(push: Callable[[Buffer, M], None], message: M) -> bytes:
    buffer = Buffer(capacity=ROOM)
    push(buffer, message)
    return buffer.data


CONTENDER = Contender(
    name="aioquic",
    remark=(
        "knows 9 extensions of a ClientHello and 3 of a ServerHello, leaves the others and a certificate's as bytes; "
        "numbers stay numbers, duplicates pass, extensions are built in an order of its own"
    ),
    parse={
        Kind.client_hello: parsing(tls.pull_client_hello),
        Kind.server_hello: parsing(tls.pull_server_hello),
        Kind.certificate: parsing(tls.pull_certificate),
    },
    build={
        Kind.client_hello: building(tls.pull_client_hello, tls.push_client_hello),
        Kind.server_hello: building(tls.pull_server_hello, tls.push_server_hello),
        Kind.certificate: building(tls.pull_certificate, tls.push_certificate),
    },
    construct={
        Kind.client_hello: constructing(tls.pull_client_hello, tls.push_client_hello),
        Kind.server_hello: constructing(tls.pull_server_hello, tls.push_server_hello),
        Kind.certificate: constructing(tls.pull_certificate, tls.push_certificate),
    },
)
