"""Bytes typed in field by field, each with a note on what it is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from schemas import Node, Struct
from schemas.extension_block import Body

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Annotated:
    """The bytes, and where in them lengths stand: (offset, width) of each."""

    data: bytes
    lengths: tuple[tuple[int, int], ...]


def annotated(text: str) -> Annotated:
    """Lines of hexadecimal, two spaces, a note. `ab*32` repeats a byte. A note that starts with "length" marks one."""
    data = b""
    lengths: list[tuple[int, int]] = []
    for line in text.strip().splitlines():
        digits, _, note = line.strip().partition("  ")
        byte, _, times = digits.partition("*")
        piece = bytes.fromhex(byte) * int(times or 1)
        if note.strip().startswith("length"):
            lengths.append((len(data), len(piece)))
        data += piece
    return Annotated(data, tuple(lengths))


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A schema, one value of it, and its bytes as the RFC lays them out.

    `whole_prefixes` are the lengths at which a cut leaves bytes that are well formed all the same, as of a structure
    whose last field is open; `open_end` says that more bytes may follow.
    """

    name: str
    schema: type[Struct] | Node[Any]
    value: object
    text: str
    whole_prefixes: Collection[int] = ()
    open_end: bool = False

    @property
    def data(self) -> bytes:
        return annotated(self.text).data

    @property
    def lengths(self) -> tuple[tuple[int, int], ...]:
        return annotated(self.text).lengths

    def __str__(self) -> str:
        return self.name


def in_message(
    name: str,
    body: Body[T],
    value: T,
    text: str,
    *,
    open_end: bool = False,
    whole_prefixes: Collection[int] = (),
) -> Example:
    """An extension's body; `name` says in which message. Where the end is open, so is every cut."""
    example = Example(
        name=f"{body.row.extension_type} {name}",
        schema=body.schema,
        value=value,
        text=text,
        open_end=open_end,
        whole_prefixes=whole_prefixes,
    )
    return replace(example, whole_prefixes=range(len(example.data))) if open_end else example


def nothing(name: str, body: Body[bytes]) -> Example:
    """An extension whose body is empty in this message."""
    return in_message(name, body, b"", "")
