"""The protected records of one direction, opened with secrets of a key log. RFC 9846 §5.2, §7.

A direction goes through stages: early data, handshake, application data. A record is tried under the keys of the
stage that its direction is known to be in; where they fail, under those of the later stages, which finds the way
again after refused early data, a missing secret or missing records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.code_points import ContentType
from tls13.capture.limits import Limits
from tls13.capture.messages import Direction, Epoch, Note, NoteKind
from tls13.capture.records import CapturedRecord
from tls13.crypto.aead import Suite
from tls13.errors import BadRecordMac, Reason
from tls13.keylog import KeyLog, Label
from tls13.record_layer import Protection

_LABELS = {
    (Direction.client, Epoch.early_data): Label.CLIENT_EARLY_TRAFFIC_SECRET,
    (Direction.client, Epoch.handshake): Label.CLIENT_HANDSHAKE_TRAFFIC_SECRET,
    (Direction.server, Epoch.handshake): Label.SERVER_HANDSHAKE_TRAFFIC_SECRET,
    (Direction.client, Epoch.application): Label.CLIENT_TRAFFIC_SECRET_0,
    (Direction.server, Epoch.application): Label.SERVER_TRAFFIC_SECRET_0,
}
_SHORTEST_RECORD = 22
"""Header, content type and tag."""
_SEARCHES = 3
"""How many records after missing ones are tried under many sequence numbers."""
_LONG_SEARCHES = 32
"""How many searches of the greatest length a direction is worth, so that a capture cannot ask for work without end."""
_FAILURES = 8
"""How many records in a row may be damaged where others have opened."""


class Secrets:
    """Where secrets are looked up: in the caller's key log first, then in the capture's own."""

    def __init__(self, *keylogs: KeyLog) -> None:
        self._keylogs = keylogs

    def find(self, label: Label, client_random: bytes) -> bytes | None:
        """That secret, None where no log has it."""
        found = (keylog.secret(label, client_random) for keylog in self._keylogs)
        return next((secret for secret in found if secret is not None), None)

    def why_not(self, labels: Sequence[Label], client_random: bytes) -> Note:
        """The note for secrets that were not found, any of which could be the one."""
        if not any(self._keylogs):
            return Note(NoteKind.no_keylog, "encrypted, and no key log with secrets was given")
        known = any(keylog.labels(client_random) for keylog in self._keylogs)
        what = f"no {' or '.join(labels)}" if known else "nothing"
        text = f"encrypted, and the key log has {what} for client random {client_random.hex()}"
        only_early = tuple(labels) == (Label.CLIENT_EARLY_TRAFFIC_SECRET,)
        return Note(NoteKind.early_data if only_early else NoteKind.missing_secret, text)


class Opened(NamedTuple):
    """What a record held. `generation` counts KeyUpdates."""

    content_type: ContentType
    content: bytes
    epoch: Epoch
    generation: int


@dataclass(slots=True)
class _Stage:
    """The keys of one epoch, under each suite that may be the one, made once their secret is found."""

    epoch: Epoch
    label: Label
    suites: tuple[Suite, ...]
    protections: list[Protection] = field(default_factory=list)
    generation: int = 0

    def prepare(self, secret: bytes | None) -> None:
        if secret is not None:
            self.protections = [Protection(suite, secret) for suite in self.suites if _fits(suite, secret)]

    def open(self, record: bytes, attempts: int) -> tuple[ContentType, bytes] | None:
        """What the record holds under these keys, at one of `attempts` sequence numbers; None if it does not open.

        Raises Reason where it opens to what no record may hold.
        """
        for protection in self.protections:
            first = protection.sequence_number
            for number in range(first, first + attempts):
                protection.sequence_number = number
                try:
                    opened = protection.unprotect(record)
                except BadRecordMac:
                    continue
                self.protections = [protection]
                return opened
            protection.sequence_number = first
        return None

    def update(self) -> None:
        self.protections = [protection.updated() for protection in self.protections]
        self.generation += 1


def _fits(suite: Suite, secret: bytes) -> bool:
    """Whether the secret is as long as the suite's hash."""
    return len(secret) == hashlib.new(suite.hash_name).digest_size


