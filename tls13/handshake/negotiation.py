"""What both sides have in common, and whether an extension may stand where it stands. RFC 9846 §4.2.1, §4.3

Functions of what was said; nothing here sends, keeps or derives.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from schemas.code_points import ExtensionType, NamedGroup, NameType, SignatureScheme
from schemas.extension_block import Extension, misplaced
from schemas.extensions import KeyShareEntry, ServerName
from tls13.errors import (
    ForbiddenValue,
    MisplacedExtension,
    MissingExtension,
    NoApplicationProtocol,
    NoCommonSignatureScheme,
    UnrecognizedName,
    UnsolicitedExtension,
)
from tls13.printable import printable
from tls13.x509.credentials import Credential

T = TypeVar("T")


def first_in_common(ours: Iterable[T], theirs: Collection[T]) -> T | None:
    """The first of ours that is among theirs."""
    return next((each for each in ours if each in theirs), None)


def require(value: T | None, extension: ExtensionType, message: str) -> T:
    """`value`, an extension that this handshake cannot do without. Raises MissingExtension. RFC 9846 §9.2"""
    if value is None:
        raise MissingExtension(f"{extension} is missing", message=message)
    return value


def check_places(message: str, extensions: Iterable[Extension] | None) -> None:
    """Raises MisplacedExtension for a known extension that may not stand in this message. RFC 9846 §4.3"""
    for extension_type in misplaced(message, extensions):
        raise MisplacedExtension(f"{extension_type} may not stand in {message}", message=message)


def check_responses(message: str, responses: Iterable[Extension] | None, offers: Iterable[Extension] | None) -> None:
    """Raises UnsolicitedExtension for an answer to what was not offered, then MisplacedExtension. RFC 9846 §4.3

    A cookie needs no offer.
    """
    responses = list(responses or ())
    offered = {each.extension_type for each in offers or ()} | {ExtensionType.cookie}
    for each in responses:
        if each.extension_type not in offered:
            raise UnsolicitedExtension(f"{each.extension_type} was not offered", message=message)
    check_places(message, responses)


def check_key_shares(shares: Sequence[KeyShareEntry], groups: Sequence[NamedGroup]) -> None:
    """One share a group, only for groups that are listed, no group listed twice. RFC 9846 §4.3.7, §4.3.8

    Raises ForbiddenValue.
    """
    if len(set(groups)) != len(groups):
        raise ForbiddenValue("supported_groups names a group twice", message="client_hello")
    listed, seen = set(groups), set()
    for group in (each.group for each in shares):
        if group in seen:
            raise ForbiddenValue(f"two key shares for {group}", message="client_hello")
        seen.add(group)
        if group not in listed:
            raise ForbiddenValue(f"a key share for {group}, which supported_groups lacks", message="client_hello")


def requested_server_name(names: Sequence[ServerName] | None) -> str | None:
    """The one host name of a server_name extension. RFC 6066 §3

    Raises ForbiddenValue for several, or for one that is no ASCII name.
    """
    if names is None:
        return None
    host_names = [each.name for each in names if each.name_type is NameType.host_name]
    if len(host_names) > 1:
        raise ForbiddenValue("server_name holds several host names", message="client_hello")
    if not host_names:
        return None
    try:
        name = host_names[0].decode("ascii")
    except UnicodeDecodeError:
        raise ForbiddenValue("server_name is not ASCII", message="client_hello") from None
    if not name.isprintable() or " " in name:
        raise ForbiddenValue("server_name holds characters that no host name has", message="client_hello")
    return name.removesuffix(".").lower()


def choose_credential(
    credentials: Sequence[Credential],
    server_name: str | None,
    schemes: Sequence[SignatureScheme],
    certificate_schemes: Collection[SignatureScheme],
    *,
    require_server_name: bool,
) -> tuple[Credential, SignatureScheme]:
    """The certificate to show and how to sign for it. RFC 9846 §4.5.1.2

    Of those whose key can sign by one of the client's `schemes` the first that is for `server_name` and whose chain is
    signed by `certificate_schemes`; where none is both, the name counts for more, and any is better than none. Raises
    NoCommonSignatureScheme, or UnrecognizedName where the name is required.
    """
    named = {id(each) for each in credentials if server_name is not None and each.matches(server_name)}
    if require_server_name and server_name is not None and not named:
        raise UnrecognizedName(f"no certificate for {printable(server_name)}", message="client_hello")
    by_fitness = sorted(
        credentials, key=lambda each: (id(each) not in named, not each.chain_schemes <= {*certificate_schemes})
    )
    for credential in by_fitness:
        scheme = first_in_common(credential.signer.schemes, schemes)
        if scheme is not None:
            return credential, scheme
    supported = [scheme for each in credentials for scheme in each.signer.schemes]
    raise NoCommonSignatureScheme(schemes, dict.fromkeys(supported), message="client_hello")


def choose_application_protocol(offered: Sequence[bytes] | None, supported: Sequence[str]) -> str | None:
    """The ALPN protocol, None where one side does not ask for any. RFC 7301 §3.2. Raises NoApplicationProtocol."""
    if offered is None or not supported:
        return None
    names = [each.decode("latin-1") for each in offered]
    chosen = first_in_common(supported, names)
    if chosen is None:
        raise NoApplicationProtocol(names, supported, message="client_hello")
    return chosen
