"""TCP segments to byte streams, one for each direction of each connection. RFC 9293.

Segments may come in any order, twice, or overlapping; of bytes that come twice the first copy counts, as in tshark.
Bytes that the capture does not hold are told as `Missing`, and the stream goes on behind them: where the receiver has
acknowledged them and some more segments have passed, where too much waits for them, or where the connection ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import dpkt.tcp

from tls13.capture.diagnostics import WarningKind, WarningLog
from tls13.capture.limits import Limits
from tls13.capture.link import Endpoint, Segment

FIN, SYN, RST, ACK = dpkt.tcp.TH_FIN, dpkt.tcp.TH_SYN, dpkt.tcp.TH_RST, dpkt.tcp.TH_ACK


class Ending(StrEnum):
    """How a connection ended, as far as the capture shows."""

    finished = "finished"
    """Both sides sent FIN, and everything before it is there or known to be missing."""
    reset = "reset"
    """A side sent RST."""
    replaced = "replaced"
    """Another connection began between the same ports."""
    unfinished = "unfinished"
    """It was still open where the capture ends."""
    forgotten = "forgotten"
    """It was given up, open and silent for longest, to make room for others."""


class Chunk(NamedTuple):
    """Bytes of a stream, in order. `sender` is 0 or 1, an index of `Flow.endpoints`; `offset` counts from the stream's
    start, or from where the capture picks it up. `timestamp` is that of the packet that made them deliverable.
    """

    flow: Flow
    sender: int
    timestamp: int
    offset: int
    data: bytes


class Missing(NamedTuple):
    """`length` bytes of a stream that the capture does not hold."""

    flow: Flow
    sender: int
    timestamp: int
    offset: int
    length: int


class Ended(NamedTuple):
    """The last event of a flow."""

    flow: Flow
    ending: Ending


Event = Chunk | Missing | Ended


class Flow:
    """A connection: its two streams, and what they need to be put in order."""

    def __init__(self, number: int, segment: Segment, limits: Limits) -> None:
        self.number = number
        self.started = segment.timestamp
        opened_by_other = segment.flags & SYN and segment.flags & ACK
        ends = segment.source, segment.destination
        self.endpoints: tuple[Endpoint, Endpoint] = (ends[1], ends[0]) if opened_by_other else ends
        self.opener_known = bool(segment.flags & SYN)
        """Whether endpoints[0] is known to have opened the connection, rather than only to be seen first."""
        self.streams = _Stream(limits), _Stream(limits)
        self.last_seen = segment.timestamp
        self.ended = False
        self.held = 0
        """Bytes that whoever reads the events keeps of them, told by it."""
        self.counted = 0
        """What of `unfinished` the total has in it."""

    @property
    def unfinished(self) -> int:
        """Bytes kept that are not whole yet: segments out of order, and what `held` says."""
        return self.streams[0].cost + self.streams[1].cost + self.held

    @property
    def both_closed(self) -> bool:
        """Whether both sides have sent FIN, though not all before it may be there."""
        return all(stream.has_end for stream in self.streams)

    def sender(self, segment: Segment) -> int:
        return 0 if segment.source == self.endpoints[0] else 1

    def is_another(self, segment: Segment) -> bool:
        """Whether the segment opens another connection between the same ports."""
        if not segment.flags & SYN:
            return False
        stream = self.streams[self.sender(segment)]
        if stream.first == (segment.sequence + 1) % _SEQUENCE_NUMBERS:
            return False
        if segment.flags & ACK:
            # A server that has answered with SYN cookies may answer again with another number.
            return stream.holds_data or self.ended
        return True

    def feed(self, segment: Segment) -> Iterator[Event]:
        """What the segment adds. After RST or both FINs nothing does."""
        self.last_seen = segment.timestamp
        if self.ended:
            return
        if segment.flags & RST:
            yield from self.end(Ending.reset)
            return
        sender = self.sender(segment)
        stream, opposite = self.streams[sender], self.streams[1 - sender]
        if segment.flags & ACK:
            opposite.acknowledge(segment.acknowledgment)
            while opposite.gives_up():
                yield from self._skip(1 - sender)
        stream.add(segment)
        yield from self._deliver(sender, segment.timestamp)
        while stream.gives_up():
            yield from self._skip(sender)
        if stream.is_finished and opposite.is_finished:
            yield from self.end(Ending.finished)

    def end(self, ending: Ending) -> Iterator[Event]:
        """Delivers what waits, gaps and all."""
        self.ended = True
        yield from self.give_up()
        for sender, stream in enumerate(self.streams):
            if (left := stream.acknowledged_beyond) > 0:
                yield Missing(self, sender, self.last_seen, stream.offset, left)
        yield Ended(self, ending)

    def give_up(self) -> Iterator[Event]:
        """Waits no longer for anything that is missing so far."""
        for sender, stream in enumerate(self.streams):
            while stream.waiting:
                yield from self._skip(sender)

    def _deliver(self, sender: int, timestamp: int = 0) -> Iterator[Event]:
        """What is next in order, made so by a packet of that time."""
        stream = self.streams[sender]
        for piece in stream.take():
            yield Chunk(self, sender, max(timestamp, piece.timestamp), piece.start, piece.data)

    def _skip(self, sender: int) -> Iterator[Event]:
        stream = self.streams[sender]
        timestamp, at = stream.waiting[0].timestamp, stream.offset
        yield Missing(self, sender, timestamp, at, stream.skip())
        yield from self._deliver(sender)


class _Piece(NamedTuple):
    """Bytes that wait for those before them."""

    start: int
    timestamp: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class _Stream:
    """One direction. Offsets count bytes of the stream; sequence numbers are those of the segments, modulo 2^32."""

    def __init__(self, limits: Limits) -> None:
        self.first: int | None = None
        """The sequence number of the byte at offset 0, None before it is known."""
        self.offset = 0
        """Of the next byte to deliver."""
        self.waiting: list[_Piece] = []
        """In order, without overlap, all behind a gap."""
        self._limits = limits
        self.cost = 0
        """Of what waits, in bytes of memory."""
        self._end: int | None = None
        self._acknowledged = 0
        self._overdue = 0

    @property
    def has_end(self) -> bool:
        """Whether FIN has been seen."""
        return self._end is not None

    @property
    def is_finished(self) -> bool:
        """Whether everything up to FIN has been delivered."""
        return self._end is not None and self.offset >= self._end

    @property
    def holds_data(self) -> bool:
        return self.offset > 0 or bool(self.waiting)

    @property
    def acknowledged_beyond(self) -> int:
        """How many bytes the receiver has acknowledged that have not been delivered."""
        if self._end is not None:
            return min(self._acknowledged, self._end) - self.offset
        # One more than the data is what acknowledging an unseen FIN looks like.
        beyond = self._acknowledged - self.offset
        return 0 if beyond == 1 else beyond

    def acknowledge(self, number: int) -> None:
        """The receiver has everything before that sequence number."""
        if self.first is None:
            self.first = number
        self._acknowledged = max(self._acknowledged, self._offset_of(number))
        if self.waiting and self._acknowledged >= self.waiting[0].start:
            self._overdue += 1

    def add(self, segment: Segment) -> None:
        """Puts a segment's payload where it belongs."""
        sequence = segment.sequence
        if segment.flags & SYN:
            sequence = (sequence + 1) % _SEQUENCE_NUMBERS
            if not self.holds_data:
                self.first = sequence
        if not segment.length and not segment.flags & FIN:
            return
        if self.first is None:
            self.first = sequence
        start = self._offset_of(sequence)
        if segment.flags & FIN and self._end is None:
            self._end = max(start + segment.length, self.offset)
        if segment.payload:
            self._insert(start, segment.timestamp, segment.payload)

    def take(self) -> Iterator[_Piece]:
        """What is next in order, moving the offset."""
        while self.waiting and self.waiting[0].start == self.offset:
            piece = self.waiting.pop(0)
            self.cost -= len(piece.data) + _PIECE_OVERHEAD
            self.offset = piece.end
            self._overdue = 0
            yield piece

    def gives_up(self) -> bool:
        """Whether the missing bytes before what waits have been waited for long enough."""
        return bool(self.waiting) and (
            self._overdue > self._limits.overdue
            or self.cost > self._limits.reordered
            or len(self.waiting) > self._limits.reordered_segments
        )

    def skip(self) -> int:
        """Moves the offset to what waits first. Returns how many bytes that leaves out."""
        length = self.waiting[0].start - self.offset
        self.offset += length
        self._overdue = 0
        return length

    def _offset_of(self, sequence: int) -> int:
        distance = (sequence - (self.first or 0) - self.offset) % _SEQUENCE_NUMBERS
        if distance >= _SEQUENCE_NUMBERS // 2:
            distance -= _SEQUENCE_NUMBERS
        return self.offset + distance

    def _insert(self, start: int, timestamp: int, data: bytes) -> None:
        """Adds what of the data is new, in as many pieces as there are holes for it."""
        end = start + len(data)
        if self._end is not None:
            end = min(end, self._end)
        at = max(start, self.offset)
        index = bisect_left(self.waiting, at, key=lambda piece: piece.end)
        while at < end:
            following = self.waiting[index] if index < len(self.waiting) else None
            until = end if following is None else min(end, following.start)
            if at < until:
                self.waiting.insert(index, _Piece(at, timestamp, data[at - start : until - start]))
                self.cost += until - at + _PIECE_OVERHEAD
                index += 1
            at = until if following is None else max(until, following.end)
            index += following is not None


