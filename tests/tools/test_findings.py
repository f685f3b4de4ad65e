"""Warnings of `tls13 parse`: short enough to be read, and nothing in them that does not tell."""

from __future__ import annotations

import pytest

from tls13.capture import NoteKind
from tools.parsing.findings import Sealed, brief
from tools.telling import folded

RANDOM = "c6e550c8939853f74bb084d6f54e6e450b980bf96a3119f4bd5bc8ab82ec5620"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"encrypted, and the key log has no secret for client random {RANDOM}",
            "no secret for client random c6e550c8939853f7…",
        ),
        (
            f"encrypted, and the key log has no CLIENT_TRAFFIC_SECRET_0 for client random {RANDOM}; "
            f"the key log has no ECH_SECRET for client random {RANDOM}",
            "no CLIENT_TRAFFIC_SECRET_0 for client random c6e550c8939853f7…; the key log has no ECH_SECRET",
        ),
        ("encrypted under TLS10: nothing older is decrypted", "encrypted under TLS10: nothing older is decrypted"),
        ("record 3 does not open under a secret", "record 3 does not open under a secret"),
        # Whatever else is hexadecimal stays whole.
        (f"a block says {RANDOM}00", f"a block says {RANDOM}00"),
    ],
)
def test_a_note_is_told_in_brief(text: str, expected: str) -> None:
    assert brief(text) == expected


def test_what_stays_encrypted_is_counted_for_each_reason() -> None:
    one, other = Sealed(), Sealed()
    one.add(NoteKind.no_keylog, "encrypted, and no key log with secrets was given", 1, 1)
    other.add(NoteKind.legacy_version, "encrypted under TLS10: nothing older is decrypted", 7, 1)
    other.add(NoteKind.no_hello, "encrypted, and the capture lacks a hello that tells the keys", 9999, 123)
    one.update(other)
    lines = list(one.lines())
    assert lines == [
        "1 record in 1 connection stays encrypted: no key log; give one with --keylog FILE",
        "7 records in 1 connection stay encrypted under TLS10: nothing older is decrypted",
        "9999 records in 123 connections stay encrypted: the capture lacks a hello that tells the keys",
    ]


def test_a_line_is_folded_between_words_and_names_are_left_whole() -> None:
    path = "/" + "long-directory/" * 10
    rows = folded(f"Warning: {path}web.pcap: it is cut short in packet 7", 100).splitlines()
    assert rows == ["Warning:", f"    {path}web.pcap:", "    it is cut short in packet 7"]
    assert folded("Warning: short", 100) == "Warning: short"
    assert max(map(len, folded("word " * 100, 40).splitlines())) <= 40
