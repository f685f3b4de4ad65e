"""Makes a connection's judgement of its messages, in one pass, and keeps only what that takes.

It reads what the two sides said and believes nothing: what goes against the protocol is an anomaly, and what it cannot
read leaves its place in the judgement empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from schemas import tls10, tls12
from schemas.alert import Alert
from schemas.certificate import Certificate, CompressedCertificate
from schemas.code_points import (
    AlertDescription,
    AlertLevel,
    ContentType,
    ExtensionType,
    HandshakeType,
    ProtocolVersion,
    SignatureScheme,
)
from schemas.extension_block import DuplicateExtensionError
from schemas.extensions import SignatureAlgorithms
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    Finished,
    Handshake,
    HelloRetryRequest,
    NewSessionTicket,
    ServerHello,
)
from schemas.record import MAX_CIPHERTEXT, ChangeCipherSpec, RecordHeader
from schemas.vocabulary import Struct
from tls13.capture.common_knowledge import CommonKnowledge
from tls13.capture.judging import rules
from tls13.capture.judging.alert_explanations import Circumstances, explain
from tls13.capture.judging.encrypted_hello_status import EncryptedHelloTracker
from tls13.capture.judging.fingerprints import (
    AnyClientHello,
    AnyServerHello,
    ServerShape,
    Shape,
    fingerprints_of,
    server_shape_of,
    shape_of,
)
from tls13.capture.judging.flights import ENCRYPTED, FlightLog
from tls13.capture.judging.judgement import (
    Anomaly,
    ExplainedAlert,
    Judgement,
    Offer,
    PskOrigin,
    Rule,
)
from tls13.capture.judging.message_order import OLDER_OUT_OF_ORDER, OUT_OF_ORDER, Place
from tls13.capture.judging.negotiation_facts import Facts
from tls13.capture.judging.offers import offer_of
from tls13.capture.messages import Direction, Epoch, Gap, Message, NoteKind, parsed_size
from tls13.capture.network.flows import Ending, Transport
from tls13.capture.opening.encrypted_hello import Opening
from tls13.capture.opening.unread import UnreadRecords
from tls13.capture.tls.compressed_certificate import decompressed
from tls13.capture.tls.readable_hello import readable_hello

_NOBODY: frozenset[Direction] = frozenset()
_MOST_ANOMALIES = 32
_MOST_ALERTS = 16
_LONGEST_CHAIN = 2**16
"""Bytes of a chain that are kept; of a longer one, only as many certificates as fit."""
_NO_ERRORS = (AlertDescription.close_notify, AlertDescription.user_canceled)


class Judge:
    """Sees a connection's messages in order. `kept` is about how many bytes it keeps of them.

    `common` is what is known from other connections, and learns from this one.
    """

    __slots__ = (
        "_alerts",
        "_anomalies",
        "_bytes",
        "_chains",
        "_closed",
        "_encrypted",
        "_ended",
        "_facts",
        "_finished",
        "_first_offer",
        "_flights",
        "_gaps",
        "_hello",
        "_hidden",
        "_last",
        "_more_anomalies",
        "_places",
        "_requested_schemes",
        "_retry_request",
        "_server_shape",
        "_shape",
        "_spoke_after_close",
        "_started",
        "_transport",
        "_unread",
        "kept",
    )

    def __init__(self, transport: Transport = Transport.tcp, common: CommonKnowledge | None = None) -> None:
        self.kept = 0
        self._transport = transport
        self._facts = Facts(common or CommonKnowledge())
        self._first_offer: Offer | None = None
        self._hello: ClientHello | None = None
        """The latest, until the server has answered it."""
        self._retry_request: HelloRetryRequest | None = None
        self._shape: Shape | None = None
        self._server_shape: ServerShape | None = None
        self._requested_schemes: tuple[SignatureScheme, ...] = ()
        self._chains: dict[Direction, tuple[bytes, ...]] = {}
        self._places = {direction: Place(direction) for direction in Direction}
        self._flights = FlightLog()
        self._encrypted = EncryptedHelloTracker()
        self._started: int | None = None
        self._ended: int | None = None
        self._finished: frozenset[Direction] = _NOBODY
        self._hidden: frozenset[Direction] = _NOBODY
        """Who has sent protected records that were not read."""
        self._closed: dict[Direction, AlertDescription] = {}
        self._alerts: list[ExplainedAlert] = []
        self._anomalies: list[Anomaly] = []
        self._more_anomalies = 0
        self._unread = UnreadRecords()
        self._last: dict[Direction, tuple[int, int]] = {}
        """Time and record of each side's last message that could be read."""
        self._gaps: frozenset[Direction] = _NOBODY
        self._spoke_after_close: frozenset[Direction] = _NOBODY
        self._bytes: Counter[Direction] = Counter()

    def see(self, item: Message | Gap) -> None:
        """Takes in the next item."""
        if isinstance(item, Gap):
            self._places[item.direction].lose()
            self._gaps |= {item.direction}
        elif item.opaque:
            self._see_opaque(item)
        else:
            self._last[item.direction] = (item.timestamp, item.record)
            if self._closed:
                self._see_after_close(item)
            if item.content_type is ContentType.application_data:
                self._bytes[item.direction] += len(item.raw)
            else:
                self._see_readable(item)

    def see_record(self, direction: Direction, timestamp: int, number: int, header: RecordHeader) -> None:
        """Takes in a record whose length is no usual one."""
        if header.length > MAX_CIPHERTEXT and not self._facts.is_older:
            text = f"a record of {header.length} bytes"
            self._breach(direction, timestamp, number, rules.RECORD_OVERFLOW, text)
        elif not header.length and header.type is not ContentType.application_data:
            self._breach(direction, timestamp, number, rules.EMPTY_RECORD, f"an empty record of type {header.type}")

    def see_opening(self, opening: Opening) -> None:
        """What became of the attempt to open the encrypted hello of the ClientHello that comes next."""
        self._encrypted.opened(opening)

    def see_acceptance(self, accepted: bool | None) -> None:
        """Whether the server's hello that comes next answers the inner hello; None where that cannot be told."""
        self._encrypted.confirmed = accepted
        opening = self._encrypted.opening
        if accepted and opening is not None and opening.inner is not None:
            self._facts.client_hello(opening.inner, offer_of(opening.inner))

    def see_binders(self, origins: Mapping[int, PskOrigin]) -> None:
        """What binders that were checked tell of the latest ClientHello's pre-shared keys, by their numbers."""
        self._facts.binders(origins)

    def judgement(self, ending: Ending = Ending.unfinished) -> Judgement:
        """What is to be said of what was seen. `ending` is how the connection ended."""
        facts = self._facts
        anomalies = (*self._anomalies, *self._unclosed(ending))
        took = None if self._started is None or self._ended is None else self._ended - self._started
        return Judgement(
            transport=self._transport,
            offer=self._first_offer,
            negotiated=facts.negotiated,
            not_taken=facts.not_taken(),
            resumption=facts.resumption(),
            early_data=facts.early_data(self._first_offer),
            retry=facts.retried,
            encrypted_hello=self._encrypted.judged(self._is_read_as_outer, self._went_on),
            alerts=tuple(self._alerts),
            flights=self._flights.flights,
            handshake_time=took,
            anomalies=anomalies,
            more_anomalies=self._more_anomalies,
            undecrypted=self._unread.undecrypted(),
            fingerprints=fingerprints_of(self._shape, self._server_shape, self._transport),
            server_chain=self._chains.get(Direction.server, ()),
            client_chain=self._chains.get(Direction.client, ()),
            stapled=facts.stapled,
            signed_timestamps=facts.timestamps,
            application_bytes=dict(self._bytes),
        )

    # -- what cannot be read

    def _see_opaque(self, item: Message) -> None:
        direction = item.direction
        if direction not in self._hidden:
            self._hidden |= {direction}
        self._places[direction].lose()
        self._time(item, ENCRYPTED)
        if direction is Direction.client or self._facts.is_older:
            self._end_of_handshake(item)
        self._unread.add(item)
        if item.note is not None and item.note.kind is NoteKind.malformed:
            self._breach(direction, item.timestamp, item.record, rules.MALFORMED_RECORD, item.note.text)

    # -- what can

    def _see_readable(self, item: Message) -> None:
        match item.content_type:
            case ContentType.handshake:
                self._see_handshake(item)
            case ContentType.alert if isinstance(item.value, Alert):
                self._see_alert(item, item.value)
            case ContentType.change_cipher_spec:
                self._see_change_cipher_spec(item)
            case _:
                pass
        if item.error is not None and item.content_type is not ContentType.change_cipher_spec:
            rule = rules.DUPLICATE_EXTENSION if isinstance(item.error, DuplicateExtensionError) else rules.MALFORMED
            self._found(item, [(rule, f"{item.handshake_type or item.content_type} does not parse: {item.error}")])

    def _see_handshake(self, item: Message) -> None:
        kind = item.handshake_type
        if item.note is not None or kind is None:
            self._places[item.direction].lose()
            return
        retry = isinstance(item.value, Handshake) and isinstance(item.value.message, HelloRetryRequest)
        self._time(item, "hello_retry_request" if retry else str(kind))
        older = self._facts.is_older
        out_of_order = self._places[item.direction].follows(kind, older=older)
        if out_of_order is not None:
            self._found(item, [(OLDER_OUT_OF_ORDER if older else OUT_OF_ORDER, out_of_order)])
        if self._facts.negotiated.version == ProtocolVersion.TLS13 and not item.protected:
            self._found(item, [(rules.UNPROTECTED, f"{kind} in the clear behind ServerHello")])
        if item.value is not None and not isinstance(item.value, Alert | ChangeCipherSpec):
            self._see_message(item, item.value.message)
        elif kind is HandshakeType.client_hello:
            readable = readable_hello(item.raw)
            if readable is not None:
                self._client_hello(item, readable.hello, readable.types)

    def _see_message(self, item: Message, message: Struct) -> None:
        facts = self._facts
        match message:
            case ClientHello() | tls12.ClientHello():
                self._client_hello(item, message)
            case HelloRetryRequest():
                self._hello_retry_request(item, message)
            case ServerHello():
                self._server_hello(item, message)
            case tls12.ServerHello():
                self._older_server_hello(item, message)
            case EncryptedExtensions():
                if facts.offer is not None:
                    self._found(item, rules.of_answers(facts.offer, message))
                facts.answers(message)
                self._encrypted.answers(message)
            case Certificate() | tls12.Certificate():
                self._certificate(item, message)
            case CompressedCertificate() if item.direction not in self._chains:
                inside, breach = decompressed(message)
                self._found(item, [(rules.COMPRESSED_CERTIFICATE, breach)] if breach else [])
                if inside is not None:
                    self._certificate(item, inside)
            case CertificateRequest() | tls12.CertificateRequest() | tls10.CertificateRequest():
                self._certificate_request(item, message)
            case CertificateVerify() | tls12.CertificateVerify():
                self._certificate_verify(item, message)
            case NewSessionTicket():
                self._found(item, rules.of_ticket(message))
                facts.ticket(message)
            case Finished() | tls12.Finished() | tls10.Finished():
                self._finished |= {item.direction}
                self._end_of_handshake(item)
            case _:
                facts.see_older(message)

    # -- hellos

    def _client_hello(self, item: Message, hello: AnyClientHello, types: Sequence[ExtensionType] | None = None) -> None:
        """`types` are those of all extensions where some do not parse, and are not in the hello."""
        offer = offer_of(hello)
        self.kept += parsed_size(len(item.raw), hello)
        if self._started is None:
            self._first_offer = offer
            self._started = item.timestamp
            self._shape = shape_of(hello, types)
        if isinstance(hello, ClientHello):
            if ProtocolVersion.TLS13 in offer.versions and types is None:
                self._found(item, rules.of_client_hello(hello, offer))
            self._encrypted.client_hello(hello)
            if self._hello is not None and self._retry_request is not None:
                for first, second in self._encrypted.retried(self._hello, hello):
                    self._found(item, rules.of_second_hello(first, second, self._retry_request))
            self._hello = hello
        self._facts.client_hello(hello, offer)

    def _hello_retry_request(self, item: Message, retry: HelloRetryRequest) -> None:
        offer = self._facts.offer
        if self._retry_request is not None:
            self._found(item, [(rules.SECOND_RETRY, "a second HelloRetryRequest")])
        if offer is not None:
            self._found(item, rules.of_server_hello(offer, retry))
            self._found(item, rules.of_retry(offer, retry))
        self._retry_request = retry
        self._encrypted.hello_retry_request(retry)
        self._facts.retry(retry)

    def _server_hello(self, item: Message, hello: ServerHello) -> None:
        offer, retry = self._facts.offer, self._retry_request
        if offer is not None:
            self._found(item, rules.of_server_hello(offer, hello))
            self._found(item, rules.of_key_exchange(offer, hello))
        if retry is not None:
            self._found(item, rules.of_server_hello_after_retry(retry, hello))
        self._facts.server_hello(hello)
        self._answered_by(hello)

    def _older_server_hello(self, item: Message, hello: tls12.ServerHello) -> None:
        offer = self._facts.offer
        if offer is not None:
            self._found(item, rules.of_older_server_hello(offer, hello))
        self._facts.older_server_hello(hello)
        self._answered_by(hello)

    def _answered_by(self, hello: AnyServerHello) -> None:
        self._hello = None
        self._server_shape = server_shape_of(hello)

    # -- authentication

    def _certificate(self, item: Message, message: Certificate | tls12.Certificate) -> None:
        if isinstance(message, Certificate):
            chain = [each.cert_data for each in message.certificate_list]
            extensions = message.certificate_list[0].extensions if message.certificate_list else []
            if message.certificate_request_context and item.epoch is Epoch.handshake:
                text = "certificate_request_context is not empty in the handshake"
                self._found(item, [(rules.REQUEST_CONTEXT, text)])
        else:
            chain, extensions = message.certificate_list, []
        if not chain and item.direction is Direction.server:
            self._found(item, [(rules.EMPTY_CERTIFICATE, "a server without a certificate")])
        self._facts.certificate(item.direction, extensions, len(chain))
        if item.direction not in self._chains:
            self._chains[item.direction] = kept = tuple(_within(chain, _LONGEST_CHAIN))
            self.kept += sum(map(len, kept))

    def _certificate_request(
        self, item: Message, request: CertificateRequest | tls12.CertificateRequest | tls10.CertificateRequest
    ) -> None:
        self._facts.certificate_request()
        if isinstance(request, CertificateRequest):
            found = SignatureAlgorithms.certificate_request.find(request.extensions)
            if found is None:
                missing = "CertificateRequest without signature_algorithms"
                self._found(item, [(rules.REQUEST_WITHOUT_SCHEMES, missing)])
            self._requested_schemes = tuple(found or ())
        elif isinstance(request, tls12.CertificateRequest):
            self._requested_schemes = tuple(request.supported_signature_algorithms)

    def _certificate_verify(self, item: Message, verify: CertificateVerify | tls12.CertificateVerify) -> None:
        facts = self._facts
        offered = self._requested_schemes
        if item.direction is Direction.server:
            offered = facts.offer.signature_schemes if facts.offer is not None else ()
            facts.signed(verify.algorithm)
        version = facts.negotiated.version
        if version is not None:
            self._found(item, rules.of_signature(verify.algorithm, offered, version))

    # -- alerts, and the end

    def _see_alert(self, item: Message, alert: Alert) -> None:
        direction = item.direction
        self._encrypted.alert(alert.description)
        if len(self._alerts) < _MOST_ALERTS:
            self._alerts.append(
                ExplainedAlert(
                    timestamp=item.timestamp,
                    direction=direction,
                    record=item.record,
                    level=alert.level,
                    description=alert.description,
                    text=explain(alert.description, self._circumstances(item)),
                )
            )
        # Before TLS 1.3 there are warnings, which may come ahead of the ServerHello that tells the version. RFC 6066 §3
        is_warning = alert.level == AlertLevel.warning
        warns = is_warning and self._facts.negotiated.version != ProtocolVersion.TLS13
        if alert.description == AlertDescription.close_notify or not (warns or alert.description in _NO_ERRORS):
            self._closed.setdefault(direction, alert.description)

    def _circumstances(self, item: Message) -> Circumstances:
        direction, facts = item.direction, self._facts
        return Circumstances(
            timestamp=item.timestamp,
            direction=direction,
            offer=facts.offer,
            negotiated=facts.negotiated,
            retry=facts.retried,
            answered=facts.negotiated.version is not None,
            finished=direction in self._finished,
            has_data=bool(self._bytes),
            chain=self._chains.get(direction.opposite, ()),
            breaches=tuple(each for each in self._anomalies if each.direction is direction.opposite),
            ask_server=lambda: facts.server,
            requested_schemes=self._requested_schemes,
        )

    def _see_change_cipher_spec(self, item: Message) -> None:
        self._time(item, str(ContentType.change_cipher_spec))
        if item.error is not None or (item.protected and not self._facts.is_older):
            self._found(item, [(rules.CHANGE_CIPHER_SPEC, "change_cipher_spec protected, or not the one byte 1")])
        elif item.direction in self._finished and not self._facts.is_older:
            self._found(item, [(rules.CHANGE_CIPHER_SPEC, "change_cipher_spec behind Finished")])
        if item.direction is Direction.server and self._facts.is_older:
            self._facts.server_changes_cipher()

    def _see_after_close(self, item: Message) -> None:
        reason = self._closed.get(item.direction)
        if reason is None or item.direction in self._spoke_after_close:
            return
        self._spoke_after_close |= {item.direction}
        rule = rules.AFTER_CLOSE if reason == AlertDescription.close_notify else rules.AFTER_FATAL
        self._found(item, [(rule, f"{item.handshake_type or item.content_type} behind alert {reason}")])

    def _unclosed(self, ending: Ending) -> Iterable[Anomaly]:
        """Sides whose data may have been cut off: they end without saying so, as far as all of theirs was read."""
        failed = any(reason != AlertDescription.close_notify for reason in self._closed.values())
        if ending is not Ending.finished or failed:
            return
        whole = self._finished - self._hidden - self._gaps - frozenset(self._closed)
        for direction in Direction:
            if direction in whole:
                timestamp, record = self._last[direction]
                yield Anomaly(
                    timestamp=timestamp,
                    direction=direction,
                    record=record,
                    rule=rules.NO_CLOSE_NOTIFY,
                    text="ends without close_notify: what it sent may have been cut off",
                )

    @property
    def _is_read_as_outer(self) -> bool:
        """Whether what follows the hellos was read as the handshake of the outer one, or is one of TLS 1.2."""
        return self._facts.is_older or Direction.server in self._finished

    @property
    def _went_on(self) -> bool:
        """Whether the client finished its handshake and said more."""
        return Direction.client in self._finished and bool(self._bytes[Direction.client])

    # -- keeping

    def _time(self, item: Message, name: str) -> None:
        if self._ended is None:
            self._flights.add(item.direction, item.timestamp, name)

    def _end_of_handshake(self, item: Message) -> None:
        done = self._finished | self._hidden
        if self._ended is None and self._facts.negotiated.version is not None and len(done) == len(Direction):
            self._ended = item.timestamp

    def _found(self, item: Message, breaches: Iterable[rules.Breach]) -> None:
        for rule, text in breaches:
            self._breach(item.direction, item.timestamp, item.record, rule, text)

    def _breach(self, direction: Direction, timestamp: int, record: int, rule: Rule, text: str) -> None:
        if len(self._anomalies) >= _MOST_ANOMALIES:
            self._more_anomalies += 1
            return
        self._anomalies.append(Anomaly(timestamp=timestamp, direction=direction, record=record, rule=rule, text=text))


def _within(chain: Sequence[bytes], limit: int) -> Iterable[bytes]:
    """As many of the chain's certificates as fit."""
    return (each for each, end in zip(chain, accumulate(map(len, chain)), strict=True) if end <= limit)
