"""`tls13 edit`: a message out of a capture, changed field by field, as bytes."""

from __future__ import annotations

import re
import sys
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from schemas.alert import Alert
from schemas.crafting import Draft, craft
from schemas.errors import EncodeError
from schemas.record import ChangeCipherSpec
from schemas.vocabulary import CodePoint, snake_case
from tls13.capture import Connection, Message, Transport, read_capture
from tls13.capture.messages import AnyHandshake
from tls13.keylog import KeyLog
from tools.exit_status import ExitStatus
from tools.failures import CommandError, reports_failures
from tools.parsing.filter_properties import find_property
from tools.values.tree import title

AnyMessage = AnyHandshake | Alert | ChangeCipherSpec


@reports_failures
def edit(
    file: Annotated[str, typer.Argument(metavar="CAPTURE", help="Where the message is.")],
    connection: Annotated[
        int, typer.Option("--connection", min=0, metavar="N", help="Of the connection that `tls13 parse` calls N.")
    ] = 0,
    quic: Annotated[
        bool, typer.Option("--quic", help="Of QUIC connection N: those of QUIC are numbered by themselves.")
    ] = False,
    message: Annotated[int, typer.Option("--message", min=0, metavar="N", help="The message that it calls #N.")] = 0,
    keylog: Annotated[str | None, typer.Option(metavar="FILE", help="Secrets to decrypt with.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Give a field other content.")
    ] = None,
    removals: Annotated[list[str] | None, typer.Option("--remove", metavar="PATH", help="Take a part out.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the bytes there; else hexadecimal.")
    ] = None,
) -> None:
    """Take a message out of a capture, change it, and get its bytes.

    PATH goes by the names that the tree of `tls13 parse` has: fields, [0] for an item of a list, extensions by their
    types. VALUE is a number, the name of a code point, hexadecimal after 0x where bytes are wanted, or text in quotes.
    Lengths follow. Nothing is checked: what the protocol forbids can be made. docs/how-to/edit-a-message.md goes on
    from here, to a connection that uses the message, over TCP wherever it was captured.

    \b
    Examples:
      tls13 edit web.pcap -o hello.bin
      tls13 edit web.pcap --set legacy_session_id=0x00ff | tls13 explain -
      tls13 edit web.pcap --connection 3 --set 'extensions.server_name[0].name="other.example"'
      tls13 edit web.pcap --set cipher_suites[0]=TLS_AES_128_GCM_SHA256 --remove extensions.key_share
      tls13 edit web.pcap --quic --remove extensions.quic_transport_parameters -o hello.bin
    """
    value = _find(file, keylog, Transport.quic if quic else Transport.tcp, connection, message)
    draft = craft(value)
    body = draft["message"] if isinstance(value, AnyHandshake) else draft
    label = snake_case(title(value))
    for each in assignments or ():
        _assign(body, label, each)
    for each in removals or ():
        _remove(body, each)
    try:
        data = draft.build()
    except EncodeError as error:
        raise CommandError(f"the message can't be built: {error}") from None
    if output is None:
        print(data.hex())
        sys.stdout.flush()
    else:
        output.write_bytes(data)


def _find(file: str, keylog: str | None, transport: Transport, connection: int, number: int) -> AnyMessage:
    """The parsed message. Raises CaptureError, ConfigurationError, CommandError where there is none."""
    secrets = None if keylog is None else KeyLog.load(keylog)
    is_of_the_other = False
    with read_capture(file, keylog=secrets) as capture:
        for each in capture:
            if each.number == connection:
                if each.transport is transport:
                    return _message(each, number)
                is_of_the_other = True
    if is_of_the_other:
        other, hint = ("QUIC", "add --quic") if transport is Transport.tcp else ("TCP", "leave out --quic")
        raise CommandError(f"connection {connection} of {file} is one of {other}", hint)
    what = "QUIC" if transport is Transport.quic else "TLS"
    raise CommandError(f"no {what} connection {connection} in {file}", _LOOK)


