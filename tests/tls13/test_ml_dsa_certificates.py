"""Handshakes with ML-DSA certificates from root to leaf, enabled by name. draft-ietf-tls-mldsa, RFC 9881."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import pytest
from endpoints import exchange

from certs import Authority, Identity, KeyType, Profile, generate, self_signed
from schemas.code_points import AlertDescription, SignatureScheme
from tls13.config import SIGNATURE_SCHEMES, ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.crypto.signatures import SIGNATURES
from tls13.errors import NoCommonSignatureScheme, TLSError, UnknownCA
from tls13.events import DataReceived
from tls13.x509.credentials import Credential
from tls13.x509.trust import CERTIFICATE_SIGNATURE_SCHEMES, TrustStore, certificate_signature_schemes

NOW = datetime(2031, 5, 17, 12, 30, tzinfo=UTC)
ML_DSA = {
    KeyType.ML_DSA_44: SignatureScheme.mldsa44,
    KeyType.ML_DSA_65: SignatureScheme.mldsa65,
    KeyType.ML_DSA_87: SignatureScheme.mldsa87,
}


@cache
def authority(key_type: KeyType) -> Authority:
    root = Authority.self_made("the root", now=NOW, key_type=key_type)
    return root.subordinate(Profile.authority("the intermediate", now=NOW), key_type=key_type)


@cache
def server(key_type: KeyType) -> Credential:
    made = authority(key_type).issue(Profile.server(("localhost",), now=NOW), generate(key_type))
    return Credential.from_der(made.certificate_list, made.key_der)


def client_of(trust: TrustStore, *schemes: SignatureScheme) -> Connection:
    config = ClientConfig(trust=trust, signature_schemes=schemes or SIGNATURE_SCHEMES, clock=lambda: NOW)
    return Connection.client(config, "localhost")


def server_with(*credentials: Credential) -> Connection:
    return Connection.server(
        ServerConfig(credentials=credentials, signature_schemes=tuple(SIGNATURES), clock=lambda: NOW)
    )


@pytest.mark.parametrize("key_type", ML_DSA)
def test_a_server_with_nothing_but_ml_dsa_is_believed(key_type: KeyType) -> None:
    scheme = ML_DSA[key_type]
    client, peer = client_of(TrustStore([authority(key_type).root]), scheme), server_with(server(key_type))
    exchange(client, peer)
    client.send(b"hello")
    _, events = exchange(client, peer)
    assert [each.data for each in events if isinstance(each, DataReceived)] == [b"hello"]
    for each in (client, peer):
        assert each.negotiated is not None
        assert each.negotiated.signature_scheme is scheme


@pytest.mark.parametrize("key_type", ML_DSA)
def test_a_credential_tells_how_it_signs_and_how_its_chain_is_signed(key_type: KeyType) -> None:
    assert server(key_type).schemes == (ML_DSA[key_type],)
    assert server(key_type).chain_schemes == {ML_DSA[key_type]}


def test_it_is_offered_for_chains_where_it_is_enabled() -> None:
    assert certificate_signature_schemes(SIGNATURE_SCHEMES) == CERTIFICATE_SIGNATURE_SCHEMES
    enabled = (SignatureScheme.mldsa65, SignatureScheme.ed25519)
    assert certificate_signature_schemes(enabled) == (*CERTIFICATE_SIGNATURE_SCHEMES, SignatureScheme.mldsa65)


def test_a_client_that_did_not_enable_it_is_shown_another_certificate_or_none() -> None:
    assert not set(ML_DSA.values()) & {*SIGNATURE_SCHEMES, *CERTIFICATE_SIGNATURE_SCHEMES}
    plain = Authority.self_made("plain", now=NOW)
    made = plain.issue(Profile.server(("localhost",), now=NOW), generate(KeyType.ED25519))
    ed25519 = Credential.from_der(made.certificate_list, made.key_der)
    client = client_of(TrustStore([plain.root]))
    exchange(client, server_with(server(KeyType.ML_DSA_65), ed25519))
    assert client.negotiated is not None
    assert client.negotiated.signature_scheme is SignatureScheme.ed25519
    with pytest.raises(NoCommonSignatureScheme, match="mldsa65"):
        exchange(client_of(TrustStore([plain.root])), server_with(server(KeyType.ML_DSA_65)))


def test_a_chain_under_another_ml_dsa_root_is_refused() -> None:
    stranger = TrustStore([authority(KeyType.ML_DSA_87).root])
    client, peer = client_of(stranger, SignatureScheme.mldsa44), server_with(server(KeyType.ML_DSA_44))
    with pytest.raises(TLSError) as caught:
        exchange(client, peer)
    assert isinstance(caught.value, UnknownCA)
    assert caught.value.alert is AlertDescription.unknown_ca


def test_a_certificate_whose_signature_is_altered_is_refused() -> None:
    good = server(KeyType.ML_DSA_44)
    leaf = bytearray(good.certificate_list[0])
    leaf[-100] ^= 1
    bad = Credential((bytes(leaf), *good.certificate_list[1:]), good.signer)
    client = client_of(TrustStore([authority(KeyType.ML_DSA_44).root]), SignatureScheme.mldsa44)
    with pytest.raises(TLSError, match="the signature under certificate CN=tls13 test server is not that of"):
        exchange(client, server_with(bad))


@pytest.mark.parametrize("key_type", ML_DSA)
@pytest.mark.parametrize("alone", [False, True], ids=["by an authority", "trusted itself"])
def test_a_client_certificate_may_be_ml_dsa_too(key_type: KeyType, alone: bool) -> None:
    profile = Profile.client("alice", now=NOW)
    made: Identity = (
        self_signed(profile, generate(key_type)) if alone else authority(key_type).issue(profile, generate(key_type))
    )
    trust = TrustStore([made.certificate if alone else authority(key_type).root])
    path = trust.verify_client(made.certificate_list, NOW)
    assert path[: len(made.certificate_list)] == made.certificate_list
