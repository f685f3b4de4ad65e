"""Keys that both sides have from elsewhere, with OpenSSL, GnuTLS, NSS, Node and tlslite-ng. RFC 9846 §2.2, §4.3.11

Go and Java have none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ours import RETRYING, Dial, Serve
from peers import Start
from stacks import Stack

from certs import Pki
from schemas.code_points import AlertDescription, PskKeyExchangeMode
from tls13 import AlertReceived, Negotiated, TLSSocket
from tls13.errors import BadBinder
from tls13.psk import Psk

IDENTITY = "somebody"
KEY = bytes(range(32))
OTHER_KEY = KEY[::-1]
PSK = Psk(identity=IDENTITY.encode(), key=KEY)
DHE, ALONE = PskKeyExchangeMode.psk_dhe_ke, PskKeyExchangeMode.psk_ke
REFUSALS = (AlertDescription.decrypt_error, AlertDescription.illegal_parameter, AlertDescription.bad_record_mac)

each_mode = pytest.mark.parametrize("mode", [DHE, ALONE], ids=lambda mode: mode.name)
each_way = pytest.mark.parametrize("retry", [False, True], ids=["at once", "after a HelloRetryRequest"])
# A key alone has no share that could be asked for again.
each_mode_and_way = pytest.mark.parametrize(
    ("mode", "retry"),
    [(DHE, False), (DHE, True), (ALONE, False)],
    ids=["psk_dhe_ke", "psk_dhe_ke after a HelloRetryRequest", "psk_ke"],
)


def check(negotiated: Negotiated, mode: PskKeyExchangeMode = DHE, psk: Psk = PSK) -> None:
    """The key was used, as a key and not as a session, and no certificate beside it."""
    assert negotiated.psk_identity == psk.identity
    assert not negotiated.resumed
    assert negotiated.signature_scheme is None
    assert (negotiated.group is None) == (mode is ALONE)


def talk(tls: TLSSocket, request: bytes = b"hello\n") -> None:
    tls.sendall(request)
    assert tls.recv()


@pytest.fixture
def openssl_psk() -> Callable[..., tuple[str, ...]]:
    """The options for the key, of both of OpenSSL's programs."""

    def options(key: bytes = KEY) -> tuple[str, ...]:
        return "-psk_identity", IDENTITY, "-psk", key.hex()

    return options


@each_mode_and_way
def test_openssl_client(
    serve: Serve, s_client: Start, openssl_psk: Callable[..., tuple[str, ...]], mode: PskKeyExchangeMode, retry: bool
) -> None:
    server = serve(psks=(PSK,), psk_key_exchange_modes=(mode,), **(RETRYING if retry else {}))
    peer = s_client(server, *openssl_psk(), *(("-allow_no_dhe_kex",) if mode is ALONE else ()))
    peer.send(b"hello\n")
    peer.wait_for(r"(?m)^hello$")
    peer.close_input()
    assert peer.wait() == 0, peer.text
    negotiated = server.negotiated()
    check(negotiated, mode)
    assert negotiated.retried == retry


def test_openssl_client_with_another_key_is_refused(
    serve: Serve, s_client: Start, openssl_psk: Callable[..., tuple[str, ...]]
) -> None:
    server = serve(psks=(PSK,))
    assert s_client(server, *openssl_psk(OTHER_KEY)).wait() != 0
    assert isinstance(server.ending(), BadBinder)


@each_mode
def test_openssl_server(
    s_server: Start, dial: Dial, openssl_psk: Callable[..., tuple[str, ...]], mode: PskKeyExchangeMode
) -> None:
    peer = s_server(*openssl_psk(), *(("-allow_no_dhe_kex",) if mode is ALONE else ()))
    tls = dial(peer, trust=None, psks=(PSK,), psk_key_exchange_modes=(mode,))
    tls.sendall(b"hello\n")
    peer.wait_for(r"(?m)^hello$")
    check(tls.negotiated, mode)


def test_openssl_server_asks_again(s_server: Start, dial: Dial, openssl_psk: Callable[..., tuple[str, ...]]) -> None:
    peer = s_server(*openssl_psk(), "-groups", "P-384")
    tls = dial(peer, trust=None, psks=(PSK,))
    tls.sendall(b"hello\n")
    peer.wait_for(r"(?m)^hello$")
    check(tls.negotiated)
    assert tls.negotiated.retried


def test_openssl_server_with_another_key_refuses_us(
    s_server: Start, dial: Dial, openssl_psk: Callable[..., tuple[str, ...]]
) -> None:
    with pytest.raises(AlertReceived) as refusal:
        dial(s_server(*openssl_psk(OTHER_KEY)), trust=None, psks=(PSK,))
    assert refusal.value.alert in REFUSALS


GNUTLS_MODES = {DHE: "+DHE-PSK", ALONE: "+PSK"}


def gnutls_priority(mode: PskKeyExchangeMode, group: str = "") -> tuple[str, str]:
    words = ["NORMAL", "-VERS-ALL", "+VERS-TLS1.3", "-KX-ALL", GNUTLS_MODES[mode]]
    return "--priority", ":".join([*words, *(("-GROUP-ALL", group) if group else ())])


