"""Which of several certificates a client is shown. RFC 9846 §4.5.1.2, §4.3.3"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from certs import Authority, KeyType, Profile, generate, self_signed
from schemas.code_points import SignatureScheme
from tls13.credentials import Credential
from tls13.errors import NoCommonSignatureScheme, UnrecognizedName
from tls13.handshake.negotiation import choose_credential

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
