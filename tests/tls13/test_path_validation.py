"""RFC 5280 §6.1 against chains that are wrong in what their extensions say, and against those that merely look so."""

from __future__ import annotations

import ipaddress
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from openssl_command import needs_openssl, openssl
from x509_chains import HOST, NOW, alternative_names, authority, certificate, der, key, key_usage, named, server

from tls13.errors import BadCertificate, Reason, UnsupportedCertificate
from tls13.x509.trust import TrustStore

ROOT = authority("root", "root")
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
SERVER_AUTH, CLIENT_AUTH = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


def judge(*chain: x509.Certificate, root: x509.Certificate = ROOT, name: str = HOST, now: datetime = NOW) -> str:
    """The word good, or why not."""
    try:
        path = TrustStore([root]).verify_server(der(*chain), name, now)
    except Reason as reason:
        return f"{type(reason).__name__}: {reason}"
    assert path[0] == der(chain[0])[0]
    return "good"


def judge_client(*chain: x509.Certificate, root: x509.Certificate = ROOT) -> str:
    try:
        TrustStore([root]).verify_client(der(*chain), NOW)
    except Reason as reason:
        return f"{type(reason).__name__}: {reason}"
    return "good"


# -- who may sign certificates: §6.1.4 (k) to (n) ----------------------------------------------------------


def test_a_path_may_be_as_long_as_each_authority_says_and_no_longer() -> None:
    leaf, low, middle = server("low"), authority("low", "middle"), authority("middle", "root")
    assert judge(leaf, low, middle) == "good"
    assert judge(leaf, low, authority("middle", "root", path_length=1)) == "good"
    assert judge(leaf, authority("low", "middle", path_length=0), middle) == "good"
    refused = "BadCertificate: path length constraint violated"
    assert judge(leaf, low, authority("middle", "root", path_length=0)) == refused
    assert judge(leaf, low, middle, root=authority("root", "root", path_length=0)) == refused
    assert judge(leaf, low, middle, root=authority("root", "root", path_length=1)) == refused
    assert judge(leaf, low, middle, root=authority("root", "root", path_length=2)) == "good"


@pytest.mark.parametrize("critical", [True, False])
def test_basic_constraints_make_an_authority_and_limit_it_critical_or_not(critical: bool) -> None:
    def middle(is_authority: bool, path_length: int | None) -> x509.Certificate:
        return certificate("middle", "root", [(x509.BasicConstraints(is_authority, path_length), critical)])

    assert judge(server("middle"), middle(True, None)) == "good"
    assert judge(server("low"), authority("low", "middle"), middle(True, 1)) == "good"
    assert "path length" in judge(server("low"), authority("low", "middle"), middle(True, 0))
    assert judge(server("middle"), middle(False, None)) == (
        "BadCertificate: issuer CN=middle is no CA: it may not sign certificates"
    )


def test_a_certificate_without_basic_constraints_is_no_authority_wherever_it_stands() -> None:
    assert "middle is no CA" in judge(server("middle"), certificate("middle", "root"))
    assert "middle is no CA" in judge(
        server("middle"), certificate("middle", "root", [(key_usage("key_cert_sign"), True)])
    )
    assert "root is no CA" in judge(server("root"), root=certificate("root", "root"))


@pytest.mark.parametrize("critical", [True, False])
def test_an_authority_with_a_key_usage_needs_the_bit_for_certificates(critical: bool) -> None:
    good, bad = key_usage("key_cert_sign"), key_usage("crl_sign", "digital_signature")
    assert judge(server("middle"), authority("middle", "root", (good, critical))) == "good"
    assert "middle is no CA" in judge(server("middle"), authority("middle", "root", (bad, critical)))


@pytest.mark.parametrize("critical", [True, False])
def test_the_extended_key_usage_of_an_authority_limits_what_it_may_vouch_for(critical: bool) -> None:
    def limited(*usages: x509.ObjectIdentifier) -> x509.Certificate:
        return authority("middle", "root", (x509.ExtendedKeyUsage(usages), critical))

    client = certificate("client", "middle")
    assert judge(server("middle"), limited(SERVER_AUTH, CLIENT_AUTH)) == "good"
    assert judge_client(client, limited(SERVER_AUTH, CLIENT_AUTH)) == "good"
    assert judge(server("middle"), limited(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)) == "good"
    assert judge(server("middle"), limited(CLIENT_AUTH)) == (
        "BadCertificate: issuer CN=middle is no CA for TLS servers: its extendedKeyUsage has no serverAuth"
    )
    assert judge_client(client, limited(SERVER_AUTH)) == (
        "BadCertificate: issuer CN=middle is no CA for TLS clients: its extendedKeyUsage has no clientAuth"
    )


