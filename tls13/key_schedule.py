"""RFC 9846 §7.1: the key schedule, one class a stage; a stage's methods derive its secrets and give the next stage.

             0
             |
             v
PSK ->  HKDF-Extract = Early Secret                              EarlySecret
  or 0       +--> "ext binder" | "res binder" | "imp binder"  ("")
             +--> "c e traffic", "e exp master"               (ClientHello)
             |
             v
       Derive-Secret(., "derived", "")
             |
             v
(EC)DHE -> HKDF-Extract = Handshake Secret                       HandshakeSecret
  or 0       +--> "c hs traffic", "s hs traffic"  (ClientHello...ServerHello)
             |
             v
       Derive-Secret(., "derived", "")
             |
             v
0 ->    HKDF-Extract = Main Secret                               MainSecret
             +--> "c ap traffic", "s ap traffic", "exp master"   (ClientHello...server Finished)
             +--> "res master"                                   (ClientHello...client Finished)
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from tls13.crypto.aead import Suite
from tls13.crypto.hkdf import HASHES, derive_secret, hkdf_expand_label, hkdf_extract


@dataclass(frozen=True, slots=True)
class EarlySecret:
    """The first stage: binders and early data."""

    hash_name: str
    secret: bytes

    @classmethod
    def of(cls, hash_name: str, psk: bytes | None = None) -> EarlySecret:
        """The stage for a handshake under this pre-shared key, or under none."""
        if psk is None:
            return WITHOUT_PSK[hash_name]
        return cls(hash_name, hkdf_extract(hash_name, bytes(HASHES[hash_name].digest_size), psk))

    def binder_key(self, label: bytes) -> bytes:
        """What a binder is made with; the label tells whether the PSK is external, imported, or of a ticket."""
        return derive_secret(self.hash_name, self.secret, label, EMPTY_HASHES[self.hash_name])

    def client_early_traffic_secret(self, hash_of_client_hello: bytes) -> bytes:
        return derive_secret(self.hash_name, self.secret, b"c e traffic", hash_of_client_hello)

    def early_exporter_secret(self, hash_of_client_hello: bytes) -> bytes:
        return derive_secret(self.hash_name, self.secret, b"e exp master", hash_of_client_hello)

    def handshake(self, shared_secret: bytes | None) -> HandshakeSecret:
        """The next stage, of the key exchange's shared secret, or of zeros where there was no key exchange."""
        zeros = bytes(len(self.secret))
        keying_material = zeros if shared_secret is None else shared_secret
        return HandshakeSecret(self.hash_name, _next(self.hash_name, self.secret, keying_material))


@dataclass(frozen=True, slots=True)
class HandshakeSecret:
    """The stage that protects the handshake after ServerHello."""

    hash_name: str
    secret: bytes

    def client_handshake_traffic_secret(self, hash_to_server_hello: bytes) -> bytes:
        return derive_secret(self.hash_name, self.secret, b"c hs traffic", hash_to_server_hello)

    def server_handshake_traffic_secret(self, hash_to_server_hello: bytes) -> bytes:
        return derive_secret(self.hash_name, self.secret, b"s hs traffic", hash_to_server_hello)

    def main(self) -> MainSecret:
        """The next stage."""
        return MainSecret(self.hash_name, _next(self.hash_name, self.secret, bytes(len(self.secret))))


@dataclass(frozen=True, slots=True)
class MainSecret:
    """The last stage: application data, exporters, resumption."""

    hash_name: str
    secret: bytes

    def client_application_traffic_secret_0(self, hash_to_server_finished: bytes) -> bytes:
        return derive_secret(self.hash_name, self.secret, b"c ap traffic", hash_to_server_finished)

    def server_application_traffic_secret_0(self, hash_to_server_finished: bytes) -> bytes:
        return derive_secret(self.hash_name, self.secret, b"s ap traffic", hash_to_server_finished)

    def exporter_secret(self, hash_to_server_finished: bytes) -> bytes:
        return derive_secret(self.hash_name, self.secret, b"exp master", hash_to_server_finished)

    def resumption_secret(self, hash_to_client_finished: bytes) -> bytes:
        return derive_secret(self.hash_name, self.secret, b"res master", hash_to_client_finished)


@dataclass(frozen=True, slots=True)
class TrafficKeys:
    """RFC 9846 §7.3. What one traffic secret gives a direction."""

    key: bytes
    iv: bytes


def traffic_keys(suite: Suite, traffic_secret: bytes) -> TrafficKeys:
    """The record protection key and IV of a traffic secret. RFC 9846 §7.3"""
    return TrafficKeys(
        hkdf_expand_label(suite.hash_name, traffic_secret, b"key", b"", suite.key_length),
        hkdf_expand_label(suite.hash_name, traffic_secret, b"iv", b"", suite.iv_length),
    )


def exported(hash_name: str, exporter_secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """Keying material for something outside TLS: `length` bytes, bound to `label` and `context`. RFC 9846 §7.5"""
    secret = derive_secret(hash_name, exporter_secret, label, EMPTY_HASHES[hash_name])
    return hkdf_expand_label(hash_name, secret, b"exporter", hashlib.new(hash_name, context).digest(), length)


def resumption_psk(hash_name: str, resumption_secret: bytes, ticket_nonce: bytes) -> bytes:
    """The pre-shared key that goes with a ticket. RFC 9846 §4.7.1"""
    return hkdf_expand_label(hash_name, resumption_secret, b"resumption", ticket_nonce, len(resumption_secret))


def updated_traffic_secret(hash_name: str, traffic_secret: bytes) -> bytes:
    """application_traffic_secret_N+1 of that of N. RFC 9846 §7.2"""
    return hkdf_expand_label(hash_name, traffic_secret, b"traffic upd", b"", len(traffic_secret))


def verify_data(hash_name: str, base_key: bytes, transcript_hash: bytes) -> bytes:
    """Finished.verify_data under a traffic secret. RFC 9846 §4.5.3"""
    finished_key = hkdf_expand_label(hash_name, base_key, b"finished", b"", len(base_key))
    return hmac.digest(finished_key, transcript_hash, hash_name)


def _next(hash_name: str, secret: bytes, input_keying_material: bytes) -> bytes:
    salt = derive_secret(hash_name, secret, b"derived", EMPTY_HASHES[hash_name])
    return hkdf_extract(hash_name, salt, input_keying_material)


EMPTY_HASHES: Mapping[str, bytes] = {name: hashlib.new(name).digest() for name in HASHES}
"""Hash("") by the name of the hash."""

WITHOUT_PSK: Mapping[str, EarlySecret] = {
    name: EarlySecret(name, hkdf_extract(name, bytes(algorithm.digest_size), bytes(algorithm.digest_size)))
    for name, algorithm in HASHES.items()
}
"""Where there is no pre-shared key, the Early Secret is none: it is the same in every handshake."""
