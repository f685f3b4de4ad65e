"""What people see of messages, held against what RFC 8448 and the bytes themselves say."""

from __future__ import annotations

import datetime
import io
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from rich.console import Console
from rich.text import Text

from schemas import Struct, tls12
from schemas.alert import Alert
from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import AlertDescription, CipherSuite, ContentType, ExtensionType, HandshakeType
from schemas.extension_block import Extension
from schemas.extensions import CertificateStatus, ServerName, ServerNameIndication, StatusRequest
from schemas.handshake import ClientHello, EndOfEarlyData, Handshake
from tls13.capture import Direction
from tools.certificates import summary
from tools.values.tree import Wrapped, console, data_tree, heading, hexdump, title, tree, type_title

Traces = dict[str, dict[str, bytes]]


def printed(renderable: object) -> str:
    """What a console on a pipe writes."""
    file = io.StringIO()
    console(file).print(renderable)
    return file.getvalue()


def lines(value: Struct) -> list[str]:
    """The tree's lines without guides, those that are continued joined."""
    joined = re.sub(r",\n[│ ]+", ", ", printed(tree(Text("top"), value)))
    return [line.lstrip("│├└─ ") for line in joined.splitlines()]


def data_lines(data: bytes) -> list[str]:
    return [line.lstrip("│├└─ ") for line in printed(data_tree(Text("top"), data)).splitlines()[1:]]


def hello(rfc8448: Traces) -> Handshake:
    return Handshake.parse(rfc8448["simple_1rtt"]["record_client_hello_1"][5:])


def test_client_hello_is_shown_in_the_names_of_the_rfc(rfc8448: Traces) -> None:
    shown = lines(hello(rfc8448))
    assert "legacy_version: TLS12 (0x0303)" in shown
    assert "random: cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7" in shown
    assert "legacy_session_id: empty" in shown
    assert "cipher_suites[3]: TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256, TLS_AES_256_GCM_SHA384" in shown
    assert "legacy_compression_methods: 00" in shown
    assert "extensions[9]" in shown
    assert shown[shown.index("server_name (0)") + 1] == 'name_type: host_name (0), name: "server"'
    assert (
        "supported_groups (10): x25519, secp256r1, secp384r1, secp521r1, ffdhe2048, ffdhe3072, ffdhe4096, ffdhe6144, "
        "ffdhe8192"
    ) in shown
    assert shown[shown.index("key_share (51)") + 1].startswith("group: x25519 (0x001d), key_exchange: 99381de560e4bd43")
    assert "supported_versions (43): TLS13" in shown
    assert "psk_key_exchange_modes (45): psk_dhe_ke" in shown
    assert "record_size_limit (28): 16385" in shown


def test_hello_retry_request_is_called_that(rfc8448: Traces) -> None:
    message = Handshake.parse(rfc8448["hello_retry_request"]["record_hello_retry_request"][5:])
    assert title(message) == "HelloRetryRequest"
    shown = lines(message)
    assert "key_share (51): secp256r1 (0x0017)" in shown
    assert any(line.startswith("cookie (44): 71dcd04bb88bc3189119398a") and "(114 bytes)" in line for line in shown)


def test_every_message_of_rfc8448_fits_100_columns_without_colours(rfc8448: Traces) -> None:
    messages = [
        data if name.startswith("message") else data[5:]
        for trace in rfc8448.values()
        for name, data in trace.items()
        if name.startswith(("message", "record_client_hello", "record_hello_retry"))
    ]
    assert len(messages) > 20
    for raw in messages:
        for line in printed(tree(Text("top"), Handshake.parse(raw))).splitlines():
            assert len(line) <= 100
            assert line == line.rstrip()
            assert "\x1b" not in line


