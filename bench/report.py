"""The results as people read them."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.contenders import INTERPRETED, OURS, PEERS, Contender, missing
from bench.race import Result
from bench.startup import IMPORT_TARGET

COLUMNS = (INTERPRETED, *PEERS.values())


def ratios(results: Iterable[Result]) -> Table:
    """A line for each case: our time, and how many times as long the others take."""
    table = Table(title=f"{OURS} beside others: times as long as {OURS} takes (Python {platform.python_version()})")
    for title in ("", "", OURS, *COLUMNS):
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    operation = ""
    for result in results:
        if operation and operation != result.case.operation:
            table.add_section()
        shown = "" if operation == result.case.operation else result.case.operation
        operation = result.case.operation
        cells = [cell(result, name) for name in COLUMNS]
        table.add_row(shown, result.case.sample, f"{result.ours * 1e6:.2f} µs", *cells)
    return table


def cell(result: Result, name: str) -> Text:
    """The ratio, marked where a target is reached or missed."""
    if name not in result.seconds:
        return Text("-", "dim")
    text = f"{result.ratios[name]:.1f}"
    if name not in result.targets:
        return Text(text)
    reached = result.ratios[name] >= result.targets[name]
    return Text(f"{text} {'≥' if reached else '<'} {result.targets[name]:g}", "green" if reached else "red")


def remarks(contenders: Iterable[Contender], unavailable: Sequence[str]) -> Group:
    """What a reader of the ratios must know of each contender, and who or what is not there."""
    lines: list[RenderableType] = [Text(f"{each.name}: {each.remark}") for each in contenders]
    lines += [Text(f"{name}: not installed, see the bench extra", "yellow") for name in missing()]
    lines += [Text(each, "yellow") for each in unavailable]
    return Group(*lines)


def startup_lines(measured: Mapping[str, float]) -> Group:
    """What starting costs, in milliseconds."""
    reached = measured["import, CPU"] < IMPORT_TARGET
    return Group(
        Text(
            f"import schemas: {measured['import'] * 1e3:.0f} ms, {measured['import, CPU'] * 1e3:.0f} ms of them CPU "
            f"(less than {IMPORT_TARGET * 1e3:.0f} wanted); compiled by then: {measured['compiled']:.0f}",
            "green" if reached and not measured["compiled"] else "red",
        ),
        Text(
            f"first ClientHello, compiling included: parse {measured['first parse'] * 1e3:.1f} ms, "
            f"build {measured['first build'] * 1e3:.1f} ms"
        ),
    )
