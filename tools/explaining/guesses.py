"""What bytes are: as which of the declared structures they can be read, and which of those they most likely are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import shorten, wrap
from typing import Any

from schemas import Node, Struct, tls10, tls12
from schemas.alert import Alert
from schemas.code_points import AlertLevel, ExtensionType
from schemas.encrypted_client_hello import ECHConfigList
from schemas.errors import DecodeError
from schemas.extension_block import MESSAGES, ROWS, Extension, ExtensionBlock, ExtensionNode, Row, extensions_of
from schemas.handshake import (
    MESSAGE_TYPES,
    ClientHello,
    EndOfEarlyData,
    Finished,
    Handshake,
    HandshakeHeader,
    ServerHello,
)
from schemas.notation import declared
from schemas.record import RecordHeader, TLSCiphertext, TLSInnerPlaintext, TLSPlaintext
from schemas.sslv2 import V2ClientHello, V2RecordHeader, is_v2_client_hello
from schemas.trace import Part
from schemas.vocabulary import CodePoint, CodePointNode, Rest, Select, repeated
from tools.exit_status import ExitStatus
from tools.explaining.declarations import find
from tools.explaining.pieces import RECORD_HEADER, Piece, Places, looks_like_message, messages, piece_of, records
from tools.failures import CommandError
from tools.values.tree import count_of

WIDTH = 100
MOST_ATTEMPTS = 8
"""So many forms that do not fit are told with what is wrong with them, the others by their names."""

V2_HEADER = 2
EXTENSION_HEADER = 4
NEVER_ALONE = (RecordHeader, HandshakeHeader, V2RecordHeader, TLSCiphertext, TLSInnerPlaintext)
"""What is never guessed: only part of what else is, or not to be told from anything."""

UNMISTAKABLE = frozenset({TLSPlaintext.__name__, Handshake.__name__})
"""What starts like one of these, and is one, is nothing else."""

BLOCK = "extensions"
"""What a whole extension block goes by, before the message that it is of: `extensions/client_hello`."""


@dataclass(frozen=True, slots=True)
class Form:
    """Something that bytes may be. `name` is what `--as` takes, `title` what people call it.

    `recognises` tells from the first bytes whether they are likely to be it, None where nothing in them does.
    """

    name: str
    title: str
    read: Callable[[bytes], list[Piece]]
    recognises: Callable[[bytes], bool] | None = None

    def begins(self, data: bytes) -> bool:
        """Whether `data` looks like this from its start on."""
        return self.recognises is not None and self.recognises(data)


@dataclass(frozen=True, slots=True)
class Reading:
    """Bytes in a form."""

    form: Form
    pieces: Sequence[Piece]

    @property
    def errors(self) -> list[DecodeError]:
        """What is wrong, in the order of the pieces; offsets are counted in the input."""
        return [each.in_input(error) for piece in self.pieces for each in piece.walk() for error in each.errors]

    @property
    def doubts(self) -> int:
        """How many code points in it nobody registered."""
        return sum(each.doubts for piece in self.pieces for each in piece.walk())

    @property
    def understood(self) -> int:
        """How many bytes were read as something."""
        return sum(each.understood for piece in self.pieces for each in piece.walk())

    @property
    def told_by(self) -> int:
        """How much in it could have been otherwise: its lengths and code points."""
        parts = (part for each in self.pieces for part in each.trace.parts())
        return sum(part.prefix is not None or isinstance(part.value, CodePoint) for part in parts)

    @property
    def takes_anything(self) -> bool:
        """Whether bytes of any kind are part of it, up to its end."""
        parts = (part for each in self.pieces for part in each.trace.parts())
        return any(part.is_leaf and part.end > part.start and _is_open(part) for part in parts)


@dataclass(frozen=True, slots=True)
class Guess:
    """What the bytes are taken for, None if for nothing; what they may be as well; and all that was tried."""

    reading: Reading | None
    others: Sequence[Reading]
    tried: Sequence[Reading]


def guess(data: bytes) -> Guess:
    """The most likely form: a common one that fits; else one that the start looks like; else any that fits.

    Of several that fit, the one with the fewest unregistered numbers.
    """
    tried: list[Reading] = []
    for form in likely_forms():
        reading = Reading(form, form.read(data))
        if form.name in UNMISTAKABLE and form.begins(data) and not reading.errors and not reading.doubts:
            return Guess(reading, [], [])
        tried.append(reading)
    fitting = [each for each in tried if _fits(each, data)]
    recognised = [each for each in tried if each.form.begins(data)]
    if not fitting and recognised:
        return Guess(max(recognised, key=lambda each: each.understood), [], tried)
    if not fitting:
        fitting = [each for each in (Reading(form, form.read(data)) for form in all_forms()) if _must_be(each)]
        fitting.sort(key=lambda each: -each.told_by)
    fitting.sort(key=lambda each: each.doubts)
    best = [each for each in fitting if each.doubts == fitting[0].doubts]
    return Guess(best[0] if best else None, best[1:], tried)


def reading_as(name: str, data: bytes) -> Guess:
    """The form that `--as` names; where the name leaves open in which message, the one that fits best.

    Raises CommandError.
    """
    tried = [Reading(form, form.read(data)) for form in forms_named(name)]
    best = min(tried, key=lambda each: (bool(each.errors), each.doubts, -each.understood))
    return Guess(best, [each for each in tried if each is not best and not each.errors and not best.errors], tried)


def forms_named(name: str) -> list[Form]:
    """What a name stands for: more than one form where it leaves the message open. Raises CommandError."""
    name, slash, message = name.partition("/")
    if slash and message not in MESSAGES:
        hint = f"one of {', '.join(MESSAGES)}"
        raise CommandError(f"no message {message!r} carries extensions", hint, status=ExitStatus.USAGE)
    chosen = [message] if slash else list(MESSAGES)
    if name == BLOCK:
        return [_block(each) for each in chosen]
    declared_name, of = find(name)
    common = [form for form in likely_forms() if form.name == declared_name]
    if common and not slash:
        return common
    if of is Extension:
        return [_extensions(each) for each in chosen]
    if isinstance(of, Row):
        if slash and message not in of.bodies:
            hint = f"it has one in {', '.join(of.bodies)}"
            raise CommandError(f"{declared_name} has no form in {message}", hint, status=ExitStatus.USAGE)
        return [form for each in chosen for form in _bodies(of, each)]
    if slash:
        raise CommandError(f"{declared_name} is no extension", f"leave out /{message}", status=ExitStatus.USAGE)
    if issubclass(of, CodePoint):
        return [_structure(declared_name, repeated(CodePointNode(of)), "numbers of a registry")]
    return [_of_struct(declared_name, of)] if issubclass(of, Struct) else []


def likely_forms() -> Iterator[Form]:
    """What bytes most often are, the likeliest first."""
    yield _of_struct(TLSPlaintext.__name__, TLSPlaintext)
    yield _of_struct(Handshake.__name__, Handshake)
    yield Form(V2ClientHello.__name__, "a hello in the form of SSL 2.0", _v2_hello, is_v2_client_hello)
    yield _structure(Alert.__name__, Alert, "an alert", _is_alert)
    for message in MESSAGES:
        yield _block(message)
    for message in MESSAGES:
        yield _extensions(message)
    for of in MESSAGE_TYPES:
        if of in (Finished, EndOfEarlyData):  # which any bytes are, or none
            continue
        yield _structure(of.__name__, of, "the body of a message", _hello if of in (ClientHello, ServerHello) else None)
    yield _structure(ECHConfigList.__name__, ECHConfigList, "a structure")


def all_forms() -> Iterator[Form]:
    """Everything that is declared, but for registries: any number is one of theirs."""
    for name, of in declared().items():
        if isinstance(of, Row):
            for message in of.bodies:
                yield _bodies(of, message)[0]
        elif issubclass(of, Struct) and of not in NEVER_ALONE:
            yield _of_struct(name, of)


def _fits(reading: Reading, data: bytes) -> bool:
    if reading.errors or not reading.told_by:
        return False
    if reading.form.recognises is None:
        return not reading.doubts and not reading.takes_anything
    return reading.form.begins(data)


def _is_open(part: Part) -> bool:
    """Whether a part has no form: it takes what there is, or its select has no case for what it is."""
    if isinstance(part.schema, Select):
        return not part.path.endswith(tuple(f".{tag}" for tag in part.schema.variants))
    return isinstance(part.schema, Rest)


def _must_be(reading: Reading) -> bool:
    """Whether an uncommon form fits so well that it can hardly be chance."""
    return not reading.errors and not reading.doubts and reading.told_by > 1 and not reading.takes_anything


def _of_struct(name: str, of: type[Struct]) -> Form:
    if of is TLSPlaintext:
        return Form(name, "records", records, _record)
    if of is TLSCiphertext:
        return Form(name, "protected records", lambda data: records(data, TLSCiphertext))
    if of is Handshake:
        return Form(name, "handshake messages", messages, looks_like_message)
    if of in (tls12.Handshake, tls10.Handshake):
        return Form(name, "handshake messages", lambda data: messages(data, (of,)), looks_like_message)
    return _structure(name, of, "the body of a message" if of in MESSAGE_TYPES else "a structure")


def _structure(
    name: str,
    schema: Node[Any] | type[Struct],
    title: str,
    recognises: Callable[[bytes], bool] | None = None,
    *,
    called: str = "",
) -> Form:
    return Form(name, title, lambda data: [piece_of(schema, data, title=called)], recognises)


def _block(message: str) -> Form:
    title = f"the extension block of {message}"
    return _structure(f"{BLOCK}/{message}", extensions_of(message), title, _starts_block, called=BLOCK)


def _extensions(message: str) -> Form:
    schema = repeated(ExtensionNode(ExtensionBlock(message, 0), set()))
    name = f"{Extension.__name__}/{message}"
    return _structure(name, schema, f"extensions in {message}", _starts_extension, called=BLOCK)


def _bodies(row: Row, message: str) -> list[Form]:
    """An extension's data in a message, and the whole extension in it."""
    if message not in row.bodies:
        return []
    called = str(row.extension_type)
    name, title = f"{called}/{message}", f"the data of {called} in {message}"
    whole = _extensions(message)
    return [_structure(name, row.bodies[message].schema, title, called=called), Form(name, whole.title, whole.read)]


