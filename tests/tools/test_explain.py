"""`tls13 explain` as it is run: what it takes bytes for, how it shows them, and what it says of malformed ones."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import Ended, invoke, run

from schemas import Struct, build, tls12
from schemas.alert import Alert
from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import (
    AlertDescription,
    CipherSuite,
    ContentType,
    ECCurveType,
    ExtensionType,
    NamedGroup,
    ProtocolVersion,
    SignatureScheme,
)
from schemas.crafting import craft
from schemas.extension_block import Extension, extensions_of
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    KeyShare,
    KeyShareEntry,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import (
    ClientHello,
    EncryptedExtensions,
    Finished,
    Handshake,
    HandshakeMessage,
    NewSessionTicket,
    ServerHello,
)
from schemas.record import ChangeCipherSpec, TLSPlaintext
from tls13.capture.files.hexadecimal import NotHexadecimal, from_hexadecimal
from tools.explain import explain
from tools.explaining.annotation import Annotation
from tools.explaining.guesses import guess

HELLO = ClientHello(
    random=bytes(range(32)),
    cipher_suites=[CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite(0x5A5A), CipherSuite(0x1A2B)],
    extensions=[
        SupportedVersions.client_hello([ProtocolVersion.TLS13]),
        SupportedGroups.client_hello([NamedGroup.x25519, NamedGroup.secp256r1]),
        SignatureAlgorithms.client_hello([SignatureScheme.ed25519]),
        ApplicationLayerProtocolNegotiation.client_hello([b"h2", b"http/1.1"]),
        KeyShare.client_hello([KeyShareEntry(group=NamedGroup.x25519, key_exchange=b"\x22" * 32)]),
    ],
)
SERVER_HELLO = ServerHello(
    random=bytes(32),
    cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
    extensions=[
        SupportedVersions.server_hello(ProtocolVersion.TLS13),
        KeyShare.server_hello(KeyShareEntry(group=NamedGroup.x25519, key_exchange=b"\x33" * 32)),
    ],
)
CERTIFICATE = Certificate(certificate_list=[CertificateEntry(cert_data=b"\x30\x82no certificate")])
EXTENSIONS = build(extensions_of("client_hello"), HELLO.extensions or [])


def message(of: HandshakeMessage) -> bytes:
    return Handshake.of(of).build()


def record(content: bytes, content_type: ContentType = ContentType.handshake) -> bytes:
    return TLSPlaintext(type=content_type, fragment=content).build()


def explained(data: bytes | str, *arguments: str) -> Ended:
    return invoke("explain", data.hex() if isinstance(data, bytes) else data, *arguments)


def lines(ended: Ended) -> list[str]:
    return ended.output.decode().splitlines()


def taken_for(ended: Ended) -> str:
    """The name after which `--as` would read the bytes as they were read."""
    found = re.search(r"\(--as (\S+)\)$", lines(ended)[0])
    assert found is not None, lines(ended)[0]
    return found.group(1)


def row(ended: Ended, text: str) -> tuple[str, str, str]:
    """Mark, offset and hexadecimal of the row whose field is told with that text."""
    found = [line for line in lines(ended) if line[34:].strip().startswith(text)]
    assert len(found) == 1, (text, lines(ended))
    return found[0][:2].strip(), found[0][3:7], found[0][9:32].strip()


def errors(ended: Ended) -> list[str]:
    return [line.removeprefix("Error: ") for line in ended.errors.splitlines()]


# What it looks like


def test_a_record_with_a_hello_is_shown_field_by_field() -> None:
    ended = explained(record(message(HELLO)))
    assert (ended.status, ended.errors) == (0, "")
    assert taken_for(ended) == "TLSPlaintext"
    assert row(ended, "type: handshake (22) — the protocol of the fragment, §5.1") == ("", "0000", "16")
    assert row(ended, "msg_type: client_hello (1)") == ("", "0005", "01")
    assert row(ended, "random: 32 bytes — fresh random bytes, §4.2.2") == ("", "000b", "00 01 02 03 04 05 06 …")
    assert row(ended, "legacy_session_id: empty") == ("", "002b", "[00]")
    assert row(ended, "cipher_suites: 3 items in 6 bytes") == ("", "002c", "[00 06]")
    assert row(ended, "TLS_AES_128_GCM_SHA256, GREASE 0x5a5a,") == ("", "002e", "13 01 5a 5a 1a 2b")
    assert row(ended, "[0] supported_versions (43): 3 bytes") == ("", "0038", "00 2b [00 03]")
    assert row(ended, '[0]: "h2"')[2] == "[02] 68 32"
    assert row(ended, "group: x25519 (0x001d)")[2] == "00 1d"


def test_every_line_fits_a_hundred_columns() -> None:
    certificate = message(CERTIFICATE)
    for data in (record(message(HELLO)), message(HELLO)[:90], certificate, certificate + b"\xff" * 20, b"\xde\xad"):
        assert max(map(len, lines(explained(data)))) <= 100
        assert max(map(len, lines(explained(data, "--all")))) <= 100


def test_every_byte_is_shown_once_and_in_order() -> None:
    data = record(message(HELLO)) + record(b"\x02\x28", ContentType.alert)
    shown = bytes.fromhex("".join(re.findall(r"[0-9a-f]{2}(?![0-9a-f])", hexadecimal(explained(data, "--all")))))
    assert shown == data


def hexadecimal(ended: Ended) -> str:
    return " ".join(line[9:32] for line in lines(ended)[2:] if line[:2] != ">>")


def test_a_tree_is_indented_by_what_is_in_what() -> None:
    told = [line[34:] for line in lines(explained(message(HELLO)))[2:] if line[3:7].strip()]
    depths = [len(line) - len(line.lstrip()) for line in told]
    assert depths[0] == 0
    assert all(after <= before + 4 for before, after in itertools.pairwise(depths))
    assert max(depths) >= 8


def test_long_bytes_are_cut_and_their_length_told_unless_all_is_asked_for() -> None:
    data = message(Finished(verify_data=bytes(range(48))))
    assert row(explained(data), "verify_data: 48 bytes") == ("", "0004", "00 01 02 03 04 05 06 …")
    whole = [line[9:32].split() for line in lines(explained(data, "--all"))[5:]]
    assert [byte for line in whole for byte in line][-48:] == [f"{number:02x}" for number in range(48)]


def test_long_lists_are_compact_and_whole_if_all_is_asked_for() -> None:
    entries = [KeyShareEntry(group=NamedGroup(number), key_exchange=b"\1") for number in range(100)]
    data = build(KeyShare.client_hello.schema, entries)
    short, whole = explained(data, "--as", "key_share"), explained(data, "--as", "key_share", "--all")
    assert len(lines(short)) < 70
    assert row(short, "…: 88 more items, 440 bytes: --all shows them")[1] == "0034"
    assert row(short, "[99] KeyShareEntry")[1] == "01f1"
    assert "[50] KeyShareEntry" in whole.output.decode()
    assert "more items" not in whole.output.decode()


def test_many_numbers_take_few_lines() -> None:
    suites = [CipherSuite(number) for number in range(0x1301, 0x1301 + 400)]
    data = build(ClientHello.schema, ClientHello(random=bytes(32), cipher_suites=suites))
    assert len(lines(explained(data, "--as", "ClientHello"))) < 80


def test_text_is_quoted_and_nothing_in_it_reaches_the_terminal() -> None:
    protocols = [b'\\"q"', b"\x1b[31m", "é".encode()]
    data = build(
        ApplicationLayerProtocolNegotiation.client_hello.schema,
        protocols,
    )
    told = explained(data, "--as", "application_layer_protocol_negotiation/client_hello").output.decode()
    assert r'[0]: "\\\"q\""' in told
    assert "[1]: 5 bytes" in told
    assert "\x1b" not in told


def test_a_certificate_is_told_in_a_line(rfc8448: dict[str, dict[str, bytes]]) -> None:
    ended = explained(rfc8448["simple_1rtt"]["message_server_certificate"])
    assert "cert_data: 432 bytes, CN=rsa, issued by itself" in " ".join(ended.output.decode().split())


@pytest.mark.parametrize(("columns", "most"), [("60", 80), ("110", 110), ("300", 120)])
def test_the_width_follows_the_terminal_within_reason(columns: str, most: int) -> None:
    told = run("explain", message(HELLO).hex(), environ={"COLUMNS": columns, "FORCE_COLOR": "1", "TERM": "xterm"})
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told.output.decode())
    assert most - 12 < max(map(len, plain.splitlines())) <= most


# What the bytes are


GUESSES: dict[str, tuple[bytes, str]] = {
    "a record": (record(message(HELLO)), "TLSPlaintext"),
    "a protected record": (b"\x17\x03\x03\x00\x05abcde", "TLSPlaintext"),
    "several records": (
        record(message(HELLO)) + record(ChangeCipherSpec().build(), ContentType.change_cipher_spec),
        "TLSPlaintext",
    ),
    "a message": (message(HELLO), "Handshake"),
    "several messages": (message(EncryptedExtensions()) + message(CERTIFICATE), "Handshake"),
    "a message of TLS 1.2": (tls12.Handshake.of(tls12.ServerHelloDone()).build(), "Handshake"),
    "an alert": (b"\x02\x28", "Alert"),
    "a hello without its header": (HELLO.build(), "ClientHello"),
    "the other hello": (SERVER_HELLO.build(), "ServerHello"),
    "a certificate message without its header": (CERTIFICATE.build(), "Certificate"),
    "an extension block": (EXTENSIONS, "extensions/client_hello"),
    "an extension": (bytes.fromhex("002b 0002 0304"), "Extension/server_hello"),
    "extensions in a row": (EXTENSIONS[2:], "Extension/client_hello"),
    "a hello of SSL 2.0": (bytes.fromhex("801c 01 0301 0003 0000 0010 00002f") + bytes(range(16)), "V2ClientHello"),
    "an extension's data": (
        build(KeyShare.client_hello.schema, KeyShare.client_hello.find(HELLO.extensions) or []),
        "key_share/client_hello",
    ),
    "a ticket": (
        NewSessionTicket(ticket_lifetime=9, ticket_age_add=8, ticket_nonce=b"7", ticket=b"six").build(),
        "NewSessionTicket",
    ),
}


@pytest.mark.parametrize(("data", "name"), GUESSES.values(), ids=GUESSES)
def test_what_the_bytes_are_is_guessed_and_said(data: bytes, name: str) -> None:
    ended = explained(data)
    assert ended.status == 0
    assert " taken for " in lines(ended)[0]
    assert lines(ended)[0].startswith(f"{len(data)} bytes")
    assert taken_for(ended) == name


@pytest.mark.parametrize(("data", "name"), GUESSES.values(), ids=GUESSES)
def test_the_name_of_a_guess_reads_the_bytes_in_the_same_way(data: bytes, name: str) -> None:
    guessed, named = explained(data), explained(data, "--as", name)
    assert named.status == 0
    assert lines(named)[0] == lines(guessed)[0].replace(" taken for ", " read as ")
    assert lines(named)[-5:] == lines(guessed)[-5:]


def test_other_readings_that_fit_are_named() -> None:
    ended = explained("002b00020304")
    assert lines(ended)[1] == "Would fit as well: Extension/hello_retry_request. Choose with --as."


NAMES: dict[str, tuple[str, str, str]] = {
    "a struct": ("0228", "Alert", "description: handshake_failure (40)"),
    "in lower case": ("0228", "alert", "description: handshake_failure (40)"),
    "as the RFC writes it in registries": ("00", "key_update", "request_update: update_not_requested (0)"),
    "a registry": ("1301 1302", "CipherSuite", "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384"),
    "an extension in a message": ("0304", "supported_versions/server_hello", "supported_versions: TLS13 (0x0304)"),
    "an extension, whole": ("002b 0002 0304", "supported_versions/server_hello", "ProtocolVersion: TLS13 (0x0304)"),
    "an extension in whichever message fits": ("02 0304", "supported_versions", "[0]: TLS13 (0x0304)"),
    "a block": ("0006 002b 0002 0304", "extensions/server_hello", "[0] supported_versions (43): 2 bytes"),
    "an older message": ("0000001c 0003 616263".replace("1c", "00"), "tls12.NewSessionTicket", 'ticket: "abc"'),
    "a protected record": ("16 0303 0002 0228", "TLSCiphertext", "encrypted_record: 2 bytes"),
}


@pytest.mark.parametrize(("data", "name", "says"), NAMES.values(), ids=NAMES)
def test_a_name_says_what_the_bytes_are(data: str, name: str, says: str) -> None:
    ended = explained(data, "--as", name)
    assert ended.status == 0
    assert " read as " in lines(ended)[0]
    assert says in ended.output.decode()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ClientHelo", "nothing is declared as 'ClientHelo'; did you mean ClientHello"),
        ("supported_version", "did you mean supported_versions"),
        ("zzzzzz", "`tls13 schema` lists all names"),
        ("key_share/certificate", "key_share has no form in certificate; it has one in client_hello, server_hello,"),
        ("key_share/finished", "no message 'finished' carries extensions; one of client_hello,"),
        ("Alert/client_hello", "Alert is no extension; leave out /client_hello"),
    ],
)
def test_a_name_that_is_none_is_told_with_the_nearest_ones(name: str, says: str) -> None:
    ended = explained("0228", "--as", name)
    assert ended.status == 2
    assert ended.output == b""
    assert says in ended.error


def test_bytes_that_are_nothing_are_told_with_what_was_tried() -> None:
    ended = explained("deadbeef")
    assert ended.status == 1
    assert lines(ended)[0] == "4 bytes, tried as:"
    tried = [line.split()[0] for line in lines(ended)[1:]]
    assert len(tried) >= 8
    assert any(line.strip().startswith("extensions/client_hello  at byte 2: expected") for line in lines(ended))
    assert ended.error == "Error: the bytes are nothing that is known here; say with --as NAME what they are"


@pytest.mark.parametrize(
    ("start", "hint"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "it is HTTP without TLS"),
        (b"\n\r\r\n\x1c\x00\x00\x00M<+\x1a", "tls13 parse FILE reads it"),
        (b"-----BEGIN CERTIFICATE-----\nMII", "it is PEM"),
    ],
)
def test_what_is_often_met_beside_tls_is_recognised(tmp_path: Path, start: bytes, hint: str) -> None:
    (tmp_path / "other").write_bytes(start)
    ended = invoke("explain", tmp_path / "other")
    assert ended.status == 1
    assert hint in ended.error


# Several values in a row


def test_records_and_messages_in_a_row_are_all_explained() -> None:
    flight = message(EncryptedExtensions()) + message(CERTIFICATE) + message(Finished(verify_data=bytes(32)))
    told = explained(flight).output.decode()
    assert [f"handshake message {number} of 3" in told for number in (1, 2, 3)] == [True] * 3
    told = explained(record(flight) + record(b"\x01\x00", ContentType.alert)).output.decode()
    assert told.count("handshake message:") == 3
    assert "record 2, alert" in told
    assert "description: close_notify (0)" in told


@pytest.mark.parametrize("sizes", [(1,), (3,), (5,), (50, 60, 70), (4, 1000)])
def test_a_message_split_over_records_is_put_together(sizes: tuple[int, ...]) -> None:
    data = message(HELLO) + message(HELLO)
    pieces, position = [], 0
    while position < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[position : position + size])
        position += size
    wire = b"".join(map(record, pieces))
    ended = explained(wire)
    assert (ended.status, ended.errors) == (0, "")
    assert taken_for(ended) == "TLSPlaintext"
    told = ended.output.decode()
    assert told.count("client_hello (1)") == 2
    assert "handshake message, out of records 1 to " in told
    for line in told.splitlines():
        if "random: 32 bytes" in line:
            # The offset is that of the first byte, and the hexadecimal goes on in the next records.
            assert line[9:].startswith("00 01 02 03 04 05 06 …")
            assert wire[int(line[3:7], 16)] == 0


def test_messages_of_tls_1_2_are_read_with_the_key_exchange_of_their_suite() -> None:
    hello = tls12.ServerHello(random=bytes(32), cipher_suite=CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
    exchange = tls12.SignedECDHParams(
        params=tls12.ServerECDHParams(
            curve_params=tls12.ECParameters(curve_type=ECCurveType.named_curve, namedcurve=NamedGroup.x25519),
            public=bytes(32),
        ),
        signed_params=tls12.DigitallySigned(algorithm=SignatureScheme.rsa_pss_rsae_sha256, signature=bytes(256)),
    )
    flight = b"".join(
        tls12.Handshake.of(each).build()
        for each in (
            hello,
            tls12.Certificate(certificate_list=[b"\x30\x03\x02\x01\x05"]),
            tls12.ServerKeyExchange(parameters=exchange.build()),
            tls12.ServerHelloDone(),
        )
    )
    ended = explained(record(flight[:200]) + record(flight[200:]))
    assert (ended.status, ended.errors) == (0, "")
    told = ended.output.decode()
    assert "by TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" in told
    assert "named_curve: x25519 (0x001d)" in told
    assert "signature: 256 bytes" in told
    assert "server_hello_done: empty" in told


def test_what_tls_1_2_protects_is_said_to_be_protected() -> None:
    wire = (
        record(ChangeCipherSpec().build(), ContentType.change_cipher_spec)
        + record(b"\xa5" * 40)
        + record(b"\x5a" * 26, ContentType.alert)
    )
    ended = explained(wire)
    assert (ended.status, ended.errors) == (0, "")
    assert ended.output.decode().count("protected, it seems") >= 1


def test_records_behind_a_malformed_message_are_explained_too() -> None:
    broken = bytearray(message(HELLO))
    broken[38] = 40
    ended = explained(record(bytes(broken)) + record(b"\x02\x28", ContentType.alert))
    assert ended.status == 1
    assert "description: handshake_failure (40)" in ended.output.decode()
    assert len(errors(ended)) == 1


# Malformed bytes


def test_up_to_the_error_all_is_shown_and_the_byte_is_marked() -> None:
    broken = bytearray(message(HELLO))
    broken[38] = 40
    ended = explained(bytes(broken))
    assert ended.status == 1
    assert row(ended, "random: 32 bytes")[0] == ""
    assert row(ended, "legacy_session_id: 40 bytes") == (">>", "0026", "[28] 00 06 13 01 5a …")
    at = next(number for number, line in enumerate(lines(ended)) if line.startswith(">>"))
    caret = next(line for line in lines(ended)[at + 1 :] if "^" in line)
    assert lines(ended)[at][caret.index("^")] == "2"
    assert "handshake.client_hello.legacy_session_id: expected a length in" in caret
    assert "not read: " in lines(ended)[-1]
    assert errors(ended) == [
        "handshake.client_hello.legacy_session_id: at byte 38 (0x26): expected a length in <0..32>, found 40"
    ]


@pytest.mark.parametrize("length", [5, 6, 20, 38, 39, 40, 60, 100, 135])
def test_of_a_hello_that_is_cut_all_that_is_there_is_shown(length: int) -> None:
    ended = explained(message(HELLO)[:length])
    assert ended.status == 1
    assert taken_for(ended) == "Handshake"
    (error,) = errors(ended)
    assert error.startswith("handshake.client_hello: at byte 4 (0x4): expected the ")
    shown = hexadecimal(explained(message(HELLO)[:length], "--all")) + marked_hexadecimal(message(HELLO)[:length])
    assert len(re.findall(r"[0-9a-f]{2}", shown)) == length


def marked_hexadecimal(data: bytes) -> str:
    return " ".join(line[9:32] for line in lines(explained(data, "--all")) if line[:2] == ">>")


def test_an_error_behind_the_last_byte_is_marked_there() -> None:
    ended = explained("01000004")
    assert ended.status == 1
    assert row(ended, "the bytes end") == (">>", "0004", "")


def test_a_cut_record_is_one_error_and_its_message_is_shown_as_far_as_it_goes() -> None:
    ended = explained(record(message(HELLO))[:100])
    assert len(errors(ended)) == 1
    assert errors(ended)[0].startswith("tls_plaintext.fragment: at byte 5 (0x5): expected the ")
    assert "random: 32 bytes" in ended.output.decode()
    assert row(ended, "fragment: 95 of ")[0] == ">>"


def test_what_is_wrong_before_a_cut_is_marked_too() -> None:
    broken = bytearray(message(HELLO))[:60]
    broken[38] = 40
    ended = explained(bytes(broken))
    assert len(errors(ended)) == 2
    assert errors(ended)[1].startswith("handshake.client_hello.legacy_session_id: at byte 38")
    assert len([line for line in lines(ended) if line.startswith(">>")]) == 2


def test_bytes_behind_the_last_message_are_told() -> None:
    ended = explained(message(Finished(verify_data=bytes(32))) + b"\x00")
    assert ended.status == 1
    assert errors(ended)[0].startswith("handshake.hello_request: at byte 37 (0x25): expected ")


def test_a_duplicate_extension_is_marked_at_the_second_one() -> None:
    draft = craft(Handshake.of(HELLO))
    draft["message"]["extensions"].insert(1, draft["message"]["extensions"][0].copy())
    ended = explained(draft.build())
    assert ended.status == 1
    (error,) = errors(ended)
    assert "extensions[1].supported_versions" in error
    assert "expected one extension of a type, found a second" in error
    marked = next(line for line in lines(ended) if line.startswith(">>"))
    assert marked[9:14] == "00 2b"


def test_no_more_errors_are_repeated_than_can_be_read() -> None:
    ended = explained(record(b"\x02", ContentType.alert) * 40)
    assert ended.status == 1
    assert len(errors(ended)) == 6
    assert errors(ended)[-1] == "35 more like that"


@settings(max_examples=40)
@given(st.binary(max_size=60) | st.lists(st.sampled_from([0, 0, 1, 2, 3, 8, 22, 43, 51]), max_size=60).map(bytes))
def test_whatever_the_bytes_it_ends_with_a_status_and_no_traceback(data: bytes) -> None:
    ended = explained(data)
    assert ended.status in (0, 1, 2)
    assert (ended.status == 0) == (ended.errors == "")


@settings(max_examples=30)
@given(st.data())
def test_whatever_is_changed_in_a_flight_every_byte_of_it_is_accounted_for(data: st.DataObject) -> None:
    flight = bytearray(record(message(HELLO)[:90]) + record(message(HELLO)[90:] + message(SERVER_HELLO)))
    for _ in range(data.draw(st.integers(1, 3))):
        flight[data.draw(st.integers(0, len(flight) - 1))] = data.draw(st.integers(0, 255))
    found = guess(bytes(flight))
    for piece in found.reading.pieces if found.reading is not None else ():
        for each in piece.walk():
            covered = bytearray(len(each.data))
            for shown in Annotation(each, everything=True).rows():
                for cell in shown.cells:
                    assert cell.data == each.data[cell.start : cell.end]
                    for at in range(cell.start, cell.end):
                        covered[at] += 1
                for at in range(max(shown.start, shown.cells[-1].end if shown.cells else 0), shown.until):
                    covered[at] += 1
            assert set(covered) <= {1}


# Where the bytes come from


@pytest.mark.parametrize(
    "arguments", [("15", "0303", "0002", "0228"), ("15:03:03:00:02:02:28",), ("0x15,0x03,0x03,0x00,0x02,0x02,0x28",)]
)
def test_hexadecimal_is_given_in_any_groups(arguments: tuple[str, ...]) -> None:
    ended = invoke("explain", *arguments)
    assert ended.status == 0
    assert lines(ended)[0] == "7 bytes, taken for records (--as TLSPlaintext)"


def test_a_file_of_bytes_or_of_hexadecimal_is_read(tmp_path: Path) -> None:
    data = record(message(HELLO))
    (tmp_path / "raw").write_bytes(data)
    (tmp_path / "text").write_text(data.hex(" ") + "\n")
    raw, text = invoke("explain", tmp_path / "raw"), invoke("explain", tmp_path / "text")
    assert lines(raw)[0].startswith(f"{len(data)} bytes from {tmp_path / 'raw'}, taken for")
    assert lines(text)[0].startswith(f"{len(data)} bytes from {tmp_path / 'text'}, hexadecimal, taken for")
    assert lines(raw)[1:] == lines(text)[1:]


def test_standard_input_is_read() -> None:
    data = record(message(HELLO))
    assert lines(run("explain", "-", stdin=data))[0].startswith(f"{len(data)} bytes from standard input, taken for")
    ended = run("explain", "-", stdin=data.hex().encode())
    assert lines(ended)[0].startswith(f"{len(data)} bytes from standard input, hexadecimal, taken for")


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("nonsense", "'nonsense' is neither a file nor hexadecimal: 'n' is no hexadecimal digit; give bytes as"),
        ("16030", "an odd number of digits, 5, makes no whole bytes"),
        ("", "there are no bytes to explain"),
        ("16\x00", "is no hexadecimal digit"),
    ],
)
def test_what_is_no_input_is_told(argument: str, says: str) -> None:
    ended = invoke("explain", argument)
    assert ended.status == 2
    assert says in ended.error


def test_files_that_can_not_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert "no bytes to explain" in invoke("explain", tmp_path / "empty").error
    folder = invoke("explain", tmp_path)
    assert (folder.status, f"{tmp_path}: Is a directory" in folder.error) == (2, True)
    (tmp_path / "big").write_bytes(bytes(6_000_000))
    assert "holds more than 1048576 bytes" in invoke("explain", tmp_path / "big").error


def xxd(data: bytes) -> str:
    rows = [data[at : at + 16] for at in range(0, len(data), 16)]
    return "".join(f"{16 * n:08x}: {row.hex(' ', -2):<39}  {shown(row)}\n" for n, row in enumerate(rows))


def hexdump(data: bytes) -> str:
    rows = [data[at : at + 16] for at in range(0, len(data), 16)]
    text = "".join(f"{16 * n:08x}  {halves(row):<48}  |{shown(row)}|\n" for n, row in enumerate(rows))
    return f"{text}{len(data):08x}\n"


def wireshark(data: bytes) -> str:
    rows = [data[at : at + 16] for at in range(0, len(data), 16)]
    return "".join(f"{16 * n:04x}   {halves(row):<48}   {shown(row)}\n" for n, row in enumerate(rows))


def openssl(data: bytes) -> str:
    rows = [data[at : at + 16] for at in range(0, len(data), 16)]
    return "".join(
        f"{16 * n:04x} - {row[:8].hex(' ')}{'-' if len(row) > 7 else ' '}{row[8:].hex(' '):<24}   {shown(row)}\n"
        for n, row in enumerate(rows)
    )


def tcpdump(data: bytes) -> str:
    rows = [data[at : at + 16] for at in range(0, len(data), 16)]
    return "".join(f"\t0x{16 * n:04x}:  {row.hex(' ', -2):<39}  {shown(row)}\n" for n, row in enumerate(rows))


def halves(row: bytes) -> str:
    return f"{row[:8].hex(' ')}  {row[8:].hex(' ')}" if len(row) > 8 else row.hex(" ")


def shown(row: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)


DRESSES: dict[str, Callable[[bytes], str]] = {
    "plain": bytes.hex,
    "spaces": lambda data: data.hex(" "),
    "colons": lambda data: data.hex(":"),
    "words": lambda data: data.hex(" ", 2),
    "lines": lambda data: "\n".join(data[at : at + 20].hex(" ") for at in range(0, len(data), 20)),
    "C": lambda data: "{ " + ", ".join(f"0x{byte:02X}" for byte in data) + " };",
    "escapes": lambda data: "".join(f"\\x{byte:02x}" for byte in data),
    "JSON": lambda data: json.dumps([f"{byte:02x}" for byte in data]),
    "xxd": xxd,
    "hexdump -C": hexdump,
    "od": lambda data: (
        "".join(f"{at:06x} {data[at : at + 16].hex(' ')}\n" for at in range(0, len(data), 16)) + f"{len(data):06x}\n"
    ),
    "Wireshark": wireshark,
    "openssl -debug": openssl,
    "tcpdump -X": tcpdump,
}


@pytest.mark.parametrize("dress", DRESSES.values(), ids=DRESSES)
@pytest.mark.parametrize("alphabet", [bytes(range(256)), b"0123456789abcdef ", b"|<> .-"], ids=["any", "hex", "bars"])
def test_hexadecimal_is_read_in_every_dress(dress: Callable[[bytes], str], alphabet: bytes) -> None:
    # The text beside a dump may look like more bytes.
    source = random.Random(7)
    for length in [*range(2, 40), 64, 100, 255]:
        data = bytes(source.choice(alphabet) for _ in range(length))
        assert from_hexadecimal(dress(data)) == data, dress(data)


def test_a_star_stands_for_lines_that_are_alike() -> None:
    dump = "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n*\n"
    assert from_hexadecimal(f"{dump}00000030  01  |.|\n00000031\n") == bytes(48) + b"\1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0000000 0316 0001 4c00\n0000006\n", "swaps bytes"),
        ("00000000: 1603\n00000010: 0303\n", "line 2 of the dump is not at offset 2"),
        ("00000000  16 03\n00000002  zz\n", "is no line of a dump"),
        ("160", "odd number"),
        ("16 03 xx", "'x' is no hexadecimal digit"),
    ],
)
def test_what_is_no_hexadecimal_says_why(text: str, says: str) -> None:
    with pytest.raises(NotHexadecimal, match=says):
        from_hexadecimal(text)


def test_the_help_tells_examples_and_statuses() -> None:
    told = invoke("explain", "--help").output.decode()
    for expected in ("tls13 explain 15 03 03", "Exit status:", "--as NAME", "--all"):
        assert expected in told
    assert explain.__doc__ is not None


def test_alerts_and_unknown_extensions_keep_their_numbers() -> None:
    ended = explained(build(Alert.schema, Alert(description=AlertDescription(200))))
    assert "description: unknown 0xc8 — what happened, §6; not registered" in ended.output.decode()
    unknown = Extension(extension_type=ExtensionType(0xABCD), extension_data=b"kept")
    told = explained(message(EncryptedExtensions(extensions=[unknown]))).output.decode()
    assert "[0] unknown 0xabcd: 4 bytes" in told
    assert 'opaque[...]: "kept"' in told


def test_a_struct_of_any_kind_is_taken_by_its_name() -> None:
    for name, of in {"KeyShareEntry": KeyShareEntry, "TLSPlaintext": TLSPlaintext}.items():
        assert issubclass(of, Struct)
        assert explained(b"\x00\x1d\x00\x01\xaa", "--as", name).status in (0, 1)
