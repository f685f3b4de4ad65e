"""Fingerprints of clients and servers: JA3, JA3S and JA4, which many tools and lists know.

JA3 and JA3S are as github.com/salesforce/ja3 publishes them, JA4 as github.com/FoxIO-LLC/ja4 does. They take a hello's
numbers in the order of the wire, without GREASE values (RFC 8701), and say nothing about what a peer intends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from schemas import tls12
from schemas.code_points import ExtensionType, ProtocolVersion
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import ClientHello, ServerHello
from schemas.tls12_extensions import ECPointFormats
from schemas.vocabulary import CodePoint
from tls13.capture.judging.judgement import Fingerprints
from tls13.capture.judging.offers import without_grease
from tls13.capture.network.flows import Transport

T = TypeVar("T")

AnyClientHello = ClientHello | tls12.ClientHello
AnyServerHello = ServerHello | tls12.ServerHello


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`text` is what the hash was made of, as the fingerprint's authors write it."""

    value: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What of a ClientHello goes into fingerprints, in the order of the wire."""

    version: ProtocolVersion
    cipher_suites: Sequence[CodePoint]
    extensions: Sequence[CodePoint]
    versions: Sequence[ProtocolVersion] = ()
    groups: Sequence[CodePoint] = ()
    point_formats: Sequence[CodePoint] = ()
    signature_schemes: Sequence[CodePoint] = ()
    application_protocols: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerShape:
    """What of a ServerHello goes into fingerprints, in the order of the wire."""

    version: ProtocolVersion
    cipher_suite: CodePoint
    extensions: Sequence[CodePoint]


def fingerprints_of(client: Shape | None, server: ServerShape | None, transport: Transport) -> Fingerprints:
    """Those of the hellos that there are."""
    first, second = (ja3(client), ja4(client, quic=transport is Transport.quic)) if client else (_NONE, _NONE)
    third = ja3s(server) if server else _NONE
    return Fingerprints(
        ja3=first.value,
        ja3_text=first.text,
        ja3s=third.value,
        ja3s_text=third.text,
        ja4=second.value,
        ja4_text=second.text,
    )


def server_shape_of(hello: AnyServerHello) -> ServerShape:
    """The shape of a ServerHello of any version."""
    return ServerShape(
        version=hello.legacy_version if isinstance(hello, ServerHello) else hello.server_version,
        cipher_suite=hello.cipher_suite,
        extensions=[each.extension_type for each in hello.extensions or ()],
    )


def shape_of(hello: AnyClientHello, types: Sequence[ExtensionType] | None = None) -> Shape:
    """The shape of a hello; `types` are those of its extensions where it lacks some. See ReadableHello."""
    extensions = hello.extensions or []
    return Shape(
        version=hello.legacy_version if isinstance(hello, ClientHello) else hello.client_version,
        cipher_suites=hello.cipher_suites,
        extensions=[each.extension_type for each in extensions] if types is None else types,
        versions=SupportedVersions.client_hello.find(extensions) or (),
        groups=SupportedGroups.client_hello.find(extensions) or (),
        point_formats=ECPointFormats.client_hello.find(extensions) or (),
        signature_schemes=SignatureAlgorithms.client_hello.find(extensions) or (),
        application_protocols=ApplicationLayerProtocolNegotiation.client_hello.find(extensions) or (),
    )


def ja3(hello: Shape) -> Fingerprint:
    """MD5 of version, suites, extensions, groups and point formats, in decimal."""
    lists = (hello.cipher_suites, hello.extensions, hello.groups, hello.point_formats)
    text = ",".join([str(int(hello.version)), *("-".join(_decimal(each)) for each in lists)])
    return Fingerprint(_md5(text), text)


def ja3s(hello: ServerShape) -> Fingerprint:
    """MD5 of version, suite and extensions, in decimal."""
    extensions = "-".join(str(int(each)) for each in hello.extensions)
    text = f"{int(hello.version)},{int(hello.cipher_suite)},{extensions}"
    return Fingerprint(_md5(text), text)


def ja4(hello: Shape, *, quic: bool = False) -> Fingerprint:
    """What the hello offers at a glance, and SHA-256 of its suites, and of its extensions and signature schemes.

    `text` is the form called JA4_r, in which the lists stand in the place of their hashes.
    """
    suites, types = _hexadecimal(hello.cipher_suites), _hexadecimal(hello.extensions)
    schemes = _hexadecimal(hello.signature_schemes)
    newest = max(without_grease(hello.versions), default=hello.version)
    start = "".join(
        (
            "q" if quic else "t",
            _JA4_VERSIONS.get(newest, "00"),
            "d" if _SERVER_NAME in types else "i",
            f"{min(len(suites), _MOST_COUNTED):02}",
            f"{min(len(types), _MOST_COUNTED):02}",
            _ends(hello.application_protocols),
        )
    )
    first = ",".join(sorted(suites))
    second = ",".join(sorted(each for each in types if each not in (_SERVER_NAME, _APPLICATION_PROTOCOLS)))
    behind = f"{second}_{','.join(schemes)}" if schemes else second
    return Fingerprint(f"{start}_{_sha256(first)}_{_sha256(behind if second else '')}", f"{start}_{first}_{behind}")


_NONE = Fingerprint("", "")
_SERVER_NAME = f"{int(ExtensionType.server_name):04x}"
_APPLICATION_PROTOCOLS = f"{int(ExtensionType.application_layer_protocol_negotiation):04x}"
_MOST_COUNTED = 99
_HASH_SHOWN = 12
_JA4_VERSIONS = {
    ProtocolVersion.TLS13: "13",
    ProtocolVersion.TLS12: "12",
    ProtocolVersion.TLS11: "11",
    ProtocolVersion.TLS10: "10",
    ProtocolVersion.SSL30: "s3",
    ProtocolVersion.SSL20: "s2",
    ProtocolVersion.DTLS10: "d1",
    ProtocolVersion.DTLS12: "d2",
    ProtocolVersion.DTLS13: "d3",
}


def _decimal(numbers: Iterable[CodePoint]) -> Iterable[str]:
    return (str(int(each)) for each in without_grease(numbers))


def _hexadecimal(numbers: Iterable[CodePoint]) -> list[str]:
    return [f"{int(each):04x}" for each in without_grease(numbers)]


def _ends(protocols: Sequence[bytes]) -> str:
    """First and last character of the first ALPN protocol, of its hex digits where either is no letter or digit."""
    first = protocols[0] if protocols else b""
    if not first:
        return "00"
    ends = bytes((first[0], first[-1]))
    return ends.decode("ascii") if ends.isalnum() else f"{first.hex()[0]}{first.hex()[-1]}"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_SHOWN] if text else "0" * _HASH_SHOWN
