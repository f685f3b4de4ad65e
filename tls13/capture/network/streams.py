"""TCP segments to byte streams, one for each direction of each connection. RFC 9293.

Segments may come in any order, twice, or overlapping; of bytes that come twice the first copy counts, as in tshark.
Bytes that the capture does not hold are told as `Missing`, and the stream goes on behind them: where the receiver has
acknowledged them and some more segments have passed, where too much waits for them, or where the connection ends.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence

import dpkt.tcp

from tls13.capture.diagnostics import WarningKind, WarningLog
from tls13.capture.limits import Limits
from tls13.capture.network.addresses import Endpoint
from tls13.capture.network.flows import Chunk, Ended, Ending, Event, Flow, Missing, Transport
from tls13.capture.network.link import SEQUENCE_NUMBERS, Segment
from tls13.capture.network.pieces import Piece, Pieces

FIN: int = dpkt.tcp.TH_FIN
SYN: int = dpkt.tcp.TH_SYN
RST: int = dpkt.tcp.TH_RST
ACK: int = dpkt.tcp.TH_ACK
_OPENS_OR_ENDS = SYN | FIN | RST
_OPENS_OR_RESETS = SYN | RST
_UNDER_WAY = 2 * 10**9
"""How long after RST something may still come that was sent before it was received, in nanoseconds."""

_Key = tuple[Endpoint, Endpoint]


class TcpFlow(Flow):
    """A connection: its two streams, and what they need to be put in order."""

    __slots__ = ("streams", "was_reset")

    def __init__(self, number: int, segment: Segment, limits: Limits, log: WarningLog) -> None:
        opened_by_other = segment.flags & SYN and segment.flags & ACK
        ends = segment.source, segment.destination
        super().__init__(
            number,
            Transport.tcp,
            segment.timestamp,
            (ends[1], ends[0]) if opened_by_other else ends,
            opener_known=bool(segment.flags & SYN),
        )
        self.was_reset = False
        """Whether a side has sent RST. What the other one had sent by then still comes."""
        started = segment.timestamp
        self.streams = _Stream(started, limits, log), _Stream(started, limits, log)

    @property
    def unfinished(self) -> int:
        """Bytes kept that are not whole yet: segments out of order, and what `held` says."""
        if self.ended:
            return 0
        one, other = self.streams[0].pieces, self.streams[1].pieces
        return self.held + (one.cost if one.waiting else 0) + (other.cost if other.waiting else 0)

    @property
    def both_closed(self) -> bool:
        """Whether both sides have sent FIN, though not all before it may be there."""
        return all(stream.has_end for stream in self.streams)

    def sender(self, segment: Segment) -> int:
        """Which of the endpoints sent it."""
        return 0 if segment.source == self.endpoints[0] else 1

    def is_another(self, segment: Segment) -> bool:
        """Whether a segment with SYN opens another connection between the same ports."""
        stream = self.streams[self.sender(segment)]
        if stream.first == (segment.sequence + 1) % SEQUENCE_NUMBERS:
            return False
        if segment.flags & ACK:
            # A server that has answered with SYN cookies may answer again with another number.
            return stream.holds_data or self.ended
        return True

    def feed(self, segment: Segment) -> Sequence[Event]:
        """What the segment adds. After both FINs nothing does."""
        self.last_seen = segment.timestamp
        if self.ended:
            return ()
        sender = 0 if segment.source == self.endpoints[0] else 1
        stream, opposite = self.streams[sender], self.streams[1 - sender]
        if segment.flags & _OPENS_OR_ENDS or stream.pieces.waiting or opposite.pieces.waiting:
            return list(self._feed(segment, sender))
        if segment.flags & ACK:
            opposite.acknowledge(segment.acknowledgment)
        # By far the most segments are the next ones, of a stream in which nothing is missing.
        if not segment.payload and not segment.length:
            return ()
        at = stream.extend(segment)
        if at is None:
            return list(self._feed(segment, sender))
        return (Chunk(self, sender, segment.timestamp, at, segment.payload),)

    def pieces(self, sender: int) -> Pieces:
        """See `Flow`."""
        return self.streams[sender].pieces

    def end(self, ending: Ending) -> Iterator[Event]:
        """Delivers what waits, gaps and all."""
        self.ended = True
        yield from self.give_up()
        for sender, stream in enumerate(self.streams):
            if (left := stream.acknowledged_beyond) > 0:
                yield Missing(self, sender, self.last_seen, stream.pieces.offset, left)
        yield Ended(self, Ending.reset if self.was_reset else ending)

    def finish(self) -> Iterator[Event]:
        """See `Flow`."""
        if not self.ended:
            yield from self.end(Ending.finished if self.both_closed else Ending.unfinished)

    def _feed(self, segment: Segment, sender: int) -> Iterator[Event]:
        """The long way, for any segment."""
        if segment.flags & RST:
            self.was_reset = True
            return
        stream, opposite = self.streams[sender], self.streams[1 - sender]
        if segment.flags & ACK:
            opposite.acknowledge(segment.acknowledgment)
            while opposite.gives_up():
                yield from self.skip(1 - sender)
        stream.add(segment)
        yield from self.deliver(sender, segment.timestamp)
        while stream.gives_up():
            yield from self.skip(sender)
        if stream.is_finished and opposite.is_finished:
            yield from self.end(Ending.finished)


class _Stream:
    """One direction. Offsets count bytes of the stream; sequence numbers are those of the segments, modulo 2^32."""

    __slots__ = (
        "_acknowledged",
        "_end",
        "_limits",
        "_log",
        "_other_first",
        "_overdue",
        "_started",
        "first",
        "pieces",
    )

    def __init__(self, started: int, limits: Limits, log: WarningLog) -> None:
        self.first: int | None = None
        """The sequence number of the byte at offset 0, None before it is known."""
        self.pieces = Pieces()
        self._started = started
        """The time of the connection's first packet."""
        self._limits = limits
        self._log = log
        self._end: int | None = None
        self._acknowledged = -1
        """Up to where the receiver has everything; -1 before it has said anything."""
        self._other_first: int | None = None
        """Another one, of a server that has answered twice: the client's acknowledgment will tell which it took."""
        self._overdue = 0

    @property
    def has_end(self) -> bool:
        """Whether FIN has been seen."""
        return self._end is not None

    @property
    def is_finished(self) -> bool:
        """Whether everything up to FIN has been delivered."""
        return self._end is not None and self.pieces.offset >= self._end

    @property
    def holds_data(self) -> bool:
        """Whether any has been seen."""
        return self.pieces.offset > 0 or bool(self.pieces.waiting)

    @property
    def acknowledged_beyond(self) -> int:
        """How many bytes the receiver has acknowledged that have not been delivered."""
        offset = self.pieces.offset
        if self._end is not None:
            return min(self._acknowledged, self._end) - offset
        # One more than the data is what acknowledging an unseen FIN looks like.
        beyond = self._acknowledged - offset
        return 0 if beyond == 1 else beyond

    def acknowledge(self, number: int) -> None:
        """The receiver has everything before that sequence number."""
        if self.first is None:
            self.first = number
        elif self._other_first is not None and number in (self.first, self._other_first):
            self.first, self._other_first = number, None
        acknowledged = self._offset_of(number)
        if acknowledged > self._acknowledged:
            self._acknowledged = acknowledged
        waiting = self.pieces.waiting
        if waiting and self._acknowledged >= waiting[0].start:
            self._overdue += 1

    def extend(self, segment: Segment) -> int | None:
        """Takes a segment that is all there and next in a stream where nothing waits. Returns its offset.

        None for any other segment, which is not taken.
        """
        pieces, length = self.pieces, len(segment.payload)
        at = pieces.offset
        if self.first is None or self._end is not None or segment.length != length:
            return None
        if (segment.sequence - self.first - at) % SEQUENCE_NUMBERS:
            return None
        pieces.offset = at + length
        self._overdue = 0
        return at

    def add(self, segment: Segment) -> None:
        """Puts a segment's payload where it belongs."""
        sequence = segment.sequence
        if segment.flags & SYN:
            sequence = (sequence + 1) % SEQUENCE_NUMBERS
            if self.first is None:
                self.first = sequence
            elif sequence != self.first and self._acknowledged < 0 and not self.holds_data:
                self.first, self._other_first = sequence, self.first
        if not segment.length and not segment.flags & FIN:
            return
        if self.first is None:
            self.first = sequence
        start = self._offset_of(sequence)
        if segment.flags & FIN and self._end is None:
            self._end = max(start + segment.length, self.pieces.offset)
        if segment.payload:
            if start < 0:
                self.pass_over(segment)
            room = len(segment.payload) if self._end is None else max(self._end - start, 0)
            self.pieces.add(start, segment.timestamp, segment.payload[:room])

    def pass_over(self, segment: Segment) -> None:
        """A segment comes too late to be read. It should not, where it is older than what came before it."""
        if segment.payload and segment.timestamp < self._started:
            self._log.add(WarningKind.unreadable, _IN_DISORDER)

    def take(self) -> Sequence[Piece]:
        """What is next in order."""
        taken = self.pieces.take()
        if taken:
            self._overdue = 0
        return taken

    def gives_up(self) -> bool:
        """Whether the missing bytes before what waits have been waited for long enough."""
        pieces = self.pieces
        if not pieces.waiting:
            return False
        limits = self._limits
        too_much = pieces.cost > limits.reordered or len(pieces.waiting) > limits.reordered_segments
        if too_much:
            self._log.add(WarningKind.limit, "too much waits for missing bytes of a connection: they are given up")
        if too_much or self._overdue > limits.overdue:
            self._overdue = 0
            return True
        return False

    def _offset_of(self, sequence: int) -> int:
        offset = self.pieces.offset
        distance = (sequence - (self.first or 0) - offset) % SEQUENCE_NUMBERS
        if distance >= SEQUENCE_NUMBERS // 2:
            distance -= SEQUENCE_NUMBERS
        return offset + distance


