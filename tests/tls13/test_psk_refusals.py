"""What both roles refuse of pre-shared keys: offers, binders and choices that break a rule. RFC 9846 §4.3.9, §4.3.11"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from by_hand import KeyPair, raw, with_extension, without_extension
from endpoints import TICKET_KEY, Endpoints, KnownTickets
from scripted import ScriptedClient, ScriptedServer
from shared_keys import SharedKey, offering, with_binders
from violations import Violation, check, rows

from schemas.code_points import CipherSuite, ExtensionType, NamedGroup, PskKeyExchangeMode
from schemas.extension_block import Extension
from schemas.extensions import KeyShare, Padding, PreSharedKey, PskKeyExchangeModes, SupportedGroups
from schemas.handshake import ClientHello, HandshakeMessage, ServerHello
from tls13 import errors
from tls13.errors import Reason
from tls13.handshake.states import (
    ServerConnected,
    WaitClientFinished,
    WaitSecondClientHello,
    WaitServerFinished,
    WaitServerHelloAfterRetry,
)
from tls13.psk import Psk, import_psk

SHARE = ExtensionType.key_share
GROUPS = ExtensionType.supported_groups
MODES = ExtensionType.psk_key_exchange_modes
SCHEMES = ExtensionType.signature_algorithms
SHA384 = CipherSuite.TLS_AES_256_GCM_SHA384

EXTERNAL = SharedKey(identity=b"a label", secret=bytes(range(32)), label=b"ext binder")
LONG = SharedKey(identity=b"for SHA-384", secret=bytes(range(48)), hash_name="sha384", label=b"ext binder")
STRANGER = SharedKey(identity=b"nobody knows it", secret=bytes(32), label=b"ext binder")


def psk(key: SharedKey) -> Psk:
    """The key as our endpoints are told it."""
    return Psk(identity=key.identity, key=key.secret, hash_name=key.hash_name, binder_label=key.label)


PSK_ONLY = Psk(identity=TICKET_KEY.identity, key=TICKET_KEY.secret)
"""With the ticket's name and key, but as an external key has it."""


# What our server refuses


def flipped(binder: bytes, at: int = 0) -> bytes:
    return binder[:at] + bytes([binder[at] ^ 1]) + binder[at + 1 :]


def offer(*keys: SharedKey, change: Callable[[list[bytes]], Sequence[bytes]] = list, **changes: Any) -> Violation:
    """A ClientHello that offers these, each binder right unless it is changed."""

    def violation(client: ScriptedClient) -> ClientHello:
        honest = offering(client.client_hello(**changes), *keys)
        offered = PreSharedKey.client_hello.find(honest.extensions)
        assert offered is not None
        return with_binders(honest, keys, list(change(offered.binders)))

    return violation


def without(*types: ExtensionType, keys: Sequence[SharedKey] = (TICKET_KEY,)) -> Violation:
    """An honest offer, with valid binders, in a hello that lacks these extensions."""

    def violation(client: ScriptedClient) -> ClientHello:
        listed = client.extensions()
        for each in types:
            listed = without_extension(listed, each)
        return offering(client.client_hello(extensions=listed), *keys)

    return violation


def over_other_bytes(client: ScriptedClient) -> ClientHello:
    """The binder is of the hello without its name."""
    other = without_extension(client.extensions(), ExtensionType.server_name)
    bound = PreSharedKey.client_hello.find(offering(client.client_hello(extensions=other), TICKET_KEY).extensions)
    assert bound is not None
    return with_binders(client.client_hello(), [TICKET_KEY], bound.binders)


def over_the_whole_hello(client: ScriptedClient) -> ClientHello:
    """The binder is over zeros in its own place too."""
    whole = with_binders(client.client_hello(), [TICKET_KEY], [bytes(32)])
    return with_binders(client.client_hello(), [TICKET_KEY], [TICKET_KEY.binder(raw(whole))])


def before_the_end(client: ScriptedClient) -> ClientHello:
    honest = offering(client.client_hello(), TICKET_KEY)
    return replace(honest, extensions=[*(honest.extensions or []), Padding.client_hello(b"")])


