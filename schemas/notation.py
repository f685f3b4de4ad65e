"""Schemas as RFC 9846 §3 writes them: `struct { … } ClientHello;`, `enum { … } ContentType;`.

What is printed is what is declared: names, order, bounds, variants and defaults come from the schema tree, comments
from the explanations. What the notation has no words for is said in a comment.
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import singledispatch
from typing import Any

from schemas import (
    alert,
    certificate,
    cipher_suites,
    code_points,
    derived,
    dtls,
    encrypted_client_hello,
    extensions,
    handshake,
    hpke,
    quic,
    quic_packets,
    record,
    sslv2,
    stored,
    tls10,
    tls12,
    tls12_extensions,
    tls12_records,
    transparency,
    unlisted_extensions,
)
from schemas.extension_block import ROWS, Extension, Row
from schemas.trace import EXTENSION_REFERENCE, described
from schemas.vocabulary import (
    BehindVariableLength,
    Bounded,
    CodePoint,
    Constant,
    Distinct,
    Enclosed,
    FixedOpaque,
    LengthsFirst,
    Node,
    Repeated,
    Rest,
    Select,
    Struct,
    StructNode,
    Trailing,
    Vector,
)

MODULES = (
    record,
    alert,
    handshake,
    certificate,
    extensions,
    unlisted_extensions,
    encrypted_client_hello,
    transparency,
    quic,
    derived,
    stored,
    code_points,
    cipher_suites,
    tls12,
    tls12_extensions,
    tls10,
    sslv2,
    tls12_records,
    dtls,
    quic_packets,
    hpke,
)
"""Everything that declares a struct or a registry. TLS 1.3's come first: their names are the short ones."""

INDENT = "    "
WIDTH = 100
"""Columns of what is printed, as far as a name alone is not wider."""

COMMENT_COLUMN = (28, 52)
"""Where the comments beside a struct's fields may start: there if all fields are short, here at the latest."""

Declared = type[Struct] | type[CodePoint] | type[Extension] | Row


def presentation(of: Declared, *, alone: bool = False) -> str:
    """A struct, a registry or an extension in the presentation language, over several lines, with comments.

    An extension comes with the structs that it is made of, if it is not asked for `alone`.
    """
    if isinstance(of, Row):
        structs = () if alone else structs_of(of)
        return "\n\n".join(["\n".join(_extension(of)), *map(presentation, structs)])
    if issubclass(of, Struct):
        return "\n".join(_struct(of))
    return "\n".join(_enum(of) if issubclass(of, CodePoint) else _extension_struct())


def declared() -> Mapping[str, Declared]:
    """Everything that can be presented, by name: structs and registries by their class, extensions by their type.

    Of two structs of one name the one that is not TLS 1.3's goes by its module too, as `tls12.ClientHello`.
    """
    found: dict[str, Declared] = {Extension.__name__: Extension}
    for module in MODULES:
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, (Struct, CodePoint)) and cls.__module__ == module.__name__:
                short = cls.__name__
                found[f"{module.__name__.rpartition('.')[2]}.{short}" if short in found else short] = cls
    return found | {str(row.extension_type): row for row in ROWS.values()}


def explanation(of: Declared) -> tuple[str, str]:
    """Where something declared is specified, and the sentence that says what it is."""
    if of is Extension:
        return EXTENSION_REFERENCE, "What a message says besides its fields; each type has a form of its own in each"
    return (of.reference, of.explanation) if isinstance(of, Row) else described(of)


def structs_of(row: Row) -> Sequence[type[Struct]]:
    """The structs that an extension is made of, each once, in the order in which they are met."""
    found: dict[type[Struct], None] = {}

    def walk(schema: Node[Any]) -> None:
        if isinstance(schema, StructNode):
            if schema.of in found:
                return
            found[schema.of] = None
        for _, child in schema.children():
            walk(child)

    for each in row.bodies.values():
        walk(each.schema)
    return list(found)


def _struct(of: type[Struct]) -> Iterator[str]:
    schema: StructNode[Any] = of.schema
    yield from _comment(of.__doc__ or "")
    if not schema.fields:
        yield f"struct {{}} {of.__name__};"
        return
    yield "struct {"
    defaults = _defaults(of)
    yield from _aligned(
        [
            (declaration(inner, name), _sentence(doc, _note(inner)) + defaults.get(name, ""))
            for name, inner, doc in _wire(schema)
        ]
    )
    yield f"}} {of.__name__};"


