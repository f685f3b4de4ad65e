"""This project: the compiled path, which `parse` and `build` take, and the interpreted one, which specifies it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bench.contenders import INTERPRETED, OURS, Contender, Preparation, Task
from bench.samples import Kind
from schemas import Struct
from schemas.extension_block import Extension
from schemas.handshake import Handshake
from schemas.record import TLSCiphertext
from schemas.vocabulary import build_interpreted, parse_interpreted

STRUCTS: dict[Kind, type[Struct]] = {
    Kind.client_hello: Handshake,
    Kind.server_hello: Handshake,
    Kind.certificate: Handshake,
    Kind.record: TLSCiphertext,
}


def parsing(struct: type[Struct]) -> Preparation:
    return lambda data: partial(struct.parse, data)


def building(struct: type[Struct]) -> Preparation:
    return lambda data: struct.parse(data).build


def constructing(struct: type[Struct]) -> Preparation:
    def prepare(data: bytes) -> Task:
        make = remaking(struct.parse(data))
        return lambda: make().build()

    return prepare


def remaking(value: Any) -> Callable[[], Any]:
    """What makes an equal value anew, by the constructors that a caller would use, the innermost first."""
    if isinstance(value, list):
        makers = [remaking(each) for each in value]
        return lambda: [make() for make in makers]
    cls: Callable[..., Any] = type(value)
    fields = {name: getattr(value, name) for name in value.__slots__}
    parts = {name: remaking(each) for name, each in fields.items() if is_made(each)}
    construct = partial(cls, **{name: each for name, each in fields.items() if name not in parts})
    return (lambda: construct(**{name: make() for name, make in parts.items()})) if parts else construct


def is_made(value: object) -> bool:
    """Whether a constructor of ours makes it."""
    return isinstance(value[0] if isinstance(value, list) and value else value, (Struct, Extension))


def parsing_interpreted(struct: type[Struct]) -> Preparation:
    return lambda data: partial(parse_interpreted, struct.schema, data)


def building_interpreted(struct: type[Struct]) -> Preparation:
    return lambda data: partial(build_interpreted, struct.schema, struct.parse(data))


CONTENDERS = (
    Contender(
        name=OURS,
        remark="every field and extension body typed, every bound and duplicate checked, built back byte for byte",
        parse={kind: parsing(struct) for kind, struct in STRUCTS.items()},
        build={kind: building(struct) for kind, struct in STRUCTS.items()},
        construct={kind: constructing(struct) for kind, struct in STRUCTS.items()},
    ),
    Contender(
        name=INTERPRETED,
        remark="the same constructs without the compiler, as they run to explain an error",
        parse={kind: parsing_interpreted(struct) for kind, struct in STRUCTS.items()},
        build={kind: building_interpreted(struct) for kind, struct in STRUCTS.items()},
    ),
)