def first_of_all(client: ScriptedClient) -> ClientHello:
    *others, last = offering(client.client_hello(), TICKET_KEY).extensions or []
    return client.client_hello(extensions=[last, *others])


@rows(
    ("first bit of the binder", offer(TICKET_KEY, change=lambda right: [flipped(right[0])]), errors.BadBinder),
    ("last bit of the binder", offer(TICKET_KEY, change=lambda right: [flipped(right[0], 31)]), errors.BadBinder),
    ("zeros", offer(TICKET_KEY, change=lambda right: [bytes(32)]), errors.BadBinder),
    ("binder cut short and padded", offer(TICKET_KEY, change=lambda right: [right[0][:31] + b"\0"]), errors.BadBinder),
    ("binder with a byte more", offer(TICKET_KEY, change=lambda right: [right[0] + b"\0"]), errors.BadBinder),
    ("binder as long as SHA-384's", offer(TICKET_KEY, change=lambda right: [right[0] + bytes(16)]), errors.BadBinder),
    ("another key", offer(replace(TICKET_KEY, secret=bytes(32))), errors.BadBinder),
    ("binder of an external key", offer(replace(TICKET_KEY, label=b"ext binder")), errors.BadBinder),
    ("binder of an imported key", offer(replace(TICKET_KEY, label=b"imp binder")), errors.BadBinder),
    ("an external key as a ticket", offer(replace(EXTERNAL, label=b"res binder")), errors.BadBinder),
    ("an external key as imported", offer(replace(EXTERNAL, label=b"imp binder")), errors.BadBinder),
    ("binder of another hello", over_other_bytes, errors.BadBinder),
    ("binder over the whole hello", over_the_whole_hello, errors.BadBinder),
    (
        "binders in another order",
        offer(TICKET_KEY, EXTERNAL, change=lambda right: right[::-1]),
        errors.BadBinder,
    ),
    (
        "wrong binder of the second, which is chosen",
        offer(STRANGER, TICKET_KEY, change=lambda right: [right[0], flipped(right[1])]),
        errors.BadBinder,
    ),
    ("one binder too few", offer(STRANGER, TICKET_KEY, change=lambda right: right[:1]), errors.ForbiddenValue),
    ("one binder too many", offer(TICKET_KEY, change=lambda right: right * 2), errors.ForbiddenValue),
    ("an extension behind it", before_the_end, errors.ForbiddenValue),
    ("in the first place", first_of_all, errors.ForbiddenValue),
    ("no modes", without(MODES), errors.MissingExtension),
    ("no modes beside an unknown key", without(MODES, keys=[STRANGER]), errors.MissingExtension),
    ("groups without shares", without(SHARE), errors.MissingExtension),
    ("shares without groups", without(GROUPS), errors.MissingExtension),
    ("neither groups nor shares", without(GROUPS, SHARE), errors.MissingExtension),
    ("no schemes beside an unknown key", without(SCHEMES, keys=[STRANGER]), errors.MissingExtension),
)
def test_an_offer_that_breaks_a_rule(endpoints: Endpoints, violation: Violation, reason: type[Reason]) -> None:
    client = endpoints.scripted_client(ticket_store=KnownTickets(), psks=(psk(EXTERNAL),))
    check(client, violation, reason)


def test_the_offers_that_those_were_made_of_are_taken(endpoints: Endpoints) -> None:
    for keys, chosen in (([TICKET_KEY], TICKET_KEY), ([EXTERNAL], EXTERNAL), ([STRANGER, TICKET_KEY], TICKET_KEY)):
        client = endpoints.scripted_client(ticket_store=KnownTickets(), psks=(psk(EXTERNAL),))
        client.key = chosen
        client.say(offering(client.client_hello(), *keys))
        assert client.psk is chosen
        assert client.reach(ServerConnected).connection.negotiated is not None


