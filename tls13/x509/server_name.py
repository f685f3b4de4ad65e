"""What a client may call a server, and which certificate names stand for it. RFC 9525 §6, RFC 6066 §3."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache

from tls13.errors import ConfigurationError
from tls13.printable import printable

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
ServerName = str | IPAddress

# In characters, without the trailing dot. RFC 1034 §3.1.
MAX_NAME_LENGTH = 253
# With the underscore, which DNS and SNI carry though host names should not have it. RFC 1123 §2.1.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


@lru_cache(maxsize=256)
def parse_server_name(name: ServerName) -> ServerName:
    """What `name` means: an IP address, or a DNS name in lower-case A-labels without its trailing dot.

    Names in other scripts are converted as Python's `ssl` does, by IDNA 2003, and refused where IDNA 2008 would
    make another name of them. Raises ConfigurationError for what is no host name. RFC 9525 §6.2, RFC 6066 §3.
    """
    if not isinstance(name, str):
        return name
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        bare = name.removesuffix(".")
    # Measured before it is converted, too: the time that takes grows with the square of the length.
    if len(bare) <= MAX_NAME_LENGTH:
        ascii_name = bare.lower() if bare.isascii() else _a_labels(bare)
        labels = ascii_name.split(".")
        # What ends in a number is an address, or meant to be one. RFC 1123 §2.1
        if len(ascii_name) <= MAX_NAME_LENGTH and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit():
            return ascii_name
    raise ConfigurationError(
        f"no host name: {printable(name) or 'nothing'}", "give a name like example.com, or an IP address"
    )


def server_name_for_sni(name: ServerName) -> str | None:
    """The HostName for the server_name extension, None for an address, which it can't carry. RFC 6066 §3.

    Raises ConfigurationError for what is no host name.
    """
    parsed = parse_server_name(name)
    return parsed if isinstance(parsed, str) else None


def dns_name_matches(pattern: str, name: str) -> bool:
    """Whether a certificate's DNS name stands for `name`. RFC 9525 §6.3: `*` for one whole left-most label, no more.

    `name` is as `parse_server_name` gives it.
    """
    lowered = pattern.lower()
    if lowered.startswith("*."):
        first, _, parent = name.partition(".")
        return bool(first) and bool(parent) and parent == lowered[2:]
    return lowered == name


def _a_labels(name: str) -> str:
    """The name in IDNA's ASCII form. What does not come back from it as it went in is ambiguous, ß for instance."""
    try:
        encoded = name.encode("idna")
        unambiguous = encoded.decode("idna").lower() == unicodedata.normalize("NFKC", name.lower())
    except UnicodeError:
        unambiguous = False
    if not unambiguous:
        raise ConfigurationError(f"host name {printable(name)} has no sure ASCII form", "give it in A-labels: xn--…")
    return encoded.decode("ascii").lower()
