"""GnuTLS, both ways, by the algorithms that stand behind the ones of the matrices, and with none in common."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ours import OurServer
from peers import Peer

from schemas.code_points import AlertDescription, CipherSuite, NamedGroup, SignatureScheme
from tls13 import AlertReceived, TLSSocket
from tls13.errors import NoCommonGroup

SUITES = {
    CipherSuite.TLS_AES_128_CCM_SHA256: "AES-128-CCM",
    CipherSuite.TLS_AES_128_CCM_8_SHA256: "AES-128-CCM-8",
}
GROUPS = {
    NamedGroup.secp384r1: "GROUP-SECP384R1",
    NamedGroup.secp521r1: "GROUP-SECP521R1",
    NamedGroup.x448: "GROUP-X448",
}
SCHEMES = {
    SignatureScheme.ecdsa_secp384r1_sha384: "ecdsa-p384",
    SignatureScheme.ecdsa_secp521r1_sha512: "ecdsa-p521",
    SignatureScheme.ed448: "ed448",
}
USUAL = (CipherSuite.TLS_AES_128_GCM_SHA256, NamedGroup.x25519, SignatureScheme.ecdsa_secp256r1_sha256)
CASES = [
    *((suite, *USUAL[1:]) for suite in SUITES),
    *((USUAL[0], group, USUAL[2]) for group in GROUPS),
    *((*USUAL[:2], scheme) for scheme in SCHEMES),
]
each_case = pytest.mark.parametrize(("suite", "group", "scheme"), CASES, ids=lambda each: each.name)


def priority(suite: CipherSuite, group: NamedGroup) -> tuple[str, str]:
    words = ["NORMAL", "-VERS-ALL", "+VERS-TLS1.3"]
    if suite in SUITES:
        words += ["-CIPHER-ALL", f"+{SUITES[suite]}"]
    if group in GROUPS:
        words += ["-GROUP-ALL", f"+{GROUPS[group]}"]
    return "--priority", ":".join(words)


@each_case
def test_gnutls_cli_and_our_server(
    serve: Callable[..., OurServer],
    gnutls_cli: Callable[..., Peer],
    suite: CipherSuite,
    group: NamedGroup,
    scheme: SignatureScheme,
) -> None:
    server = serve(SCHEMES.get(scheme, "ecdsa-p256"), cipher_suites=(suite,), groups=(group,))
    peer = gnutls_cli(server, *priority(suite, group))
    peer.converse()
    negotiated = server.negotiated()
    assert (negotiated.cipher_suite, negotiated.group, negotiated.signature_scheme) == (suite, group, scheme)


@each_case
def test_our_client_and_gnutls_serv(
    gnutls_serv: Callable[..., Peer],
    dial: Callable[..., TLSSocket],
    suite: CipherSuite,
    group: NamedGroup,
    scheme: SignatureScheme,
) -> None:
    peer = gnutls_serv("--disable-client-cert", *priority(suite, group), key_type=SCHEMES.get(scheme, "ecdsa-p256"))
    tls = dial(peer, cipher_suites=(suite,), groups=(group,), signature_schemes=(scheme,))
    tls.sendall(b"hello\n")
    assert tls.recv() == b"hello\n"
    negotiated = tls.negotiated
    assert (negotiated.cipher_suite, negotiated.group, negotiated.signature_scheme) == (suite, group, scheme)


def test_client_without_a_common_group_is_refused(
    serve: Callable[..., OurServer], gnutls_cli: Callable[..., Peer], log: Callable[[], str]
) -> None:
    server = serve(groups=(NamedGroup.x25519,))
    peer = gnutls_cli(server, *priority(USUAL[0], NamedGroup.secp384r1))
    assert peer.wait() != 0
    assert f"Received alert [{int(AlertDescription.handshake_failure)}]" in peer.text + log()
    assert isinstance(server.ending(), NoCommonGroup)


def test_server_without_a_common_group_refuses_us(
    gnutls_serv: Callable[..., Peer], dial: Callable[..., TLSSocket]
) -> None:
    with pytest.raises(AlertReceived) as refusal:
        dial(gnutls_serv(*priority(USUAL[0], NamedGroup.secp384r1)), groups=(NamedGroup.x25519,))
    assert refusal.value.alert in (AlertDescription.handshake_failure, AlertDescription.illegal_parameter)
