"""RFC 9846 §3, the presentation language, as constructs.

`uint8` … `uint64`, `opaque`, `vector`, `select` and `@struct` read like the RFC's own notation, and each is a
`construct.Construct`, so it nests in any construct expression. They are strict both ways: a length prefix
is as wide as its ceiling asks, floor and ceiling hold, a prefix's content is consumed to its exact end, and
whatever fails says where (`DecodeError`, `EncodeError`).

A value is measured (`Node.measure`) when it is put into a struct: what cannot be built cannot be constructed.
"""

from schemas.vocabulary.constructed import Struct, StructNode, field, optional_field, snake_case, struct
from schemas.vocabulary.enumerated import CodePoint, CodePointNode, NonZero, nonzero
from schemas.vocabulary.node import (
    Buffer,
    Node,
    Watcher,
    Window,
    build,
    build_interpreted,
    compile_with,
    describe,
    measure_part,
    node,
    offset_of,
    parse,
    parse_exactly,
    parse_interpreted,
    parse_part,
    take,
    watcher_of,
)
from schemas.vocabulary.numbers import Uint, uint8, uint16, uint24, uint32, uint64
from schemas.vocabulary.variants import Select, ToldByContent, select, told_by_content
from schemas.vocabulary.vectors import (
    BeforePadding,
    Bounded,
    Constant,
    FixedOpaque,
    Opaque,
    Rest,
    Trailing,
    Vector,
    Zeros,
    before_padding,
    constant,
    empty,
    opaque,
    rest,
    trailing,
    vector,
    zeros,
)

__all__ = [
    "BeforePadding",
    "Bounded",
    "Buffer",
    "CodePoint",
    "CodePointNode",
    "Constant",
    "FixedOpaque",
    "Node",
    "NonZero",
    "Opaque",
    "Rest",
    "Select",
    "Struct",
    "StructNode",
    "ToldByContent",
    "Trailing",
    "Uint",
    "Vector",
    "Watcher",
    "Window",
    "Zeros",
    "before_padding",
    "build",
    "build_interpreted",
    "compile_with",
    "constant",
    "describe",
    "empty",
    "field",
    "measure_part",
    "node",
    "nonzero",
    "offset_of",
    "opaque",
    "optional_field",
    "parse",
    "parse_exactly",
    "parse_interpreted",
    "parse_part",
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
    "watcher_of",
    "zeros",
]
