"""What stands in a judge's place where messages are read and nobody asks what there is to say of their connection."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.record import RecordHeader
from tls13.capture.judging.judgement import Judgement, PskOrigin
from tls13.capture.messages import Direction, Gap, Message
from tls13.capture.network.flows import Ending
from tls13.capture.opening.encrypted_hello import Opening


class Unjudged:
    """Is told what `Judge` is told, and keeps nothing of it."""

    __slots__ = ()
    kept = 0

    def see(self, item: Message | Gap) -> None:
        """The next item."""

    def see_record(self, direction: Direction, timestamp: int, number: int, header: RecordHeader) -> None:
        """A record whose length is no usual one."""

    def see_opening(self, opening: Opening) -> None:
        """What became of an encrypted hello."""

    def see_acceptance(self, accepted: bool | None) -> None:
        """What the server made of it."""

    def see_binders(self, origins: Mapping[int, PskOrigin]) -> None:
        """Which pre-shared keys are offered."""

    def judgement(self, ending: Ending = Ending.unfinished) -> Judgement:
        """Raises LookupError: there is none."""
        raise LookupError("these connections are not judged; leave out judged=False")
