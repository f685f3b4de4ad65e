"""The ClientHello inside an encrypted one, where a key log has what it is sealed with. RFC 9849, RFC 9850 §2.3.

A key log has what the key encapsulation gave (ECH_SECRET) and for which configuration (ECH_CONFIG). Libraries offer
HPKE from the key encapsulation on only, so the key schedule behind it, of HKDF alone, stands here. RFC 9180 §5.1
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from schemas.code_points import ExtensionType, HpkeAead, HpkeKdf, HpkeKem
from schemas.derived import ECHInfo, MessageHash
from schemas.encrypted_client_hello import (
    ECHConfig,
    ECHConfigContents,
    ECHConfigList,
    ECHOuter,
    EncodedClientHelloInner,
    HpkeSymmetricCipherSuite,
)
from schemas.errors import DecodeError, EncodeError
from schemas.extension_block import Extension
from schemas.extensions import EchOuterExtensions, EncryptedClientHello
from schemas.handshake import ClientHello, Handshake, HelloRetryRequest, ServerHello
from schemas.hpke import HpkeSuiteId, KeyScheduleContext, LabeledIkm, LabeledInfo
from tls13.capture.opening.decryption import ConnectionSecrets
from tls13.crypto.aead import SUITES, Aead, aes_gcm, chacha20_poly1305
from tls13.crypto.hkdf import hkdf_expand_label, hkdf_extract
from tls13.errors import BadRecordMac
from tls13.keylog import Label


class _Kdf(NamedTuple):
    hash_name: str
    algorithm: HashAlgorithm


class _Cipher(NamedTuple):
    key_length: int
    aead: Callable[[bytes], Aead]


KDFS: Mapping[HpkeKdf, _Kdf] = {
    HpkeKdf.HKDF_SHA256: _Kdf("sha256", SHA256()),
    HpkeKdf.HKDF_SHA384: _Kdf("sha384", SHA384()),
    HpkeKdf.HKDF_SHA512: _Kdf("sha512", SHA512()),
}
AEADS: Mapping[HpkeAead, _Cipher] = {
    HpkeAead.AES_128_GCM: _Cipher(16, aes_gcm),
    HpkeAead.AES_256_GCM: _Cipher(32, aes_gcm),
    HpkeAead.ChaCha20Poly1305: _Cipher(32, chacha20_poly1305),
}
NONCE_LENGTH = 12
_SERVER_RANDOM_END = slice(30, 38)
"""The last eight bytes of ServerHello.random, of a message with its header. RFC 9849 §7.2"""


class HpkeReceiver:
    """HPKE in base mode from the shared secret on. Raises KeyError for algorithms that are not in the tables.

    RFC 9180 §5.1, §5.2
    """

    __slots__ = ("_aead", "_base_nonce", "_kdf", "_sequence_number", "_suite_id")

    def __init__(self, kem: HpkeKem, suite: HpkeSymmetricCipherSuite, shared_secret: bytes, info: bytes) -> None:
        self._kdf, cipher = KDFS[suite.kdf_id], AEADS[suite.aead_id]
        self._suite_id = HpkeSuiteId(kem_id=kem, kdf_id=suite.kdf_id, aead_id=suite.aead_id)
        hashes = self._extract(b"", b"psk_id_hash", b"") + self._extract(b"", b"info_hash", info)
        context = KeyScheduleContext(hashes=hashes).build()
        secret = self._extract(shared_secret, b"secret", b"")
        self._aead = cipher.aead(self._expand(secret, b"key", context, cipher.key_length))
        self._base_nonce = int.from_bytes(self._expand(secret, b"base_nonce", context, NONCE_LENGTH), "big")
        self._sequence_number = 0

    def open(self, ciphertext: bytes, additional_data: bytes) -> bytes:
        """The plaintext; the sequence number moves on with it. Raises BadRecordMac."""
        nonce = (self._base_nonce ^ self._sequence_number).to_bytes(NONCE_LENGTH, "big")
        plaintext = self._aead.open(nonce, ciphertext, additional_data)
        self._sequence_number += 1
        return plaintext

    def _extract(self, salt: bytes, label: bytes, material: bytes) -> bytes:
        labeled = LabeledIkm(suite_id=self._suite_id, label_and_ikm=label + material)
        return hmac.digest(salt, labeled.build(), self._kdf.hash_name)

    def _expand(self, secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
        labeled = LabeledInfo(length=length, suite_id=self._suite_id, label_and_info=label + info)
        return HKDFExpand(self._kdf.algorithm, length, labeled.build()).derive(secret)


@dataclass(frozen=True, slots=True)
class Opening:
    """What became of one encrypted hello: the one inside, or why it is not known."""

    inner: ClientHello | None
    why_not: str = ""


class Witness(Protocol):
    """Whoever wants to know what becomes of encrypted hellos."""

    def see_opening(self, opening: Opening) -> None:
        """Of one, whether it opens."""

    def see_acceptance(self, accepted: bool | None) -> None:
        """Whether a server's hello takes the one inside; None where that cannot be told."""


