"""Why a connection fails, in names, and which alert each name becomes. RFC 9846 §6.

Handlers raise a `Reason`, one class for each thing that can be wrong. `ALERTS` is the one place that picks alerts;
it has no default, and a test holds it against the classes. What reaches the caller is always a `TLSError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from schemas.code_points import AlertDescription
from schemas.errors import DecodeError
from tls13.events import Event
from tls13.printable import printable


class TLSError(Exception):
    """Anything that went wrong with TLS. Each subclass says on which side and why.

    `hint` is the next step for the person who meets it, "" where there is none to name. `events` are what a
    `Connection.receive_data` that raises had to tell before it failed.
    """

    hint: str = ""
    events: tuple[Event, ...] = ()


class ConfigurationError(TLSError):
    """What the caller asked for cannot be: a wrong file, a key that is not the certificate's, an unknown name."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


class ConnectionClosed(TLSError):
    """The caller uses a connection whose sending side is closed, or that has failed."""


class TruncationError(TLSError):
    """The transport ended without close_notify: data may be missing. RFC 9846 §6.1."""

    hint = "the peer, or something between, ended it: its log may say why"


class AlertReceived(TLSError):
    """The peer gave up and said why. `alert` is its word; `context` names what had been sent before it."""

    def __init__(self, alert: AlertDescription, context: str = "") -> None:
        super().__init__(f"the peer sent alert {alert} ({int(alert)}){f' {context}' if context else ''}")
        self.alert = alert
        self.hint = ALERT_HINTS.get(alert, "")


