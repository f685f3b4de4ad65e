"""RFC 9846 §4.5.1: the Certificate message and what stands in its entries."""

from __future__ import annotations

from schemas.code_points import CertificateCompressionAlgorithm
from schemas.extension_block import Extension, extensions_of
from schemas.vocabulary import Struct, field, opaque, struct, uint24, vector


@struct
class CertificateEntry(Struct):
    """RFC 9846 §4.5.1. One certificate of a chain, with what its sender says about it."""

    cert_data: bytes = field(opaque(1, 2**24 - 1), "DER of an X.509 certificate, or of a bare public key")
    extensions: list[Extension] = field(extensions_of("certificate"), "about this certificate", default=[])


@struct
class Certificate(Struct):
    """RFC 9846 §4.5.1. The sender's chain, its own certificate first."""

    certificate_request_context: bytes = field(
        opaque(0, 2**8 - 1), "echoes the CertificateRequest; empty from a server", default=b""
    )
    certificate_list: list[CertificateEntry] = field(
        vector(CertificateEntry, 0, 2**24 - 1), "end entity first, each certified by the next"
    )


@struct
class CompressedCertificate(Struct):
    """RFC 8879 §4. Stands for a Certificate message, where compression was negotiated."""

    algorithm: CertificateCompressionAlgorithm = field(CertificateCompressionAlgorithm, "how it is compressed")
    uncompressed_length: int = field(uint24, "bytes of the Certificate message, without its header")
    compressed_certificate_message: bytes = field(opaque(1, 2**24 - 1), "that message, compressed")
