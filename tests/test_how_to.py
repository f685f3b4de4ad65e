"""What the how-to pages say a reader can type does what they say."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from certs import mint
from tls13 import Credential, EarlyDataPolicy, SealedTickets, Server, TLSSocket, connect

PAGES = Path(__file__).parent.parent / "docs" / "how-to"


def python_of(page: str) -> list[str]:
    """The blocks of Python on a page, in their order."""
    return re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture
def credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Credential:
    """A server's, of the PKI that the pages speak of."""
    pki = mint(tmp_path / "pki", names=["localhost"], now=datetime.now(UTC))
    pki.client("ed25519")
    monkeypatch.chdir(tmp_path)
    files = pki.server("ed25519")
    return Credential.load(files.certificate, files.key)


def echo(tls: TLSSocket) -> None:
    if tls.early_data:
        tls.sendall(tls.early_data)
    while data := tls.recv():
        tls.sendall(data)


def test_a_session_goes_on(credential: Credential, capsys: pytest.CaptureFixture[str]) -> None:
    resume, early, server, store = python_of("go-on-with-a-session.md")
    names: dict[str, Any] = {"credential": credential}
    exec(server, names)
    with Server(("127.0.0.1", 0), names["server_config"], echo) as running:
        names["port"] = running.address[1]
        exec(resume, names)
        exec(early, names)
    assert capsys.readouterr().out == "True\naccepted\nb'GET /'\n"
    assert isinstance(names["server_config"].ticket_store, SealedTickets)
    exec(store, names)
    redis = FakeRedis()
    policy = EarlyDataPolicy(replays=names["RedisReplayStore"](redis))
    now = datetime.now(UTC)
    assert [policy.replays.add(each, now, now) for each in (b"a", b"a", b"b")] == [True, False, True]
    assert redis.kept == {b"tls13:a": now, b"tls13:b": now}


class FakeRedis:
    """As much of a Redis client as the page uses."""

    def __init__(self) -> None:
        self.kept: dict[bytes, datetime] = {}

    def set(self, key: bytes, value: bytes, *, nx: bool, pxat: datetime) -> bool | None:
        if nx and key in self.kept:
            return None
        self.kept[key] = pxat
        return True


def test_a_pre_shared_key_is_enough() -> None:
    by_key, *_ = python_of("know-the-other-side.md")
    names: dict[str, Any] = {"secret": bytes(range(32))}
    exec(by_key, names)
    with (
        Server(("127.0.0.1", 0), names["server_config"], echo) as running,
        connect("localhost", running.address[1], names["client_config"], timeout=5) as tls,
    ):
        assert tls.negotiated.psk_identity == b"sensor 17"


def test_a_client_tells_who_it_is_at_once_and_later(credential: Credential) -> None:
    _, certificates, late = python_of("know-the-other-side.md")
    names: dict[str, Any] = {"credential": credential}
    exec(certificates, names)
    exec(late, names)
    for config, heard in (("server_config", [b"1 certificates"]), ("late", [b"tell me", b"1 certificates"])):
        with (
            Server(("127.0.0.1", 0), names[config], names["handler"]) as running,
            connect("localhost", running.address[1], names["client_config"], timeout=5) as tls,
        ):
            for each in heard:
                tls.sendall(b"who am I?")
                assert tls.recv() == each
