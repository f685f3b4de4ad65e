"""What NSS's programs need: databases, as they take certificates and keys from nothing else, and requests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509 import load_pem_x509_certificates
from peers import installed

from certs import KeyFiles
from tls13 import TLSSocket

PACKAGE = "libnss3-tools"
NICKNAME = "own"
PASSWORD = "not secret"


def make_database(folder: Path, trusted: Path, files: KeyFiles | None) -> str:
    """A new one that trusts a root and holds a key, if one is given; what the programs' option -d is told."""
    name = f"sql:{folder}"
    folder.mkdir()
    certutil, pk12util = (installed(each, PACKAGE) for each in ("certutil", "pk12util"))
    run(certutil, "-N", "-d", name, "--empty-password")
    run(certutil, "-A", "-d", name, "-n", "root", "-t", "CT,C,C", "-i", str(trusted), "-a")
    if files is not None:
        bundle = folder / "own.p12"
        bundle.write_bytes(bundled(files))
        run(pk12util, "-i", str(bundle), "-d", name, "-W", PASSWORD, "-K", "")
    return name


def bundled(files: KeyFiles) -> bytes:
    """The two files as PKCS#12."""
    own, *others = load_pem_x509_certificates(files.certificate.read_bytes())
    key = load_pem_private_key(files.key.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey), "NSS knows no other keys"
    return serialize_key_and_certificates(
        NICKNAME.encode(), key, own, others, BestAvailableEncryption(PASSWORD.encode())
    )


def run(*command: str) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode:
        pytest.fail(f"{command[0]} ended with status {result.returncode}:\n{result.stdout}")


def ask(tls: TLSSocket, path: str = "nothing") -> bytes:
    """What selfserv answers, to its end."""
    tls.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    page = bytearray()
    while piece := tls.recv():
        page += piece
    _, body = bytes(page).split(b"\r\n\r\n", 1)
    return body
