"""Every capture of ../shared/captures, read here and by tshark: the same connections, records, messages and bytes."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest
from capture.tshark import Tshark

from schemas import tls12
from schemas.alert import Alert
from schemas.code_points import ContentType
from schemas.extensions import ServerNameIndication
from schemas.handshake import ClientHello, HelloRetryRequest, ServerHello
from tls13.capture import Capture, Connection, Direction, Message, read_capture
from tls13.capture.messages import AnyHandshake
from tls13.keylog import KeyLog

CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "captures"
FILES = sorted(path for path in CAPTURES.glob("*/*") if ".pcap" in path.name)
DECRYPTED = [path for path in FILES if path.parent.name == "recorded"]
TSHARK_REASSEMBLES = 2**17
"""tshark 4.0 passes over longer handshake messages, as the Certificate of 340 kB in one of the captures."""

pytestmark = pytest.mark.skipif(not FILES, reason=f"needs the shared captures in {CAPTURES}")


def by_name(path: Path) -> str:
    return path.name


def keylog_of(path: Path) -> Path | None:
    """The key log beside a capture, where it is for something that is decrypted here."""
    return path.with_suffix(".keylog") if path in DECRYPTED else None


def capture_of(path: Path) -> Capture:
    keylog = keylog_of(path)
    return read_capture(path, keylog=keylog and KeyLog.load(keylog))


def server_ports(path: Path) -> list[int]:
    """The server ports in a capture, which tshark wants told."""
    return sorted({connection.server.port for connection in capture_of(path)})


def messages_of(connection: Connection) -> list[Message]:
    return [item for item in connection.messages if isinstance(item, Message)]


FIELDS = (
    "tls.record.content_type",
    "tls.record.opaque_type",
    "tls.handshake.type",
    "tls.alert_message.desc",
    "tls.handshake.random",
    "tls.handshake.ciphersuite",
    "tls.handshake.extensions_server_name",
    "tls.handshake.extensions_key_share_group",
    "tls.handshake.extensions_alpn_str",
    "tls.handshake.ja3",
    "tls.handshake.ja3s",
    "x509ce.dNSName",
    "frame.time_epoch",
)


@cache
def rows(tshark: Tshark, path: Path, decrypted: bool) -> list[dict[str, str]]:
    """What tshark says of each TLS packet, values of a field joined by commas."""
    names = ("tcp.stream", "tcp.srcport", *FIELDS)
    options = ["-Y", "tls", "-T", "fields", *(word for name in names for word in ("-e", name))]
    keylog = keylog_of(path) if decrypted else None
    text = tshark.run(path, *options, keylog=keylog, ports=server_ports(path))
    return [dict(zip(names, line.split("\t"), strict=True)) for line in text.splitlines()]


class Reading:
    """Values by TCP stream and sending port, in order: what tshark and this package are compared by."""

    def __init__(self) -> None:
        self.values: defaultdict[tuple[int, int], list[str]] = defaultdict(list)

    def add(self, connection: Connection, direction: Direction, value: str) -> None:
        endpoint = connection.client if direction is Direction.client else connection.server
        self.values[connection.number, endpoint.port].append(value)

    @classmethod
    def by_tshark(cls, tshark: Tshark, path: Path, *fields: str, decrypted: bool) -> Reading:
        """All values of those fields, field after field within a packet."""
        reading = cls()
        for row in rows(tshark, path, decrypted):
            found = [value for field in fields for value in row[field].split(",") if value]
            if found:
                reading.values[int(row["tcp.stream"]), int(row["tcp.srcport"])] += found
        return reading


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_records_by_stream_sender_and_type(path: Path, tshark: Tshark) -> None:
    fields = ("tls.record.content_type", "tls.record.opaque_type")
    theirs = Reading.by_tshark(tshark, path, *fields, decrypted=False)
    ours = Reading()
    for connection in capture_of(path):
        messages_of(connection)
        for (direction, content_type), count in connection.records.items():
            for _ in range(count):
                ours.add(connection, direction, str(int(content_type)))
    assert {key: Counter(values) for key, values in ours.values.items()} == {
        key: Counter(values) for key, values in theirs.values.items()
    }


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_handshake_messages_in_order(path: Path, tshark: Tshark) -> None:
    theirs = Reading.by_tshark(tshark, path, "tls.handshake.type", decrypted=True)
    ours = Reading()
    for connection in capture_of(path):
        for message in messages_of(connection):
            if message.handshake_type is not None and len(message.raw) < TSHARK_REASSEMBLES:
                ours.add(connection, message.direction, str(int(message.handshake_type)))
    assert ours.values == theirs.values


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_alerts(path: Path, tshark: Tshark) -> None:
    theirs = Reading.by_tshark(tshark, path, "tls.alert_message.desc", decrypted=True)
    ours = Reading()
    for connection in capture_of(path):
        for message in messages_of(connection):
            if isinstance(message.value, Alert):
                ours.add(connection, message.direction, str(int(message.value.description)))
    assert ours.values == theirs.values


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_randoms_cipher_suites_and_server_names(path: Path, tshark: Tshark) -> None:
    fields = ("tls.handshake.random", "tls.handshake.ciphersuite", "tls.handshake.extensions_server_name")
    theirs = Reading.by_tshark(tshark, path, *fields, decrypted=False)
    ours = Reading()
    for connection in capture_of(path):
        for message in messages_of(connection):
            for value in hello_values(message):
                ours.add(connection, message.direction, value)
    assert ours.values == theirs.values


def hello_values(message: Message) -> list[str]:
    """Random, suites and server name of a hello, as tshark writes them."""
    if not isinstance(message.value, AnyHandshake):
        return []
    hello = message.value.message
    match hello:
        case ClientHello():
            names = ServerNameIndication.client_hello.find(hello.extensions) or []
            suites = hello.cipher_suites
        case ServerHello() | HelloRetryRequest() | tls12.ServerHello():
            names, suites = [], [hello.cipher_suite]
        case _:
            return []
    numbers = [f"0x{int(suite):04x}" for suite in suites]
    return [hello.random.hex(), *numbers, *(name.name.decode() for name in names)]


@pytest.mark.parametrize("path", DECRYPTED, ids=by_name)
def test_decrypted_application_data(path: Path, tshark: Tshark) -> None:
    connections = list(capture_of(path))
    assert connections
    for connection in connections:
        said = {Direction.client: b"", Direction.server: b""}
        for message in messages_of(connection):
            assert not message.opaque
            assert message.error is None
            assert message.note is None
            if message.content_type is ContentType.application_data:
                said[message.direction] += message.raw
        theirs = tshark.application_data(path, connection.number, connection.server.port, keylog=keylog_of(path))
        assert tuple(said.values()) == theirs


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_messages_have_the_times_of_packets_that_tshark_sees_tls_in(path: Path, tshark: Tshark) -> None:
    theirs = Reading.by_tshark(tshark, path, "frame.time_epoch", decrypted=False)
    for connection in capture_of(path):
        messages = messages_of(connection)
        for direction, endpoint in ((Direction.client, connection.client), (Direction.server, connection.server)):
            ours = {message.timestamp for message in messages if message.direction is direction}
            whole = {int(time.replace(".", "")) for time in theirs.values[connection.number, endpoint.port]}
            assert ours <= whole


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_every_parsed_message_rebuilds_to_its_bytes(path: Path) -> None:
    parsed = 0
    for connection in capture_of(path):
        for message in messages_of(connection):
            assert message.error is None
            if message.value is not None:
                assert message.value.build() == message.raw
                parsed += 1
    assert parsed


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_fingerprints(path: Path, tshark: Tshark) -> None:
    theirs = Reading.by_tshark(tshark, path, "tls.handshake.ja3", "tls.handshake.ja3s", decrypted=False)
    told = 0
    for connection in capture_of(path):
        messages_of(connection)
        found = connection.judgement.fingerprints
        # tshark gives those of all hellos; of two it is the first ClientHello and the last ServerHello that count.
        client = theirs.values.get((connection.number, connection.client.port), [""])
        server = theirs.values.get((connection.number, connection.server.port), [""])
        assert (found.ja3, found.ja3s) == (client[0], server[-1])
        told += bool(found.ja3)
    assert told


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_negotiated_parameters(path: Path, tshark: Tshark) -> None:
    fields = ("ciphersuite", "extensions_key_share_group", "extensions_alpn_str")
    suites, groups, protocols = (
        Reading.by_tshark(tshark, path, f"tls.handshake.{field}", decrypted=True).values for field in fields
    )
    for connection in capture_of(path):
        messages_of(connection)
        agreed = connection.judgement.negotiated
        server = (connection.number, connection.server.port)
        assert (
            f"0x{int(agreed.cipher_suite):04x}" == suites[server][-1] if agreed.cipher_suite else server not in suites
        )
        if server in groups:
            assert agreed.group is not None
            assert str(int(agreed.group)) == groups[server][-1]
        assert agreed.application_protocol == protocols.get(server, [""])[-1]


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_names_in_certificates(path: Path, tshark: Tshark) -> None:
    theirs = Reading.by_tshark(tshark, path, "x509ce.dNSName", decrypted=True)
    ours = Reading()
    for connection in capture_of(path):
        messages_of(connection)
        judged = connection.judgement
        chains = ((Direction.client, judged.client_certificates), (Direction.server, judged.server_certificates))
        for direction, chain in chains:
            for certificate in chain:
                for name in certificate.names:
                    ours.add(connection, direction, name)
    assert ours.values == theirs.values


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_whole_captures_of_real_programs_break_no_rule(path: Path) -> None:
    for connection in capture_of(path):
        messages_of(connection)
        assert connection.judgement.anomalies == ()


@pytest.mark.parametrize("path", DECRYPTED, ids=by_name)
def test_nothing_is_left_that_the_key_log_opens(path: Path) -> None:
    for connection in capture_of(path):
        opaque = [message for message in messages_of(connection) if message.opaque]
        assert opaque == []
        assert connection.judgement.undecrypted == ()
        assert connection.judgement.handshake_time is not None
