"""`tls13 schema`: what is declared, in the presentation language of the RFC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import shorten
from typing import Annotated

import typer

from schemas.extension_block import Row
from schemas.handshake import MESSAGE_TYPES
from schemas.notation import Declared, declared, explanation, presentation
from schemas.vocabulary import CodePoint
from tools.explaining.declarations import find
from tools.failures import reports_failures

WIDTH = 100


@reports_failures
def schema(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="A struct, a registry or an extension; none lists them all."),
    ] = None,
) -> None:
    """Print schemas in the notation of the RFC.

    That is the presentation language of RFC 9846 §3: struct { … } ClientHello; These are the declarations that
    everything here parses and builds with. An extension is shown with the form that it has in each message, and with
    the structs that it is made of.

    \b
    Examples:
      tls13 schema                     everything that is declared, by kind
      tls13 schema ClientHello
      tls13 schema key_share NamedGroup
    """
    if names:
        # All are looked up before any is printed: what is asked for comes whole or not at all.
        typer.echo("\n\n".join([presentation(of) for _, of in map(find, names)]))
        return
    for line in listing():
        typer.echo(line)


def listing() -> Iterator[str]:
    """Everything that is declared, by kind, a line each."""
    kinds: dict[str, list[tuple[str, Declared]]] = {
        "Messages of TLS 1.3": [],
        "Structures": [],
        "Structures of older versions": [],
        "Registries": [],
        "Extensions": [],
    }
    for name, of in declared().items():
        kinds[_kind(of)].append((name, of))
    for title, members in kinds.items():
        yield f"{title} ({len(members)})"
        yield from _rows(members)
        yield ""
    yield "tls13 schema NAME... prints them; tls13 explain --as NAME reads bytes as one of them."


def _kind(of: Declared) -> str:
    if isinstance(of, Row):
        return "Extensions"
    if issubclass(of, CodePoint):
        return "Registries"
    if of in MESSAGE_TYPES:
        return "Messages of TLS 1.3"
    old = of.__module__.rpartition(".")[2].startswith(("tls1", "ssl"))
    return "Structures of older versions" if old else "Structures"


def _rows(members: Iterable[tuple[str, Declared]]) -> Iterator[str]:
    """`  KeyShareEntry  One public key (RFC 9846 §4.3.8)`, the names in a column of their own."""
    members = list(members)
    width = max(len(name) for name, _ in members)
    for name, of in members:
        reference, text = explanation(of)
        reference = f" ({reference})" if reference else ""
        yield f"  {name:{width}}  {shorten(text, WIDTH - width - 4 - len(reference), placeholder='…')}{reference}"
