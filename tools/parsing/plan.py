"""What `tls13 parse` has been asked for, in a form that can be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tls13.keylog import KeyLog
from tools.parsing.filters import EVERYTHING, Filter, parse_filter


class Mode(StrEnum):
    """What is printed."""

    trees = "trees"
    messages = "messages"
    """As JSON."""
    summary = "summary"
    summary_objects = "summary objects"
    statistics = "statistics"
    statistics_object = "statistics object"
    followed_text = "followed text"
    followed_bytes = "followed bytes"


@dataclass(frozen=True, slots=True)
class Plan:
    """`psks` are identities and keys. `follow` is the connection whose data is wanted. `terminal_width` is how wide the
    terminal is that the output is for, None where it is for none.
    """

    mode: Mode
    keylogs: tuple[str, ...] = ()
    psks: tuple[tuple[bytes, bytes], ...] = ()
    expression: str | None = None
    dump: bool = False
    follow: int = 0
    name_files: bool = False
    terminal_width: int | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with its filter parsed and its key logs read. `keys_given` says that records are expected to open."""

    plan: Plan
    selected: Filter
    secrets: KeyLog
    warnings: tuple[str, ...]

    @property
    def keys_given(self) -> bool:
        return bool(self.plan.keylogs or self.plan.psks)


def prepared(plan: Plan, secrets: KeyLog | None = None) -> Prepared:
    """The plan, ready to be carried out; with `secrets`, those of its key logs, which are not read then.

    A key log without a secret, as a failed handshake leaves it, is warned of. Raises FilterError, ConfigurationError
    for a file that is no key log.
    """
    selected = EVERYTHING if plan.expression is None else parse_filter(plan.expression)
    if secrets is not None:
        return Prepared(plan, selected, secrets, ())
    together, warnings = KeyLog(), []
    for path in plan.keylogs:
        keylog = KeyLog.load(path)
        if not len(keylog):
            warnings.append(f"key log {path}: it holds no secret")
        for label, client_random, secret in keylog:
            together.add(label, client_random, secret)
        warnings += [f"key log {path}: {each}" for each in keylog.warnings]
    return Prepared(plan, selected, together, tuple(warnings))
