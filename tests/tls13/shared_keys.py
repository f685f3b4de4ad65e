"""Pre-shared keys as a peer that is played by hand holds them: identities, binders, and the hello that offers them.

RFC 9846 §4.3.11, §7.1
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from by_hand import raw, without_extension

from schemas.code_points import ExtensionType
from schemas.extensions import OfferedPsks, PreSharedKey, PskIdentity
from schemas.handshake import ClientHello, HandshakeMessage
from tls13.config import MessageEditor
from tls13.crypto.hkdf import hkdf_expand_label
from tls13.key_schedule import EarlySecret


@dataclass(frozen=True)
class SharedKey:
    """A key that both sides hold. `label` is "res binder" for a ticket's, "ext binder" or "imp binder" for others."""

    identity: bytes
    secret: bytes
    hash_name: str = "sha256"
    label: bytes = b"res binder"
    obfuscated_ticket_age: int = 0

    @property
    def stage(self) -> EarlySecret:
        return EarlySecret.of(self.hash_name, self.secret)

    @property
    def length(self) -> int:
        """Of the hash, and of a binder."""
        return hashlib.new(self.hash_name).digest_size

    def binder(self, messages: bytes) -> bytes:
        """The MAC over these messages, the last one cut off before its binders. §4.3.11.2"""
        base_key = self.stage.binder_key(self.label)
        finished_key = hkdf_expand_label(self.hash_name, base_key, b"finished", b"", self.length)
        return hmac.digest(finished_key, hashlib.new(self.hash_name, messages).digest(), self.hash_name)


def offering(hello: ClientHello, *keys: SharedKey, before: bytes = b"") -> ClientHello:
    """The hello with these keys in its last extension, each with its binder; `before` is the transcript so far."""
    unbound = with_binders(hello, keys, [bytes(each.length) for each in keys])
    truncated = raw(unbound)[: -2 - sum(1 + each.length for each in keys)]
    return with_binders(hello, keys, [each.binder(before + truncated) for each in keys])


def with_binders(hello: ClientHello, keys: Sequence[SharedKey], binders: list[bytes]) -> ClientHello:
    """The hello with these keys in its last extension, and with any binders."""
    identities = [
        PskIdentity(identity=each.identity, obfuscated_ticket_age=each.obfuscated_ticket_age) for each in keys
    ]
    offer = PreSharedKey.client_hello(OfferedPsks(identities=identities, binders=binders))
    others = without_extension(hello.extensions, ExtensionType.pre_shared_key)
    return replace(hello, extensions=[*others, offer])


def offer_editor(change: Callable[[OfferedPsks], OfferedPsks]) -> MessageEditor:
    """Makes a client of ours send another offer than its own, the binders as they were unless they are changed."""

    def edit(message: HandshakeMessage) -> HandshakeMessage:
        if not isinstance(message, ClientHello) or message.extensions is None:
            return message
        offered = PreSharedKey.client_hello.find(message.extensions)
        assert offered is not None
        return replace(message, extensions=[*message.extensions[:-1], PreSharedKey.client_hello(change(offered))])

    return edit
