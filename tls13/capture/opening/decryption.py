"""The protected records of one direction, opened with secrets of a key log. RFC 9846 §5.2, §7.

A direction goes through stages: early data, handshake, application data. A record is tried under the keys of the
stage that its direction is known to be in; where they fail, under those of the later stages, which finds the way
again after refused early data, a missing secret or missing records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from schemas.code_points import ContentType
from tls13.capture.common_knowledge import CommonKnowledge
from tls13.capture.limits import Limits
from tls13.capture.messages import Direction, Epoch, Note, NoteKind
from tls13.capture.tls.assembly import Content
from tls13.capture.tls.records import CapturedRecord
from tls13.crypto.aead import Suite
from tls13.crypto.hkdf import HASHES
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
    """What a capture is decrypted with: the caller's key log first, then the capture's own, and external PSKs.

    `psks` are external pre-shared keys by identity. `common` is what connections show to others of the same capture,
    main secrets of TLS 1.2 among it, which are remembered by what resumes them.
    """

    def __init__(
        self,
        *keylogs: KeyLog,
        psks: Mapping[bytes, bytes] = MappingProxyType({}),
        common: CommonKnowledge | None = None,
    ) -> None:
        self._keylogs = keylogs
        self.psks = psks
        self.common = common or CommonKnowledge()

    def __bool__(self) -> bool:
        """Whether there is any secret."""
        return any(self._keylogs) or bool(self.psks)

    def find(self, label: Label, client_random: bytes) -> bytes | None:
        """That secret, None where no log has it."""
        for keylog in self._keylogs:
            secret = keylog.secret(label, client_random)
            if secret is not None:
                return secret
        return None

    def knows(self, client_random: bytes) -> bool:
        """Whether any log has anything for that connection."""
        return any(keylog.labels(client_random) for keylog in self._keylogs)

    def resumed(self, session: bytes) -> bytes | None:
        """The main secret that a session ID or ticket stands for, None where it is not known."""
        return self.common.main_secret(session) if self else None


class ConnectionSecrets:
    """The secrets of one connection: those logged for its client random, and those derived from what it said.

    `client_randoms` are of the ClientHello, and of the one inside where that could be opened (RFC 9850 §2.1 has the
    secrets of an accepted inner hello logged for its own). `hints` say more about why a secret is not there.
    """

    __slots__ = ("client_randoms", "derived", "hints", "shared")

    def __init__(self, secrets: Secrets) -> None:
        self.shared = secrets
        self.client_randoms: tuple[bytes, ...] = ()
        self.derived: dict[Label, bytes] = {}
        self.hints: list[str] = []

    def find(self, label: Label) -> bytes | None:
        """That secret, None where it is not known."""
        for client_random in self.client_randoms:
            secret = self.shared.find(label, client_random)
            if secret is not None:
                return secret
        return self.derived.get(label)

    def why_not(self, labels: Sequence[Label]) -> Note:
        """The note for secrets that were not found, any of which could be the one."""
        if not self.shared:
            return Note(NoteKind.no_keylog, "encrypted, and no key log with secrets was given")
        known = any(map(self.shared.knows, self.client_randoms))
        what = f"no {' or '.join(labels)}" if known else "no secret"
        random = self.client_randoms[0].hex() if self.client_randoms else "unknown"
        text = "; ".join([f"encrypted, and the key log has {what} for client random {random}", *self.hints])
        only_early = tuple(labels) == (Label.CLIENT_EARLY_TRAFFIC_SECRET,)
        return Note(NoteKind.early_data if only_early else NoteKind.missing_secret, text)


class Search:
    """How many sequence numbers a record is tried under: one, unless records before it may be missing."""

    __slots__ = ("_attempts", "_attempts_left", "_is_proven", "_most_attempts", "_searches_left")

    def __init__(self, limits: Limits) -> None:
        self._most_attempts = limits.sequence_numbers
        self._attempts_left = _LONG_SEARCHES * limits.sequence_numbers
        self._attempts = 1
        self._searches_left = 0
        self._is_proven = False
        """Whether any record has opened."""

    def attempts(self) -> int:
        """How many numbers the next record is worth."""
        if not self._searches_left:
            return 1
        attempts = min(self._attempts, self._attempts_left)
        self._attempts_left -= attempts - 1
        return attempts

    def skip(self, length: int) -> None:
        """An unknown number of records in so many bytes is missing."""
        records = 1 + length // _SHORTEST_RECORD
        self._attempts = min(self._attempts + records, self._most_attempts)
        self._searches_left = _SEARCHES

    def reset(self) -> None:
        """New keys come, and their first record is expected next."""
        self._attempts, self._searches_left = 1, 0

    def found(self) -> None:
        """A record has opened."""
        self._attempts, self._searches_left = 1, 0
        self._is_proven = True

    def failed(self) -> None:
        """A record has not opened under any number."""
        self._searches_left = max(self._searches_left - 1, 0)
        if self._is_proven and self._attempts < _FAILURES:
            # The secrets are right, so it is this record that is not, and the next has the next number.
            self.skip(0)


@dataclass(slots=True)
class _Stage:
    """The keys of one epoch, under each suite that may be the one, made once their secret is found."""

    epoch: Epoch
    label: Label
    suites: tuple[Suite, ...]
    protections: list[Protection] = field(default_factory=list)
    generation: int = 0
    unread: int = 0
    """How many records came before the secret did."""

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


def wrong_length(label: Label, secret: bytes, length: int) -> Note:
    """The note for a secret that cannot be the one."""
    text = f"encrypted, and {label} in the key log is {len(secret)} bytes instead of {length}"
    return Note(NoteKind.not_decrypted, text)


def _fits(suite: Suite, secret: bytes) -> bool:
    """Whether the secret is as long as the suite's hash."""
    return len(secret) == _digest_size(suite)


