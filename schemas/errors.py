"""The two errors that leave this package: a byte string that is no such structure, a value that is no such bytes."""

from __future__ import annotations


class SchemaError(Exception):
    """Where a schema and what it was given disagree.

    `path` names the field in the schema's own words, `offset` the byte (absolute in what was parsed or
    built), `expected` what the schema wants there and `found` what there is.
    """

    def __init__(self, expected: str, found: str, *, offset: int = 0, path: str = "") -> None:
        super().__init__(expected, found)
        self.expected = expected
        self.found = found
        self.offset = offset
        self.path = path

    def within(self, step: str) -> None:
        """Puts the enclosing field's name (or `[index]`) before the path, on the error's way up."""
        joint = "" if not self.path or self.path.startswith("[") else "."
        self.path = f"{step}{joint}{self.path}"

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}at byte {self.offset}: expected {self.expected}, found {self.found}"


class DecodeError(SchemaError):
    """The bytes are not what the grammar allows."""


class EncodeError(SchemaError):
    """The value has no encoding in the grammar. `offset` counts from the start of what would be built."""

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}expected {self.expected}, found {self.found}"
