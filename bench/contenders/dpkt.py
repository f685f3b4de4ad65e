"""dpkt: a reader of captures. It builds from the bytes that it kept, so building is not compared."""

from __future__ import annotations

from functools import partial

from dpkt.ssl import TLSHandshake, TLSRecord

from bench.contenders import Contender
from bench.samples import Kind

CONTENDER = Contender(
    name="dpkt",
    remark="leaves every extension body as bytes; knows no Certificate of TLS 1.3; does not build what it parses",
    parse={
        Kind.client_hello: lambda data: partial(TLSHandshake, data),
        Kind.server_hello: lambda data: partial(TLSHandshake, data),
        Kind.record: lambda data: partial(TLSRecord, data),
    },
)
