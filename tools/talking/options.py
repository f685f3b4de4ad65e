"""The options that `serve` and `connect` share: what is spoken, what is shown, what is logged."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from schemas.code_points import CipherSuite, NamedGroup, SignatureScheme
from tls13.config import CIPHER_SUITES, GROUPS_BY_PREFERENCE, SIGNATURE_SCHEMES
from tls13.crypto.aead import SUITES
from tls13.crypto.groups import GROUPS
from tls13.crypto.signatures import SIGNATURES

M = TypeVar("M", CipherSuite, NamedGroup, SignatureScheme)


def _list(names: Iterable[object]) -> str:
    """As the options take them."""
    return ",".join(map(str, names))


Verbosity = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        metavar="",
        show_default=False,
        help="Show each message as it goes by; -vv adds hex dumps and derived secrets.",
    ),
]
KeyLogFile = Annotated[
    Path | None,
    typer.Option(
        "--keylog",
        envvar="SSLKEYLOGFILE",
        metavar="FILE",
        help="Append the connection's secrets to this file, for `tls13 parse` and Wireshark.",
    ),
]
CaptureFile = Annotated[
    Path | None,
    typer.Option(
        "--pcapng",
        metavar="FILE",
        help="Write a capture of it to this file, secrets inside, for `tls13 parse` and Wireshark.",
    ),
]
LONGEST_TIMEOUT = 86400.0


def _seconds(text: str) -> float:
    """A time to wait. Raises typer.BadParameter for none, or one that is no use."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.001 <= seconds <= LONGEST_TIMEOUT:
        raise typer.BadParameter(f"{text} is no number of seconds from 0.001 to {LONGEST_TIMEOUT:g}")
    return seconds


Patience = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        parser=_seconds,
        metavar="SECONDS",
        help="Give up when the server is silent for so long; 10 in the handshake.",
    ),
]
IdleTimeout = Annotated[
    float,
    typer.Option("--timeout", parser=_seconds, metavar="SECONDS", help="Close a client that is silent for so long."),
]
Protocols = Annotated[
    list[str] | None,
    typer.Option("--alpn", metavar="NAMES", help="Application protocols, most wanted first: h2,http/1.1."),
]
CipherSuites = Annotated[
    str | None,
    typer.Option("--cipher-suites", metavar="NAMES", help=f"Only these, most wanted first: {_list(SUITES)}."),
]
Groups = Annotated[
    str | None,
    typer.Option("--groups", metavar="NAMES", help=f"Only these, most wanted first: {_list(GROUPS)}."),
]
SignatureSchemes = Annotated[
    str | None,
    typer.Option("--signature-schemes", metavar="NAMES", help=f"Only these of the server: {_list(SIGNATURES)}."),
]


def cipher_suites(names: str | None) -> tuple[CipherSuite, ...]:
    """The suites of `--cipher-suites`, the usual ones where it is not given. Raises typer.BadParameter."""
    return CIPHER_SUITES if names is None else _named(names, SUITES, "--cipher-suites")


def groups(names: str | None) -> tuple[NamedGroup, ...]:
    """The groups of `--groups`, the usual ones where it is not given. Raises typer.BadParameter."""
    return GROUPS_BY_PREFERENCE if names is None else _named(names, GROUPS, "--groups")


def signature_schemes(names: str | None) -> tuple[SignatureScheme, ...]:
    """The schemes of `--signature-schemes`, the usual ones else. Raises typer.BadParameter."""
    return SIGNATURE_SCHEMES if names is None else _named(names, SIGNATURES, "--signature-schemes")


def protocols(names: list[str] | None) -> tuple[str, ...]:
    """The protocols of all `--alpn` together."""
    return tuple(name.strip() for each in names or () for name in each.split(","))


def _named(names: str, known: Iterable[M], option: str) -> tuple[M, ...]:
    by_name = {str(each).lower(): each for each in known}
    chosen: list[M] = []
    for name in names.split(","):
        member = by_name.get(name.strip().lower())
        if member is None:
            raise typer.BadParameter(f"{name.strip()!r} is none of {_list(known)}", param_hint=f"'{option}'")
        chosen.append(member)
    return tuple(chosen)
