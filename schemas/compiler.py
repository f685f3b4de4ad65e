"""Schema tree → straight-line Python, made when a schema is first used.

The interpreted constructs are the specification. What is emitted here does the same work without streams or contexts:
a parser is one function over `(data, position, end)`, a builder one function from a value to its bytes. Neither keeps
track of where it is. Whatever does not fit raises one of `FAILURES`, upon which the caller asks the interpreted path,
which knows the path and the offset, to say what is wrong.
"""

from __future__ import annotations

import linecache
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, singledispatch
from math import inf
from typing import Any, cast

from schemas.code_points import ExtensionType
from schemas.extension_block import LISTENERS, Extension, ExtensionBlock
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

Builder = Callable[[Any], bytes]
"""The bytes of a value."""

MANY = 256
"""Lists with fewer items than this are worth a function of their own length."""

FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""`struct` formats of the unsigned integers; one of three bytes is read as two."""


class Mismatch(Exception):
    """The bytes, or the value, do not fit; the interpreted path says how."""


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
def builder_of(schema: Node[Any]) -> Builder:
    """The compiled builder of a schema. Raises one of `FAILURES` for what has no encoding."""
    source = BuilderSource(f"build {schema.notation()}")
    emit_build(schema, source, "value")
    source.line(f"return {source.joined()}")
    return cast("Builder", source.function())


class Source:
    """A function being written: its lines, and the objects of ours that they name."""

    def __init__(self, title: str, parameters: str) -> None:
        self.title = title
        self.lines = [f"def compiled({parameters}):"]
        self.names: dict[str, Any] = {"Mismatch": Mismatch, "new": object.__new__, "join": b"".join}
        self.fields: dict[str, str] = {}
        self._depth = 1

    def function(self) -> Any:
        """Compiles it; its lines show in tracebacks."""
        text = "\n".join(self.lines) + "\n"
        filename = f"<{self.title}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        exec(compile(text, filename, "exec"), self.names)
        return self.names["compiled"]

    def fresh(self, hint: str = "v") -> str:
        """A name that is not taken."""
        name = f"{hint}_{len(self.names)}"
        self.names[name] = None
        return name

    def bind(self, value: Any, hint: str) -> str:
        """A name for an object of ours."""
        name = self.fresh(hint)
        self.names[name] = value
        return name

    def line(self, text: str) -> None:
        """Writes a line."""
        self.lines.append("    " * self._depth + text)

    @contextmanager
    def indented(self, header: str) -> Iterator[None]:
        """A block under `header`."""
        self.line(header)
        self._depth += 1
        yield
        self._depth -= 1


class ParserSource(Source):
    """A parser being written. Fixed-size fields that follow each other are read at once, before the next line."""

    def __init__(self, title: str) -> None:
        super().__init__(title, "b, p, e")
        self.end = "e"
        self._format = ""
        self._targets: list[str] = []
        self._afterwards: list[str] = []

    def line(self, text: str) -> None:
        self.flush()
        super().line(text)

    @contextmanager
    def indented(self, header: str) -> Iterator[None]:
        with super().indented(header):
            yield
            self.flush()

    @contextmanager
    def within(self, end: str) -> Iterator[None]:
        """A stretch whose values end before another end."""
        outer, self.end = self.end, end
        yield
        self.flush()
        self.end = outer

    def read(self, code: str, *targets: str, then: Sequence[str] = ()) -> None:
        """Joins fields of a fixed size to those that are read at once; `then` are lines for when they are."""
        self._format += code
        self._targets += targets
        self._afterwards += then

    def flush(self, *, checked: bool = False) -> None:
        """One `unpack_from` for all that was joined. With `checked`, a later line sees whether `p` went too far."""
        if not self._format:
            return
        layout = struct.Struct(">" + self._format)
        targets, lines = ", ".join(self._targets), self._afterwards
        self._format, self._targets, self._afterwards = "", [], []
        if layout.format == ">B":
            self.line(f"{targets} = b[p]")
        else:
            self.line(f"{targets}, = {self.bind(layout.unpack_from, 'unpack')}(b, p)")
        self.line(f"p += {layout.size}")
        if not checked:
            self.line(f"if p > {self.end}: raise Mismatch")
        for each in lines:
            self.line(each)


class BuilderSource(Source):
    """A builder being written. Fixed-size fields that follow each other are packed at once."""

    def __init__(self, title: str) -> None:
        super().__init__(title, "value")
        self._parts: list[str] = []
        self._format = ""
        self._values: list[str] = []

    def pack(self, code: str, *values: str) -> None:
        """Joins fields of a fixed size to those that are packed at once."""
        self._format += code
        self._values += values

    def part(self, expression: str) -> None:
        """Appends bytes."""
        self._flush()
        self._parts.append(expression)

    def joined(self) -> str:
        """The expression that gives everything."""
        self._flush()
        if len(self._parts) == 1:
            return self._parts[0]
        return f"join(({', '.join(self._parts)},))" if self._parts else 'b""'

    def _flush(self) -> None:
        if self._format:
            layout = struct.Struct(">" + self._format)
            self._parts.append(f"{self.bind(layout.pack, 'pack')}({', '.join(self._values)})")
            self._format, self._values = "", []


def refuse(source: Source, *conditions: str) -> None:
    """Raises Mismatch where any of the conditions holds."""
    if conditions:
        source.line(f"if {' or '.join(conditions)}: raise Mismatch")


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
        unpackers = source.bind(Unpackers(width), "unpackers")
        source.line(f"{numbers} = {unpackers}[{length}](b, p)")
    member = source.bind(item.registry._value2member_map_.__getitem__, "member")
    registry = source.bind(item.registry, item.registry.__name__)
    source.line(f"try: {out} = [*map({member}, {numbers})]")
    source.line(f"except KeyError: {out} = [*map({registry}, {numbers})]")
    source.line(f"p = {end}")


class Unpackers(dict[int, Callable[[bytes, int], tuple[int, ...]]]):
    """Lengths in bytes, and what reads that many as numbers of `width` bytes, made when first met."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width

    def __missing__(self, length: int) -> Callable[[bytes, int], tuple[int, ...]]:
        count, left = divmod(length, self._width)
        if left:
            raise Mismatch
        unpack = struct.Struct(f">{count}{FORMATS[self._width]}").unpack_from
        if count < MANY:
            self[length] = unpack
        return unpack


