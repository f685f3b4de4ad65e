"""Any schemas value as plain data for JSON, with nothing lost: the same walk over every struct, no message's own.

A struct becomes an object of its fields, a code point `{"name": …, "value": …}`, bytes a string of hex, an extension
an object of `extension_type` and `extension_data`. Together with the schema that is enough to build the value again.
"""

from __future__ import annotations

import dataclasses

from schemas import Struct
from schemas.extension_block import Extension
from schemas.vocabulary import CodePoint

Plain = None | bool | int | str | list["Plain"] | dict[str, "Plain"]
"""What `json.dumps` takes."""


def plain(value: object) -> Plain:
    """`value`, out of a struct or a struct itself, as plain data. TypeError for what no schema makes."""
    match value:
        case None:
            return None
        case CodePoint():
            return {"name": str(value), "value": int(value)}
        case int():
            return value
        case bytes():
            return value.hex()
        case list():
            return [plain(each) for each in value]
        case Struct() | Extension():
            # A Struct class is a dataclass by its decorator, which its base cannot say.
            return {name: plain(getattr(value, name)) for name in field_names(value)}
        case _:
            raise TypeError(f"no schema makes a {type(value).__name__}")


def field_names(value: Struct | Extension) -> tuple[str, ...]:
    """The fields in the order of the wire."""
    if isinstance(value, Extension):
        return tuple(each.name for each in dataclasses.fields(value))
    return tuple(name for name, _, _ in type(value).schema.fields)