class InnerHellos:
    """Opens one connection's encrypted hellos, the second too, and tells whether the server took them."""

    __slots__ = ("_before", "_inner", "_receiver", "_retry_confirms", "_secrets")

    def __init__(self, secrets: ConnectionSecrets) -> None:
        self._secrets = secrets
        self._receiver: HpkeReceiver | None = None
        self._before: list[bytes] = []
        """Of the inner handshake: the first hello and the HelloRetryRequest."""
        self._inner: ClientHello | None = None
        """The latest hello inside, None where it is not known."""
        self._retry_confirms: bool | None = None
        """Whether a HelloRetryRequest confirms the first hello inside."""

    def see(self, raw: bytes, hello: object, judge: Witness) -> Opening | None:
        """Any message in the clear, also as the bytes with its header. What becomes of a hello's inner one, if any."""
        match hello:
            case ClientHello():
                opening = self.client_hello(hello)
                if opening is not None:
                    judge.see_opening(opening)
                return opening
            case ServerHello():
                judge.see_acceptance(self.server_hello(raw, hello))
            case HelloRetryRequest():
                judge.see_acceptance(self.hello_retry_request(raw, hello))
            case _:
                pass
        return None

    def client_hello(self, hello: ClientHello) -> Opening | None:
        """A ClientHello: the one inside it, None where it has none.

        After a HelloRetryRequest that does not confirm the first, the second has none: it repeats what was sealed.
        """
        extension = EncryptedClientHello.client_hello.find(hello.extensions)
        if extension is None or not isinstance(extension.content, ECHOuter) or self._retry_confirms is False:
            return None
        self._inner = None
        try:
            if self._receiver is None:
                self._receiver = self._prepare(hello.random, extension.content)
            encoded = self._receiver.open(extension.content.payload, outer_aad(hello))
            self._inner = expanded(EncodedClientHelloInner.parse(encoded), hello)
        except _CannotOpen as reason:
            return Opening(None, str(reason))
        except BadRecordMac:
            return Opening(None, f"it does not open under {Label.ECH_SECRET}")
        except (DecodeError, EncodeError) as error:
            return Opening(None, f"it opens to no ClientHello: {error}")
        self._secrets.client_randoms = (self._inner.random, hello.random)
        return Opening(self._inner)

    def hello_retry_request(self, raw: bytes, retry: HelloRetryRequest) -> bool | None:
        """Whether a HelloRetryRequest, given with its header too, confirms the inner hello; None where there is none.

        RFC 9849 §7.2.1
        """
        suite = SUITES.get(retry.cipher_suite)
        if self._inner is None or suite is None:
            return None
        first = Handshake.of(self._inner).build()
        self._before = [first, raw]
        found = EncryptedClientHello.hello_retry_request.find(retry.extensions)
        if found is None:
            self._retry_confirms = False
            return False
        transcript = hashlib.new(
            suite.hash_name, MessageHash(hash=hashlib.new(suite.hash_name, first).digest()).build()
        )
        transcript.update(Handshake.of(_unconfirming(retry)).build())
        expected = _confirmation(suite.hash_name, self._inner, b"hrr ech accept confirmation", transcript.digest())
        self._retry_confirms = hmac.compare_digest(expected, found)
        return self._retry_confirms

    def server_hello(self, raw: bytes, hello: ServerHello) -> bool | None:
        """Whether the ServerHello, given with its header too, confirms the inner hello; None where there is none.

        RFC 9849 §7.2
        """
        suite = SUITES.get(hello.cipher_suite)
        if self._inner is None or suite is None or self._retry_confirms is False:
            return self._retry_confirms
        name = suite.hash_name
        transcript = hashlib.new(name)
        if self._before:
            first, retry = self._before
            transcript.update(MessageHash(hash=hashlib.new(name, first).digest()).build() + retry)
        transcript.update(Handshake.of(self._inner).build())
        transcript.update(raw[: _SERVER_RANDOM_END.start] + bytes(8) + raw[_SERVER_RANDOM_END.stop :])
        expected = _confirmation(name, self._inner, b"ech accept confirmation", transcript.digest())
        return hmac.compare_digest(expected, raw[_SERVER_RANDOM_END])

    def _prepare(self, client_random: bytes, outer: ECHOuter) -> HpkeReceiver:
        """Raises _CannotOpen, DecodeError."""
        shared = self._secrets.shared
        if not shared:
            raise _CannotOpen("no key log with secrets was given")
        secret, config = (shared.find(label, client_random) for label in (Label.ECH_SECRET, Label.ECH_CONFIG))
        if secret is None or config is None:
            missing = [str(Label.ECH_SECRET)] * (secret is None) + [str(Label.ECH_CONFIG)] * (config is None)
            raise _CannotOpen(f"the key log has no {' or '.join(missing)} for client random {client_random.hex()}")
        chosen = _config(config, outer.config_id)
        if chosen is None or not isinstance(chosen.contents, ECHConfigContents):
            raise _CannotOpen(f"{Label.ECH_CONFIG} has no configuration {outer.config_id} of a known version")
        suite = outer.cipher_suite
        if suite.kdf_id not in KDFS or suite.aead_id not in AEADS:
            raise _CannotOpen(f"it is sealed with {suite.kdf_id} and {suite.aead_id}, which are not supported")
        info = ECHInfo(config=chosen).build()
        return HpkeReceiver(chosen.contents.key_config.kem_id, suite, secret, info)


