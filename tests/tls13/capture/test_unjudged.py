"""Captures of which only the messages are wanted: the same messages, and no judgement."""

from __future__ import annotations

import io

import pytest
from capture.made_captures import CLIENT, SERVER, Talk, Wire, keylog, pcap_of

from tls13.capture import Capture, Message, read_capture


def made() -> Capture:
    talk = Talk(Wire().open()).handshake()
    talk.say(CLIENT, b"a question")
    talk.say(SERVER, b"an answer")
    return read_capture(io.BytesIO(pcap_of(talk.wire.close().segments)), keylog=keylog())


def test_the_messages_are_those_of_a_connection_that_is_judged() -> None:
    judged = [item for _, item in made().in_order()]
    unjudged = [item for _, item in made().in_order(judged=False)]
    assert unjudged == judged
    assert [each.raw for each in unjudged if isinstance(each, Message)][-2:] == [b"a question", b"an answer"]


def test_a_connection_that_is_not_judged_says_so_when_it_is_asked() -> None:
    (connection,) = {connection for connection, _ in made().in_order(judged=False)}
    with pytest.raises(LookupError, match="judged=False"):
        _ = connection.judgement


def test_connections_are_judged_where_nothing_else_is_said() -> None:
    (connection,) = {connection for connection, _ in made().in_order()}
    assert connection.judgement.handshake_time is not None
