"""What the bytes of TLS 1.3 are: every structure of the protocol declared once, in the RFC's own words.

Construct only: nothing here does cryptography, I/O, or keeps state. `parse` and `build` take any schema; every
struct has `.parse(data)` and `.build()` of its own.
"""

# These register what they hold where it is looked up: compiled forms with the compiler, rows for extension blocks.
from schemas import compiled_enclosures as _compiled_enclosures
from schemas import extensions as _extensions
from schemas import tls12_extensions as _tls12_extensions
from schemas import unlisted_extensions as _unlisted_extensions
from schemas.compiler import StraightLine
from schemas.errors import DecodeError, EncodeError, SchemaError
from schemas.vocabulary import Node, Struct, build, compile_with, parse

__all__ = ["DecodeError", "EncodeError", "Node", "SchemaError", "Struct", "build", "parse"]

del _compiled_enclosures, _extensions, _tls12_extensions, _unlisted_extensions

compile_with(StraightLine())
