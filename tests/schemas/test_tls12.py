"""TLS 1.0 to 1.2: structures against their RFCs, OpenSSL's messages, key exchanges by suite, and captures."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import older_structs as older
import pytest
import tls12_transcripts as openssl
from captured import handshake_messages
from presentation import numbers, structs
from strictness import refusal

from schemas import DecodeError, EncodeError, Node, Struct, tls10, tls12
from schemas.code_points import (
    CertificateStatusType,
    CipherSuite,
    ClientCertificateType,
    CompressionMethod,
    ECPointFormat,
    ExtensionType,
    HandshakeType,
    NamedGroup,
    ProtocolVersion,
    SignatureScheme,
)
from schemas.extension_block import misplaced
from schemas.extensions import ApplicationLayerProtocolNegotiation, SignedCertificateTimestamp
from schemas.handshake import EncryptedExtensions
from schemas.tls12 import KEY_EXCHANGES
from schemas.tls12_extensions import ECPointFormats, NextProtocolNegotiation
from schemas.transparency import SignedTimestamp

MESSAGE_NUMBERS = {
    "HelloRequest": 0,
    "ClientHello": 1,
    "ServerHello": 2,
    "NewSessionTicket": 4,
    "Certificate": 11,
    "ServerKeyExchange": 12,
    "CertificateRequest": 13,
    "ServerHelloDone": 14,
    "CertificateVerify": 15,
    "ClientKeyExchange": 16,
    "Finished": 20,
    "CertificateURL": 21,
    "CertificateStatus": 22,
    "SupplementalData": 23,
    "NextProtocol": 67,
}
"""RFC 5246 §7.4, RFC 5077 §3.3, RFC 6066 §5 and §8, RFC 4680 §2, draft-agl-tls-nextprotoneg-04 §3."""

TRANSCRIPTS = [
    pytest.param(module, CipherSuite[suite], bytes.fromhex(text), id=f"{suite} {name} of {module.__name__}")
    for module, suites in ((tls12, openssl.TLS12), (tls10, openssl.TLS10))
    for suite, messages in suites.items()
    for name, text in messages.items()
]


def fields_of(schema: type[Struct]) -> list[tuple[str, str]]:
    return [(name, numbers(node.notation().removesuffix(", or nothing"))) for name, node, _ in schema.schema.fields]


def structs_in(module: ModuleType) -> dict[str, type[Struct]]:
    return {
        name: each
        for name, each in vars(module).items()
        if isinstance(each, type) and issubclass(each, Struct) and each.__module__ == module.__name__
    }


@pytest.mark.parametrize(
    ("module", "text", "in_other_ways"),
    [
        (
            tls12,
            older.TLS12_STRUCTS,
            {
                "ECParameters": [("curve_type", "ECCurveType"), ("namedcurve", "select (curve_type)")],
                "ServerKeyExchange": [("parameters", "opaque[...]")],
                "ClientKeyExchange": [("exchange_keys", "opaque[...]")],
                "Finished": [("verify_data", "opaque[...]")],
                "CertificateStatus": [("status_type", "CertificateStatusType"), ("response", "select (status_type)")],
                "Handshake": [("msg_type", "HandshakeType"), ("message", "select (msg_type)")],
            },
        ),
        (
            tls10,
            older.TLS10_STRUCTS,
            {"Handshake": [("msg_type", "HandshakeType"), ("message", "select (msg_type)")]},
        ),
    ],
    ids=["1.2", "1.0"],
)
def test_every_struct_has_the_fields_of_its_rfc(
    module: ModuleType, text: str, in_other_ways: dict[str, list[tuple[str, str]]]
) -> None:
    ours = {name: fields_of(each) for name, each in structs_in(module).items()}
    assert ours == structs(text, older.TYPEDEFS) | in_other_ways


@pytest.mark.parametrize("module", [tls12, tls10], ids=["1.2", "1.0"])
def test_each_message_stands_under_the_type_that_its_rfc_gives_it(module: Any) -> None:
    assert {each.__name__: int(number) for each, number in module.MESSAGE_TYPES.items()} == MESSAGE_NUMBERS


@pytest.mark.parametrize(("module", "suite", "data"), TRANSCRIPTS)
def test_a_message_of_openssl_is_read_and_rebuilt(module: Any, suite: CipherSuite, data: bytes) -> None:
    assert refusal(module.Handshake, data) is None


@pytest.mark.parametrize(("module", "suite", "data"), TRANSCRIPTS)
def test_a_message_of_openssl_cut_short_or_made_longer_is_refused(module: Any, suite: CipherSuite, data: bytes) -> None:
    for cut in range(len(data)):
        assert refusal(module.Handshake, data[:cut])
    assert refusal(module.Handshake, data + b"\0")


@pytest.mark.parametrize(("module", "suite", "data"), TRANSCRIPTS)
def test_a_key_exchange_of_openssl_is_read_in_the_form_of_its_suite(
    module: Any, suite: CipherSuite, data: bytes
) -> None:
    forms = module.key_exchange(suite)
    match module.Handshake.parse(data).message:
        case tls12.ServerKeyExchange(parameters=content):
            form = forms.server
        case tls12.ClientKeyExchange(exchange_keys=content):
            form = forms.client
        case _:
            return
    assert refusal(form, content) is None


@pytest.mark.parametrize(("module", "suite", "data"), TRANSCRIPTS)
def test_nothing_that_openssl_sends_is_misplaced(module: Any, suite: CipherSuite, data: bytes) -> None:
    match module.Handshake.parse(data).message:
        case tls12.ClientHello(extensions=extensions):
            assert not list(misplaced("client_hello", extensions))
        case tls12.ServerHello(extensions=extensions):
            assert not list(misplaced("tls12_server_hello", extensions))


def sent(suite: str, name: str, version: str = "TLS12") -> Any:
    """One message of the transcript, without its header."""
    module: Any = {"TLS12": tls12, "TLS10": tls10}[version]
    return module.Handshake.parse(bytes.fromhex(getattr(openssl, version)[suite][name])).message


def test_a_handshake_of_ecdhe_says_what_openssl_printed() -> None:
    suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    hello = sent(suite, "client_hello")
    assert hello.client_version == ProtocolVersion.TLS12
    assert hello.cipher_suites == [CipherSuite[suite], CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV]
    assert hello.compression_methods == [CompressionMethod.null]

    answer = sent(suite, "server_hello")
    assert answer.random.hex() == "fca836b2680592e84afc896713431e00553e29727a3f7fc0244159590e7e536b"
    assert answer.cipher_suite == CipherSuite[suite]
    assert ApplicationLayerProtocolNegotiation.tls12_server_hello.find(answer.extensions) == [b"h2"]
    assert ECPointFormats.tls12_server_hello.find(answer.extensions) == list(ECPointFormat)
    assert [str(each.extension_type) for each in answer.extensions] == [
        "renegotiation_info",
        "ec_point_formats",
        "session_ticket",
        "status_request",
        "application_layer_protocol_negotiation",
        "extended_main_secret",
    ]
    assert sent(suite, "certificate_status").response == bytes.fromhex("30030a0106")

    request = sent(suite, "certificate_request")
    assert request.certificate_types == [
        ClientCertificateType.rsa_sign,
        ClientCertificateType.dss_sign,
        ClientCertificateType.ecdsa_sign,
    ]
    assert len(request.supported_signature_algorithms) == 20
    assert request.certificate_authorities == [bytes.fromhex("300c310a300806035504030c0161")]

    exchange = tls12.SignedECDHParams.parse(sent(suite, "server_key_exchange").parameters)
    assert exchange.params.curve_params.namedcurve == NamedGroup.x25519
    assert exchange.params.public.hex().startswith("17da1c5d7f29")
    assert exchange.signed_params.algorithm == SignatureScheme.ecdsa_secp256r1_sha256
    assert len(exchange.signed_params.signature) == 0x46
    point = tls12.ClientECDiffieHellmanPublic.parse(sent(suite, "client_key_exchange").exchange_keys).ecdh_yc
    assert point is not None
    assert point.hex().startswith("ad4375e6")
    assert sent(suite, "certificate_verify").algorithm == SignatureScheme.ecdsa_secp256r1_sha256
    assert sent(suite, "finished").verify_data.hex() == "a78581a09d8661b474d48906"


def test_a_server_hello_of_openssl_holds_timestamps_and_next_protocols() -> None:
    suite = "TLS_RSA_WITH_AES_128_CBC_SHA"
    extensions = sent(suite, "server_hello").extensions
    timestamps = SignedCertificateTimestamp.tls12_server_hello.find(extensions)

    assert timestamps is not None
    assert [each.content for each in timestamps] == [
        SignedTimestamp(
            id=bytes(range(32)),
            timestamp=1700000000123,
            signature=tls12.DigitallySigned(algorithm=SignatureScheme.ecdsa_secp256r1_sha256, signature=b"sign"),
        )
    ]
    assert NextProtocolNegotiation.tls12_server_hello.find(extensions) == [b"h2", b"http/1.1"]
    assert sent(suite, "next_protocol").selected_protocol == b"http/1.1"


def test_a_handshake_of_dhe_has_the_prime_of_rfc_2409() -> None:
    dhe = [suite for suite in openssl.TLS12 if "_DHE_RSA_" in suite]
    assert dhe
    params = tls12.SignedDHParams.parse(sent(dhe[0], "server_key_exchange").parameters).params
    assert params.dh_g == b"\x02"
    # RFC 2409 §6.2, the second Oakley group.
    assert params.dh_p.hex().startswith("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74")
    assert len(params.dh_p) == 128


@pytest.mark.parametrize("msg_type", [*(set(range(256)) - set(MESSAGE_NUMBERS.values()))])
def test_a_message_that_is_none_of_theirs_is_refused(msg_type: int) -> None:
    # RFC 5246 §7.4 lists them all; those of TLS 1.3 and of DTLS are none.
    for module in (tls12, tls10):
        with pytest.raises(DecodeError) as caught:
            module.Handshake.parse(bytes([msg_type, 0, 0, 0]))
        assert str(HandshakeType(msg_type)) in str(caught.value)


def test_a_message_gets_the_header_that_its_class_calls_for() -> None:
    assert tls12.Handshake.of(tls12.Finished(verify_data=b"\xfd" * 12)).build()[:4].hex() == "1400000c"
    assert tls10.Handshake.of(tls10.CertificateVerify(signature=b"s")).build().hex() == "0f000003000173"
    assert tls10.Handshake.of(tls12.ServerHelloDone()).build().hex() == "0e000000"


@pytest.mark.parametrize("module", [tls12, tls10], ids=["1.2", "1.0"])
def test_a_message_of_another_version_gets_no_header(module: Any) -> None:
    with pytest.raises(EncodeError, match="handshake message of TLS 1"):
        module.Handshake.of(EncryptedExtensions(extensions=[]))


def test_the_messages_that_tls_1_2_changed_are_not_those_of_tls_1_0() -> None:
    with pytest.raises(EncodeError):
        tls10.Handshake.of(tls12.CertificateVerify(algorithm=SignatureScheme.rsa_pkcs1_sha256, signature=b"s"))
    with pytest.raises(EncodeError):
        tls12.Handshake.of(tls10.CertificateRequest(certificate_types=[ClientCertificateType.rsa_sign]))
    verify = bytes.fromhex("0f 000003 0001 73")
    assert tls10.Handshake.parse(verify).message == tls10.CertificateVerify(signature=b"s")
    with pytest.raises(DecodeError):
        tls12.Handshake.parse(verify)


@pytest.mark.parametrize("length", [0, 11, 13])
def test_a_finished_of_tls_1_0_has_twelve_bytes(length: int) -> None:
    data = bytes([20, 0, 0, length]) + bytes(length)
    assert tls12.Handshake.parse(data).build() == data
    with pytest.raises(DecodeError):
        tls10.Handshake.parse(data)


SUITES = [
    ("TLS_RSA_WITH_AES_128_CBC_SHA", None, "EncryptedPreMasterSecret"),
    ("TLS_DH_RSA_WITH_AES_128_CBC_SHA", None, "ClientDiffieHellmanPublic"),
    ("TLS_DH_DSS_WITH_AES_128_CBC_SHA", None, "ClientDiffieHellmanPublic"),
    ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "SignedDHParams", "ClientDiffieHellmanPublic"),
    ("TLS_DHE_DSS_WITH_AES_128_CBC_SHA", "SignedDHParams", "ClientDiffieHellmanPublic"),
    ("TLS_DH_anon_WITH_AES_128_CBC_SHA", "AnonymousDHParams", "ClientDiffieHellmanPublic"),
    ("TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", None, "ClientECDiffieHellmanPublic"),
    ("TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA", None, "ClientECDiffieHellmanPublic"),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "SignedECDHParams", "ClientECDiffieHellmanPublic"),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", "SignedECDHParams", "ClientECDiffieHellmanPublic"),
    ("TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "AnonymousECDHParams", "ClientECDiffieHellmanPublic"),
    ("TLS_PSK_WITH_AES_128_CBC_SHA", "PskIdentityHint", "PskIdentity"),
    ("TLS_RSA_PSK_WITH_AES_128_CBC_SHA", "PskIdentityHint", "PskEncryptedPreMasterSecret"),
    ("TLS_DHE_PSK_WITH_AES_128_CBC_SHA", "PskDHParams", "PskDiffieHellmanPublic"),
    ("TLS_PSK_DHE_WITH_AES_128_CCM_8", "PskDHParams", "PskDiffieHellmanPublic"),
    ("TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA", "PskECDHParams", "PskECDiffieHellmanPublic"),
]


@pytest.mark.parametrize(("name", "server", "client"), SUITES, ids=[name for name, *_ in SUITES])
def test_a_suite_tells_how_its_key_exchange_is_read(name: str, server: str | None, client: str) -> None:
    newer, before = tls12.key_exchange(CipherSuite[name]), tls10.key_exchange(CipherSuite[name])

    assert newer is not None
    assert newer.server == (None if server is None else getattr(tls12, server))
    assert newer.client == getattr(tls12, client)

    assert before is not None
    # RFC 4346 §7.4.3: what is signed in TLS 1.2 with the name of the algorithm, TLS 1.1 signs without.
    signed = server in ("SignedDHParams", "SignedECDHParams")
    assert before.server == (getattr(tls10, str(server)) if signed else newer.server)
    assert before.client == newer.client


def test_every_key_exchange_is_some_suites() -> None:
    named = {tls12.key_exchange_name(CipherSuite[name]) for name, *_ in SUITES}
    assert named == set(KEY_EXCHANGES)


def test_an_export_suite_may_have_a_key_of_its_own() -> None:
    suite = CipherSuite.TLS_RSA_EXPORT_WITH_RC4_40_MD5
    forms = tls10.key_exchange(suite)
    assert forms == tls12.KeyExchange(tls10.SignedRSAParams, tls12.EncryptedPreMasterSecret)
    forms = tls10.key_exchange(CipherSuite.TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA)
    assert forms == tls12.KeyExchange(tls10.SignedDHParams, tls12.ClientDiffieHellmanPublic)


@pytest.mark.parametrize(
    "suite",
    [
        CipherSuite.TLS_AES_128_GCM_SHA256,
        CipherSuite.TLS_NULL_WITH_NULL_NULL,
        CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV,
        CipherSuite.TLS_KRB5_WITH_3DES_EDE_CBC_SHA,
        CipherSuite.TLS_SRP_SHA_WITH_AES_128_CBC_SHA,
        CipherSuite.TLS_ECCPWD_WITH_AES_128_GCM_SHA256,
        CipherSuite.TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC,
        CipherSuite(0x0A0A),
        CipherSuite(0xEEEE),
    ],
    ids=str,
)
def test_a_suite_whose_messages_nothing_here_describes_has_none(suite: CipherSuite) -> None:
    assert tls12.key_exchange(suite) is None
    assert tls10.key_exchange(suite) is None


@pytest.mark.parametrize(
    ("schema", "wire"),
    [
        (tls12.ECParameters, "01 0017"),  # RFC 8422 §5.4: explicit_prime is deprecated
        (tls12.ECParameters, "02 0017"),
        (tls12.ServerECDHParams, "03 0017 00"),
        (tls12.SignedDHParams, "0000 0001 02 0001 0b 0401 0000"),
        (tls12.ClientDiffieHellmanPublic, "0000"),
        (tls12.ClientECDiffieHellmanPublic, "00"),
        (tls12.ClientHello, "0303" + "c1" * 32 + "21" + "51" * 33 + "0002 002f 0100"),
        (tls12.ClientHello, "0303" + "c1" * 32 + "00 0003 002f00 0100"),
        (tls12.ClientHello, "0303" + "c1" * 32 + "00 0002 002f 00"),
        (tls12.ClientHello, "0303" + "c1" * 32 + "00 0002 002f 0100 00"),
        (tls12.ServerHello, "0303" + "5e" * 32 + "00 002f 00 0008 0017 0000 0017 0000"),
        (tls12.Certificate, "000003 000000"),
        (tls12.CertificateRequest, "00 0002 0401 0000"),
        (tls12.CertificateStatus, "03 000001 30"),
        (tls12.CertificateURL, "00 0000"),
    ],
)
def test_what_the_grammar_does_not_allow_is_refused(schema: type[Struct] | Node[Any], wire: str) -> None:
    assert refusal(schema, bytes.fromhex(wire))


def test_an_extension_of_tls_1_3_keeps_its_bytes_in_a_server_hello_of_tls_1_2() -> None:
    hello = tls12.ServerHello.parse(bytes.fromhex("0303" + "5e" * 32 + "00 002f 00 0006 002b 0002 0304"))
    assert hello.extensions is not None
    assert hello.extensions[0].extension_data == b"\x03\x04"
    assert list(misplaced("tls12_server_hello", hello.extensions)) == [ExtensionType.supported_versions]


def test_a_status_of_each_kind_has_the_form_of_its_rfc() -> None:
    one = tls12.CertificateStatus.parse(bytes.fromhex("01 000001 30"))
    many = tls12.CertificateStatus.parse(bytes.fromhex("02 000007 000000 000001 30"))
    assert (one.status_type, one.response) == (CertificateStatusType.ocsp, b"0")
    assert (many.status_type, many.response) == (CertificateStatusType.ocsp_multi_RESERVED, [b"", b"0"])


CAPTURES = {
    "public/zeek-tls1.2.pcap": ("client_hello", "server_hello", "certificate", "server_hello_done"),
    "public/zeek-smtp-starttls.pcap": ("client_hello", "server_hello", "certificate", "server_hello_done"),
    "recorded/tls12.pcapng": ("client_hello", "server_hello", "certificate", "server_key_exchange"),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_the_handshakes_of_a_capture_are_read_and_rebuilt(shared: Path, name: str) -> None:
    file = shared / "captures" / name
    if not file.is_file():
        pytest.skip(f"needs the capture {file}")
    messages = handshake_messages(file)
    for data in messages:
        assert refusal(tls12.Handshake, data) is None

    types = [HandshakeType(each[0]).name for each in messages]
    assert set(CAPTURES[name]) <= set(types)

    hellos = [tls12.Handshake.parse(each).message for each in messages]
    chosen = [each.cipher_suite for each in hellos if isinstance(each, tls12.ServerHello)]
    assert chosen
    for suite in chosen:
        forms = tls12.key_exchange(suite)
        assert forms is not None
        for each in hellos:
            if isinstance(each, tls12.ServerKeyExchange) and forms.server is not None:
                assert refusal(forms.server, each.parameters) is None
            if isinstance(each, tls12.ClientKeyExchange):
                assert refusal(forms.client, each.exchange_keys) is None
