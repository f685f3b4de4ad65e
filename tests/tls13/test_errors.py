"""Reasons and alerts: the table is whole, and says what RFC 9846 §6 says."""

from __future__ import annotations

import inspect

import pytest

from schemas.code_points import AlertDescription
from schemas.errors import DecodeError
from tls13 import errors
from tls13.errors import ALERT_HINTS, ALERTS, AlertReceived, ConfigurationError, NegotiationFailure, Reason, TLSError

GROUPS = {Reason, errors.IllegalParameter, NegotiationFailure}
"""Bases that are never raised themselves."""

ALERT_NUMBERS = {
    10: {"KeyChangeInsideMessage", "NotTLS", "TooManyMessages", "TooMuchEarlyData", "UnexpectedMessage"},
    20: {"BadRecordMac"},
    22: {"RecordOverflow"},
    40: {"NoCommonCipherSuite", "NoCommonGroup", "NoCommonPsk", "NoCommonSignatureScheme", "UnsupportedHandshake"},
    42: {"BadCertificate", "TooManyCertificates"},
    43: {"UnsupportedCertificate"},
    45: {"CertificateExpired"},
    47: {
        "BadCookie",
        "BadKeyShare",
        "ChangedParameter",
        "DowngradeDetected",
        "DuplicateExtension",
        "ForbiddenSignatureScheme",
        "ForbiddenValue",
        "IllegalCompression",
        "MessageTooLong",
        "MisplacedExtension",
        "UnofferedParameter",
        "UselessRetry",
        "WrongSessionIdEcho",
    },
    48: {"UnknownCA"},
    50: {"EmptyCertificate", "MalformedMessage"},
    51: {"BadBinder", "BadFinished", "BadSignature"},
    70: {"UnsupportedVersion"},
    71: {"InsufficientSecurity"},
    80: {"InternalError"},
    109: {"MissingExtension"},
    110: {"UnsolicitedExtension"},
    112: {"UnrecognizedName"},
    115: {"UnknownPskIdentity"},
    116: {"CertificateRequired"},
    120: {"NoApplicationProtocol"},
}
"""RFC 9846 §6.2, by number: what each alert is for."""


def subclasses(of: type[Reason]) -> set[type[Reason]]:
    return {found for each in of.__subclasses__() for found in {each, *subclasses(each)}}


def test_every_reason_has_its_alert_and_every_alert_its_reason() -> None:
    assert set(ALERTS) == subclasses(Reason) - GROUPS
    assert set(ALERTS) == {
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, Reason) and each not in GROUPS
    }


def test_the_alerts_are_those_of_the_rfc() -> None:
    told: dict[int, set[str]] = {}
    for reason, alert in ALERTS.items():
        told.setdefault(int(alert), set()).add(reason.__name__)
    assert told == ALERT_NUMBERS


def test_no_reason_has_a_reserved_or_a_closure_alert() -> None:
    """RFC 9846 §6, §B.2: what must not be sent, or does not say that something failed."""
    assert not {int(each) for each in ALERTS.values()} & {0, 21, 30, 41, 60, 90, 100, 111, 114}


def test_a_group_of_reasons_has_no_alert_of_its_own() -> None:
    assert GROUPS.isdisjoint(ALERTS)


def test_every_reason_says_what_it_is() -> None:
    for reason in subclasses(Reason):
        assert reason.__doc__ or issubclass(reason, NegotiationFailure)


def test_the_text_begins_with_the_message_concerned() -> None:
    assert str(errors.UnexpectedMessage("too soon", message="finished")) == "finished: too soon"
    assert str(errors.UnexpectedMessage("too soon")) == "too soon"


def test_a_failed_negotiation_lists_both_sides() -> None:
    error = errors.NoApplicationProtocol(["http/1.1"], [], message="client_hello")
    assert (error.offered, error.supported) == (("http/1.1",), ())
    assert str(error) == (
        "client_hello: no application protocol in common: the peer offers http/1.1; supported here: none"
    )


def test_a_long_list_is_shown_in_part_and_kept_whole() -> None:
    names = [f"protocol-{number}" for number in range(13)]
    text = str(errors.NoApplicationProtocol(names[:12], ["h2"]))
    assert "protocol-11; supported" in text
    error = errors.NoApplicationProtocol(names, ["h2"])
    assert "protocol-11 and 1 more; supported" in str(error)
    assert error.offered == tuple(names)


def test_a_malformed_message_keeps_its_error() -> None:
    decoding = DecodeError("the end", "1 more byte", offset=7, path="finished")
    error = errors.MalformedMessage(decoding, message="finished")
    assert error.error is decoding
    assert "at byte 7" in str(error)


def test_an_alert_from_the_peer_has_its_name_number_and_hint() -> None:
    error = AlertReceived(AlertDescription.unknown_ca, "after ClientHello")
    assert str(error) == "the peer sent alert unknown_ca (48) after ClientHello"
    assert error.hint == ALERT_HINTS[AlertDescription.unknown_ca]
    assert AlertReceived(AlertDescription(201)).hint == ""
    assert "201" in str(AlertReceived(AlertDescription(201)))


@pytest.mark.parametrize("error", [ConfigurationError("wrong", "do right"), errors.NotTLS("wrong", hint="do right")])
def test_an_error_says_what_to_do_next(error: TLSError) -> None:
    assert error.hint == "do right"
    assert error.events == ()
