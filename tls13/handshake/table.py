"""Which message each state allows, and who handles it. Anything else is unexpected_message. RFC 9846 appendix A

A handler's return type names the states that may follow: the diagram is in the signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from schemas.certificate import Certificate
from schemas.handshake import (
    MESSAGE_TYPES,
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    HandshakeMessage,
    HelloRetryRequest,
    KeyUpdate,
    NewSessionTicket,
    ServerHello,
)
from tls13.handshake import client, post, server
from tls13.handshake.states import (
    AwaitingSignature,
    ClientConnected,
    ServerConnected,
    ServerStart,
    State,
    WaitCertificate,
    WaitCertificateOrRequest,
    WaitCertificateVerify,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitClientFinished,
    WaitEncryptedExtensions,
    WaitEndOfEarlyData,
    WaitLateCertificateVerify,
    WaitLateFinished,
    WaitSecondClientHello,
    WaitServerFinished,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)

Handler = Callable[..., Any]

CLIENT: Mapping[type[State], Mapping[type[HandshakeMessage], Handler]] = {
    WaitServerHello: {
        ServerHello: client.server_hello,
        HelloRetryRequest: client.hello_retry_request,
    },
    WaitServerHelloAfterRetry: {ServerHello: client.server_hello},
    WaitEncryptedExtensions: {EncryptedExtensions: client.encrypted_extensions},
    WaitCertificateOrRequest: {
        CertificateRequest: client.certificate_request,
        Certificate: client.certificate,
    },
    WaitCertificate: {Certificate: client.certificate},
    WaitCertificateVerify: {CertificateVerify: client.certificate_verify},
    WaitServerFinished: {Finished: client.finished},
    ClientConnected: {
        NewSessionTicket: post.new_session_ticket,
        KeyUpdate: post.key_update,
        CertificateRequest: client.late_certificate_request,
    },
}

SERVER: Mapping[type[State], Mapping[type[HandshakeMessage], Handler]] = {
    ServerStart: {ClientHello: server.client_hello},
    WaitSecondClientHello: {ClientHello: server.second_client_hello},
    WaitEndOfEarlyData: {EndOfEarlyData: server.end_of_early_data},
    WaitClientCertificate: {Certificate: server.certificate},
    WaitClientCertificateVerify: {CertificateVerify: server.certificate_verify},
    WaitClientFinished: {Finished: server.finished},
    ServerConnected: {
        KeyUpdate: post.key_update,
        Certificate: post.late_certificate,
    },
    WaitLateCertificateVerify: {CertificateVerify: post.late_certificate_verify},
    WaitLateFinished: {Finished: post.late_finished},
}

HANDLERS: Mapping[type[State], Mapping[type[HandshakeMessage], Handler]] = {
    **CLIENT,
    **SERVER,
    AwaitingSignature: {},
}
"""State → message → handler, both roles: no state belongs to two. While a signature is awaited nothing is read."""

ALLOWED_TYPES = {
    state: frozenset(MESSAGE_TYPES[message] for message in handlers) for state, handlers in HANDLERS.items()
}
"""State → the types of those messages: what can be told before a message is all there."""
