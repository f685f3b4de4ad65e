"""The protected records of TLS 1.2, opened with the main secret of a key log. RFC 5246 §6.2.3.3, §6.3.

Only the AEAD suites of AES and ChaCha20: what other suites protect stays as it is. A connection that resumes another
has that one's main secret (RFC 5246 §7.3, RFC 5077 §3.1), so that either's line in the key log will do.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas import handshake
from schemas.code_points import CipherSuite, ProtocolVersion
from schemas.errors import DecodeError
from schemas.tls12 import ClientHello, NewSessionTicket, ServerHello, ServerHelloDone
from schemas.tls12_extensions import SessionTicket
from schemas.tls12_records import (
    AdditionalData,
    Aes128KeyBlock,
    Aes256KeyBlock,
    ChaCha20KeyBlock,
    ExplicitNonceFragment,
    KeyBlock,
    KeyExpansionSeed,
    SaltedNonce,
)
from schemas.vocabulary import Struct
from tls13.capture.limits import Limits
from tls13.capture.messages import Direction, Epoch, Note, NoteKind
from tls13.capture.opening.decryption import ConnectionSecrets, Search, wrong_length
from tls13.capture.tls.assembly import Content
from tls13.capture.tls.records import CapturedRecord
from tls13.crypto.aead import Aead, aes_ccm, aes_ccm_8, aes_gcm, chacha20_poly1305
from tls13.errors import BadRecordMac
from tls13.keylog import Label

MAIN_SECRET_LENGTH = 48
"""Bytes. RFC 5246 §8.1"""


@dataclass(frozen=True, slots=True)
class Form:
    """How suites protect records. Lengths are in bytes, `hash_name` is hashlib's name for the hash of the PRF.

    `sends_nonce` says whether half of the nonce is sent, as with AES; else the sequence number makes it.
    """

    key_block: type[KeyBlock]
    key_block_length: int
    aead: Callable[[bytes], Aead]
    hash_name: str = "sha256"
    tag_length: int = 16
    sends_nonce: bool = True


FORMS: Mapping[str, Form] = {
    "AES_128_GCM_SHA256": Form(Aes128KeyBlock, 40, aes_gcm),
    "AES_256_GCM_SHA384": Form(Aes256KeyBlock, 72, aes_gcm, "sha384"),
    "AES_128_CCM": Form(Aes128KeyBlock, 40, aes_ccm),
    "AES_256_CCM": Form(Aes256KeyBlock, 72, aes_ccm),
    "AES_128_CCM_8": Form(Aes128KeyBlock, 40, aes_ccm_8, tag_length=8),
    "AES_256_CCM_8": Form(Aes256KeyBlock, 72, aes_ccm_8, tag_length=8),
    "AES_128_CCM_SHA256": Form(Aes128KeyBlock, 40, aes_ccm),
    "AES_128_CCM_8_SHA256": Form(Aes128KeyBlock, 40, aes_ccm_8, tag_length=8),
    "AES_256_CCM_SHA384": Form(Aes256KeyBlock, 72, aes_ccm, "sha384"),
    "CHACHA20_POLY1305_SHA256": Form(ChaCha20KeyBlock, 88, chacha20_poly1305, sends_nonce=False),
}
"""By what cipher suites are called behind `_WITH_`. RFC 5288, RFC 5289, RFC 6655, RFC 7251, RFC 7905, RFC 8492."""


def form_of(cipher_suite: CipherSuite) -> Form | None:
    """How the suite protects records; None where it is no AEAD suite of TLS 1.2."""
    _, _, protection = str(cipher_suite).partition("_WITH_")
    return FORMS.get(protection)


@dataclass(frozen=True, slots=True)
class Tls12Secrets:
    """What the keys of both directions are made of: the main secret and both randoms. RFC 5246 §6.3"""

    form: Form
    main_secret: bytes
    client_random: bytes
    server_random: bytes

    def keys(self, direction: Direction) -> Tls12Keys:
        """The keys with which that side sends."""
        seed = KeyExpansionSeed(server_random=self.server_random, client_random=self.client_random).build()
        block = self.form.key_block.parse(prf(self.form.hash_name, self.main_secret, seed, self.form.key_block_length))
        if direction is Direction.client:
            return Tls12Keys(self.form, block.client_write_key, block.client_write_iv)
        return Tls12Keys(self.form, block.server_write_key, block.server_write_iv)


class Tls12Keys:
    """One direction's keys, and its sequence number."""

    __slots__ = ("_aead", "_form", "_write_iv", "sequence_number")

    def __init__(self, form: Form, key: bytes, write_iv: bytes) -> None:
        self.sequence_number = 0
        self._form = form
        self._aead = form.aead(key)
        self._write_iv = write_iv

    def unprotect(self, record: CapturedRecord) -> bytes:
        """The content of a whole record. The sequence number moves on only when it opens. Raises BadRecordMac."""
        fragment = record.fragment
        if self._form.sends_nonce:
            try:
                parts = ExplicitNonceFragment.parse(fragment)
            except DecodeError as error:
                raise BadRecordMac(str(error)) from None
            ciphered = parts.aead_ciphered
            nonce = SaltedNonce(salt=self._write_iv, nonce_explicit=parts.nonce_explicit).build()
        else:
            ciphered = fragment
            number = int.from_bytes(self._write_iv, "big") ^ self.sequence_number
            nonce = number.to_bytes(len(self._write_iv), "big")
        length = len(ciphered) - self._form.tag_length
        if length < 0:
            raise BadRecordMac("a record too short for the tag of its cipher suite")
        header = record.header
        additional_data = AdditionalData(
            seq_num=self.sequence_number, type=header.type, version=header.legacy_record_version, length=length
        )
        content = self._aead.open(nonce, ciphered, additional_data.build())
        self.sequence_number += 1
        return content


