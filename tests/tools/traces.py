"""RFC 8448 §3 as what the tests of the commands read: a capture, and its key log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path

from tls13.capture import CaptureWriter, Direction, Endpoint

CLIENT, SERVER = Endpoint("192.0.2.1", 50000), Endpoint("192.0.2.2", 443)
SECRETS = {
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET": "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET": "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
    "CLIENT_TRAFFIC_SECRET_0": "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
    "SERVER_TRAFFIC_SECRET_0": "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
}
RANDOM = "cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7"
KEY_LOG = "".join(f"{label} {RANDOM} {secret}\n" for label, secret in SECRETS.items())
RECORDS = (
    ("client", "record_client_hello_1"),
    ("server", "record_server_hello"),
    ("server", "record_server_handshake_messages"),
    ("client", "record_client_finished"),
    ("server", "record_new_session_ticket"),
    ("client", "record_client_app_data"),
    ("server", "record_server_app_data"),
    ("client", "record_client_close_notify"),
    ("server", "record_server_close_notify"),
)


def write(path: Path, trace: Mapping[str, bytes]) -> Path:
    """The capture of one connection that says those records."""
    return capture_of(path, [(direction, trace[name]) for direction, name in RECORDS])


def capture_of(path: Path, sent: Iterable[tuple[str, bytes]]) -> Path:
    """The capture of one connection, at quarters of a second; the senders as in `RECORDS`."""
    ticks = count()
    with (
        CaptureWriter(path, clock=lambda: 1_700_000_000 + next(ticks) / 4) as writer,
        writer.open(CLIENT, SERVER) as recording,
    ):
        for direction, data in sent:
            recording.sent(Direction(direction), data)
    return path