# -- what the peer's own certificate is for ----------------------------------------------------------------


@pytest.mark.parametrize("critical", [True, False])
def test_a_key_usage_must_allow_to_sign_handshakes(critical: bool) -> None:
    """RFC 9846 §4.5.1.2: digitalSignature, where there is a keyUsage at all."""
    for usages, verdict in (
        (["digital_signature"], "good"),
        (["digital_signature", "key_encipherment"], "good"),
        (["key_encipherment"], "no digitalSignature"),
        (["key_agreement", "content_commitment"], "no digitalSignature"),
        (["digital_signature", "key_cert_sign"], "keyUsage is that of a CA"),
    ):
        usage = (key_usage(*usages), critical)
        assert verdict in judge(server("root", usage))
        assert verdict in judge_client(certificate("client", "root", [usage]))


def test_a_reason_is_told_without_the_librarys_own_frames() -> None:
    both = (key_usage("digital_signature", "key_cert_sign"), True)
    assert judge(server("root", both)) == "BadCertificate: keyUsage is that of a CA"


def test_the_key_usage_of_a_certificate_that_is_trusted_itself_counts_too() -> None:
    for usages, verdict in (
        (["digital_signature", "key_cert_sign"], "good"),
        (["key_cert_sign"], "no digitalSignature"),
    ):
        alone = server("server", (key_usage(*usages), True))
        assert verdict in judge(alone, root=alone)
        assert verdict in judge_client(alone, root=alone)


@pytest.mark.parametrize("critical", [True, False])
def test_an_extended_key_usage_may_be_critical(critical: bool) -> None:
    assert judge(server("root", (x509.ExtendedKeyUsage([SERVER_AUTH]), critical))) == "good"
    assert "no serverAuth" in judge(server("root", (x509.ExtendedKeyUsage([CLIENT_AUTH]), critical)))
    anything = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    assert "no serverAuth" in judge(server("root", (anything, critical)))


def test_a_certificate_that_another_signed_can_be_trusted_itself_without_that_other() -> None:
    leaf = server("a stranger")
    assert judge(leaf, root=leaf) == "good"
    assert "asked for" in judge(leaf, root=leaf, name="b.example.com")
    assert judge(server("a stranger"), root=leaf) == "UnknownCA: no trusted root for issuer CN=a stranger"


# -- extensions that nobody here knows: §4.2 ---------------------------------------------------------------


@pytest.mark.parametrize(
    "extension",
    [
        UNKNOWN,
        x509.PolicyConstraints(0, None),
        x509.InhibitAnyPolicy(0),
        x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), None)]),
        x509.TLSFeature([x509.TLSFeatureType.status_request]),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_critical_extension_that_is_not_checked_refuses_the_chain_wherever_it_stands(
    extension: x509.ExtensionType,
) -> None:
    for critical, verdict in ((False, "good"), (True, "unaccounted-for critical extensions")):
        stated = (extension, critical)
        assert verdict in judge(server("root", stated))
        assert verdict in judge(server("middle"), authority("middle", "root", stated))
        assert verdict in judge(server("root"), root=authority("root", "root", stated))
        assert verdict in judge_client(certificate("client", "root", [stated]))


# -- name constraints: §4.2.1.10 ---------------------------------------------------------------------------


def network(prefix: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_network(prefix))


