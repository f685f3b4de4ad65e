"""The two errors that leave this package: bytes that are no such structure, a value that has no such bytes."""

from __future__ import annotations


class SchemaError(Exception):
    """Where a schema and what it was given disagree.

    `path` names the field in the schema's own words, `expected` what the schema wants there, `found` what there is.
    """

    def __init__(self, expected: str, found: str, *, path: str = "") -> None:
        super().__init__(expected, found)
        self.expected = expected
        self.found = found
        self.path = path

    def within(self, step: str) -> None:
        """Puts the enclosing field's name (or `[index]`) before the path, on the error's way up."""
        joint = "" if not self.path or not step or self.path.startswith("[") else "."
        self.path = f"{step}{joint}{self.path}"

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}expected {self.expected}, found {self.found}"


class DecodeError(SchemaError):
    """The bytes are not what the grammar allows. `offset` is the byte, counted from the start of what was parsed."""

    def __init__(self, expected: str, found: str, *, offset: int, path: str = "") -> None:
        super().__init__(expected, found, path=path)
        self.offset = offset

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}at byte {self.offset}: expected {self.expected}, found {self.found}"


class EncodeError(SchemaError):
    """The value has no encoding in the grammar."""
