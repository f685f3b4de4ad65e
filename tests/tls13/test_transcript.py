"""The transcript hash: of the bytes as they were, in the order in which they went by. RFC 9846 §4.1"""

from __future__ import annotations

import hashlib

import pytest

from tls13.transcript import Transcript

HELLO, ANSWER, MORE = b"\x01\0\0\x05hello", b"\x02\0\0\x06answer", b"\x08\0\0\x04more"


def transcript(*messages: bytes) -> Transcript:
    made = Transcript()
    for each in messages:
        made.add(each)
    return made


@pytest.mark.parametrize("hash_name", ["sha256", "sha384"])
def test_messages_before_and_after_the_hash_is_known_count_alike(hash_name: str) -> None:
    expected = hashlib.new(hash_name, HELLO + ANSWER + MORE).digest()
    for known in range(4):
        made = Transcript()
        for number, each in enumerate((HELLO, ANSWER, MORE)):
            if number == known:
                made.select_hash(hash_name)
            made.add(each)
        if known == 3:
            made.select_hash(hash_name)
        assert made.hash() == expected


def test_the_hash_before_the_last_message_leaves_it_out() -> None:
    made = transcript(HELLO, ANSWER)
    made.select_hash("sha256")
    made.add(MORE)
    assert made.hash_before_last() == hashlib.sha256(HELLO + ANSWER).digest()
    assert made.hash() == hashlib.sha256(HELLO + ANSWER + MORE).digest()
    made.add(HELLO)
    assert made.hash_before_last() == hashlib.sha256(HELLO + ANSWER + MORE).digest()


def test_asking_changes_nothing() -> None:
    made = transcript(HELLO)
    made.select_hash("sha256")
    assert made.hash() == made.hash() == hashlib.sha256(HELLO).digest()


@pytest.mark.parametrize(("hash_name", "length"), [("sha256", "20"), ("sha384", "30")])
@pytest.mark.parametrize("retry_is_there", [True, False], ids=["client", "server"])
def test_a_retry_puts_message_hash_in_the_place_of_the_first_hello(
    hash_name: str, length: str, retry_is_there: bool
) -> None:
    """The client has the HelloRetryRequest in its transcript by then, the server has not."""
    made = transcript(HELLO, ANSWER) if retry_is_there else transcript(HELLO)
    made.replace_client_hello_1(hash_name)
    if not retry_is_there:
        made.add(ANSWER)
    made.add(MORE)
    made.select_hash(hash_name)
    message_hash = bytes.fromhex("fe0000" + length) + hashlib.new(hash_name, HELLO).digest()
    assert made.hash() == hashlib.new(hash_name, message_hash + ANSWER + MORE).digest()


def test_there_is_no_hash_before_the_suite_is_known() -> None:
    with pytest.raises(RuntimeError, match="cipher suite"):
        transcript(HELLO).hash()