def test_only_the_binder_of_the_key_that_is_taken_is_looked_at(endpoints: Endpoints) -> None:
    """§4.3.11: a server has no key to check the others with."""
    client = endpoints.scripted_client(ticket_store=KnownTickets())
    keys = [STRANGER, TICKET_KEY, STRANGER]
    hello = offering(client.client_hello(), *keys)
    offered = PreSharedKey.client_hello.find(hello.extensions)
    assert offered is not None
    unbound = with_binders(hello, keys, [bytes(32), bytes(32), b"x" * 255])
    right = TICKET_KEY.binder(raw(unbound)[: -2 - 33 - 33 - 256])
    client.say(with_binders(hello, keys, [bytes(32), right, b"x" * 255]))
    assert client.reach(ServerConnected).connection.negotiated is not None


def test_a_binder_of_each_kind_of_imported_key_is_checked(endpoints: Endpoints) -> None:
    """RFC 9258 §5.2: an imported key is bound by a label of its own."""
    imported, _ = import_psk(b"outside", bytes(32))
    right = SharedKey(identity=imported.identity, secret=imported.key, label=b"imp binder")
    for wrong in (replace(right, label=b"ext binder"), replace(right, label=b"res binder")):
        check(endpoints.scripted_client(psks=(imported,)), offer(wrong), errors.BadBinder)
    client = endpoints.scripted_client(psks=(imported,))
    client.key = right
    client.say(offering(client.client_hello(), right))
    assert type(client.connection.state) is WaitClientFinished


PSK_SERVER: dict[str, Any] = {"credentials": (), "psks": (psk(EXTERNAL),)}
"""A server without a certificate."""


def with_modes(*modes: PskKeyExchangeMode) -> list[Extension]:
    return [PskKeyExchangeModes.client_hello(list(modes))]


def offer_with(*extensions: Extension, keys: Sequence[SharedKey] = (EXTERNAL,), **changes: Any) -> Violation:
    """An honest offer in a hello with these extensions in the place of its own."""

    def violation(client: ScriptedClient) -> ClientHello:
        listed = client.extensions()
        for each in extensions:
            listed = with_extension(listed, each)
        return offering(client.client_hello(extensions=listed, **changes), *keys)

    return violation


NO_GROUP_OF_OURS = SupportedGroups.client_hello([NamedGroup.x448])


@rows(
    ("no key at all", ScriptedClient.client_hello, errors.NoCommonPsk),
    ("an unknown key", offer(STRANGER), errors.UnknownPskIdentity),
    ("no suite with the key's hash", offer(EXTERNAL, cipher_suites=[SHA384]), errors.UnknownPskIdentity),
    ("another mode", offer_with(*with_modes(PskKeyExchangeMode.psk_ke)), errors.UnknownPskIdentity),
    ("a mode that nobody knows", offer_with(*with_modes(PskKeyExchangeMode(0x6B))), errors.UnknownPskIdentity),
    ("no group of ours", offer_with(NO_GROUP_OF_OURS, KeyShare.client_hello([])), errors.NoCommonGroup),
    ("no suite of ours", offer(EXTERNAL, cipher_suites=[CipherSuite(0x1A1A)]), errors.NoCommonCipherSuite),
)
def test_an_offer_that_leads_nowhere(endpoints: Endpoints, violation: Violation, reason: type[Reason]) -> None:
    """Where there is no certificate to go on with. An unknown key gets an alert of its own. §6.2"""
    check(endpoints.scripted_client(**PSK_SERVER), violation, reason)


def test_no_key_is_unknown_to_a_server_with_a_certificate(endpoints: Endpoints) -> None:
    """§4.3.11: unknown identities are ignored, and the handshake goes on without them."""
    for violation in (offer(STRANGER), offer_with(*with_modes(PskKeyExchangeMode.psk_ke))):
        client = endpoints.scripted_client(psks=(psk(EXTERNAL),))
        client.say(violation(client))
        assert client.psk is None
        assert client.reach(ServerConnected).connection.negotiated is not None


# The second ClientHello


def retried(endpoints: Endpoints, *keys: SharedKey) -> ScriptedClient:
    """A client whose first hello offers these, and has no share."""
    client = endpoints.scripted_client(ticket_store=KnownTickets(), psks=(psk(EXTERNAL),))
    hello = client.first_hello(WaitSecondClientHello)
    client.say(offering(hello, *keys) if keys else hello)
    assert type(client.connection.state) is WaitSecondClientHello
    return client