class Tls12Opener:
    """Opens one direction's records after its ChangeCipherSpec, in order; without keys it only says why not."""

    __slots__ = ("_first_failure", "_keys", "_search")

    def __init__(self, direction: Direction, secrets: Tls12Secrets | Note, limits: Limits) -> None:
        self._keys = secrets if isinstance(secrets, Note) else secrets.keys(direction)
        self._search = Search(limits)
        self._first_failure: int | None = None

    def open(self, record: CapturedRecord) -> Content | Note:
        """What the record holds, or why that cannot be told."""
        keys = self._keys
        if isinstance(keys, Note):
            return keys
        first = keys.sequence_number
        for number in range(first, first + self._search.attempts()):
            keys.sequence_number = number
            try:
                content = keys.unprotect(record)
            except BadRecordMac:
                continue
            self._search.found()
            return Content(record, record.header.type, content, Epoch.legacy)
        keys.sequence_number = first
        self._search.failed()
        return self._does_not_open(record)

    def skip_bytes(self, length: int) -> None:
        """An unknown number of records in so many bytes is missing."""
        self._search.skip(length)

    def _does_not_open(self, record: CapturedRecord) -> Note:
        if self._first_failure is None:
            self._first_failure = record.number
        text = f"record {record.number} does not open under the main secret of {Label.CLIENT_RANDOM}"
        if self._first_failure != record.number:
            text += f"; the first that did not is record {self._first_failure}"
        return Note(NoteKind.not_decrypted, text)


