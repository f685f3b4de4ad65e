"""What `--filter` can ask for: properties of connections and of messages, and every field of every message."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cache
from typing import Any

from schemas import Struct, handshake, tls10, tls12
from schemas.alert import Alert
from schemas.code_points import (
    AlertDescription,
    CipherSuite,
    ContentType,
    HandshakeType,
    NamedGroup,
    ProtocolVersion,
    SignatureScheme,
)
from schemas.extension_block import Extension, ExtensionBlock
from schemas.record import ChangeCipherSpec
from schemas.vocabulary import CodePoint, CodePointNode, Node, Overlong, StructNode, snake_case
from tls13.capture import (
    Connection,
    Direction,
    EarlyData,
    EncryptedHelloStatus,
    Ending,
    Epoch,
    Gap,
    Judgement,
    Message,
    NoteKind,
    PskOrigin,
    Resumption,
    Transport,
)
from tls13.capture.messages import AnyHandshake
from tools.parsing.facts import Entry, Facts
from tools.values.message_names import name_of
from tools.values.plain import field_names

Value = bool | int | float | str | bytes | CodePoint


class Need(IntEnum):
    """How much of a connection has to be known before a message of it can be judged."""

    nothing = 0
    negotiation = 1
    """What is known of a connection when it is given out."""
    everything = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message or gap in its connection; None stands for the connection as such."""

    facts: Facts
    item: Entry | Gap | None = None

    @property
    def message(self) -> Message | None:
        """The message, if it is one."""
        return self.item.message if isinstance(self.item, Entry) else None


@dataclass(frozen=True, slots=True)
class Property:
    """One that can be asked for. `choices` is the registry of its values, if they have one."""

    name: str
    need: Need
    of_message: bool
    read: Callable[[Candidate], Iterable[Value]]
    doc: str = ""
    choices: type[CodePoint] | None = None
    is_number: bool = False
    is_address: bool = False


