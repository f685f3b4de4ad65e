"""tlslite-ng: a pure-Python TLS implementation with hand-written parsers and writers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tlslite import extensions as ext
from tlslite.constants import CertificateType
from tlslite.messages import Certificate, CertificateEntry, ClientHello, RecordHeader3, ServerHello
from tlslite.utils.codec import Parser

from bench.contenders import Contender, Preparation, Task
from bench.samples import Kind

TLS13 = (3, 4)


def parsed(new: Callable[[], Any], data: bytes) -> Any:
    """A message, the way the library's own receive path reads it: the type first, then the rest by its class."""
    parser = Parser(bytearray(data))
    parser.get(1)
    return new().parse(parser)


def parsing(new: Callable[[], Any]) -> Preparation:
    return lambda data: partial(parsed, new, data)


def building(new: Callable[[], Any]) -> Preparation:
    return lambda data: parsed(new, data).write


def constructing_client_hello(data: bytes) -> Task:
    hello = parsed(ClientHello, data)
    makers = [remaking(each) for each in hello.extensions]
    values = (hello.client_version, hello.random, hello.session_id, hello.cipher_suites)
    return lambda: ClientHello().create(*values, extensions=[make() for make in makers]).write()


def constructing_server_hello(data: bytes) -> Task:
    hello = parsed(ServerHello, data)
    makers = [remaking(each) for each in hello.extensions]
    values = (hello.server_version, hello.random, hello.session_id, hello.cipher_suite)
    return lambda: ServerHello().create(*values, extensions=[make() for make in makers]).write()


def constructing_certificate(data: bytes) -> Task:
    chain = [each.certificate for each in new_certificate_parsed(data)]

    def task() -> object:
        entries = [CertificateEntry(CertificateType.x509).create(each, []) for each in chain]
        return new_certificate().create(entries).write()

    return task


def new_certificate() -> Any:
    return Certificate(CertificateType.x509, TLS13)


def new_certificate_parsed(data: bytes) -> Any:
    return parsed(new_certificate, data).certificate_list


def remaking(extension: Any) -> Task:
    """What makes an equal extension anew from plain values."""
    kind = type(extension)
    match extension:
        case ext.ClientKeyShareExtension():
            shares = [(each.group, each.key_exchange) for each in extension.client_shares]
            return lambda: kind().create([ext.KeyShareEntry().create(*each) for each in shares])
        case ext.ServerKeyShareExtension():
            share = (extension.server_share.group, extension.server_share.key_exchange)
            return lambda: kind().create(ext.KeyShareEntry().create(*share))
        case ext.SNIExtension():
            values = extension.hostNames[0]
        case ext.ALPNExtension():
            values = extension.protocol_names
        case ext.SrvSupportedVersionsExtension():
            values = extension.version
        case ext.SessionTicketExtension():
            values = extension.ticket
        case ext.PaddingExtension():
            values = len(extension.paddingData)
        case ext.StatusRequestExtension():
            return lambda: kind().create()
        case ext.CustomNameExtension():
            values = extension._internal_value
        case _:
            return lambda: kind(extType=extension.extType).create(extension.extData)
    return lambda: kind().create(values)


def parsing_record(data: bytes) -> Task:
    def task() -> object:
        parser = Parser(bytearray(data))
        header = RecordHeader3().parse(parser)
        return header, parser.getFixBytes(header.length)

    return task


def building_record(data: bytes) -> Task:
    header, content = RecordHeader3().parse(Parser(bytearray(data))), bytearray(data[5:])
    return lambda: header.write() + content


def constructing_record(data: bytes) -> Task:
    content = bytearray(data[5:])
    return lambda: RecordHeader3().create((3, 3), data[0], len(content)).write() + content


CONTENDER = Contender(
    name="tlslite-ng",
    remark=(
        "knows most extensions, leaves unknown ones and ECH as bytes; numbers stay numbers; "
        "reads the keys in a Certificate's X.509 as well"
    ),
    parse={
        Kind.client_hello: parsing(ClientHello),
        Kind.server_hello: parsing(ServerHello),
        Kind.certificate: parsing(new_certificate),
        Kind.record: parsing_record,
    },
    build={
        Kind.client_hello: building(ClientHello),
        Kind.server_hello: building(ServerHello),
        Kind.certificate: building(new_certificate),
        Kind.record: building_record,
    },
    construct={
        Kind.client_hello: constructing_client_hello,
        Kind.server_hello: constructing_server_hello,
        Kind.certificate: constructing_certificate,
        Kind.record: constructing_record,
    },
)
