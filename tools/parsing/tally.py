"""`tls13 parse --stats`: counts over the whole of the input, and how long handshakes took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rich.text import Text

from schemas.code_points import HandshakeType, ProtocolVersion
from tls13.capture import Direction, Gap, Judgement, Statistics
from tls13.printable import printable
from tools.parsing.facts import Entry, Facts
from tools.parsing.filter_properties import MILLISECOND
from tools.parsing.stream import Stream
from tools.parsing.summary import size
from tools.values.message_names import name_of
from tools.values.ndjson import SCHEMA_VERSION, JsonObject
from tools.values.plain import Plain
from tools.values.tree import PlainConsole, count_of

MOST_ROWS = 20
"""How many rows a table shows; the rest is one more row."""

MOST_VALUES = 100_000
"""How many different values are counted apart, so that strangers' server names cannot fill the memory."""

OTHERS = "others"
NONE = "none"
UNKNOWN = "unknown"
"""What is encrypted, and may be none."""


@dataclass(slots=True)
class Tally:
    """Counts that can be added up over files. `tables` goes from a table's name to its values and their counts."""

    files: int = 0
    packets: int = 0
    captured_bytes: int = 0
    tcp_connections: int = 0
    tls_connections: int = 0
    application_bytes: Counter[str] = field(default_factory=Counter)
    encrypted_bytes: Counter[str] = field(default_factory=Counter)
    tables: dict[str, Counter[str]] = field(default_factory=dict)
    handshake_times: Counter[int] = field(default_factory=Counter)

    def count(self, table: str, value: str) -> None:
        """One more of a value."""
        counter = self.tables.setdefault(table, Counter())
        counter[value if value in counter or len(counter) < MOST_VALUES else OTHERS] += 1

    def add(self, other: Tally) -> None:
        """Takes in another one."""
        self.files += other.files
        self.packets += other.packets
        self.captured_bytes += other.captured_bytes
        self.tcp_connections += other.tcp_connections
        self.tls_connections += other.tls_connections
        self.application_bytes.update(other.application_bytes)
        self.encrypted_bytes.update(other.encrypted_bytes)
        self.handshake_times.update(other.handshake_times)
        for table, counter in other.tables.items():
            self.tables.setdefault(table, Counter()).update(counter)


TABLES = {
    "transport": "Transports",
    "upgraded_from": "Protocols before TLS",
    "version": "Versions",
    "cipher_suite": "Cipher suites",
    "group": "Groups",
    "signature_scheme": "Signature schemes",
    "alpn": "Application protocols",
    "server_name": "Server names",
    "resumption": "Resumption",
    "psk": "Pre-shared keys of TLS 1.3",
    "early_data": "Early data",
    "hello_retry": "HelloRetryRequests",
    "ech": "Encrypted ClientHellos",
    "alert": "Alerts",
    "anomaly": "Anomalies",
    "undecrypted": "Connections with records that stay encrypted, and why",
    "ending": "Ends",
    "ja4": "JA4 fingerprints",
    "ja3": "JA3 fingerprints",
    "ja3s": "JA3S fingerprints",
    "message": "Messages",
}
"""The tables, in their order, and what they are called."""


