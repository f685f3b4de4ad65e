"""What `-v`, `-vv`, `--keylog` and `--pcapng` get to know of connections, while they happen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from schemas.code_points import ContentType
from schemas.record import ChangeCipherSpec
from tls13.capture import Direction
from tls13.events import (
    AlertObserved,
    MessageObserved,
    Observation,
    Observer,
    RecordObserved,
    SecretDerived,
)
from tls13.keylog import KeyLogWriter
from tools.talking.recorder import Recorder
from tools.values.tree import console, data_tree, heading, hexdump, title, tree


@contextmanager
def watching(
    role: Direction,
    verbosity: int,
    keylog: Path | None,
    peer: Callable[[], str] = lambda: "",
    recorder: Recorder | None = None,
) -> Iterator[Observer | None]:
    """The observer for one side's connections; None where there is nothing to do for it.

    `verbosity` is 1 for messages, 2 for hex dumps and secrets too; they go to standard error. `keylog` is the file that
    secrets are appended to, `recorder` has a capture that they go to as well. `peer` names whose connection it is,
    where there are several. Raises ConfigurationError for a key log that can't be written.
    """
    observers: list[Observer] = []
    if verbosity:
        observers.append(_Display(role, verbosity > 1, peer).show)
    if recorder is not None:
        observers.append(_secrets_to(recorder.secret))
    if keylog is None:
        yield _all(observers)
        return
    with KeyLogWriter(keylog) as writer:
        yield _all([*observers, _secrets_to(writer.write)])


def _all(observers: list[Observer]) -> Observer | None:
    def observe(observation: Observation) -> None:
        for each in observers:
            each(observation)

    return observe if observers else None


def _secrets_to(write: Callable[[str, bytes, bytes], None]) -> Observer:
    def observe(observation: Observation) -> None:
        if isinstance(observation, SecretDerived):
            write(observation.label, observation.client_random, observation.secret)

    return observe


class _Display:
    """Prints each observation whole, so that those of several threads don't mix."""

    def __init__(self, role: Direction, with_bytes: bool, peer: Callable[[], str]) -> None:
        self._console = console(sys.stderr)
        self._role = role
        self._with_bytes = with_bytes
        self._peer = peer
        self._gone = False

    def show(self, observation: Observation) -> None:
        """Prints it. Once nobody reads standard error any more, does nothing: the connection goes on."""
        if self._gone:
            return
        try:
            for each in self._shown(observation):
                # A line that is to be copied must stay one.
                self._console.print(each, soft_wrap=isinstance(each, Text))
        except OSError:
            self._gone = True

    def _shown(self, observation: Observation) -> Iterator[RenderableType]:
        match observation:
            case MessageObserved(sent, message, raw):
                yield self._with_dump(tree(self._heading(sent, title(message), raw), message), raw)
            case AlertObserved(sent, alert, raw):
                yield self._with_dump(tree(self._heading(sent, title(alert), raw), alert), raw)
            case RecordObserved(sent, ContentType.change_cipher_spec, content):
                yield self._with_dump(self._heading(sent, ChangeCipherSpec.__name__, content), content)
            case RecordObserved(sent, _, content):
                yield self._with_dump(data_tree(self._heading(sent, "ApplicationData", content), content), content)
            case SecretDerived(label, _, secret) if self._with_bytes:
                yield Text(f"secret {label} {secret.hex()}{self._whose()}", "dim")

    def _heading(self, sent: bool, name: str, raw: bytes) -> Text:
        direction = self._role if sent else self._role.opposite
        return heading(direction, name, f"{len(raw)} bytes{self._whose()}")

    def _whose(self) -> str:
        peer = self._peer()
        return f", {peer}" if peer else ""

    def _with_dump(self, shown: RenderableType, raw: bytes) -> RenderableType:
        return Group(shown, hexdump(raw)) if self._with_bytes and raw else shown
