"""`tls13 schema` as it is run: what it prints, what it lists, and what it says of names that are none."""

from __future__ import annotations

import pytest
from running import Ended, invoke

from schemas.notation import declared, presentation
from tools.explaining.declarations import find, nearest
from tools.failures import CommandError


def printed(*names: str) -> Ended:
    return invoke("schema", *names)


@pytest.mark.parametrize("name", ["ClientHello", "CipherSuite", "key_share", "tls12.ServerHello", "Extension"])
def test_a_schema_is_printed_in_the_notation_of_the_rfc(name: str) -> None:
    ended = printed(name)
    assert (ended.status, ended.errors) == (0, "")
    assert ended.output.decode() == f"{presentation(declared()[name])}\n"


def test_several_are_printed_one_behind_the_other() -> None:
    parts = [presentation(declared()[name]) for name in ("Alert", "AlertLevel")]
    assert printed("Alert", "AlertLevel").output.decode() == "\n\n".join(parts) + "\n"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("clienthello", "ClientHello"),
        ("client_hello", "ClientHello"),
        ("KEY_SHARE", "key_share"),
        ("hkdf_label", "HkdfLabel"),
        ("ech_config", "ECHConfig"),
        ("TLS12.clientHELLO", "tls12.ClientHello"),
    ],
)
def test_upper_and_lower_case_and_underscores_make_no_difference(name: str, meant: str) -> None:
    assert find(name) == (meant, declared()[meant])
    assert printed(name).status == 0


def test_every_name_is_found_by_itself() -> None:
    for name, of in declared().items():
        assert find(name) == (name, of)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("ClientHelo", "ClientHello"),
        ("keyshare_entry", "KeyShareEntry"),
        ("suported_groups", "supported_groups"),
        ("Hello", "ClientHello"),
        ("helo", "ServerHello"),
        ("CipherSuites", "CipherSuite"),
    ],
)
def test_a_name_that_is_none_is_told_with_the_nearest_ones(name: str, near: str) -> None:
    assert near in nearest(name)
    ended = printed(name)
    assert ended.status == 2
    assert ended.output == b""
    assert ended.error.startswith(f"Error: nothing is declared as {name!r}; did you mean ")
    assert near in ended.error


def test_where_nothing_is_near_the_way_to_all_names_is_told() -> None:
    ended = printed("qqqqqq")
    assert ended.status == 2
    assert ended.error == "Error: nothing is declared as 'qqqqqq'; `tls13 schema` lists all names"
    with pytest.raises(CommandError):
        find("")


def test_one_wrong_name_prints_nothing_of_the_others() -> None:
    ended = printed("ClientHello", "ClientHelo")
    assert (ended.status, ended.output) == (2, b"")


def test_without_a_name_everything_is_listed_by_kind_with_what_it_is() -> None:
    ended = printed()
    assert (ended.status, ended.errors) == (0, "")
    lines = ended.output.decode().splitlines()
    assert max(map(len, lines)) <= 100
    kinds = [line for line in lines if line and not line.startswith(" ")]
    assert [kind.split(" (")[0] for kind in kinds[:-1]] == [
        "Messages of TLS 1.3",
        "Structures",
        "Structures of older versions",
        "Registries",
        "Extensions",
    ]
    listed = {line.split()[0]: line for line in lines if line.startswith("  ")}
    assert set(listed) == set(declared())
    assert sum(int(kind.split("(")[1].rstrip(")")) for kind in kinds[:-1]) == len(declared())
    assert listed["KeyShareEntry"].split(maxsplit=1)[1] == "One public key (RFC 9846 §4.3.8)"
    assert all(len(line.split()) > 2 for line in listed.values())


def test_the_help_tells_examples_and_statuses() -> None:
    told = printed("--help").output.decode()
    assert "tls13 schema ClientHello" in told
    assert "Exit status:" in told
