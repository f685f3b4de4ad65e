"""What is stored, and what is only ever hashed, signed or derived from."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import wire_messages
import wire_stored
from strictness import refusal

from schemas import DecodeError, EncodeError
from schemas.code_points import CipherSuite, ProtocolVersion, SignatureScheme, TlsKdfIdentifier
from schemas.derived import (
    EXPORTER_LABEL,
    IMPORTED_BINDER_LABEL,
    IMPORTED_PSK_LABEL,
    ClientDelegatedCredentialContent,
    HkdfLabel,
    ImportedIdentity,
    ServerDelegatedCredentialContent,
    Tls12ExporterSeed,
    binders_length,
    truncated,
)
from schemas.extensions import Credential, DelegatedCredential, OfferedPsks, PreSharedKey, PskIdentity
from schemas.handshake import ClientHello, Handshake
from schemas.stored import SESSION_MAGIC, Session, SessionFile, TicketPlaintext, TicketState

SAVED = wire_stored.SESSION_FILE.data
LEAST: dict[str, Any] = {
    "cipher_suite": CipherSuite.TLS_AES_128_GCM_SHA256,
    "resumption_psk": b"p",
    "ticket": b"t",
    "creation_time": 0,
    "ticket_lifetime": 0,
    "ticket_age_add": 0,
}
"""What every session says."""
VERSION_AT = len(SESSION_MAGIC)


def test_a_session_file_says_that_it_is_one() -> None:
    assert SAVED.startswith(b"tls13 session\n")
    for at in range(VERSION_AT):
        damaged = bytearray(SAVED)
        damaged[at] ^= 1
        error = refusal(SessionFile, bytes(damaged))
        assert error is not None
        assert error.path == "session_file.magic"


@pytest.mark.parametrize("version", [0, 2, 0xFFFF])
def test_a_session_file_of_another_version_is_refused_by_name(version: int) -> None:
    data = SAVED[:VERSION_AT] + version.to_bytes(2, "big") + SAVED[VERSION_AT + 2 :]
    with pytest.raises(DecodeError, match=rf"format_version to be one of 1, found {version}$"):
        SessionFile.parse(data)


@pytest.mark.parametrize("version", [0, 2, 0x0304])
def test_a_ticket_of_another_version_is_refused(version: int) -> None:
    data = wire_stored.STORED[1].data
    with pytest.raises(DecodeError, match="format_version to be one of 1"):
        TicketPlaintext.parse(version.to_bytes(2, "big") + data[2:])


def test_integrity_is_over_everything_before_it() -> None:
    saved = SessionFile.parse(SAVED)
    assert saved.protected() == SAVED[:-33]

    sealed = SessionFile(session=saved.session, integrity=hashlib.sha256(saved.protected()).digest())
    assert sealed.protected() == saved.protected()
    assert sealed.build() == SAVED[:-32] + hashlib.sha256(SAVED[:-33]).digest()


def test_every_change_of_what_is_protected_is_seen_by_its_hash() -> None:
    saved = SessionFile.parse(SAVED)
    integrity = hashlib.sha256(saved.protected()).digest()
    good = SAVED[:-32] + integrity
    for at in range(len(good)):
        damaged = bytearray(good)
        damaged[at] ^= 0x40
        try:
            read = SessionFile.parse(bytes(damaged))
        except DecodeError:
            continue
        assert hashlib.sha256(read.protected()).digest() != read.integrity


@pytest.mark.parametrize("length", [0, 15, 256])
def test_integrity_has_at_least_sixteen_bytes(length: int) -> None:
    session = SessionFile.parse(SAVED).session
    with pytest.raises(EncodeError):
        SessionFile(session=session, integrity=bytes(length))


def test_what_a_session_need_not_say_is_empty() -> None:
    session = Session(**LEAST)
    assert session.version == ProtocolVersion.TLS13
    assert (session.server_name, session.alpn, session.peer_certificates) == (b"", b"", [])
    assert session.max_early_data_size == 0


@pytest.mark.parametrize("field", ["resumption_psk", "ticket"])
def test_a_session_without_key_or_ticket_is_none(field: str) -> None:
    with pytest.raises(EncodeError, match=field):
        Session(**{**LEAST, field: b""})


def test_a_session_takes_no_more_room_than_its_numbers_have() -> None:
    state = TicketState(
        cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
        resumption_psk=b"p",
        creation_time=2**64 - 1,
        authentication_time=2**64 - 1,
        ticket_lifetime=2**32 - 1,
        ticket_age_add=2**32 - 1,
        max_early_data_size=2**32 - 1,
    )
    assert TicketState.parse(state.build()) == state
    with pytest.raises(EncodeError, match="creation_time"):
        TicketState(
            cipher_suite=state.cipher_suite,
            resumption_psk=b"p",
            creation_time=2**64,
            authentication_time=0,
            ticket_lifetime=0,
            ticket_age_add=0,
        )


def test_a_hello_is_truncated_as_in_rfc_8448(rfc8448: dict[str, dict[str, bytes]]) -> None:
    hello = rfc8448["resumed_0rtt"]["record_client_hello_1"][5:]
    # RFC 8448 §4: the prefix has 477 bytes, and this is the "binder hash".
    prefix = truncated(hello)
    assert len(prefix) == 477
    assert hashlib.sha256(prefix).hexdigest() == "63224b2e4573f2d3454ca84b9d009a04f6be9e05711a8396473aefa01e924a14"
    assert hello == prefix + bytes.fromhex("002120") + hello[-32:]


def with_binders(*lengths: int) -> bytes:
    offer = OfferedPsks(
        identities=[PskIdentity(identity=b"t", obfuscated_ticket_age=0)] * len(lengths),
        binders=[b"\xbb" * length for length in lengths],
    )
    hello = ClientHello(
        random=b"\xc1" * 32,
        cipher_suites=[CipherSuite.TLS_AES_128_GCM_SHA256],
        extensions=[PreSharedKey.client_hello(offer)],
    )
    return Handshake.of(hello).build()


@pytest.mark.parametrize("lengths", [(32,), (48,), (32, 48), (255, 32, 64)])
def test_all_binders_and_their_length_are_cut_off_and_nothing_else(lengths: tuple[int, ...]) -> None:
    hello = with_binders(*lengths)
    cut = 2 + sum(1 + length for length in lengths)

    assert truncated(hello) == hello[:-cut]
    # RFC 9846 §4.3.11.2: the lengths in front stay what they are in the whole message.
    assert truncated(hello)[1:4] == (len(hello) - 4).to_bytes(3, "big")
    assert hello[-cut:][:2] == (cut - 2).to_bytes(2, "big")
    message = Handshake.parse(hello).message
    assert isinstance(message, ClientHello)
    offered = PreSharedKey.client_hello.find(message.extensions)
    assert offered is not None
    assert binders_length(offered) == cut


@pytest.mark.parametrize(
    "data",
    [
        b"",
        with_binders(32)[:-1],
        with_binders(32) + b"\0",
        bytes.fromhex("05000000"),
        Handshake.of(
            ClientHello(random=bytes(32), cipher_suites=[CipherSuite.TLS_AES_128_GCM_SHA256], extensions=None)
        ).build(),
        *(each.data for each in wire_messages.MESSAGES if each.name == "ClientHello of RFC 8448 section 3"),
    ],
    ids=["nothing", "cut", "longer", "another message", "no extensions", "no pre_shared_key"],
)
def test_a_hello_that_does_not_end_with_binders_cannot_be_truncated(data: bytes) -> None:
    with pytest.raises(DecodeError):
        truncated(data)


def test_an_imported_key_is_derived_with_the_hash_of_its_identity() -> None:
    # RFC 9258 §5.1: HKDF-Expand-Label(epskx, "derived psk", Hash(ImportedIdentity), L); "tls13 " goes before.
    identity = ImportedIdentity(external_identity=b"k", context=b"", target_kdf=TlsKdfIdentifier.HKDF_SHA384)
    assert identity.build().hex() == "00016b" + "0000" + "0304" + "0002"
    digest = hashlib.sha384(identity.build()).digest()
    info = HkdfLabel(length=48, label=IMPORTED_PSK_LABEL, context=digest).build()
    assert info == b"\0\x30" + b"\x11tls13 derived psk" + b"\x30" + digest


def test_the_labels_are_those_of_their_rfcs() -> None:
    # RFC 9258 §5.2, RFC 9846 §7.5.
    assert IMPORTED_BINDER_LABEL == b"tls13 " + b"imp binder"
    assert EXPORTER_LABEL == b"tls13 " + b"exporter"


def test_a_credential_is_signed_with_all_that_it_depends_on() -> None:
    credential = DelegatedCredential(
        cred=Credential(
            valid_time=1, dc_cert_verify_algorithm=SignatureScheme.ed25519, asn1_subject_public_key_info=b"key"
        ),
        algorithm=SignatureScheme.ecdsa_secp256r1_sha256,
        signature=b"not signed itself",
    )
    tail = b"certificate" + bytes.fromhex("00000001 0807 000003") + b"key" + bytes.fromhex("0403")
    server = ServerDelegatedCredentialContent.of(b"certificate", credential).build()
    client = ClientDelegatedCredentialContent.of(b"certificate", credential).build()
    assert server == b" " * 64 + b"TLS, server delegated credentials\0" + tail
    assert client == b" " * 64 + b"TLS, client delegated credentials\0" + tail


def test_no_context_is_not_an_empty_one() -> None:
    # RFC 5705 §4: for TLS 1.2 the two give different keying material; RFC 9846 §7.5: for TLS 1.3 the same.
    without = Tls12ExporterSeed(client_random=bytes(32), server_random=bytes(32), context_value=None)
    empty = Tls12ExporterSeed(client_random=bytes(32), server_random=bytes(32), context_value=b"")
    assert without.build() + b"\0\0" == empty.build()
    assert Tls12ExporterSeed.parse(bytes(64)).context_value is None
    assert Tls12ExporterSeed.parse(bytes(66)).context_value == b""
