"""RFC 9180: what HPKE derives its keys from, once the key encapsulation has given a shared secret."""

from __future__ import annotations

from schemas.code_points import HpkeAead, HpkeKdf, HpkeKem
from schemas.vocabulary import Struct, constant, field, rest, struct, uint8, uint16

BASE_MODE = 0
"""mode_base: neither side has a key of its own, nor is there a pre-shared one. RFC 9180 §5"""


@struct
class HpkeSuiteId(Struct):
    """RFC 9180 §5.1. The algorithms, which every derivation names."""

    name: bytes = field(constant(b"HPKE"), "and not KEM, whose own derivations say that", default=b"HPKE")
    kem_id: HpkeKem = field(HpkeKem, "key encapsulation")
    kdf_id: HpkeKdf = field(HpkeKdf, "key derivation")
    aead_id: HpkeAead = field(HpkeAead, "encryption")


@struct
class LabeledIkm(Struct):
    """RFC 9180 §4. The keying material of LabeledExtract."""

    version: bytes = field(constant(b"HPKE-v1"), "of HPKE", default=b"HPKE-v1")
    suite_id: HpkeSuiteId = field(HpkeSuiteId, "the algorithms")
    label_and_ikm: bytes = field(rest, "what the keying material is, and the material itself")


@struct
class LabeledInfo(Struct):
    """RFC 9180 §4. The info of LabeledExpand."""

    length: int = field(uint16, "bytes to derive")
    version: bytes = field(constant(b"HPKE-v1"), "of HPKE", default=b"HPKE-v1")
    suite_id: HpkeSuiteId = field(HpkeSuiteId, "the algorithms")
    label_and_info: bytes = field(rest, "what the bytes are for, and what they are bound to")


@struct
class KeyScheduleContext(Struct):
    """RFC 9180 §5.1. What the keys are bound to."""

    mode: int = field(uint8, "0 for mode_base", default=BASE_MODE)
    hashes: bytes = field(rest, "psk_id_hash and info_hash, each as long as the KDF's hash")
