"""`tls13 parse --summary`: a line, or an object, for each connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from rich.text import Text

from schemas.code_points import AlertDescription
from tls13.capture import Direction, EarlyData, Ending, PskOrigin, Resumption, Transport
from tls13.printable import printable
from tools.parsing.facts import Facts
from tools.parsing.report import connection_name, protocol_name
from tools.parsing.stream import Stream
from tools.timestamps import elapsed, iso
from tools.values.judgements import judgement_object
from tools.values.ndjson import SCHEMA_VERSION, JsonObject, json_line, place
from tools.values.tree import PlainConsole, Wrapped


class Summary(Stream):
    """Prints connections that pass, a line each.

    Where that goes to no terminal, a line takes no more columns than `out` has: the least of what does not fit is left
    out, and `…` says so. Addresses, version, and what went wrong are always there. A terminal gets all of it, folded.
    """

    as_a_whole = True

    def __init__(self, out: PlainConsole, *, name_files: bool = False) -> None:
        self._out = out
        self._name_files = name_files

    def end(self, facts: Facts, *, passed: bool) -> None:
        """Prints the line."""
        if not passed:
            return
        file = f"{printable(facts.file, len(facts.file))}  " if self._name_files else ""
        connection = facts.connection
        number, ends = f"{connection_name(connection)}  ", f"{connection.client} → {connection.server}  "
        if self._out.is_terminal:
            parts = [Text(each) for each in (*_headline(facts, _LONGEST_NAME), *_details(facts))]
            self._out.print(Wrapped(Text(file + number, "bold").append(ends, ""), parts))
        else:
            self._out.file.write(f"{file}{number}{ends}{_cut(facts, self._out.width - len(number + ends))}\n")


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
        "client_encrypted_bytes": facts.encrypted[Direction.client],
        "server_encrypted_bytes": facts.encrypted[Direction.server],
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
    Ending.reset: "reset",
    Ending.replaced: "ports reused",
    Ending.unfinished: "still open",
    Ending.forgotten: "given up",
    Ending.encrypted: "went on unread",
}
_RESUMPTIONS = {
    Resumption.psk: "resumed by PSK",
    Resumption.session_ticket: "resumed by ticket",
    Resumption.session_id: "resumed by session ID",
}
_PSKS = {PskOrigin.external: "external PSK", PskOrigin.unknown: "PSK"}
_EARLY_DATA = {EarlyData.accepted: "early data", EarlyData.rejected: "early data rejected"}
_LONGEST_NAME, _SHORTEST_NAME = 255, 16
_JOINT, _MORE = ", ", " …"


def _cut(facts: Facts, width: int) -> str:
    """What is to be said, as much as fits into `width` columns; what has to be said whether it does or not."""
    room = width - len(_MORE)
    line = _JOINT.join(_headline(facts, _LONGEST_NAME))
    if len(line) > room:
        name = next(_names(facts), "")[:_LONGEST_NAME]
        line = _JOINT.join(_headline(facts, max(len(name) - (len(line) - room), _SHORTEST_NAME)))
    details = list(_details(facts))
    while details:
        each = details.pop(0)
        longer = f"{line}{_JOINT}{each}" if line else each
        # The last one needs no room for the sign that there is more.
        if len(longer) > (room if details else width):
            return line + _MORE
        line = longer
    return line


def _headline(facts: Facts, longest_name: int) -> Iterator[str]:
    """What each line says: whose connection it is, its version, and what went wrong."""
    judgement, connection = facts.judgement, facts.connection
    for name in _names(facts):
        yield name if len(name) <= longest_name else f"…{name[1 - longest_name :]}"
    if judgement.negotiated.version is not None:
        yield str(judgement.negotiated.version)
    if connection.upgraded_from is not None:
        yield f"after {protocol_name(connection.upgraded_from)}"
    alerts = (each for each in judgement.alerts if each.description is not AlertDescription.close_notify)
    yield from dict.fromkeys(f"{each.direction} alert {each.description}" for each in alerts)
    anomalies = len(judgement.anomalies) + judgement.more_anomalies
    if anomalies:
        yield "1 anomaly" if anomalies == 1 else f"{anomalies} anomalies"
    if connection.ending in _ENDS:
        yield _ENDS[connection.ending]


def _names(facts: Facts) -> Iterator[str]:
    offer = facts.judgement.offer
    if offer is not None and offer.server_name:
        yield printable(offer.server_name)


def _details(facts: Facts) -> Iterator[str]:
    """The rest, what tells most first."""
    judgement, agreed = facts.judgement, facts.judgement.negotiated
    if judgement.resumption in _RESUMPTIONS:
        yield _RESUMPTIONS[judgement.resumption]
    if agreed.psk_origin in _PSKS:
        yield _PSKS[agreed.psk_origin]
    if judgement.early_data in _EARLY_DATA:
        yield _EARLY_DATA[judgement.early_data]
    if judgement.retry is not None:
        yield "HelloRetryRequest"
    data, encrypted = facts.data.total(), facts.encrypted.total()
    # What QUIC carries is under keys that are not followed.
    if data or (not encrypted and facts.connection.transport is Transport.tcp):
        yield f"{size(data)} of data"
    if encrypted:
        yield f"{size(encrypted)} encrypted"
    if facts.duration is not None:
        yield elapsed(facts.duration)
    if agreed.application_protocol:
        yield printable(agreed.application_protocol)
    yield from (str(each) for each in (agreed.group, agreed.cipher_suite) if each is not None)
