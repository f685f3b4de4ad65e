"""Compiled forms of the words in `vocabulary.enclosures` and `vocabulary.variable_integers`, for `compiler`."""

from __future__ import annotations

from typing import Any

from schemas.compiler import (
    BuilderSource,
    Mismatch,
    ParserSource,
    Variants,
    bounds,
    builder_of,
    emit_bounded,
    emit_build,
    emit_new,
    emit_number,
    emit_parse,
    emit_prefix,
    refuse,
)
from schemas.errors import EncodeError
from schemas.vocabulary import (
    BehindVariableLength,
    Distinct,
    Enclosed,
    LengthsFirst,
    Node,
    Overlong,
    Repeated,
    Select,
    VariableCodePoint,
    VariableInteger,
    WideInteger,
)
from schemas.vocabulary.variable_integers import as_written, decode, encode, inside


def encoded(value: int) -> bytes:
    """The bytes of a variable-length integer. Raises Mismatch for what has none."""
    try:
        return encode(value)
    except EncodeError:
        raise Mismatch from None


def emit_whole(schema: Node[Any], source: ParserSource, out: str, end: str) -> None:
    """Writes what reads a value that goes from `p` to exactly `end`."""
    with source.within(end):
        emit_parse(schema, source, out)
    refuse(source, f"p != {end}")


@emit_parse.register(Enclosed)
def _(schema: Enclosed[Any], source: ParserSource, out: str) -> None:
    _, end = emit_prefix(schema, source)
    emit_whole(schema.inner, source, out, end)


@emit_parse.register(Repeated)
def _(schema: Repeated[Any], source: ParserSource, out: str) -> None:
    source.line(f"{out} = []")
    with source.indented(f"while p < {source.end}:"):
        value, start = source.fresh(), source.fresh()
        source.line(f"{start} = p")
        emit_parse(schema.item, source, value)
        source.line(f"{out}.append({value})")
        refuse(source, f"p == {start}")


@emit_parse.register(Distinct)
def _(schema: Distinct[Any], source: ParserSource, out: str) -> None:
    emit_parse(schema.items, source, out)
    refuse(source, f"len({{each.{schema.key} for each in {out}}}) != len({out})")


@emit_parse.register(LengthsFirst)
def _(schema: LengthsFirst[Any], source: ParserSource, out: str) -> None:
    outer, source.fields = source.fields, {}
    for name, inner, _ in schema.plain:
        target = source.fields[name] = source.fresh(name)
        emit_parse(inner, source, target)
    lengths = [source.fresh("n") for _ in schema.enclosed]
    for length in lengths:
        emit_parse(schema.prefix, source, length)
    for (name, enclosed, _), length in zip(schema.enclosed, lengths, strict=True):
        end = source.fresh("e")
        source.line(f"{end} = p + {length}")
        refuse(source, *bounds(enclosed, length), f"{end} > {source.end}")
        target = source.fields[name] = source.fresh(name)
        emit_whole(enclosed.inner, source, target, end)
    emit_new(source, out, schema.of, source.fields)
    source.fields = outer


@emit_parse.register(VariableInteger)
def _(schema: VariableInteger, source: ParserSource, out: str) -> None:
    source.line(f"{out}, p = {source.bind(decode, 'decode')}(b, p, {source.end})")


@emit_parse.register(VariableCodePoint)
def _(schema: VariableCodePoint[Any], source: ParserSource, out: str) -> None:
    source.line(f"{out}, p = {source.bind(schema.decode, 'decode')}(b, p, {source.end})")


@emit_parse.register(BehindVariableLength)
def _(schema: BehindVariableLength, source: ParserSource, out: str) -> None:
    length, end = source.fresh("n"), source.fresh("e")
    source.line(f"{length}, p = {source.bind(decode, 'decode')}(b, p, {source.end})")
    source.line(f"{end} = p + {length}")
    refuse(source, f"{end} > {source.end}")
    emit_whole(schema.inner, source, out, end)
    wide, overlong = source.bind(WideInteger, "WideInteger"), source.bind(Overlong, "Overlong")
    source.line(f"if type({length}) is {wide}: {out} = {overlong}({out}, {length}.wire_width)")


@emit_build.register(Enclosed)
def _(schema: Enclosed[Any], source: BuilderSource, value: str) -> None:
    content = source.fresh()
    source.line(f"{content} = {source.bind(builder_of(schema.inner), 'build')}({value})")
    emit_bounded(schema, source, content)


@emit_build.register(Repeated)
def _(schema: Repeated[Any], source: BuilderSource, value: str) -> None:
    refuse(source, f"not isinstance({value}, list)")
    items = source.fresh()
    source.line(f"{items} = [*map({source.bind(builder_of(schema.item), 'build')}, {value})]")
    refuse(source, f'b"" in {items}')
    source.part(f"join({items})")


@emit_build.register(Distinct)
def _(schema: Distinct[Any], source: BuilderSource, value: str) -> None:
    emit_build(schema.items, source, value)
    refuse(source, f"len({{each.{schema.key} for each in {value}}}) != len({value})")


@emit_build.register(LengthsFirst)
def _(schema: LengthsFirst[Any], source: BuilderSource, value: str) -> None:
    refuse(source, f"not isinstance({value}, {source.bind(schema.of, schema.of.__name__)})")
    outer, source.fields = source.fields, {}
    for name, inner, _ in schema.plain:
        target = source.fields[name] = source.fresh(name)
        source.line(f"{target} = {value}.{name}")
        emit_build(inner, source, target)
    contents = []
    for name, enclosed, _ in schema.enclosed:
        content, length = source.fresh(), source.fresh("n")
        source.line(f"{content} = {source.bind(builder_of(enclosed.inner), 'build')}({value}.{name})")
        source.line(f"{length} = len({content})")
        refuse(source, *bounds(enclosed, length))
        emit_number(schema.prefix, source, length)
        contents.append(content)
    for content in contents:
        source.part(content)
    source.fields = outer


@emit_build.register(VariableInteger)
def _(schema: VariableInteger, source: BuilderSource, value: str) -> None:
    refuse(source, f"not isinstance({value}, int)", f"type({value}) is bool")
    source.part(f"{source.bind(encoded, 'encoded')}({value})")


@emit_build.register(VariableCodePoint)
def _(schema: VariableCodePoint[Any], source: BuilderSource, value: str) -> None:
    refuse(source, f"type({value}) is not {source.bind(schema.registry, schema.registry.__name__)}")
    source.part(f"{source.bind(encoded, 'encoded')}({value})")


@emit_build.register(BehindVariableLength)
def _(schema: BehindVariableLength, source: BuilderSource, value: str) -> None:
    content, inner = source.fresh(), schema.inner
    if isinstance(inner, Select) and inner.length is None:
        build = f"{source.bind(Variants(inner, builder_of), 'builders')}[{source.fields[inner.tag]}]"
    else:
        build = source.bind(builder_of(inner), "build")
    source.line(f"{content} = {build}({source.bind(inside, 'inside')}({value}))")
    written = f"{source.bind(as_written, 'as_written')}(len({content}), {value})"
    source.part(f"{source.bind(encoded, 'encoded')}({written})")
    source.part(content)
