"""What messages are called: by the RFC's names."""

from __future__ import annotations

from functools import cache

from schemas.code_points import ContentType, HandshakeType
from schemas.record import TLSCiphertext
from tls13.capture import Message
from tools.values.tree import title, type_title


def name_of(message: Message) -> str:
    """The RFC's name of the message, as far as it can be told: `ClientHello`, `Alert`, `ApplicationData`."""
    if message.opaque:
        return TLSCiphertext.__name__
    if message.value is not None:
        return title(message.value)
    return _by_type(message.content_type if message.handshake_type is None else message.handshake_type)


@cache
def _by_type(code_point: ContentType | HandshakeType) -> str:
    return type_title(code_point)
