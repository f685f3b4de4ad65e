"""What is declared, found by the names that people give it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from schemas.notation import Declared, declared
from schemas.vocabulary import snake_case
from tools.exit_status import ExitStatus
from tools.failures import CommandError

NEAREST = 4
"""So many names are suggested at most."""


def find(name: str) -> tuple[str, Declared]:
    """What goes by this name, with the name as it is declared; upper and lower case are the same, as are `ClientHello`
    and `client_hello`.

    Raises CommandError, which tells the nearest names.
    """
    everything = declared()
    exact = name if name in everything else _aliases(everything).get(name.lower())
    if exact is None:
        near = nearest(name)
        hint = f"did you mean {' or '.join(near)}?" if near else "`tls13 schema` lists all names"
        raise CommandError(f"nothing is declared as {name!r}", hint, status=ExitStatus.USAGE)
    return exact, everything[exact]


def nearest(name: str) -> list[str]:
    """The names that are most like this one: it is misspelled, or part of them, or a word of theirs misspelled."""
    aliases = _aliases(declared())
    wanted = name.lower()
    like = difflib.get_close_matches(wanted, aliases, n=NEAREST)
    within = sorted((each for each in aliases if len(wanted) > 2 and wanted in each), key=len)
    words = difflib.get_close_matches(wanted, {word for each in aliases for word in each.split("_")}, n=1)
    with_word = [each for each in aliases if words and words[0] in each.split("_")]
    found: dict[str, None] = dict.fromkeys(aliases[each] for each in [*like, *within, *with_word])
    return list(found)[:NEAREST]


def _aliases(everything: Mapping[str, Declared]) -> dict[str, str]:
    """The names as they are declared, by all that stands for them; where two would, the exact name wins."""

    def pairs() -> Iterator[tuple[str, str]]:
        for name in everything:
            yield snake_case(name), name
        for name in everything:
            yield name.lower(), name

    return dict(pairs())
