"""What a CertificateRequest may ask of a certificate's extensions, and which certificates have it. RFC 9846 §4.3.5"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import example, given
from hypothesis import strategies as st
from x509_chains import certificate as x509_certificate
from x509_chains import der, key_usage

from schemas.extensions import OIDFilter
from tls13.errors import BadCertificate, ForbiddenValue
from tls13.x509.oid_filters import chain_matches_filters, check_filters, client_may_send

KEY_USAGE = bytes.fromhex("0603 551d0f")
EXTENDED_KEY_USAGE = bytes.fromhex("0603 551d25")
# 1.3.6.1.4.1.99999.7, which nobody has a rule for; and 1.3.6.1.5.5.7.1.24, the TLS features of RFC 7633.
OWN = bytes.fromhex("0609 2b06010401868d1f07")
TLS_FEATURE = bytes.fromhex("0608 2b06010505070118")

SERVER_AUTH = bytes.fromhex("0608 2b06010505070301")
CLIENT_AUTH = bytes.fromhex("0608 2b06010505070302")
EMAIL = bytes.fromhex("0608 2b06010505070304")
ANY_EXTENDED_KEY_USAGE = bytes.fromhex("0604 551d2500")


def wants(oid: bytes, values: bytes | str = b"") -> OIDFilter:
    content = bytes.fromhex(values) if isinstance(values, str) else values
    return OIDFilter(certificate_extension_oid=oid, certificate_extension_values=content)


def purposes(*oids: bytes) -> bytes:
    content = b"".join(oids)
    assert len(content) < 128
    return bytes([0x30, len(content)]) + content


def certificate(*extensions: x509.ExtensionType) -> bytes:
    return der(x509_certificate("alice", "alice", [(each, False) for each in extensions]))[0]


@cache
def alices() -> bytes:
    """digitalSignature and keyAgreement; clientAuth and emailProtection; one extension that nobody knows."""
    return certificate(
        key_usage("digital_signature", "key_agreement"),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION]),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.7"), b"\x0c\x03own"),
    )


@cache
def plain() -> bytes:
    """A certificate without extensions."""
    return certificate()


# -- what matches ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "matches"),
    [
        ("03020780", True),
        ("03020308", True),
        ("03020388", True),
        ("03020640", False),
        ("030206c0", False),
        ("03020520", False),
        ("0303070080", False),
        ("030307 8880", False),
        ("030100", True),
        ("030200 88", True),
        ("030300 8800", True),
        ("", True),
    ],
    ids=[
        "digitalSignature",
        "keyAgreement",
        "both",
        "nonRepudiation",
        "one more",
        "keyEncipherment",
        "decipherOnly",
        "both and decipherOnly",
        "no bits",
        "unasserted bits",
        "a whole empty byte",
        "any value",
    ],
)
def test_every_bit_of_key_usage_that_is_asked_for_must_be_asserted(asked: str, matches: bool) -> None:
    filters = [wants(KEY_USAGE, asked)]
    assert client_may_send(alices(), filters) is matches
    assert chain_matches_filters(alices(), filters) is matches


def test_the_ninth_bit_of_key_usage_is_seen() -> None:
    both = certificate(key_usage("key_agreement", "decipher_only"))
    assert client_may_send(both, [wants(KEY_USAGE, "0303070880")])
    assert not client_may_send(certificate(key_usage("key_agreement")), [wants(KEY_USAGE, "0303070880")])


@pytest.mark.parametrize(
    ("asked", "matches"),
    [
        (purposes(CLIENT_AUTH), True),
        (purposes(EMAIL, CLIENT_AUTH), True),
        (purposes(CLIENT_AUTH, CLIENT_AUTH), True),
        (purposes(SERVER_AUTH), False),
        (purposes(CLIENT_AUTH, SERVER_AUTH), False),
        (purposes(bytes.fromhex("0609 2b06010401868d1f07")), False),
        (purposes(), True),
        (b"", True),
    ],
)
def test_every_purpose_that_is_asked_for_must_be_there(asked: bytes, matches: bool) -> None:
    filters = [wants(EXTENDED_KEY_USAGE, asked)]
    assert client_may_send(alices(), filters) is matches
    assert chain_matches_filters(alices(), filters) is matches


@pytest.mark.parametrize("oid", [KEY_USAGE, EXTENDED_KEY_USAGE])
def test_an_extension_that_is_asked_for_must_be_there_whatever_its_values(oid: bytes) -> None:
    assert client_may_send(alices(), [wants(oid)])
    assert not client_may_send(plain(), [wants(oid)])


def test_all_filters_must_match() -> None:
    good, bad = wants(KEY_USAGE, "03020780"), wants(EXTENDED_KEY_USAGE, purposes(SERVER_AUTH))
    assert not client_may_send(alices(), [good, bad])
    assert not client_may_send(alices(), [bad, good])
    assert client_may_send(alices(), [good, wants(EXTENDED_KEY_USAGE, purposes(CLIENT_AUTH))])
    assert client_may_send(plain(), [])


@pytest.mark.parametrize("oid", [OWN, TLS_FEATURE, b"\x06\x00", b"no OID", bytes.fromhex("0603 551d")])
def test_a_client_skips_what_it_does_not_know_and_the_server_does_not(oid: bytes) -> None:
    assert client_may_send(plain(), [wants(oid, b"whatever")])
    assert not chain_matches_filters(plain(), [wants(oid, b"whatever")])
    assert not client_may_send(plain(), [wants(oid), wants(KEY_USAGE)])


def test_the_server_wants_an_extension_without_a_rule_byte_for_byte_or_just_there() -> None:
    assert chain_matches_filters(alices(), [wants(OWN)])
    assert chain_matches_filters(alices(), [wants(OWN, "0c03 6f776e")])
    assert not chain_matches_filters(alices(), [wants(OWN, "0c03 6f776f")])
    must_staple = certificate(x509.TLSFeature([x509.TLSFeatureType.status_request]))
    assert chain_matches_filters(must_staple, [wants(TLS_FEATURE, "3003020105")])
    assert not chain_matches_filters(must_staple, [wants(TLS_FEATURE, "3003020111")])


# -- what no server may ask --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "complaint"),
    [
        ([wants(KEY_USAGE), wants(OWN), wants(KEY_USAGE, "03020780")], "names an extension twice"),
        ([wants(OWN), wants(OWN)], "names an extension twice"),
        ([wants(EXTENDED_KEY_USAGE, purposes(CLIENT_AUTH, ANY_EXTENDED_KEY_USAGE))], "anyExtendedKeyUsage"),
        ([wants(KEY_USAGE, "0302 0880")], "malformed keyUsage"),
        ([wants(KEY_USAGE, "0300")], "malformed keyUsage"),
        ([wants(KEY_USAGE, "0302 0780 00")], "malformed keyUsage"),
        ([wants(KEY_USAGE, "0402 0780")], "malformed keyUsage"),
        ([wants(EXTENDED_KEY_USAGE, "300a 0608 2b060105050703")], "malformed extKeyUsage"),
        ([wants(EXTENDED_KEY_USAGE, "3080")], "malformed extKeyUsage"),
        ([wants(EXTENDED_KEY_USAGE, "3003 020101")], "malformed extKeyUsage"),
        ([wants(EXTENDED_KEY_USAGE, "3102 0500")], "malformed extKeyUsage"),
        ([wants(EXTENDED_KEY_USAGE, purposes(CLIENT_AUTH) + b"\0")], "malformed extKeyUsage"),
        ([wants(EXTENDED_KEY_USAGE, b"\x30" * 4097)], "more key purposes than any certificate has"),
    ],
)
def test_what_no_server_may_ask_for_is_refused(filters: list[OIDFilter], complaint: str) -> None:
    with pytest.raises(ForbiddenValue, match=complaint) as caught:
        check_filters(filters)
    assert caught.value.message == "certificate_request"
    for ask in (client_may_send, chain_matches_filters):
        with pytest.raises(ForbiddenValue, match=complaint):
            ask(alices(), filters)


@given(
    oid=st.sampled_from([KEY_USAGE, EXTENDED_KEY_USAGE, OWN]) | st.binary(min_size=1, max_size=20),
    values=st.binary(max_size=80) | st.binary(max_size=80).map(lambda each: b"\x30" + bytes([len(each)]) + each),
)
@example(oid=EXTENDED_KEY_USAGE, values=bytes.fromhex("30800000"))
@example(oid=EXTENDED_KEY_USAGE, values=bytes.fromhex("3002 0600"))
@example(oid=EXTENDED_KEY_USAGE, values=bytes.fromhex("3084 ffffffff"))
@example(oid=EXTENDED_KEY_USAGE, values=bytes.fromhex("3003 0601 80"))
def test_any_bytes_are_answered_or_refused_with_a_reason(oid: bytes, values: bytes) -> None:
    for ask in (client_may_send, chain_matches_filters):
        with suppress(ForbiddenValue):
            assert ask(alices(), [wants(oid, values)]) in (True, False)


def test_as_much_as_the_extension_holds_is_judged_soon() -> None:
    """Numbers of 65000 bytes read digit by digit, or lists compared pair by pair, would take minutes."""
    number = bytes.fromhex("0282 ff00") + b"\x7f" * 0xFF00
    for values in (b"\x30\x82" + len(number).to_bytes(2, "big") + number, number):
        for oid in (KEY_USAGE, EXTENDED_KEY_USAGE):
            with pytest.raises(ForbiddenValue):
                client_may_send(alices(), [wants(oid, values)])
    bits = b"\x03\x82\xfe\x01\0" + b"\xff" * 0xFE00
    assert not client_may_send(alices(), [wants(KEY_USAGE, bits)])
    many = [wants(b"\x06\x02" + number.to_bytes(2, "big")) for number in range(9000)]
    assert client_may_send(alices(), many)


@pytest.mark.parametrize("ask", [client_may_send, chain_matches_filters])
def test_a_certificate_that_does_not_parse_is_a_bad_one(ask: Callable[[bytes, list[OIDFilter]], bool]) -> None:
    for broken in (b"", b"junk", alices()[:-1], twice_the_same_extension()):
        with pytest.raises(BadCertificate):
            ask(broken, [wants(KEY_USAGE)])


def twice_the_same_extension() -> bytes:
    """The last byte of one OID is made that of another."""
    made = certificate(key_usage("digital_signature"), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))
    assert made.count(b"\x55\x1d\x25") == 1
    return made.replace(b"\x55\x1d\x25", b"\x55\x1d\x0f")
