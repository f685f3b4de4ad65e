"""The web page that `serve --http` answers with: what was negotiated. As little of HTTP/1.1 as that takes. RFC 9112."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.vocabulary import CodePoint
from tls13.events import Negotiated
from tls13.printable import printable
from tls13.sockets import TLSSocket

PROTOCOLS = ("http/1.1", "http/1.0")
"""Its ALPN name. RFC 7301 §6"""
MAX_HEAD = 2**14
"""Bytes of request line and header fields."""
HEAD_SECONDS = 30.0
"""For all of the head, however slowly it drips in."""

# Either line end: people type these. RFC 9112 §2.2
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE = re.compile(r"(?P<method>[!#$%&'*+.^_`|~0-9A-Za-z-]+) (?P<target>[!-~]+) HTTP/1\.[0-9]")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its status line's end, and a body of plain text."""

    status: str
    body: str
    fields: tuple[str, ...] = ()

    def encode(self, *, with_body: bool = True) -> bytes:
        """The response as bytes. The connection ends after it."""
        body = self.body.encode()
        head = (
            f"HTTP/1.1 {self.status}",
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
            *self.fields,
        )
        return "\r\n".join((*head, "", "")).encode() + (body if with_body else b"")


def answer_request(tls: TLSSocket, peer: str, clock: Callable[[], float] = time.monotonic) -> str:
    """Reads one request of the client at `peer` and answers it; what happened, in one line. Raises as `TLSSocket`."""
    head = _read_head(tls, clock)
    if not head:
        return "no request"
    request_line = head.split(b"\n", 1)[0].rstrip(b"\r").decode("latin-1")
    answer, with_body = _answer(head, request_line, tls.negotiated, peer)
    tls.sendall(answer.encode(with_body=with_body))
    return f"{printable(request_line)} -> {answer.status}"


def _read_head(tls: TLSSocket, clock: Callable[[], float]) -> bytes:
    """The request up to its empty line; less than that where the client stops, or where the bounds are reached."""
    head = bytearray()
    deadline = clock() + HEAD_SECONDS
    while len(head) <= MAX_HEAD and clock() < deadline:
        seen = max(0, len(head) - 3)
        chunk = tls.recv(MAX_HEAD)
        head += chunk
        if not chunk or _END_OF_HEAD.search(head, seen):
            break
    return bytes(head).lstrip(b"\r\n")


def _answer(head: bytes, request_line: str, negotiated: Negotiated, peer: str) -> tuple[Answer, bool]:
    """The response, and whether its body is sent."""
    if not _END_OF_HEAD.search(head, 0, MAX_HEAD):
        if len(head) > MAX_HEAD:
            return Answer("431 Request Header Fields Too Large", f"more than {MAX_HEAD} bytes\n"), True
        return Answer("400 Bad Request", "the request does not end with an empty line\n"), True
    match = _REQUEST_LINE.fullmatch(request_line)
    if match is None:
        return Answer("400 Bad Request", "this is no HTTP/1.1 request\n"), True
    if match["method"] not in ("GET", "HEAD"):
        return Answer("405 Method Not Allowed", "GET is all there is\n", ("Allow: GET, HEAD",)), True
    return Answer("200 OK", _page(negotiated, peer, request_line)), match["method"] == "GET"


def _page(negotiated: Negotiated, peer: str, request_line: str) -> str:
    rows = {
        "version": _numbered(negotiated.version),
        "cipher suite": _numbered(negotiated.cipher_suite),
        "group": _numbered(negotiated.group),
        "signature scheme": _numbered(negotiated.signature_scheme),
        "server name": printable(negotiated.server_name or "none"),
        "ALPN": printable(negotiated.application_protocol or "none"),
        "HelloRetryRequest": "yes" if negotiated.retried else "no",
        "client": peer,
        "request": request_line,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    lines = (f"{name:18} {value}" for name, value in rows.items())
    return "\n".join(("What this connection negotiated:", "", *lines, ""))


def _numbered(point: CodePoint | None) -> str:
    """`x25519 (0x001d)`."""
    return "none" if point is None else f"{point} (0x{int(point):04x})"
