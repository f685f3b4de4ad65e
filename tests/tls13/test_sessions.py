"""Sessions on the client's side, in memory and in files; the stores that servers take tickets from. RFC 9846 §4.7.1"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import pytest
from endpoints import Endpoints
from modes import Clock, configs, repeating, resumable
from scripted import MINTED

from certs import Pki
from schemas import stored
from schemas.code_points import CipherSuite, ProtocolVersion
from schemas.stored import TicketState
from tls13.connection import Connection
from tls13.early_data import MemoryReplayStore
from tls13.errors import ConfigurationError
from tls13.sealing import SealingKeys
from tls13.sessions import MemoryTickets, SealedTickets, Session, TicketStore

ROOT = Path(__file__).resolve().parents[2]
NOW_MS = int(MINTED.timestamp() * 1000)


def session(**changes: Any) -> Session:
    state = stored.Session(
        cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
        resumption_psk=bytes(range(32)),
        ticket=b"ticket",
        creation_time=NOW_MS,
        ticket_lifetime=3600,
        ticket_age_add=0xFFFFFF00,
        max_early_data_size=1000,
        server_name=b"localhost",
        alpn=b"h2",
        peer_certificates=[b"leaf", b"issuer"],
    )
    return Session(replace(state, **changes))


def state(**changes: Any) -> TicketState:
    issued = TicketState(
        cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
        resumption_psk=bytes(range(32)),
        creation_time=NOW_MS,
        authentication_time=NOW_MS,
        ticket_lifetime=3600,
        ticket_age_add=1,
        application_data=b"of the application",
    )
    return replace(issued, **changes)


# Sessions


def test_a_session_tells_what_it_is_of() -> None:
    each = session()
    assert each.server_name == "localhost"
    assert each.application_protocol == "h2"
    assert each.peer_certificates == (b"leaf", b"issuer")
    assert each.expires == MINTED + timedelta(hours=1)
    assert session(alpn=b"").application_protocol is None


def test_a_session_does_not_show_its_key() -> None:
    assert repr(session()) == "Session('localhost', TLS_AES_128_GCM_SHA256, expires 2031-05-17 13:30:00 UTC)"


def test_a_session_lives_from_when_it_came_until_its_lifetime_is_over() -> None:
    each = session()
    millisecond = timedelta(milliseconds=1)
    assert not each.is_live(MINTED - millisecond)
    assert each.is_live(MINTED)
    assert each.is_live(MINTED + timedelta(hours=1) - millisecond)
    assert not each.is_live(MINTED + timedelta(hours=1))


def test_the_age_is_obfuscated_modulo_2_to_the_32() -> None:
    assert session().obfuscated_ticket_age(MINTED) == 0xFFFFFF00
    assert session().obfuscated_ticket_age(MINTED + timedelta(milliseconds=255)) == 0xFFFFFFFF
    assert session().obfuscated_ticket_age(MINTED + timedelta(milliseconds=256)) == 0
    assert session().obfuscated_ticket_age(MINTED + timedelta(seconds=1)) == 1000 - 256


def test_the_key_of_a_session_is_for_the_hash_of_its_suite() -> None:
    psk = session().psk
    assert (psk.identity, psk.key, psk.hash_name, psk.binder_label) == (
        b"ticket",
        bytes(range(32)),
        "sha256",
        b"res binder",
    )
    assert psk.early_data is not None
    assert (psk.early_data.max_size, psk.early_data.application_protocol) == (1000, "h2")
    other = session(cipher_suite=CipherSuite.TLS_AES_256_GCM_SHA384, max_early_data_size=0).psk
    assert (other.hash_name, other.early_data) == ("sha384", None)


# In a file


def test_a_session_is_the_same_after_it_was_saved_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "session"
    session().save(path)
    assert Session.load(path) == session()
    assert Session.load(str(path)) == session()
    assert path.read_bytes().startswith(b"tls13 session\n")


def test_only_its_owner_may_read_the_file_and_it_replaces_another_whole(tmp_path: Path) -> None:
    path = tmp_path / "session"
    path.write_bytes(b"older")
    path.chmod(0o644)
    session().save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["session"]


def test_a_file_that_is_damaged_at_any_byte_is_refused() -> None:
    built = session().build()
    for at in range(len(built)):
        for change in (0x01, 0x80, 0xFF):
            damaged = built[:at] + bytes([built[at] ^ change]) + built[at + 1 :]
            with pytest.raises(ConfigurationError):
                Session.parse(damaged)


def test_a_file_that_is_cut_anywhere_or_too_long_is_refused() -> None:
    built = session().build()
    for end in range(len(built)):
        with pytest.raises(ConfigurationError):
            Session.parse(built[:end])
    with pytest.raises(ConfigurationError):
        Session.parse(built + b"\0")


def with_digest(content: bytes) -> bytes:
    """The file with this content, its digest right."""
    return content + b"\x20" + hashlib.sha256(content).digest()


def test_the_digest_is_sha_256_over_all_before_it() -> None:
    built = session().build()
    assert with_digest(built[:-33]) == built


def test_another_version_of_the_file_is_refused_though_its_digest_is_right() -> None:
    built = session().build()
    magic = len(b"tls13 session\n")
    assert built[magic : magic + 2] == b"\0\1"
    with pytest.raises(ConfigurationError):
        Session.parse(with_digest(built[:magic] + b"\0\2" + built[magic + 2 : -33]))


@pytest.mark.parametrize(
    "changes",
    [
        {"version": ProtocolVersion.TLS12},
        {"cipher_suite": CipherSuite(0x1399)},
        {"cipher_suite": CipherSuite.TLS_AES_256_GCM_SHA384},
        {"resumption_psk": bytes(31)},
        {"resumption_psk": bytes(1)},
        {"ticket_lifetime": 604801},
        {"creation_time": 2**64 - 1},
    ],
    ids=str,
)
def test_a_session_that_no_connection_can_have_had_is_refused_though_its_digest_is_right(
    changes: dict[str, object],
) -> None:
    with pytest.raises(ConfigurationError):
        Session.parse(session(**changes).build())


def test_files_that_are_not_there_or_something_else_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no session")
    (tmp_path / "empty").touch()
    for name in ("text", "empty", "missing", "."):
        with pytest.raises(ConfigurationError, match=str(tmp_path)):
            Session.load(tmp_path / name)


def test_a_session_is_not_saved_where_it_can_t_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be written"):
        session().save(tmp_path / "missing" / "session")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError, match="can't be written"):
        session().save(tmp_path / "folder")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


CLIENT = """
import sys
from datetime import datetime
from tls13.config import ClientConfig
from tls13.connection import Connection
from tls13.sessions import Session
from tls13.x509.trust import TrustStore
path, ca, now = sys.argv[1:]
config = ClientConfig(trust=TrustStore.load(ca), clock=lambda: datetime.fromisoformat(now))
client = Connection.client(config, "localhost", Session.load(path))
while True:
    print(client.data_to_send().hex(), flush=True)
    if client.negotiated is not None:
        break
    client.receive_data(bytes.fromhex(sys.stdin.readline()))
