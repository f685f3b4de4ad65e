"""What a server hands out sealed: read by its keys alone, which change by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modes import repeating
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt

from tls13.errors import ConfigurationError
from tls13.sealing import SealingKey, SealingKeys

START = datetime(2031, 5, 17, tzinfo=UTC)
DAY = timedelta(days=1)
PURPOSE = b"tests"


def random(length: int) -> bytes:
    """Of no chance at all: what is drawn must not matter here."""
    return bytes(range(7, 7 + length))


def key(name: int, since: datetime = START) -> SealingKey:
    return SealingKey(bytes([name]) * 16, bytes([name]) * 32, since)


def sealed_by(keys: SealingKeys, now: datetime) -> bytes:
    """The name of the key that seals at that time."""
    return keys.seal(PURPOSE, b"", now, random)[:16]


def test_what_is_sealed_is_xchacha20_poly1305_behind_the_key_s_name_and_the_nonce() -> None:
    sealed = SealingKeys(key(1)).seal(PURPOSE, b"secret", START, random)
    name, nonce, ciphertext = sealed[:16], sealed[16:40], sealed[40:]
    assert (name, nonce) == (b"\1" * 16, random(24))
    assert ciphertext == crypto_aead_xchacha20poly1305_ietf_encrypt(b"secret", PURPOSE, nonce, b"\1" * 32)


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_again(plaintext: bytes) -> None:
    keys = SealingKeys(key(1))
    assert keys.open(PURPOSE, keys.seal(PURPOSE, plaintext, START, random), START) == plaintext


def test_a_change_at_any_byte_or_a_cut_at_any_length_is_noticed() -> None:
    keys = SealingKeys(key(1))
    sealed = keys.seal(PURPOSE, b"secret", START, random)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        assert keys.open(PURPOSE, changed, START) is None
        assert keys.open(PURPOSE, sealed[:at], START) is None
    assert keys.open(PURPOSE, sealed + b"\0", START) is None


def test_another_purpose_does_not_open_it() -> None:
    keys = SealingKeys(key(1))
    assert keys.open(b"other", keys.seal(PURPOSE, b"secret", START, random), START) is None


def test_other_keys_do_not_open_it_even_under_the_same_name() -> None:
    sealed = SealingKeys(key(1)).seal(PURPOSE, b"secret", START, random)
    assert SealingKeys(key(2)).open(PURPOSE, sealed, START) is None
    assert SealingKeys(SealingKey(b"\1" * 16, bytes(32), START)).open(PURPOSE, sealed, START) is None
    assert SealingKeys().open(PURPOSE, sealed, START) is None


def test_a_new_key_seals_after_each_rotation_and_the_old_one_opens_through_the_overlap() -> None:
    keys = SealingKeys(rotation=DAY, overlap=3 * DAY)
    first = keys.seal(PURPOSE, b"first", START, lambda length: b"\1" * length)
    almost = START + DAY - timedelta(microseconds=1)
    assert keys.seal(PURPOSE, b"", almost, lambda length: b"\2" * length)[:16] == b"\1" * 16
    second = keys.seal(PURPOSE, b"second", START + DAY, lambda length: b"\3" * length)
    assert second[:16] == b"\3" * 16
    last_moment = START + 4 * DAY - timedelta(microseconds=1)
    assert keys.open(PURPOSE, first, last_moment) == b"first"
    assert keys.open(PURPOSE, first, START + 4 * DAY) is None
    assert keys.open(PURPOSE, second, START + 4 * DAY) == b"second"


def test_old_keys_are_forgotten() -> None:
    keys = SealingKeys(rotation=DAY, overlap=DAY)
    for day in range(10):
        keys.seal(PURPOSE, b"", START + day * DAY, repeating(bytes([day])))
        assert len(keys.keys) <= 3
    assert [each.since for each in keys.keys] == [START + 9 * DAY, START + 8 * DAY]


def test_servers_that_are_given_the_same_keys_open_each_other_s() -> None:
    one = SealingKeys()
    sealed = one.seal(PURPOSE, b"shared", START, random)
    other = SealingKeys(*one.keys)
    assert other.open(PURPOSE, sealed, START) == b"shared"
    third = SealingKeys(key(3))
    third.add(one.keys[0])
    assert third.open(PURPOSE, sealed, START) == b"shared"
    assert sealed_by(third, START) in (b"\3" * 16, random(16))


def test_a_key_that_is_handed_out_in_advance_seals_from_its_time_on() -> None:
    keys = SealingKeys(key(1), key(2, START + DAY), rotation=2 * DAY)
    assert sealed_by(keys, START) == b"\1" * 16
    assert sealed_by(keys, START + DAY) == b"\2" * 16


def test_a_future_key_opens_at_once() -> None:
    """Another server's clock may be ahead."""
    keys = SealingKeys(key(1), key(2, START + DAY))
    assert keys.open(PURPOSE, SealingKeys(key(2)).seal(PURPOSE, b"ahead", START, random), START) == b"ahead"


def test_keys_come_from_the_random_source_that_is_given() -> None:
    made = SealingKey.generate(START, lambda length: bytes([length]) * length)
    assert (made.name, made.key, made.since) == (b"\x10" * 16, b"\x20" * 32, START)


def test_a_key_is_not_shown() -> None:
    assert str(b"\1" * 32) not in repr(key(1))


@pytest.mark.parametrize(("name", "secret"), [(bytes(15), bytes(32)), (bytes(16), bytes(31)), (b"", b"")])
def test_a_name_or_key_of_another_length_is_refused(name: bytes, secret: bytes) -> None:
    with pytest.raises(ConfigurationError):
        SealingKey(name, secret, START)


@pytest.mark.parametrize(("rotation", "overlap"), [(timedelta(0), DAY), (DAY, timedelta(0)), (-DAY, DAY)])
def test_times_that_are_not_positive_are_refused(rotation: timedelta, overlap: timedelta) -> None:
    with pytest.raises(ConfigurationError):
        SealingKeys(rotation=rotation, overlap=overlap)
