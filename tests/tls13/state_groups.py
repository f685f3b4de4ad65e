"""The states by what they have in common, for tests that hold in each of them."""

from __future__ import annotations

import pytest
from endpoints import CLIENT_STATES, SERVER_STATES

from tls13.handshake.states import (
    ClientConnected,
    ServerConnected,
    ServerStart,
    State,
    WaitClientCertificate,
    WaitClientFinished,
    WaitEndOfEarlyData,
    WaitLateCertificateVerify,
    WaitLateFinished,
    WaitSecondClientHello,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)

IN_THE_CLEAR: tuple[type[State], ...] = (
    WaitServerHello,
    WaitServerHelloAfterRetry,
    ServerStart,
    WaitSecondClientHello,
)
CONNECTED: tuple[type[State], ...] = (ClientConnected, ServerConnected)
LATE: tuple[type[State], ...] = (WaitLateCertificateVerify, WaitLateFinished)
"""In the middle of an answer after the handshake, which nothing may interrupt. §4.7.2"""
ALL: tuple[type[State], ...] = (*CLIENT_STATES, *SERVER_STATES)
PROTECTED = tuple(each for each in ALL if each not in IN_THE_CLEAR)
HANDSHAKING = tuple(each for each in ALL if each not in (*CONNECTED, *LATE))
NOTHING_HEARD: tuple[type[State], ...] = (WaitEndOfEarlyData, WaitClientCertificate, WaitClientFinished)
"""Of a server that has not opened a record yet."""
AFTER_THE_FIRST_HELLO = tuple(each for each in HANDSHAKING if each is not ServerStart)


def each_of(*states: type[State]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("state", states, ids=lambda each: each.__name__)