class UnknownPropertyError(LookupError):
    """There is no such property or field. str() says so; `hint` tells what there is."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def find_property(name: str) -> Property:
    """The property, or the field of a message, of that name. Raises UnknownPropertyError."""
    found = PROPERTIES.get(name)
    if found is not None:
        return found
    first, _, rest = name.partition(".")
    if first in _messages():
        return _field(first, rest.split(".") if rest else [])
    raise UnknownPropertyError(f"no property {shortened(name)!r}", _suggestion(name, [*PROPERTIES, *_messages()]))


def closest(name: str, names: Iterable[str]) -> str:
    """The name that begins so or comes closest, in whatever case; "" where none comes near."""
    folded = {each.casefold(): each for each in names}
    beginning = [each for each in folded if each.startswith(name.casefold())]
    if beginning:
        return folded[min(beginning, key=len)]
    return next((folded[each] for each in difflib.get_close_matches(name.casefold(), folded, 1)), "")


def shortened(word: str) -> str:
    """A word of the expression as an error shows it."""
    return word if len(word) <= _LONGEST_WORD else f"{word[: _LONGEST_WORD - 1]}…"


def _suggestion(name: str, names: Iterable[str]) -> str:
    meant = closest(name, names)
    return f"did you mean {meant}? (--filter-help)" if meant else "--filter-help has all"


_LONGEST_WORD = 24


MILLISECOND = 10**6
EXTENSIONS = "extensions"


def _some(value: Value | None) -> tuple[Value, ...]:
    return () if value is None else (value,)


def _milliseconds(time: int | None) -> tuple[Value, ...]:
    return () if time is None else (time / MILLISECOND,)


def _at_once(
    name: str, doc: str, read: Callable[[Connection], Value], *, is_number: bool = False, is_address: bool = False
) -> Property:
    def values(candidate: Candidate) -> Iterable[Value]:
        return (read(candidate.facts.connection),)

    return Property(name, Need.nothing, False, values, doc, is_number=is_number, is_address=is_address)


def _negotiated(
    name: str, doc: str, read: Callable[[Judgement], Value | None], choices: type[CodePoint] | None = None
) -> Property:
    return Property(name, Need.negotiation, False, lambda each: _some(read(each.facts.judgement)), doc, choices)


def _in_the_end(
    name: str,
    doc: str,
    read: Callable[[Facts], Iterable[Value]],
    choices: type[CodePoint] | None = None,
    *,
    is_number: bool = True,
) -> Property:
    return Property(name, Need.everything, False, lambda each: read(each.facts), doc, choices, is_number)


def _of_message(
    name: str,
    doc: str,
    read: Callable[[Message], Value | None],
    choices: type[CodePoint] | None = None,
    *,
    is_number: bool = False,
) -> Property:
    def values(candidate: Candidate) -> Iterable[Value]:
        return () if candidate.message is None else _some(read(candidate.message))

    return Property(name, Need.nothing, True, values, doc, choices, is_number)


def _number(candidate: Candidate) -> Iterable[Value]:
    return (candidate.item.number,) if isinstance(candidate.item, Entry) else ()


def _direction(candidate: Candidate) -> Iterable[Value]:
    if isinstance(candidate.item, Gap):
        return (candidate.item.direction.value,)
    return () if candidate.message is None else (candidate.message.direction.value,)


CONNECTION_PROPERTIES = (
    Property("file", Need.nothing, False, lambda each: (each.facts.file,), "the capture, as it was named"),
    _at_once("connection", "its number", lambda each: each.number, is_number=True),
    _at_once("transport", "what carries it", lambda each: each.transport.value),
    _at_once("client", "the client's address", lambda each: each.client.address, is_address=True),
    _at_once("client_port", "the client's port", lambda each: each.client.port, is_number=True),
    _at_once("server", "the server's address", lambda each: each.server.address, is_address=True),
    _at_once("server_port", "the server's port", lambda each: each.server.port, is_number=True),
    _negotiated("server_name", "what the client asks for", lambda each: each.offer.server_name if each.offer else None),
    _negotiated("version", "of TLS", lambda each: each.negotiated.version, ProtocolVersion),
    _negotiated("cipher_suite", "that the server chose", lambda each: each.negotiated.cipher_suite, CipherSuite),
    _negotiated("key_exchange", "PSK, ECDHE_RSA, ...", lambda each: each.negotiated.key_exchange),
    _negotiated("group", "of the key exchange", lambda each: each.negotiated.group, NamedGroup),
    _negotiated("signature_scheme", "the server's", lambda each: each.negotiated.signature_scheme, SignatureScheme),
    _negotiated("alpn", "the application protocol", lambda each: each.negotiated.application_protocol),
    _negotiated("resumption", "what it builds on", lambda each: each.resumption.value),
    _negotiated("psk", "where the pre-shared key of TLS 1.3 is from", lambda each: each.negotiated.psk_origin),
    _negotiated("early_data", "what became of it", lambda each: each.early_data.value),
    _negotiated("hello_retry", "a HelloRetryRequest was sent", lambda each: each.retry is not None),
    _negotiated("ech", "what became of the encrypted ClientHello", lambda each: _ech(each)),
    _negotiated("ja3", "fingerprint of the ClientHello", lambda each: each.fingerprints.ja3),
    _negotiated("ja3s", "fingerprint of the ServerHello", lambda each: each.fingerprints.ja3s),
    _negotiated("ja4", "fingerprint of the ClientHello", lambda each: each.fingerprints.ja4),
    _in_the_end(
        "alert", "any that was sent", lambda each: [one.description for one in each.judgement.alerts], AlertDescription
    ),
    _in_the_end(
        "anomaly",
        "any breach of the protocol, by its rule's name",
        lambda each: [one.rule.name for one in each.judgement.anomalies],
        is_number=False,
    ),
    _in_the_end(
        "undecrypted",
        "why records stay encrypted",
        lambda each: [one.kind.value for one in each.judgement.undecrypted],
        is_number=False,
    ),
    _in_the_end(
        "server_certificate",
        "each of the server's chain: subject, issuer, validity, names, key",
        lambda each: map(str, each.judgement.server_certificates),
        is_number=False,
    ),
    _in_the_end(
        "client_certificate",
        "each of the client's",
        lambda each: map(str, each.judgement.client_certificates),
        is_number=False,
    ),
    _in_the_end("ending", "how it ended", lambda each: (each.connection.ending.value,), is_number=False),
    _in_the_end("messages", "how many", lambda each: (each.messages,)),
    _in_the_end("bytes", "of application data, as far as it could be read", lambda each: (each.data.total(),)),
    _in_the_end("client_bytes", "those of the client", lambda each: (each.data[Direction.client],)),
    _in_the_end("server_bytes", "those of the server", lambda each: (each.data[Direction.server],)),
    _in_the_end("encrypted_bytes", "of records that stay encrypted", lambda each: (each.encrypted.total(),)),
    _in_the_end("duration_ms", "from first packet to last message", lambda each: _milliseconds(each.duration)),
    _in_the_end("handshake_ms", "how long it took", lambda each: _milliseconds(each.judgement.handshake_time)),
)

MESSAGE_PROPERTIES = (
    Property("number", Need.nothing, True, _number, "its place in the connection, from 0", is_number=True),
    Property(
        "gap", Need.nothing, True, lambda each: (isinstance(each.item, Gap),), "bytes that are missing, or no TLS"
    ),
    Property("direction", Need.nothing, True, _direction, "who sent it"),
    _of_message("name", "ClientHello, Alert, ApplicationData, ...", name_of),
    _of_message("content_type", "of the record", lambda message: message.content_type, ContentType),
    _of_message("type", "of a handshake message", lambda message: message.handshake_type, HandshakeType),
    _of_message("record", "its number in its direction", lambda message: message.record, is_number=True),
    _of_message("length", "in bytes", lambda message: len(message.raw), is_number=True),
    _of_message("data", "of the application, as bytes", lambda message: _data(message)),
    _of_message("encrypted", "it came so", lambda message: message.protected),
    _of_message("opaque", "it stays encrypted", lambda message: message.opaque),
    _of_message("epoch", "which keys protect it", lambda message: message.epoch.value),
    _of_message("generation", "of application keys", lambda message: message.generation, is_number=True),
    _of_message("note", "what is wrong", lambda each: each.note.kind.value if each.note else None),
    _of_message("error", "why it does not parse", lambda each: str(each.error) if each.error else None),
)


def _data(message: Message) -> Value | None:
    is_read = message.content_type is ContentType.application_data and not message.opaque
    return message.raw if is_read else None


def _ech(judgement: Judgement) -> Value | None:
    return None if judgement.encrypted_hello is None else judgement.encrypted_hello.status.value


PROPERTIES = {each.name: each for each in (*CONNECTION_PROPERTIES, *MESSAGE_PROPERTIES)}

WORDS: dict[str, type[StrEnum]] = {
    "transport": Transport,
    "resumption": Resumption,
    "psk": PskOrigin,
    "early_data": EarlyData,
    "ech": EncryptedHelloStatus,
    "undecrypted": NoteKind,
    "ending": Ending,
    "direction": Direction,
    "epoch": Epoch,
    "note": NoteKind,
}
"""The properties that are one of a few words, and these: anything else is a mistake of whoever asks."""


@cache
def _messages() -> dict[str, list[Node[Any]]]:
    """What every message is called, and its forms."""
    found: dict[str, list[Node[Any]]] = {}
    for schema in (handshake.Handshake.schema, tls12.Handshake.schema, tls10.Handshake.schema):
        for struct in _structs(dict(schema.children())["message"]):
            found.setdefault(struct.label(), []).append(struct)
    for each in (Alert, ChangeCipherSpec):
        found[snake_case(each.__name__)] = [each.schema]
    return found


def _structs(schema: Node[Any]) -> Iterator[StructNode[Any]]:
    """The structs that a message may be."""
    for _, variant in schema.children():
        if isinstance(variant, StructNode):
            yield variant
        else:
            yield from _structs(variant)


def _field(message: str, steps: list[str]) -> Property:
    """A field by its path. Raises UnknownPropertyError."""
    name, schemas = message, _messages()[message]
    for step in steps:
        there = [inner for schema in schemas for each, inner in _named(schema) if each == step]
        if not there:
            names = dict.fromkeys(each for schema in schemas for each, _ in _named(schema))
            raise UnknownPropertyError(f"{name} has no field {shortened(step)!r}", _field_hint(step, names))
        name, schemas = f"{name}.{step}", there
    registries = {each.registry for schema in schemas for each in _leaves(schema) if isinstance(each, CodePointNode)}
    choices = registries.pop() if len(registries) == 1 and all(_leaves(each) for each in schemas) else None

    def read(candidate: Candidate) -> Iterable[Value]:
        value = candidate.message.value if candidate.message is not None else None
        body = value.message if isinstance(value, AnyHandshake) else value
        if body is None or snake_case(type(body).__name__) != message:
            return ()
        return _values(_followed([body], steps))

    return Property(name, Need.nothing, True, read, choices=choices)


def _field_hint(step: str, names: Iterable[str]) -> str:
    """What fields there are, as far as a line holds them."""
    has = ", ".join(names)
    if not has:
        return "it has no fields"
    if len(has) <= _SHORT_LIST:
        return f"it has {has}"
    meant = closest(step, names)
    return f"did you mean {meant}?" if meant else "they are named as in its tree"


_SHORT_LIST = 40


def _named(schema: Node[Any]) -> Iterator[tuple[str, Node[Any]]]:
    """The parts of a schema that have a name of their own, those of a list's items included."""
    if isinstance(schema, StructNode | ExtensionBlock):
        for name, inner in schema.children():
            yield name, inner
            if name == EXTENSIONS:
                # An extension need not be asked for by way of its block.
                yield from _named(inner)
    else:
        for _, inner in schema.children():
            yield from _named(inner)


def _leaves(schema: Node[Any]) -> list[Node[Any]]:
    children = [] if isinstance(schema, StructNode) else [inner for _, inner in schema.children()]
    return [leaf for inner in children for leaf in _leaves(inner)] if children else [schema]


def _followed(values: Iterable[object], steps: list[str]) -> Iterable[object]:
    for step in steps:
        values = [inner for each in values for inner in _inside(each, step)]
    return values


def _inside(value: object, step: str) -> Iterator[object]:
    match value:
        case list():
            for each in value:
                yield from _inside(each, step)
        case Extension():
            if str(value.extension_type) == step:
                yield value.extension_data
        case Overlong():
            yield from _inside(value.value, step)
        case Struct() if step in field_names(value):
            yield getattr(value, step)
        case Struct() if isinstance(block := getattr(value, EXTENSIONS, None), list):
            yield from _inside(block, step)
        case _:
            pass


def _values(found: Iterable[object]) -> Iterator[Value]:
    for each in found:
        match each:
            case list():
                yield from _values(each)
            case Overlong():
                yield from _values([each.value])
            case bool() | int() | str() | bytes():
                yield each
            case None:
                pass
            case _:
                yield True
