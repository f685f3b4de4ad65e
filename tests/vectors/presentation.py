"""A reader of the RFCs' presentation language, as far as structs without a select need it, and of tables in columns."""

from __future__ import annotations

import re

FIELD = re.compile(r"(\w+)\s+(\w+)\s*((?:<[^>]*>|\[[^]]*\])*)\s*;")
STRUCT = re.compile(r"struct\s*\{(.*?)\}\s*(\w+);", re.DOTALL)


def numbers(bounds: str) -> str:
    """`<1..2^8-1>` as `<1..255>`: the RFCs write one ceiling in several ways."""
    return re.sub(
        r"2\^(\d+)(?:-(\d+))?", lambda found: str(2 ** int(found.group(1)) - int(found.group(2) or 0)), bounds
    )


def structs(text: str, typedefs: str) -> dict[str, list[tuple[str, str]]]:
    """By name, each struct's fields as (name, type with bounds), the types that have other names resolved."""
    aliases = {name: of + numbers(bounds) for of, name, bounds in FIELD.findall(typedefs)}
    return {
        name: [(field, aliases.get(of, of) + numbers(bounds)) for of, field, bounds in FIELD.findall(fields)]
        for fields, name in STRUCT.findall(text)
    }


def table(text: str) -> list[list[str]]:
    """The lines of a table whose columns stand two spaces apart."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.strip().splitlines()]
