"""What cannot work is refused when the config is made, in words that help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest
from endpoints import Endpoints

from schemas.code_points import CipherSuite, NamedGroup, SignatureScheme
from tls13.config import CIPHER_SUITES, ClientConfig
from tls13.errors import ConfigurationError
from tls13.limits import Limits
from tls13.x509.trust import NoVerification


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cipher_suites": ()}, "no cipher suite"),
        ({"cipher_suites": (CipherSuite(0x1399),)}, "unknown 0x1399 is not implemented"),
        ({"cipher_suites": (CIPHER_SUITES[0],) * 2}, "twice"),
        ({"groups": ()}, "no group"),
        ({"groups": (NamedGroup(0x7777),)}, "unknown 0x7777 is not implemented"),
        ({"groups": (NamedGroup.x25519, NamedGroup.x25519)}, "twice"),
        ({"application_protocols": ("",)}, "ALPN"),
        ({"application_protocols": ("x" * 256,)}, "ALPN"),
        ({"application_protocols": ("é",)}, "ALPN"),
    ],
)
def test_both_roles_refuse_what_they_can_not_do(endpoints: Endpoints, changes: dict[str, Any], words: str) -> None:
    for config in (endpoints.client_config, endpoints.server_config):
        with pytest.raises(ConfigurationError, match=words):
            replace(config, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signature_schemes": ()}, "no signature scheme"),
        ({"signature_schemes": (SignatureScheme.rsa_pkcs1_sha256,)}, "rsa_pkcs1_sha256 is not implemented"),
        ({"key_shares": -1}, "-1 key shares"),
    ],
)
def test_a_client_refuses_what_it_can_not_do(endpoints: Endpoints, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        replace(endpoints.client_config, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"credentials": ()}, "certificate"), ({"tickets": -1}, "-1 tickets"), ({"tickets": 256}, "256 tickets")],
)
def test_a_server_refuses_what_it_can_not_do(endpoints: Endpoints, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        replace(endpoints.server_config, **changes)


@pytest.mark.parametrize("name", [each.name for each in fields(Limits)])
def test_no_limit_is_negative(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Limits(**{name: -1})
    assert getattr(Limits(**{name: 0}), name) == 0


def test_the_error_names_the_choice() -> None:
    with pytest.raises(ConfigurationError) as raised:
        ClientConfig(trust=NoVerification(), groups=(NamedGroup(0x7777),))
    assert "x25519" in raised.value.hint
    assert "secp256r1" in raised.value.hint


@pytest.mark.parametrize(("config", "needed"), [(ClientConfig, "trust")])
def test_whom_to_trust_and_who_to_be_must_be_said(config: Callable[[], object], needed: str) -> None:
    with pytest.raises(TypeError, match=needed):
        config()


@pytest.mark.parametrize("name", ["key_shares", "trust", "limits"])
def test_a_config_is_frozen(endpoints: Endpoints, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(endpoints.client_config, name, None)


def test_what_is_mandatory_to_implement_is_on_by_default() -> None:
    """RFC 9846 §9.1, with what it recommends."""
    config = ClientConfig(trust=NoVerification())
    assert set(config.cipher_suites) >= {
        CipherSuite.TLS_AES_128_GCM_SHA256,
        CipherSuite.TLS_AES_256_GCM_SHA384,
        CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    }
    assert set(config.groups) >= {NamedGroup.x25519, NamedGroup.secp256r1}
    assert set(config.signature_schemes) >= {
        SignatureScheme.ed25519,
        SignatureScheme.ecdsa_secp256r1_sha256,
        SignatureScheme.rsa_pss_rsae_sha256,
        SignatureScheme.rsa_pss_rsae_sha384,
        SignatureScheme.rsa_pss_rsae_sha512,
    }
