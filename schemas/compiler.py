"""Schema tree → straight-line Python, made when a schema is first used.

The interpreted constructs are the specification. What is emitted here does the same work without streams or contexts:
a parser is one function over `(data, position, end)`, a builder one function from a value to its bytes. Neither keeps
track of where it is. Whatever does not fit raises one of `FAILURES`, upon which the caller asks the interpreted path,
which knows the path and the offset, to say what is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import cache, singledispatch
from math import inf
from operator import attrgetter
from typing import Any, cast

from schemas.code_points import ExtensionType
from schemas.extension_block import LISTENERS, Extension, ExtensionBlock
from schemas.source import FORMATS, Layouts
from schemas.source import BuilderSource as BuilderSource
from schemas.source import Mismatch as Mismatch
from schemas.source import ParserSource as ParserSource
from schemas.source import refuse as refuse
from schemas.vocabulary import (
    BeforePadding,
    Bounded,
    CodePointNode,
    Constant,
    FixedOpaque,
    Node,
    NonZero,
    Opaque,
    Rest,
    Select,
    StructNode,
    ToldByContent,
    Trailing,
    Uint,
    Vector,
    Zeros,
)

Parser = Callable[[bytes, int, int], tuple[Any, int]]
"""Reads a value at a position, before an end: the value, and the position behind it."""

WholeParser = Callable[[bytes, int, int], Any]
"""Reads a value from a position to exactly an end."""

Builder = Callable[[Any], bytes]
"""The bytes of a value."""

FAILURES = (Mismatch, struct.error, LookupError, AttributeError, TypeError, ValueError)
"""What compiled code raises where something does not fit."""


@cache
def parser_of(schema: Node[Any]) -> Parser:
    """The compiled parser of a schema. Raises one of `FAILURES` for bytes that do not begin with such a value."""
    source = ParserSource(f"parse {schema.notation()}")
    emit_parse(schema, source, "value")
    source.line("return value, p")
    return cast("Parser", source.function())


@cache
def whole_parser_of(schema: Node[Any]) -> WholeParser:
    """The same for a value that fills all the bytes that there are. Raises one of `FAILURES` where it does not."""
    source = ParserSource(f"parse all of {schema.notation()}")
    emit_parse(schema, source, "value")
    refuse(source, "p != e")
    source.line("return value")
    return cast("WholeParser", source.function())


@cache
def builder_of(schema: Node[Any]) -> Builder:
    """The compiled builder of a schema. Raises one of `FAILURES` for what has no encoding."""
    source = BuilderSource(f"build {schema.notation()}")
    emit_build(schema, source, "value")
    source.line(f"return {source.joined()}")
    return cast("Builder", source.function())


def bounds(schema: Bounded[Any], length: str, limit: float = inf) -> list[str]:
    """The conditions under which a length, at most `limit`, is outside the schema's bounds."""
    below = [f"{length} < {schema.floor}"] if schema.floor else []
    above = [f"{length} > {schema.ceiling}"] if schema.ceiling < limit else []
    return below + above


@singledispatch
def emit_parse(schema: Node[Any], source: ParserSource, out: str) -> None:
    """Writes what reads a value at `p`, before `source.end`, into `out`."""
    raise TypeError(f"{type(schema).__name__} has no compiled form: register one with emit_parse and emit_build")


@emit_parse.register(Uint)
def _(schema: Uint, source: ParserSource, out: str) -> None:
    if schema.width in FORMATS:
        source.read(FORMATS[schema.width], out)
    else:
        high, low = source.fresh(), source.fresh()
        source.read("HB", high, low, then=[f"{out} = {high} << 8 | {low}"])


@emit_parse.register(CodePointNode)
def _(schema: CodePointNode[Any], source: ParserSource, out: str) -> None:
    number = source.fresh()
    member = source.bind(schema.registry._value2member_map_.get, "member")
    registry = source.bind(schema.registry, schema.registry.__name__)
    # A number that is met for the first time becomes a member by asking the registry itself.
    lines = [f"{out} = {member}({number})", f"if {out} is None: {out} = {registry}({number})"]
    source.read(FORMATS[schema.registry.width], number, then=lines)


