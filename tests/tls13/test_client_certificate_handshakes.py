"""Client certificates in whole handshakes: every kind of key, every flaw with its alert, the choice among several."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from endpoints import exchange

from certs import CLIENT_FLAWS, Authority, Flaw, Identity, KeyType, Profile, generate, mint_flawed_client
from schemas.code_points import AlertDescription
from schemas.extensions import OIDFilter
from tls13.config import ClientAuthentication, ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.crypto.signatures import SIGNATURES
from tls13.errors import AlertReceived, CertificateRequired, Reason
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification, TrustStore

NOW = datetime(2031, 5, 17, 12, 30, tzinfo=UTC)
ALICE = Profile.client("alice", now=NOW)
SERVERS_ONLY = OIDFilter(
    certificate_extension_oid=bytes.fromhex("0603 551d25"),
    certificate_extension_values=bytes.fromhex("300a 0608 2b06010505070301"),
)


@cache
def authority(name: str = "the root", key_type: KeyType = KeyType.ECDSA_P256) -> Authority:
    return Authority.self_made(name, now=NOW, key_type=key_type)


def credential(identity: Identity) -> Credential:
    return Credential.from_der(identity.certificate_list, identity.key_der)


def client(*credentials: Credential) -> Connection:
    trust = TrustStore([authority().root])
    config = ClientConfig(trust=trust, credentials=credentials, signature_schemes=tuple(SIGNATURES), clock=lambda: NOW)
    return Connection.client(config, "localhost")


@cache
def servers_own() -> Credential:
    return credential(authority().issue(Profile.server(("localhost",), now=NOW), generate(KeyType.ED25519)))


def server(*roots: Authority, **asked: Any) -> Connection:
    """One that believes the clients of `roots`, or every client if there are none."""
    policy = TrustStore([each.root for each in roots]) if roots else NoVerification()
    config = ServerConfig(
        credentials=(servers_own(),),
        client_authentication=ClientAuthentication(policy=policy, **asked),
        signature_schemes=tuple(SIGNATURES),
        clock=lambda: NOW,
    )
    return Connection.server(config)


def shown(caller: Connection, called: Connection) -> tuple[bytes, ...]:
    """The chain that the server saw, once the handshake is over."""
    exchange(caller, called)
    assert called.negotiated is not None
    return called.negotiated.peer_certificates


@pytest.mark.parametrize("key_type", KeyType)
def test_a_client_with_any_kind_of_key_is_believed(key_type: KeyType) -> None:
    alice = credential(authority().issue(ALICE, generate(key_type)))
    assert shown(client(alice), server(authority())) == alice.certificate_list


@pytest.mark.parametrize("key_type", [KeyType.ML_DSA_44, KeyType.ML_DSA_65, KeyType.ML_DSA_87])
def test_a_clients_chain_may_be_ml_dsa_throughout(key_type: KeyType) -> None:
    root = authority("the ML-DSA root", key_type)
    middle = root.subordinate(Profile.authority("the middle", now=NOW), key_type=key_type)
    alice = credential(middle.issue(ALICE, generate(key_type)))
    assert shown(client(alice), server(root)) == alice.certificate_list


ALERTS = {
    Flaw.EXPIRED: AlertDescription.certificate_expired,
    Flaw.NOT_YET_VALID: AlertDescription.certificate_expired,
    Flaw.WRONG_USAGE: AlertDescription.bad_certificate,
    Flaw.EXPIRED_ISSUER: AlertDescription.certificate_expired,
    Flaw.ISSUER_IS_NO_CA: AlertDescription.bad_certificate,
    Flaw.WEAK_KEY: AlertDescription.unsupported_certificate,
    Flaw.WEAK_SIGNATURE: AlertDescription.bad_certificate,
    Flaw.NAMESAKE_CA: AlertDescription.unknown_ca,
    Flaw.UNKNOWN_CA: AlertDescription.unknown_ca,
    Flaw.SELF_SIGNED: AlertDescription.unknown_ca,
}


class UnderAnyName(TrustStore):
    """A store that names no authorities, so that a client sends what it has."""

    authorities = ()


@pytest.mark.parametrize("flaw", sorted(set(CLIENT_FLAWS) - {Flaw.UNSUPPORTED_KEY, Flaw.WEAK_SIGNATURE}))
def test_the_client_hears_what_is_wrong_with_its_certificate(flaw: Flaw) -> None:
    """But for two: a key that TLS can't sign with is no credential, and a signature that nobody accepts is not sent."""
    alice = credential(mint_flawed_client(flaw, authority(), "alice", now=NOW))
    asked = ClientAuthentication(policy=UnderAnyName([authority().root]))
    config = ServerConfig(credentials=(servers_own(),), client_authentication=asked, clock=lambda: NOW)
    caller, called = client(alice), Connection.server(config)
    with pytest.raises(Reason) as refused:
        exchange(caller, called)
    assert refused.value.alert is ALERTS[flaw]
    with pytest.raises(AlertReceived) as heard:
        caller.receive_data(called.data_to_send())
    assert heard.value.alert is ALERTS[flaw]


def test_of_several_certificates_the_client_sends_the_one_that_the_server_has_the_authority_of() -> None:
    issuers = [authority(), authority("another"), authority("a third")]
    credentials = [credential(each.issue(ALICE, generate(KeyType.ED25519))) for each in issuers]
    for issuer, expected in zip(issuers, credentials, strict=True):
        assert shown(client(*credentials), server(issuer)) == expected.certificate_list
    assert shown(client(*credentials), server()) == credentials[0].certificate_list


def test_of_several_certificates_the_client_sends_the_one_that_the_server_filters_by() -> None:
    both = authority().issue(Profile.server(("alice",), now=NOW), generate(KeyType.ED25519))
    plain, special = credential(authority().issue(ALICE, generate(KeyType.ED25519))), credential(both)
    assert shown(client(plain, special), server(oid_filters=(SERVERS_ONLY,))) == special.certificate_list
    assert shown(client(plain, special), server()) == plain.certificate_list


@pytest.mark.parametrize(
    "asked", [{"roots": ["another"]}, {"oid_filters": (SERVERS_ONLY,)}], ids=["of another authority", "of another use"]
)
def test_a_client_whose_certificates_do_not_fit_sends_none(asked: dict[str, Any]) -> None:
    plain = credential(authority().issue(ALICE, generate(KeyType.ED25519)))
    roots = [authority(name) for name in asked.get("roots", [])]
    rest = {name: value for name, value in asked.items() if name != "roots"}
    assert shown(client(plain), server(*roots, required=False, **rest)) == ()
    with pytest.raises(CertificateRequired):
        shown(client(plain), server(*roots, **rest))
