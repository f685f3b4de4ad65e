"""The commands of `tls13`, under one roof."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from tools.certs import certs
from tools.connect import connect
from tools.demo import demo
from tools.edit import edit
from tools.exit_status import EXIT_STATUS_HELP
from tools.explain import explain
from tools.parse import parse
from tools.schema import schema
from tools.serve import serve

# Plain help: it fits any terminal, and what it says can be copied.
WIDTH = 100
app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"max_content_width": WIDTH, "help_option_names": ["-h", "--help"]},
    epilog=EXIT_STATUS_HELP,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"tls13 {version('tls13')}")
        except PackageNotFoundError:
            typer.echo("tls13, not installed: run from its source folder")
        raise typer.Exit


@app.callback()
def _tls13(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """TLS 1.3 (RFC 9846) to look at: servers and clients that show what they say, captures as trees.

    \b
    Start here:
      tls13 demo                               an echo over TLS 1.3, captured and shown decrypted
    \b
    Then:
      tls13 certs pki                          mint certificates for tests
      tls13 serve --cert pki/server-ecdsa-p256.pem --key pki/server-ecdsa-p256.key
      tls13 connect localhost:4433 --ca pki/ca.pem -v
      tls13 parse FILE.pcapng --keylog FILE    what a capture says, decrypted
      tls13 edit FILE.pcapng --set PATH=VALUE  a message out of a capture, changed
      tls13 explain 15030300020228             bytes, field by field
      tls13 schema ClientHello                 what is declared, in the RFC's own notation
    \b
    `tls13 COMMAND --help` says more, with examples.
    """


for command in (demo, serve, connect, certs, schema, edit):
    app.command(epilog=EXIT_STATUS_HELP)(command)
# Their statuses say more, in their own help.
app.command()(parse)
app.command()(explain)
