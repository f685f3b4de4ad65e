"""What --cipher-suites, --groups and --signature-schemes take, and what is meant where they are not given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import typer

from tls13.config import CIPHER_SUITES, GROUPS_BY_PREFERENCE, SIGNATURE_SCHEMES
from tls13.crypto.aead import SUITES
from tls13.crypto.groups import GROUPS
from tls13.crypto.signatures import SIGNATURES
from tools.talking import options

EACH = pytest.mark.parametrize(
    ("read", "usual", "known"),
    [
        (options.cipher_suites, CIPHER_SUITES, SUITES),
        (options.groups, GROUPS_BY_PREFERENCE, GROUPS),
        (options.signature_schemes, SIGNATURE_SCHEMES, SIGNATURES),
    ],
    ids=["suites", "groups", "schemes"],
)
Read = Callable[[str | None], tuple[object, ...]]


@EACH
def test_the_usual_ones_are_meant_where_none_is_named(read: Read, usual: tuple[object, ...], known: object) -> None:
    assert read(None) == usual


@EACH
def test_everything_that_is_implemented_can_be_named(read: Read, usual: object, known: dict[object, object]) -> None:
    wanted = tuple(reversed(list(known)))
    assert read(" , ".join(str(each).upper() for each in wanted)) == wanted


@EACH
def test_what_is_not_implemented_is_told_with_what_is(read: Read, usual: object, known: dict[object, object]) -> None:
    with pytest.raises(typer.BadParameter, match=rf"'nonsense' is none of .*{list(known)[-1]}"):
        read("nonsense")
