"""Schemas as RFC 9846 §3 writes them: `struct { … } ClientHello;`, `enum { … } ContentType;`.

What is printed is what is declared: names, order, bounds and variants come from the schema tree, explanations from the
declarations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import singledispatch
from typing import Any

from schemas import (
    alert,
    certificate,
    cipher_suites,
    code_points,
    derived,
    encrypted_client_hello,
    extensions,
    handshake,
    record,
)
from schemas.extension_block import ROWS, Row
from schemas.vocabulary import (
    Bounded,
    CodePoint,
    FixedOpaque,
    Node,
    Rest,
    Select,
    Struct,
    StructNode,
    ToldByContent,
    Trailing,
    Vector,
)

MODULES = (
    record,
    alert,
    handshake,
    certificate,
    extensions,
    encrypted_client_hello,
    derived,
    code_points,
    cipher_suites,
)
INDENT = "    "
WIDTH = 96


def presentation(of: type[Struct] | type[CodePoint] | Row) -> str:
    """A struct, a registry or an extension in the presentation language, over several lines, with comments."""
    if isinstance(of, Row):
        return "\n".join(_extension(of))
    return "\n".join(_struct(of) if issubclass(of, Struct) else _enum(of))


def declared() -> Mapping[str, type[Struct] | type[CodePoint] | Row]:
    """Everything that can be presented, by name: structs and registries by their class, extensions by their type.

    Of two structs of one name the one that is not TLS 1.3's goes by its module too, as `tls12.ClientHello`.
    """
    found: dict[str, type[Struct] | type[CodePoint] | Row] = {}
    for module in MODULES:
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, (Struct, CodePoint)) and cls.__module__ == module.__name__:
                short = cls.__name__
                found[f"{module.__name__.rpartition('.')[2]}.{short}" if short in found else short] = cls
    return found | {str(row.extension_type): row for row in ROWS.values()}


def _struct(of: type[Struct]) -> Iterator[str]:
    schema: StructNode[Any] = of.schema
    yield from _comment(of.__doc__ or "")
    if not schema.fields:
        yield f"struct {{}} {of.__name__};"
        return
    yield "struct {"
    for name, inner, doc in schema.fields:
        lines = declaration(inner, name)
        *body, last = [INDENT + line for line in lines]
        yield from body
        yield _beside(last, doc)
    yield f"}} {of.__name__};"


def _enum(of: type[CodePoint]) -> Iterator[str]:
    yield from _comment(of.__doc__ or "")
    yield "enum {"
    for member in of:
        number = f"0x{int(member):0{2 * of.width}X}" if of.width > 1 else str(int(member))
        yield f"{INDENT}{member}({number}),"
    yield f"{INDENT}({(1 << 8 * of.width) - 1})"
    yield f"}} {of.__name__};"


def _extension(row: Row) -> Iterator[str]:
    yield from _comment(f"{row.reference}. {row.explanation}")
    yield f"{row.extension_type}({int(row.extension_type)})"
    width = max(map(len, row.bodies), default=0)
    for message, body in row.bodies.items():
        yield f"{INDENT}{message:{width}}  {body.schema.notation()}"


@singledispatch
def declaration(schema: Node[Any], name: str) -> list[str]:
    """The lines that declare a field of this schema."""
    return [f"{schema.notation()} {name};"]


@declaration.register(FixedOpaque)
def _(schema: FixedOpaque, name: str) -> list[str]:
    return [f"opaque {name}[{schema.length}];" if schema.length else f"Empty {name};"]


@declaration.register(Rest)
def _(schema: Rest, name: str) -> list[str]:
    return [f"opaque {name}[...];"]


@declaration.register(Bounded)
def _(schema: Bounded[Any], name: str) -> list[str]:
    return [f"{schema.notation().removesuffix(schema.bounds())} {name}{schema.bounds()};"]


@declaration.register(Vector)
def _(schema: Vector[Any], name: str) -> list[str]:
    return [f"{schema.item.notation()} {name}{schema.bounds()};"]


@declaration.register(Trailing)
def _(schema: Trailing[Any], name: str) -> list[str]:
    *lines, last = declaration(schema.inner, name)
    return [*lines, f"{last}  /* or nothing */"]


@declaration.register(ToldByContent)
def _(schema: ToldByContent, name: str) -> list[str]:
    return [f"{schema.notation()} {name};"]


@declaration.register(Select)
def _(schema: Select, name: str) -> list[str]:
    length = [] if schema.length is None else [f"{schema.length.notation()} length;"]
    cases = [f"{INDENT}case {tag}: {variant.notation()};" for tag, variant in schema.variants.items()]
    if schema.otherwise is not None:
        cases.append(f"{INDENT}default: {schema.otherwise.notation()};")
    return [*length, f"select ({schema.tag}) {{", *cases, f"}} {name};"]


def _beside(line: str, doc: str) -> str:
    """A line with its explanation, where both fit."""
    commented = f"{line:<52}  /* {doc} */"
    return commented if doc and "/*" not in line and len(commented) <= WIDTH else line


def _comment(text: str) -> Iterator[str]:
    """The first paragraph of a docstring."""
    lines = [line.strip() for line in text.strip().split("\n\n")[0].splitlines()]
    if lines:
        yield f"/* {' '.join(lines)} */" if len(lines) == 1 else "/* " + "\n   ".join(lines) + " */"
