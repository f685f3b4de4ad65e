"""Any schemas value as plain data for JSON, with nothing lost: the same walk over every struct, no message's own.

A struct becomes an object of its fields, a code point `{"name": …, "value": …}`, bytes a string of hex, an extension
an object of `extension_type` and `extension_data`. A number that takes more bytes than it needs (RFC 9000 §16) says how
many in `wire_width`, a value whose length does in `length_width`. Together with the schema that is enough to build the
value again: `tools.values.rebuild` does.

How a class is converted is worked out once, when it is first met.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from schemas import Struct
from schemas.extension_block import Extension
from schemas.vocabulary import CodePoint, Overlong, WideInteger

Plain = None | bool | int | str | list["Plain"] | dict[str, "Plain"]
"""What a JSON writer takes."""


def plain(value: object) -> Plain:
    """`value`, out of a struct or a struct itself, as plain data. TypeError for what no schema makes.

    What is the same every time, as a code point is, may be the same object: copy before changing it.
    """
    return _KNOWN.get(id(value)) or _CONVERTERS[type(value)](value)


def field_names(value: Struct | Extension) -> tuple[str, ...]:
    """The fields in the order of the wire."""
    return _names(type(value))


def _names(cls: type[Struct] | type[Extension]) -> tuple[str, ...]:
    if issubclass(cls, Extension):
        return tuple(each.name for each in dataclasses.fields(cls))
    return tuple(name for name, _, _ in cls.schema.fields)


Converter = Callable[[Any], Plain]


class _Converters(dict[type, Converter]):
    """How the values of each class are made plain, found out when the class is first met."""

    def __missing__(self, cls: type) -> Converter:
        made = self[cls] = self._make(cls)
        return made

    def _make(self, cls: type) -> Converter:
        if issubclass(cls, CodePoint):
            return _code_point
        if issubclass(cls, Struct | Extension):
            return self._fields_of(_names(cls))
        raise TypeError(f"no schema makes a {cls.__name__}")

    def _fields_of(self, names: tuple[str, ...]) -> Converter:
        """Attributes of these names to an object of them, in one expression: nothing is looped over for each value."""
        members = ", ".join(f"{name!r}: of[type(each := value.{name})](each)" for name in names)
        made: Converter = eval(f"lambda value: {{{members}}}", {"of": self})
        return made

    def items_of(self, value: list[Any]) -> Plain:
        known = _KNOWN.get
        return [known(id(each)) or self[type(each)](each) for each in value]


_KNOWN: dict[int, Plain] = {}
"""Members of registries that stay, converted once. They are told by identity, since a wide one is equal."""


def _code_point(value: CodePoint) -> Plain:
    known = _KNOWN.get(id(value))
    if known is not None:
        return known
    made = _named(value)
    if type(value)._value2member_map_.get(int(value)) is value:
        _KNOWN[id(value)] = made
    return made


def _named(value: CodePoint) -> Plain:
    found: dict[str, Plain] = {"name": str(value), "value": int(value)}
    width = getattr(value, "wire_width", None)
    return found if width is None else {**found, "wire_width": int(width)}


def _nothing(value: None) -> Plain:
    return value


def _wide(value: WideInteger) -> Plain:
    return {"value": int(value), "wire_width": value.wire_width}


def _overlong(value: Overlong) -> Plain:
    return {"value": plain(value.value), "length_width": value.wire_width}


_CONVERTERS = _Converters({type(None): _nothing, int: int, bytes: bytes.hex, WideInteger: _wide, Overlong: _overlong})
_CONVERTERS[list] = _CONVERTERS.items_of
