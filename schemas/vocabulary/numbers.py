"""RFC 9846 §3.3: numbers."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from schemas.errors import EncodeError
from schemas.vocabulary.node import Node, describe, take


class Uint(Node[int]):
    """An unsigned integer of `width` bytes in network byte order. RFC 9846 §3.3."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def notation(self) -> str:
        return f"uint{8 * self.width}"

    def measure(self, value: object, fields: Mapping[str, object]) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise EncodeError(self.notation(), describe(value))
        if not 0 <= value < 1 << 8 * self.width:
            raise EncodeError(f"{self.notation()}, at most {(1 << 8 * self.width) - 1}", str(int(value)))
        return self.width

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> int:
        return int.from_bytes(take(stream, self.width, self.notation()), "big")

    def _write(self, value: int, stream: io.BytesIO, fields: Mapping[str, object]) -> None:
        stream.write(value.to_bytes(self.width, "big"))

    def _sizeof(self, context: Any, path: str) -> int:
        return self.width


uint8, uint16, uint24, uint32, uint64 = Uint(1), Uint(2), Uint(3), Uint(4), Uint(8)