def _wire(schema: StructNode[Any]) -> Iterator[tuple[str, Node[Any], str]]:
    """The fields as they are written: where all lengths come first, each is one of its own."""
    if not isinstance(schema, LengthsFirst):
        yield from schema.fields
        return
    yield from schema.plain
    for name, _, _ in schema.enclosed:
        yield f"{name}_length", schema.prefix, f"bytes of {name}"
    for name, enclosed, doc in schema.enclosed:
        yield name, enclosed.inner, doc


def _defaults(of: type[Struct]) -> Mapping[str, str]:
    """What each field is if nothing else is said, where that is not what it always is."""
    found: dict[str, str] = {}
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(of) if dataclasses.is_dataclass(of) else ()
    for each in fields:
        value: object = each.default_factory() if callable(each.default_factory) else each.default
        if value not in (dataclasses.MISSING, None) and not isinstance(each.metadata["schema"], Constant):
            found[each.name] = f" (default: {_value(value)})"
    return found


def _value(value: object) -> str:
    match value:
        case b"" | []:
            return "empty"
        case bytes():
            return _constant(value)
        case list():
            return ", ".join(map(_value, value))
        case _:
            return _tag(value)


def _enum(of: type[CodePoint]) -> Iterator[str]:
    yield from _comment(of.__doc__ or "")
    yield "enum {"
    for member in of:
        yield f"{INDENT}{member}({number(member)}),"
    most = (1 << 8 * of.width) - 1
    yield f"{INDENT}({most if of.width <= 2 else f'2^{8 * of.width}-1'})"
    yield f"}} {of.__name__};"


def number(member: CodePoint) -> str:
    """A code point's number as the registries write it: one byte in decimal, more in hexadecimal."""
    digits = 2 * min(type(member).width, 2)
    return str(int(member)) if type(member).width == 1 else f"0x{int(member):0{digits}X}"


def _extension(row: Row) -> Iterator[str]:
    name = row.extension_type
    yield from _comment(f"{row.reference}. {name}({int(name)}): {row.explanation}.")
    yield "struct {"
    yield f"{INDENT}select (Handshake.msg_type) {{"
    width = max(map(len, row.bodies), default=0) + 1
    for message, body in row.bodies.items():
        case, note = f"{INDENT * 2}case {f'{message}:':{width}} {_form(body.schema)};", _note(body.schema)
        fits = len(f"{case}  /* {note} */") <= WIDTH
        yield from _beside(case, note, len(case) + 2 if fits else len(INDENT * 3))
    yield f"{INDENT}}};"
    yield f"}} {name};"


def _extension_struct() -> Iterator[str]:
    yield from _comment(". ".join(explanation(Extension)) + ".")
    yield "struct {"
    yield from _aligned(
        [
            (["ExtensionType extension_type;"], "which extension"),
            (["opaque extension_data<0..2^16-1>;"], "what that extension is in the message that it stands in"),
        ]
    )
    yield f"}} {Extension.__name__};"


@singledispatch
def declaration(schema: Node[Any], name: str) -> list[str]:
    """The lines that declare a field of this schema."""
    return [f"{schema.notation()} {name};"]


@declaration.register(FixedOpaque)
def _(schema: FixedOpaque, name: str) -> list[str]:
    return [f"opaque {name}[{schema.length}];" if schema.length else f"Empty {name};"]


@declaration.register(Constant)
def _(schema: Constant, name: str) -> list[str]:
    return [f"opaque {name}[{schema.length}] = {_constant(schema.value)};"]


@declaration.register(Rest)
def _(schema: Rest, name: str) -> list[str]:
    return [f"opaque {name}[...];"]


@declaration.register(Repeated)
def _(schema: Repeated[Any], name: str) -> list[str]:
    return [f"{schema.item.notation()} {name}[...];"]


@declaration.register(Bounded)
def _(schema: Bounded[Any], name: str) -> list[str]:
    return [f"{schema.notation().removesuffix(schema.bounds())} {name}{schema.bounds()};"]


