"""Records, alerts and what is hashed or signed, byte by byte. RFC 9846 §4.1, §4.5.2, §5, §6, §7.1; RFC 8448 §3, §6."""

from __future__ import annotations

from annotated import Example

from schemas.alert import Alert
from schemas.code_points import AlertDescription, AlertLevel, ContentType, HandshakeType, ProtocolVersion
from schemas.derived import ClientCertificateVerifyContent, HkdfLabel, MessageHash, ServerCertificateVerifyContent
from schemas.handshake import HandshakeHeader
from schemas.record import ChangeCipherSpec, RecordHeader, TLSCiphertext, TLSInnerPlaintext, TLSPlaintext

RECORDS = [
    Example(
        name="header of RFC 8448's first record",
        schema=RecordHeader,
        value=RecordHeader(type=ContentType.handshake, legacy_record_version=ProtocolVersion.TLS10, length=196),
        text="""
            16    type: handshake(22)
            0301  legacy_record_version: TLS 1.0
            00c4  bytes that follow: 196
        """,
    ),
    Example(
        name="header of a handshake message",
        schema=HandshakeHeader,
        value=HandshakeHeader(msg_type=HandshakeType.client_hello, length=0x0100C0),
        text="""
            01      msg_type: client_hello(1)
            0100c0  bytes that follow, 24 bits
        """,
    ),
    Example(
        name="plaintext alert record",
        schema=TLSPlaintext,
        value=TLSPlaintext(type=ContentType.alert, fragment=b"\x02\x46"),
        text="""
            15    type: alert(21)
            0303  legacy_record_version
            0002  length
            0246  fragment: fatal(2), protocol_version(70)
        """,
    ),
    Example(
        name="change_cipher_spec record of RFC 8448 section 7",
        schema=TLSPlaintext,
        value=TLSPlaintext(type=ContentType.change_cipher_spec, fragment=b"\x01"),
        text="""
            14    type: change_cipher_spec(20)
            0303  legacy_record_version
            0001  length
            01    fragment
        """,
    ),
    Example(
        name="record with an unknown type and version and nothing in it",
        schema=TLSPlaintext,
        value=TLSPlaintext(type=ContentType(0x50), legacy_record_version=ProtocolVersion(0x4F53), fragment=b""),
        text="""
            50    type
            4f53  legacy_record_version
            0000  length
        """,
    ),
    Example(
        name="protected close_notify of RFC 8448 section 3",
        schema=TLSCiphertext,
        value=TLSCiphertext(encrypted_record=bytes.fromhex("c9872760655666b74d7ff1153efd6db6d0b0e3")),
        text="""
            17    opaque_type: application_data(23)
            0303  legacy_record_version
            0013  length: 2 of alert, 1 of type, 16 of tag
            c9872760655666b74d7ff1153efd6db6d0b0e3  encrypted_record
        """,
    ),
    Example(
        name="inner plaintext of an alert, padded",
        schema=TLSInnerPlaintext,
        value=TLSInnerPlaintext(content=b"\x01\x00", type=ContentType.alert, zeros=b"\0\0\0"),
        text="""
            0100    content: warning(1), close_notify(0)
            15      type: alert(21)
            000000  zeros
        """,
        whole_prefixes=(1, 2, 3, 4, 5),
        open_end=True,
    ),
    Example(
        name="inner plaintext of empty application data",
        schema=TLSInnerPlaintext,
        value=TLSInnerPlaintext(content=b"", type=ContentType.application_data),
        text="""
            17  type: application_data(23), after no content
        """,
        open_end=True,
    ),
    Example(
        name="inner plaintext whose content ends in zeros",
        schema=TLSInnerPlaintext,
        value=TLSInnerPlaintext(content=b"\0\x07\0\0", type=ContentType.application_data, zeros=b"\0"),
        text="""
            00070000  content
            17        type: application_data(23)
            00        zeros
        """,
        whole_prefixes=(2, 3, 4, 5),
        open_end=True,
    ),
    Example(
        name="change_cipher_spec",
        schema=ChangeCipherSpec,
        value=ChangeCipherSpec(),
        text="""
            01  type: change_cipher_spec(1)
        """,
    ),
    Example(
        name="close_notify",
        schema=Alert,
        value=Alert(level=AlertLevel.warning, description=AlertDescription.close_notify),
        text="""
            01  level: warning(1)
            00  description: close_notify(0)
        """,
    ),
    Example(
        name="handshake_failure",
        schema=Alert,
        value=Alert(description=AlertDescription.handshake_failure),
        text="""
            02  level: fatal(2)
            28  description: handshake_failure(40)
        """,
    ),
    Example(
        name="alert of unknown level and description",
        schema=Alert,
        value=Alert(level=AlertLevel(0xEE), description=AlertDescription(0xEF)),
        text="""
            ee  level
            ef  description
        """,
    ),
]

DERIVED = [
    Example(
        name="HkdfLabel for the IV of RFC 8448",
        schema=HkdfLabel,
        value=HkdfLabel(length=12, label=b"tls13 iv", context=b""),
        text="""
            000c              bytes to derive
            08                length of label
            746c733133206976  label: "tls13 iv"
            00                length of context
        """,
    ),
    Example(
        name="HkdfLabel for a traffic secret",
        schema=HkdfLabel,
        value=HkdfLabel(length=48, label=b"tls13 c hs traffic", context=b"\xcd" * 48),
        text="""
            0030                bytes to derive
            12                  length of label
            746c73313320        label: "tls13 "
            632068732074726166666963  and "c hs traffic"
            30                  length of context
            cd*48               context: a SHA-384
        """,
    ),
    Example(
        name="message_hash",
        schema=MessageHash,
        value=MessageHash(hash=b"\xab" * 32),
        text="""
            fe      message_hash(254)
            000020  length
            ab*32   Hash(ClientHello1)
        """,
    ),
    Example(
        name="what the server of RFC 8448 section 6 signs",
        schema=ServerCertificateVerifyContent,
        value=ServerCertificateVerifyContent(
            transcript_hash=bytes.fromhex("859eaf14bd760766c74a398668367bc3a32687ce5a598b4383726ab82a911e26")
        ),
        text="""
            20*64   padding
            544c5320312e332c20736572766572204365727469666963617465566572696679  TLS 1.3, server CertificateVerify
            00      separator
            859eaf14bd760766c74a398668367bc3a32687ce5a598b4383726ab82a911e26  transcript_hash
        """,
        whole_prefixes=range(98, 130),
        open_end=True,
    ),
    Example(
        name="what the client of RFC 8448 section 6 signs",
        schema=ClientCertificateVerifyContent,
        value=ClientCertificateVerifyContent(
            transcript_hash=bytes.fromhex("44026ef3331bc864da1c08ee32e196d93cc2c5d487e47e957d980e7c3d801b9a")
        ),
        text="""
            20*64   padding
            544c5320312e332c20636c69656e74204365727469666963617465566572696679  TLS 1.3, client CertificateVerify
            00      separator
            44026ef3331bc864da1c08ee32e196d93cc2c5d487e47e957d980e7c3d801b9a  transcript_hash
        """,
        whole_prefixes=range(98, 130),
        open_end=True,
    ),
]