def _v2_hello(data: bytes) -> list[Piece]:
    header = piece_of(V2RecordHeader, data[:V2_HEADER], title="the header")
    hello = piece_of(V2ClientHello, data[V2_HEADER:], title="the hello", places=Places.at(V2_HEADER))
    return [header, hello]


def _record(data: bytes) -> bool:
    known = data[:1] and 20 <= data[0] <= 24
    return bool(known) and len(data) >= RECORD_HEADER and data[1] == 3 and data[2] <= 4


def _is_alert(data: bytes) -> bool:
    return len(data) == 2 and AlertLevel(data[0]).is_registered


def _starts_block(data: bytes) -> bool:
    named = len(data) > EXTENSION_HEADER and ExtensionType(int.from_bytes(data[2:4], "big")) in ROWS and any(data[2:4])
    return (int.from_bytes(data[:2], "big") == len(data) - 2 or named) and _starts_extension(data[2:])


def _starts_extension(data: bytes) -> bool:
    if len(data) < EXTENSION_HEADER:
        return False
    extension_type = ExtensionType(int.from_bytes(data[:2], "big"))
    known = extension_type in ROWS or extension_type.is_grease
    return known and int.from_bytes(data[2:EXTENSION_HEADER], "big") <= len(data) - EXTENSION_HEADER


def _hello(data: bytes) -> bool:
    """Whether this may be a hello without its header: it starts with a version, and a random has room behind it."""
    return data[:1] == b"\x03" and len(data) > 34 and data[1] <= 4


def attempts(tried: Sequence[Reading]) -> Iterator[str]:
    """What was tried and where it failed, what got furthest first, a line each; of one kind only the best."""
    best: dict[str, Reading] = {}
    for each in sorted(tried, key=lambda each: -each.understood):
        best.setdefault(each.form.name.partition("/")[0], each)
    told = list(best.values())[:MOST_ATTEMPTS]
    width = max((len(each.form.name) for each in told), default=0)
    for each in told:
        why = str(each.errors[0]) if each.errors else f"fits, with {count_of(each.doubts, 'unknown number')}"
        yield f"  {each.form.name:{width}}  {shorten(why, WIDTH - width - 4, placeholder='…')}"
    if len(best) > len(told):
        names = ", ".join(list(best)[MOST_ATTEMPTS:])
        yield from wrap(f"and {names}", WIDTH, initial_indent="  ", subsequent_indent="  ")