@declaration.register(Vector)
def _(schema: Vector[Any], name: str) -> list[str]:
    return [f"{_form(schema.item)} {name}{schema.bounds()};"]


@declaration.register(Enclosed)
def _(schema: Enclosed[Any], name: str) -> list[str]:
    return [f"opaque {name}{schema.bounds()};"]


@declaration.register(Distinct)
def _(schema: Distinct[Any], name: str) -> list[str]:
    return declaration(schema.items, name)


@declaration.register(BehindVariableLength)
def _(schema: BehindVariableLength, name: str) -> list[str]:
    return ["variable-length integer length;", *declaration(schema.inner, name)]


@declaration.register(Trailing)
def _(schema: Trailing[Any], name: str) -> list[str]:
    # RFC 5246 §7.4.1.2, in whose words the field is there if bytes follow.
    *_, inner = declaration(schema.inner, name)
    return [
        f"select ({name}_present) {{",
        f"{INDENT}case false: struct {{}};",
        f"{INDENT}case true:  {inner}",
        "};",
    ]


@declaration.register(Select)
def _(schema: Select, name: str) -> list[str]:
    length = [] if schema.length is None else [f"{schema.length.notation()} length;"]
    variants = [(f"case {_tag(tag)}:", variant) for tag, variant in schema.variants.items()]
    if schema.otherwise is not None:
        variants.append(("default:", schema.otherwise))
    width = max(len(case) for case, _ in variants)
    cases = [f"{INDENT}{case:{width}} {_form(variant)};" for case, variant in variants]
    return [*length, f"select ({schema.tag}) {{", *cases, f"}} {name};"]


def _form(schema: Node[Any]) -> str:
    """A schema that has no name of its own; `_note` has what this leaves out."""
    if isinstance(schema, Distinct):
        return _form(schema.items)
    if isinstance(schema, Enclosed):
        return f"opaque{schema.bounds()}"
    return f"{_form(schema.item)}{schema.bounds()}" if isinstance(schema, Vector) else schema.notation()


def _note(schema: Node[Any]) -> str:
    """What the notation has no words for."""
    if isinstance(schema, Trailing):
        return _note(schema.inner)
    if isinstance(schema, Distinct):
        return f"each {schema.key} once"
    if isinstance(schema, Enclosed):
        return f"one {schema.inner.notation()}"
    if isinstance(schema, Vector) and isinstance(schema.item, Enclosed):
        return f"{schema.item.inner.notation()} each"
    return ""


def _sentence(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def _tag(tag: object) -> str:
    return str(tag) if isinstance(tag, CodePoint) or not isinstance(tag, int) or tag < 256 else f"0x{tag:x}"


def _constant(value: bytes) -> str:
    """Bytes that always are the same: as text if they are, the start of them if they are many."""
    if len(value) > 1 and value.isascii() and value.decode("ascii").isprintable() and value.strip():
        return f'"{value.decode("ascii")}"'
    return f"0x{value.hex()}" if len(value) <= 8 else f"0x{value[:6].hex()}..."


def _aligned(fields: Sequence[tuple[list[str], str]]) -> Iterator[str]:
    """Declarations, each with its comment beside its last line, all of them in one column and as wide as may be."""
    first, last = COMMENT_COLUMN
    widths = [len(INDENT + lines[-1]) + 2 for lines, doc in fields if doc]
    column = max([first, *(width for width in widths if width <= last)])
    for lines, doc in fields:
        *above, line = [INDENT + each for each in lines]
        yield from above
        yield from _beside(line, doc, column)


def _beside(line: str, doc: str, column: int) -> Iterator[str]:
    """A line with its explanation in that column, over several lines if need be, from the next one on if it is wide."""
    if not doc:
        yield line
        return
    if len(line) + 2 > column:
        yield line
        line = ""
    wrapped = textwrap.wrap(doc, WIDTH - column - len("/*  */"))
    for index, each in enumerate(wrapped):
        start = f"{line:{column}}/* " if not index else f"{'':{column}}   "
        yield f"{start}{each}{' */' if index == len(wrapped) - 1 else ''}"


def _comment(text: str) -> Iterator[str]:
    """The first paragraph of a docstring."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    if paragraph:
        lines = textwrap.wrap(paragraph, WIDTH - len("/*  */"))
        yield "/* " + "\n   ".join(lines) + " */"