@each_mode_and_way
def test_gnutls_client(serve: Serve, gnutls_cli: Start, mode: PskKeyExchangeMode, retry: bool) -> None:
    server = serve(psks=(PSK,), psk_key_exchange_modes=(mode,), **(RETRYING if retry else {}))
    peer = gnutls_cli(server, "--pskusername", IDENTITY, "--pskkey", KEY.hex(), *gnutls_priority(mode))
    peer.converse()
    negotiated = server.negotiated()
    check(negotiated, mode)
    assert negotiated.retried == retry


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    """How gnutls-serv knows keys."""
    file = tmp_path / "passwords"
    file.write_text(f"{IDENTITY}:{KEY.hex()}\n")
    return file


@each_mode
def test_gnutls_server(gnutls_serv: Start, dial: Dial, password_file: Path, mode: PskKeyExchangeMode) -> None:
    peer = gnutls_serv("--pskpasswd", str(password_file), *gnutls_priority(mode))
    tls = dial(peer, trust=None, psks=(PSK,), psk_key_exchange_modes=(mode,))
    talk(tls)
    check(tls.negotiated, mode)


def test_gnutls_server_asks_again(gnutls_serv: Start, dial: Dial, password_file: Path) -> None:
    peer = gnutls_serv("--pskpasswd", str(password_file), *gnutls_priority(DHE, "+GROUP-SECP384R1"))
    tls = dial(peer, trust=None, psks=(PSK,))
    talk(tls)
    check(tls.negotiated)
    assert tls.negotiated.retried


NSS_KEY = f"0x{KEY.hex()}:{IDENTITY}"


@each_way
def test_nss_client(serve: Serve, tstclnt: Start, retry: bool) -> None:
    def answer(tls: TLSSocket) -> None:
        tls.sendall(tls.recv())

    server = serve(psks=(PSK,), handler=answer, **(RETRYING if retry else {}))
    assert tstclnt(server, "-z", NSS_KEY, "-I", "x25519,P384").wait() == 0
    negotiated = server.negotiated()
    check(negotiated)
    assert negotiated.retried == retry


@each_way
def test_nss_server(selfserv: Start, dial: Dial, retry: bool) -> None:
    # Without -m it forgets the key before the first connection.
    peer = selfserv("-m", "-z", NSS_KEY, *(("-I", "P384") if retry else ()))
    tls = dial(peer, trust=None, psks=(PSK,))
    talk(tls, b"GET nothing HTTP/1.0\r\n\r\n")
    check(tls.negotiated)
    assert tls.negotiated.retried == retry


@pytest.mark.parametrize("stack_name", ["tlslite"])
@pytest.mark.parametrize("hash_name", ["sha256", "sha384"])
@each_mode
def test_tlslite_client(serve: Serve, stack: Stack, mode: PskKeyExchangeMode, hash_name: str) -> None:
    psk = Psk(identity=IDENTITY.encode(), key=KEY, hash_name=hash_name)
    server = serve(psks=(psk,), psk_key_exchange_modes=(mode,))
    stack.connect(server.port, psk=f"{IDENTITY}:{KEY.hex()}", hash=hash_name, modes=mode.name)
    stack.done()
    check(server.negotiated(), mode, psk)


@pytest.mark.parametrize("stack_name", ["tlslite"])
@pytest.mark.parametrize("hash_name", ["sha256", "sha384"])
@each_mode
def test_tlslite_server(dial: Dial, stack: Stack, pki: Pki, mode: PskKeyExchangeMode, hash_name: str) -> None:
    psk = Psk(identity=IDENTITY.encode(), key=KEY, hash_name=hash_name)
    files = pki.server("ecdsa-p256")
    server = stack.listen(
        cert=files.certificate, key=files.key, psk=f"{IDENTITY}:{KEY.hex()}", hash=hash_name, modes=mode.name
    )
    tls = dial(server, trust=None, psks=(psk,), psk_key_exchange_modes=(mode,))
    talk(tls)
    tls.close()
    stack.done()
    check(tls.negotiated, mode, psk)


@pytest.mark.parametrize("stack_name", ["node"])
@each_way
def test_node_client(serve: Serve, stack: Stack, retry: bool) -> None:
    server = serve(psks=(PSK,), **(RETRYING if retry else {}))
    stack.connect(server.port, psk=f"{IDENTITY}:{KEY.hex()}", groups="x25519,secp384r1")
    stack.done()
    negotiated = server.negotiated()
    check(negotiated)
    assert negotiated.retried == retry


@pytest.mark.parametrize("stack_name", ["node"])
@each_way
def test_node_server(dial: Dial, stack: Stack, retry: bool) -> None:
    server = stack.listen(psk=f"{IDENTITY}:{KEY.hex()}", groups="secp384r1" if retry else "x25519")
    tls = dial(server, trust=None, psks=(PSK,))
    talk(tls)
    tls.close()
    stack.done()
    check(tls.negotiated)
    assert tls.negotiated.retried == retry