class _CannotOpen(Exception):
    """Why an encrypted hello stays closed. It never leaves this module."""


def _confirmation(hash_name: str, inner: ClientHello, label: bytes, digest: bytes) -> bytes:
    """What a server that takes the inner hello puts into its own. RFC 9849 §7.2"""
    secret = hkdf_extract(hash_name, bytes(len(digest)), inner.random)
    return hkdf_expand_label(hash_name, secret, label, digest, 8)


def _config(data: bytes, config_id: int) -> ECHConfig | None:
    """The configuration in the key log: by itself, as RFC 9850 §2.3 says, or in a list. Raises DecodeError.

    One by itself is the one whatever it is called: clients may make the number up. RFC 9849 §10.4
    """
    try:
        return ECHConfig.parse(data)
    except DecodeError:
        configs = ECHConfigList.parse(data).configs
    for each in configs:
        if isinstance(each.contents, ECHConfigContents) and each.contents.key_config.config_id == config_id:
            return each
    return None


def outer_aad(hello: ClientHello) -> bytes:
    """ClientHelloOuterAAD: the hello, without a header, with zeros for what is sealed. RFC 9849 §5.2"""
    return replace(hello, extensions=[_emptied(each) for each in hello.extensions or ()]).build()


def _emptied(extension: Extension) -> Extension:
    sealed = EncryptedClientHello.client_hello.find([extension])
    if sealed is None or not isinstance(sealed.content, ECHOuter):
        return extension
    zeros = bytes(len(sealed.content.payload))
    return EncryptedClientHello.client_hello(replace(sealed, content=replace(sealed.content, payload=zeros)))


def _unconfirming(retry: HelloRetryRequest) -> HelloRetryRequest:
    """With zeros for what confirms the inner hello."""
    nothing = EncryptedClientHello.hello_retry_request(bytes(8))
    extensions = [nothing if each.extension_type == nothing.extension_type else each for each in retry.extensions]
    return replace(retry, extensions=extensions)


def expanded(encoded: EncodedClientHelloInner, outer: ClientHello) -> ClientHello:
    """ClientHelloInner: with the extensions that it takes from the outer hello, and that one's session ID.

    RFC 9849 §5.1. Raises DecodeError where they are not there in that order, EncodeError for what makes no hello.
    """
    inner = encoded.client_hello
    extensions = [found for each in inner.extensions for found in _expanded(each, outer)]
    return ClientHello(
        legacy_version=inner.legacy_version,
        random=inner.random,
        legacy_session_id=outer.legacy_session_id,
        cipher_suites=inner.cipher_suites,
        legacy_compression_methods=inner.legacy_compression_methods,
        extensions=extensions,
    )


def _expanded(extension: Extension, outer: ClientHello) -> Iterator[Extension]:
    wanted = EchOuterExtensions.client_hello.find([extension])
    if wanted is None:
        yield extension
        return
    left = iter(outer.extensions or ())
    for kind in wanted:
        found = next((each for each in left if each.extension_type == kind), None)
        if found is None or kind == ExtensionType.encrypted_client_hello:
            path = "client_hello.extensions.ech_outer_extensions"
            raise DecodeError("extensions of the outer hello, in its order", str(kind), offset=0, path=path)
        yield found
