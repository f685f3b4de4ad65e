"""The connections of a capture for people: a heading for each, and every message as a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap

from rich.text import Text
from rich.tree import Tree

from schemas.code_points import AlertDescription, ContentType
from tls13.capture import (
    Capture,
    Cleartext,
    Connection,
    EarlyData,
    Ending,
    Epoch,
    Gap,
    Judgement,
    Message,
    NoteKind,
    NotTaken,
    PskOrigin,
    Resumption,
    Transport,
)
from tls13.printable import printable
from tools.parsing.facts import Entry, Facts
from tools.parsing.filters import EVERYTHING
from tools.parsing.findings import Findings
from tools.parsing.visit import Visit
from tools.timestamps import day, elapsed, time_of_day
from tools.values.message_names import name_of
from tools.values.tree import PlainConsole, Wrapped, count_of, data_tree, heading, hexdump, tree


def show(capture: Capture, out: PlainConsole, findings: Findings, *, dump: bool = False) -> None:
    """Prints every message of every connection, with `dump` its bytes too; tells `findings` what it meets."""
    trees = Trees(out, dump=dump)
    for connection in capture:
        visit = Visit("", connection, findings.of_connection(), EVERYTHING, as_a_whole=False)
        trees.show(visit)
    findings.finish(capture)


class Between:
    """Prints what stands before a connection: an empty line, but for the first.

    With `name_files`, the connections of a file have its name before them, and nothing between them.
    """

    def __init__(self, out: PlainConsole, *, name_files: bool) -> None:
        self._out = out
        self._name_files = name_files
        self._begun = False

    def begin(self, file: str) -> None:
        """A connection of that file comes next."""
        if self._begun and not self._name_files:
            self._out.print()
        if self._name_files and not self._begun:
            self._out.print(Text(printable(file, len(file)), "bold"))
        self._begun = True


class Trees:
    """Prints connections one by one, each under a heading, with `dump` the bytes of each message too.

    With `name_files`, their file is named first, and an empty line ends each. `begin` is called before each, in place
    of what `Between` does.
    """

    def __init__(
        self,
        out: PlainConsole,
        *,
        dump: bool = False,
        name_files: bool = False,
        begin: Callable[[str], None] | None = None,
    ) -> None:
        self._out = out
        self._dump = dump
        self._name_files = name_files
        self._begin = begin or Between(out, name_files=name_files).begin

    def show(self, visit: Visit) -> None:
        """Prints what passes the filter, and what is to be said of the whole; nothing where nothing passes."""
        shown = False
        told: set[NoteKind] = set()
        for item in visit.items():
            if not shown:
                self._head(visit.facts)
                shown = True
            if isinstance(item, Gap):
                self._out.print(Text(f"     {item}", "red"))
            else:
                self._message(item, told)
        visit.finish()
        if shown:
            for line in verdict(visit.facts):
                for part in wrap(line.plain, self._out.width - len(_INDENT)):
                    self._out.print(Text(_INDENT + part, line.style))
        if shown and self._name_files:
            self._out.print()

    def _head(self, facts: Facts) -> None:
        self._begin(facts.file)
        for row in connection_heading(facts.connection, self._out.width):
            self._out.print(row)
        agreed = agreed_on(facts.judgement)
        if agreed:
            self._out.print(Wrapped(Text(), [Text(each, "green") for each in agreed]))
        prints = facts.judgement.fingerprints
        for line in ({"JA4": prints.ja4, "JA3": prints.ja3}, {"JA3S": prints.ja3s}):
            named = [f"{name} {value}" for name, value in line.items() if value]
            if named:
                self._out.print(Text("  ".join(named), "dim"))

    def _message(self, entry: Entry, told: set[NoteKind]) -> None:
        """One message. Why records stay encrypted is told at the first for each reason in a connection."""
        message = entry.message
        shown = _body(entry, self._dump)
        if message.error is not None:
            shown.add(Text(f"does not parse: {message.error}", "red"))
        if message.note is not None and not (message.opaque and message.note.kind in told):
            shown.add(Text(str(message.note), "red"))
            if message.opaque:
                told.add(message.note.kind)
        self._out.print(shown)
        if self._dump and message.raw:
            self._print_bytes(message)

    def _print_bytes(self, message: Message) -> None:
        """The bytes field by field, of what has fields, else as they are."""
        if message.opaque or message.content_type not in _STRUCTURED:
            self._out.print(hexdump(message.raw))
            return
        # Only here is it needed, and half as much to import as all else.
        from tools.parsing.field_bytes import field_lines

        for line in field_lines(message, self._out.width):
            self._out.print(line, no_wrap=True, overflow="ignore", crop=False)


def _body(entry: Entry, dump: bool) -> Tree:
    """The heading, and below it the fields, unless they are shown with their bytes."""
    message = entry.message
    label = heading(
        message.direction,
        name_of(message),
        _details(entry),
        number=entry.number,
        time=time_of_day(message.timestamp),
    )
    if message.value is None or dump:
        return data_tree(label, b"" if dump or message.opaque else message.raw)
    shown = tree(label, message.value)
    if message.inner is not None:
        shown.children.append(tree(Text("the ClientHello inside, encrypted", "bold"), message.inner))
    return shown


_STRUCTURED = (ContentType.handshake, ContentType.alert, ContentType.change_cipher_spec)


def connection_name(connection: Connection) -> str:
    """`3`, `QUIC 3`: those of each transport are numbered by themselves."""
    return f"QUIC {connection.number}" if connection.transport is Transport.quic else str(connection.number)


def connection_heading(connection: Connection, width: int) -> list[Text]:
    """`Connection 0  192.0.2.1:50000 → 192.0.2.2:443  2023-11-14 22:13:20 UTC`, the time below where it is too long."""
    kind = "QUIC connection" if connection.transport is Transport.quic else "Connection"
    where = Text().append(f"{kind} {connection.number}", "bold")
    where.append(f"  {connection.client} → {connection.server}")
    if connection.upgraded_from is not None:
        where.append(f"  after {protocol_name(connection.upgraded_from)}")
    when = Text(day(connection.started), "dim")
    whole = where.copy().append("  ").append(when)
    return [whole] if whole.cell_len <= width else [where, Text(_INDENT).append(when)]


def protocol_name(before: Cleartext) -> str:
    """What was spoken before TLS."""
    return "another protocol" if before is Cleartext.other else str(before)


def agreed_on(judgement: Judgement) -> list[str]:
    """What was agreed on, as far as it can be read: version, suite, group and so on."""
    agreed, offer = judgement.negotiated, judgement.offer
    named = printable(offer.server_name) if offer is not None else ""
    protocol = printable(agreed.application_protocol)
    found = (
        agreed.version,
        agreed.cipher_suite,
        agreed.group,
        agreed.signature_scheme,
        f"server name {named}" if named else None,
        f"ALPN {protocol}" if protocol else None,
        _RESUMPTIONS.get(judgement.resumption),
        _OTHER_PSKS.get(agreed.psk_origin) if agreed.psk_origin is not None else None,
        _EARLY_DATA.get(judgement.early_data),
        "after a HelloRetryRequest" if judgement.retry is not None else None,
    )
    return [str(fact) for fact in found if fact is not None]


def verdict(facts: Facts) -> Iterator[Text]:
    """What is to be said of a connection when it is over, a line each."""
    judgement = facts.judgement
    if judgement.handshake_time is not None:
        yield Text(f"handshake: {elapsed(judgement.handshake_time)}{_flights(judgement)}", "dim")
    if judgement.retry is not None:
        yield Text(f"HelloRetryRequest: {judgement.retry}", "yellow")
    if left := "; ".join(not_taken(judgement.not_taken)):
        yield Text(f"offered and not taken: {left}", "dim")
    if judgement.encrypted_hello is not None:
        yield Text(f"encrypted ClientHello: {judgement.encrypted_hello}", "yellow")
    for alert in judgement.alerts:
        if alert.description not in _GOODBYES:
            yield Text(f"alert of the {alert}", "red")
    for anomaly in judgement.anomalies:
        yield Text(f"anomaly: {anomaly}", "red")
    if judgement.more_anomalies:
        yield Text(f"anomaly: {judgement.more_anomalies} more", "red")
    if facts.connection.ending in _ENDINGS:
        yield Text(_ENDINGS[facts.connection.ending], "dim")


def not_taken(left: NotTaken) -> Iterator[str]:
    """What the client offered in vain, by kind."""
    lists: dict[str, Sequence[object]] = {
        "versions": left.versions,
        "cipher suites": left.cipher_suites,
        "groups": left.groups,
        "key shares": left.key_shares,
        "ALPN": [printable(each) for each in left.application_protocols],
        "extensions": left.extensions,
    }
    for kind, offered in lists.items():
        if offered:
            more = f" and {len(offered) - _SHOWN} more" if len(offered) > _SHOWN else ""
            yield f"{kind} {', '.join(map(str, offered[:_SHOWN]))}{more}"
    if left.psks:
        yield count_of(left.psks, "pre-shared key")
    if left.early_data:
        yield "early data"


_SHOWN = 3
_INDENT = " " * 5
_GOODBYES = (AlertDescription.close_notify, AlertDescription.user_canceled)
_RESUMPTIONS = {
    Resumption.psk: "resumed by a PSK",
    Resumption.session_ticket: "resumed by a session ticket",
    Resumption.session_id: "resumed by its session ID",
}
_OTHER_PSKS = {PskOrigin.external: "external PSK", PskOrigin.unknown: "PSK"}
_EARLY_DATA = {EarlyData.accepted: "early data", EarlyData.rejected: "early data rejected"}


def _flights(judgement: Judgement) -> str:
    """When each flight of the handshake began, after the first."""
    flights = judgement.flights
    if len(flights) < 2:
        return ""
    later = (f"{each.direction} {elapsed(each.started - flights[0].started)}" for each in flights[1:])
    return f"; flights after the first: {', '.join(later)}"


_KEYS = {
    Epoch.plaintext: "in the clear",
    Epoch.early_data: "early data keys",
    Epoch.handshake: "handshake keys",
    Epoch.application: "application keys",
    Epoch.legacy: "TLS 1.2 keys",
    Epoch.unknown: "encrypted",
}
_ENDINGS = {
    Ending.reset: "the connection was reset",
    Ending.replaced: "another connection took over the ports",
    Ending.unfinished: "the capture ends here, the connection does not",
    Ending.forgotten: "given up: too many connections at once",
    Ending.encrypted: "the connection went on in packets that are not read",
}


def _details(entry: Entry) -> str:
    message = entry.message
    keys = "encrypted" if message.opaque else _KEYS[message.epoch]
    updates = f", after {count_of(message.generation, 'key update')}" if message.generation else ""
    return f"record {message.record}, {count_of(len(message.raw), 'byte')}, {keys}{updates}"
