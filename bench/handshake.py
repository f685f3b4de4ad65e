"""`python -m bench.handshake`: whole handshakes, both ends in one process, beside other libraries and the floor.

Exit status 1 where a goal is missed.
"""

from __future__ import annotations

import sys
from functools import partial

from cryptography import x509
from rich.console import Console

from bench.comparison import Comparison, Ratio, table
from bench.contenders import PEERS, Task, installed
from bench.in_memory import OpenSSL, configs, connected, pki, session_of, tlslite_handshake
from bench.primitives import cryptography_of_a_handshake
from bench.race import race
from schemas.code_points import SignatureScheme

TITLE = "Handshakes over memory, X25519"
ROUNDS = 200
FULL, ED25519, RESUMPTION = "handshake, RSA-2048", "handshake, Ed25519", "resumption, psk_dhe_ke"
CRYPTOGRAPHY = "its cryptography alone"
OPENSSL, TLSLITE = "OpenSSL, RSA-2048", f"{PEERS['tlslite']}, RSA-2048"

GOALS: list[tuple[str, str, Ratio, float | None]] = [
    (FULL, CRYPTOGRAPHY, Ratio.OVERHEAD, 0.60),
    (RESUMPTION, FULL, Ratio.RATE, 2),
    (RESUMPTION, ED25519, Ratio.RATE, None),
    (FULL, TLSLITE, Ratio.RATE, 5),
    (FULL, OPENSSL, Ratio.TIME, None),
    (ED25519, OPENSSL, Ratio.TIME, 1.5),
]
"""What is compared with what, how, and how much is wanted."""


def tasks() -> dict[str, Task]:
    """Ours, and the floor under them."""
    client, server = configs("rsa")
    authority = x509.load_pem_x509_certificate(pki().ca.read_bytes())
    scheme = SignatureScheme.rsa_pss_rsae_sha256
    return {
        FULL: partial(connected, client, server),
        ED25519: partial(connected, *configs("ed25519")),
        RESUMPTION: partial(connected, client, server, session_of(client, server)),
        CRYPTOGRAPHY: cryptography_of_a_handshake(server.credentials[0], scheme, authority),
    }


def peers() -> dict[str, Task]:
    """The others that are installed."""
    found: dict[str, Task] = {OPENSSL: OpenSSL("rsa").handshake}
    if installed("tlslite"):
        found[TLSLITE] = tlslite_handshake("rsa")
    return found


def results() -> list[Comparison]:
    """Measured now: ours all in one race, and each again with each peer, so that none waits for a slow one."""
    ours, others = tasks(), peers()
    together = race(ours, ROUNDS)
    found = []
    for what, beside, ratio, goal in GOALS:
        if beside in others:
            seconds = race({what: ours[what], beside: others[beside]}, ROUNDS // 4)
        elif beside in ours:
            seconds = together
        else:
            continue
        found.append(
            Comparison(what=what, ours=seconds[what], beside=beside, theirs=seconds[beside], ratio=ratio, goal=goal)
        )
    return found


def main() -> int:
    measured = results()
    Console(width=None if sys.stdout.isatty() else 100).print(table(TITLE, measured))
    return 0 if all(each.reached for each in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
