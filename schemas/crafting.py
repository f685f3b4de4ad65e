"""Messages that strictness forbids, made on purpose and field by field.

A `Draft` is a value taken apart: every part with its own bytes, every length either computed from what it counts or
set by hand. Nothing in it is checked. What has been set stays set; a length that has not been follows the bytes behind
it when `build` is called.

    draft = craft(Handshake.of(hello))
    draft["cipher_suites"].append(b"\\x13")                       # half a cipher suite
    draft["extensions"].append(draft["extensions"][0].copy())     # the first one twice
    draft["extensions"]["key_share"][0]["group"] = 0x1234
    draft["legacy_session_id"].length = 40                        # whatever there is
    raw = draft.build()
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from schemas.errors import EncodeError
from schemas.trace import Part, trace
from schemas.vocabulary import LENGTH, Buffer, CodePointNode, Node, Struct, StructNode, Uint, VariableInteger
from schemas.vocabulary.variable_integers import encode


@dataclass(slots=True)
class Draft:
    """One part: its bytes, or the parts that it is made of, behind a length if it has one.

    `name` is the part's in the schema, "[3]" an item's, "" that of bytes put in by hand. `length_width` is how many
    bytes its length takes, 0 where it has none, `length` what that says where it is set by hand (None: what it
    counts), `width` how many bytes a number takes here. With `variable_length` the length is one of RFC 9000 §16, which
    takes more bytes than `length_width` where it has to.
    """

    name: str
    content: bytes | list[Draft]
    length_width: int = 0
    length: int | None = None
    width: int | None = None
    variable_length: bool = False

    def build(self) -> bytes:
        """The bytes. Raises EncodeError where a length does not fit into its bytes."""
        parts = self.content
        content = parts if isinstance(parts, bytes) else b"".join(each.build() for each in parts)
        if not self.length_width:
            return content
        length = len(content) if self.length is None else self.length
        if self.variable_length:
            return encode(length, self.length_width) + content
        return _number(length, self.length_width, f"{self.name}.{LENGTH}") + content

    def copy(self) -> Draft:
        """Another like it, that can be changed without it."""
        return copy.deepcopy(self)

    @property
    def inner(self) -> Draft:
        """The value inside, where this is an envelope around one, as an extension's data is; else the part itself."""
        if isinstance(self.content, list) and len(self.content) == 1 and self.content[0].name == ENVELOPED:
            return self.content[0]
        return self

    @property
    def parts(self) -> list[Draft]:
        """What it is made of. Raises EncodeError where it is plain bytes."""
        inner = self.inner
        if isinstance(inner.content, bytes):
            raise EncodeError("a part with parts", f"{len(inner.content)} bytes", path=inner.name)
        return inner.content

    def __getitem__(self, key: str | int) -> Draft:
        """A field by its name, an item by its number, an extension's data by the extension's name. Raises KeyError."""
        return self._place(key)[0]

    def __setitem__(self, key: str | int, value: bytes | int | Draft) -> None:
        """Gives a part other content: bytes as they are, a number in as many bytes as it takes there."""
        place, siblings, index = self._place(key)
        if isinstance(value, Draft):
            siblings[index] = value
        else:
            place.set(value)

    def __delitem__(self, key: str | int) -> None:
        """Takes a part out."""
        _, siblings, index = self._place(key)
        del siblings[index]

    def set(self, value: bytes | int) -> None:
        """Other content for this part; its length, unless set by hand, will follow. Raises EncodeError."""
        inner = self.inner
        if isinstance(value, bytes):
            inner.content = value
        elif inner.width is None:
            raise EncodeError("bytes", repr(value), path=inner.name)
        else:
            inner.content = _number(value, inner.width, inner.name)

    def append(self, value: bytes | Draft) -> None:
        """Puts something behind the last part: another part, or bytes that are none."""
        self.insert(len(self.parts) if isinstance(self.inner.content, list) else 1, value)

    def insert(self, index: int, value: bytes | Draft) -> None:
        """Puts something before the part of that number."""
        inner = self.inner
        if isinstance(inner.content, bytes):
            inner.content = [Draft("", inner.content)]
        inner.content.insert(index, value if isinstance(value, Draft) else Draft("", value))

    def _place(self, key: str | int) -> tuple[Draft, list[Draft], int]:
        parts = self.parts
        if isinstance(key, int):
            return parts[key], parts, key
        for index, each in enumerate(parts):
            if each.name == key:
                return each, parts, index
        for each in parts:
            if each.name.startswith("[") and isinstance(each.content, list):
                for index, field in enumerate(each.content):
                    if field.name == key:
                        return field, each.content, index
        raise KeyError(key)


ENVELOPED = "(value)"


def craft(value: Struct) -> Draft:
    """A value taken apart. Its `build` gives the value's own bytes until something is changed."""
    return draft_of(type(value).schema, value.build())


def draft_of(schema: Node[Any] | type[Any], data: Buffer) -> Draft:
    """Bytes taken apart, as a value of `schema`. Raises DecodeError where they are none."""
    raw = bytes(data)
    traced = trace(schema, raw)
    if traced.error is not None:
        raise traced.error
    return _draft(traced.root, raw)


def _draft(part: Part, data: bytes) -> Draft:
    schema = part.schema
    inner = list(part.parts)
    # A struct's first field may be called so too, as HkdfLabel's is, and is no prefix.
    prefix = inner.pop(0) if inner and inner[0].name == LENGTH and not isinstance(schema, StructNode) else None
    start = prefix.end if prefix is not None else part.start
    content: bytes | list[Draft] = [_draft(each, data) for each in inner] if inner else data[start : part.end]
    number = schema.number if isinstance(schema, CodePointNode) else schema
    return Draft(
        name=part.name or ENVELOPED,
        content=content,
        length_width=prefix.end - prefix.start if prefix is not None else 0,
        width=number.width if isinstance(number, Uint) else None,
        variable_length=prefix is not None and isinstance(prefix.schema, VariableInteger),
    )


def _number(value: int, width: int, name: str) -> bytes:
    if not 0 <= value < 1 << 8 * width:
        raise EncodeError(f"a number of {width} bytes", str(value), path=name)
    return value.to_bytes(width, "big")
