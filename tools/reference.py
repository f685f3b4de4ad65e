"""The reference pages of docs/reference, made of the schemas and tables themselves.

python -m tools.reference            writes them
python -m tools.reference --check    says which are not what would be written
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType, UnionType
from typing import Annotated

import typer

from schemas import (
    alert,
    certificate,
    derived,
    dtls,
    encrypted_client_hello,
    extensions,
    handshake,
    hpke,
    quic,
    quic_packets,
    record,
    sslv2,
    stored,
    tls10,
    tls12,
    tls12_extensions,
    tls12_records,
    transparency,
    unlisted_extensions,
)
from schemas.code_points import AlertDescription
from schemas.extension_block import MESSAGES, ROWS, Extension, Row
from schemas.handshake import MESSAGE_TYPES, HandshakeMessage
from schemas.notation import declared, explanation, number, presentation
from schemas.vocabulary import CodePoint, Struct
from tls13.errors import ALERT_HINTS, ALERTS, NegotiationFailure, Reason
from tls13.handshake.states import State
from tls13.handshake.table import CLIENT, HANDLERS, SERVER, Handler
from tools.exit_status import ExitStatus
from tools.values.tree import count_of

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTICE = "<!-- Made by `python -m tools.reference`. Change the schemas or the tables, not this page. -->"
COLUMNS = 100
"""How wide a line of code is at most: wider ones scroll."""

GROUPS: Mapping[str, Sequence[ModuleType]] = {
    "Records and alerts": (record, alert),
    "Handshake messages and what they are made of": (handshake, certificate),
    "What extensions are made of": (
        extensions,
        unlisted_extensions,
        encrypted_client_hello,
        transparency,
        quic,
        tls12_extensions,
    ),
    "What is hashed, signed or derived from, and what is kept": (derived, hpke, stored),
    "TLS 1.2 and older": (tls12, tls12_records, tls10, sslv2),
    "DTLS and QUIC, as far as captures are read": (dtls, quic_packets),
}
"""The chapters of structs, by the modules that declare them."""

SHORT = {
    "client_hello": "CH",
    "server_hello": "SH",
    "hello_retry_request": "HRR",
    "encrypted_extensions": "EE",
    "certificate": "CT",
    "certificate_request": "CR",
    "new_session_ticket": "NST",
    "tls12_server_hello": "SH 1.2",
}
"""The messages as the columns of a table; the RFC's own abbreviations."""


def wire_format() -> Iterator[str]:
    """Every struct, and every extension with the messages that it may stand in."""
    everything = declared()
    yield "# The wire format"
    yield (
        "Every structure that is declared in `schemas/`, in the presentation language of RFC 9846 §3. "
        "`tls13 schema NAME` prints any of them, `tls13 explain --as NAME HEX` reads bytes as one. The registries that "
        "they name are in [code points](code-points.md); what becomes of a message is in [states](states.md) and "
        "[reasons and alerts](alerts.md)."
    )
    yield "## Messages"
    rows = [
        [f"[{of.__name__}](#{_anchor(of.__name__)})", str(int(msg_type)), explanation(of)[1], explanation(of)[0]]
        for of, msg_type in MESSAGE_TYPES.items()
    ]
    yield _table(["message", "type", "", "specified in"], rows)
    yield "## Extensions"
    yield (
        f"{_list([f'{short}: {name}' for name, short in SHORT.items()])}. A mark says that the extension has a form in "
        "that message; anywhere else it is a violation of RFC 9846 §4.3."
    )
    yield _table(["extension", "number", *SHORT.values(), "", "specified in"], list(_extension_rows()))
    for title, modules in GROUPS.items():
        yield f"## {title}"
        names = [module.__name__ for module in modules]
        for name, of in everything.items():
            if isinstance(of, type) and issubclass(of, Struct) and of.__module__ in names:
                yield _section(name, presentation(of))
        if handshake in modules:
            yield _section(Extension.__name__, presentation(Extension))
    yield "## Extensions, each with its form in each message"
    for row in _sorted_rows():
        yield _section(str(row.extension_type), presentation(row, alone=True))


def code_points() -> Iterator[str]:
    """Every registry."""
    yield "# Code points"
    yield (
        "Numbers of one byte are decimal, wider ones hexadecimal. A number that is not here is no error: it reads as "
        "`unknown 0x…`, or as `GREASE 0x…` where RFC 8701 reserves it, and is built again as it was."
    )
    for name, of in declared().items():
        if isinstance(of, type) and issubclass(of, CodePoint):
            reference, text = explanation(of)
            grease = ", with GREASE" if of.grease else ""
            width = "a variable-length integer" if of.width > 4 else count_of(of.width, "byte")
            yield f"## {name}"
            facts = ", ".join(filter(None, (reference, width)))
            yield f"{text} ({facts}{grease}): {count_of(len(of.__members__), 'number')}."
            yield _code(_in_columns([f"{number(member)} {member}" for member in of]))