def test_a_pipe_gets_what_rich_would_print(rfc8448: Traces) -> None:
    hellos = [
        Handshake.parse(trace["record_client_hello_1"][5:])
        for trace in rfc8448.values()
        if "record_client_hello_1" in trace
    ]
    long = ClientHello(
        random=bytes(32),
        cipher_suites=[CipherSuite(0x1301)] * 40,
        extensions=[ServerNameIndication.client_hello([ServerName(name=b"long." * 60 + b"name")])],
    )
    nested = tree(Text("top"), long)
    nested.children.insert(1, tree(Text("a label that is broken " * 12), long))
    nested.children[1].children.append(data_tree(Text("data"), b"text\n" * 20))
    for each in (*(tree(Text("top"), hello) for hello in hellos), nested):
        file = io.StringIO()
        Console(file=file, width=100, markup=False, emoji=False, highlight=False).print(each)
        assert printed(each).splitlines() == [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    file = Terminal()
    console(file).print(tree(Text("top"), Alert(description=AlertDescription.close_notify)))
    assert "\x1b[32mclose_notify" in file.getvalue()


def test_an_encoding_without_arrows_is_no_failure() -> None:
    binary = io.BytesIO()
    file = io.TextIOWrapper(binary, encoding="ascii")
    console(file).print(tree(heading(Direction.client, "Alert", "2 bytes"), Alert(description=AlertDescription(0))))
    file.flush()
    assert b"client ? server  Alert  (2 bytes)" in binary.getvalue()
    assert b"description: close_notify (0)" in binary.getvalue()


def test_numbers_that_no_registry_holds_are_shown_as_numbers() -> None:
    message = ClientHello(
        random=bytes(32),
        cipher_suites=[CipherSuite(0x1A1A), CipherSuite(0x1301), CipherSuite(0xEEEE)],
        extensions=[Extension(extension_type=ExtensionType(0x5555), extension_data=b"\x01\xff\xfe")],
    )
    shown = lines(message)
    assert "cipher_suites[3]: GREASE 0x1a1a, TLS_AES_128_GCM_SHA256, unknown 0xeeee" in shown
    assert "unknown 0x5555: 01fffe" in shown


def test_hello_without_extensions_says_so() -> None:
    message = ClientHello(random=bytes(32), cipher_suites=[CipherSuite(0x002F)])
    assert "extensions: absent" in lines(message)


def test_alert_takes_one_line() -> None:
    assert lines(Alert(description=AlertDescription.handshake_failure)) == [
        "top",
        "level: fatal (2), description: handshake_failure (40)",
    ]


def test_message_without_fields_is_its_heading_alone() -> None:
    assert lines(Handshake.of(EndOfEarlyData())) == ["top"]


def test_long_host_name_is_shown_whole() -> None:
    name = "a-name-of-many-letters." * 6 + "example"
    block = [ServerNameIndication.client_hello([ServerName(name=name.encode())])]
    message = ClientHello(random=bytes(32), cipher_suites=[CipherSuite(0x1301)], extensions=block)
    assert name in re.sub(r"\n[ │]*", "", printed(tree(Text("top"), message)))


def test_host_name_that_would_steer_a_terminal_is_shown_in_hex() -> None:
    block = [ServerNameIndication.client_hello([ServerName(name=b"\x1b]0;gotcha\x07")])]
    message = ClientHello(random=bytes(32), cipher_suites=[CipherSuite(0x1301)], extensions=block)
    assert "name_type: host_name (0), name: 1b5d303b676f7463686107" in lines(message)


def test_text_is_shown_line_by_line_with_its_line_ends() -> None:
    assert data_lines(b'GET / HTTP/1.1\r\nX: "a\\b"\t\r\n\r\n') == [
        r'"GET / HTTP/1.1\r\n"',
        r'"X: \"a\\b\"\t\r\n"',
        r'"\r\n"',
    ]


def test_text_is_unicode_and_may_be_cut_anywhere() -> None:
    assert data_lines("grüß Gott".encode()) == ['"grüß Gott"']
    assert data_lines("grüß".encode()[:-1]) == ['"grü"', "… 1 more byte"]


@pytest.mark.parametrize("data", [b"\x1b[2Jgone", b"a\x00b", b"\xff\xfe\xfd", "\u202eright to left".encode()], ids=repr)
def test_what_a_terminal_would_obey_or_cannot_show_is_hex(data: bytes) -> None:
    assert data_lines(data) == [data.hex()]


def test_long_data_is_cut_with_its_length() -> None:
    assert data_lines(bytes(range(200))) == [bytes(range(24)).hex() + "… (200 bytes)"]
    shown = data_lines(b"line\n" * 1000)
    assert shown == [r'"line\n"'] * 8 + ["… 4960 more bytes"]


def test_no_data_is_no_line() -> None:
    assert data_lines(b"") == []


def test_hex_dump_has_every_byte() -> None:
    data = bytes(range(0x30, 0x30 + 17)) + b"\x00"
    assert printed(hexdump(data)).splitlines() == [
        "     000000  30 31 32 33 34 35 36 37  38 39 3a 3b 3c 3d 3e 3f  0123456789:;<=>?",
        "     000010  40 00                                             @.",
    ]


def test_heading_names_the_sender_first() -> None:
    text = heading(Direction.server, "Finished", "record 4, 36 bytes", number=3, time="12:03:04.123456")
    assert text.plain == "#3   server → client  12:03:04.123456  Finished  (record 4, 36 bytes)"
    assert heading(Direction.client, "Finished", "36 bytes").plain == "client → server  Finished  (36 bytes)"


def test_types_without_a_struct_are_named_like_one() -> None:
    assert type_title(HandshakeType.server_key_exchange) == "ServerKeyExchange"
    assert type_title(ContentType.application_data) == "ApplicationData"
    assert type_title(HandshakeType(99)) == "unknown 0x63"


def certificate(subject: str, key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
    return (
        x509.CertificateBuilder(issuer, name, key.public_key(), 5)
        .not_valid_before(datetime.datetime(2026, 2, 3))
        .not_valid_after(datetime.datetime(2027, 4, 5))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"n{i}.example") for i in range(8)]), False)
        .sign(key, SHA256() if isinstance(key, ec.EllipticCurvePrivateKey) else None)
        .public_bytes(Encoding.DER)
    )


