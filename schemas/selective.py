"""A schema that reads only some extensions, for endpoints: what one does not implement, it is to ignore.

RFC 9846 §4.3 lets nobody send a malformed extension, but has it refused only by those who implement it. The full schema
is for whoever looks at everything; the one made here leaves the data of all other extensions as bytes.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from functools import singledispatch
from typing import Any, TypeVar

from schemas.code_points import ExtensionType
from schemas.extension_block import ExtensionBlock
from schemas.vocabulary import Node, Select, StructNode, ToldByContent, Trailing, Vector, node

T = TypeVar("T")


def reading_only(schema: Node[T] | type[T], extensions: Collection[ExtensionType]) -> Node[T]:
    """The schema, with the data of all extensions but these kept as bytes. Its values are of the same classes."""
    return _selective(node(schema), frozenset(extensions))


@singledispatch
def _selective(schema: Node[Any], read: frozenset[ExtensionType]) -> Node[Any]:
    return schema


@_selective.register(ExtensionBlock)
def _(schema: ExtensionBlock, read: frozenset[ExtensionType]) -> Node[Any]:
    return ExtensionBlock(schema.message, schema.floor, read)


@_selective.register(StructNode)
def _struct(schema: StructNode[Any], read: frozenset[ExtensionType]) -> StructNode[Any]:
    made = copy.copy(schema)
    made.fields = tuple((name, _selective(inner, read), doc) for name, inner, doc in schema.fields)
    return made


@_selective.register(Vector)
def _(schema: Vector[Any], read: frozenset[ExtensionType]) -> Node[Any]:
    made = copy.copy(schema)
    made.item = _selective(schema.item, read)
    return made


@_selective.register(Trailing)
def _(schema: Trailing[Any], read: frozenset[ExtensionType]) -> Node[Any]:
    made = copy.copy(schema)
    made.inner = _selective(schema.inner, read)
    return made


@_selective.register(Select)
def _(schema: Select, read: frozenset[ExtensionType]) -> Node[Any]:
    made = copy.copy(schema)
    made.variants = {tag: _selective(variant, read) for tag, variant in schema.variants.items()}
    return made


@_selective.register(ToldByContent)
def _(schema: ToldByContent, read: frozenset[ExtensionType]) -> Node[Any]:
    made = copy.copy(schema)
    made.variants = {mark: _struct(variant, read) for mark, variant in schema.variants.items()}
    made.otherwise = _struct(schema.otherwise, read)
    return made
