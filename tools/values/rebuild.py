"""The way back from JSON: plain data, as `tools.values.plain` makes it, to the values that the schemas parse and build.

    for line in lines:
        message = message_of(json.loads(line))

`message_of` takes one line of `tls13 parse --json` and gives the `tls13.capture.Message` that it was made of, its value
put together from the fields alone: `message.value.build()` is then the bytes that were captured. Nothing is guessed
from `raw`, so whoever edits a field of the object gets the edited message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import singledispatch
from typing import Any, TypeVar, overload

from schemas import Node, Struct
from schemas.alert import Alert
from schemas.code_points import ContentType, ExtensionType
from schemas.errors import DecodeError, EncodeError
from schemas.extension_block import Extension, ExtensionBlock
from schemas.handshake import ClientHello
from schemas.record import ChangeCipherSpec
from schemas.vocabulary import (
    BehindVariableLength,
    CodePoint,
    CodePointNode,
    Distinct,
    Enclosed,
    Overlong,
    Repeated,
    Select,
    StructNode,
    ToldByContent,
    Trailing,
    Uint,
    VariableCodePoint,
    VariableInteger,
    Vector,
    WideInteger,
)
from tls13.capture import Direction, Epoch, Message, Note, NoteKind
from tools.values.grammars import GRAMMARS
from tools.values.plain import Plain

T = TypeVar("T")
S = TypeVar("S", bound=Struct)


def message_of(line: Mapping[str, Plain]) -> Message:
    """The message of one object of `tls13 parse --json`. Raises EncodeError where it is no such object."""
    with _told():
        return _message(line)


@overload
def value_of(schema: type[S], data: Plain) -> S: ...


@overload
def value_of(schema: Node[T], data: Plain) -> T: ...


def value_of(schema: Node[T] | type[S], data: Plain) -> T | S:
    """The value of `schema` that is `data` in plain form. Raises EncodeError where it is none."""
    with _told():
        made: T | S = _rebuilt(schema if isinstance(schema, Node) else schema.schema, data, {})
        return made


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise EncodeError("what tools/values/parse.schema.json describes", what, path="json") from error


def _message(line: Mapping[str, Any]) -> Message:
    content_type = ContentType(line["content_type"]["value"])
    note, error = line["note"], line["error"]
    return Message(
        timestamp=line["timestamp_ns"],
        direction=Direction(line["direction"]),
        record=line["record"],
        offset=line["offset"],
        content_type=content_type,
        protected=line["encrypted"],
        opaque=line["encrypted"] and not line["decrypted"],
        epoch=Epoch(line["epoch"]),
        generation=line["generation"],
        raw=bytes.fromhex(line["raw"]),
        value=None if line["fields"] is None else _value(content_type, line),
        error=None if error is None else DecodeError(**error),
        note=None if note is None else Note(NoteKind(note["kind"]), note["text"]),
        inner=None if line["inner"] is None else _rebuilt(ClientHello.schema, line["inner"], {}),
    )


def _value(content_type: ContentType, line: Mapping[str, Any]) -> Any:
    fields = line["fields"]
    match content_type:
        case ContentType.alert:
            return _rebuilt(Alert.schema, fields, {})
        case ContentType.change_cipher_spec:
            return _rebuilt(ChangeCipherSpec.schema, fields, {})
        case _:
            whole = {"msg_type": line["message_type"], "message": fields}
            return _rebuilt(GRAMMARS[line["grammar"]].schema, whole, {})


@singledispatch
def _rebuilt(schema: Node[Any], data: Any, siblings: Mapping[str, Any]) -> Any:
    """The value; `siblings` are the fields before it in its struct. What has no form of its own is bytes."""
    return bytes.fromhex(data)


@_rebuilt.register(StructNode)
def _(schema: StructNode[Any], data: Any, siblings: Mapping[str, Any]) -> Any:
    values: dict[str, Any] = {}
    for name, each, _ in schema.fields:
        values[name] = _rebuilt(each, data[name], values)
    return schema.of(**values)


@_rebuilt.register(Select)
def _(schema: Select, data: Any, siblings: Mapping[str, Any]) -> Any:
    return _rebuilt(schema.variant(siblings[schema.tag], EncodeError), data, siblings)


@_rebuilt.register(ToldByContent)
def _(schema: ToldByContent, data: Any, siblings: Mapping[str, Any]) -> Any:
    """The one whose mark is among the fields: it fills a whole one."""
    for mark, variant in schema.variants.items():
        if mark.hex() in data.values():
            return _rebuilt(variant, data, siblings)
    return _rebuilt(schema.otherwise, data, siblings)


@_rebuilt.register(ExtensionBlock)
def _(schema: ExtensionBlock, data: Any, siblings: Mapping[str, Any]) -> list[Extension]:
    return [_extension(schema, each) for each in data]


def _extension(block: ExtensionBlock, data: Any) -> Extension:
    extension_type = ExtensionType(data["extension_type"]["value"])
    value = _rebuilt(block.data_schema(extension_type), data["extension_data"], {})
    return Extension(extension_type=extension_type, extension_data=value)


@_rebuilt.register(Vector)
@_rebuilt.register(Repeated)
def _(schema: Vector[Any] | Repeated[Any], data: Any, siblings: Mapping[str, Any]) -> list[Any]:
    return [_rebuilt(schema.item, each, siblings) for each in data]


@_rebuilt.register(Distinct)
def _(schema: Distinct[Any], data: Any, siblings: Mapping[str, Any]) -> Any:
    return _rebuilt(schema.items, data, siblings)


@_rebuilt.register(Trailing)
def _(schema: Trailing[Any], data: Any, siblings: Mapping[str, Any]) -> Any:
    return None if data is None else _rebuilt(schema.inner, data, siblings)


@_rebuilt.register(Enclosed)
def _(schema: Enclosed[Any], data: Any, siblings: Mapping[str, Any]) -> Any:
    return _rebuilt(schema.inner, data, siblings)


@_rebuilt.register(BehindVariableLength)
def _(schema: BehindVariableLength, data: Any, siblings: Mapping[str, Any]) -> Any:
    if isinstance(data, dict) and "length_width" in data:
        return Overlong(_rebuilt(schema.inner, data["value"], siblings), data["length_width"])
    return _rebuilt(schema.inner, data, siblings)


@_rebuilt.register(CodePointNode)
def _(schema: CodePointNode[Any], data: Any, siblings: Mapping[str, Any]) -> CodePoint:
    member: CodePoint = schema.registry(data["value"])
    return member


@_rebuilt.register(VariableCodePoint)
def _(schema: VariableCodePoint[Any], data: Any, siblings: Mapping[str, Any]) -> CodePoint:
    member: CodePoint = schema.member(_number(data))
    return member


@_rebuilt.register(VariableInteger)
def _(schema: VariableInteger, data: Any, siblings: Mapping[str, Any]) -> int:
    return _number(data)


@_rebuilt.register(Uint)
def _(schema: Uint, data: Any, siblings: Mapping[str, Any]) -> int:
    return int(data)


def _number(data: Any) -> int:
    """A variable-length integer, in the width that it says it took."""
    if isinstance(data, dict):
        return WideInteger(data["value"], data["wire_width"]) if "wire_width" in data else int(data["value"])
    return int(data)
