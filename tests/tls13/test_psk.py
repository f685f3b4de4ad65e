"""External pre-shared keys: their modes, identities, binders and importers. RFC 9846 §2.2, §4.3.9, §4.3.11, RFC 9258"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from endpoints import Endpoints, exchange
from key_schedule_by_hand import binder, derive_secret, digest, early_secret, expand_label, extract
from modes import Clock, Journal, configs, resumable
from shared_keys import offer_editor

from schemas.code_points import AlertDescription, CipherSuite, NamedGroup, PskKeyExchangeMode, TlsKdfIdentifier
from schemas.extensions import OfferedPsks, PreSharedKey
from schemas.handshake import ClientHello
from tls13.config import ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.errors import AlertReceived, BadBinder, ConfigurationError, MissingExtension, UnknownPskIdentity
from tls13.events import EarlyData, EarlyDataRejected, Negotiated
from tls13.limits import Limits
from tls13.psk import EarlyDataTerms, Psk, import_psk

KEY = bytes(range(32))
SHA256_SUITE, SHA384_SUITE = CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384
PSK_KE, PSK_DHE_KE = PskKeyExchangeMode.psk_ke, PskKeyExchangeMode.psk_dhe_ke


def psk(name: str, hash_name: str = "sha256", key: bytes = KEY) -> Psk:
    return Psk(identity=name.encode(), key=key, hash_name=hash_name)


def met(client: ClientConfig, server: ServerConfig) -> tuple[Negotiated, Negotiated]:
    ours, theirs = Connection.client(client, "localhost"), Connection.server(server)
    exchange(ours, theirs)
    assert ours.negotiated is not None
    assert theirs.negotiated is not None
    return ours.negotiated, theirs.negotiated


def by_key(endpoints: Endpoints, ours: Iterable[Psk], theirs: Iterable[Psk]) -> tuple[ClientConfig, ServerConfig]:
    return (
        replace(endpoints.client_config, psks=tuple(ours)),
        replace(endpoints.server_config, psks=tuple(theirs)),
    )


def offer(hello: bytes) -> tuple[OfferedPsks, bytes]:
    """The PSKs in a ClientHello's bytes, and those bytes without the binders."""
    parsed = ClientHello.parse(hello[4:])
    offered = PreSharedKey.client_hello.find(parsed.extensions)
    assert offered is not None
    return offered, hello[: -2 - sum(1 + len(each) for each in offered.binders)]


# Binders


def test_each_binder_is_the_hmac_over_the_truncated_hello(endpoints: Endpoints) -> None:
    keys = (psk("a", key=b"a" * 20), psk("b", "sha384", b"b" * 48), *import_psk(b"c", b"c" * 32))
    client, server = configs(endpoints, Clock())
    session = resumable(client, server)
    journal = Journal()
    Connection.client(replace(client, psks=keys, observer=journal), "localhost", session)
    offered, truncated = offer(journal.sent[0])
    labels = [b"res binder", b"ext binder", b"ext binder", b"imp binder", b"imp binder"]
    expected = [
        binder(each.hash_name, each.key, label, truncated)
        for each, label in zip((session.psk, *keys), labels, strict=True)
    ]
    assert offered.binders == expected
    assert [each.identity for each in offered.identities[1:3]] == [b"a", b"b"]
    assert [each.obfuscated_ticket_age for each in offered.identities[1:]] == [0] * 4


@pytest.mark.parametrize(("suite", "hash_name"), [(SHA256_SUITE, "sha256"), (SHA384_SUITE, "sha384")])
def test_after_a_retry_the_binders_cover_both_hellos_and_only_keys_of_its_hash_stay(
    endpoints: Endpoints, suite: CipherSuite, hash_name: str
) -> None:
    keys = (psk("a"), psk("b", "sha384"))
    journal = Journal()
    client, server = by_key(endpoints, keys, keys)
    server = replace(server, cipher_suites=(suite,), groups=(NamedGroup.secp256r1,))
    ours, theirs = met(replace(client, observer=journal), server)
    first, second = (each for each in journal.sent if each[0] == 1)
    assert len(offer(first)[0].binders) == 2
    offered, truncated = offer(second)
    hashed = digest(hash_name, first)
    messages = bytes([254, 0, 0, len(hashed)]) + hashed + journal.received[0] + truncated
    assert offered.binders == [binder(hash_name, KEY, b"ext binder", messages)]
    assert ours.psk_identity == theirs.psk_identity == (b"a" if hash_name == "sha256" else b"b")


