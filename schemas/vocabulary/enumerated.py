"""RFC 9846 §3.5: enumerateds, with the values that RFC 8701 reserves."""

from __future__ import annotations

import io
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, ClassVar, Self, TypeVar

from schemas.errors import EncodeError
from schemas.vocabulary.node import Node, describe, take
from schemas.vocabulary.numbers import Uint

C = TypeVar("C", bound="CodePoint")

MAX_UNKNOWN_MEMBERS = 256


class CodePoint(IntEnum):
    """A registry: a number on the wire, a name for people. RFC 9846 §3.5.

    A number that the registry does not hold is a member all the same, made when it is met: the type holds and the
    number survives. Its name tells what it is, `unknown 0x1a2b` or (RFC 8701) `GREASE 0x5a5a`. Compare such members
    by `==`: only the first few of a registry are kept, so that no peer can fill the memory with them.
    """

    schema: ClassVar[Node[Any]]
    width: ClassVar[int]
    grease: ClassVar[bool]

    def __init_subclass__(cls, *, width: int, grease: bool = False) -> None:
        cls.width = width
        cls.grease = grease
        cls.schema = CodePointNode(cls)

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not 0 <= value < 1 << 8 * cls.width:
            return None
        number = int(value)
        member = int.__new__(cls, number)
        kind = "GREASE" if cls.grease and is_grease(number, cls.width) else "unknown"
        member._name_ = f"{kind} 0x{number:0{2 * cls.width}x}"
        member._value_ = number
        if len(cls._value2member_map_) < len(cls.__members__) + MAX_UNKNOWN_MEMBERS:
            cls._value2member_map_[number] = member
        return member

    @property
    def is_registered(self) -> bool:
        """Whether the registry holds this number, as opposed to a member made when it was met."""
        return self._name_ in type(self).__members__

    @property
    def is_grease(self) -> bool:
        """Whether the number is reserved by RFC 8701 to be ignored."""
        return type(self).grease and is_grease(self._value_, type(self).width)

    def __str__(self) -> str:
        return self._name_

    def __format__(self, format_spec: str) -> str:
        return format(self._name_, format_spec)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name_})"


def is_grease(value: int, width: int) -> bool:
    """Whether RFC 8701 reserves `value`: 0x?A?A with equal bytes, or 0x0B + n * 0x1F where there is one byte."""
    if width == 1:
        return value % 0x1F == 0x0B
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


class CodePointNode(Node[C]):
    """A registry's numbers on the wire."""

    def __init__(self, registry: type[C]) -> None:
        super().__init__()
        self.registry = registry
        self.number = Uint(registry.width)

    def notation(self) -> str:
        return self.registry.__name__

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, self.registry):
            raise EncodeError(self.notation(), describe(value))
        return self.number.width

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> C:
        return self.registry(int.from_bytes(take(stream, self.registry.width, self.notation()), "big"))

    def _write(self, value: C, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        self.number._write(value, stream, fields)

    def _sizeof(self, context: Any, path: str) -> int:
        return self.number.width


class NonZero(CodePointNode[C]):
    """A registry's numbers where zero would be taken for padding. RFC 9846 §5.4"""

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        width = super().measure(value, fields)
        if value == 0:
            raise EncodeError(f"{self.notation()} other than 0", describe(value))
        return width


def nonzero(registry: type[C]) -> Node[C]:
    """The registry's numbers but 0."""
    return NonZero(registry)