class Opener:
    """Opens one direction's protected records, in order."""

    def __init__(self, direction: Direction, secrets: Secrets, limits: Limits) -> None:
        self._direction = direction
        self._secrets = secrets
        self._most_attempts = limits.sequence_numbers
        self._attempts_left = _LONG_SEARCHES * limits.sequence_numbers
        self._client_random = b""
        self._stages: list[_Stage] = []
        self._attempts = 1
        self._searches_left = 0
        self._is_proven = False
        """Whether any record of this direction has opened."""
        self._first_failure: dict[Epoch, int] = {}

    def start_over(self) -> None:
        """No protected records are expected: the handshake begins, or begins again."""
        self._stages = []

    def expect_early_data(self, client_random: bytes, suites: Iterable[Suite]) -> None:
        """Early data may come, under one of the suites. RFC 9846 §4.3.10"""
        self._client_random = client_random
        self._stages = [self._stage(Epoch.early_data, suites)]
        self._attempts, self._searches_left = 1, 0

    def expect_handshake(self, client_random: bytes, suites: Iterable[Suite]) -> None:
        """After what was expected before, the rest of the handshake comes and then application data."""
        self._client_random = client_random
        early = [stage for stage in self._stages if stage.epoch is Epoch.early_data]
        rest = [self._stage(epoch, suites) for epoch in (Epoch.handshake, Epoch.application)]
        self._stages = early + rest
        self._attempts, self._searches_left = 1, 0

    def advance(self, epoch: Epoch) -> None:
        """From here on no record comes under the keys of an epoch before that one."""
        for stage in self._stages:
            if stage.epoch is epoch:
                del self._stages[: self._stages.index(stage)]
                return

    def update(self) -> None:
        """A KeyUpdate was sent: the next record is under the next generation of keys. RFC 9846 §4.7.3"""
        if self._stages:
            self._stages[0].update()

    def skip_record(self) -> None:
        """One record cannot be opened because part of it is missing."""
        self.skip_bytes(0)

    def skip_bytes(self, length: int) -> None:
        """An unknown number of records in so many bytes is missing."""
        records = 1 + length // _SHORTEST_RECORD
        self._attempts = min(self._attempts + records, self._most_attempts)
        self._searches_left = _SEARCHES

    def open(self, record: CapturedRecord) -> Opened | Note | None:
        """What the record holds, a note for what no record may hold, None where it does not open."""
        attempts = min(self._attempts, self._attempts_left) if self._searches_left else 1
        self._attempts_left -= attempts - 1
        for index, stage in enumerate(self._stages):
            if not stage.protections:
                stage.prepare(self._secrets.find(stage.label, self._client_random))
            try:
                opened = stage.open(record.raw, attempts)
            except Reason as error:
                return Note(NoteKind.malformed, f"decrypted to what no record may hold: {error}")
            if opened is not None:
                del self._stages[:index]
                self._attempts, self._searches_left = 1, 0
                self._is_proven = True
                return Opened(*opened, stage.epoch, stage.generation)
        self._searches_left = max(self._searches_left - 1, 0)
        if self._is_proven and self._attempts < _FAILURES:
            # The secrets are right, so it is this record that is not, and the next has the next number.
            self.skip_record()
        return None

    @property
    def epoch(self) -> Epoch:
        """The epoch that the next record is expected in, unknown where nothing can tell."""
        return self._stages[0].epoch if self._stages and self._stages[0].protections else Epoch.unknown

    def why_not(self, record: CapturedRecord) -> Note:
        """Why a record does not open."""
        if not self._stages:
            return Note(NoteKind.no_hello, "encrypted, and the capture does not hold both hellos that tell the keys")
        stage = self._stages[0]
        if not stage.suites:
            return Note(NoteKind.unsupported_suite, "encrypted, with a cipher suite that is not supported")
        # Until the server has accepted early data, what follows it may come in its place.
        possible = self._stages[: 2 if stage.epoch is Epoch.early_data else 1]
        missing = [each.label for each in possible if not each.protections]
        if missing:
            return self._secrets.why_not(missing, self._client_random)
        first = self._first_failure.setdefault(stage.epoch, record.number)
        text = f"record {record.number} does not open under {stage.label}"
        if stage.generation:
            text += f" after {stage.generation} key updates"
        if first != record.number:
            text += f"; the first that did not is record {first}"
        return Note(NoteKind.not_decrypted, text)

    def _stage(self, epoch: Epoch, suites: Iterable[Suite]) -> _Stage:
        return _Stage(epoch, _LABELS[self._direction, epoch], tuple(suites))
