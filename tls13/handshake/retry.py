"""HelloRetryRequest from the server's side: asking for another share, and judging the hello that comes back.

What the server must know in between is a `RetryMemory`: kept in the state, or sealed into the cookie. RFC 9846 §4.2.2,
§4.2.4, §4.3.2
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from schemas import parse
from schemas.code_points import CipherSuite, ExtensionType, NamedGroup, ProtocolVersion
from schemas.errors import DecodeError
from schemas.extension_block import Extension
from schemas.extensions import Cookie, EarlyDataIndication, KeyShare, KeyShareEntry, PreSharedKey, SupportedVersions
from schemas.handshake import ClientHello, Handshake, HelloRetryRequest
from schemas.stored import CookiePlaintext, CookieState, OpaqueExtension, RetryMemory, UnchangedParts
from tls13.config import ServerConfig
from tls13.crypto.aead import SUITES, Suite
from tls13.errors import BadCookie, ChangedParameter, MissingExtension
from tls13.handshake.reading import WITHOUT_BODIES
from tls13.handshake.states import WaitSecondClientHello
from tls13.sessions import milliseconds
from tls13.transcript import Transcript
from tls13.wire import Wire

COOKIE_PURPOSE = b"tls13 cookie"

MAY_CHANGE = frozenset(
    {
        ExtensionType.key_share,
        ExtensionType.early_data,
        ExtensionType.cookie,
        ExtensionType.pre_shared_key,
        ExtensionType.padding,
    }
)
"""Extensions that a second ClientHello may add, drop or change. §4.2.2"""


def ask(wire: Wire, config: ServerConfig, hello: ClientHello, suite: Suite, group: NamedGroup) -> WaitSecondClientHello:
    """Sends HelloRetryRequest. With a cookie, what this side knows goes into that and is forgotten here."""
    digest = hashlib.new(suite.hash_name, wire.received).digest()
    memory = RetryMemory(
        cipher_suite=suite.cipher_suite,
        selected_group=group,
        client_hello_1=digest,
        unchanged=_digest(wire.received),
        offered_psk=int(PreSharedKey.client_hello.find(hello.extensions) is not None),
        offered_early_data=int(EarlyDataIndication.client_hello.find(hello.extensions) is not None),
    )
    cookie = _sealed(config, memory)
    wire.transcript.replace_client_hello_1(suite.hash_name)
    sent = wire.send(_request(hello, suite.cipher_suite, group, cookie))
    wire.flush()
    if hello.legacy_session_id:
        wire.send_change_cipher_spec()
    if cookie is not None:
        wire.transcript = Transcript()
        return WaitSecondClientHello(config, None, None, None)
    edited = Cookie.hello_retry_request.find(sent.extensions) if isinstance(sent, HelloRetryRequest) else None
    return WaitSecondClientHello(config, memory, hello, edited)


def remembered(wire: Wire, state: WaitSecondClientHello, hello: ClientHello) -> RetryMemory:
    """What is known of the first hello. Where the cookie brings it, it brings the transcript back too.

    Raises MissingExtension, ChangedParameter, BadCookie.
    """
    cookie = Cookie.client_hello.find(hello.extensions)
    if cookie is None and (state.memory is None or state.cookie is not None):
        raise MissingExtension("cookie is missing in the second client_hello", message="client_hello")
    if state.memory is not None or cookie is None:
        if cookie != state.cookie or state.memory is None:
            raise ChangedParameter("cookie is not that of hello_retry_request", message="client_hello")
        return state.memory
    memory = _unsealed(state.config, cookie)
    request = _request(hello, memory.cipher_suite, memory.selected_group, cookie)
    wire.transcript.restore_retry(memory.client_hello_1, Handshake.of(request).build())
    return memory


def check_unchanged(wire: Wire, memory: RetryMemory, first: ClientHello | None, second: ClientHello) -> None:
    """Raises ChangedParameter for any change that §4.2.2 does not permit."""
    if memory.unchanged != _digest(wire.received):
        what = "something" if first is None else _changed(first, second)
        raise ChangedParameter(f"{what} is not that of the first client_hello", message="client_hello")
    offered = _identities(second)
    if offered and (not memory.offered_psk or (first is not None and not offered <= _identities(first))):
        raise ChangedParameter("pre_shared_key names a key that the first client_hello did not", message="client_hello")
    if EarlyDataIndication.client_hello.find(second.extensions) is not None:
        raise ChangedParameter("early_data stands in the second client_hello too", message="client_hello")


def check_share(group: NamedGroup, shares: Sequence[KeyShareEntry]) -> None:
    """Raises ChangedParameter unless there is one share, for the group that was asked for. §4.3.8"""
    if [each.group for each in shares] != [group]:
        raise ChangedParameter(f"key_share is not one entry for {group}", message="client_hello")


def _request(hello: ClientHello, suite: CipherSuite, group: NamedGroup, cookie: bytes | None) -> HelloRetryRequest:
    extensions: list[Extension] = [
        SupportedVersions.hello_retry_request(ProtocolVersion.TLS13),
        KeyShare.hello_retry_request(group),
    ]
    if cookie is not None:
        extensions.append(Cookie.hello_retry_request(cookie))
    return HelloRetryRequest(legacy_session_id_echo=hello.legacy_session_id, cipher_suite=suite, extensions=extensions)


def _sealed(config: ServerConfig, memory: RetryMemory) -> bytes | None:
    if config.retry_cookies is None:
        return None
    now = config.clock()
    plaintext = CookiePlaintext(state=CookieState(creation_time=milliseconds(now), memory=memory))
    return config.retry_cookies.seal(COOKIE_PURPOSE, plaintext.build(), now, config.random)


def _unsealed(config: ServerConfig, cookie: bytes) -> RetryMemory:
    now = config.clock()
    plaintext = None
    if config.retry_cookies is not None:
        plaintext = config.retry_cookies.open(COOKIE_PURPOSE, cookie, now)
    if plaintext is None:
        raise BadCookie("the cookie is not one of this server's", message="client_hello")
    try:
        state = CookiePlaintext.parse(plaintext).state
    except DecodeError as error:
        raise BadCookie("the cookie is of another version of this server", message="client_hello") from error
    age = timedelta(milliseconds=milliseconds(now) - state.creation_time)
    if not timedelta(0) <= age <= config.retry_lifetime:
        raise BadCookie("the cookie is too old", message="client_hello")
    if state.memory.cipher_suite not in SUITES:
        raise BadCookie("the cookie is for a cipher suite that is not known here", message="client_hello")
    return state.memory


def _identities(hello: ClientHello) -> set[bytes]:
    psks = PreSharedKey.client_hello.find(hello.extensions)
    return set() if psks is None else {each.identity for each in psks.identities}


def _digest(client_hello: bytes) -> bytes:
    """Of all that the second hello must repeat, whatever is in the extensions. §4.2.2"""
    hello = parse(WITHOUT_BODIES, client_hello).message
    if not isinstance(hello, ClientHello):
        raise RuntimeError("the message at hand is no client_hello")
    parts = UnchangedParts(
        legacy_version=hello.legacy_version,
        random=hello.random,
        legacy_session_id=hello.legacy_session_id,
        cipher_suites=hello.cipher_suites,
        legacy_compression_methods=hello.legacy_compression_methods,
        extensions=[
            OpaqueExtension(extension_type=each.extension_type, extension_data=each.extension_data)
            for each in hello.extensions or []
            if each.extension_type not in MAY_CHANGE and isinstance(each.extension_data, bytes)
        ],
    )
    return hashlib.sha256(parts.build()).digest()


def _changed(first: ClientHello, second: ClientHello) -> str:
    """Which part differs, for the error's text."""
    names = ("legacy_version", "random", "legacy_session_id", "cipher_suites", "legacy_compression_methods")
    return next((name for name in names if getattr(first, name) != getattr(second, name)), "an extension")
