"""The options of `tls13 parse`."""

from __future__ import annotations

from typing import Annotated

import typer

from tools.parsing.filters import filter_help
from tools.values.ndjson import schema_text


def _print_schema(wanted: bool) -> None:
    if wanted:
        typer.echo(schema_text(), nl=False)
        raise typer.Exit


def _print_filter_help(wanted: bool) -> None:
    if wanted:
        typer.echo(filter_help())
        raise typer.Exit


Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="Captures, or folders of them: pcap, pcapng, gzip or zstd of either; records; - for standard input.",
    ),
]
KeyLogs = Annotated[
    list[str] | None,
    typer.Option("--keylog", metavar="FILE", help="Secrets to decrypt with, as of SSLKEYLOGFILE; may be repeated."),
]
Psks = Annotated[
    list[str] | None,
    typer.Option("--psk", metavar="NAME=HEX", help="An external pre-shared key to decrypt with; may be repeated."),
]
AsSummary = Annotated[bool, typer.Option("--summary", help="A line for each connection.")]
AsStatistics = Annotated[bool, typer.Option("--stats", help="Counts over the whole input, and handshake times.")]
Followed = Annotated[
    int | None,
    typer.Option("--follow", min=0, metavar="N", help="What the two sides of connection N said, decrypted; see -o."),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="An object per message and line; with --summary or --stats, of those.")
]
JsonSchema = Annotated[
    bool, typer.Option("--json-schema", callback=_print_schema, is_eager=True, help="Print the schema of --json.")
]
Dump = Annotated[bool, typer.Option("--hex", help="Add the bytes of each field; with --follow, a dump.")]
Expression = Annotated[
    str | None,
    typer.Option("--filter", metavar="EXPR", help="Only messages and connections that it holds for."),
]
FilterHelp = Annotated[
    bool, typer.Option("--filter-help", callback=_print_filter_help, is_eager=True, help="Explain EXPR.")
]
OutputFile = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Print to it; with --follow, the very bytes.")
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        min=1,
        metavar="N",
        help="Spread files, and the connections of large ones, over N processes; standard input is read by one.",
    ),
]


def psks(texts: list[str] | None) -> tuple[tuple[bytes, bytes], ...]:
    """Identities and keys of all `--psk`. Raises typer.BadParameter."""
    return tuple(map(_psk, texts or ()))


def _psk(text: str) -> tuple[bytes, bytes]:
    identity, _, key = text.rpartition("=")
    try:
        return identity.encode(), bytes.fromhex(key)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no NAME=HEX", param_hint="'--psk'") from None