@emit_parse.register(FixedOpaque)
def _(schema: FixedOpaque, source: ParserSource, out: str) -> None:
    if schema.length:
        source.read(f"{schema.length}s", out)
    else:
        source.line(f'{out} = b""')


@emit_parse.register(Constant)
def _(schema: Constant, source: ParserSource, out: str) -> None:
    source.read(f"{schema.length}s", out)
    refuse(source, f"{out} != {schema.value!r}")


@emit_parse.register(Rest)
def _(schema: Rest, source: ParserSource, out: str) -> None:
    source.line(f"{out} = b[p:{source.end}]")
    source.line(f"p = {source.end}")


@emit_parse.register(Zeros)
def _(schema: Zeros, source: ParserSource, out: str) -> None:
    source.line(f"{out} = b[p:{source.end}]")
    source.line(f"p = {source.end}")
    refuse(source, f'{out}.strip(b"\\0")')


@emit_parse.register(BeforePadding)
def _(schema: BeforePadding, source: ParserSource, out: str) -> None:
    content = source.fresh()
    source.line(f'{content} = b[p:{source.end}].rstrip(b"\\0")')
    refuse(source, f"not {content}")
    source.line(f"{out} = {content}[:-1]")
    source.line(f"p += len({out})")


def emit_prefix(schema: Bounded[Any], source: ParserSource) -> tuple[str, str]:
    """Writes what reads and checks a length; the names of the length and of the position where the content ends."""
    length, end = source.fresh("n"), source.fresh("e")
    emit_parse(schema.prefix, source, length)
    source.flush(checked=True)
    source.line(f"{end} = p + {length}")
    refuse(source, *bounds(schema, length, 256**schema.prefix.width - 1), f"{end} > {source.end}")
    return length, end


@emit_parse.register(Opaque)
def _(schema: Opaque, source: ParserSource, out: str) -> None:
    _, end = emit_prefix(schema, source)
    source.line(f"{out} = b[p:{end}]")
    source.line(f"p = {end}")


@emit_parse.register(Vector)
def _(schema: Vector[Any], source: ParserSource, out: str) -> None:
    length, end = emit_prefix(schema, source)
    item = schema.item
    if isinstance(item, CodePointNode):
        emit_code_points(item, source, out, length, end)
        return
    source.line(f"{out} = []")
    with source.within(end), source.indented(f"while p < {end}:"):
        value, start = source.fresh(), source.fresh()
        source.line(f"{start} = p")
        emit_parse(item, source, value)
        source.line(f"{out}.append({value})")
        refuse(source, f"p == {start}")


def emit_code_points(item: CodePointNode[Any], source: ParserSource, out: str, length: str, end: str) -> None:
    """All items of a registry at once."""
    width = item.number.width
    numbers = source.fresh()
    if width == 1:
        source.line(f"{numbers} = b[p:{end}]")
    else:
        unpack = source.bind(Layouts(width, attrgetter("unpack_from")), "unpack")
        source.line(f"{numbers} = {unpack}[{length}](b, p)")
    members = source.bind(item.registry._value2member_map_, "members")
    registry = source.bind(item.registry, item.registry.__name__)
    source.line(f"{out} = []")
    with source.indented("try:"):
        source.line(f"for number in {numbers}: {out}.append({members}[number])")
    source.line(f"except KeyError: {out} = [*map({registry}, {numbers})]")
    source.line(f"p = {end}")


@emit_parse.register(Trailing)
def _(schema: Trailing[Any], source: ParserSource, out: str) -> None:
    source.line(f"{out} = None")
    with source.indented(f"if p < {source.end}:"):
        emit_parse(schema.inner, source, out)


