"""Go, Java, Node and tlslite-ng, as clients of our server and as servers of our client."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from ours import Dial, Serve, echo, receive, sending
from stacks import ABILITIES, Stack, names

from certs import Flaw, KeyFiles, Pki
from schemas.code_points import AlertDescription, CipherSuite, NamedGroup
from schemas.handshake import KeyUpdate
from tls13 import AlertReceived, Observation, TLSSocket, TruncationError, TrustStore
from tls13.crypto.signatures import SIGNATURES
from tls13.errors import BadCertificate, CertificateExpired, NoApplicationProtocol, NoCommonGroup, UnknownCA
from tls13.events import MessageObserved

MEGABYTE = 2**20


def each(abilities: str) -> pytest.MarkDecorator:
    """A case for each stack and each thing that it has of that kind."""
    cases = [(name, one) for name, all_ in ABILITIES.items() for one in getattr(all_, abilities)]
    ids = [f"{name}-{one.name if isinstance(one, CipherSuite | NamedGroup) else one}" for name, one in cases]
    return pytest.mark.parametrize(("stack_name", abilities.removesuffix("s")), cases, ids=ids)


def every(condition: Callable[[str], bool] = lambda name: True) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("stack_name", [name for name in ABILITIES if condition(name)])


def identity(files: KeyFiles) -> dict[str, Path]:
    return {"cert": files.certificate, "key": files.key}


def talk(tls: TLSSocket, data: bytes = b"hello\n") -> None:
    """Has it echoed, and both sides say that they are done."""
    with sending(tls.sendall, data):
        assert receive(tls, len(data)) == data
    tls.finish()
    assert tls.recv() == b""


@each("suites")
def test_client_and_our_server_use_the_suite(serve: Serve, stack: Stack, pki: Pki, suite: CipherSuite) -> None:
    server = serve(cipher_suites=(suite,))
    stack.connect(server.port, ca=pki.ca, suites=suite.name)
    assert stack.done()["suite"] == suite.name
    negotiated = server.negotiated()
    assert negotiated.cipher_suite is suite
    assert negotiated.server_name == "localhost"
    assert server.ending() is None


@each("suites")
def test_our_client_and_server_use_the_suite(dial: Dial, stack: Stack, pki: Pki, suite: CipherSuite) -> None:
    tls = dial(stack.listen(**identity(pki.server("ecdsa-p256")), suites=suite.name), cipher_suites=(suite,))
    talk(tls)
    told = stack.done()
    assert told["suite"] == suite.name
    assert told["name"] == "localhost"
    assert tls.negotiated.cipher_suite is suite


@each("groups")
def test_client_and_our_server_use_the_group(serve: Serve, stack: Stack, pki: Pki, group: NamedGroup) -> None:
    server = serve(groups=(group,))
    stack.connect(server.port, ca=pki.ca, groups=group.name)
    told = stack.done()
    if stack.abilities.tells_group:
        assert told["group"].lower() == group.name.lower()
    assert server.negotiated().group is group
    assert server.ending() is None


@each("groups")
def test_our_client_and_server_use_the_group(dial: Dial, stack: Stack, pki: Pki, group: NamedGroup) -> None:
    files = identity(pki.server("ecdsa-p256"))
    tls = dial(stack.listen(**files, groups=group.name), groups=(group,))
    talk(tls)
    stack.done()
    assert tls.negotiated.group is group
    assert not tls.negotiated.retried


@each("key_types")
def test_client_believes_our_certificate(serve: Serve, stack: Stack, pki: Pki, key_type: str) -> None:
    server = serve(key_type)
    stack.connect(server.port, ca=pki.ca)
    assert stack.done()["peer"] == digest(TrustStore.load(pki.server(key_type).certificate).roots[0])
    assert server.ending() is None


@each("key_types")
def test_our_client_believes_the_certificate(dial: Dial, stack: Stack, pki: Pki, key_type: str) -> None:
    tls = dial(stack.listen(**identity(pki.server(key_type))), signature_schemes=tuple(SIGNATURES))
    talk(tls)
    stack.done()
    assert len(tls.negotiated.peer_certificates) == 2


def digest(certificate: bytes) -> str:
    return hashlib.sha256(certificate).hexdigest()


@each("suites")
def test_client_is_asked_again(serve: Serve, stack: Stack, pki: Pki, suite: CipherSuite) -> None:
    server = serve(groups=(NamedGroup.secp384r1,), cipher_suites=(suite,))
    groups = (NamedGroup.x25519, NamedGroup.secp384r1)
    stack.connect(server.port, ca=pki.ca, suites=suite.name, groups=names(groups))
    stack.done()
    negotiated = server.negotiated()
    assert negotiated.retried
    assert negotiated.group is NamedGroup.secp384r1


@each("suites")
def test_our_client_is_asked_again(dial: Dial, stack: Stack, pki: Pki, suite: CipherSuite) -> None:
    server = stack.listen(**identity(pki.server("ecdsa-p256")), suites=suite.name, groups="secp384r1")
    tls = dial(server, cipher_suites=(suite,), groups=(NamedGroup.x25519, NamedGroup.secp384r1), key_shares=0)
    talk(tls)
    stack.done()
    assert tls.negotiated.retried
    if stack.abilities.chooses_groups:
        assert tls.negotiated.group is NamedGroup.secp384r1


@pytest.mark.parametrize("stack_name", ["go"])
def test_defaults_of_client_and_our_server_lead_to_the_hybrid(serve: Serve, stack: Stack, pki: Pki) -> None:
    server = serve()
    stack.connect(server.port, ca=pki.ca)
    assert stack.done()["group"] == "X25519MLKEM768"
    assert not server.negotiated().retried


@pytest.mark.parametrize("stack_name", ["go"])
def test_defaults_of_our_client_and_server_lead_to_the_hybrid(dial: Dial, stack: Stack, pki: Pki) -> None:
    tls = dial(stack.listen(**identity(pki.server("ecdsa-p256"))))
    talk(tls)
    assert stack.done()["group"] == "X25519MLKEM768"
    assert not tls.negotiated.retried


@every()
def test_application_protocol_is_agreed_on_with_the_client(serve: Serve, stack: Stack, pki: Pki) -> None:
    server = serve(application_protocols=("http/1.1", "h2"))
    stack.connect(server.port, ca=pki.ca, alpn="h2,http/1.1")
    assert stack.done()["alpn"] == "http/1.1"
    assert server.negotiated().application_protocol == "http/1.1"


@every()
def test_application_protocol_is_agreed_on_with_the_server(dial: Dial, stack: Stack, pki: Pki) -> None:
    server = stack.listen(**identity(pki.server("ecdsa-p256")), alpn="http/1.1")
    tls = dial(server, application_protocols=("h2", "http/1.1"))
    talk(tls)
    assert stack.done()["alpn"] == "http/1.1"
    assert tls.negotiated.application_protocol == "http/1.1"


@every()
def test_client_without_a_common_application_protocol_is_refused(serve: Serve, stack: Stack, pki: Pki) -> None:
    server = serve(application_protocols=("foo",))
    stack.connect(server.port, ca=pki.ca, alpn="h2")
    stack.failed()
    assert isinstance(server.ending(), NoApplicationProtocol)


@every(lambda name: ABILITIES[name].refuses_protocols)
def test_server_without_a_common_application_protocol_refuses_us(dial: Dial, stack: Stack, pki: Pki) -> None:
    server = stack.listen(**identity(pki.server("ecdsa-p256")), alpn="foo")
    with pytest.raises(AlertReceived) as refusal:
        dial(server, application_protocols=("h2",))
    assert refusal.value.alert is AlertDescription.no_application_protocol
    stack.failed()


@every()
def test_client_is_served_by_name(serve: Serve, stack: Stack, pki: Pki) -> None:
    server = serve(require_server_name=True)
    stack.connect(server.port, ca=pki.ca, name="other.test")
    stack.failed()
    stack.connect(server.port, ca=pki.ca, name="localhost")
    stack.done()
    assert server.negotiated().server_name == "localhost"


@every()
def test_much_of_the_client_comes_back_whole(serve: Serve, stack: Stack, pki: Pki) -> None:
    server = serve()
    stack.connect(server.port, ca=pki.ca, size=stack.abilities.much)
    stack.done()
    assert server.ending() is None


@every()
def test_much_of_ours_comes_back_whole(
    dial: Dial, stack: Stack, pki: Pki, random_bytes: Callable[[int], bytes]
) -> None:
    talk(dial(stack.listen(**identity(pki.server("ecdsa-p256")))), random_bytes(stack.abilities.much))
    stack.done()


@every(lambda name: ABILITIES[name].verifies)
def test_client_that_knows_another_issuer_refuses_us(serve: Serve, stack: Stack, strangers_ca: Path) -> None:
    server = serve()
    stack.connect(server.port, ca=strangers_ca)
    stack.failed()
    ending = server.ending()
    # Node looks at the certificate when the handshake is over for it, and just leaves.
    assert isinstance(ending, TruncationError if stack.name == "node" else AlertReceived)


@every()
def test_server_of_another_issuer_is_refused(dial: Dial, stack: Stack, pki: Pki, strangers_ca: Path) -> None:
    server = stack.listen(**identity(pki.server("ecdsa-p256")))
    with pytest.raises(UnknownCA):
        dial(server, trust=TrustStore.load(strangers_ca))
    stack.failed()


@every()
@pytest.mark.parametrize(
    ("flaw", "reason"),
    [(Flaw.EXPIRED, CertificateExpired), (Flaw.WRONG_NAME, BadCertificate)],
    ids=["expired", "wrong name"],
)
def test_flawed_certificate_is_refused(dial: Dial, stack: Stack, pki: Pki, flaw: Flaw, reason: type[Exception]) -> None:
    server = stack.listen(**identity(pki.flawed(flaw)))
    with pytest.raises(reason):
        dial(server)
    stack.failed()


@every()
def test_client_without_a_common_group_is_refused(serve: Serve, stack: Stack, pki: Pki) -> None:
    # What Java offers is fixed; there is one hybrid that it has not.
    ours = (NamedGroup.secp521r1,) if stack.abilities.chooses_groups else (NamedGroup.SecP384r1MLKEM1024,)
    server = serve(groups=ours)
    stack.connect(server.port, ca=pki.ca, groups="secp256r1,x25519")
    stack.failed()
    assert isinstance(server.ending(), NoCommonGroup)


@every()
def test_server_without_a_common_group_refuses_us(dial: Dial, stack: Stack, pki: Pki) -> None:
    server = stack.listen(**identity(pki.server("ecdsa-p256")), groups="secp256r1")
    ours = NamedGroup.secp384r1 if stack.abilities.chooses_groups else NamedGroup.SecP384r1MLKEM1024
    with pytest.raises(AlertReceived) as refusal:
        dial(server, groups=(ours,))
    # Java says unexpected_message, where RFC 9846 §4.2.1 wants handshake_failure.
    assert refusal.value.alert in (AlertDescription.handshake_failure, AlertDescription.unexpected_message)
    stack.failed()


@every(lambda name: ABILITIES[name].exports)
@pytest.mark.parametrize("suite", [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384])
def test_client_exports_what_our_server_exports(serve: Serve, stack: Stack, pki: Pki, suite: CipherSuite) -> None:
    exported: list[bytes] = []

    def export(tls: TLSSocket) -> None:
        exported.append(tls.export_keying_material(b"EXPORTER-test", 32, context_of(stack).encode()))
        while data := tls.recv():
            tls.sendall(data)

    server = serve(handler=export, cipher_suites=(suite,))
    stack.connect(server.port, ca=pki.ca, export="EXPORTER-test", context=context_of(stack))
    assert stack.done()["exported"] == exported[0].hex()


@every(lambda name: ABILITIES[name].exports)
@pytest.mark.parametrize("suite", [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384])
def test_server_exports_what_our_client_exports(dial: Dial, stack: Stack, pki: Pki, suite: CipherSuite) -> None:
    server = stack.listen(**identity(pki.server("ecdsa-p256")), export="EXPORTER-test", context=context_of(stack))
    tls = dial(server, cipher_suites=(suite,))
    exported = tls.export_keying_material(b"EXPORTER-test", 32, context_of(stack).encode())
    talk(tls)
    assert stack.done()["exported"] == exported.hex()


def context_of(stack: Stack) -> str:
    """What the keying material is for; tlslite-ng exports it without."""
    return "" if stack.name == "tlslite" else "context"


@every()
@pytest.mark.parametrize("request_peer", [False, True], ids=["alone", "and asks for its"])
def test_server_follows_our_key_updates(dial: Dial, stack: Stack, pki: Pki, request_peer: bool) -> None:
    tls = dial(stack.listen(**identity(pki.server("ecdsa-p256"))))
    for _ in range(3):
        tls.update_keys(request_peer=request_peer)
        tls.sendall(b"hello\n")
        assert tls.recv() == b"hello\n"
    talk(tls)
    stack.done()


@every()
@pytest.mark.parametrize("request_peer", [False, True], ids=["alone", "and asks for its"])
def test_client_follows_our_key_updates(serve: Serve, stack: Stack, pki: Pki, request_peer: bool) -> None:
    def echo_with_new_keys(tls: TLSSocket) -> None:
        for _ in range(2):
            data = tls.recv()
            tls.update_keys(request_peer=request_peer)
            tls.sendall(data)
        echo(tls)

    server = serve(handler=echo_with_new_keys)
    stack.connect(server.port, ca=pki.ca, rounds=3)
    stack.done()
    assert server.ending() is None


@pytest.mark.parametrize("stack_name", ["tlslite"])
@pytest.mark.parametrize(("update", "ours"), [(0, 0), (1, 3)], ids=["alone", "and asks for ours"])
def test_client_updates_its_keys(serve: Serve, stack: Stack, pki: Pki, update: int, ours: int) -> None:
    updates: list[bool] = []
    server = serve(observer=key_updates_into(updates))
    stack.connect(server.port, ca=pki.ca, update=update, rounds=3)
    stack.done()
    assert server.ending() is None
    assert [updates.count(False), updates.count(True)] == [3, ours]


@pytest.mark.parametrize("stack_name", ["tlslite"])
@pytest.mark.parametrize(("update", "ours"), [(0, 0), (1, 3)], ids=["alone", "and asks for ours"])
def test_server_updates_its_keys(dial: Dial, stack: Stack, pki: Pki, update: int, ours: int) -> None:
    updates: list[bool] = []
    server = stack.listen(**identity(pki.server("ecdsa-p256")), update=update)
    tls = dial(server, observer=key_updates_into(updates))
    for _ in range(2):
        tls.sendall(b"hello\n")
        assert tls.recv() == b"hello\n"
    talk(tls)
    stack.done()
    assert [updates.count(False), updates.count(True)] == [3, ours]


@pytest.mark.parametrize("stack_name", ["java"])
def test_client_updates_both_sides_keys_after_much_data(serve: Serve, stack: Stack, pki: Pki) -> None:
    updates: list[bool] = []
    server = serve(observer=key_updates_into(updates))
    stack.connect(server.port, ca=pki.ca, size=MEGABYTE)
    stack.done()
    assert server.ending() is None
    assert set(updates) == {False, True}


@pytest.mark.parametrize("stack_name", ["java"])
def test_server_updates_both_sides_keys_after_much_data(
    dial: Dial, stack: Stack, pki: Pki, random_bytes: Callable[[int], bytes]
) -> None:
    updates: list[bool] = []
    tls = dial(stack.listen(**identity(pki.server("ecdsa-p256"))), observer=key_updates_into(updates))
    talk(tls, random_bytes(MEGABYTE))
    stack.done()
    assert set(updates) == {False, True}


def key_updates_into(updates: list[bool]) -> Callable[[Observation], None]:
    """An observer that notes of each KeyUpdate whether we sent it."""

    def watch(observation: Observation) -> None:
        if isinstance(observation, MessageObserved) and isinstance(observation.message, KeyUpdate):
            updates.append(observation.sent)

    return watch