@emit_parse.register(Trailing)
def _(schema: Trailing[Any], source: ParserSource, out: str) -> None:
    source.line(f"{out} = None")
    with source.indented(f"if p < {source.end}:"):
        emit_parse(schema.inner, source, out)


@emit_parse.register(Select)
def _(schema: Select, source: ParserSource, out: str) -> None:
    parsers = source.bind(Variants(schema, parser_of), "parsers")
    tag = source.fields[schema.tag]
    if schema.length is None:
        source.line(f"{out}, p = {parsers}[{tag}](b, p, {source.end})")
        return
    length, end = source.fresh("n"), source.fresh("e")
    emit_parse(schema.length, source, length)
    source.flush(checked=True)
    source.line(f"{end} = p + {length}")
    refuse(source, f"{end} > {source.end}")
    source.line(f"{out}, p = {parsers}[{tag}](b, p, {end})")
    refuse(source, f"p != {end}")


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
        made = self[tag] = self._compiled(variant)
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


def emit_new(source: ParserSource, out: str, cls: type[Any], fields: dict[str, str]) -> None:
    """Writes what makes a frozen, slotted instance without asking its constructor to check it again."""
    source.line(f"{out} = new({source.bind(cls, cls.__name__)})")
    for name, value in fields.items():
        source.line(f"{source.bind(vars(cls)[name].__set__, 'set')}({out}, {value})")


@emit_parse.register(ExtensionBlock)
def _(schema: ExtensionBlock, source: ParserSource, out: str) -> None:
    _, end = emit_prefix(schema, source)
    forms = source.bind(Bodies(schema, parser_of), "forms")
    number, length, inner_end, data, made = (source.fresh() for _ in range(5))
    source.line(f"{out} = []")
    source.line("types = set()")
    with source.within(end), source.indented(f"while p < {end}:"):
        source.read("HH", number, length)
        source.flush(checked=True)
        source.line(f"{inner_end} = p + {length}")
        refuse(source, f"{inner_end} > {end}")
        source.line(f"extension_type, parse_body = {forms}[{number}]")
        source.line(f"{data}, p = parse_body(b, p, {inner_end})")
        refuse(source, f"p != {inner_end}")
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
        if extension_type.is_registered:
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
    if schema.width in FORMATS:
        source.pack(FORMATS[schema.width], value)
    else:
        source.pack("HB", f"{value} >> 8", f"{value} & 255")


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
    item, content = schema.item, source.fresh()
    if isinstance(item, CodePointNode):
        registry = source.bind(item.registry, item.registry.__name__)
        refuse(source, f"{value} and {{*map(type, {value})}} != {{{registry}}}")
        pack = source.bind(struct.pack, "pack")
        source.line(f'{content} = {pack}(f">{{len({value})}}{FORMATS[item.number.width]}", *{value})')
    else:
        source.line(f"{content} = join([*map({source.bind(builder_of(item), 'build')}, {value})])")
    emit_bounded(schema, source, content)


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
        source.line(f"parts += ({pack}(extension_type, len(data)), data)")
        source.line("types.add(extension_type)")
    refuse(source, f"len(types) != len({value})")
    source.line(f"{content} = join(parts)")
    emit_bounded(schema, source, content)


class StraightLine:
    """This module, as the vocabulary asks for it."""

    failures = FAILURES
    parser_of = staticmethod(parser_of)
    builder_of = staticmethod(builder_of)
