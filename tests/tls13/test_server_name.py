"""Names of servers: what is one, what goes into SNI, and which certificate names stand for it."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import given
from hypothesis import strategies as st

from certs import KeyType, Profile, generate, self_signed
from tls13.errors import ConfigurationError
from tls13.x509.server_name import ServerName, dns_name_matches, parse_server_name, printable, server_name_for_sni

NOW = datetime(2031, 5, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given_name", "meant"),
    [
        ("example.com", "example.com"),
        ("WWW.Example.COM.", "www.example.com"),
        ("localhost", "localhost"),
        ("my_service", "my_service"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.Example.", "xn--bcher-kva.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("192.0.2.7", IPv4Address("192.0.2.7")),
        ("2001:DB8::7", IPv6Address("2001:db8::7")),
        (IPv4Address("192.0.2.7"), IPv4Address("192.0.2.7")),
    ],
)
def test_a_server_name_is_an_address_or_a_dns_name_in_a_labels(given_name: ServerName, meant: ServerName) -> None:
    assert parse_server_name(given_name) == meant
    assert server_name_for_sni(given_name) == (meant if isinstance(meant, str) else None)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            ".",
            "a..b",
            "example.com..",
            ".example.com",
            "-a.example",
            "a-.example",
            "exa mple.com",
            "example.com\n",
            "a\0b",
        ),
        *("example.com:443", "https://example.com", "[::1]", "*.example.com", "\ud800.example"),
        *("127.0.0.1.", "127.1", "2130706433", "example.7"),
        *("a" * 64 + ".example", "a." * 127 + "example", "ü" * 100_000),
    ],
)
def test_what_is_no_host_name_is_refused_in_one_short_line(name: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parse_server_name(name)
    assert refusal.value.hint
    assert len(str(refusal.value)) < 200
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("name", ["faß.de", "βόλος.com", "a\u200db.example"])
def test_a_name_that_the_two_versions_of_idna_write_differently_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no sure ASCII form") as refusal:
        parse_server_name(name)
    assert "xn--" in refusal.value.hint


@pytest.mark.parametrize(
    ("pattern", "name", "stands_for"),
    [
        ("example.com", "example.com", True),
        ("EXAMPLE.com", "example.com", True),
        ("example.com", "www.example.com", False),
        ("*.example.com", "www.example.com", True),
        ("*.Example.COM", "www.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.b.example.com", False),
        ("*.example.com", "www.example.org", False),
        ("w*.example.com", "www.example.com", False),
        ("*w.example.com", "www.example.com", False),
        ("www.*.com", "www.example.com", False),
        ("*.*.com", "www.example.com", False),
        ("*", "localhost", False),
        ("*.", "localhost", False),
        ("*.xn--bcher-kva.example", "www.xn--bcher-kva.example", True),
    ],
)
def test_a_wildcard_is_one_whole_left_most_label(pattern: str, name: str, stands_for: bool) -> None:
    assert dns_name_matches(pattern, name) is stands_for


LABEL = st.text("aB1*-", min_size=1, max_size=3)
# What ends in a number is no name for us, and one for the library.
NAMES = st.lists(LABEL, min_size=1, max_size=3).filter(lambda labels: not labels[-1].isdigit())


@given(pattern=NAMES, name=NAMES, data=st.data())
def test_names_match_as_the_x509_library_matches_them(pattern: list[str], name: list[str], data: st.DataObject) -> None:
    in_certificate = ".".join(data.draw(st.sampled_from([pattern, ["*", *name[1:]], name])))
    asked_for = ".".join(name).lower()
    profile = Profile.server((in_certificate,), now=NOW)
    certificate = self_signed(profile, generate(KeyType.ED25519)).certificate
    rules = PolicyBuilder().store(Store([certificate])).time(NOW)
    try:
        rules.build_server_verifier(x509.DNSName(asked_for)).verify(certificate, [])
        accepted = True
    except (ValueError, VerificationError):
        accepted = False
    try:
        ours = dns_name_matches(in_certificate, str(parse_server_name(asked_for)))
    except ConfigurationError:
        ours = False
    assert ours == accepted


def test_a_strangers_text_cannot_reach_the_terminal_raw() -> None:
    assert printable("\x1b[31mred\n") == r"\x1b[31mred\x0a"
    assert printable("x" * 121) == "x" * 120 + "…"
    assert printable("ünïcode") == "ünïcode"
