"""Initial packets that do not open yet, as where the client's first one comes later in the capture, or was cut."""

from __future__ import annotations

from typing import NamedTuple

from tls13.capture.diagnostics import WarningKind, WarningLog
from tls13.capture.network.addresses import Endpoint
from tls13.capture.network.link import Datagram
from tls13.capture.quic.packets import LongPacket


class WaitingPacket(NamedTuple):
    """A packet and what it came in."""

    datagram: Datagram
    packet: LongPacket


class WaitingPackets:
    """A few of them, by the two ends that they were between. Those that leave unopened are told to `log`."""

    def __init__(self, log: WarningLog) -> None:
        self._log = log
        self._between: dict[frozenset[Endpoint], list[WaitingPacket]] = {}
        """Those that began to wait first come first."""

    def add(self, waiting: WaitingPacket) -> None:
        """One more, for which others may have to leave."""
        ends = _ends(waiting.datagram)
        here = self._between.setdefault(ends, [])
        here.append(waiting)
        if len(here) > _MOST_BETWEEN:
            self._give_up(here.pop(0))
        if len(self._between) > _MOST_ENDS:
            for each in self._between.pop(next(iter(self._between))):
                self._give_up(each)

    def take(self, datagram: Datagram) -> list[WaitingPacket]:
        """The whole ones between the ends of the datagram, which wait no longer."""
        ends = _ends(datagram)
        here = self._between.pop(ends, [])
        if heads := [each for each in here if each.packet.is_cut]:
            self._between[ends] = heads
        return [each for each in here if not each.packet.is_cut]

    def heads(self, datagram: Datagram) -> list[WaitingPacket]:
        """Those between the ends of the datagram that were cut: keys come from their headers."""
        return [each for each in self._between.get(_ends(datagram), []) if each.packet.is_cut]

    def finish(self) -> None:
        """There are no more packets."""
        for here in self._between.values():
            for each in here:
                self._give_up(each)
        self._between.clear()

    def _give_up(self, waiting: WaitingPacket) -> None:
        # That a packet was cut has been told before; without the fixed bit it is hardly QUIC.
        if waiting.packet.has_fixed_bit and not waiting.packet.is_cut:
            text = "a QUIC Initial packet does not open: it is damaged, or the client's first one is not in the capture"
            self._log.add(WarningKind.unreadable, text)


def _ends(datagram: Datagram) -> frozenset[Endpoint]:
    return frozenset((datagram.source, datagram.destination))


_MOST_BETWEEN, _MOST_ENDS = 4, 64
