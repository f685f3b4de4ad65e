"""What the bytes of TLS 1.3 are: every structure of the protocol declared once, in the RFC's own words.

Construct only: nothing here does cryptography, I/O, or keeps state. `parse` and `build` take any schema; every
struct has `.parse(data)` and `.build()` of its own.
"""

from schemas import extensions as _rows  # the rows register themselves where extension blocks look them up
from schemas.compiler import StraightLine
from schemas.errors import DecodeError, EncodeError, SchemaError
from schemas.vocabulary import Node, Struct, build, compile_with, parse

__all__ = ["DecodeError", "EncodeError", "Node", "SchemaError", "Struct", "build", "parse"]

del _rows

compile_with(StraightLine())
