"""HOST:PORT as people write it, and as a program prints it back."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

import typer

HTTPS = 443

# An IPv6 address stands in brackets where a port follows; without a port it may stand bare.
_FORMS = re.compile(
    r"\[(?P<bracketed>[^\[\]]+)\](:(?P<port6>.*))?|(?P<bare>[^\[\]/]*:[^\[\]/]*:[^\[\]/]*)"
    r"|(?P<host>[^\[\]:/]+)(:(?P<port>.*))?"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A host's name or address, and a TCP port. str() is HOST:PORT, an IPv6 address in brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`example.com`, `example.com:4433`, `127.0.0.1:4433`, `[::1]:4433` or `::1`; port 443 where none is given.

    Raises typer.BadParameter.
    """
    match = _FORMS.fullmatch(text)
    if match is None:
        raise _no_address(text)
    found = match.groupdict()
    ipv6 = found["bracketed"] or found["bare"]
    if ipv6 is not None and not _is_ipv6(ipv6):
        raise _no_address(text)
    port = found["port6"] if ipv6 is not None else found["port"]
    return Address(ipv6 or found["host"], HTTPS if port is None else _port(port))


def _no_address(text: str) -> typer.BadParameter:
    return typer.BadParameter(f"{text!r} is no HOST:PORT, like localhost:4433 or [::1]:4433")


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 2**16:
        return int(text)
    raise typer.BadParameter(f"{text!r} is no port: give a number from 1 to 65535")
