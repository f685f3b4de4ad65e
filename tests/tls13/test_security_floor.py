"""What is weaker than the floor is left out, or refused: of suites, groups, schemes and keys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from endpoints import Endpoints, exchange

from certs import Pki
from schemas.code_points import CipherSuite, NamedGroup, SignatureScheme
from tls13.config import CIPHER_SUITES, GROUPS_BY_PREFERENCE, SIGNATURE_SCHEMES
from tls13.connection import Connection
from tls13.errors import ConfigurationError, InsufficientSecurity
from tls13.x509.credentials import Credential


def credential(pki: Pki, key_type: str) -> Credential:
    files = pki.server(key_type)
    return Credential.load(files.certificate, files.key)


def test_without_a_floor_nothing_is_left_out(endpoints: Endpoints) -> None:
    config = replace(endpoints.client_config, cipher_suites=CIPHER_SUITES, groups=GROUPS_BY_PREFERENCE)
    assert (config.cipher_suites, config.groups) == (CIPHER_SUITES, GROUPS_BY_PREFERENCE)
    assert config.signature_schemes == SIGNATURE_SCHEMES


def test_what_is_weaker_than_the_floor_is_left_out(endpoints: Endpoints) -> None:
    config = replace(
        endpoints.client_config,
        cipher_suites=(*CIPHER_SUITES, CipherSuite.TLS_AES_128_CCM_8_SHA256),
        groups=GROUPS_BY_PREFERENCE,
        security_floor=192,
    )
    assert config.cipher_suites == (CipherSuite.TLS_AES_256_GCM_SHA384, CipherSuite.TLS_CHACHA20_POLY1305_SHA256)
    assert NamedGroup.secp384r1 in config.groups
    assert not {NamedGroup.x25519, NamedGroup.secp256r1} & set(config.groups)
    assert SignatureScheme.ecdsa_secp384r1_sha384 in config.signature_schemes
    assert not {SignatureScheme.ed25519, SignatureScheme.ecdsa_secp256r1_sha256} & set(config.signature_schemes)


def test_a_floor_that_nothing_reaches_is_a_mistake(endpoints: Endpoints) -> None:
    with pytest.raises(ConfigurationError, match="none of the groups reaches 192 bits"):
        replace(endpoints.client_config, groups=(NamedGroup.x25519,), security_floor=192)


def test_a_server_refuses_to_start_with_a_key_below_its_floor(endpoints: Endpoints, pki: Pki) -> None:
    with pytest.raises(ConfigurationError, match="of 112 bits, under the floor of 128"):
        replace(endpoints.server_config, credentials=(credential(pki, "rsa"),), security_floor=128)


def test_a_client_refuses_a_certificate_below_its_floor(endpoints: Endpoints, pki: Pki) -> None:
    for floor, is_enough in ((112, True), (113, False)):
        client = Connection.client(replace(endpoints.client_config, security_floor=floor), "localhost")
        server = Connection.server(replace(endpoints.server_config, credentials=(credential(pki, "rsa"),)))
        if is_enough:
            exchange(client, server)
            assert client.negotiated is not None
            continue
        with pytest.raises(InsufficientSecurity, match="of 112 bits, where 113 are asked for"):
            exchange(client, server)