@emit_parse.register(Select)
def _(schema: Select, source: ParserSource, out: str) -> None:
    tag = source.fields[schema.tag]
    if schema.length is None:
        parsers = source.bind(Variants(schema, parser_of), "parsers")
        source.line(f"{out}, p = {parsers}[{tag}](b, p, {source.end})")
        return
    parsers = source.bind(Variants(schema, whole_parser_of), "parsers")
    length, end = source.fresh("n"), source.fresh("e")
    emit_parse(schema.length, source, length)
    source.flush(checked=True)
    source.line(f"{end} = p + {length}")
    refuse(source, f"{end} > {source.end}")
    source.line(f"{out} = {parsers}[{tag}](b, p, {end})")
    source.line(f"p = {end}")


class Variants(dict[Any, Any]):
    """A select's tags and the compiled form of each variant, made when the tag is first met."""

    def __init__(self, schema: Select, compiled: Callable[[Node[Any]], Any]) -> None:
        super().__init__()
        self._schema = schema
        self._compiled = compiled

    def __missing__(self, tag: Any) -> Any:
        variant = self._schema.variants.get(tag, self._schema.otherwise)
        if variant is None:
            raise Mismatch
        made = self._compiled(variant)
        if tag in self._schema.variants:  # no peer can fill the memory with tags that nothing knows
            self[tag] = made
        return made


@emit_parse.register(ToldByContent)
def _(schema: ToldByContent, source: ParserSource, out: str) -> None:
    chosen = source.fresh("parser")
    source.line(f"{chosen} = {source.bind(parser_of(schema.otherwise), 'parser')}")
    for mark, variant in schema.variants.items():
        parser = source.bind(parser_of(variant), "parser")
        source.line(f"if b[p + {schema.at} : p + {schema.at + len(mark)}] == {mark!r}: {chosen} = {parser}")
    source.line(f"{out}, p = {chosen}(b, p, {source.end})")


@emit_parse.register(StructNode)
def _(schema: StructNode[Any], source: ParserSource, out: str) -> None:
    outer, source.fields = source.fields, {}
    for name, inner, _ in schema.fields:
        target = source.fields[name] = source.fresh(name)
        emit_parse(inner, source, target)
    emit_new(source, out, schema.of, source.fields)
    source.fields = outer


def emit_new(source: ParserSource, out: str, cls: type[object], fields: dict[str, str]) -> None:
    """Writes what makes a frozen, slotted instance without asking its constructor to check it again."""
    source.line(f"{out} = {source.bind(unfrozen(cls), 'Unfrozen')}()")
    for name, value in fields.items():
        source.line(f"{out}.{name} = {value}")
    source.line(f"{out}.__class__ = {source.bind(cls, cls.__name__)}")


def unfrozen(cls: type[object]) -> type[object]:
    """A class whose instances are laid out like those of `cls`, so that they can be filled and then become such."""
    plain = {"__init__": object.__init__, "__setattr__": object.__setattr__}
    return type(f"Unfrozen{cls.__name__}", cls.__bases__, {"__slots__": vars(cls)["__slots__"], **plain})


@emit_parse.register(ExtensionBlock)
def _(schema: ExtensionBlock, source: ParserSource, out: str) -> None:
    _, end = emit_prefix(schema, source)
    forms = source.bind(Bodies(schema, whole_parser_of), "forms")
    number, length, inner_end, data, made = (source.fresh() for _ in range(5))
    source.line(f"{out} = []")
    source.line("types = set()")
    with source.within(end), source.indented(f"while p < {end}:"):
        source.read("HH", number, length)
        source.flush(checked=True)
        source.line(f"{inner_end} = p + {length}")
        refuse(source, f"{inner_end} > {end}")
        source.line(f"extension_type, parse_body = {forms}[{number}]")
        source.line(f"{data} = parse_body(b, p, {inner_end})")
        source.line(f"p = {inner_end}")
        emit_new(source, made, Extension, {"extension_type": "extension_type", "extension_data": data})
        source.line(f"{out}.append({made})")
        source.line("types.add(extension_type)")
    refuse(source, f"len(types) != len({out})")


