"""`tls13 parse --summary`: a line, or an object, for each connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from rich.text import Text

from schemas.code_points import AlertDescription
from tls13.capture import Direction, Ending, Resumption
from tls13.printable import printable
from tools.parsing.facts import Facts
from tools.parsing.report import connection_name
from tools.parsing.stream import Stream
from tools.timestamps import elapsed, iso
from tools.values.judgements import judgement_object
from tools.values.ndjson import SCHEMA_VERSION, JsonObject, json_line, place
from tools.values.tree import PlainConsole, Wrapped, count_of


class Summary(Stream):
    """Prints connections that pass, a line each; on a terminal that is too narrow, folded."""

    as_a_whole = True

    def __init__(self, out: PlainConsole, *, name_files: bool = False) -> None:
        self._out = out
        self._name_files = name_files

    def end(self, facts: Facts, *, passed: bool) -> None:
        """Prints the line."""
        if not passed:
            return
        connection = facts.connection
        file = f"{facts.file}  " if self._name_files else ""
        where = Text(f"{file}{connection_name(connection)}  ", "bold")
        where.append(f"{connection.client} → {connection.server}  ", "")
        parts = [Text(each) for each in _parts(facts)]
        if self._out.is_terminal:
            self._out.print(Wrapped(where, parts))
        else:
            self._out.print(where.append(Text(", ").join(parts)), soft_wrap=True)


class SummaryObjects(Stream):
    """Writes connections that pass as JSON, an object each."""

    as_a_whole = True

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def end(self, facts: Facts, *, passed: bool) -> None:
        """Writes the object."""
        if passed:
            self._out.write(json_line(connection_object(facts)))


def connection_object(facts: Facts) -> JsonObject:
    """A connection that has been read as plain data."""
    connection = facts.connection
    upgraded = connection.upgraded_from
    return {
        "schema_version": SCHEMA_VERSION,
        "object": "connection",
        **place(facts),
        "upgraded_from": None if upgraded is None else upgraded.value,
        "started": iso(connection.started),
        "started_ns": connection.started,
        "last_ns": facts.last_at,
        "ending": connection.ending.value,
        "messages": facts.messages,
        "opaque_messages": facts.opaque,
        "client_bytes": facts.data[Direction.client],
        "server_bytes": facts.data[Direction.server],
        "warnings": [str(each) for each in connection.warnings],
        "judgement": judgement_object(facts.judgement),
    }


def size(count: int) -> str:
    """`512 B`, `1.5 kB`, `3.0 MB`: powers of 1000."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 1000)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


_ENDS = {
    Ending.finished: "closed",
    Ending.reset: "reset",
    Ending.replaced: "ports reused",
    Ending.unfinished: "still open",
    Ending.forgotten: "given up",
    Ending.encrypted: "went on unread",
}
_RESUMPTIONS = {
    Resumption.psk: "by PSK",
    Resumption.session_ticket: "resumed by ticket",
    Resumption.session_id: "resumed by session ID",
}


def _parts(facts: Facts) -> Iterator[str]:
    judgement, connection = facts.judgement, facts.connection
    agreed, offer = judgement.negotiated, judgement.offer
    if connection.upgraded_from is not None:
        yield f"after {connection.upgraded_from}"
    if offer is not None and offer.server_name:
        yield printable(offer.server_name)
    yield from (str(each) for each in (agreed.version, agreed.cipher_suite, agreed.group) if each is not None)
    if agreed.application_protocol:
        yield printable(agreed.application_protocol)
    if judgement.resumption in _RESUMPTIONS:
        yield _RESUMPTIONS[judgement.resumption]
    if judgement.retry is not None:
        yield "retried"
    for alert in judgement.alerts:
        if alert.description is not AlertDescription.close_notify:
            yield f"alert {alert.description} of the {alert.direction}"
    anomalies = len(judgement.anomalies) + judgement.more_anomalies
    if anomalies:
        yield "1 anomaly" if anomalies == 1 else f"{anomalies} anomalies"
    yield _ENDS[connection.ending]
    yield count_of(facts.messages, "message")
    yield f"{size(facts.data.total())} of data"
    if facts.duration is not None:
        yield elapsed(facts.duration)
    if judgement.fingerprints.ja4:
        yield judgement.fingerprints.ja4