class Counting(Stream):
    """Counts the connections that pass, and their messages."""

    as_a_whole = True

    def __init__(self) -> None:
        self.tally = Tally()
        self._messages: dict[Facts, Counter[str]] = {}

    def item(self, facts: Facts, item: Entry | Gap) -> None:
        """Counts a message, for when its connection passes."""
        if isinstance(item, Entry):
            self._messages.setdefault(facts, Counter())[name_of(item.message)] += 1

    def end(self, facts: Facts, *, passed: bool) -> None:
        """Counts a connection."""
        messages = self._messages.pop(facts, Counter())
        if passed:
            self._count(facts)
            self.tally.tables.setdefault("message", Counter()).update(messages)

    def end_file(self, statistics: Statistics) -> None:
        """A file has been read."""
        self.tally.files += 1
        self.tally.packets += statistics.packets
        self.tally.captured_bytes += statistics.bytes
        self.tally.tcp_connections += statistics.connections

    def _count(self, facts: Facts) -> None:
        tally, took = self.tally, facts.judgement.handshake_time
        tally.tls_connections += 1
        for table, values in _values(facts).items():
            for value in values:
                tally.count(table, NONE if value is None or value == "" else printable(str(value)))
        for direction in Direction:
            tally.application_bytes[direction.value] += facts.data[direction]
            tally.encrypted_bytes[direction.value] += facts.encrypted[direction]
        if took is not None:
            tally.handshake_times[max(took, 0) // _STEP] += 1


def _values(facts: Facts) -> dict[str, Iterable[object]]:
    """What counts in each table."""
    judgement, connection = facts.judgement, facts.connection
    agreed, offer, prints = judgement.negotiated, judgement.offer, judgement.fingerprints
    hello = judgement.encrypted_hello
    return {
        "transport": [connection.transport],
        "upgraded_from": [] if connection.upgraded_from is None else [connection.upgraded_from],
        "version": [agreed.version],
        "cipher_suite": [agreed.cipher_suite],
        "group": [agreed.group],
        "signature_scheme": [agreed.signature_scheme or (UNKNOWN if _hides_signature(judgement) else NONE)],
        "alpn": [agreed.application_protocol or (UNKNOWN if _hides_answers(judgement) else NONE)],
        "server_name": [offer.server_name if offer is not None else None],
        "resumption": [judgement.resumption],
        "psk": [] if agreed.psk_origin is None else [agreed.psk_origin],
        "early_data": [judgement.early_data],
        "hello_retry": [] if judgement.retry is None else [judgement.retry.group],
        "ech": [] if hello is None else [hello.status],
        "alert": [f"{each.description}, of the {each.direction}" for each in judgement.alerts],
        "anomaly": [each.rule.name for each in judgement.anomalies],
        "undecrypted": {each.kind for each in judgement.undecrypted},
        "ending": [connection.ending],
        "ja4": [prints.ja4],
        "ja3": [prints.ja3],
        "ja3s": [prints.ja3s],
    }


def _hides_answers(judgement: Judgement) -> bool:
    """Whether there must be EncryptedExtensions that could not be read. RFC 9846 §4.4.1"""
    return judgement.negotiated.version == ProtocolVersion.TLS13 and _ANSWERS not in _read_of_server(judgement)


def _hides_signature(judgement: Judgement) -> bool:
    """Whether there may be a CertificateVerify that could not be read: with a PSK there is none. RFC 9846 §4.5"""
    if judgement.negotiated.psk_identity is not None:
        return False
    read = _read_of_server(judgement)
    return _hides_answers(judgement) or (judgement.negotiated.version == ProtocolVersion.TLS13 and "encrypted" in read)


def _read_of_server(judgement: Judgement) -> set[str]:
    """What the server's flights held, as their messages are called there."""
    return {name for each in judgement.flights if each.direction is Direction.server for name in each.messages}


_ANSWERS = str(HandshakeType.encrypted_extensions)
_STEP = MILLISECOND // 10
"""Handshake times are counted in tenths of a millisecond."""


def statistics_object(tally: Tally) -> JsonObject:
    """The counts as plain data."""
    tables: dict[str, Plain] = {name: dict(_ordered(tally.tables.get(name, {}))) for name in TABLES}
    return {
        "schema_version": SCHEMA_VERSION,
        "object": "statistics",
        "files": tally.files,
        "packets": tally.packets,
        "captured_bytes": tally.captured_bytes,
        "tcp_connections": tally.tcp_connections,
        "tls_connections": tally.tls_connections,
        "application_bytes": {str(each): tally.application_bytes[each] for each in Direction},
        "encrypted_bytes": {str(each): tally.encrypted_bytes[each] for each in Direction},
        "counts": tables,
        "handshake_ms": {f"{bound:g}": count for bound, count in _histogram(tally.handshake_times)},
    }


def print_statistics(tally: Tally, out: PlainConsole) -> None:
    """Prints the counts as tables with bars."""
    out.print(
        Text(
            f"{count_of(tally.files, 'file')}, {count_of(tally.packets, 'packet')}, {size(tally.captured_bytes)}; "
            f"{count_of(tally.tcp_connections, 'TCP connection')}, {tally.tls_connections} of TLS"
        )
    )
    for what, counted in (("application data", tally.application_bytes), ("still encrypted", tally.encrypted_bytes)):
        if counted.total():
            sent = (f"{size(counted[each])} by the {each}" for each in Direction)
            out.print(Text(f"{what}: {', '.join(sent)}"))
    for name, heading in TABLES.items():
        _print_table(heading, _cut(_ordered(tally.tables.get(name, {}))), out)
    times = [(f"under {bound:g} ms", count) for bound, count in _histogram(tally.handshake_times)]
    _print_table("Handshake times", times, out)


_LABEL, _BAR = 52, 30


def _print_table(heading: str, rows: list[tuple[str, int]], out: PlainConsole) -> None:
    if not rows or [label for label, _ in rows] == [NONE]:
        return
    total = sum(count for _, count in rows)
    most = max(count for _, count in rows)
    out.print()
    out.print(Text(heading, "bold"))
    for label, count in rows:
        shown = label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
        bar = "█" * max(1, round(_BAR * count / most)) if count else ""
        out.print(Text(f"  {shown:<{_LABEL}} {count:>7} {100 * count / total:>3.0f} % ").append(bar, "green"))


def _cut(rows: list[tuple[str, int]]) -> list[tuple[str, int]]:
    if len(rows) <= MOST_ROWS:
        return rows
    left = rows[MOST_ROWS - 1 :]
    return [*rows[: MOST_ROWS - 1], (f"{len(left)} more", sum(count for _, count in left))]


def _ordered(counter: Mapping[str, int]) -> list[tuple[str, int]]:
    """Most frequent first."""
    return sorted(counter.items(), key=lambda row: (-row[1], row[0]))


def _histogram(times: Counter[int]) -> list[tuple[float, int]]:
    """Upper bounds in milliseconds, in steps of 1, 2 and 5, and how many were under each and not the one before."""
    if not times:
        return []
    bounds = list(_bounds(max(times) * _STEP / MILLISECOND))
    found = dict.fromkeys(bounds, 0)
    for step, count in times.items():
        milliseconds = step * _STEP / MILLISECOND
        found[next(bound for bound in bounds if milliseconds < bound)] += count
    first = next(index for index, bound in enumerate(bounds) if found[bound])
    return [(bound, found[bound]) for bound in bounds[first:]]


def _bounds(most: float) -> Iterator[float]:
    decade = 0.1
    while True:
        for factor in (1, 2, 5):
            bound = round(decade * factor, 1)
            yield bound
            if bound > most:
                return
        decade *= 10