class Bodies(dict[int, tuple[ExtensionType, Any]]):
    """Extension numbers, the member of each and the compiled form of its data in one message, made when first met."""

    def __init__(self, schema: ExtensionBlock, compiled: Callable[[Node[Any]], Any]) -> None:
        super().__init__()
        self._schema = schema
        self._compiled = compiled
        LISTENERS.append(lambda extension_type: self.pop(extension_type, None))

    def __missing__(self, number: int) -> tuple[ExtensionType, Any]:
        extension_type = ExtensionType(number)
        made = (extension_type, self._compiled(self._schema.data_schema(extension_type)))
        # The registry limits how many unknown members it keeps; so are these limited then.
        if extension_type in ExtensionType._value2member_map_:
            self[number] = made
        return made


@singledispatch
def emit_build(schema: Node[Any], source: BuilderSource, value: str) -> None:
    """Writes what checks and packs the value that `value` names."""
    raise TypeError(f"{type(schema).__name__} has no compiled form: register one with emit_parse and emit_build")


@emit_build.register(Uint)
def _(schema: Uint, source: BuilderSource, value: str) -> None:
    refuse(source, f"type({value}) is not int and (not isinstance({value}, int) or type({value}) is bool)")
    emit_number(schema, source, value)


def emit_number(schema: Uint, source: BuilderSource, value: str) -> None:
    """Packs what is known to be an integer."""
    code, values = packed_number(schema, value)
    source.pack(code, *values)


def packed_number(schema: Uint, value: str) -> tuple[str, list[str]]:
    """The `struct` format of a number, and the expressions that fill it."""
    if schema.width in FORMATS:
        return FORMATS[schema.width], [value]
    return "HB", [f"{value} >> 8", f"{value} & 255"]


@emit_build.register(CodePointNode)
def _(schema: CodePointNode[Any], source: BuilderSource, value: str) -> None:
    refuse(source, f"type({value}) is not {source.bind(schema.registry, schema.registry.__name__)}")
    emit_number(schema.number, source, value)


@emit_build.register(NonZero)
def _(schema: NonZero[Any], source: BuilderSource, value: str) -> None:
    refuse(source, f"not {value}")
    emit_build.dispatch(CodePointNode)(schema, source, value)


@emit_build.register(FixedOpaque)
def _(schema: FixedOpaque, source: BuilderSource, value: str) -> None:
    refuse(source, f"not isinstance({value}, bytes)", f"len({value}) != {schema.length}")
    source.part(value)


@emit_build.register(Constant)
def _(schema: Constant, source: BuilderSource, value: str) -> None:
    refuse(source, f"not isinstance({value}, bytes)", f"{value} != {schema.value!r}")
    source.part(value)


@emit_build.register(Rest)
def _(schema: Rest, source: BuilderSource, value: str) -> None:
    refuse(source, f"not isinstance({value}, bytes)")
    source.part(value)


@emit_build.register(Zeros)
def _(schema: Zeros, source: BuilderSource, value: str) -> None:
    refuse(source, f"not isinstance({value}, bytes)", f'{value}.strip(b"\\0")')
    source.part(value)


def emit_bounded(schema: Bounded[Any], source: BuilderSource, content: str) -> None:
    """Packs bytes behind their length."""
    length = source.fresh("n")
    source.line(f"{length} = len({content})")
    refuse(source, *bounds(schema, length))
    emit_number(schema.prefix, source, length)
    source.part(content)


@emit_build.register(Opaque)
def _(schema: Opaque, source: BuilderSource, value: str) -> None:
    refuse(source, f"not isinstance({value}, bytes)")
    emit_bounded(schema, source, value)


@emit_build.register(Vector)
def _(schema: Vector[Any], source: BuilderSource, value: str) -> None:
    refuse(source, f"not isinstance({value}, list)")
    item = schema.item
    if type(item) is CodePointNode:
        emit_pack_code_points(schema, item, source, value)
        return
    content = source.fresh()
    source.line(f"{content} = join([*map({source.bind(builder_of(item), 'build')}, {value})])")
    emit_bounded(schema, source, content)