def again(client: ScriptedClient, *keys: SharedKey, before: bytes | None = None) -> ClientHello:
    transcript = b"".join(client.transcript)
    hello = client.second_client_hello()
    return offering(hello, *keys, before=transcript if before is None else before)


def test_a_key_that_is_new_in_the_second_hello_is_refused(endpoints: Endpoints) -> None:
    check(retried(endpoints), lambda client: again(client, TICKET_KEY), errors.ChangedParameter)
    check(retried(endpoints, STRANGER), lambda client: again(client, TICKET_KEY), errors.ChangedParameter)
    check(retried(endpoints, TICKET_KEY), lambda client: again(client, TICKET_KEY, EXTERNAL), errors.ChangedParameter)


def test_the_binder_of_the_second_hello_is_over_the_retry_too(endpoints: Endpoints) -> None:
    """§4.3.11.2: message_hash, HelloRetryRequest, and the second hello."""
    first_binder = retried(endpoints, TICKET_KEY)
    check(first_binder, ScriptedClient.second_client_hello, errors.BadBinder)
    check(retried(endpoints, TICKET_KEY), lambda client: again(client, TICKET_KEY, before=b""), errors.BadBinder)

    def over_first_hello_itself(client: ScriptedClient) -> ClientHello:
        return again(client, TICKET_KEY, before=raw(client.hello) + client.transcript[1])

    check(retried(endpoints, TICKET_KEY), over_first_hello_itself, errors.BadBinder)
    honest = retried(endpoints, TICKET_KEY)
    honest.say(again(honest, TICKET_KEY))
    assert honest.psk is TICKET_KEY
    assert honest.reach(ServerConnected).connection.negotiated is not None


def test_the_second_hello_keeps_the_rules_of_the_first(endpoints: Endpoints) -> None:
    def misplaced(client: ScriptedClient) -> ClientHello:
        *others, last = again(client, TICKET_KEY).extensions or []
        return replace(client.hello, extensions=[last, *others])

    def one_binder_for_two(client: ScriptedClient) -> ClientHello:
        return with_binders(client.second_client_hello(), [TICKET_KEY, EXTERNAL], [bytes(32)])

    check(retried(endpoints, TICKET_KEY), misplaced, errors.ForbiddenValue)
    check(retried(endpoints, TICKET_KEY, EXTERNAL), one_binder_for_two, errors.ForbiddenValue)


def test_a_key_may_leave_the_second_hello(endpoints: Endpoints) -> None:
    client = retried(endpoints, STRANGER, TICKET_KEY)
    client.say(again(client, TICKET_KEY))
    assert client.psk is TICKET_KEY
    client = retried(endpoints, TICKET_KEY)
    second = client.second_client_hello()
    client.say(replace(second, extensions=without_extension(second.extensions, ExtensionType.pre_shared_key)))
    assert client.psk is None
    assert client.reach(ServerConnected).connection.negotiated is not None


# What our client refuses


def answer(*extensions: Extension, drop: Sequence[ExtensionType] = (), **changes: Any) -> Violation:
    """A ServerHello that takes the key, with these extensions in the place of its own."""

    def violation(server: ScriptedServer) -> ServerHello:
        honest = server.server_hello(**changes)
        listed = honest.extensions
        for extension_type in drop:
            listed = without_extension(listed, extension_type)
        for each in extensions:
            listed = with_extension(listed, each)
        return replace(honest, extensions=listed)

    return violation


def share(group: NamedGroup) -> Extension:
    return KeyShare.server_hello(KeyPair(group).entry)