def test_a_wrong_key_is_found_out_by_its_binder(endpoints: Endpoints) -> None:
    client_config, server_config = by_key(endpoints, [psk("a")], [psk("a", key=b"\1" * 32)])
    client, server = Connection.client(client_config, "localhost"), Connection.server(server_config)
    with pytest.raises(BadBinder):
        server.receive_data(client.data_to_send())
    with pytest.raises(AlertReceived) as raised:
        client.receive_data(server.data_to_send())
    assert raised.value.alert is AlertDescription.decrypt_error


def test_only_the_binder_of_the_selected_key_is_looked_at(endpoints: Endpoints) -> None:
    client, server = by_key(endpoints, [psk("unknown"), psk("a"), psk("b", key=b"\2" * 32)], [psk("a"), psk("b")])
    ours, theirs = met(client, server)
    assert ours.psk_identity == theirs.psk_identity == b"a"


def test_binders_that_the_editor_puts_in_are_sent_as_they_are(endpoints: Endpoints) -> None:
    def other(offered: OfferedPsks) -> OfferedPsks:
        assert offered.binders == [bytes(32)]
        return replace(offered, binders=[b"\7" * 32])

    journal = Journal()
    client, _ = by_key(endpoints, [psk("a")], [])
    Connection.client(replace(client, edit_message=offer_editor(other), observer=journal), "localhost")
    assert offer(journal.sent[0])[0].binders == [b"\7" * 32]


def test_the_ticket_age_of_an_external_key_does_not_matter(endpoints: Endpoints) -> None:
    def aged(offered: OfferedPsks) -> OfferedPsks:
        identities = [replace(each, obfuscated_ticket_age=4_000_000_000) for each in offered.identities]
        return replace(offered, identities=identities)

    client, server = by_key(endpoints, [psk("a")], [psk("a")])
    _, theirs = met(replace(client, edit_message=offer_editor(aged)), server)
    assert theirs.psk_identity == b"a"


# Modes


@pytest.mark.parametrize(
    ("ours", "theirs", "group"),
    [
        ((PSK_KE,), (PSK_KE,), None),
        ((PSK_KE, PSK_DHE_KE), (PSK_DHE_KE, PSK_KE), NamedGroup.x25519),
        ((PSK_DHE_KE, PSK_KE), (PSK_KE, PSK_DHE_KE), None),
        ((PSK_DHE_KE,), (PSK_KE, PSK_DHE_KE), NamedGroup.x25519),
    ],
)
def test_the_server_s_first_mode_that_the_client_takes_is_used(
    endpoints: Endpoints,
    ours: tuple[PskKeyExchangeMode, ...],
    theirs: tuple[PskKeyExchangeMode, ...],
    group: NamedGroup | None,
) -> None:
    client, server = by_key(endpoints, [psk("a")], [psk("a")])
    for each in met(replace(client, psk_key_exchange_modes=ours), replace(server, psk_key_exchange_modes=theirs)):
        assert (each.group, each.psk_identity, each.signature_scheme) == (group, b"a", None)


def test_without_a_common_mode_the_certificate_serves(endpoints: Endpoints) -> None:
    client, server = by_key(endpoints, [psk("a")], [psk("a")])
    ours, _ = met(
        replace(client, psk_key_exchange_modes=(PSK_KE,)), replace(server, psk_key_exchange_modes=(PSK_DHE_KE,))
    )
    assert ours.psk_identity is None
    assert ours.peer_certificates == endpoints.server_config.credentials[0].certificate_list


def test_without_a_common_group_psk_ke_serves_if_both_take_it(endpoints: Endpoints) -> None:
    modes = (PSK_DHE_KE, PSK_KE)
    client, server = by_key(endpoints, [psk("a")], [psk("a")])
    client = replace(client, psk_key_exchange_modes=modes, groups=(NamedGroup.x25519,))
    server = replace(server, psk_key_exchange_modes=modes, groups=(NamedGroup.secp256r1,))
    assert [each.group for each in met(client, server)] == [None, None]