_IN_DISORDER = "packets older than their connection's first are lost: put the capture in order with reordercap"


class Reassembler:
    """Sorts segments into flows. `connections` counts them all, `log` gets what limits do."""

    def __init__(self, limits: Limits, log: WarningLog) -> None:
        self.connections = 0
        self._limits = limits
        self._log = log
        self._unfinished = 0
        self._flows: OrderedDict[_Key, TcpFlow] = OrderedDict()
        """Those that go on; those last heard of last."""
        self._over: OrderedDict[_Key, TcpFlow] = OrderedDict()
        """Those that have ended, of which more segments may come; those that ended last last."""
        self._keeping: OrderedDict[_Key, TcpFlow] = OrderedDict()
        """Those that keep something unfinished."""
        self._reset: deque[tuple[int, _Key, TcpFlow]] = deque()
        """Those that a side has reset, each with the time from which on it is over if nothing more has come of it."""
        self._last: tuple[_Key, TcpFlow] | None = None
        """Where the last segment went."""

    def feed(self, segment: Segment) -> Sequence[Event]:
        """What the segment adds to its flow, or ends of others."""
        if self._last is not None:
            # Whoever reads the events has told by now what is held of the segment before.
            self._count(*self._last)
            self._last = None
        source, destination = segment.source, segment.destination
        key = (source, destination) if source <= destination else (destination, source)
        flow = self._flows.get(key)
        if flow is None or segment.flags & _OPENS_OR_RESETS or (self._reset and self._reset[0][0] < segment.timestamp):
            return list(self._feed(key, segment))
        self._flows.move_to_end(key)
        events = flow.feed(segment)
        if events or flow.counted or segment.payload:
            self._settle(key, flow)
        if self._unfinished > self._limits.unfinished:
            return [*events, *self._make_room()]
        return events

    def finish(self) -> Iterator[Event]:
        """The capture is over: the ends of all flows that are still open, oldest first."""
        for flow in sorted(self._flows.values(), key=lambda each: each.number):
            yield from flow.finish()
        self._flows.clear()

    def _feed(self, key: _Key, segment: Segment) -> Iterator[Event]:
        """The long way, for any segment: it may be the first of a connection."""
        yield from self._end_reset(segment.timestamp)
        flow = self._flows.get(key) or self._over.get(key)
        if flow is not None and segment.flags & SYN and flow.is_another(segment):
            if not flow.ended:
                yield from flow.end(Ending.replaced)
                self._settle(key, flow)
            flow = None
        if flow is None:
            flow = self._flows[key] = TcpFlow(self.connections, segment, self._limits, self._log)
            self._over.pop(key, None)
            self.connections += 1
        if not flow.ended:
            self._flows.move_to_end(key)
            was_reset = flow.was_reset
            yield from flow.feed(segment)
            self._settle(key, flow)
            if flow.was_reset and not was_reset:
                self._reset.append((segment.timestamp + _UNDER_WAY, key, flow))
        else:
            flow.streams[0].pass_over(segment)
        if len(self._flows) > self._limits.connections:
            yield from self._forget(next(iter(self._flows)), f"over {self._limits.connections} connections at once")
        yield from self._make_room()

    def _end_reset(self, now: int) -> Iterator[Event]:
        """Ends those of which nothing has come for long enough since they were reset; the first where it is many."""
        most = self._limits.connections // 2
        while self._reset and (self._reset[0][0] < now or len(self._reset) > most):
            _, key, flow = self._reset.popleft()
            until = flow.last_seen + _UNDER_WAY
            if flow.ended:
                continue
            if now <= until and len(self._reset) < most:
                self._reset.append((until, key, flow))
                continue
            yield from flow.end(Ending.reset)
            self._settle(key, flow)

    def _make_room(self) -> Iterator[Event]:
        while self._unfinished > self._limits.unfinished and len(self._keeping) > 1:
            why = f"over {self._limits.unfinished} bytes unfinished at once"
            yield from self._forget(next(iter(self._keeping)), why)

    def _forget(self, key: _Key, why: str) -> Iterator[Event]:
        flow = self._flows.pop(key)
        self._log.add(WarningKind.limit, f"{why}: silent ones are given up")
        yield from flow.end(Ending.forgotten)
        self._count(key, flow)

    def _settle(self, key: _Key, flow: TcpFlow) -> None:
        """Counts what the flow keeps, and puts it where it belongs."""
        self._count(key, flow)
        if not flow.ended:
            self._last = key, flow
            return
        self._flows.pop(key, None)
        self._over[key] = flow
        if len(self._over) > self._limits.connections:
            self._over.popitem(last=False)

    def _count(self, key: _Key, flow: TcpFlow) -> None:
        now = flow.unfinished
        if now or flow.counted:
            self._unfinished += now - flow.counted
            flow.counted = now
            if now:
                self._keeping[key] = flow
                self._keeping.move_to_end(key)
            else:
                self._keeping.pop(key, None)