@rows(
    ("one identity too far", answer(PreSharedKey.server_hello(1)), errors.UnofferedParameter),
    ("the last identity there can be", answer(PreSharedKey.server_hello(65535)), errors.UnofferedParameter),
    ("a suite with another hash", answer(cipher_suite=SHA384), errors.UnofferedParameter),
    ("a suite that was not offered", answer(cipher_suite=CipherSuite(0x1399)), errors.UnofferedParameter),
    ("no key share", answer(drop=[SHARE]), errors.UnofferedParameter),
    ("a key share for another group", answer(share(NamedGroup.secp256r1)), errors.UnofferedParameter),
    (
        "neither key share nor key",
        answer(drop=[SHARE, ExtensionType.pre_shared_key]),
        errors.MissingExtension,
    ),
)
def test_a_choice_that_breaks_a_rule(endpoints: Endpoints, violation: Violation, reason: type[Reason]) -> None:
    check(endpoints.resuming_server(), violation, reason)
    external = endpoints.scripted_server(psks=(PSK_ONLY,))
    external.key = replace(TICKET_KEY, label=b"ext binder")
    check(external, violation, reason)


def test_a_key_share_where_the_key_alone_was_offered_is_refused(endpoints: Endpoints) -> None:
    server = endpoints.resuming_server(psk_key_exchange_modes=(PskKeyExchangeMode.psk_ke,))
    check(server, ScriptedServer.server_hello, errors.UnofferedParameter)
    honest = endpoints.resuming_server(psk_key_exchange_modes=(PskKeyExchangeMode.psk_ke,))
    honest.say(answer(drop=[SHARE])(honest))
    assert type(honest.reach(WaitServerFinished).connection.state) is WaitServerFinished


def test_the_selected_key_must_have_the_suites_hash_whichever_it_is(endpoints: Endpoints) -> None:
    """Two keys with different hashes: each suite goes with one of them."""
    for suite, right in ((CipherSuite.TLS_AES_128_GCM_SHA256, 0), (SHA384, 1)):
        for index in range(3):
            server = endpoints.scripted_server(psks=(psk(EXTERNAL), psk(LONG)))
            violation = answer(PreSharedKey.server_hello(index), cipher_suite=suite)
            if index != right:
                check(server, violation, errors.UnofferedParameter)
            else:
                server.suite, server.key = suite, (EXTERNAL, LONG)[index]
                server.say(violation(server))
                assert server.psk is not None


def test_a_client_that_takes_no_certificate_needs_its_key_taken(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server(trust=None, psks=(psk(EXTERNAL),))
    check(server, ScriptedServer.server_hello, errors.NoCommonPsk)


@pytest.mark.parametrize("build", [ScriptedServer.certificate, ScriptedServer.certificate_request])
def test_a_server_that_took_a_key_shows_no_certificate_and_asks_for_none(
    endpoints: Endpoints, build: Callable[[ScriptedServer], HandshakeMessage]
) -> None:
    """§4.3.11, §4.4.2."""
    check(endpoints.resuming_server().reach(WaitServerFinished), build, errors.UnexpectedMessage)


def test_after_a_retry_the_suite_stays_whatever_the_key(endpoints: Endpoints) -> None:
    server = endpoints.resuming_server().reach(WaitServerHelloAfterRetry)
    other = answer(cipher_suite=CipherSuite.TLS_CHACHA20_POLY1305_SHA256)
    check(server, other, errors.ChangedParameter)


def test_a_key_with_another_hash_than_the_retrys_is_offered_no_more(endpoints: Endpoints) -> None:
    """§4.2.4: so that nobody can take it."""
    server = endpoints.resuming_server()
    server.suite = SHA384
    server.reach(WaitServerHelloAfterRetry)
    assert PreSharedKey.client_hello.find(server.client_hello.extensions) is None
    check(server, ScriptedServer.server_hello, errors.UnsolicitedExtension)


def test_the_identities_of_the_second_hello_count(endpoints: Endpoints) -> None:
    """Of two keys one goes with the retry's suite: the second is then the first."""
    for index, is_there in ((0, True), (1, False)):
        server = endpoints.scripted_server(psks=(psk(EXTERNAL), psk(LONG)))
        server.suite = SHA384
        server.reach(WaitServerHelloAfterRetry)
        server.key, server.selected_identity = LONG, index
        if is_there:
            server.say(server.server_hello())
            assert type(server.reach(WaitServerFinished).connection.state) is WaitServerFinished
        else:
            check(server, ScriptedServer.server_hello, errors.UnofferedParameter)