_SEQUENCE_NUMBERS = 2**32
_PIECE_OVERHEAD = 200
"""What Python takes for a piece besides its bytes."""


class Reassembler:
    """Sorts segments into flows. `connections` counts them all, `log` gets what limits do."""

    def __init__(self, limits: Limits, log: WarningLog) -> None:
        self.connections = 0
        self._limits = limits
        self._log = log
        self._unfinished = 0
        self._flows: OrderedDict[tuple[Endpoint, Endpoint], Flow] = OrderedDict()
        """Those last heard of last."""
        self._keeping: OrderedDict[tuple[Endpoint, Endpoint], Flow] = OrderedDict()
        """Those of them that keep something unfinished."""

    def feed(self, segment: Segment) -> Iterator[Event]:
        """What the segment adds to its flow, or ends of others."""
        ends = segment.source, segment.destination
        key = ends if ends[0] <= ends[1] else (ends[1], ends[0])
        flow = self._flows.get(key)
        if flow is not None and flow.is_another(segment):
            yield from self._end(key, flow, Ending.replaced)
            flow = None
        if flow is None:
            flow = self._flows[key] = Flow(self.connections, segment, self._limits)
            self.connections += 1
        self._flows.move_to_end(key)
        yield from flow.feed(segment)
        self._count(key, flow)
        if len(self._flows) > self._limits.connections:
            yield from self._forget(next(iter(self._flows)), f"over {self._limits.connections} connections at once")
        while self._unfinished > self._limits.unfinished and len(self._keeping) > 1:
            why = f"over {self._limits.unfinished} bytes unfinished at once"
            yield from self._forget(next(iter(self._keeping)), why)

    def finish(self) -> Iterator[Event]:
        """The capture is over: the ends of all flows that are still open, oldest first."""
        for key, flow in sorted(self._flows.items(), key=lambda each: each[1].number):
            yield from self._end(key, flow, Ending.finished if flow.both_closed else Ending.unfinished)
        self._flows.clear()

    def _forget(self, key: tuple[Endpoint, Endpoint], why: str) -> Iterator[Event]:
        flow = self._flows.pop(key)
        if not flow.ended:
            self._log.add(WarningKind.limit, f"{why}: silent ones are given up")
        yield from self._end(key, flow, Ending.forgotten)

    def _end(self, key: tuple[Endpoint, Endpoint], flow: Flow, ending: Ending) -> Iterator[Event]:
        if not flow.ended:
            yield from flow.end(ending)
        self._count(key, flow)

    def _count(self, key: tuple[Endpoint, Endpoint], flow: Flow) -> None:
        now = flow.unfinished
        self._unfinished += now - flow.counted
        flow.counted = now
        if now:
            self._keeping[key] = flow
            self._keeping.move_to_end(key)
        else:
            self._keeping.pop(key, None)
