"""What came of the inputs, told on standard error where it is to be told, and what that makes of the whole."""

from __future__ import annotations

from collections.abc import Sequence

from tools.exit_status import ExitStatus
from tools.failures import CommandError
from tools.parsing.findings import Sealed
from tools.parsing.reading import Outcome
from tools.telling import tell


def check_some_read(outcomes: Sequence[Outcome]) -> None:
    """Raises CommandError if there was no capture at all."""
    failed = [each for each in outcomes if each.failure]
    if len(failed) == len(outcomes):
        for each in failed[:-1]:
            tell(f"Error: {each.failure}")
        raise CommandError(failed[-1].failure, failed[-1].hint, status=ExitStatus.USAGE)


def tell_all(outcomes: Sequence[Outcome]) -> bool:
    """Prints what was wrong. Whether nothing was. Raises CommandError where what was asked for is not there."""
    sealed = Sealed()
    for each in outcomes:
        warn(*([each.failure] if each.failure else []), *each.warnings)
        sealed.update(each.sealed)
        if each.note:
            tell(each.note)
    warn(*sealed.lines())
    for each in outcomes:
        if each.missing:
            raise CommandError(each.missing, each.hint)
    return all(each.complete for each in outcomes)


def warn(*lines: str) -> None:
    """Prints warnings."""
    tell(*(f"Warning: {line}" for line in lines))