class Tls12Session:
    """What a connection's hellos say that its keys are made of."""

    __slots__ = (
        "_client_random",
        "_is_full",
        "_limits",
        "_new_ticket",
        "_offered_id",
        "_offered_ticket",
        "_secrets",
        "_server_hello",
    )

    def __init__(self, secrets: ConnectionSecrets, limits: Limits) -> None:
        self._secrets = secrets
        self._limits = limits
        self._client_random: bytes | None = None
        self._offered_ticket = self._offered_id = self._new_ticket = b""
        self._server_hello: ServerHello | None = None
        self._is_full = False

    def client_hello(self, hello: handshake.ClientHello | ClientHello) -> None:
        """The client's hello, whatever version it offers."""
        self._client_random = hello.random
        self._offered_id = hello.session_id if isinstance(hello, ClientHello) else hello.legacy_session_id
        self._offered_ticket = SessionTicket.client_hello.find(hello.extensions) or b""
        self._server_hello, self._new_ticket, self._is_full = None, b"", False

    def server_hello(self, hello: ServerHello) -> None:
        """The server's, of TLS 1.2 or older."""
        self._server_hello = hello

    def see(self, message: Struct) -> None:
        """Another message in the clear: the end of a full handshake's flight, or a ticket. RFC 5077 §3.3"""
        match message:
            case ServerHelloDone():
                self._is_full = True
            case NewSessionTicket(ticket=ticket):
                self._new_ticket = ticket
            case _:
                pass

    def opener(self, direction: Direction) -> Tls12Opener:
        """What opens that side's records from here on, or says of each why it does not open."""
        return Tls12Opener(direction, self._found(), self._limits)

    def why_not(self) -> Note:
        """Why a record that is encrypted already cannot be opened."""
        found = self._found()
        return found if isinstance(found, Note) else _NO_HELLO

    def _found(self) -> Tls12Secrets | Note:
        hello = self._server_hello
        if hello is None or self._client_random is None:
            return _NO_HELLO
        if hello.server_version < ProtocolVersion.TLS12:
            text = f"encrypted under {hello.server_version}: nothing older than TLS 1.2 is decrypted"
            return Note(NoteKind.legacy_version, text)
        form = form_of(hello.cipher_suite)
        if form is None:
            return Note(NoteKind.unsupported_suite, _why_unsupported(hello.cipher_suite))
        main_secret = self._secrets.find(Label.CLIENT_RANDOM) or self._resumed(hello)
        if main_secret is None:
            return self._secrets.why_not([Label.CLIENT_RANDOM])
        if len(main_secret) != MAIN_SECRET_LENGTH:
            return wrong_length(Label.CLIENT_RANDOM, main_secret, MAIN_SECRET_LENGTH)
        for session in (hello.session_id, self._new_ticket):
            if session:
                self._secrets.shared.common.begin(session, main_secret)
        return Tls12Secrets(form, main_secret, self._client_random, hello.random)

    def _resumed(self, hello: ServerHello) -> bytes | None:
        """The main secret of the session that this one resumes, if it does and that one was decrypted here."""
        if self._is_full:
            return None
        by_id = self._offered_id if self._offered_id == hello.session_id else b""
        sessions = (self._secrets.shared.resumed(each) for each in (self._offered_ticket, by_id) if each)
        return next((secret for secret in sessions if secret is not None), None)


_UNSUPPORTED = {
    "NULL": "{} encrypts nothing, but ends each record with a MAC: its records are left as they are",
    "RC4": "encrypted with {}, a stream cipher: of TLS 1.2, only AEAD suites are decrypted",
    "CBC": "encrypted with {}, a block cipher in CBC mode: of TLS 1.2, only AEAD suites are decrypted",
}
"""What is said of suites that have no `Form`, by what is in the name of their protection."""


def _why_unsupported(suite: CipherSuite) -> str:
    _, _, protection = str(suite).partition("_WITH_")
    texts = (text for part, text in _UNSUPPORTED.items() if part in protection)
    return next(texts, "encrypted with {}, whose cipher is not supported").format(suite)


_NO_HELLO = Note(NoteKind.no_hello, "encrypted under TLS 1.2 or older, and the capture lacks a hello")


def prf(hash_name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """`length` bytes of P_hash, which is the PRF where `seed` starts with the label. RFC 5246 §5"""
    made, chained = b"", seed
    while len(made) < length:
        chained = hmac.digest(secret, chained, hash_name)
        made += hmac.digest(secret, chained + seed, hash_name)
    return made[:length]
