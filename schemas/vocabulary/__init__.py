"""RFC 9846 §3, the presentation language, as constructs.

`uint8` … `uint64`, `opaque`, `vector`, `select` and `@struct` read like the RFC's own notation, and each is a
`construct.Construct`, so it nests in any construct expression. They are strict both ways: a length prefix
is as wide as its ceiling asks, floor and ceiling hold, a prefix's content is consumed to its exact end, and
whatever fails says where (`DecodeError`, `EncodeError`).

A value is measured (`Node.measure`) when it is put into a struct: what cannot be built cannot be constructed.
"""

from schemas.vocabulary.constructed import Struct, StructNode, field, optional_field, snake_case, struct
from schemas.vocabulary.enumerated import CodePoint, CodePointNode
from schemas.vocabulary.node import Node, Window, build, describe, node, offset_of, parse, parse_exactly, take
from schemas.vocabulary.numbers import Uint, uint8, uint16, uint24, uint32, uint64
from schemas.vocabulary.variants import Select, ToldByContent, select, told_by_content
from schemas.vocabulary.vectors import (
    Bounded,
    Constant,
    FixedOpaque,
    Opaque,
    Rest,
    Trailing,
    Vector,
    Zeros,
    constant,
    empty,
    opaque,
    rest,
    trailing,
    vector,
    zeros,
)

__all__ = [
    "Bounded",
    "CodePoint",
    "CodePointNode",
    "Constant",
    "FixedOpaque",
    "Node",
    "Opaque",
    "Rest",
    "Select",
    "Struct",
    "StructNode",
    "ToldByContent",
    "Trailing",
    "Uint",
    "Vector",
    "Window",
    "Zeros",
    "build",
    "constant",
    "describe",
    "empty",
    "field",
    "node",
    "offset_of",
    "opaque",
    "optional_field",
    "parse",
    "parse_exactly",
    "rest",
    "select",
    "snake_case",
    "struct",
    "take",
    "told_by_content",
    "trailing",
    "uint8",
    "uint16",
    "uint24",
    "uint32",
    "uint64",
    "vector",
    "zeros",
]