def alerts() -> Iterator[str]:
    """Why a connection is given up, and what the peer is told."""
    yield "# Reasons and alerts"
    yield (
        "Whoever gives up a connection raises a `Reason` of `tls13.errors`; its alert is what the peer is told. "
        "Sections are those of RFC 9846 where nothing else is said."
    )
    yield _table(
        ["reason", "alert", "meaning"],
        [[f"`{of.__name__}`", f"{alert} ({int(alert)})", _meaning(of)] for of, alert in ALERTS.items()],
    )
    yield "## Alerts that are received"
    yield "An alert of the peer's raises `AlertReceived`, whatever it says. Of these it is said what to do about them:"
    yield _table(["alert", "hint"], [[f"{each} ({int(each)})", hint] for each, hint in ALERT_HINTS.items()])
    yield "## Alerts that are never sent"
    never = [f"{each} ({int(each)})" for each in AlertDescription if each not in ALERTS.values()]
    yield f"{_list(never)}."


def states() -> Iterator[str]:
    """Which message is allowed in which state, and what comes then."""
    yield "# States"
    yield (
        "RFC 9846 appendix A, as `tls13.handshake.table` has it. A message that a state does not name is "
        "`unexpected_message`. What follows is what the handlers' return types say."
    )
    for title, table in (("Client", CLIENT), ("Server", SERVER)):
        yield f"## {title}"
        yield _diagram(table)
        yield _table(
            ["state", "message", "handler", "next"],
            [
                [f"`{state.__name__}`", message.__name__, f"`{handler.__name__}`", ", ".join(_names(handler, state))]
                for state, row in table.items()
                for message, handler in row.items()
            ],
        )
        yield _meanings(table)
    yield "## Either"
    yield _meanings([state for state in HANDLERS if state not in CLIENT and state not in SERVER])


PAGES: Mapping[str, Callable[[], Iterator[str]]] = {
    "wire-format.md": wire_format,
    "code-points.md": code_points,
    "alerts.md": alerts,
    "states.md": states,
}


def page(name: str) -> str:
    """A page as it is to be in docs/reference."""
    return "\n\n".join([NOTICE, *PAGES[name]()]) + "\n"


def main(
    check: Annotated[bool, typer.Option("--check", help="Write nothing: say which pages are out of date.")] = False,
) -> None:
    """Write the pages of docs/reference."""
    stale = [name for name in PAGES if not _is_current(FOLDER / name, page(name))]
    for name in stale:
        if check:
            typer.echo(f"docs/reference/{name} is out of date: python -m tools.reference writes it", err=True)
        else:
            FOLDER.mkdir(parents=True, exist_ok=True)
            (FOLDER / name).write_text(page(name), encoding="utf-8")
            typer.echo(f"docs/reference/{name}")
    if check and stale:
        raise typer.Exit(ExitStatus.FAILED)


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _section(name: str, code: str) -> str:
    return f"### {name}\n\n{_code(code)}"


def _extension_rows() -> Iterator[list[str]]:
    for row in _sorted_rows():
        name = str(row.extension_type)
        marks = ["●" if message in row.bodies else "" for message in SHORT]
        yield [
            f"[{name}](#{_anchor(name)})",
            str(int(row.extension_type)),
            *marks,
            row.explanation,
            row.reference,
        ]


def _sorted_rows() -> list[Row]:
    if set(SHORT) != set(MESSAGES):
        raise ValueError(f"SHORT has no column for {', '.join(set(MESSAGES) - set(SHORT))}")
    return sorted(ROWS.values(), key=lambda row: row.extension_type)


def _meaning(of: type[Reason]) -> str:
    if of.__doc__ is None and issubclass(of, NegotiationFailure):
        return f"No {of.subject} in common."
    return _first_paragraph(of)


def _first_paragraph(of: type) -> str:
    return " ".join((of.__doc__ or "").strip().split("\n\n")[0].split())


def _next(handler: Handler, state: type[State]) -> list[type]:
    """The states that a handler's return type names; a type variable stands for the one that it was called in."""
    hint = typing.get_type_hints(handler)["return"]
    if isinstance(hint, typing.TypeVar):
        return [state]
    return list(typing.get_args(hint)) if isinstance(hint, UnionType) else [hint]


def _names(handler: Handler, state: type[State]) -> list[str]:
    return [f"`{each.__name__}`" for each in _next(handler, state)]


def _diagram(table: Mapping[type[State], Mapping[type[HandshakeMessage], Handler]]) -> str:
    """The states in Mermaid; a message that leaves a state as it is goes round in it."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(table)).__name__}"]
    for state, row in table.items():
        for message, handler in row.items():
            lines += [f"    {state.__name__} --> {each.__name__}: {message.__name__}" for each in _next(handler, state)]
    return "\n".join([*lines, "```"])


def _meanings(states: Iterable[type[State]]) -> str:
    return _table(["state", ""], [[f"`{each.__name__}`", _first_paragraph(each)] for each in states])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def _in_columns(items: Sequence[str]) -> str:
    """Items in as many columns as fit, read from top to bottom."""
    width = max(map(len, items), default=0) + 2
    count = max(1, (COLUMNS + 2) // width)
    height = -(-len(items) // count)
    rows = [items[start::height] for start in range(height)]
    return "\n".join("".join(f"{each:{width}}" for each in row).rstrip() for row in rows)


def _code(text: str) -> str:
    return f"```text\n{text}\n```"


def _list(items: Sequence[str]) -> str:
    return ", ".join(items)


def _anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    return heading.lower().replace(".", "")


if __name__ == "__main__":
    typer.run(main)