@pytest.mark.parametrize("critical", [True, False])
@pytest.mark.parametrize("at_the_root", [True, False])
@pytest.mark.parametrize(
    ("permitted", "excluded", "names", "is_good"),
    [
        (["example.com"], [], [HOST], True),
        ([HOST], [], [HOST], True),
        (["EXAMPLE.com"], [], [HOST], True),
        (["example.org", "example.com"], [], [HOST], True),
        (["example.org"], [], [HOST], False),
        (["xample.com"], [], [HOST], False),
        (["b.a.example.com"], [], [HOST], False),
        (["example.com"], [], [HOST, "a.example.org"], False),
        ([], ["example.com"], [HOST], False),
        ([], ["example.org"], [HOST], True),
        ([], ["example.org"], [HOST, "a.example.org"], False),
        (["example.com"], [HOST], [HOST], False),
        (["example.com"], [], ["*.example.com"], True),
        ([HOST], [], ["*.example.com"], False),
        ([], [HOST], ["*.example.com"], False),
        ([network("192.0.2.0/24")], [], [HOST], True),
        ([network("192.0.2.0/24")], [], [HOST, "192.0.2.1"], True),
        ([network("192.0.2.0/24")], [], [HOST, "198.51.100.1"], False),
        ([network("192.0.2.0/24")], [], [HOST, "2001:db8::1"], False),
        ([], [network("192.0.2.0/24")], [HOST, "192.0.2.1"], False),
        ([], [network("2001:db8::/32")], [HOST, "192.0.2.1"], True),
        ([], [network("2001:db8::/32")], [HOST, "2001:db8::1"], False),
        ([], [x509.RFC822Name("example.com")], [HOST, x509.RFC822Name("me@example.com")], False),
        ([x509.RFC822Name("example.com")], [], [HOST, x509.RFC822Name("me@example.com")], True),
        ([], [x509.UniformResourceIdentifier("example.com")], [HOST], True),
        # A kind of limit that the library does not know refuses all names of the kind: better than to overlook it.
        (
            [],
            [x509.UniformResourceIdentifier("example.org")],
            [HOST, x509.UniformResourceIdentifier("https://a.example.com/")],
            False,
        ),
    ],
)
def test_no_authority_certifies_what_it_or_one_above_it_may_not(
    permitted: list[str | x509.GeneralName],
    excluded: list[str | x509.GeneralName],
    names: list[str | x509.GeneralName],
    is_good: bool,
    at_the_root: bool,
    critical: bool,
) -> None:
    inside, outside = (
        [x509.DNSName(each) if isinstance(each, str) else each for each in side] for side in (permitted, excluded)
    )
    limits = (x509.NameConstraints(inside or None, outside or None), critical)
    leaf = certificate("server", "low", [(alternative_names(*names), False)])
    above = [] if at_the_root else [limits]
    root = authority("root", "root", *([limits] if at_the_root else []))
    verdict = judge(leaf, authority("low", "middle"), authority("middle", "root", *above), root=root)
    assert (verdict == "good") is is_good
    assert is_good or "name constraint" in verdict


def test_a_limit_on_a_network_holds_for_the_address_that_is_asked_for() -> None:
    limits = (x509.NameConstraints([network("192.0.2.0/24")], None), True)
    for address, is_good in (("192.0.2.9", True), ("198.51.100.9", False)):
        verdict = judge(server("middle", names=[address]), authority("middle", "root", limits), name=address)
        assert (verdict == "good") is is_good


def test_only_authorities_may_limit_names() -> None:
    limits = (x509.NameConstraints([x509.DNSName("example.com")], None), True)
    assert judge(server("root", limits)).startswith("BadCertificate")


@pytest.mark.parametrize("critical", [True, False])
@pytest.mark.parametrize("side", ["permitted", "excluded"])
def test_a_client_is_refused_where_an_issuer_limits_subjects(critical: bool, side: str) -> None:
    """Who a client is stands in its subject, and the library checks no subject: safe is to believe none."""
    subtrees = [x509.DirectoryName(named("somebody"))]
    limits = x509.NameConstraints(*((subtrees, None) if side == "permitted" else (None, subtrees)))
    client = certificate("client", "middle")
    assert judge_client(client, authority("middle", "root")) == "good"
    assert judge_client(client, authority("middle", "root", (limits, critical))).startswith("BadCertificate")
    assert (
        judge_client(client, authority("middle", "root"), root=authority("root", "root", (limits, critical))) != "good"
    )


def test_a_limit_on_mail_addresses_holds_for_the_one_in_a_clients_subject() -> None:
    mail = x509.NameAttribute(NameOID.EMAIL_ADDRESS, "me@example.com")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "me"), mail])
    limits = (x509.NameConstraints([x509.RFC822Name("example.org")], None), True)
    limited, free = authority("middle", "root", limits), authority("middle", "root")
    assert "an issuer limits the subjects" in judge_client(certificate(subject, "middle", of="client"), limited)
    assert judge_client(certificate(subject, "middle", of="client"), free) == "good"
    assert judge_client(certificate("me", "middle", of="client"), limited) == "good"
    elsewhere = [(alternative_names("me.example"), False)]
    assert judge_client(certificate(subject, "middle", elsewhere, of="client"), limited) == "good"
    inside = [(alternative_names(x509.RFC822Name("me@example.org")), False)]
    assert judge_client(certificate(subject, "middle", inside, of="client"), limited) == "good"
    outside = [(alternative_names(x509.RFC822Name("me@example.com")), False)]
    assert "name constraint" in judge_client(certificate(subject, "middle", outside, of="client"), limited)


