"""What a message says: by the grammar, or by the part of it that this endpoint goes by, or as an older version's hello.

RFC 9846 §4.3, §4.2.3, §E.1, §E.2
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas import parse, tls12
from schemas.certificate import Certificate
from schemas.code_points import ExtensionType, ProtocolVersion
from schemas.errors import DecodeError
from schemas.extension_block import Extension
from schemas.handshake import HELLO_RETRY_REQUEST_RANDOM, EncryptedExtensions, Handshake, HelloRetryRequest, ServerHello
from schemas.selective import reading_only
from tls13.errors import DowngradeDetected, Reason, UnsupportedVersion
from tls13.handshake.negotiation import check_responses

IMPLEMENTED = (
    ExtensionType.server_name,
    ExtensionType.supported_groups,
    ExtensionType.signature_algorithms,
    ExtensionType.application_layer_protocol_negotiation,
    ExtensionType.pre_shared_key,
    ExtensionType.early_data,
    ExtensionType.supported_versions,
    ExtensionType.cookie,
    ExtensionType.psk_key_exchange_modes,
    ExtensionType.signature_algorithms_cert,
    ExtensionType.key_share,
    ExtensionType.max_fragment_length,
    ExtensionType.record_size_limit,
    ExtensionType.ticket_request,
    ExtensionType.post_handshake_auth,
    ExtensionType.certificate_authorities,
    ExtensionType.oid_filters,
)
"""The extensions that the handlers look at. What is in any other is none of this endpoint's business. §4.3"""

_IMPLEMENTED_PART = reading_only(Handshake, IMPLEMENTED)

WITHOUT_BODIES = reading_only(Handshake, ())
"""Handshake messages, whatever is in their extensions."""

DOWNGRADE_SENTINELS = (b"DOWNGRD\x01", b"DOWNGRD\x00")
"""The last eight bytes of ServerHello.random where TLS 1.3 was given up for less. §4.2.3"""

TLS13_ONLY = (ProtocolVersion.TLS13,)


def older_server_hello(random: bytes, version: ProtocolVersion, offered: Sequence[ProtocolVersion]) -> Reason:
    """Why a ServerHello that chooses an older version ends the handshake."""
    if random[-8:] in DOWNGRADE_SENTINELS:
        return DowngradeDetected(
            "the server speaks TLS 1.3 but was made to choose less: somebody changed the hello on its way",
            message="server_hello",
        )
    return UnsupportedVersion([version], offered, message="server_hello")


def read(raw: bytes, offers: Sequence[Extension] | None = None) -> Handshake:
    """The message in `raw`, header included.

    With `offers`, those of the ClientHello that it may answer. Raises DecodeError, or the Reason why an older hello is
    refused, or an answer to what was not offered, whatever its form.
    """
    try:
        return Handshake.parse(raw)
    except DecodeError as error:
        if (reason := _older_hello(raw)) is not None:
            raise reason from error
    try:
        return parse(_IMPLEMENTED_PART, raw)
    except DecodeError:
        if offers is not None:
            _refuse_unsolicited(raw, offers)
        raise


def _refuse_unsolicited(raw: bytes, offers: Sequence[Extension]) -> None:
    """Raises UnsolicitedExtension if that is wrong with a message, beside an extension that does not parse. §4.3"""
    try:
        message = parse(WITHOUT_BODIES, raw).message
    except DecodeError:
        return
    match message:
        case ServerHello():
            check_responses("server_hello", message.extensions, offers)
        case HelloRetryRequest():
            check_responses("hello_retry_request", message.extensions, offers)
        case EncryptedExtensions():
            check_responses("encrypted_extensions", message.extensions, offers)
        case Certificate():
            for entry in message.certificate_list:
                check_responses("certificate", entry.extensions, offers)


def _older_hello(raw: bytes) -> Reason | None:
    """Why a message that TLS 1.3's grammar does not hold ends the handshake, None where it is no older hello either."""
    try:
        message = tls12.Handshake.parse(raw).message
    except DecodeError:
        return None
    match message:
        case tls12.ClientHello() if not _speaks_tls13(message.extensions):
            return UnsupportedVersion([message.client_version], TLS13_ONLY, message="client_hello")
        # A HelloRetryRequest is none, whatever it lacks: its random is looked at first. §4.2.3
        case tls12.ServerHello() if message.random != HELLO_RETRY_REQUEST_RANDOM and not _speaks_tls13(
            message.extensions
        ):
            return older_server_hello(message.random, message.server_version, TLS13_ONLY)
        case _:
            return None


def _speaks_tls13(extensions: Sequence[Extension] | None) -> bool:
    return any(each.extension_type is ExtensionType.supported_versions for each in extensions or ())
