"""How `serve` and `connect` let the two sides know each other: certificates, pre-shared keys, sessions, early data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tls13 import ConfigurationError, Credential, EarlyData, Negotiated, Psk, Session
from tls13.printable import printable
from tools.exit_status import ExitStatus
from tools.failures import CommandError

Psks = Annotated[
    list[str] | None,
    typer.Option(
        "--psk",
        metavar="NAME=HEX",
        help="A pre-shared key that both sides have, or NAME=@FILE with the hex in a file; repeatable.",
    ),
]
SessionFile = Annotated[
    Path | None,
    typer.Option(
        "--session",
        metavar="FILE",
        help="Go on with the session in this file, if it is there, and save the newest to it.",
    ),
]
EarlyDataFile = Annotated[
    Path | None,
    typer.Option(
        "--early-data",
        metavar="FILE",
        help="Send this first, with --session: before the handshake, and again after it if refused.",
    ),
]


def credentials(certs: Sequence[Path], keys: Sequence[Path]) -> tuple[Credential, ...]:
    """Those of each --cert and its --key. Raises CommandError unless they come in pairs, ConfigurationError."""
    if len(certs) != len(keys):
        raise CommandError(
            f"{len(certs)} --cert and {len(keys)} --key given",
            "give one key for each certificate",
            status=ExitStatus.USAGE,
        )
    return tuple(Credential.load(cert, key) for cert, key in zip(certs, keys, strict=True))


def psks(given: Sequence[str] | None) -> tuple[Psk, ...]:
    """The keys of every --psk. Raises typer.BadParameter for what is none, ConfigurationError for one too short."""
    return tuple(_psk(each) for each in given or ())


def _psk(text: str) -> Psk:
    name, separator, secret = text.partition("=")
    if not separator or not name:
        raise typer.BadParameter("no NAME=HEX, as sensor=00112233445566778899aabbccddeeff", param_hint="'--psk'")
    if secret.startswith("@"):
        try:
            secret = Path(secret[1:]).read_text(encoding="ascii", errors="replace").strip()
        except OSError as error:
            raise CommandError(
                f"{secret[1:]} can't be read: {error.strerror}", "name a file with a key in it", status=ExitStatus.USAGE
            ) from error
    try:
        key = bytes.fromhex(secret)
    except ValueError:
        raise typer.BadParameter(f"the key of {name} is not hexadecimal", param_hint="'--psk'") from None
    return Psk(identity=name.encode(), key=key)


def session_in(path: Path | None) -> Session | None:
    """The session of --session, None where the file is yet to be made. Raises ConfigurationError for another file."""
    return Session.load(path) if path is not None and path.exists() else None


def early_data_in(path: Path | None, session: Session | None) -> bytes:
    """What --early-data is to send. Raises CommandError where it can't be read, or the session takes none or less."""
    if path is None:
        return b""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}", "name a file", status=ExitStatus.USAGE) from error
    room = 0 if session is None else session.state.max_early_data_size
    if session is not None and len(data) > room:
        raise ConfigurationError(
            f"{path} has {len(data)} bytes, and the server takes {room} early", "connect without --early-data"
        )
    return data


def proof(negotiated: Negotiated) -> str:
    """By what the server was known, and what became of early data."""
    if negotiated.resumed:
        known = "resumed"
    elif negotiated.psk_identity is not None:
        known = f"PSK {printable(negotiated.psk_identity.decode('ascii', 'replace'))}"
    else:
        known = str(negotiated.signature_scheme)
    sent = negotiated.early_data is not EarlyData.not_sent
    return f"{known}, early data {negotiated.early_data}" if sent else known
