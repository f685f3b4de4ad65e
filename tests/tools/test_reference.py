"""The reference pages: those in docs/reference are those that the schemas and tables make, and nothing is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas import Struct
from schemas.code_points import AlertDescription
from schemas.extension_block import MESSAGES, ROWS
from schemas.handshake import MESSAGE_TYPES
from schemas.notation import declared
from schemas.vocabulary import CodePoint
from tls13.errors import ALERTS
from tls13.handshake.table import CLIENT, HANDLERS, SERVER
from tools import reference
from tools.reference import FOLDER, PAGES, SHORT, page

PAGE = {name: page(name) for name in PAGES}
WIRE, POINTS, ALERT, STATES = (PAGE[name] for name in ("wire-format.md", "code-points.md", "alerts.md", "states.md"))


@pytest.mark.parametrize("name", PAGES)
def test_the_page_in_the_docs_is_the_one_that_is_made(name: str) -> None:
    path = FOLDER / name
    current = path.is_file() and path.read_text(encoding="utf-8") == PAGE[name]
    assert current, f"docs/reference/{name} is out of date: python -m tools.reference writes it"


def test_a_page_that_is_not_what_is_made_is_told_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reference, "FOLDER", tmp_path / "reference")
    with pytest.raises(reference.typer.Exit) as ended:
        reference.main(check=True)
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err.count("is out of date: python -m tools.reference writes it") == len(PAGES)
    reference.main()
    assert {each.name for each in (tmp_path / "reference").iterdir()} == set(PAGES)
    capsys.readouterr()
    reference.main(check=True)
    reference.main()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("text", PAGE.values(), ids=PAGE)
def test_every_link_in_a_page_leads_to_a_heading_or_a_page(text: str) -> None:
    anchors = {heading.lower().replace(".", "") for heading in re.findall(r"^#+ (\S+)$", text, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert target in PAGES or target.removeprefix("#") in anchors, target


@pytest.mark.parametrize("text", PAGE.values(), ids=PAGE)
def test_every_table_has_as_many_cells_in_each_row_as_in_its_head(text: str) -> None:
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert tables or text is POINTS
    for lines in tables:
        assert len({line.count("|") for line in lines}) == 1


def test_no_heading_stands_twice_in_a_page() -> None:
    for text in PAGE.values():
        headings = re.findall(r"^#+ .+$", text, re.MULTILINE)
        assert len(headings) == len(set(headings))


def test_every_struct_and_every_extension_has_its_schema_on_the_page() -> None:
    for name, of in declared().items():
        if not (isinstance(of, type) and issubclass(of, CodePoint)):
            assert f"\n### {name}\n" in WIRE
    structs = [of for of in declared().values() if isinstance(of, type) and issubclass(of, Struct)]
    for of in structs:
        assert f"}} {of.__name__};" in WIRE
    for message in MESSAGE_TYPES:
        assert f"| [{message.__name__}](#{message.__name__.lower()}) |" in WIRE


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: str(row.extension_type))
def test_the_table_marks_the_messages_that_an_extension_may_stand_in(row: object) -> None:
    assert row in ROWS.values()
    (found,) = [each for each in ROWS.values() if each is row]
    (line,) = [line for line in WIRE.splitlines() if line.startswith(f"| [{found.extension_type}](")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1] == str(int(found.extension_type))
    assert [bool(cell) for cell in cells[2 : 2 + len(SHORT)]] == [message in found.bodies for message in SHORT]
    assert cells[-2:] == [found.explanation, found.reference]
    assert set(SHORT) == set(MESSAGES)


def test_every_number_of_every_registry_is_on_the_page() -> None:
    for name, of in declared().items():
        if isinstance(of, type) and issubclass(of, CodePoint):
            section = POINTS.split(f"\n## {name}\n")[1].split("\n## ")[0]
            numbers = {
                member: int(number, 0)
                for number, member in re.findall(r"(0x[0-9A-F]+|\d+) (\S+)(?:  |$)", section, re.MULTILINE)
            }
            assert {str(each): int(each) for each in of}.items() <= numbers.items()


def test_no_line_of_code_is_wider_than_a_page() -> None:
    for text in (WIRE, POINTS):
        for block in re.findall(r"```text\n(.*?)```", text, re.DOTALL):
            assert max(map(len, block.splitlines())) <= 100


def test_every_reason_is_told_with_its_alert_and_its_meaning() -> None:
    for reason, alert in ALERTS.items():
        (line,) = [line for line in ALERT.splitlines() if line.startswith(f"| `{reason.__name__}` |")]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[1] == f"{alert} ({int(alert)})"
        assert len(cells[2]) > 10
    sent = set(ALERTS.values())
    never = ALERT.split("## Alerts that are never sent")[1]
    assert {each for each in AlertDescription if f"{each} ({int(each)})" in never} == set(AlertDescription) - sent


def test_every_step_of_the_table_is_in_the_diagram_and_the_table() -> None:
    steps = re.findall(r"^    (\w+|\[\*\]) --> (\w+)(?:: (\w+))?$", STATES, re.MULTILINE)
    assert {(state, message) for state, _, message in steps if message} == {
        (state.__name__, message.__name__) for state, row in HANDLERS.items() for message in row
    }
    assert {after for state, after, _ in steps if state == "[*]"} == {
        next(iter(CLIENT)).__name__,
        next(iter(SERVER)).__name__,
    }
    assert ("ServerStart", "WaitSecondClientHello", "ClientHello") in steps
    assert ("ServerStart", "WaitClientFinished", "ClientHello") in steps
    assert ("ClientConnected", "ClientConnected", "KeyUpdate") in steps
    for state in HANDLERS:
        assert f"| `{state.__name__}` | " in STATES