def emit_pack_code_points(schema: Vector[Any], item: CodePointNode[Any], source: BuilderSource, value: str) -> None:
    """All items of a registry at once, with their length."""
    width, length = item.number.width, source.fresh("n")
    with source.indented(f"for each in {value}:"):
        refuse(source, f"type(each) is not {source.bind(item.registry, item.registry.__name__)}")
    source.line(f"{length} = {width} * len({value})")
    refuse(source, *bounds(schema, length))
    code, values = packed_number(schema.prefix, length)
    pack = source.bind(Layouts(width, attrgetter("pack"), before=code), "pack")
    source.part(f"{pack}[{length}]({', '.join(values)}, *{value})")


@emit_build.register(Trailing)
def _(schema: Trailing[Any], source: BuilderSource, value: str) -> None:
    build = source.bind(builder_of(schema.inner), "build")
    source.part(f'(b"" if {value} is None else {build}({value}))')


@emit_build.register(Select)
def _(schema: Select, source: BuilderSource, value: str) -> None:
    builders = source.bind(Variants(schema, builder_of), "builders")
    content = source.fresh()
    source.line(f"{content} = {builders}[{source.fields[schema.tag]}]({value})")
    if schema.length is not None:
        emit_number(schema.length, source, f"len({content})")
    source.part(content)


@emit_build.register(ToldByContent)
def _(schema: ToldByContent, source: BuilderSource, value: str) -> None:
    builders = {each.of: builder_of(each) for each in schema.structs()}
    content = source.fresh()
    source.line(f"{content} = {source.bind(builders, 'builders')}[type({value})]({value})")
    for mark, variant in schema.variants.items():
        marked = f"{content}[{schema.at}:{schema.at + len(mark)}] == {mark!r}"
        own = f"type({value}) is {source.bind(variant.of, variant.of.__name__)}"
        refuse(source, f"({marked}) is not ({own})")
    source.part(content)


@emit_build.register(StructNode)
def _(schema: StructNode[Any], source: BuilderSource, value: str) -> None:
    refuse(source, f"not isinstance({value}, {source.bind(schema.of, schema.of.__name__)})")
    outer, source.fields = source.fields, {}
    for name, inner, _ in schema.fields:
        target = source.fields[name] = source.fresh(name)
        source.line(f"{target} = {value}.{name}")
        emit_build(inner, source, target)
    source.fields = outer


@emit_build.register(ExtensionBlock)
def _(schema: ExtensionBlock, source: BuilderSource, value: str) -> None:
    refuse(source, f"not isinstance({value}, list)")
    forms = source.bind(Bodies(schema, builder_of), "forms")
    pack = source.bind(struct.Struct(">HH").pack, "pack")
    extension = source.bind(Extension, "Extension")
    registry = source.bind(ExtensionType, "ExtensionType")
    content = source.fresh()
    source.line("parts, types = [], set()")
    with source.indented(f"for each in {value}:"):
        source.line("extension_type = each.extension_type")
        refuse(source, f"type(each) is not {extension}", f"type(extension_type) is not {registry}")
        source.line(f"data = {forms}[extension_type][1](each.extension_data)")
        source.line(f"parts.append({pack}(extension_type, len(data)))")
        source.line("parts.append(data)")
        source.line("types.add(extension_type)")
    refuse(source, f"len(types) != len({value})")
    source.line(f"{content} = join(parts)")
    emit_bounded(schema, source, content)


class Forms(dict[Node[Any], Any]):
    """Schemas and the compiled form of each, made when it is first asked for."""

    def __init__(self, compiled: Callable[[Node[Any]], Any]) -> None:
        super().__init__()
        self._compiled = compiled

    def __missing__(self, schema: Node[Any]) -> Any:
        made = self[schema] = self._compiled(schema)
        return made


class StraightLine:
    """This module, as the vocabulary asks for it."""

    failures = FAILURES
    parsers: Mapping[Node[Any], WholeParser] = Forms(whole_parser_of)
    builders: Mapping[Node[Any], Builder] = Forms(builder_of)
