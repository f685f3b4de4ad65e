"""RFC 9525 §6 through the whole verification: which names of a certificate stand for the server that is asked for."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from x509_chains import NOW, alternative_names, authority, certificate, der

from tls13.errors import BadCertificate, Reason, UnknownCA
from tls13.x509.trust import TrustStore

ROOT = authority("root", "root")


def is_for(asked_for: str, *names: str | x509.GeneralName) -> bool:
    """Whether a certificate for `names` is accepted, or else refused with the words for other names."""
    chain, trust = der(certificate("server", "root", [(alternative_names(*names), False)])), TrustStore([ROOT])
    with suppress(BadCertificate):
        return bool(trust.verify_server(chain, asked_for, NOW))
    with pytest.raises(BadCertificate, match="asked for"):
        trust.verify_server(chain, asked_for, NOW)
    return False


@pytest.mark.parametrize(
    ("in_certificate", "asked_for"),
    [
        ("www.example.com", "www.example.com"),
        ("WWW.Example.COM", "www.example.com"),
        ("www.example.com", "WWW.EXAMPLE.COM."),
        ("*.example.com", "www.example.com"),
        ("*.EXAMPLE.com", "www.example.com"),
        ("*.com", "example.com"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("XN--BCHER-KVA.example", "Bücher.EXAMPLE"),
        ("*.example", "bücher.example"),
        ("*.xn--bcher-kva.example", "www.bücher.example"),
    ],
)
def test_a_name_or_a_wildcard_for_one_label_will_do(in_certificate: str, asked_for: str) -> None:
    assert is_for(asked_for, in_certificate)
    assert is_for(asked_for, "somebody.example.org", in_certificate)


@pytest.mark.parametrize(
    ("in_certificate", "asked_for"),
    [
        ("*", "localhost"),
        ("*.example.com", "example.com"),
        ("*.example.com", "a.b.example.com"),
        ("*.*.example.com", "a.b.example.com"),
        ("www.*.com", "www.example.com"),
        ("w*.example.com", "www.example.com"),
        ("*w.example.com", "www.example.com"),
        ("*", "example.com"),
        ("xn--b*.example", "xn--bcher-kva.example"),
        (".example.com", "www.example.com"),
        ("example.com", "www.example.com"),
        ("www.example.com", "ww.example.com"),
        ("www.example.com.", "www.example.com"),
        (" www.example.com", "www.example.com"),
        ("www..example.com", "www.example.com"),
        ("", "www.example.com"),
        ("www.example.com\0.evil.example", "www.example.com"),
        ("www.example.com\n", "www.example.com"),
        ("http://www.example.com", "www.example.com"),
    ],
)
def test_anything_else_will_not(in_certificate: str, asked_for: str) -> None:
    assert not is_for(asked_for, in_certificate)


@pytest.mark.parametrize(
    ("in_certificate", "asked_for", "same"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.70", False),
        ("2001:db8::7", "2001:DB8:0:0::0007", True),
        ("2001:db8::7", "2001:db8::8", False),
        ("127.0.0.1", "::ffff:127.0.0.1", False),
        ("::ffff:127.0.0.1", "127.0.0.1", False),
        ("fe80::7", "fe80::7%eth0", True),
        ("fe80::8", "fe80::7%eth0", False),
    ],
)
def test_addresses_are_the_same_byte_for_byte_or_not_at_all(in_certificate: str, asked_for: str, same: bool) -> None:
    assert is_for(asked_for, in_certificate) is same


def test_names_of_other_kinds_do_not_stand_for_a_server() -> None:
    uri, mail = x509.UniformResourceIdentifier("https://www.example.com/"), x509.RFC822Name("me@www.example.com")
    directory = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "www.example.com")]))
    other = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7"), b"\x16\x0fwww.example.com")
    for name in (uri, mail, directory, other):
        assert not is_for("www.example.com", name)
        assert is_for("www.example.com", name, "www.example.com")
    assert not is_for("192.0.2.7", x509.DNSName("192.0.2.7"))
    assert not is_for("www.example.com", "192.0.2.7")


def test_the_subject_names_no_server_with_or_without_alternative_names() -> None:
    """RFC 9525 §2."""
    for extensions in (
        [],
        [(alternative_names("192.0.2.7"), False)],
        [(alternative_names("elsewhere.example"), False)],
    ):
        leaf = certificate("www.example.com", "root", extensions)
        with pytest.raises(BadCertificate, match=r"asked for www\.example\.com"):
            TrustStore([ROOT]).verify_server(der(leaf), "www.example.com", NOW)


def test_a_server_without_a_subject_is_named_by_critical_alternative_names() -> None:
    """RFC 5280 §4.2.1.6."""
    nobody = x509.Name([])
    leaf = certificate(nobody, "root", [(alternative_names("www.example.com"), True)], of="server")
    assert TrustStore([ROOT]).verify_server(der(leaf), "www.example.com", NOW)


@pytest.mark.parametrize("name", ["fe80::7", "fe80::7%eth0", "www.example.com"])
def test_the_right_name_is_not_blamed_for_what_else_is_wrong(name: str) -> None:
    leaf = certificate("server", "nobody", [(alternative_names("fe80::7", "www.example.com"), False)])
    with pytest.raises(Reason) as caught:
        TrustStore([ROOT]).verify_server(der(leaf), name, NOW)
    assert type(caught.value) is UnknownCA


@pytest.mark.parametrize(
    ("asked_for", "before", "after"),
    [
        ("192.0.2.7", b"\x87\x04\xc0\x00\x02\x07", b"\x87\x03\xc0\x00\x02"),
        ("192.0.2.7", b"\x87\x04\xc0\x00\x02\x07", b"\x87\x05\xc0\x00\x02\x07\x00"),
        ("192.0.2.7", b"\x87\x04\xc0\x00\x02\x07", b"\x87\x08\xc0\x00\x02\x07\xff\xff\xff\xff"),
        ("example.com", b"\x82\x0bexample.com", b"\x82\x0bexampl\xe9.com"),
        ("example.com", b"\x82\x0bexample.com", b"\xa2\x0bexample.com"),
    ],
    ids=["three bytes", "five bytes", "a network", "no ASCII", "constructed"],
)
def test_a_malformed_name_stands_for_nobody(asked_for: str, before: bytes, after: bytes) -> None:
    names = alternative_names("192.0.2.7", "example.com").public_bytes()
    assert names.count(before) == 1
    changed = names[2:].replace(before, after)
    for content, is_good in ((names, True), (bytes([0x30, len(changed)]) + changed, False)):
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), content)
        chain = der(certificate("server", "root", [(extension, False)]))
        if is_good:
            assert TrustStore([ROOT]).verify_server(chain, asked_for, NOW)
            continue
        with pytest.raises(BadCertificate):
            TrustStore([ROOT]).verify_server(chain, asked_for, NOW)
