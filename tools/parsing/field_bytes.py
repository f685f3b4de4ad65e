"""The bytes of a message field by field, as `--hex` shows them: a module of its own, since nothing else needs them."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from schemas.alert import Alert
from schemas.code_points import ContentType
from schemas.record import ChangeCipherSpec
from tls13.capture import Message
from tools.explain import Page
from tools.explaining.pieces import Piece, messages, piece_of


def field_lines(message: Message, width: int) -> Iterator[Text]:
    """A line for each field of a handshake message, alert or ChangeCipherSpec, in so many columns."""
    page = Page(width=width, size=len(message.raw), everything=True)
    for piece in _pieces(message):
        yield from page.piece(piece, 0)


def _pieces(message: Message) -> list[Piece]:
    """The message taken apart, as far as it can be."""
    if message.value is not None:
        return [piece_of(type(message.value), message.raw)]
    match message.content_type:
        case ContentType.alert:
            return [piece_of(Alert, message.raw)]
        case ContentType.change_cipher_spec:
            return [piece_of(ChangeCipherSpec, message.raw)]
        case _:
            return messages(message.raw)