print(client.negotiated.resumed)
"""


def test_a_session_goes_on_in_another_process(endpoints: Endpoints, pki: Pki, tmp_path: Path) -> None:
    watch = Clock()
    client_config, server_config = configs(endpoints, watch)
    path = tmp_path / "session"
    resumable(client_config, server_config).save(path)
    arguments = [sys.executable, "-c", CLIENT, str(path), str(pki.ca), watch().isoformat()]
    server = Connection.server(server_config)
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ}
    ) as process:
        to_child, from_child = pipes(process)
        server.receive_data(bytes.fromhex(from_child.readline()))
        to_child.write(server.data_to_send().hex() + "\n")
        to_child.flush()
        server.receive_data(bytes.fromhex(from_child.readline()))
        assert from_child.readline() == "True\n"
    assert process.returncode == 0
    assert server.negotiated is not None
    assert server.negotiated.resumed


def pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


# Stores


def stores() -> list[TicketStore]:
    return [SealedTickets(), MemoryTickets(), SealedTickets(spent=MemoryReplayStore()), MemoryTickets(single_use=False)]


@pytest.mark.parametrize("store", stores(), ids=["sealed", "memory", "sealed once", "memory often"])
def test_a_store_finds_what_it_issued_until_its_lifetime_is_over(store: TicketStore) -> None:
    ticket = store.issue(state(), MINTED, repeating(b"1"))
    other = store.issue(state(application_data=b"other"), MINTED, repeating(b"2"))
    assert store.find(ticket, MINTED) == state()
    assert store.find(other, MINTED) == state(application_data=b"other")
    assert store.find(ticket, MINTED + timedelta(seconds=3599, milliseconds=999)) == state()
    assert store.find(ticket, MINTED - timedelta(milliseconds=1)) is None
    assert store.find(other, MINTED + timedelta(hours=1)) is None
    assert store.find(b"another's", MINTED) is None
    assert store.find(b"", MINTED) is None


@pytest.mark.parametrize(
    ("store", "times"),
    [
        (SealedTickets(), 3),
        (MemoryTickets(single_use=False), 3),
        (SealedTickets(spent=MemoryReplayStore()), 1),
        (MemoryTickets(), 1),
    ],
    ids=["sealed", "memory often", "sealed once", "memory"],
)
def test_a_ticket_is_spent_once_or_often(store: TicketStore, times: int) -> None:
    ticket = store.issue(state(), MINTED, repeating(b"1"))
    other = store.issue(state(), MINTED, repeating(b"2"))
    assert [store.spend(ticket, MINTED) for _ in range(3)].count(True) == times
    assert store.spend(other, MINTED)


def test_a_sealed_ticket_tells_nobody_else_anything() -> None:
    ticket = SealedTickets().issue(state(), MINTED, repeating(b"1"))
    assert bytes(range(8)) not in ticket
    assert b"application" not in ticket
    assert SealedTickets().find(ticket, MINTED) is None


def test_sealed_tickets_are_good_across_rotations_and_servers_that_share_keys() -> None:
    keys = SealingKeys(rotation=timedelta(minutes=10), overlap=timedelta(hours=1))
    one, other = SealedTickets(keys), SealedTickets(keys)
    ticket = one.issue(state(), MINTED, repeating(b"1"))
    later = MINTED + timedelta(minutes=55)
    newer = one.issue(state(creation_time=NOW_MS + 55 * 60_000), later, repeating(b"2"))
    assert ticket[:16] != newer[:16]
    assert other.find(ticket, later) == state()
    assert other.find(newer, later) is not None
    assert other.find(newer, later + timedelta(minutes=50)) is not None


def test_memory_tickets_are_names_of_32_bytes_from_the_random_source() -> None:
    assert MemoryTickets().issue(state(), MINTED, lambda length: b"\7" * length) == b"\7" * 32


def test_the_oldest_tickets_give_way_when_the_memory_is_full() -> None:
    store = MemoryTickets(capacity=3)
    random = repeating(b"1")
    tickets = [store.issue(state(), MINTED, random) for _ in range(5)]
    assert [store.find(each, MINTED) is not None for each in tickets] == [False, False, True, True, True]
    assert len(store) == 3


def test_tickets_that_are_over_are_forgotten_when_they_are_asked_for() -> None:
    store = MemoryTickets()
    ticket = store.issue(state(), MINTED, repeating(b"1"))
    assert store.find(ticket, MINTED + timedelta(hours=2)) is None
    assert len(store) == 0


def test_a_store_for_no_tickets_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        MemoryTickets(capacity=0)


def test_a_ticket_of_another_version_of_the_server_is_none() -> None:
    keys = SealingKeys()
    future = keys.seal(b"tls13 ticket", b"\0\2 what is to come", MINTED, repeating(b"1"))
    assert SealedTickets(keys).find(future, MINTED) is None
