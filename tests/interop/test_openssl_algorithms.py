"""OpenSSL, both ways, by the algorithms that stand behind the ones of the matrices."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ours import OurServer
from peers import Peer, installed

from certs import Pki
from schemas.code_points import AlertDescription, CipherSuite, NamedGroup, SignatureScheme
from tls13 import AlertReceived, TLSSocket, TrustStore
from tls13.config import ClientConfig
from tls13.errors import NoCommonGroup
from tls13.sockets import connect

SUITES = (CipherSuite.TLS_AES_128_CCM_SHA256, CipherSuite.TLS_AES_128_CCM_8_SHA256)
GROUPS = {NamedGroup.secp384r1: "P-384", NamedGroup.secp521r1: "P-521", NamedGroup.x448: "X448"}
SCHEMES = {
    SignatureScheme.ecdsa_secp384r1_sha384: "ecdsa-p384",
    SignatureScheme.ecdsa_secp521r1_sha512: "ecdsa-p521",
    SignatureScheme.ed448: "ed448",
}
CASES = [
    *((suite, NamedGroup.x25519, SignatureScheme.ecdsa_secp256r1_sha256) for suite in SUITES),
    *((CipherSuite.TLS_AES_128_GCM_SHA256, group, SignatureScheme.ecdsa_secp256r1_sha256) for group in GROUPS),
    *((CipherSuite.TLS_AES_128_GCM_SHA256, NamedGroup.x25519, scheme) for scheme in SCHEMES),
]
NAMES = {NamedGroup.x25519: "X25519", **GROUPS}
each_case = pytest.mark.parametrize(("suite", "group", "scheme"), CASES, ids=lambda each: each.name)


@each_case
def test_s_client_and_our_server(
    serve: Callable[..., OurServer],
    start: Callable[..., Peer],
    pki: Pki,
    suite: CipherSuite,
    group: NamedGroup,
    scheme: SignatureScheme,
) -> None:
    server = serve(SCHEMES.get(scheme, "ecdsa-p256"), cipher_suites=(suite,), groups=(group,))
    algorithms = ("-ciphersuites", suite.name, "-groups", NAMES[group], "-sigalgs", scheme.name)
    trust = ("-CAfile", pki.ca, "-verify_return_error", "-servername", "localhost")
    address = ("-connect", f"127.0.0.1:{server.port}")
    peer = start(installed("openssl", "openssl"), "s_client", *address, *trust, *algorithms)
    peer.send(b"hello\n")
    peer.wait_for(r"(?m)^hello$")
    peer.close_input()
    assert peer.wait() == 0, peer.text
    negotiated = server.negotiated()
    assert (negotiated.cipher_suite, negotiated.group, negotiated.signature_scheme) == (suite, group, scheme)


@each_case
def test_our_client_and_s_server(
    start: Callable[..., Peer],
    pki: Pki,
    trust: TrustStore,
    suite: CipherSuite,
    group: NamedGroup,
    scheme: SignatureScheme,
) -> None:
    files = pki.server(SCHEMES.get(scheme, "ecdsa-p256"))
    identity = ("-cert", files.certificate, "-key", files.key, "-cert_chain", files.certificate)
    algorithms = ("-ciphersuites", suite.name, "-groups", NAMES[group])
    address = ("-accept", "127.0.0.1:0", "-naccept", "1")
    peer = start(installed("openssl", "openssl"), "s_server", *address, *identity, *algorithms)
    peer.listening(r"(?m)^ACCEPT 127\.0\.0\.1:(\d+)$")
    config = ClientConfig(trust=trust, cipher_suites=(suite,), groups=(group,), signature_schemes=(scheme,))
    with connect("localhost", peer.port, config, timeout=30) as tls:
        assert isinstance(tls, TLSSocket)
        tls.sendall(b"hello\n")
        peer.wait_for(r"(?m)^hello$")
        negotiated = tls.negotiated
    assert (negotiated.cipher_suite, negotiated.group, negotiated.signature_scheme) == (suite, group, scheme)


def test_client_without_a_common_group_is_refused(
    serve: Callable[..., OurServer], s_client: Callable[..., Peer]
) -> None:
    server = serve(groups=(NamedGroup.x25519,))
    peer = s_client(server, "-groups", "P-384")
    assert peer.wait() != 0
    assert f"SSL alert number {int(AlertDescription.handshake_failure)}\n" in peer.text
    assert isinstance(server.ending(), NoCommonGroup)


def test_server_without_a_common_group_refuses_us(
    s_server: Callable[..., Peer], dial: Callable[..., TLSSocket]
) -> None:
    with pytest.raises(AlertReceived) as refusal:
        dial(s_server("-groups", "P-384"), groups=(NamedGroup.x25519,))
    assert refusal.value.alert is AlertDescription.handshake_failure
