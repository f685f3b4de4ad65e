"""Every suite, group and signature scheme in whole handshakes of our client with our server; the defaults."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from endpoints import Endpoints, exchange
from signing_keys import DEDICATED_PSS, der, key_for, pkcs8_for, rsa_key, spki, spki_for
from trusted_root import NOW, authority, store

from certs import Profile
from schemas.code_points import CipherSuite, NamedGroup, SignatureScheme
from tls13.config import CIPHER_SUITES, GROUPS_BY_PREFERENCE, SIGNATURE_SCHEMES, ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.crypto.aead import SUITES
from tls13.crypto.groups import GROUPS
from tls13.crypto.signatures import SIGNATURES
from tls13.errors import TLSError
from tls13.events import DataReceived
from tls13.x509.credentials import Credential
from tls13.x509.trust import CERTIFICATE_SIGNATURE_SCHEMES, NoVerification


def converse(client: Connection, server: Connection) -> None:
    """A handshake, then data both ways under keys that change."""
    exchange(client, server)
    for round_trip in range(2):
        question, answer = b"question " * 3000, b"answer %d" % round_trip
        client.send(question)
        server.send(answer)
        at_client, at_server = exchange(client, server)
        assert b"".join(each.data for each in at_server if isinstance(each, DataReceived)) == question
        assert b"".join(each.data for each in at_client if isinstance(each, DataReceived)) == answer
        client.update_keys()
        server.update_keys()


@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_every_suite_carries_a_conversation(endpoints: Endpoints, suite: CipherSuite) -> None:
    client, server = endpoints.client(cipher_suites=(suite,)), endpoints.server(cipher_suites=tuple(SUITES))
    converse(client, server)
    for each in (client, server):
        assert each.negotiated is not None
        assert each.negotiated.cipher_suite is suite


@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_an_altered_record_of_every_suite_ends_the_connection(endpoints: Endpoints, suite: CipherSuite) -> None:
    client, server = endpoints.client(cipher_suites=(suite,)), endpoints.server(cipher_suites=(suite,))
    exchange(client, server)
    client.send(b"hello")
    record = bytearray(client.data_to_send())
    assert len(record) == 5 + 5 + 1 + SUITES[suite].tag_length
    record[-1] ^= 1
    with pytest.raises(TLSError, match="does not open"):
        server.receive_data(bytes(record))


@pytest.mark.parametrize("retry", [False, True], ids=["at once", "after a retry"])
@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_every_group_agrees_on_keys(endpoints: Endpoints, group: NamedGroup, retry: bool) -> None:
    client = endpoints.client(groups=(group,), key_shares=0 if retry else 1)
    server = endpoints.server(groups=tuple(GROUPS))
    converse(client, server)
    for each in (client, server):
        assert each.negotiated is not None
        assert (each.negotiated.group, each.negotiated.retried) == (group, retry)


@cache
def credential(scheme: SignatureScheme) -> Credential:
    """A server's, for localhost, with a key of the type that the scheme is for."""
    issuer, key = authority(), key_for(scheme)
    profile = Profile.server(("localhost",), now=NOW)
    builder = x509.CertificateBuilder(
        issuer_name=issuer.root.subject,
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")]),
        public_key=key.public_key(),
        serial_number=1000,
        not_valid_before=profile.not_before,
        not_valid_after=profile.not_after,
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    made = builder.sign(issuer.key, hashes.SHA256())
    if scheme not in DEDICATED_PSS:
        return Credential.from_der([made.public_bytes(Encoding.DER)], pkcs8_for(scheme))
    # The library makes none for RSASSA-PSS keys: the SubjectPublicKeyInfo is put in and all of it signed anew.
    content = made.tbs_certificate_bytes[4:].replace(spki(rsa_key()), spki_for(scheme))
    to_sign, algorithm = der(0x30, content), der(0x30, bytes.fromhex("0608 2a8648ce3d040302"))
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    signature = issuer.key.sign(to_sign, ec.ECDSA(hashes.SHA256()))
    return Credential.from_der([der(0x30, to_sign, algorithm, der(0x03, b"\0", signature))], pkcs8_for(scheme))


@pytest.mark.parametrize("scheme", SIGNATURES, ids=str)
def test_every_signature_scheme_authenticates_a_server(scheme: SignatureScheme) -> None:
    client = Connection.client(ClientConfig(trust=store(), signature_schemes=(scheme,), clock=lambda: NOW), "localhost")
    server = Connection.server(ServerConfig(credentials=(credential(scheme),), clock=lambda: NOW))
    converse(client, server)
    for each in (client, server):
        assert each.negotiated is not None
        assert each.negotiated.signature_scheme is scheme


@pytest.mark.parametrize("scheme", SIGNATURES, ids=str)
def test_a_server_with_a_certificate_of_every_type_shows_the_one_that_the_client_can_verify(
    scheme: SignatureScheme,
) -> None:
    client = Connection.client(ClientConfig(trust=store(), signature_schemes=(scheme,), clock=lambda: NOW), "localhost")
    credentials = tuple(credential(each) for each in reversed(list(SIGNATURES)))
    server = Connection.server(ServerConfig(credentials=credentials, clock=lambda: NOW))
    exchange(client, server)
    assert client.negotiated is not None
    assert client.negotiated.signature_scheme is scheme


# -- defaults ------------------------------------------------------------------------------------------------


def test_a_hybrid_is_what_both_ends_agree_on_by_default(endpoints: Endpoints) -> None:
    client, server = endpoints.client(groups=GROUPS_BY_PREFERENCE), endpoints.server(groups=GROUPS_BY_PREFERENCE)
    exchange(client, server)
    assert client.negotiated is not None
    assert client.negotiated.group is NamedGroup.X25519MLKEM768
    assert not client.negotiated.retried


def test_the_default_groups_are_those_of_a_browser_and_in_its_order() -> None:
    browsers = [NamedGroup.X25519MLKEM768, NamedGroup.x25519, NamedGroup.secp256r1, NamedGroup.secp384r1]
    assert list(GROUPS_BY_PREFERENCE) == browsers
    assert set(GROUPS_BY_PREFERENCE) <= set(GROUPS)


def test_all_suites_are_on_by_default_but_the_one_with_a_short_tag() -> None:
    assert set(SUITES) - set(CIPHER_SUITES) == {CipherSuite.TLS_AES_128_CCM_8_SHA256}
    assert CIPHER_SUITES[-1] is CipherSuite.TLS_AES_128_CCM_SHA256


def test_all_signature_schemes_are_on_by_default_but_ml_dsa() -> None:
    assert set(SIGNATURES) - set(SIGNATURE_SCHEMES) == {
        SignatureScheme.mldsa44,
        SignatureScheme.mldsa65,
        SignatureScheme.mldsa87,
    }


def test_rsa_pkcs1_is_for_certificates_alone() -> None:
    """RFC 9846 §4.3.3."""
    pkcs1 = {
        SignatureScheme.rsa_pkcs1_sha256,
        SignatureScheme.rsa_pkcs1_sha384,
        SignatureScheme.rsa_pkcs1_sha512,
    }
    assert pkcs1 <= set(CERTIFICATE_SIGNATURE_SCHEMES)
    assert not pkcs1 & set(SIGNATURES)
    # OpenSSL's server goes by that list even for a certificate that is signed by its own key.
    assert set(SIGNATURE_SCHEMES) <= set(CERTIFICATE_SIGNATURE_SCHEMES)


@pytest.mark.parametrize("names", [CIPHER_SUITES, GROUPS_BY_PREFERENCE, SIGNATURE_SCHEMES])
def test_the_defaults_are_those_of_a_config_that_is_told_nothing(names: tuple[object, ...]) -> None:
    config = ClientConfig(trust=NoVerification())
    assert names in (config.cipher_suites, config.groups, config.signature_schemes)
    assert replace(config) == config