def test_certificate_is_told_in_a_line() -> None:
    der = certificate("localhost", ec.derive_private_key(7, ec.SECP256R1()))
    facts = "CN=localhost, issuer CN=Test CA, 2026-02-03 to 2027-04-05, "
    facts += "names n0.example n1.example n2.example n3.example n4.example n5.example and 2 more, key ecdsa secp256r1"
    assert summary(der) == facts
    facts = facts.replace("key ecdsa secp256r1", "key EC secp256r1, signed by ecdsa_secp256r1_sha256")
    message = Certificate(certificate_list=[CertificateEntry(cert_data=der)])
    assert f"cert_data: {facts} ({len(der)} bytes)" in lines(message)
    older = tls12.Certificate(certificate_list=[der, b"\x30\x00"])
    assert lines(older)[1:] == [
        "certificate_list[2]",
        f"[0]: {facts} ({len(der)} bytes)",
        "[1]: no readable X.509 certificate (2 bytes)",
    ]


REVOKED = bytes.fromhex(
    "3082011c0a0100a08201153082011106092b0601050507300101048201023081ff3081a5a21604143de83559e13b616b"
    "4027eb6b212602ec7f693e85180f32303236313132313134333730385a307a3078303a300906052b0e03021a05000414"
    "c2742a27ee7b0e1cd04a7c205d50a508b491b49804143de83559e13b616b4027eb6b212602ec7f693e8502014da11618"
    "0f32303236313132313131333730385aa0030a0101180f32303236313132313134333730385aa011180f323032363131"
    "32323134333730385a300a06082a8648ce3d0403020349003046022100d484a5297110ec31eac3e796b823a31259b9b7"
    "b3fc472e375c014642a860b2260221008896c06a4695463d7db321d95ec32d28a7ed7c231320b7203488370327592b44"
)
"""An OCSP response, made with pyca/cryptography and stapled by OpenSSL."""


def test_a_stapled_response_is_told_in_a_line() -> None:
    said = "certificate 77 revoked since 2026-11-21 (keyCompromise), "
    said += "as of 2026-11-21 14:37 UTC, next update 2026-11-22 14:37 UTC"
    for response, told in ((REVOKED, f"{said} (288 bytes)"), (b"\x30\x00", "no readable OCSP response (2 bytes)")):
        stapled = StatusRequest.certificate(CertificateStatus(response=response))
        entry = CertificateEntry(cert_data=b"\x30\x00", extensions=[stapled])
        assert f"status_type: ocsp (1) response: {told}" in " ".join(lines(Certificate(certificate_list=[entry])))


def test_certificate_that_would_steer_a_terminal_is_made_harmless() -> None:
    der = certificate("evil\x1b[2J\u202e", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert summary(der).startswith("CN=evil\\x1b[2J\\x202e, issuer CN=Test CA")
    assert summary(der).endswith("key ed25519")


def test_bytes_that_are_no_certificate_are_said_to_be_none() -> None:
    der = certificate("localhost", ec.derive_private_key(7, ec.SECP256R1()))
    for broken in (b"\x00", b"\x30\x03\x02\x01\x05", der[:-1], der + b"\x00", der[:40]):
        assert summary(broken) == "no readable X.509 certificate"


def test_no_change_of_a_certificate_raises() -> None:
    der = certificate("localhost", ec.derive_private_key(7, ec.SECP256R1()))
    for at in range(len(der)):
        for bit in (0x01, 0x40, 0x80):
            changed = bytearray(der)
            changed[at] ^= bit
            assert summary(bytes(changed)).isprintable()


@pytest.mark.parametrize(
    ("name", "items", "expected"),
    [
        ("name: ", ["one", "two"], ["name: one, two"]),
        ("name: ", ["one", "quite long"], ["name: one,", "    quite long"]),
        # The first one, too, is put where it is whole.
        ("a long name: ", ["quite long"], ["a long name:", "    quite long"]),
        # Only what no line holds is broken between its words.
        ("", ["longer than all of a line", "two"], ["longer than all of a", "    line, two"]),
        ("", ["longerthanallofawholeline", "two"], ["longerthanallofawholeline,", "    two"]),
    ],
)
def test_a_list_is_broken_between_its_items(name: str, items: list[str], expected: list[str]) -> None:
    assert [line.plain for line in Wrapped(Text(name), list(map(Text, items))).lines(20)] == expected
