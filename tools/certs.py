"""`tls13 certs`: a small PKI as files, to try servers and clients with."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from certs import KeyType, Pki, mint
from tools.exit_status import ExitStatus
from tools.failures import CommandError, reports_failures

DEFAULT_NAMES = ("localhost", "127.0.0.1", "::1")


@reports_failures
def certs(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files go; made where it is missing.")],
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="What the servers are called: a DNS name or address. Once for each."),
    ] = None,
    key_type: Annotated[
        list[KeyType] | None,
        typer.Option(metavar="TYPE", help=f"The kinds of key: {', '.join(KeyType)}. Once for each."),
    ] = None,
) -> None:
    """Mint a certificate authority, server certificates and client certificates, for tests.

    For each kind of key a server's and a client's, each with its key. A server that asks its clients for certificates
    trusts theirs by the same ca.pem.

    The authority's own key is never written: nothing can be signed with these files later. Files that are there are
    never overwritten.

    \b
    Examples:
      tls13 certs pki
      tls13 certs pki --name example.test --key-type rsa --key-type ed25519
    """
    key_types = tuple(dict.fromkeys(key_type or [KeyType.ECDSA_P256]))
    pki = mint_into(folder, tuple(name or DEFAULT_NAMES), key_types)
    servers = [pki.server(each) for each in key_types]
    typer.echo(f"{pki.ca}  what clients trust, and servers that ask for a client's certificate")
    for server in servers:
        typer.echo(f"{server.certificate}  {server.key}  a server's certificate and key, for {', '.join(pki.names)}")
    for client in (pki.client(each) for each in key_types):
        typer.echo(f"{client.certificate}  {client.key}  a client's certificate and key")
    cert, key, ca = (shlex.quote(str(path)) for path in (servers[0].certificate, servers[0].key, pki.ca))
    typer.echo(f"Try: tls13 serve --cert {cert} --key {key}")
    typer.echo(f"and: tls13 connect localhost:4433 --ca {ca}{_asking_for(pki.names)}")


def mint_into(folder: Path, names: tuple[str, ...], key_types: tuple[KeyType, ...]) -> Pki:
    """A PKI in `folder`. Raises CommandError where a name is none, or the folder can't have it."""
    try:
        return mint(folder, names=names, now=datetime.now(UTC), key_types=key_types)
    except FileExistsError as error:
        raise CommandError(
            f"{error.filename} is there already, and nothing is overwritten",
            "name another folder",
            status=ExitStatus.USAGE,
        ) from error
    except ValueError as error:
        hint = "give names like example.com, and what is not ASCII as A-labels: xn--…"
        raise CommandError(str(error), hint, status=ExitStatus.USAGE) from error


def _asking_for(names: tuple[str, ...]) -> str:
    """What a client on this machine must add to find the server that it asks for."""
    return "" if "localhost" in names else f" --servername {shlex.quote(names[0])}"
