"""HelloRetryRequest without a memory: what a server refuses of the cookie, and of the hello that brings it.

RFC 9846 §4.2.2, §4.2.4, §4.3.2
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from by_hand import CHANGE_CIPHER_SPEC, disguised, plaintext, raw, with_extension, without_extension
from changed_hellos import changed
from cryptography.exceptions import InvalidTag
from endpoints import TICKET_KEY, Endpoints, KnownTickets
from scripted import MINTED, ScriptedClient, clock
from shared_keys import offering
from violations import Violation, check, rows

from schemas.code_points import CipherSuite, ExtensionType, NamedGroup
from schemas.extension_block import Extension
from schemas.extensions import (
    ClientTicketRequest,
    Cookie,
    KeyShare,
    TicketRequest,
)
from schemas.handshake import ClientHello
from schemas.stored import CookiePlaintext, CookieState, RetryMemory
from tls13 import errors
from tls13.errors import Reason
from tls13.handshake.states import ServerConnected, ServerStart, WaitSecondClientHello
from tls13.sealing import SealingKey, SealingKeys

PURPOSE = b"tls13 cookie"


def shared_keys() -> SealingKeys:
    return SealingKeys(SealingKey.generate(MINTED))


def asked(endpoints: Endpoints, keys: SealingKeys, **changes: Any) -> ScriptedClient:
    """A client that has been given a cookie."""
    return endpoints.scripted_client(retry_cookies=keys, **changes).reach(WaitSecondClientHello)


def elsewhere(client: ScriptedClient, endpoints: Endpoints, keys: SealingKeys, **changes: Any) -> ScriptedClient:
    """The same client, facing another server, which has heard nothing yet."""
    other = endpoints.scripted_client(retry_cookies=keys, **changes)
    other.transcript, other.retry, other.hello = list(client.transcript), client.retry, client.hello
    return other


def cookie_of(client: ScriptedClient) -> bytes:
    assert client.retry is not None
    cookie = Cookie.hello_retry_request.find(client.retry.extensions)
    assert cookie is not None
    return cookie


def again(*extensions: Extension, cookie: Callable[[bytes], bytes] | None = bytes, **changes: Any) -> Violation:
    """The second hello with its cookie, and with these extensions in the place of its own."""

    def violation(client: ScriptedClient) -> ClientHello:
        honest = client.second_client_hello(**changes)
        listed = honest.extensions
        for each in extensions:
            listed = with_extension(listed, each)
        if cookie is not None:
            listed = with_extension(listed, Cookie.client_hello(cookie(cookie_of(client))))
        return replace(honest, extensions=listed)

    return violation


def both(endpoints: Endpoints, **changes: Any) -> list[ScriptedClient]:
    """Facing the server that gave the cookie, and another that shares its keys."""
    keys = shared_keys()
    client = asked(endpoints, keys)
    return [asked(endpoints, keys, **changes), elsewhere(client, endpoints, keys, **changes)]


def test_the_cookie_takes_the_handshake_to_any_server_with_the_keys(endpoints: Endpoints) -> None:
    for client in both(endpoints):
        client.say(again()(client))
        negotiated = client.reach(ServerConnected).connection.negotiated
        assert negotiated is not None
        assert negotiated.retried


def test_a_server_without_memory_ignores_change_cipher_spec_before_the_second_hello(endpoints: Endpoints) -> None:
    """§4.3.2: for it this is the first that it hears of the client."""
    for client in both(endpoints):
        assert client.deliver(plaintext(CHANGE_CIPHER_SPEC, b"\x01")) == []
        client.say(again()(client))
        assert client.reach(ServerConnected).connection.negotiated is not None


# The cookie


def test_a_hello_that_leaves_the_cookie_out_is_refused(endpoints: Endpoints) -> None:
    check(asked(endpoints, shared_keys()), again(cookie=None), errors.MissingExtension)


def test_a_cookie_that_is_changed_anywhere_is_refused(endpoints: Endpoints) -> None:
    """Key name, nonce, ciphertext and tag alike."""
    length = len(cookie_of(asked(endpoints, shared_keys())))
    assert length > 16 + 24 + 16
    for at in [*range(0, length, 7), length - 1]:

        def flip(cookie: bytes, at: int = at) -> bytes:
            return cookie[:at] + bytes([cookie[at] ^ 1]) + cookie[at + 1 :]

        for client in both(endpoints):
            check(client, again(cookie=flip), errors.BadCookie)


@pytest.mark.parametrize(
    "change",
    [
        lambda cookie: cookie[:-1],
        lambda cookie: cookie[:40],
        lambda cookie: cookie[:39],
        lambda cookie: cookie[:1],
        lambda cookie: cookie + b"\0",
        lambda cookie: cookie * 2,
        lambda cookie: b"\0" * len(cookie),
        lambda cookie: cookie + bytes(60_000),
    ],
    ids=["cut", "no-ciphertext", "no-nonce", "one-byte", "longer", "twice", "zeros", "huge"],
)
def test_a_cookie_of_another_form_is_refused(endpoints: Endpoints, change: Callable[[bytes], bytes]) -> None:
    for client in both(endpoints):
        hello = again(cookie=change)(client)
        error = client.refused(client.records(raw(hello)))
        assert type(error) is errors.BadCookie


def test_a_cookie_of_another_servers_keys_is_refused(endpoints: Endpoints) -> None:
    client = asked(endpoints, shared_keys())
    check(elsewhere(client, endpoints, shared_keys()), again(), errors.BadCookie)
    same_name = SealingKeys(SealingKey(cookie_of(client)[:16], bytes(32), MINTED))
    check(elsewhere(client, endpoints, same_name), again(), errors.BadCookie)


@pytest.mark.parametrize(
    ("age", "is_good"),
    [(timedelta(0), True), (timedelta(seconds=30), True), (timedelta(seconds=30, milliseconds=1), False)],
)
def test_a_cookie_is_good_for_its_lifetime(endpoints: Endpoints, age: timedelta, is_good: bool) -> None:
    keys = shared_keys()
    later = elsewhere(asked(endpoints, keys), endpoints, keys, clock=lambda: clock() + age)
    if is_good:
        later.say(again()(later))
        assert later.reach(ServerConnected).connection.negotiated is not None
    else:
        check(later, again(), errors.BadCookie)


def test_a_cookie_from_the_future_is_refused(endpoints: Endpoints) -> None:
    keys = shared_keys()
    earlier = elsewhere(asked(endpoints, keys), endpoints, keys, clock=lambda: clock() - timedelta(milliseconds=1))
    check(earlier, again(), errors.BadCookie)


def test_the_lifetime_is_the_configs(endpoints: Endpoints) -> None:
    keys = shared_keys()
    lifetime = timedelta(seconds=2)
    for age, is_good in ((lifetime, True), (lifetime * 2, False)):

        def later(age: timedelta = age) -> Any:
            return clock() + age

        client = elsewhere(asked(endpoints, keys), endpoints, keys, retry_lifetime=lifetime, clock=later)
        if is_good:
            client.say(again()(client))
        else:
            check(client, again(), errors.BadCookie)


@pytest.mark.parametrize(
    "other",
    [{"groups": (NamedGroup.secp256r1,)}, {"cipher_suites": (CipherSuite.TLS_AES_256_GCM_SHA384,)}],
    ids=["group", "suite"],
)
def test_a_cookie_for_what_is_not_enabled_here_is_refused(endpoints: Endpoints, other: dict[str, Any]) -> None:
    """Servers that share keys need not be configured alike, while one is upgraded for instance."""
    keys = shared_keys()
    client = elsewhere(asked(endpoints, keys), endpoints, keys, **other)
    error = client.refused_message(again()(client))
    assert isinstance(error, errors.NegotiationFailure | errors.BadCookie)


def sealed(keys: SealingKeys, purpose: bytes, plain: bytes) -> bytes:
    return keys.seal(purpose, plain, clock(), lambda length: bytes(length))


def test_what_was_sealed_for_something_else_is_no_cookie(endpoints: Endpoints) -> None:
    """Tickets of the same keys; a cookie of a later version; suites that are not implemented."""
    keys = shared_keys()
    honest = asked(endpoints, keys)
    plain = keys.open(PURPOSE, cookie_of(honest), clock())
    assert plain is not None
    assert CookiePlaintext.parse(plain).state.memory.cipher_suite is honest.suite
    for purpose, content in (
        (b"tls13 ticket", plain),
        (PURPOSE, b"\0\2" + plain[2:]),
        (PURPOSE, plain + b"\0"),
        (PURPOSE, plain[:-1]),
        (PURPOSE, b""),
        (PURPOSE, remembering(cipher_suite=CipherSuite(0x1399))),
    ):
        other = elsewhere(honest, endpoints, keys)
        check(other, again(cookie=instead(sealed(keys, purpose, content))), errors.BadCookie)


def instead(cookie: bytes) -> Callable[[bytes], bytes]:
    return lambda _: cookie


def remembering(**changes: Any) -> bytes:
    memory = RetryMemory(
        cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
        selected_group=NamedGroup.x25519,
        client_hello_1=bytes(32),
        unchanged=bytes(32),
        offered_psk=0,
        offered_early_data=0,
    )
    state = CookieState(creation_time=int(clock().timestamp() * 1000), memory=replace(memory, **changes))
    return CookiePlaintext(state=state).build()


def test_a_cookie_for_another_first_hello_does_not_finish_the_handshake(endpoints: Endpoints) -> None:
    """The hash in it is part of the transcript, and so of every key."""
    keys = shared_keys()
    client = asked(endpoints, keys)
    plain = keys.open(PURPOSE, cookie_of(client), clock())
    assert plain is not None
    state = CookiePlaintext.parse(plain).state
    forged = replace(state, memory=replace(state.memory, client_hello_1=bytes(32)))
    cookie = sealed(keys, PURPOSE, CookiePlaintext(state=forged).build())
    hello = again(cookie=instead(cookie))(client)
    assert isinstance(hello, ClientHello)
    with pytest.raises(InvalidTag):
        client.say(hello)


# The hello that brings it

TICKETS = TicketRequest.client_hello(ClientTicketRequest(new_session_count=1, resumption_count=1))


def nameless(client: ScriptedClient) -> ClientHello:
    honest = again()(client)
    assert isinstance(honest, ClientHello)
    return replace(honest, extensions=without_extension(honest.extensions, ExtensionType.server_name))


def new_key(client: ScriptedClient) -> ClientHello:
    honest = again()(client)
    assert isinstance(honest, ClientHello)
    return offering(honest, TICKET_KEY, before=b"".join(client.transcript))


def twice(client: ScriptedClient) -> bytes:
    honest = again()(client)
    assert isinstance(honest, ClientHello)
    return disguised(honest, ExtensionType.cookie, b"\0\1a")


@rows(
    *changed(again),
    ("no name", nameless, errors.ChangedParameter),
    ("a request for tickets", again(TICKETS), errors.ChangedParameter),
    ("a key that was not there", new_key, errors.ChangedParameter),
    ("two cookies", twice, errors.DuplicateExtension),
)
def test_a_second_hello_that_is_not_the_first(endpoints: Endpoints, violation: Violation, reason: type[Reason]) -> None:
    """The server that has forgotten the first knows it by the cookie."""
    for client in both(endpoints, ticket_store=KnownTickets()):
        check(client, violation, reason)


@pytest.mark.parametrize("counts", [(1, 2), (2, 1), (0, 0)])
def test_the_request_for_tickets_stays_the_same(endpoints: Endpoints, counts: tuple[int, int]) -> None:
    """RFC 9149 §3, with a memory and without."""
    for keys in (None, shared_keys()):
        client = endpoints.scripted_client(retry_cookies=keys)
        listed = with_extension(client.extensions(), KeyShare.client_hello([]))
        client.say(client.client_hello(extensions=[*listed, TICKETS]))
        new, resumed = counts
        changed = TicketRequest.client_hello(ClientTicketRequest(new_session_count=new, resumption_count=resumed))
        check(client, again(changed, cookie=None if keys is None else bytes), errors.ChangedParameter)


def test_a_cookie_that_nobody_gave_means_nothing_to_a_server_that_gives_none(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client()
    client.say(client.client_hello(extensions=[*client.extensions(), Cookie.client_hello(b"crumb")]))
    assert client.reach(ServerConnected).connection.negotiated is not None


def test_a_first_hello_with_a_cookie_is_judged_by_it(endpoints: Endpoints) -> None:
    """To a server without memory it is a second one. Clients have no cookie before they are given one."""
    client = endpoints.scripted_client(retry_cookies=shared_keys()).reach(ServerStart)
    hello = client.client_hello(extensions=[*client.extensions(), Cookie.client_hello(b"crumb")])
    check(client, lambda _: hello, errors.BadCookie)
