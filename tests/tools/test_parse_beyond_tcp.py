"""`tls13 parse` of what is not TLS 1.3 in plain TCP: QUIC, a ClientHello inside another, records without packets."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import jsonschema
import pytest
import quic_initial_packets as quic
from capture.made_captures import CLIENT, SERVER, Wire, ipv4, pcap
from running import invoke

from schemas.handshake import ClientHello
from tools.values.ndjson import schema_text
from tools.values.rebuild import message_of

ECH = Path(__file__).parents[1] / "tls13" / "capture" / "ech_connections.json"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(schema_text()))


@pytest.fixture
def initials(tmp_path: Path) -> Path:
    """The Initial packets of RFC 9001, appendix A."""
    path = tmp_path / "quic.pcap"
    packets = []
    for number, (source, destination, data) in enumerate(
        [(CLIENT, SERVER, quic.V1_CLIENT), (SERVER, CLIENT, quic.V1_SERVER)]
    ):
        header = struct.pack(">HHHH", source.port, destination.port, 8 + len(data), 0)
        packets.append((number * 10**9, ipv4(source.address, destination.address, header + data, protocol=17)))
    path.write_bytes(pcap(packets))
    return path


def test_quic_connections_are_shown_in_every_way(initials: Path, validator: jsonschema.Draft202012Validator) -> None:
    tree = invoke("parse", initials)
    assert tree.status == 0
    text = tree.output.decode()
    assert text.startswith("QUIC connection 0  ")
    assert [line.split()[5] for line in text.splitlines() if line.startswith("#")] == ["ClientHello", "ServerHello"]
    assert "JA4 q13d" in text
    assert "max_idle_timeout (0x1)" in text

    (line,) = invoke("parse", initials, "--summary").output.decode().splitlines()
    assert line.startswith("QUIC 0  ")
    assert "  example.com, TLS13, still open, 1 s, x25519" in line
    assert " of data" not in line
    messages = [json.loads(line) for line in invoke("parse", initials, "--json").output.splitlines()]
    connections = [json.loads(line) for line in invoke("parse", initials, "--summary", "--json").output.splitlines()]
    for each in (*messages, *connections):
        validator.validate(each)
        assert each["transport"] == "quic"
    assert [bytes.fromhex(each["raw"]) for each in messages] == [quic.CLIENT_HELLO, quic.SERVER_HELLO]
    for each in messages:
        value = message_of(each).value
        assert value is not None
        assert value.build().hex() == each["raw"]
    assert invoke("parse", initials, "--summary", "--filter", "transport == tcp").output == b""
    assert invoke("parse", initials, "--follow", 0).status == 1


def test_the_hello_inside_another_is_shown_too(tmp_path: Path, validator: jsonschema.Draft202012Validator) -> None:
    recorded = json.loads(ECH.read_text())["connections"]["accepted"]
    wire = Wire().open()
    for sender, data in recorded["wire"]:
        wire.send(CLIENT if sender == "client" else SERVER, bytes.fromhex(data))
    capture, keylog = tmp_path / "ech.pcap", tmp_path / "ech.keylog"
    capture.write_bytes(wire.pcap())
    keylog.write_text("".join(f"{line}\n" for line in recorded["keylog"]))

    text = invoke("parse", capture, "--keylog", keylog).output.decode()
    outer, inner = text.split("the ClientHello inside, encrypted")
    assert '"public.example"' in outer
    assert '"inner.example"' in inner
    assert "     encrypted ClientHello: " in text
    assert max(map(len, text.splitlines())) <= 100
    first = json.loads(invoke("parse", capture, "--keylog", keylog, "--json").output.splitlines()[0])
    validator.validate(first)
    hidden = message_of(first).inner
    assert isinstance(hidden, ClientHello)
    assert b"inner.example" in hidden.build()
    (line,) = invoke(
        "parse", capture, "--keylog", keylog, "--summary", "--filter", "ech == accepted"
    ).output.splitlines()
    assert line


@pytest.mark.parametrize("form", ["bytes", "hexadecimal"])
def test_records_without_packets_are_read(form: str, tmp_path: Path, rfc8448: dict[str, dict[str, bytes]]) -> None:
    record = rfc8448["simple_1rtt"]["record_client_hello_1"]
    path = tmp_path / "hello"
    path.write_bytes(record if form == "bytes" else record.hex(" ").encode())
    ended = invoke("parse", path, "--json")
    assert ended.status == 0
    (line,) = ended.output.splitlines()
    assert bytes.fromhex(json.loads(line)["raw"]) == record[5:]