def test_psk_ke_derives_its_secrets_from_the_key_alone(endpoints: Endpoints) -> None:
    for hash_name, suite in (("sha256", SHA256_SUITE), ("sha384", SHA384_SUITE)):
        journal = Journal()
        keys = [psk("a", hash_name)]
        client, server = by_key(endpoints, keys, keys)
        changes: dict[str, Any] = {"psk_key_exchange_modes": (PSK_KE,), "cipher_suites": (suite,)}
        met(replace(client, **changes, observer=journal), replace(server, **changes, tickets=0))
        (hello, client_finished), (answer, extensions, finished) = journal.sent, journal.received
        zeros = bytes(len(digest(hash_name)))
        early = early_secret(hash_name, KEY)
        handshake = extract(hash_name, derive_secret(hash_name, early, b"derived", b""), zeros)
        main = extract(hash_name, derive_secret(hash_name, handshake, b"derived", b""), zeros)
        flight = hello + answer + extensions + finished

        def derived(secret: bytes, label: bytes, messages: bytes, name: str = hash_name) -> bytes:
            return derive_secret(name, secret, label, messages)

        assert journal.secrets == {
            "early_secret": early,
            "binder_key": derived(early, b"ext binder", b""),
            "handshake_secret": handshake,
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET": derived(handshake, b"c hs traffic", hello + answer),
            "SERVER_HANDSHAKE_TRAFFIC_SECRET": derived(handshake, b"s hs traffic", hello + answer),
            "main_secret": main,
            "CLIENT_TRAFFIC_SECRET_0": derived(main, b"c ap traffic", flight),
            "SERVER_TRAFFIC_SECRET_0": derived(main, b"s ap traffic", flight),
            "EXPORTER_SECRET": derived(main, b"exp master", flight),
            "resumption_secret": derived(main, b"res master", flight + client_finished),
        }


# Identities


def test_the_first_identity_that_the_server_knows_is_taken(endpoints: Endpoints) -> None:
    ours = [psk("x"), psk("y", "sha384"), psk("z")]
    for known, expected in (("xyz", b"x"), ("zy", b"y"), ("z", b"z")):
        hashes = {"x": "sha256", "y": "sha384", "z": "sha256"}
        client, server = by_key(endpoints, ours, [psk(each, hashes[each]) for each in known])
        assert {each.psk_identity for each in met(client, server)} == {expected}


def test_the_suite_goes_with_the_hash_of_the_key(endpoints: Endpoints) -> None:
    for hash_name, suite in (("sha256", SHA256_SUITE), ("sha384", SHA384_SUITE)):
        client, server = by_key(endpoints, [psk("a", hash_name)], [psk("a", hash_name)])
        assert met(client, server)[0].cipher_suite is suite


def test_callbacks_find_keys_by_server_name_and_by_identity(endpoints: Endpoints) -> None:
    asked: list[str | bytes] = []

    def for_server(name: str) -> list[Psk]:
        asked.append(name)
        return [psk("of " + name)]

    def for_identity(identity: bytes) -> Psk | None:
        asked.append(identity)
        return psk("of localhost") if identity == b"of localhost" else None

    client = replace(endpoints.client_config, psks=(psk("other"),), psk_for=for_server, trust=None)
    server = replace(endpoints.server_config, psk_for=for_identity, credentials=())
    assert met(client, server)[1].psk_identity == b"of localhost"
    assert asked == ["localhost", b"other", b"of localhost"]


def test_unknown_keys_fall_back_to_the_certificate(endpoints: Endpoints) -> None:
    client, server = by_key(endpoints, [psk("a")], [psk("b")])
    ours, theirs = met(client, server)
    assert ours.psk_identity is None
    assert theirs.psk_identity is None
    assert ours.signature_scheme is not None


def test_unknown_keys_are_refused_where_there_is_no_certificate(endpoints: Endpoints) -> None:
    client, server = by_key(endpoints, [psk("a")], [psk("b")])
    with pytest.raises(UnknownPskIdentity):
        met(client, replace(server, credentials=()))


def test_a_client_that_takes_no_certificate_offers_no_signature_schemes(endpoints: Endpoints) -> None:
    client, server = by_key(endpoints, [psk("a")], [psk("b")])
    with pytest.raises(MissingExtension):
        met(replace(client, trust=None), server)


def test_no_more_identities_than_the_limit_are_looked_at(endpoints: Endpoints) -> None:
    asked: list[bytes] = []
    client = replace(endpoints.client_config, psks=tuple(psk(str(number)) for number in range(9)))
    server = replace(endpoints.server_config, psk_for=asked.append, limits=Limits(psk_identities=4))
    met(client, server)
    assert asked == [b"0", b"1", b"2", b"3"]


def test_a_key_for_a_suite_that_is_off_is_not_offered(endpoints: Endpoints) -> None:
    journal = Journal()
    client, _ = by_key(endpoints, [psk("a"), psk("b", "sha384")], [])
    Connection.client(replace(client, cipher_suites=(SHA384_SUITE,), observer=journal), "localhost")
    assert [each.identity for each in offer(journal.sent[0])[0].identities] == [b"b"]


