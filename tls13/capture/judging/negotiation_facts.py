"""What was negotiated, put together from the messages that say it; and what of the offer that leaves. RFC 9846 §4.2"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from schemas import tls10, tls12, transparency
from schemas.code_points import CipherSuite, ExtensionType, NamedGroup, ProtocolVersion, SignatureScheme
from schemas.errors import DecodeError
from schemas.extension_block import ROWS, Extension
from schemas.extensions import (
    ApplicationLayerProtocolNegotiation,
    Cookie,
    EarlyDataIndication,
    KeyShare,
    PreSharedKey,
    PskIdentity,
    SignedCertificateTimestamp,
    StatusRequest,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import ClientHello, EncryptedExtensions, HelloRetryRequest, NewSessionTicket, ServerHello
from schemas.vocabulary import Struct
from tls13.capture.common_knowledge import CommonKnowledge, KnownServer
from tls13.capture.judging.judgement import (
    EarlyData,
    Negotiated,
    NotTaken,
    Offer,
    PskOrigin,
    Resumption,
    Retry,
)
from tls13.capture.messages import Direction
from tls13.printable import printable

_LONGEST_STAPLE = 2**14
_MOST_TIMESTAMPS = 16
_NO_ANSWERS = frozenset({ExtensionType.supported_groups})
"""What a server sends of its own accord rather than as an answer. RFC 9846 §4.3.7"""
_OF_SESSIONS = frozenset({ExtensionType.server_name})
"""Answered when a session begins, and no more. RFC 6066 §3"""
_SIGNALS = (CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV, CipherSuite.TLS_FALLBACK_SCSV)
"""What stands among the cipher suites and is none. RFC 5746 §3.3, RFC 7507 §2"""


class Facts:
    """Collects them. `offer` is the latest ClientHello's."""

    __slots__ = (
        "_answered",
        "_answers_read",
        "_common",
        "_early_data",
        "_is_full",
        "_origins",
        "_psks",
        "_unnamed",
        "negotiated",
        "offer",
        "retried",
        "stapled",
        "timestamps",
    )

    def __init__(self, common: CommonKnowledge) -> None:
        self.negotiated = Negotiated()
        self._common = common
        self._unnamed = KnownServer()
        self.offer: Offer | None = None
        self.retried: Retry | None = None
        self.stapled = b""
        """The server's OCSP response in DER, as far as it is kept."""
        self.timestamps: tuple[transparency.SignedCertificateTimestamp, ...] = ()
        """The server's, beside its certificate."""
        self._answered: set[ExtensionType] = set()
        self._answers_read = False
        """Whether all of the server's answers could be read."""
        self._early_data: bool | None = None
        self._is_full: bool | None = None
        """Of TLS 1.2: whether the handshake resumes nothing. None where it does not show yet."""
        self._psks: tuple[PskIdentity, ...] = ()
        """The latest ClientHello's."""
        self._origins: Mapping[int, PskOrigin] = {}
        """Of those whose binders were checked."""

    @property
    def server(self) -> KnownServer:
        """What the server has shown to support, by the name that the hello calls it by."""
        name = self._server_name
        return self._common.named(name) if name else self._unnamed

    @property
    def _server_name(self) -> str:
        return self.offer.server_name if self.offer is not None else ""

    def _takes(self, *, suite: CipherSuite | None = None, groups: Iterable[NamedGroup] = ()) -> None:
        """The server supports these."""
        if name := self._server_name:
            self._common.takes(name, suite=suite, groups=groups)
        else:
            self._unnamed.takes(suite=suite, groups=groups)

    # -- what is said

    def client_hello(self, hello: ClientHello | tls12.ClientHello, offer: Offer) -> None:
        """The latest ClientHello, or the one that it holds encrypted, and what it offers."""
        psks = PreSharedKey.client_hello.find(hello.extensions or ())
        self.offer = offer
        self._psks = tuple(psks.identities) if psks is not None else ()
        self._origins = {}

    def binders(self, origins: Mapping[int, PskOrigin]) -> None:
        """What the latest hello's binders tell of its pre-shared keys, by their numbers."""
        self._origins = origins

    def ticket(self, ticket: NewSessionTicket) -> None:
        """A ticket of TLS 1.3."""
        self._common.issue(ticket.ticket)

    def server_hello(self, hello: ServerHello) -> None:
        """A ServerHello of TLS 1.3."""
        share = KeyShare.server_hello.find(hello.extensions)
        psk = PreSharedKey.server_hello.find(hello.extensions)
        self._answer(hello.extensions)
        exchange = "(EC)DHE" if share is not None else ""
        self.negotiated = replace(
            self.negotiated,
            version=SupportedVersions.server_hello.find(hello.extensions) or hello.legacy_version,
            cipher_suite=hello.cipher_suite,
            group=share.group if share is not None else None,
            psk_identity=psk,
            psk_origin=None if psk is None else self._origin(psk),
            key_exchange=exchange if psk is None else f"PSK with {exchange}" if exchange else "PSK",
        )
        if psk is None or psk > 0:
            self._early_data = False
        self._takes(suite=hello.cipher_suite, groups=[share.group] if share is not None else ())

    def retry(self, retry: HelloRetryRequest) -> None:
        """A HelloRetryRequest: it refuses early data, too. RFC 9846 §4.3.10"""
        self._early_data = False
        if self.retried is None:
            self.retried = _retry_of(self.offer, retry)
        wanted = KeyShare.hello_retry_request.find(retry.extensions)
        self._takes(suite=retry.cipher_suite, groups=[wanted] if wanted is not None else ())
        self.negotiated = replace(self.negotiated, cipher_suite=retry.cipher_suite)

    def older_server_hello(self, hello: tls12.ServerHello) -> None:
        """A ServerHello of TLS 1.2 or older."""
        self._answer(hello.extensions)
        self._answers_read = True
        self._early_data = False
        found = SignedCertificateTimestamp.tls12_server_hello.find(hello.extensions) or ()
        self.timestamps = tuple(found)[:_MOST_TIMESTAMPS]
        self.negotiated = replace(
            self.negotiated,
            version=hello.server_version,
            cipher_suite=hello.cipher_suite,
            key_exchange=tls12.key_exchange_name(hello.cipher_suite),
            application_protocol=_first(ApplicationLayerProtocolNegotiation.tls12_server_hello.find(hello.extensions)),
            extended_main_secret=ExtensionType.extended_main_secret in self._answered,
        )
        self._takes(suite=hello.cipher_suite)

    def answers(self, answers: EncryptedExtensions) -> None:
        """The answers of TLS 1.3 that do not establish keys."""
        self._answer(answers.extensions)
        self._answers_read = True
        self._early_data = EarlyDataIndication.encrypted_extensions.find(answers.extensions) is not None
        self._takes(groups=SupportedGroups.encrypted_extensions.find(answers.extensions) or ())
        chosen = ApplicationLayerProtocolNegotiation.encrypted_extensions.find(answers.extensions)
        self.negotiated = replace(self.negotiated, application_protocol=_first(chosen))

    def certificate(self, direction: Direction, extensions: Iterable[Extension], count: int) -> None:
        """A Certificate message of so many certificates, with what its first says beside."""
        if direction is Direction.server:
            self._answer(extensions)
            status = StatusRequest.certificate.find(extensions)
            timestamps = SignedCertificateTimestamp.certificate.find(extensions)
            if status is not None:
                self.staple(status.response)
            if timestamps is not None:
                self.timestamps = tuple(timestamps[:_MOST_TIMESTAMPS])
        else:
            self.negotiated = replace(self.negotiated, client_certificate=count > 0)

    def staple(self, response: bytes | list[bytes]) -> None:
        """An OCSP response of the server's, or one for each of its certificates, its own first."""
        first = response if isinstance(response, bytes) else next(iter(response), b"")
        self.stapled = first if len(first) <= _LONGEST_STAPLE else b""

    def certificate_request(self) -> None:
        """The server wants a certificate of the client's."""
        if self.negotiated.client_certificate is None:
            self.negotiated = replace(self.negotiated, client_certificate=False)

    def signed(self, scheme: SignatureScheme) -> None:
        """How the server's CertificateVerify is signed."""
        self.negotiated = replace(self.negotiated, signature_scheme=scheme)

    def see_older(self, message: Struct) -> None:
        """A message that only TLS 1.2 and older have."""
        match message:
            case tls12.ServerKeyExchange():
                self._server_key_exchange(message)
            case tls12.CertificateStatus(response=response):
                self.staple(response)
            case tls12.ServerHelloDone():
                self._is_full = True
            case _:
                pass

    def _server_key_exchange(self, message: tls12.ServerKeyExchange) -> None:
        """The server's half of a key exchange, in the form of the suite."""
        suite, version = self.negotiated.cipher_suite, self.negotiated.version
        if suite is None or version is None:
            return
        forms = (tls12 if version >= ProtocolVersion.TLS12 else tls10).key_exchange(suite)
        if forms is None or forms.server is None:
            return
        try:
            exchange = forms.server.parse(message.parameters)
        except DecodeError:
            return
        params = getattr(exchange, "params", None)
        if isinstance(params, tls12.ServerECDHParams):
            self.negotiated = replace(self.negotiated, group=params.curve_params.namedcurve)
            self._takes(groups=[params.curve_params.namedcurve])
        if isinstance(exchange, tls12.SignedDHParams | tls12.SignedECDHParams):
            self.negotiated = replace(self.negotiated, signature_scheme=exchange.signed_params.algorithm)

    def server_changes_cipher(self) -> None:
        """The server's ChangeCipherSpec before TLS 1.3: without ServerHelloDone before it, a session is resumed."""
        if self._is_full is None:
            self._is_full = False

    # -- what follows

    @property
    def is_older(self) -> bool:
        """Whether it is known to be TLS 1.2 or older."""
        version = self.negotiated.version
        return version is not None and version <= ProtocolVersion.TLS12

    def resumption(self) -> Resumption:
        """What the connection builds on."""
        if self.negotiated.version is None:
            return Resumption.unknown
        if not self.is_older:
            return _RESUMPTIONS[self.negotiated.psk_origin]
        if self._is_full is None:
            return Resumption.unknown
        if self._is_full:
            return Resumption.none
        with_ticket = self.offer is not None and self.offer.session_ticket
        return Resumption.session_ticket if with_ticket else Resumption.session_id

    def early_data(self, first: Offer | None) -> EarlyData:
        """What became of the early data that the first hello offers."""
        if first is None or not first.early_data:
            return EarlyData.unknown if first is None else EarlyData.not_offered
        if self._early_data is None:
            return EarlyData.unknown
        return EarlyData.accepted if self._early_data else EarlyData.rejected

    def not_taken(self) -> NotTaken:
        """What the latest hello offers and the server has not taken; nothing where there is no answer."""
        offer, chosen = self.offer, self.negotiated
        if offer is None or chosen.version is None:
            return NotTaken()
        protocols = [_text(each) for each in offer.application_protocols]
        return NotTaken(
            versions=tuple(each for each in offer.versions if each != chosen.version),
            cipher_suites=tuple(
                each for each in offer.cipher_suites if each != chosen.cipher_suite and each not in _SIGNALS
            ),
            groups=tuple(each for each in offer.groups if each != chosen.group),
            key_shares=tuple(each for each in offer.key_shares if each != chosen.group),
            application_protocols=tuple(
                each for each in protocols if self._answers_read and each != chosen.application_protocol
            ),
            psks=offer.psk_identities - (chosen.psk_identity is not None),
            early_data=offer.early_data and self._early_data is False,
            extensions=tuple(self._unanswered(offer)),
        )

    def _unanswered(self, offer: Offer) -> Iterable[ExtensionType]:
        if not self._answers_read:
            return
        forms = ("tls12_server_hello",) if self.is_older else ("encrypted_extensions", "certificate")
        resumed = self.resumption() is not Resumption.none
        for each in offer.extensions:
            row = ROWS.get(each)
            if row is None or each in self._answered or not any(form in row.bodies for form in forms):
                continue
            if each not in _NO_ANSWERS and not (resumed and each in _OF_SESSIONS):
                yield each

    def _origin(self, number: int) -> PskOrigin:
        """Where the pre-shared key of that number is from: by its binder, by the tickets seen, or by its age.

        An external one's obfuscated_ticket_age SHOULD be 0. That of a ticket holds a random number. RFC 9846 §4.3.11
        """
        if number in self._origins:
            return self._origins[number]
        if number >= len(self._psks):
            return PskOrigin.unknown
        psk = self._psks[number]
        is_ticket = psk.obfuscated_ticket_age != 0 or self._common.has_issued(psk.identity)
        return PskOrigin.resumption if is_ticket else PskOrigin.external

    def _answer(self, extensions: Iterable[Extension] | None) -> None:
        self._answered.update(each.extension_type for each in extensions or ())


_RESUMPTIONS = {
    None: Resumption.none,
    PskOrigin.resumption: Resumption.psk,
    PskOrigin.external: Resumption.none,
    PskOrigin.unknown: Resumption.unknown,
}


def _retry_of(offer: Offer | None, retry: HelloRetryRequest) -> Retry:
    group = KeyShare.hello_retry_request.find(retry.extensions)
    cookie = Cookie.hello_retry_request.find(retry.extensions) is not None
    shares = offer.key_shares if offer is not None else ()
    reasons = []
    if group is not None:
        sent = ", ".join(map(str, shares)) or "none"
        reasons.append(f"the server wants a key share for {group}; the client sent {sent}")
    if cookie:
        reasons.append("the server wants its cookie back, which shows that the client is where it says")
    text = "; ".join(reasons) or "the server asks for no change"
    return Retry(group=group, cookie=cookie, key_shares=shares, text=text)


def _first(protocols: list[bytes] | None) -> str:
    return _text(protocols[0]) if protocols else ""


def _text(protocol: bytes) -> str:
    return printable(protocol.decode("ascii", "backslashreplace"))
