"""Which handshake message may follow which from the same side: RFC 9846 §2 and §4, RFC 5246 §7.3, as tables.

What is not in a table is not judged. A side's place is lost where messages of it are missing or stay encrypted.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.code_points import HandshakeType
from tls13.capture.judging.judgement import Rule
from tls13.capture.messages import Direction

Order = Mapping[HandshakeType, frozenset[HandshakeType]]

_H = HandshakeType
_CERTIFICATES = frozenset({_H.certificate, _H.compressed_certificate})
_CLIENT_AFTER = frozenset({_H.key_update, _H.finished, *_CERTIFICATES})
_SERVER_AFTER = frozenset({_H.key_update, _H.new_session_ticket, _H.certificate_request})

TLS13: Mapping[Direction, Order] = {
    Direction.client: {
        _H.client_hello: frozenset({_H.client_hello, _H.end_of_early_data, _H.finished, *_CERTIFICATES}),
        _H.end_of_early_data: frozenset({_H.finished, *_CERTIFICATES}),
        _H.certificate: frozenset({_H.certificate_verify, _H.finished}),
        _H.compressed_certificate: frozenset({_H.certificate_verify, _H.finished}),
        _H.certificate_verify: frozenset({_H.finished}),
        _H.finished: _CLIENT_AFTER,
        _H.key_update: _CLIENT_AFTER,
    },
    Direction.server: {
        _H.server_hello: frozenset({_H.server_hello, _H.encrypted_extensions}),
        _H.encrypted_extensions: frozenset({_H.certificate_request, _H.finished, *_CERTIFICATES}),
        _H.certificate_request: _CERTIFICATES,
        _H.certificate: frozenset({_H.certificate_verify}),
        _H.compressed_certificate: frozenset({_H.certificate_verify}),
        _H.certificate_verify: frozenset({_H.finished}),
        _H.finished: _SERVER_AFTER,
    },
}

_SERVER_DONE = frozenset({_H.server_hello_done})
_BEFORE_DONE = frozenset({_H.certificate_request}) | _SERVER_DONE
_BEFORE_KEYS = frozenset({_H.server_key_exchange}) | _BEFORE_DONE
_BEFORE_FINISHED = frozenset({_H.new_session_ticket, _H.finished})

TLS12: Mapping[Direction, Order] = {
    Direction.client: {
        _H.client_hello: frozenset({_H.client_hello, _H.certificate, _H.client_key_exchange, _H.finished}),
        _H.certificate: frozenset({_H.client_key_exchange}),
        _H.client_key_exchange: frozenset({_H.certificate_verify, _H.finished}),
        _H.certificate_verify: frozenset({_H.finished}),
        _H.finished: frozenset({_H.client_hello}),
    },
    Direction.server: {
        _H.server_hello: frozenset({_H.certificate}) | _BEFORE_KEYS | _BEFORE_FINISHED,
        _H.certificate: frozenset({_H.certificate_status}) | _BEFORE_KEYS,
        _H.certificate_status: _BEFORE_KEYS,
        _H.server_key_exchange: _BEFORE_DONE,
        _H.certificate_request: _SERVER_DONE,
        _H.server_hello_done: _BEFORE_FINISHED,
        _H.new_session_ticket: frozenset({_H.finished}),
        _H.finished: frozenset({_H.hello_request, _H.server_hello}),
    },
}


def _mentioned(tables: Mapping[Direction, Order]) -> frozenset[HandshakeType]:
    """Every message that the tables say something of."""
    return frozenset(each for order in tables.values() for row in order.items() for each in (row[0], *row[1]))


_MENTIONED13, _MENTIONED12 = _mentioned(TLS13), _mentioned(TLS12)

OUT_OF_ORDER = Rule("unexpected_message", "RFC 9846 §4")
OLDER_OUT_OF_ORDER = Rule("unexpected_message", "RFC 5246 §7.3")


class Place:
    """Where one side is in the handshake: the last message of it that the table knows, None where that is not known."""

    __slots__ = ("_direction", "_last")

    def __init__(self, direction: Direction) -> None:
        self._direction = direction
        self._last: HandshakeType | None = None

    def lose(self) -> None:
        """A message of this side was not read."""
        self._last = None

    def follows(self, message: HandshakeType, *, older: bool) -> str | None:
        """Why the message may not come here, None where it may. `older` says that it is no TLS 1.3."""
        order, last = (TLS12 if older else TLS13)[self._direction], self._last
        # Behind Finished a server stays where it is: what it may send, it may send again. RFC 9846 §4.7
        stays = last is HandshakeType.finished and self._direction is Direction.server and not older
        self._last = last if stays else message if message in order else None
        allowed = order.get(last) if last is not None else None
        if allowed is None or message in allowed or message not in (_MENTIONED12 if older else _MENTIONED13):
            return None
        return f"{message} behind {last}"
