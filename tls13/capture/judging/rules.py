"""What the protocol demands of hellos and answers, checked as an observer can: each breach is a rule and a sentence.

Nothing here keeps state: what stands in one message, or in an answer and what it answers. Rules about records and about
the order of things stand here too; `judge` holds connections against them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from schemas import tls12
from schemas.code_points import CipherSuite, ExtensionType, ProtocolVersion, SignatureScheme
from schemas.extension_block import Extension, misplaced
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    Cookie,
    KeyShare,
    PreSharedKey,
    SupportedVersions,
)
from schemas.handshake import ClientHello, EncryptedExtensions, HelloRetryRequest, NewSessionTicket, ServerHello
from tls13.capture.judging.judgement import Offer, Rule

Breach = tuple[Rule, str]

COMPRESSION = Rule("compression", "RFC 9846 §4.2.2")
LEGACY_VERSION = Rule("legacy_version", "RFC 9846 §4.2.2")
MISSING_EXTENSION = Rule("missing_extension", "RFC 9846 §9.2")
MISPLACED_EXTENSION = Rule("misplaced_extension", "RFC 9846 §4.3")
DUPLICATE_EXTENSION = Rule("duplicate_extension", "RFC 9846 §4.3")
UNSOLICITED_EXTENSION = Rule("unsolicited_extension", "RFC 9846 §4.3")
PSK_NOT_LAST = Rule("psk_not_last", "RFC 9846 §4.3.11")
PSK_WITHOUT_MODES = Rule("psk_without_modes", "RFC 9846 §4.3.9")
BINDER_COUNT = Rule("binder_count", "RFC 9846 §4.3.11")
KEY_SHARE_GROUP = Rule("key_share_group", "RFC 9846 §4.3.8")
EARLY_DATA_WITHOUT_PSK = Rule("early_data_without_psk", "RFC 9846 §4.3.10")
EARLY_DATA_AFTER_RETRY = Rule("early_data_after_retry", "RFC 9846 §4.2.2")
CHANGED_HELLO = Rule("changed_hello", "RFC 9846 §4.2.2")
SERVER_COMPRESSION = Rule("compression", "RFC 9846 §4.2.3")
SERVER_LEGACY_VERSION = Rule("legacy_version", "RFC 9846 §4.2.3")
UNOFFERED_SUITE = Rule("unoffered_cipher_suite", "RFC 9846 §4.2.3")
OLDER_UNOFFERED_SUITE = Rule("unoffered_cipher_suite", "RFC 5246 §7.4.1.3")
OLDER_UNSOLICITED_EXTENSION = Rule("unsolicited_extension", "RFC 5246 §7.4.1.4")
UNOFFERED_VERSION = Rule("unoffered_version", "RFC 9846 §4.3.1")
UNOFFERED_GROUP = Rule("unoffered_group", "RFC 9846 §4.3.8")
UNOFFERED_PSK = Rule("unoffered_psk", "RFC 9846 §4.3.11")
UNOFFERED_PROTOCOL = Rule("unoffered_protocol", "RFC 7301 §3.2")
UNOFFERED_SIGNATURE = Rule("unoffered_signature_scheme", "RFC 9846 §4.5.2")
FORBIDDEN_SIGNATURE = Rule("forbidden_signature_scheme", "RFC 9846 §4.3.3")
SESSION_ID_ECHO = Rule("session_id_echo", "RFC 9846 §4.2.3")
DOWNGRADE = Rule("downgrade_mark", "RFC 9846 §4.2.3")
NO_KEY_EXCHANGE = Rule("no_key_exchange", "RFC 9846 §4.2.3")
SECOND_RETRY = Rule("second_retry", "RFC 9846 §4.2.4")
USELESS_RETRY = Rule("useless_retry", "RFC 9846 §4.2.4")
CHANGED_BY_SERVER = Rule("changed_by_server", "RFC 9846 §4.2.4")
REQUEST_WITHOUT_SCHEMES = Rule("request_without_schemes", "RFC 9846 §4.4.2")
TICKET_LIFETIME = Rule("ticket_lifetime", "RFC 9846 §4.7.1")

MALFORMED = Rule("malformed_message", "RFC 9846 §6.2")
MALFORMED_RECORD = Rule("malformed_record", "RFC 9846 §5.4")
RECORD_OVERFLOW = Rule("record_overflow", "RFC 9846 §5.2")
EMPTY_RECORD = Rule("empty_record", "RFC 9846 §5.1")
UNPROTECTED = Rule("unprotected_message", "RFC 9846 §4.4.1")
CHANGE_CIPHER_SPEC = Rule("change_cipher_spec", "RFC 9846 §5")
AFTER_CLOSE = Rule("data_after_close", "RFC 9846 §6.1")
AFTER_FATAL = Rule("data_after_fatal_alert", "RFC 9846 §6.2")
NO_CLOSE_NOTIFY = Rule("no_close_notify", "RFC 9846 §6.1")
EMPTY_CERTIFICATE = Rule("empty_certificate", "RFC 9846 §4.5.1.3")
COMPRESSED_CERTIFICATE = Rule("compressed_certificate", "RFC 8879 §4")
REQUEST_CONTEXT = Rule("certificate_request_context", "RFC 9846 §4.5.1")

_DOWNGRADE_MARKS = {b"DOWNGRD\x01": ProtocolVersion.TLS12, b"DOWNGRD\x00": ProtocolVersion.TLS11}
_LONGEST_LIFETIME = 604_800
_MAY_CHANGE = frozenset(
    {
        ExtensionType.key_share,
        ExtensionType.early_data,
        ExtensionType.cookie,
        ExtensionType.pre_shared_key,
        ExtensionType.padding,
        ExtensionType.encrypted_client_hello,
    }
)
"""Extensions of a second ClientHello that need not be as in the first. RFC 9846 §4.2.2, RFC 9849 §6.1.5"""
_UNASKED = frozenset({ExtensionType.cookie, ExtensionType.renegotiation_info, ExtensionType.supported_groups})
"""Answers to no extension: `cookie` (RFC 9846 §4.3), `supported_groups` of the server's own (§4.3.7), and that which a
signalling cipher suite may ask for (RFC 5746 §3.3)."""


def of_client_hello(hello: ClientHello, offer: Offer) -> Iterator[Breach]:
    """What is wrong with a ClientHello that offers TLS 1.3."""
    types = [each.extension_type for each in hello.extensions or ()]
    if hello.legacy_compression_methods != b"\0":
        yield COMPRESSION, f"compression methods {hello.legacy_compression_methods.hex()} offered beside TLS 1.3"
    if hello.legacy_version != ProtocolVersion.TLS12:
        yield LEGACY_VERSION, f"legacy_version is {hello.legacy_version}"
    yield from _misplaced("client_hello", hello.extensions)
    yield from _missing(types)
    yield from _of_psks(hello, types)
    groups = frozenset(offer.groups)
    outside = [group for group in offer.key_shares if group not in groups]
    if outside and offer.groups:
        yield KEY_SHARE_GROUP, f"a key share for {_list(outside)}, not among the supported groups"
    if len(set(offer.key_shares)) < len(offer.key_shares):
        yield KEY_SHARE_GROUP, "two key shares for one group"


def of_second_hello(first: ClientHello, second: ClientHello, wanted: HelloRetryRequest) -> Iterator[Breach]:
    """What a ClientHello after HelloRetryRequest changes that it may not, and does not change that it must."""
    for name in ("legacy_version", "random", "legacy_session_id", "cipher_suites", "legacy_compression_methods"):
        if getattr(first, name) != getattr(second, name):
            yield CHANGED_HELLO, f"{name} is not as in the first ClientHello"
    before = {each.extension_type: each.extension_data for each in first.extensions or ()}
    after = {each.extension_type: each.extension_data for each in second.extensions or ()}
    changed = [each for each in {**before, **after} if each not in _MAY_CHANGE and before.get(each) != after.get(each)]
    if changed:
        yield CHANGED_HELLO, f"{_list(changed)} not as in the first ClientHello"
    if ExtensionType.early_data in after:
        yield EARLY_DATA_AFTER_RETRY, "early_data after a HelloRetryRequest"
    group = KeyShare.hello_retry_request.find(wanted.extensions)
    shares = [each.group for each in KeyShare.client_hello.find(second.extensions) or ()]
    if group is not None and shares != [group]:
        yield CHANGED_HELLO, f"key shares for {_list(shares)}, where one for {group} was asked for"
    if Cookie.hello_retry_request.find(wanted.extensions) != Cookie.client_hello.find(second.extensions):
        yield CHANGED_HELLO, "the cookie is not the one that the server sent"


def of_server_hello(offer: Offer, hello: ServerHello | HelloRetryRequest) -> Iterator[Breach]:
    """What a ServerHello of TLS 1.3, or a HelloRetryRequest, says that the client did not offer."""
    name = "server_hello" if isinstance(hello, ServerHello) else "hello_retry_request"
    yield from _misplaced(name, hello.extensions)
    yield from _unsolicited(offer, hello.extensions)
    if hello.legacy_version != ProtocolVersion.TLS12:
        yield SERVER_LEGACY_VERSION, f"legacy_version is {hello.legacy_version}"
    if hello.legacy_compression_method:
        yield SERVER_COMPRESSION, f"compression method {hello.legacy_compression_method}"
    if hello.legacy_session_id_echo != offer.session_id:
        yield SESSION_ID_ECHO, "legacy_session_id_echo is not what the client sent"
    yield from _unoffered_suite(offer, hello.cipher_suite)
    find = SupportedVersions.server_hello if isinstance(hello, ServerHello) else SupportedVersions.hello_retry_request
    version = find.find(hello.extensions)
    if version is not None and not offer.allows(version):
        yield UNOFFERED_VERSION, f"{version} was not offered"


def of_key_exchange(offer: Offer, hello: ServerHello) -> Iterator[Breach]:
    """Whether a ServerHello's key exchange is one that was offered. `offer` is the last ClientHello's."""
    share = KeyShare.server_hello.find(hello.extensions)
    psk = PreSharedKey.server_hello.find(hello.extensions)
    if share is None and psk is None:
        yield NO_KEY_EXCHANGE, "neither a key share nor a pre-shared key"
    if share is not None and share.group not in offer.key_shares:
        yield UNOFFERED_GROUP, f"a key share for {share.group}, for which the client sent none"
    if psk is not None and psk >= offer.psk_identities:
        yield UNOFFERED_PSK, f"pre-shared key {psk} of {offer.psk_identities} offered"


def of_retry(offer: Offer, retry: HelloRetryRequest) -> Iterator[Breach]:
    """Whether a HelloRetryRequest asks for something that the client can do and has not done."""
    group = KeyShare.hello_retry_request.find(retry.extensions)
    if group is None and Cookie.hello_retry_request.find(retry.extensions) is None:
        yield USELESS_RETRY, "asks for no change"
    if group is not None and group in offer.key_shares:
        yield USELESS_RETRY, f"asks for a key share for {group}, which the client sent"
    if group is not None and group not in offer.groups:
        yield UNOFFERED_GROUP, f"asks for {group}, which the client does not support"


def of_server_hello_after_retry(retry: HelloRetryRequest, hello: ServerHello) -> Iterator[Breach]:
    """What a ServerHello says otherwise than the HelloRetryRequest before it."""
    if hello.cipher_suite != retry.cipher_suite:
        yield CHANGED_BY_SERVER, f"{hello.cipher_suite}, where HelloRetryRequest said {retry.cipher_suite}"
    group, share = KeyShare.hello_retry_request.find(retry.extensions), KeyShare.server_hello.find(hello.extensions)
    if group is not None and share is not None and share.group != group:
        yield CHANGED_BY_SERVER, f"a key share for {share.group}, where HelloRetryRequest asked for {group}"


def of_older_server_hello(offer: Offer, hello: tls12.ServerHello) -> Iterator[Breach]:
    """What a ServerHello of TLS 1.2 or older says that the client did not offer. RFC 5246 §7.4.1.3"""
    yield from _unoffered_suite(offer, hello.cipher_suite, OLDER_UNOFFERED_SUITE)
    yield from _unsolicited(offer, hello.extensions, OLDER_UNSOLICITED_EXTENSION)
    if offer.versions and not offer.allows(hello.server_version):
        yield UNOFFERED_VERSION, f"{hello.server_version} was not offered"
    newest = _DOWNGRADE_MARKS.get(hello.random[-8:])
    if newest is not None and ProtocolVersion.TLS13 in offer.versions:
        yield DOWNGRADE, f"the server marks {hello.server_version} as a downgrade: it can do more than that"


def of_answers(offer: Offer, answers: EncryptedExtensions) -> Iterator[Breach]:
    """What EncryptedExtensions answer that was not asked."""
    yield from _misplaced("encrypted_extensions", answers.extensions)
    yield from _unsolicited(offer, answers.extensions)
    chosen = ApplicationLayerProtocolNegotiation.encrypted_extensions.find(answers.extensions) or []
    yield from of_protocol(offer, chosen)


def of_protocol(offer: Offer, chosen: list[bytes]) -> Iterator[Breach]:
    """Whether an ALPN answer is one of the protocols offered."""
    if len(chosen) > 1:
        yield UNOFFERED_PROTOCOL, f"chooses {len(chosen)} application protocols"
    for each in chosen[:1]:
        if each not in offer.application_protocols:
            yield UNOFFERED_PROTOCOL, f"chooses application protocol {each!r}, which was not offered"


def of_signature(
    scheme: SignatureScheme, offered: tuple[SignatureScheme, ...], version: ProtocolVersion
) -> Iterator[Breach]:
    """Whether a CertificateVerify is signed in a way that the peer offered and that the version allows."""
    if offered and scheme not in offered:
        yield UNOFFERED_SIGNATURE, f"signed with {scheme}, which the peer did not offer"
    name = str(scheme)
    if version == ProtocolVersion.TLS13 and (name.startswith(("rsa_pkcs1", "dsa")) or name.endswith("sha1")):
        yield FORBIDDEN_SIGNATURE, f"signed with {scheme}, which TLS 1.3 forbids in CertificateVerify"


def of_ticket(ticket: NewSessionTicket) -> Iterator[Breach]:
    """Whether a ticket may live as long as it says."""
    if ticket.ticket_lifetime > _LONGEST_LIFETIME:
        yield TICKET_LIFETIME, f"a ticket for {ticket.ticket_lifetime} seconds, over a week"


def _misplaced(message: str, extensions: Iterable[Extension] | None) -> Iterator[Breach]:
    for each in misplaced(message, extensions):
        yield MISPLACED_EXTENSION, f"{each} does not belong into this message"


def _missing(types: list[ExtensionType]) -> Iterator[Breach]:
    """RFC 9846 §9.2: what a ClientHello of TLS 1.3 cannot be without."""
    if ExtensionType.pre_shared_key not in types:
        for needed in (ExtensionType.signature_algorithms, ExtensionType.supported_groups):
            if needed not in types:
                yield MISSING_EXTENSION, f"neither {needed} nor pre_shared_key"
    pair = (ExtensionType.supported_groups, ExtensionType.key_share)
    for present, needed in (pair, pair[::-1]):
        if present in types and needed not in types:
            yield MISSING_EXTENSION, f"{present} without {needed}"


def _of_psks(hello: ClientHello, types: list[ExtensionType]) -> Iterator[Breach]:
    psks = PreSharedKey.client_hello.find(hello.extensions)
    if psks is None:
        if ExtensionType.early_data in types:
            yield EARLY_DATA_WITHOUT_PSK, "early_data without pre_shared_key"
        return
    if types[-1] != ExtensionType.pre_shared_key:
        yield PSK_NOT_LAST, "pre_shared_key is not the last extension"
    if ExtensionType.psk_key_exchange_modes not in types:
        yield PSK_WITHOUT_MODES, "pre_shared_key without psk_key_exchange_modes"
    if len(psks.identities) != len(psks.binders):
        yield BINDER_COUNT, f"{len(psks.identities)} identities and {len(psks.binders)} binders"


def _unoffered_suite(offer: Offer, suite: CipherSuite, rule: Rule = UNOFFERED_SUITE) -> Iterator[Breach]:
    if offer.cipher_suites and suite not in offer.cipher_suites:
        yield rule, f"{suite} was not offered"


def _unsolicited(
    offer: Offer, extensions: Iterable[Extension] | None, rule: Rule = UNSOLICITED_EXTENSION
) -> Iterator[Breach]:
    asked = _UNASKED.union(offer.extensions)
    for each in extensions or ():
        if each.extension_type not in asked:
            yield rule, f"{each.extension_type} answers nothing that the client sent"


def _list(names: Iterable[object]) -> str:
    return ", ".join(map(str, names)) or "nothing"