# -- dates: §4.1.2.5 ---------------------------------------------------------------------------------------


def test_the_first_and_the_last_second_are_valid() -> None:
    leaf = certificate("server", "root", [(alternative_names(HOST), False)], begin=NOW, end=NOW)
    assert judge(leaf) == "good"
    assert judge(leaf, now=NOW + timedelta(milliseconds=999)) == "good"
    assert judge(leaf, now=NOW + timedelta(seconds=1)).startswith("CertificateExpired")
    assert judge(leaf, now=NOW - timedelta(milliseconds=1)).startswith("CertificateExpired")


def test_a_root_that_has_expired_vouches_for_nobody() -> None:
    begin, end = NOW - timedelta(days=9), NOW - timedelta(seconds=1)
    old = certificate("root", "root", [(x509.BasicConstraints(True, None), True)], begin=begin, end=end)
    assert judge(server("root"), root=old).startswith("CertificateExpired: issuer CN=root expired on")
    assert judge(server("root"), root=ROOT) == "good"


def test_one_good_path_is_enough_wherever_the_bad_ones_stand() -> None:
    begin, end = NOW - timedelta(days=9), NOW - timedelta(seconds=1)
    expired = certificate("middle", "root", [(x509.BasicConstraints(True, None), True)], begin=begin, end=end)
    elsewhere = certificate("middle", "nowhere", [(x509.BasicConstraints(True, None), True)])
    good = authority("middle", "root")
    for others in ([expired, elsewhere, good], [good, expired, elsewhere], [elsewhere, good, expired]):
        assert judge(server("middle"), *others) == "good"


# -- signatures and names of issuers -----------------------------------------------------------------------


def test_a_weak_hash_above_the_server_is_refused_but_for_the_roots_own() -> None:
    weak_root = certificate("root", "root", [(x509.BasicConstraints(True, None), True)], digest=hashes.SHA224())
    assert judge(server("root"), root=weak_root) == "good"
    middle = certificate("middle", "root", [(x509.BasicConstraints(True, None), True)], digest=hashes.SHA224())
    assert judge(server("middle"), middle) == (
        "BadCertificate: certificate CN=middle is signed over sha224, which is too weak"
    )


