"""What is parsed and built: five messages, from real peers where they go over the wire in the clear."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs import Pki, mint
from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import HandshakeType
from schemas.handshake import Handshake
from schemas.record import MAX_PLAINTEXT
from tls13.capture import Message, read_capture

CHROME = Path(__file__).resolve().parents[2] / "shared/captures/public/zeek-chrome-1250-tls-x25519-kyber.pcap"
AEAD_OVERHEAD = 17
"""What protection adds to the content: its type and a tag."""


class Kind(StrEnum):
    """What a sample is an instance of."""

    client_hello = "ClientHello"
    server_hello = "ServerHello"
    certificate = "Certificate"
    record = "record"


@dataclass(frozen=True, slots=True)
class Sample:
    """The bytes of a handshake message with its header, or of a record."""

    kind: Kind
    data: bytes


class Unavailable(Exception):
    """A sample can't be had here; the text says what is missing."""


def sample(name: str) -> Sample:
    """One of SAMPLES. Raises Unavailable."""
    return SAMPLES[name]()


def openssl_client_hello() -> Sample:
    return Sample(Kind.client_hello, openssl_hellos()[0])


def openssl_server_hello() -> Sample:
    return Sample(Kind.server_hello, openssl_hellos()[1])


def chrome_client_hello() -> Sample:
    """Chrome's, with a key share for a post-quantum group."""
    if not CHROME.is_file():
        raise Unavailable(f"no Chrome ClientHello: needs the capture {CHROME}")
    with read_capture(CHROME) as capture:
        for connection in capture:
            for message in connection.messages:
                if isinstance(message, Message) and message.handshake_type == HandshakeType.client_hello:
                    return Sample(Kind.client_hello, message.raw)
    raise Unavailable(f"no ClientHello in {CHROME}")


def certificate_of_three() -> Sample:
    """A chain with two authorities above the server."""
    pki = test_pki()
    pem = pki.server("rsa").certificate.read_bytes() + pki.ca.read_bytes()
    chain = [each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(pem)]
    message = Certificate(certificate_list=[CertificateEntry(cert_data=each) for each in chain])
    return Sample(Kind.certificate, Handshake.of(message).build())


def application_data_record() -> Sample:
    """A full protected record: 16 KiB of content."""
    length = MAX_PLAINTEXT + AEAD_OVERHEAD
    return Sample(Kind.record, b"\x17\x03\x03" + length.to_bytes(2, "big") + bytes(range(256)) * 64 + bytes(17))


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "ClientHello, OpenSSL": cache(openssl_client_hello),
    "ClientHello, Chrome": cache(chrome_client_hello),
    "ServerHello, OpenSSL": cache(openssl_server_hello),
    "Certificate, 3 in chain": cache(certificate_of_three),
    "record, 16 KiB": cache(application_data_record),
}


@cache
def openssl_hellos() -> tuple[bytes, bytes]:
    """The hellos of OpenSSL with itself, in memory."""
    files = test_pki().server("rsa")
    from_client, from_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_context = ssl.create_default_context(cafile=str(test_pki().ca))
    client_context.set_alpn_protocols(["h2", "http/1.1"])
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(files.certificate, files.key)
    client = client_context.wrap_bio(from_server, from_client, server_hostname="www.example.org")
    server = server_context.wrap_bio(from_client, from_server, server_side=True)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    client_flight = from_client.read()
    from_client.write(client_flight)
    with suppress(ssl.SSLWantReadError):
        server.do_handshake()
    return first_fragment(client_flight), first_fragment(from_server.read())


def first_fragment(records: bytes) -> bytes:
    """What the first record carries."""
    return records[5 : 5 + int.from_bytes(records[3:5], "big")]


@cache
def test_pki() -> Pki:
    """Certificates for this run, in a folder that goes away with the process."""
    folder = tempfile.TemporaryDirectory(prefix="tls13-bench-")
    _folders.append(folder)
    return mint(Path(folder.name), names=["www.example.org"], now=datetime.now(UTC), intermediate=True)


_folders: list[tempfile.TemporaryDirectory[str]] = []
