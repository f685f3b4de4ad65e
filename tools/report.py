"""The connections of a capture for people: a heading for each, and every message as a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from rich.text import Text

from schemas import tls12
from schemas.code_points import CipherSuite, NamedGroup, ProtocolVersion
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    KeyShare,
    PreSharedKey,
    ServerNameIndication,
    SupportedVersions,
)
from schemas.handshake import ClientHello, EncryptedExtensions, Handshake, ServerHello
from schemas.record import TLSCiphertext
from tls13.capture import Capture, Connection, Ending, Epoch, Gap, Message, NoteKind
from tls13.printable import printable
from tools.findings import Findings
from tools.timestamps import day, time_of_day
from tools.tree import PlainConsole, count_of, data_tree, heading, hexdump, title, tree, type_title


def show(capture: Capture, out: PlainConsole, findings: Findings, *, dump: bool = False) -> None:
    """Prints every message of every connection, with `dump` its bytes too; tells `findings` what it meets."""
    for count, connection in enumerate(capture):
        if count:
            out.print()
        _show_connection(connection, out, findings, dump)
        findings.end(connection)
    findings.finish(capture)


def name_of(message: Message) -> str:
    """The RFC's name of the message, as far as it can be told: `ClientHello`, `Alert`, `ApplicationData`."""
    if message.opaque:
        return TLSCiphertext.__name__
    if message.value is not None:
        return title(message.value)
    return type_title(message.content_type if message.handshake_type is None else message.handshake_type)


@dataclass(slots=True)
class Negotiation:
    """What the start of a connection says about it, as far as it can be read."""

    version: ProtocolVersion | None = None
    cipher_suite: CipherSuite | None = None
    group: NamedGroup | None = None
    psk: bool = False
    server_name: str = ""
    application_protocol: str = ""

    def learn(self, message: Message) -> None:
        """Takes in the next message of the handshake."""
        match message.value:
            case Handshake(message=ClientHello() as hello):
                names = ServerNameIndication.client_hello.find(hello.extensions) or []
                self.server_name = printable(names[0].name.decode("ascii", "replace")) if names else ""
            case Handshake(message=ServerHello() as hello):
                share = KeyShare.server_hello.find(hello.extensions)
                self.version = SupportedVersions.server_hello.find(hello.extensions) or hello.legacy_version
                self.cipher_suite = hello.cipher_suite
                self.group = share.group if share is not None else None
                self.psk = PreSharedKey.server_hello.find(hello.extensions) is not None
            case tls12.Handshake(message=tls12.ServerHello() as chosen):
                self.version, self.cipher_suite = chosen.server_version, chosen.cipher_suite
            case Handshake(message=EncryptedExtensions() as answers):
                protocols = ApplicationLayerProtocolNegotiation.encrypted_extensions.find(answers.extensions) or []
                self.application_protocol = printable(protocols[0].decode("ascii", "replace")) if protocols else ""

    def __str__(self) -> str:
        facts = (
            self.version,
            self.cipher_suite,
            self.group,
            "PSK" if self.psk else None,
            f"server name {self.server_name}" if self.server_name else None,
            f"ALPN {self.application_protocol}" if self.application_protocol else None,
        )
        return ", ".join(str(fact) for fact in facts if fact is not None)


_START = 24
"""How many items are looked at before the heading is printed."""
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
}


def _show_connection(connection: Connection, out: PlainConsole, findings: Findings, dump: bool) -> None:
    start, negotiation = _look_ahead(connection.messages)
    where = Text().append(f"Connection {connection.number}", "bold")
    where.append(f"  {connection.client} → {connection.server}")
    out.print(where.append(f"  {day(connection.started)}", "dim"))
    facts = str(negotiation)
    if facts:
        out.print(Text(facts, "green"))
    told: set[NoteKind] = set()
    number = 0
    for item in chain(start, connection.messages):
        findings.see(item)
        if isinstance(item, Gap):
            out.print(Text(f"     {item}", "red"))
            continue
        _show_message(number, item, out, told, dump)
        number += 1
    if connection.ending in _ENDINGS:
        out.print(Text(f"     {_ENDINGS[connection.ending]}", "dim"))


def _look_ahead(messages: Iterator[Message | Gap]) -> tuple[list[Message | Gap], Negotiation]:
    """The items up to the end of the negotiation, and what they say."""
    items: list[Message | Gap] = []
    negotiation = Negotiation()
    for item in messages:
        items.append(item)
        if isinstance(item, Message):
            negotiation.learn(item)
            if negotiation.version is not None and item.protected:
                break
        if len(items) == _START:
            break
    return items, negotiation


def _show_message(number: int, message: Message, out: PlainConsole, told: set[NoteKind], dump: bool) -> None:
    """One message. Why records stay encrypted is told at the first for each reason in a connection."""
    label = heading(
        message.direction,
        name_of(message),
        _details(message),
        number=number,
        time=time_of_day(message.timestamp),
    )
    if message.value is not None:
        shown = tree(label, message.value)
    else:
        shown = data_tree(label, b"" if message.opaque else message.raw)
    if message.error is not None:
        shown.add(Text(f"does not parse: {message.error}", "red"))
    if message.note is not None and not (message.opaque and message.note.kind in told):
        shown.add(Text(str(message.note), "red"))
        if message.opaque:
            told.add(message.note.kind)
    out.print(shown)
    if dump and message.raw:
        out.print(hexdump(message.raw))


def _details(message: Message) -> str:
    keys = "encrypted" if message.opaque else _KEYS[message.epoch]
    updates = f", after {count_of(message.generation, 'key update')}" if message.generation else ""
    return f"record {message.record}, {count_of(len(message.raw), 'byte')}, {keys}{updates}"
