"""tlslite-ng as a peer: takes requests on standard input as stacks.py puts them, answers on standard output."""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
from tlslite.constants import CipherSuite, GroupName
from tlslite.errors import BaseTLSException
from tlslite.session import Session

PATIENCE = 20.0
CHUNK = 2**14
CIPHERS = {
    "TLS_AES_128_GCM_SHA256": "aes128gcm",
    "TLS_AES_256_GCM_SHA384": "aes256gcm",
    "TLS_CHACHA20_POLY1305_SHA256": "chacha20-poly1305",
    "TLS_AES_128_CCM_SHA256": "aes128ccm",
    "TLS_AES_128_CCM_8_SHA256": "aes128ccm_8",
}

Options = Mapping[str, str]


def main() -> None:
    for line in sys.stdin:
        verb, *words = line.split()
        options = dict(word.split("=", 1) for word in words)
        try:
            connect(options) if verb == "connect" else listen(options)
        except (BaseTLSException, OSError, ValueError) as error:
            failed(error)


def connect(options: Options) -> None:
    session = None
    for _ in range(int(options.get("count", 1))):
        with socket.create_connection(("127.0.0.1", int(options["port"])), PATIENCE) as transport:
            connection = TLSConnection(transport)
            connection.closeSocket = False
            connection.handshakeClientCert(
                *identity(options),
                session=session,
                settings=settings(options),
                serverName=options.get("name", "localhost"),
                alpn=[name.encode() for name in protocols(options)] or None,
            )
            sent = payload(int(options.get("size", 6)))
            for _ in range(int(options.get("rounds", 1))):
                echoed(connection, sent, options)
            session = connection.session
            line = [*report(connection, options), *shown(connection)]
            # Waits for the close_notify of the other side.
            connection.close()
            tell(line)


def echoed(connection: TLSConnection, sent: bytes, options: Options) -> None:
    """Has the payload echoed, a piece at a time, and its keys changed before every piece if that was asked for."""
    for start in range(0, len(sent), CHUNK):
        piece = sent[start : start + CHUNK]
        update_keys(connection, options)
        connection.write(piece)
        if connection.read(max=len(piece), min=len(piece)) != piece:
            raise ValueError("another echo")


def listen(options: Options) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        tell([f"listening port={listener.getsockname()[1]}"])
        for _ in range(int(options.get("count", 1))):
            transport, _ = listener.accept()
            with transport:
                transport.settimeout(PATIENCE)
                try:
                    serve(TLSConnection(transport), options)
                except (BaseTLSException, OSError) as error:
                    failed(error)


def serve(connection: TLSConnection, options: Options) -> None:
    chain, key = identity(options)
    connection.handshakeServer(
        certChain=chain,
        privateKey=key,
        reqCert=options.get("auth", "") in ("request", "require"),
        settings=settings(options, tickets=True),
        alpn=[bytearray(name.encode()) for name in protocols(options)] or None,
    )
    line = report(connection, options)
    late = options.get("auth") == "late"
    while data := connection.read(max=CHUNK):
        if late:
            exhaust(connection.request_post_handshake_auth(settings(options)))
            # What comes next is the certificate.
            late = False
        update_keys(connection, options)
        connection.write(data)
    # A certificate may have come late.
    tell([*line, *shown(connection)])


def update_keys(connection: TLSConnection, options: Options) -> None:
    """`update=0` changes its own keys, `update=1` asks the other side for the same."""
    if "update" in options:
        exhaust(connection.send_keyupdate_request(int(options["update"])))


def exhaust(generator: Iterable[object]) -> None:
    for _ in generator:
        pass


def settings(options: Options, *, tickets: bool = False) -> HandshakeSettings:
    wanted = HandshakeSettings()
    wanted.minVersion = wanted.maxVersion = (3, 4)
    # Its client goes by what it has offered itself, and compresses for servers that have not asked for it.
    wanted.certificate_compression_send = []
    if "suites" in options:
        wanted.cipherNames = [CIPHERS[name] for name in options["suites"].split(",")]
    if "groups" in options:
        wanted.eccCurves = [name.lower() for name in options["groups"].split(",")]
        wanted.keyShares = wanted.eccCurves[:1]
        wanted.dhGroups = []
    if "fragment" in options:
        wanted.record_size_limit = int(options["fragment"])
    if "psk" in options:
        name, secret = options["psk"].split(":")
        wanted.pskConfigs = [(name.encode(), bytes.fromhex(secret), options.get("hash", "sha256"))]
    if "modes" in options:
        wanted.psk_modes = options["modes"].split(",")
    if tickets:
        wanted.ticketKeys = [bytes(range(32))]
    return wanted


def identity(options: Options) -> tuple[X509CertChain | None, object]:
    if "cert" not in options:
        return None, None
    chain = X509CertChain()
    chain.parsePemList(Path(options["cert"]).read_text())
    return chain, parsePEMKey(Path(options["key"]).read_text(), private=True)


def protocols(options: Options) -> list[str]:
    return options["alpn"].split(",") if "alpn" in options else []


def report(connection: TLSConnection, options: Options) -> list[str]:
    session: Session = connection.session
    words = [
        "done",
        f"suite={CipherSuite.ietfNames[session.cipherSuite]}",
        f"group={group_name(connection.ecdhCurve)}",
        f"alpn={text(session.appProto)}",
        f"name={text(session.serverName)}",
        f"resumed={str(connection.resumed).lower()}",
    ]
    if "export" in options:
        exported = connection.keyingMaterialExporter(bytearray(options["export"].encode()), 32)
        words.append(f"exported={exported.hex()}")
    return words


def shown(connection: TLSConnection) -> list[str]:
    """The certificate of the other side, if it has shown one."""
    session: Session = connection.session
    chain = session.serverCertChain if connection._client else session.clientCertChain
    if chain is None or not chain.x509List:
        return []
    return [f"peer={hashlib.sha256(chain.x509List[0].bytes).hexdigest()}"]


def text(value: str | bytearray | None) -> str:
    """What tlslite keeps as either."""
    return value if isinstance(value, str) else bytes(value or b"").decode()


def group_name(number: int | None) -> str:
    return "" if number is None else str(GroupName.toStr(number))


def payload(size: int) -> bytes:
    return bytes(i * 31 % 251 for i in range(size))


def failed(error: Exception) -> None:
    tell(["failed", type(error).__name__, str(error).replace("\n", " ")])


def tell(words: list[str]) -> None:
    print(*words, flush=True)


if __name__ == "__main__":
    main()