def _digest_size(suite: Suite) -> int:
    return HASHES[suite.hash_name].digest_size


class Opener:
    """Opens one direction's protected records, in order."""

    __slots__ = ("_direction", "_first_failure", "_missing", "_search", "_secrets", "_stages")

    def __init__(self, direction: Direction, secrets: ConnectionSecrets, limits: Limits) -> None:
        self._direction = direction
        self._secrets = secrets
        self._search = Search(limits)
        self._stages: list[_Stage] = []
        self._first_failure: dict[tuple[Epoch, int], int] = {}
        self._missing: tuple[tuple[Label, ...], Note] | None = None
        """The note for those labels, once it has been made."""

    def start_over(self) -> None:
        """No protected records are expected: the handshake begins, or begins again."""
        self._stages = []

    def expect_early_data(self, suites: Iterable[Suite]) -> None:
        """Early data may come, under one of the suites. RFC 9846 §4.3.10"""
        self._stages = [self._stage(Epoch.early_data, suites)]
        self._search.reset()

    def expect_handshake(self, suites: Iterable[Suite]) -> None:
        """After what was expected before, the rest of the handshake comes and then application data."""
        early = [stage for stage in self._stages if stage.epoch is Epoch.early_data]
        rest = [self._stage(epoch, suites) for epoch in (Epoch.handshake, Epoch.application)]
        self._stages = early + rest
        self._search.reset()

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

    def skip_bytes(self, length: int) -> None:
        """An unknown number of records in so many bytes is missing."""
        self._search.skip(length)

    def open(self, record: CapturedRecord) -> Content | Note | None:
        """What the record holds, a note for what no record may hold, None where it does not open."""
        for stage in self._stages:
            if not stage.protections:
                stage.prepare(self._secrets.find(stage.label))
                if stage.protections and stage.unread:
                    # The capture has brought the secret late: so many records of this stage, at most, went by before.
                    self._search.skip(stage.unread * _SHORTEST_RECORD)
        attempts = self._search.attempts()
        for index, stage in enumerate(self._stages):
            try:
                opened = stage.open(record.raw, attempts)
            except Reason as error:
                return Note(NoteKind.malformed, f"decrypted to what no record may hold: {error}")
            if opened is not None:
                del self._stages[:index]
                self._search.found()
                return Content(record, *opened, stage.epoch, stage.generation)
        for stage in self._stages:
            stage.unread += not stage.protections
        self._search.failed()
        return None

    @property
    def epoch(self) -> Epoch:
        """The epoch that the next record is expected in, unknown where nothing can tell."""
        return self._stages[0].epoch if self._stages and self._stages[0].protections else Epoch.unknown

    @property
    def generation(self) -> int:
        """How many KeyUpdates were followed."""
        return self._stages[0].generation if self._stages else 0

    def why_not(self, record: CapturedRecord) -> Note:
        """Why a record does not open."""
        if not self._stages:
            return Note(NoteKind.no_hello, "encrypted, and the capture lacks a hello that tells the keys")
        stage = self._stages[0]
        if not stage.suites:
            return Note(NoteKind.unsupported_suite, "encrypted, with a cipher suite that is not supported")
        # Until the server has accepted early data, what follows it may come in its place.
        possible = self._stages[: 2 if stage.epoch is Epoch.early_data else 1]
        missing = tuple(each.label for each in possible if not each.protections)
        if missing:
            # Told for each of a connection's records, which may be many: the same note will do.
            if self._missing is None or self._missing[0] != missing:
                self._missing = missing, self._why_missing(stage, missing)
            return self._missing[1]
        first = self._first_failure.setdefault((stage.epoch, stage.generation), record.number)
        text = f"record {record.number} does not open under {stage.label}"
        if stage.epoch is Epoch.application:
            text += f", key generation {stage.generation}"
        if first != record.number:
            text += f"; the first that did not is record {first}"
        return Note(NoteKind.not_decrypted, text)

    def _why_missing(self, stage: _Stage, missing: tuple[Label, ...]) -> Note:
        secret = self._secrets.find(stage.label)
        if secret is None:
            return self._secrets.why_not(missing)
        return wrong_length(stage.label, secret, _digest_size(stage.suites[0]))

    def _stage(self, epoch: Epoch, suites: Iterable[Suite]) -> _Stage:
        return _Stage(epoch, _LABELS[self._direction, epoch], tuple(suites))
