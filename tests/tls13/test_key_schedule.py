"""The key schedule against the figures of RFC 8448 §3, stage by stage."""

from __future__ import annotations

import pytest
from by_hand import AEADS

from schemas.code_points import CipherSuite
from tls13.crypto.aead import SUITES
from tls13.key_schedule import (
    EarlySecret,
    HandshakeSecret,
    MainSecret,
    traffic_keys,
    updated_traffic_secret,
    verify_data,
)


def h(text: str) -> bytes:
    return bytes.fromhex(text)


AES_128 = SUITES[CipherSuite.TLS_AES_128_GCM_SHA256]

SHARED_SECRET = h("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d")
HASH_TO_SERVER_HELLO = h("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8")
HASH_TO_SERVER_FINISHED = h("9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13")

EARLY = h("33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a")
HANDSHAKE = h("1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac")
MAIN = h("18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919")

CLIENT_HANDSHAKE = h("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21")
SERVER_HANDSHAKE = h("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
CLIENT_APPLICATION = h("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5")
SERVER_APPLICATION = h("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643")
EXPORTER = h("fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50")


def test_the_stages_follow_from_each_other() -> None:
    early = EarlySecret.of("sha256")
    assert early.secret == EARLY
    handshake = early.handshake(SHARED_SECRET)
    assert handshake.secret == HANDSHAKE
    assert handshake.main().secret == MAIN


def test_the_handshake_traffic_secrets() -> None:
    stage = HandshakeSecret("sha256", HANDSHAKE)
    assert stage.client_handshake_traffic_secret(HASH_TO_SERVER_HELLO) == CLIENT_HANDSHAKE
    assert stage.server_handshake_traffic_secret(HASH_TO_SERVER_HELLO) == SERVER_HANDSHAKE


def test_the_secrets_of_the_main_stage() -> None:
    stage = MainSecret("sha256", MAIN)
    assert stage.client_application_traffic_secret_0(HASH_TO_SERVER_FINISHED) == CLIENT_APPLICATION
    assert stage.server_application_traffic_secret_0(HASH_TO_SERVER_FINISHED) == SERVER_APPLICATION
    assert stage.exporter_secret(HASH_TO_SERVER_FINISHED) == EXPORTER


@pytest.mark.parametrize(
    ("secret", "key", "iv"),
    [
        (SERVER_HANDSHAKE, "3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30"),
        (CLIENT_HANDSHAKE, "dbfaa693d1762c5b666af5d950258d01", "5bd3c71b836e0b76bb73265f"),
        (SERVER_APPLICATION, "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984"),
        (CLIENT_APPLICATION, "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9"),
    ],
    ids=["server-handshake", "client-handshake", "server-application", "client-application"],
)
def test_the_keys_of_a_traffic_secret(secret: bytes, key: str, iv: str) -> None:
    keys = traffic_keys(AES_128, secret)
    assert (keys.key.hex(), keys.iv.hex()) == (key, iv)


def test_the_servers_finished() -> None:
    """The transcript of RFC 8448 §3 up to CertificateVerify."""
    transcript_hash = h("edb7725fa7a3473b031ec8ef65a2485493900138a2b91291407d7951a06110ed")
    expected = "9b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718"
    assert verify_data("sha256", SERVER_HANDSHAKE, transcript_hash).hex() == expected


@pytest.mark.parametrize("suite", AEADS)
def test_every_suite_has_secrets_and_keys_of_its_own_length(suite: CipherSuite) -> None:
    lengths = {"TLS_AES_128_GCM_SHA256": (32, 16), "TLS_AES_256_GCM_SHA384": (48, 32)}
    hash_length, key_length = lengths.get(str(suite), (32, 32))
    hash_name = SUITES[suite].hash_name
    main = EarlySecret.of(hash_name).handshake(bytes(32)).main()
    secret = main.client_application_traffic_secret_0(bytes(hash_length))
    keys = traffic_keys(SUITES[suite], secret)
    assert len(secret) == len(updated_traffic_secret(hash_name, secret)) == hash_length
    assert len(verify_data(hash_name, secret, bytes(hash_length))) == hash_length
    assert (len(keys.key), len(keys.iv)) == (key_length, 12)


def test_each_generation_differs_from_the_last() -> None:
    secrets = [CLIENT_APPLICATION]
    for _ in range(4):
        secrets.append(updated_traffic_secret("sha256", secrets[-1]))
    assert len(set(secrets)) == 5
