"""External pre-shared keys to the secrets that they give an onlooker. RFC 9846 §7.1, RFC 9258.

A PSK gives early data's secret by itself, and all others where it comes without a key exchange (psk_ke). With one
(psk_dhe_ke) the rest stays hidden, which is what the key exchange is for. A binder tells whether it is the right PSK.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping

from schemas.code_points import HandshakeType
from schemas.derived import ImportedIdentity, MessageHash, binders_length
from schemas.errors import DecodeError
from schemas.extensions import KeyShare, PreSharedKey
from schemas.handshake import ClientHello, ServerHello
from tls13.capture.judging.judgement import PskOrigin
from tls13.capture.opening.decryption import ConnectionSecrets
from tls13.crypto.aead import SUITES
from tls13.crypto.hkdf import HASHES
from tls13.key_schedule import EarlySecret, MainSecret, verify_data
from tls13.keylog import Label
from tls13.printable import printable
from tls13.psk import EXTERNAL_BINDER, KDF_HASHES, RESUMPTION_BINDER, import_psk

_MOST_HINTS = 4
_HASHES = {hashlib.new(name).digest_size: name for name in ("sha256", "sha384")}
"""The hash that a PSK goes with, by the length of its binder."""


class PskSchedule:
    """Follows one connection's handshake, and puts what the PSKs give into its secrets.

    `psks` are by identity. Messages are given with their headers, in the order of the handshake.
    """

    __slots__ = ("_before", "_hello", "_known", "_main", "_psks", "_secrets", "_transcript", "origins")

    def __init__(self, psks: Mapping[bytes, bytes], secrets: ConnectionSecrets) -> None:
        self._psks = psks
        self._secrets = secrets
        self._before = b""
        """What stands before the latest ClientHello in the transcript, after a HelloRetryRequest."""
        self._hello = b""
        self._known: dict[int, EarlySecret] = {}
        """The early secrets of the identities that are known, by their numbers."""
        self._main: MainSecret | None = None
        self._transcript = hashlib.sha256()
        self.origins: dict[int, PskOrigin] = {}
        """Where the known identities' keys are from, by their numbers, as their binders tell. RFC 9846 §7.1"""

    def client_hello(self, raw: bytes, hello: ClientHello) -> None:
        """A ClientHello: which PSKs it offers, and early data's secret."""
        self._hello, self._known, self.origins = raw, {}, {}
        offered = PreSharedKey.client_hello.find(hello.extensions)
        if offered is None:
            return
        truncated = self._before + raw[: -binders_length(offered)]
        digests = {name: hashlib.new(name, truncated).digest() for name in _HASHES.values()}
        for number, (identity, binder) in enumerate(zip(offered.identities, offered.binders, strict=False)):
            found = self._verified(identity.identity, binder, digests)
            if found is not None:
                self._known[number], label = found
                self.origins[number] = PskOrigin.resumption if label == RESUMPTION_BINDER else PskOrigin.external
        if not self._known:
            self._hint("no pre-shared key given fits what the client offers")
        first = self._known.get(0)
        if first is not None and not self._before:
            digest = hashlib.new(first.hash_name, raw).digest()
            self._secrets.derived[Label.CLIENT_EARLY_TRAFFIC_SECRET] = first.client_early_traffic_secret(digest)

    def hello_retry_request(self, raw: bytes, hash_name: str) -> None:
        """A HelloRetryRequest: the transcript starts anew with the hash of the first hello. RFC 9846 §4.1"""
        digest = hashlib.new(hash_name, self._hello).digest()
        self._before = MessageHash(hash=digest).build() + raw

    def server_hello(self, raw: bytes, hello: ServerHello) -> None:
        """The ServerHello: with a known PSK and no key exchange it gives the handshake's secrets."""
        selected = PreSharedKey.server_hello.find(hello.extensions)
        suite = SUITES.get(hello.cipher_suite)
        early = self._known.get(selected) if selected is not None else None
        if early is None or suite is None or suite.hash_name != early.hash_name:
            return
        if KeyShare.server_hello.find(hello.extensions) is not None:
            self._hint("the pre-shared key does not tell it, as psk_dhe_ke adds a key exchange")
            return
        self._transcript = hashlib.new(early.hash_name, self._before + self._hello + raw)
        handshake, digest = early.handshake(None), self._transcript.digest()
        derived = self._secrets.derived
        derived[Label.CLIENT_HANDSHAKE_TRAFFIC_SECRET] = handshake.client_handshake_traffic_secret(digest)
        derived[Label.SERVER_HANDSHAKE_TRAFFIC_SECRET] = handshake.server_handshake_traffic_secret(digest)
        self._main = handshake.main()

    def server_message(self, kind: HandshakeType, raw: bytes) -> None:
        """A message of the server's protected flight: its Finished gives application data's secrets."""
        if self._main is None:
            return
        self._transcript.update(raw)
        if kind is HandshakeType.finished:
            main, digest = self._main, self._transcript.digest()
            derived = self._secrets.derived
            derived[Label.CLIENT_TRAFFIC_SECRET_0] = main.client_application_traffic_secret_0(digest)
            derived[Label.SERVER_TRAFFIC_SECRET_0] = main.server_application_traffic_secret_0(digest)
            self._main = None

    def _verified(
        self, identity: bytes, binder: bytes, digests: Mapping[str, bytes]
    ) -> tuple[EarlySecret, bytes] | None:
        """The early secret of that identity and its binder's label; None where the key is not known or another."""
        hash_name = _HASHES.get(len(binder))
        if hash_name is None:
            return None
        candidates = list(self._candidates(identity, hash_name))
        for label, psk in candidates:
            early = EarlySecret.of(hash_name, psk)
            if hmac.compare_digest(verify_data(hash_name, early.binder_key(label), digests[hash_name]), binder):
                return early, label
        if candidates:
            name = printable(identity.decode("ascii", "backslashreplace"))
            self._hint(f"the pre-shared key given for identity {name} does not fit its binder")
        return None

    def _hint(self, text: str) -> None:
        """Why a secret may not be there, said once, and not for each of a great many identities."""
        hints = self._secrets.hints
        if len(hints) < _MOST_HINTS and text not in hints:
            hints.append(text)

    def _candidates(self, identity: bytes, hash_name: str) -> Iterable[tuple[bytes, bytes]]:
        """The keys that the identity may stand for, each with the label of its binder."""
        psk = self._psks.get(identity)
        if psk is not None:
            # Whoever knows the key of a ticket may give it as well.
            yield EXTERNAL_BINDER, psk
            yield RESUMPTION_BINDER, psk
        yield from self._imported(identity, hash_name)

    def _imported(self, identity: bytes, hash_name: str) -> Iterator[tuple[bytes, bytes]]:
        """RFC 9258 §5.1: the identity may wrap another, whose key this one's is derived from."""
        try:
            wrapped = ImportedIdentity.parse(identity)
        except DecodeError:
            return
        psk = self._psks.get(wrapped.external_identity)
        if psk is None or KDF_HASHES.get(wrapped.target_kdf) != hash_name:
            return
        # The identity does not say which hash goes with the key itself; SHA-256, where nobody said another.
        for own_hash in HASHES:
            imported = import_psk(
                wrapped.external_identity,
                psk,
                context=wrapped.context,
                hash_name=own_hash,
                targets=[wrapped.target_kdf],
            )
            yield from ((each.binder_label, each.key) for each in imported if each.identity == identity)
