"""Every schema there is: what the tests that hold for all of them go through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, settings

from schemas import Node, Struct
from schemas.extension_block import MESSAGES, ROWS, extensions_of
from schemas.notation import declared

STRUCTS: Mapping[str, type[Struct]] = {
    name: each for name, each in declared().items() if isinstance(each, type) and issubclass(each, Struct)
}

SCHEMAS: dict[str, Node[Any]] = {name: each.schema for name, each in STRUCTS.items()} | {
    f"extensions of {message}": extensions_of(message) for message in MESSAGES
}
"""Of the structs, and of each message's extensions."""

SCHEMAS_AND_BODIES = SCHEMAS | {
    f"{row.extension_type} in {message}": body.schema for row in ROWS.values() for message, body in row.bodies.items()
}
"""And of what each extension holds in each message."""

SLOW_OR_PICKY = [HealthCheck.too_slow, HealthCheck.filter_too_much]
few = settings(max_examples=10, suppress_health_check=SLOW_OR_PICKY)
