"""RFC 6962: the proofs of certificate transparency, as a server, an OCSP response or a certificate carries them."""

from __future__ import annotations

from schemas.tls12 import DigitallySigned
from schemas.vocabulary import (
    CodePoint,
    Struct,
    enclosed,
    field,
    opaque,
    rest,
    select,
    struct,
    uint64,
    vector,
)


class SctVersion(CodePoint, width=1):
    """The Version enum, which has no registry. RFC 6962 §3.2."""

    v1 = 0


@struct
class SignedTimestamp(Struct):
    """RFC 6962 §3.2. A log's promise, as version 1 writes it."""

    id: bytes = field(opaque(32), "SHA-256 of the log's public key")
    timestamp: int = field(uint64, "milliseconds since 1970")
    extensions: bytes = field(opaque(0, 2**16 - 1), "none is defined", default=b"")
    signature: DigitallySigned = field(DigitallySigned, "the log's, over this and the certificate")


@struct
class SignedCertificateTimestamp(Struct):
    """RFC 6962 §3.2. A log's promise to publish a certificate; another version keeps its bytes."""

    sct_version: SctVersion = field(SctVersion, "what follows", default=SctVersion.v1)
    content: SignedTimestamp | bytes = field(
        select("sct_version", {SctVersion.v1: SignedTimestamp}, otherwise=rest), "of that version"
    )


sct_list = vector(enclosed(SignedCertificateTimestamp, 1, 2**16 - 1), 1, 2**16 - 1)
"""`SerializedSCT sct_list<1..2^16-1>` of RFC 6962 §3.3."""


@struct
class SignedCertificateTimestampList(Struct):
    """RFC 6962 §3.3. What X.509 certificates and OCSP responses hold in an OCTET STRING."""

    sct_list: list[SignedCertificateTimestamp] = field(sct_list, "one a log")