# Importers: RFC 9258


def imported(identity: bytes, context: bytes, kdf: int) -> bytes:
    """ImportedIdentity, written out. RFC 9258 §5.1"""
    return (
        len(identity).to_bytes(2, "big") + identity + len(context).to_bytes(2, "big") + context
        + b"\x03\x04" + kdf.to_bytes(2, "big")
    )  # fmt: skip


@pytest.mark.parametrize("hash_name", ["sha256", "sha384"])
@pytest.mark.parametrize("context", [b"", b"where we met"])
def test_an_imported_key_is_what_rfc_9258_derives(hash_name: str, context: bytes) -> None:
    keys = import_psk(b"outer name", KEY, context=context, hash_name=hash_name)
    assert len(keys) == 2
    extracted = extract(hash_name, bytes(len(digest(hash_name))), KEY)
    for each, kdf, target, length in zip(keys, (1, 2), ("sha256", "sha384"), (32, 48), strict=True):
        name = imported(b"outer name", context, kdf)
        assert each.identity == name
        assert each.hash_name == target
        assert each.binder_label == b"imp binder"
        assert each.key == expand_label(hash_name, extracted, b"derived psk", digest(hash_name, name), length)


def test_an_imported_key_is_none_that_was_given(endpoints: Endpoints) -> None:
    """The same secret, imported on one side only, is another identity."""
    client, server = by_key(endpoints, import_psk(b"a", KEY), [psk("a")])
    assert met(client, server)[0].psk_identity is None


def test_keys_imported_for_different_contexts_are_different(endpoints: Endpoints) -> None:
    client, server = by_key(endpoints, import_psk(b"a", KEY, context=b"1"), import_psk(b"a", KEY, context=b"2"))
    assert met(client, server)[0].psk_identity is None


def test_an_importer_serves_only_the_kdfs_that_it_is_asked_for() -> None:
    (only,) = import_psk(b"a", KEY, targets=[TlsKdfIdentifier.HKDF_SHA384])
    assert (only.hash_name, len(only.key)) == ("sha384", 48)


def test_impossible_keys_are_refused_when_they_are_made() -> None:
    for make in (
        lambda: psk("", key=KEY),
        lambda: Psk(identity=b"a" * 65529, key=KEY),
        lambda: psk("a", key=bytes(15)),
        lambda: psk("a", "md5"),
        lambda: import_psk(b"", KEY),
        lambda: import_psk(b"a", KEY, context=bytes(65536)),
        lambda: import_psk(b"a", KEY, hash_name="md5"),
        lambda: import_psk(b"a", KEY, targets=[TlsKdfIdentifier(0xFFFF)]),
    ):
        with pytest.raises(ConfigurationError):
            make()


def test_a_key_is_not_shown() -> None:
    assert KEY.hex() not in repr(psk("a"))
    assert repr(KEY) not in repr(psk("a"))


# Early data


def test_early_data_under_an_external_key_is_offered_and_given_back(endpoints: Endpoints) -> None:
    terms = EarlyDataTerms(cipher_suite=SHA256_SUITE, application_protocol=None, max_size=100)
    keys = (replace(psk("a"), early_data=terms),)
    client_config, server_config = by_key(endpoints, keys, keys)
    client = Connection.client(replace(client_config, early_data=True), "localhost")
    server = Connection.server(server_config)
    assert client.early_data_room == 100
    client.send_early(b"hello?")
    told, _ = exchange(client, server)
    assert EarlyDataRejected(b"hello?") in told
    assert client.negotiated is not None
    assert client.negotiated.psk_identity == b"a"
    assert client.negotiated.early_data is EarlyData.rejected


@pytest.mark.parametrize(
    "terms",
    [
        EarlyDataTerms(cipher_suite=SHA384_SUITE, application_protocol=None, max_size=9),
        EarlyDataTerms(cipher_suite=SHA256_SUITE, application_protocol="h2", max_size=9),
    ],
    ids=["another suite", "another protocol"],
)
def test_early_data_on_terms_that_can_t_be_met_is_not_offered(endpoints: Endpoints, terms: EarlyDataTerms) -> None:
    config = replace(
        endpoints.client_config,
        psks=(replace(psk("a"), early_data=terms),),
        early_data=True,
        cipher_suites=(SHA256_SUITE,),
        application_protocols=("http/1.1",),
    )
    assert Connection.client(config, "localhost").early_data_room == 0
