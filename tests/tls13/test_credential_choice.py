"""Which of several certificates a client is shown, and which a server. RFC 9846 §4.5.1.2, §4.3.3, §4.3.4, §4.3.5"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from certs import Authority, KeyType, Profile, generate, self_signed
from schemas.code_points import SignatureScheme
from schemas.extensions import OIDFilter
from tls13.errors import ForbiddenValue, NoCommonSignatureScheme, UnrecognizedName
from tls13.handshake.negotiation import choose_credential
from tls13.x509.credentials import Credential, choose_client_credential

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ALL = (SignatureScheme.ecdsa_secp256r1_sha256, SignatureScheme.ed25519)
ECDSA_CHAIN = {SignatureScheme.ecdsa_secp256r1_sha256}
RSA_CHAIN = {SignatureScheme.rsa_pkcs1_sha256}


def credential(authority: KeyType, key: KeyType, *names: str) -> Credential:
    issuer = Authority.self_made(f"authority {authority}", now=NOW, key_type=authority)
    identity = issuer.issue(Profile.server(names, now=NOW), generate(key))
    return Credential.from_der(identity.certificate_list, identity.key_der)


@pytest.fixture(scope="module")
def by_rsa() -> Credential:
    return credential(KeyType.RSA, KeyType.ED25519, "one.test")


@pytest.fixture(scope="module")
def by_ecdsa() -> Credential:
    return credential(KeyType.ECDSA_P256, KeyType.ED25519, "one.test")


@pytest.fixture(scope="module")
def elsewhere() -> Credential:
    return credential(KeyType.ECDSA_P256, KeyType.ECDSA_P256, "other.test")


def choose(
    credentials: list[Credential],
    name: str | None,
    chain: set[SignatureScheme],
    schemes: tuple[SignatureScheme, ...] = ALL,
) -> Credential:
    return choose_credential(credentials, name, schemes, chain, require_server_name=False)[0]


def test_a_chain_says_how_it_is_signed(by_rsa: Credential, by_ecdsa: Credential) -> None:
    assert by_rsa.chain_schemes == RSA_CHAIN
    assert by_ecdsa.chain_schemes == ECDSA_CHAIN


def test_a_certificate_that_signs_itself_says_nothing() -> None:
    alone = self_signed(Profile.server(("one.test",), now=NOW), generate(KeyType.ED25519))
    made = Credential.from_der(alone.certificate_list, alone.key_der)
    assert made.chain_schemes == frozenset()


def test_the_chain_that_the_client_can_verify_goes_first(by_rsa: Credential, by_ecdsa: Credential) -> None:
    for order in ([by_rsa, by_ecdsa], [by_ecdsa, by_rsa]):
        assert choose(order, "one.test", ECDSA_CHAIN) is by_ecdsa
        assert choose(order, "one.test", RSA_CHAIN) is by_rsa
        assert choose(order, "one.test", RSA_CHAIN | ECDSA_CHAIN) is order[0]


def test_the_name_counts_for_more_than_the_chain(by_rsa: Credential, elsewhere: Credential) -> None:
    assert choose([elsewhere, by_rsa], "one.test", ECDSA_CHAIN) is by_rsa
    assert choose([elsewhere, by_rsa], None, RSA_CHAIN) is by_rsa


def test_any_chain_is_better_than_none(by_rsa: Credential) -> None:
    assert choose([by_rsa], "one.test", ECDSA_CHAIN) is by_rsa
    assert choose([by_rsa], "unknown.test", ECDSA_CHAIN) is by_rsa


def test_the_key_must_sign_by_one_of_the_clients_schemes(by_rsa: Credential, elsewhere: Credential) -> None:
    only = (SignatureScheme.ecdsa_secp256r1_sha256,)
    assert choose([by_rsa, elsewhere], "one.test", RSA_CHAIN, only) is elsewhere
    with pytest.raises(NoCommonSignatureScheme) as refused:
        choose([by_rsa], "one.test", RSA_CHAIN, only)
    assert refused.value.offered == ("ecdsa_secp256r1_sha256",)
    assert refused.value.supported == ("ed25519",)


def test_a_strict_server_has_the_name_or_refuses(by_rsa: Credential) -> None:
    with pytest.raises(UnrecognizedName, match=r"unknown\.test"):
        choose_credential([by_rsa], "unknown.test", ALL, RSA_CHAIN, require_server_name=True)
    assert choose_credential([by_rsa], None, ALL, RSA_CHAIN, require_server_name=True)[0] is by_rsa


# -- a client among its own --------------------------------------------------------------------------------

ECDSA = KeyType.ECDSA_P256
CLIENT_AUTH = OIDFilter(
    certificate_extension_oid=bytes.fromhex("0603 551d25"),
    certificate_extension_values=bytes.fromhex("300a 0608 2b06010505070302"),
)
KEY_AGREEMENT = OIDFilter(
    certificate_extension_oid=bytes.fromhex("0603 551d0f"), certificate_extension_values=bytes.fromhex("03020308")
)


def distinguished_name(common_name: str) -> bytes:
    """One attribute, in UTF-8."""
    text = common_name.encode()
    content = bytes.fromhex("0603 550403 0c") + bytes([len(text)]) + text
    attribute = b"\x30" + bytes([len(content)]) + content
    return bytes([0x30, 2 + len(attribute), 0x31, len(attribute)]) + attribute


def answer(
    credentials: list[Credential],
    *,
    schemes: tuple[SignatureScheme, ...] = ALL,
    chain: set[SignatureScheme] = ECDSA_CHAIN | RSA_CHAIN,
    authorities: tuple[bytes, ...] = (),
    filters: tuple[OIDFilter, ...] = (),
) -> tuple[Credential, SignatureScheme] | None:
    return choose_client_credential(
        credentials, schemes=schemes, certificate_schemes=chain, authorities=authorities, filters=filters
    )


@pytest.fixture(scope="module")
def clients() -> list[Credential]:
    """Ed25519 by RSA, Ed25519 by ECDSA, ECDSA by an intermediate; the last is for servers too."""
    issuers = [Authority.self_made(f"authority {kind}", now=NOW, key_type=kind) for kind in (KeyType.RSA, ECDSA)]
    issuers.append(Authority.self_made("the top", now=NOW).subordinate(Profile.authority("the middle", now=NOW)))
    identities = [
        issuer.issue(Profile.client("alice", now=NOW), generate(key))
        for issuer, key in zip(issuers, (KeyType.ED25519, KeyType.ED25519, ECDSA), strict=True)
    ]
    return [Credential.from_der(each.certificate_list, each.key_der) for each in identities]


def test_a_credential_knows_who_issued_each_certificate_of_its_chain(clients: list[Credential]) -> None:
    assert [each.issuers for each in clients] == [
        {distinguished_name("authority rsa")},
        {distinguished_name("authority ecdsa-p256")},
        {distinguished_name("the middle"), distinguished_name("the top")},
    ]


def test_an_issuers_name_is_kept_as_it_stands_in_the_certificate() -> None:
    """Other encodings are other bytes, though the name reads the same: here a PrintableString instead of UTF-8."""
    made = Authority.self_made("root", now=NOW).issue(Profile.client("alice", now=NOW), generate(KeyType.ED25519))
    name = distinguished_name("root")
    printable = name.replace(b"\x0c\x04root", b"\x13\x04root")
    assert made.certificate_list[0].count(name) == 1
    altered = made.certificate_list[0].replace(name, printable)
    assert Credential.from_der([altered], made.key_der).issuers == {printable}


def test_the_first_client_certificate_that_fits_is_sent_with_its_own_best_scheme(clients: list[Credential]) -> None:
    assert answer(clients) == (clients[0], SignatureScheme.ed25519)
    assert answer(clients[::-1]) == (clients[2], SignatureScheme.ecdsa_secp256r1_sha256)


def test_its_key_must_sign_by_one_of_the_servers_schemes(clients: list[Credential]) -> None:
    assert answer(clients, schemes=(SignatureScheme.ecdsa_secp256r1_sha256,)) == (
        clients[2],
        SignatureScheme.ecdsa_secp256r1_sha256,
    )
    assert answer(clients, schemes=(SignatureScheme.rsa_pss_rsae_sha256,)) is None


def test_its_whole_chain_must_be_signed_as_the_server_accepts(clients: list[Credential]) -> None:
    assert answer(clients, chain=ECDSA_CHAIN) == (clients[1], SignatureScheme.ed25519)
    assert answer(clients, chain={SignatureScheme.ed25519}) is None


def test_one_of_the_authorities_must_have_issued_some_of_its_chain(clients: list[Credential]) -> None:
    for name, expected in (("authority ecdsa-p256", 1), ("the middle", 2), ("the top", 2)):
        chosen = answer(clients, authorities=(distinguished_name("somebody"), distinguished_name(name)))
        assert chosen is not None
        assert chosen[0] is clients[expected]
    assert answer(clients, authorities=(distinguished_name("somebody"),)) is None
    # It is the issuers that count, not whom the certificate is for.
    assert answer(clients, authorities=(distinguished_name("alice"),)) is None


def test_a_self_signed_client_certificate_is_issued_by_itself() -> None:
    made = self_signed(Profile.client("alice", now=NOW), generate(KeyType.ED25519))
    alone = Credential.from_der(made.certificate_list, made.key_der)
    assert answer([alone], chain=set(), authorities=(distinguished_name("alice"),)) is not None
    assert answer([alone], authorities=(distinguished_name("bob"),)) is None


def test_it_must_have_the_extensions_that_the_server_filters_by(
    clients: list[Credential], elsewhere: Credential
) -> None:
    assert answer([elsewhere, *clients], filters=(CLIENT_AUTH,)) == (clients[0], SignatureScheme.ed25519)
    assert answer([elsewhere, *clients], filters=(CLIENT_AUTH, KEY_AGREEMENT)) is None
    assert clients[0].matches_filters([CLIENT_AUTH])
    assert not elsewhere.matches_filters([CLIENT_AUTH])


def test_all_conditions_hold_for_one_and_the_same(clients: list[Credential]) -> None:
    """Each is met by one of them, and all by none."""
    assert answer(clients, chain=RSA_CHAIN, authorities=(distinguished_name("authority ecdsa-p256"),)) is None
    assert answer(clients, schemes=ALL[1:], authorities=(distinguished_name("the top"),)) is None


def test_filters_that_no_server_may_send_are_refused_even_where_nothing_could_match(clients: list[Credential]) -> None:
    for credentials in (clients, []):
        with pytest.raises(ForbiddenValue):
            answer(credentials, schemes=(), filters=(CLIENT_AUTH, CLIENT_AUTH))


def test_without_credentials_there_is_none_to_choose() -> None:
    assert answer([]) is None