@needs_openssl
@pytest.mark.parametrize(("digest", "issuer"), [("md5", "rsa:2048"), ("sha1", "rsa:2048"), ("sha1", "ec")])
def test_md5_and_sha1_are_bad_certificates(digest: str, issuer: str, tmp_path: Path) -> None:
    """RFC 9846 §4.5.1.3."""
    curve = ["-pkeyopt", "ec_paramgen_curve:P-256"]
    ca = ["req", "-x509", "-newkey", issuer, *(curve if issuer == "ec" else []), "-nodes", "-keyout", "ca.key"]
    request = ["req", "-newkey", "ec", *curve, "-nodes", "-keyout", "s.key", "-out", "s.csr", "-subj", "/CN=s"]
    sign = ["x509", "-req", "-in", "s.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "9"]
    (tmp_path / "extensions").write_text(f"subjectAltName=DNS:{HOST}\n")
    for command in (
        [*ca, "-out", "ca.pem", "-subj", "/CN=old", "-days", "9"],
        request,
        [*sign, f"-{digest}", "-extfile", "extensions", "-outform", "DER", "-out", "s.der"],
    ):
        openssl(tmp_path, *command)
    trust = TrustStore.load(tmp_path / "ca.pem")
    with pytest.raises(BadCertificate, match=f"signed over {digest}, which is too weak"):
        trust.verify_server([(tmp_path / "s.der").read_bytes()], HOST, datetime.now(UTC))


def test_the_algorithm_beside_the_signature_must_be_the_one_that_is_signed() -> None:
    """§4.1.1.2. The outer of the two identifiers is no part of what is signed."""
    good = der(server("root"))[0]
    with_sha256, with_sha384 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d040303")
    assert good.count(with_sha256) == 2
    before, _, after = good.rpartition(with_sha256)
    with pytest.raises(BadCertificate):
        TrustStore([ROOT]).verify_server([before + with_sha384 + after], HOST, NOW)


def test_an_issuer_whose_name_is_in_other_strings_is_not_found_and_that_is_told() -> None:
    in_utf8, in_printable = b"\x0c\x04root", b"\x13\x04root"
    printable = x509.load_der_x509_certificate(der(ROOT)[0].replace(in_utf8, in_printable)).subject
    leaf = certificate("server", printable, [(alternative_names(HOST), False)], by="root")
    assert in_printable in der(leaf)[0]
    assert judge(leaf) == (
        "UnknownCA: issuer CN=root is not written as in the certificate of that CA: other types of string"
    )
    shouted = certificate("server", "ROOT", [(alternative_names(HOST), False)], by="root")
    assert judge(shouted) == "UnknownCA: no trusted root for issuer CN=ROOT"


def test_the_right_key_under_another_name_is_no_issuer() -> None:
    impostor = authority("root", "root")
    renamed = certificate("other", "other", [(x509.BasicConstraints(True, None), True)], of="root", by="root")
    assert judge(server("root"), root=impostor) == "good"
    assert judge(server("root"), root=renamed).startswith("UnknownCA")


@needs_openssl
def test_a_certificate_of_version_1_is_unsupported(tmp_path: Path) -> None:
    """RFC 9846 §4.5.1.2 wants X.509v3; this is how many a client certificate is made."""
    (tmp_path / "ca.pem").write_bytes(ROOT.public_bytes(Encoding.PEM))
    secret = key("root").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "ca.key").write_bytes(secret)
    request = ["req", "-newkey", "ed25519", "-nodes", "-keyout", "c.key", "-out", "c.csr", "-subj", "/CN=alice"]
    sign = ["x509", "-req", "-in", "c.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    for command in (request, [*sign, "-outform", "DER", "-out", "c.der"]):
        openssl(tmp_path, *command)
    made = x509.load_der_x509_certificate((tmp_path / "c.der").read_bytes())
    if made.version is not x509.Version.v1:
        pytest.skip("this openssl makes version 3 by default")
    assert judge_client(made) == (
        "UnsupportedCertificate: certificate is of X.509 version 1, where TLS takes version 3"
    )
    with pytest.raises(UnsupportedCertificate):
        TrustStore([made]).verify_client(der(made), NOW)


# -- what a chain may cost ---------------------------------------------------------------------------------


def test_an_rsa_key_that_is_slow_to_verify_with_is_refused_wherever_it_stands() -> None:
    """A modulus is any odd number here: nothing has to be signed to make others compute."""
    numbers = random.Random(1)
    modulus = numbers.getrandbits(3072) | 1 << 3071 | 1
    slow = [
        rsa.RSAPublicNumbers(numbers.getrandbits(3000) | 1, modulus).public_key(),
        rsa.RSAPublicNumbers(65537, numbers.getrandbits(16384) | 1 << 16383 | 1).public_key(),
    ]
    for public_key in slow:
        big = certificate("middle", "root", [(x509.BasicConstraints(True, None), True)], public_key=public_key)
        assert judge(server("middle"), authority("middle", "root"), big) == (
            "UnsupportedCertificate: a certificate of the chain has an RSA key that is too large"
        )
        assert judge(server("middle"), big, root=big).startswith("BadCertificate: the signature under")
        assert "RSA public key" in judge(certificate("server", "root", public_key=public_key))


def test_an_issuer_with_a_key_of_no_known_kind_is_left_aside() -> None:
    odd = der(server("root"))[0]
    point = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
    assert odd.count(point) == 1
    unreadable = x509.load_der_x509_certificate(odd.replace(point, b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x7f"))
    assert judge(server("middle"), unreadable, authority("middle", "root")) == "good"


def test_sixteen_authorities_that_could_all_sign_each_other_end_soon() -> None:
    """Every order of them is a path that leads nowhere: more than any machine can try."""
    loops = [certificate("A", "A", [(x509.BasicConstraints(True, None), True)]) for _ in range(15)]
    assert judge(server("A"), *loops).startswith("UnknownCA")


def test_a_million_comparisons_of_names_with_limits_are_refused() -> None:
    limits = x509.NameConstraints(None, [x509.DNSName(f"x{number}.example.org") for number in range(5000)])
    names = [HOST, *(f"n{number}.example.com" for number in range(5000))]
    refused = judge(server("middle", names=names), authority("middle", "root", (limits, True)))
    assert refused == "BadCertificate: Exceeded maximum name constraint check limit"