def _message(connection: Connection, number: int) -> AnyMessage:
    """That of this number. Raises CommandError where there is none that has fields."""
    messages = (item for item in connection.messages if isinstance(item, Message))
    found = next(islice(messages, number, None), None)
    what = "QUIC connection" if connection.transport is Transport.quic else "connection"
    if found is None:
        raise CommandError(f"{what} {connection.number} has no message #{number}", _LOOK)
    if found.value is None:
        why = found.note or found.error or "it has no fields"
        raise CommandError(f"message #{number} of {what} {connection.number} can't be edited: {why}", _LOOK)
    return found.value


_LOOK = "`tls13 parse` shows what there is"
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_PATH = re.compile(r"[^.\[\]]+(\[\d+\]|\.[^.\[\]]+)*")


def _steps(path: str) -> list[str | int]:
    """`extensions.server_name[0].name` as names and numbers. Raises CommandError."""
    if _PATH.fullmatch(path) is None:
        raise _unknown(path, "no path", "write it like extensions.server_name[0].name")
    return [int(number) if number else name for number, name in _STEP.findall(path)]


def _unknown(path: str, what: str, hint: str) -> CommandError:
    return CommandError(f"{path!r}: {what}", hint, status=ExitStatus.USAGE)


def _assign(body: Draft, label: str, assignment: str) -> None:
    path, equals, text = assignment.partition("=")
    if not equals:
        raise _unknown(assignment, "no value", "write PATH=VALUE")
    *before, last = _steps(path)
    parent = _part(body, before, path)
    part = _part(parent, [last], path)
    try:
        parent[last] = _value(part, _registry_name(label, path), text, assignment)
    except EncodeError as error:
        raise CommandError(f"{assignment!r}: {error}", status=ExitStatus.USAGE) from None


def _remove(body: Draft, path: str) -> None:
    *before, last = _steps(path)
    parent = _part(body, before, path)
    _part(parent, [last], path)
    names = [each.name for each in parent.parts]
    if isinstance(last, int) or last in names:
        del parent[last]
    else:
        # The name is that of an extension's data: the whole extension goes.
        within = [any(inner.name == last for inner in _parts(each)) for each in parent.parts]
        del parent[within.index(True)]


def _part(draft: Draft, steps: list[str | int], path: str) -> Draft:
    """The part at the end of the steps. Raises CommandError that names what there is."""
    for step in steps:
        try:
            draft = draft[step]
        except (KeyError, IndexError):
            there = ", ".join(_names(draft)) or "nothing"
            raise _unknown(path, f"no {step} there", f"there is {there}") from None
        except EncodeError:
            raise _unknown(path, f"nothing in it to be called {step}", "it is bytes: set all of it") from None
    return draft


def _parts(draft: Draft) -> list[Draft]:
    content = draft.inner.content
    return [] if isinstance(content, bytes) else content


def _names(draft: Draft) -> list[str]:
    """What the parts are called; those of a list of extensions by their types."""
    found = []
    for each in _parts(draft):
        names = [inner.name for inner in _parts(each)] if each.name.startswith("[") else []
        found.append(names[1] if names[:1] == ["extension_type"] and len(names) > 1 else each.name)
    return found


def _registry_name(label: str, path: str) -> type[CodePoint] | None:
    """The registry of a code point, None for anything else."""
    names = [step for step in _steps(path) if isinstance(step, str)]
    try:
        return find_property(".".join([label, *names])).choices
    except LookupError:
        return None


def _value(part: Draft, registry: type[CodePoint] | None, text: str, assignment: str) -> bytes | int:
    """What the text of a value means for this part. Raises CommandError."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].encode()
    if part.inner.width is None:
        if re.fullmatch(r"0x([0-9a-fA-F]{2})*", text):
            return bytes.fromhex(text[2:])
        raise _unknown(assignment, "it is bytes", 'give them in hexadecimal, as 0x00ff, or as "text"')
    members = {name.casefold(): member for name, member in (registry.__members__ if registry else {}).items()}
    if text.casefold() in members:
        return int(members[text.casefold()])
    try:
        return int(text, 0)
    except ValueError:
        kind = f"a number or a {registry.__name__}" if registry else "a number"
        raise _unknown(assignment, f"it is {kind}", "give that, as 771, 0x0303 or its name") from None