class Reason(TLSError):
    """A local decision to fail. `message` names the handshake message concerned, "" where there is none.

    For a failed negotiation `offered` and `supported` tell both sides' lists.
    """

    offered: tuple[str, ...] = ()
    supported: tuple[str, ...] = ()

    def __init__(self, detail: str, *, message: str = "", hint: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.message = message
        if hint:
            self.hint = hint

    @property
    def alert(self) -> AlertDescription:
        """The alert that tells the peer."""
        return ALERTS[type(self)]

    def __str__(self) -> str:
        return f"{self.message}: {self.detail}" if self.message else self.detail


class NegotiationFailure(Reason):
    """The two sides have nothing in common. Tells what was offered and what was supported."""

    subject: ClassVar[str]

    def __init__(self, offered: Iterable[object], supported: Iterable[object], *, message: str = "") -> None:
        self.offered = tuple(str(each) for each in offered)
        self.supported = tuple(str(each) for each in supported)
        theirs, ours = _in_short(self.offered), _in_short(self.supported)
        super().__init__(
            f"no {self.subject} in common: the peer offers {theirs}; supported here: {ours}", message=message
        )


MOST_SHOWN = 12


def _in_short(names: tuple[str, ...]) -> str:
    """Names for one line of text, whatever a peer put into them."""
    shown = ", ".join(printable(name) for name in names[:MOST_SHOWN]) or "none"
    more = len(names) - MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


class MalformedMessage(Reason):
    """A message or record that does not parse. `error` tells path, offset, expected and found."""

    def __init__(self, error: DecodeError, *, message: str = "") -> None:
        super().__init__(str(error), message=message)
        self.error = error


class NotTLS(Reason):
    """What came first is no TLS record: another protocol speaks on this port."""


class RecordOverflow(Reason):
    """A record longer than allowed. §5.1, §5.2"""


class MessageTooLong(Reason):
    """A handshake message over the configured limit."""


class UnexpectedMessage(Reason):
    """A message, or a record type, that this state does not allow. §4, §5"""


class KeyChangeInsideMessage(Reason):
    """Bytes of a handshake message stand across a key change. §5.1"""


class TooManyMessages(Reason):
    """More empty records, KeyUpdates or warning alerts in a row than the limits allow."""


class IllegalParameter(Reason):
    """A well-formed message says something that the specification forbids. Each case is named below."""


class DuplicateExtension(IllegalParameter):
    """Two extensions of one type in a block. §4.3"""


class MisplacedExtension(IllegalParameter):
    """A known extension in a message that may not carry it. §4.3"""


class IllegalCompression(IllegalParameter):
    """legacy_compression_methods is not the one byte of null. §4.2.2"""


class WrongSessionIdEcho(IllegalParameter):
    """legacy_session_id_echo is not what the ClientHello said. §4.2.3"""


class UnofferedParameter(IllegalParameter):
    """The server chose a suite, group, version or protocol that the client did not offer. §4.2.3, §4.2.4"""


class ChangedParameter(IllegalParameter):
    """ServerHello contradicts HelloRetryRequest, or the second ClientHello the first. §4.2.2, §4.2.4"""


class UselessRetry(IllegalParameter):
    """A HelloRetryRequest that would change nothing. §4.2.4"""


class DowngradeDetected(IllegalParameter):
    """The server's random carries the mark of an older version. §4.2.3"""


class BadKeyShare(IllegalParameter):
    """A public key that is no such key, or that makes an all-zero secret. §4.3.8, §7.4"""


class ForbiddenValue(IllegalParameter):
    """A field holds a value outside its list, where the specification names this alert. §4.7.3"""


class ForbiddenSignatureScheme(IllegalParameter):
    """A CertificateVerify by a scheme that was not offered or that TLS 1.3 forbids there. §4.5.2"""


class BadCookie(IllegalParameter):
    """A cookie that this server has not made, or not lately. §4.3.2"""


class MissingExtension(Reason):
    """An extension that this handshake cannot do without. §9.2"""


class UnsolicitedExtension(Reason):
    """A response to an extension that was not sent. §4.3"""


class UnsupportedVersion(NegotiationFailure):
    """No TLS version in common. §4.3.1"""

    subject = "version"


class NoCommonCipherSuite(NegotiationFailure):
    subject = "cipher suite"


class NoCommonGroup(NegotiationFailure):
    subject = "key exchange group"


class NoCommonSignatureScheme(NegotiationFailure):
    subject = "signature scheme for a certificate"


class NoApplicationProtocol(NegotiationFailure):
    """RFC 7301 §3.2."""

    subject = "application protocol"


class UnrecognizedName(Reason):
    """The server has no certificate for the name, and is told to be strict about it. RFC 6066 §3."""


class UnsupportedHandshake(Reason):
    """A handshake mode that this endpoint is not configured to do."""


class BadRecordMac(Reason):
    """A record that does not open under the current keys. §5.2"""


class NoCommonPsk(Reason):
    """The server has taken none of the offered keys, and a certificate of its would not do."""


class UnknownPskIdentity(Reason):
    """None of the offered keys is known, and there is no certificate to go on with. §4.3.11"""


class BadBinder(Reason):
    """A PSK binder is wrong: the client does not hold the key, or another hello was meant. §4.3.11"""


class BadFinished(Reason):
    """The Finished MAC is wrong. §4.5.3"""


class BadSignature(Reason):
    """The CertificateVerify signature does not verify. §4.5.2"""


class TooMuchEarlyData(Reason):
    """More early data than the ticket allows. §4.3.10"""


class CertificateRequired(Reason):
    """The server must know the client, and got no certificate. §4.5.1.3"""


class TooManyCertificates(Reason):
    """A Certificate message with more of them than the limit allows."""


class InsufficientSecurity(Reason):
    """What the peer came with is below the configured strength. §6.2"""


class EmptyCertificate(Reason):
    """The server's Certificate message holds none. §4.5.1.3"""


class BadCertificate(Reason):
    """A certificate that does not parse, or whose chain or name does not hold."""


class UnsupportedCertificate(Reason):
    """A certificate whose key is of no usable type. §4.5.1.3"""


class CertificateExpired(Reason):
    """A certificate outside its validity period."""


class UnknownCA(Reason):
    """No path from the certificate to a trusted root. §6.2"""


class InternalError(Reason):
    """Nothing the peer did: the local side cannot go on, a signer failed for instance."""


ALERTS: dict[type[Reason], AlertDescription] = {
    MalformedMessage: AlertDescription.decode_error,
    NotTLS: AlertDescription.unexpected_message,
    RecordOverflow: AlertDescription.record_overflow,
    MessageTooLong: AlertDescription.illegal_parameter,
    UnexpectedMessage: AlertDescription.unexpected_message,
    KeyChangeInsideMessage: AlertDescription.unexpected_message,
    TooManyMessages: AlertDescription.unexpected_message,
    DuplicateExtension: AlertDescription.illegal_parameter,
    MisplacedExtension: AlertDescription.illegal_parameter,
    IllegalCompression: AlertDescription.illegal_parameter,
    WrongSessionIdEcho: AlertDescription.illegal_parameter,
    UnofferedParameter: AlertDescription.illegal_parameter,
    ChangedParameter: AlertDescription.illegal_parameter,
    UselessRetry: AlertDescription.illegal_parameter,
    DowngradeDetected: AlertDescription.illegal_parameter,
    BadKeyShare: AlertDescription.illegal_parameter,
    ForbiddenValue: AlertDescription.illegal_parameter,
    ForbiddenSignatureScheme: AlertDescription.illegal_parameter,
    BadCookie: AlertDescription.illegal_parameter,
    MissingExtension: AlertDescription.missing_extension,
    UnsolicitedExtension: AlertDescription.unsupported_extension,
    UnsupportedVersion: AlertDescription.protocol_version,
    NoCommonCipherSuite: AlertDescription.handshake_failure,
    NoCommonGroup: AlertDescription.handshake_failure,
    NoCommonSignatureScheme: AlertDescription.handshake_failure,
    NoApplicationProtocol: AlertDescription.no_application_protocol,
    UnrecognizedName: AlertDescription.unrecognized_name,
    UnsupportedHandshake: AlertDescription.handshake_failure,
    BadRecordMac: AlertDescription.bad_record_mac,
    NoCommonPsk: AlertDescription.handshake_failure,
    UnknownPskIdentity: AlertDescription.unknown_psk_identity,
    BadBinder: AlertDescription.decrypt_error,
    BadFinished: AlertDescription.decrypt_error,
    BadSignature: AlertDescription.decrypt_error,
    TooMuchEarlyData: AlertDescription.unexpected_message,
    CertificateRequired: AlertDescription.certificate_required,
    TooManyCertificates: AlertDescription.bad_certificate,
    InsufficientSecurity: AlertDescription.insufficient_security,
    EmptyCertificate: AlertDescription.decode_error,
    BadCertificate: AlertDescription.bad_certificate,
    UnsupportedCertificate: AlertDescription.unsupported_certificate,
    CertificateExpired: AlertDescription.certificate_expired,
    UnknownCA: AlertDescription.unknown_ca,
    InternalError: AlertDescription.internal_error,
}

ALERT_HINTS: dict[AlertDescription, str] = {
    AlertDescription.unknown_ca: "the peer does not trust the certificate's issuer: give it the CA that signed it",
    AlertDescription.bad_certificate: "the peer refuses the certificate: check its names, dates and issuer",
    AlertDescription.certificate_expired: "the peer holds the certificate for expired: check both clocks",
    AlertDescription.certificate_required: "the server wants a client certificate: give one, and its key",
    AlertDescription.unknown_psk_identity: "the server does not know the PSK: check identity and key",
    AlertDescription.insufficient_security: "the server asks for stronger keys: offer more, or take a larger key",
    AlertDescription.decrypt_error: "keys differ: of a PSK, check that both sides have the same",
    AlertDescription.protocol_version: "the peer does not speak TLS 1.3",
    AlertDescription.handshake_failure: "no cipher suite, group or signature scheme in common: offer more",
    AlertDescription.no_application_protocol: "the peer knows none of the offered ALPN protocols",
    AlertDescription.unrecognized_name: "the server has no certificate for that name",
}
