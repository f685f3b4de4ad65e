"""What a ClientHello offers, taken out of it for whoever compares it with the answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from schemas import tls12
from schemas.code_points import ExtensionType, NameType
from schemas.extension_block import Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    KeyShare,
    PreSharedKey,
    PskKeyExchangeModes,
    ServerNameIndication,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import ClientHello
from schemas.tls12_extensions import SessionTicket
from schemas.vocabulary import CodePoint
from tls13.capture.judging.judgement import Offer
from tls13.printable import printable

C = TypeVar("C", bound=CodePoint)


def offer_of(hello: ClientHello | tls12.ClientHello) -> Offer:
    """What the hello offers, without GREASE."""
    extensions = hello.extensions or []
    psks = PreSharedKey.client_hello.find(extensions)
    types = without_grease(each.extension_type for each in extensions)
    listed = SupportedVersions.client_hello.find(extensions)
    newest = hello.legacy_version if isinstance(hello, ClientHello) else hello.client_version
    return Offer(
        versions=(newest,) if listed is None else without_grease(listed),
        versions_listed=listed is not None,
        cipher_suites=without_grease(hello.cipher_suites),
        groups=without_grease(SupportedGroups.client_hello.find(extensions) or ()),
        key_shares=without_grease(each.group for each in KeyShare.client_hello.find(extensions) or ()),
        signature_schemes=without_grease(SignatureAlgorithms.client_hello.find(extensions) or ()),
        application_protocols=tuple(ApplicationLayerProtocolNegotiation.client_hello.find(extensions) or ()),
        server_name=_server_name(extensions),
        psk_identities=len(psks.identities) if psks is not None else 0,
        psk_modes=tuple(PskKeyExchangeModes.client_hello.find(extensions) or ()),
        early_data=ExtensionType.early_data in types,
        session_id=hello.legacy_session_id if isinstance(hello, ClientHello) else hello.session_id,
        session_ticket=bool(SessionTicket.client_hello.find(extensions)),
        extensions=types,
    )


def without_grease(numbers: Iterable[C]) -> tuple[C, ...]:
    """The numbers of two bytes that mean something. RFC 8701 §2"""
    # The mask alone tells almost all of them, without a call for each.
    return tuple(each for each in numbers if each & 0x0F0F != 0x0A0A or not each.is_grease)


def _server_name(extensions: Iterable[Extension]) -> str:
    for each in ServerNameIndication.client_hello.find(extensions) or ():
        if each.name_type == NameType.host_name:
            return printable(each.name.decode("ascii", "backslashreplace"))
    return ""
