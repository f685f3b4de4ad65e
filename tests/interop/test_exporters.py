"""Exported keying material is the same at OpenSSL and GnuTLS. RFC 9846 §7.5, RFC 9266

The other stacks' exporters are compared in their own modules.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ours import Serve, echo
from peers import Start

from schemas.code_points import CipherSuite
from tls13 import TLSSocket

LABELS = ("EXPORTER-test", "EXPORTER-Channel-Binding")
SUITES = (CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384)

each_label = pytest.mark.parametrize("label", LABELS)
each_hash = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)


def exporting(label: str, secrets: list[bytes]) -> Callable[[TLSSocket], None]:
    """An echo that first notes what it exports."""

    def handler(tls: TLSSocket) -> None:
        secrets.append(tls.export_keying_material(label.encode(), 32))
        echo(tls)

    return handler


@each_hash
@each_label
def test_openssl_client_exports_what_our_server_exports(
    serve: Serve, s_client: Start, label: str, suite: CipherSuite
) -> None:
    secrets: list[bytes] = []
    server = serve(handler=exporting(label, secrets), cipher_suites=(suite,))
    peer = s_client(server, "-keymatexport", label, "-keymatexportlen", "32")
    peer.send(b"hello\n")
    peer.wait_for(r"(?m)^hello$")
    assert f"Keying material: {secrets[0].hex().upper()}\n" in peer.text


@each_hash
@each_label
def test_openssl_server_exports_what_our_client_exports(
    s_server: Start, dial: Callable[..., TLSSocket], label: str, suite: CipherSuite
) -> None:
    peer = s_server("-keymatexport", label, "-keymatexportlen", "32")
    secret = dial(peer, cipher_suites=(suite,)).export_keying_material(label.encode(), 32)
    peer.wait_for(f"Keying material: {secret.hex().upper()}\n")


@each_hash
@each_label
def test_gnutls_client_exports_what_our_server_exports(
    serve: Serve, gnutls_cli: Start, log: Callable[[], str], label: str, suite: CipherSuite
) -> None:
    secrets: list[bytes] = []
    server = serve(handler=exporting(label, secrets), cipher_suites=(suite,))
    peer = gnutls_cli(server, f"--keymatexport={label}", "--keymatexportsize=32")
    peer.converse()
    assert f"- Key material: {secrets[0].hex()}\n" in log()


@each_hash
@each_label
def test_gnutls_server_exports_what_our_client_exports(
    gnutls_serv: Start, dial: Callable[..., TLSSocket], label: str, suite: CipherSuite
) -> None:
    peer = gnutls_serv("--disable-client-cert", f"--keymatexport={label}", "--keymatexportsize=32")
    with dial(peer, cipher_suites=(suite,)) as tls:
        secret = tls.export_keying_material(label.encode(), 32)
        tls.sendall(b"hello\n")
        assert tls.recv() == b"hello\n"
    peer.end()
    assert f"- Key material: {secret.hex()}\n" in peer.text
