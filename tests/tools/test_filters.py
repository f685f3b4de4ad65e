"""The language of `--filter`: what passes, and what is said of expressions that mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.code_points import ContentType
from schemas.handshake import Handshake
from schemas.record import TLSPlaintext
from tls13.capture import CaptureWriter, Direction, Endpoint, Gap, read_capture
from tls13.keylog import KeyLog
from tools.parsing.facts import Entry, Facts
from tools.parsing.filter_properties import CONNECTION_PROPERTIES, MESSAGE_PROPERTIES, WORDS, Candidate, Need
from tools.parsing.filters import FilterError, filter_help, parse_filter
from tools.values.message_names import name_of

EVERYTHING = [
    *("ClientHello", "ServerHello", "EncryptedExtensions", "Certificate", "CertificateVerify", "Finished"),
    *("Finished", "NewSessionTicket", "ApplicationData", "ApplicationData", "Alert", "Alert"),
]
PROTECTED = EVERYTHING[2:]


@pytest.fixture(scope="session")
def candidates(recorded_trace: tuple[Path, KeyLog]) -> Sequence[Candidate]:
    """The messages of RFC 8448 §3."""
    path, keylog = recorded_trace
    with read_capture(path, keylog=keylog) as capture:
        (connection,) = capture
        facts = Facts(str(path), connection)
        found = []
        for item in connection.messages:
            assert not isinstance(item, Gap)
            found.append(Candidate(facts, facts.learn(item)))
    return found


def names(candidates: Sequence[Candidate], expression: str) -> list[str]:
    """What the messages are called that pass."""
    selected = parse_filter(expression)
    passed = [each for each in candidates if selected.passes(each)]
    return [name_of(each.item.message) for each in passed if isinstance(each.item, Entry)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("name == Finished", ["Finished", "Finished"]),
        ("name == finished and direction == client", ["Finished"]),
        ("name = ClientHello or name = ServerHello", ["ClientHello", "ServerHello"]),
        ("name in (ClientHello, Alert)", ["ClientHello", "Alert", "Alert"]),
        ('name in ("ClientHello")', ["ClientHello"]),
        ("encrypted", PROTECTED),
        ("not encrypted", EVERYTHING[:2]),
        ("!encrypted", EVERYTHING[:2]),
        ("encrypted == false", EVERYTHING[:2]),
        ("encrypted && !(epoch == application)", EVERYTHING[2:7]),
        ("number < 2 || number >= 11", ["ClientHello", "ServerHello", "Alert"]),
        # `and` binds closer than `or`, `not` closer than both.
        ("number == 0 or number == 1 and direction == client", ["ClientHello"]),
        ("(number == 0 or number == 1) and direction == server", ["ServerHello"]),
        ("not number == 0 and number < 3", ["ServerHello", "EncryptedExtensions"]),
        ("type == 1", ["ClientHello"]),
        ("type == client_hello", ["ClientHello"]),
        ("type != client_hello and not encrypted", ["ServerHello"]),
        ("type > 0x13", ["Finished", "Finished"]),
        ("content_type == 23", ["ApplicationData", "ApplicationData"]),
        ("length > 400 and length <= 445", ["Certificate"]),
        ("name contains CERT", ["Certificate", "CertificateVerify"]),
        ("name matches '^(server|client)hello$'", ["ClientHello", "ServerHello"]),
        ('name matches "t$"', ["NewSessionTicket", "Alert", "Alert"]),
        ("gap or error or note or opaque", []),
        ("generation == 0 and record == 3", ["ApplicationData", "Alert"]),
        # Fields of messages
        ("client_hello", ["ClientHello"]),
        ("client_hello.random == cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7", ["ClientHello"]),
        ("client_hello.cipher_suites == TLS_AES_128_GCM_SHA256", ["ClientHello"]),
        ("client_hello.cipher_suites == 0x1304", []),
        ("client_hello.server_name.name == server", ["ClientHello"]),
        ("client_hello.extensions.server_name.name contains serv", ["ClientHello"]),
        ("client_hello.key_share.group in (x448, X25519)", ["ClientHello"]),
        ("client_hello.supported_versions >= TLS13", ["ClientHello"]),
        ("client_hello.early_data", []),
        ("client_hello.renegotiation_info", ["ClientHello"]),
        ("new_session_ticket.ticket_lifetime == 30", ["NewSessionTicket"]),
        ("alert.description == close_notify and direction == server", ["Alert"]),
        ("certificate_verify.algorithm == rsa_pss_rsae_sha256", ["CertificateVerify"]),
        # Properties of the connection
        ("version == TLS13 and number == 0", ["ClientHello"]),
        ("version < tls13", []),
        ("server_name == SERVER and name == Finished", ["Finished", "Finished"]),
        ("cipher_suite == 0x1301 and group == x25519 and number == 0", ["ClientHello"]),
        ("client == 192.0.2.1 and server_port == 443 and connection == 0 and number == 0", ["ClientHello"]),
        ("client == 192.0.2.0/24 and server != 198.51.100.0/24 and number == 0", ["ClientHello"]),
        ("client == 2001:db8::/32", []),
        # Bytes are found as text and as hex, whatever else is among them.
        ("certificate.certificate_list.cert_data contains RSA", ["Certificate"]),
        ("certificate.certificate_list.cert_data contains 300d06092a", ["Certificate"]),
        ("certificate.certificate_list.cert_data matches 'rsa.*0'", ["Certificate"]),
        ("data contains 000102 and direction == client", ["ApplicationData"]),
        ("data contains 0x000102", []),
        ("server_certificate contains 'CN=rsa' and number == 0", ["ClientHello"]),
        ("client_certificate", []),
        ("alert == close_notify and number == 0", ["ClientHello"]),
        ("bytes == 100 and client_bytes == 50 and messages == 12 and number == 0", ["ClientHello"]),
        ("ending == finished and duration_ms > 0 and handshake_ms > 0 and number == 0", ["ClientHello"]),
        ("handshake_ms > 1e9", []),
        ("ja4 matches ^t13d and number == 0", ["ClientHello"]),
        ("resumption == none and early_data == not_offered and not hello_retry and number == 0", ["ClientHello"]),
        ("anomaly or ech or undecrypted", []),
    ],
)
def test_what_holds_passes(expression: str, expected: list[str], candidates: Sequence[Candidate]) -> None:
    assert names(candidates, expression) == expected


@pytest.mark.parametrize(
    ("expression", "position", "says"),
    [
        ("", 1, "the end where a property should stand"),
        ("versoin == TLS13", 1, "no property 'versoin'; did you mean version? (--filter-help)"),
        ("CLIENT_BYTE > 1", 1, "no property 'CLIENT_BYTE'; did you mean client_bytes? (--filter-help)"),
        ("foo == 1", 1, "no property 'foo'; --filter-help has all"),
        (f"{'a' * 1000} == 1", 1, f"no property '{'a' * 23}…'"),
        ("name == ClientHello and versoin", 25, "no property 'versoin'"),
        ("name == ", 9, "the end where a value should stand"),
        ("name == ClientHello Finished", 21, "'Finished' where the expression should end"),
        ("(name == ClientHello", 21, "the end where the bracket of character 1 should close"),
        ("name == ClientHello)", 20, "')' where the expression should end"),
        ("not", 4, "the end where a property should stand"),
        ("and name", 1, "no property 'and'"),
        ('name == "Client', 9, "'\"' means nothing here; close the quotes"),
        ("name in ClientHello", 9, "no bracket behind in"),
        ("name in (ClientHello Finished)", 22, "where the bracket of character 9 should close"),
        ("name in ()", 10, "where a value should stand"),
        ("name matches (", 14, "where a value should stand"),
        ('name matches "("', 14, "no pattern: missing )"),
        ("length > long", 10, "'long' is no number"),
        ("name > 3x", 8, "'3x' is no number, which > takes"),
        ("length == long", 11, "'long' is no number, which length is"),
        ("version == 1.3", 12, "'1.3' is no ProtocolVersion; give its name or number"),
        ("version == tls1.3", 12, "'tls1.3' is no ProtocolVersion; did you mean TLS13?"),
        ("psk == psk", 8, "psk is never 'psk'; it is resumption, external or unknown"),
        ("direction in (server, Server, clint)", 31, "direction is never 'clint'; it is client or server"),
        ("resumption != external", 15, "resumption is never 'external'; --filter-help has its values"),
        ("cipher_suite == tls_aes_128", 17, "'tls_aes_128' is no CipherSuite; did you mean TLS_AES_128_GCM_SHA256?"),
        ("server == here", 11, "'here' is no address, which server is; like 192.0.2.1 or 192.0.2.0/24"),
        ("cipher_suite == AES", 17, "'AES' is no CipherSuite; give its name or number"),
        ("client_hello.randm", 1, "client_hello has no field 'randm'; did you mean random?"),
        ("client_hello.foo", 1, "client_hello has no field 'foo'; they are named as in its tree"),
        ("client_hello.random.first", 1, "client_hello.random has no field 'first'; it has no fields"),
        ("client_hello.key_share.group == x25518", 33, "'x25518' is no NamedGroup"),
        ("finished.verify_date", 1, "finished has no field 'verify_date'; it has verify_data"),
        ("length > 1 and {", 16, "'{' where a property should stand"),
        ("(" * 51 + "encrypted" + ")" * 51, 51, "nested more than 50 deep"),
        ("not " * 51 + "encrypted", 201, "nested more than 50 deep"),
    ],
)
def test_what_means_nothing_is_told_with_its_place(expression: str, position: int, says: str) -> None:
    with pytest.raises(FilterError) as error:
        parse_filter(expression)
    assert error.value.position == position
    told = f"{error.value}; {error.value.hint}" if error.value.hint else str(error.value)
    assert told.startswith(f"--filter, character {position}: ")
    assert says in told
    assert "\n" not in told
    assert len(f"Error: {told}") <= 100


def test_the_help_tells_all_values_of_a_property_that_has_few() -> None:
    told = filter_help()
    assert max(map(len, told.splitlines())) <= 100
    assert "    resumption        what it builds on: none, psk, session_ticket, session_id, unknown\n" in told
    for name, words in WORDS.items():
        # Each of them is one that the property can be asked for.
        for word in words:
            parse_filter(f"{name} == {word.value.upper()}")
            assert word.value in told


def test_a_filter_says_what_it_takes_to_judge() -> None:
    needs = {
        "connection == 1": (Need.nothing, False),
        "name == Alert": (Need.nothing, True),
        "version == TLS13": (Need.negotiation, False),
        "version == TLS13 and name == Alert": (Need.negotiation, True),
        "not bytes > 3 or version == TLS13": (Need.everything, False),
    }
    for expression, (need, about_messages) in needs.items():
        found = parse_filter(expression)
        assert (found.need, found.about_messages) == (need, about_messages), expression


def test_gaps_have_a_direction_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "starttls.pcapng"
    hello = TLSPlaintext(type=ContentType.handshake, fragment=bytes.fromhex("01 000000")).build()
    ends = Endpoint("192.0.2.1", 50000), Endpoint("192.0.2.2", 443)
    with CaptureWriter(path) as writer, writer.open(*ends) as recording:
        recording.sent(Direction.server, b"220 ready\r\n")
        recording.sent(Direction.client, hello)
    with read_capture(path) as capture:
        (connection,) = capture
        facts = Facts(str(path), connection)
        gap = next(item for item in connection.messages if isinstance(item, Gap))
    candidate = Candidate(facts, gap)
    assert parse_filter("gap and direction == server").passes(candidate)
    for absent in ("name", "number", "length >= 0", "encrypted", "client_hello"):
        assert not parse_filter(absent).passes(candidate), absent
    assert parse_filter("connection == 0 and length != 3").passes(candidate)


def test_the_help_names_every_property_and_fits_a_terminal() -> None:
    text = filter_help()
    for each in (*CONNECTION_PROPERTIES, *MESSAGE_PROPERTIES):
        assert f"    {each.name} " in text
        assert each.doc
    assert max(map(len, text.splitlines())) <= 100
    examples = text.partition("Every field of every message")[2].splitlines()[1:]
    for example in examples:
        parse_filter(example)
    assert len(examples) > 3


def test_every_field_of_every_message_can_be_asked_for() -> None:
    message = dict(Handshake.schema.children())["message"]
    for _, variant in message.children():
        for name, _ in variant.children():
            label = variant.label()
            if label:
                parse_filter(f"{label}.{name}")
