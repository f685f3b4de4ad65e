"""`python -m bench.bulk`: application data both ways over memory, all in one thread, beside other libraries.

Exit status 1 where a goal is missed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt, crypto_aead_chacha20poly1305_ietf_encrypt
from rich.console import Console

from bench.comparison import Comparison, Ratio, table
from bench.contenders import Task
from bench.in_memory import OpenSSL, our_bulk
from bench.race import race
from schemas.code_points import CipherSuite
from schemas.record import MAX_PLAINTEXT

AES_128 = CipherSuite.TLS_AES_128_GCM_SHA256
CHACHA20 = CipherSuite.TLS_CHACHA20_POLY1305_SHA256
BULK = "256 KiB at a time"
AMOUNTS: Mapping[str, int] = {BULK: 2**18, "a record at a time": MAX_PLAINTEXT}
"""How much is sent before it is received. The goals are for bulk."""

TITLE = "Application data both ways over memory"
ROUNDS, LAP = 40, 0.005

# `ssl` has no way to choose a suite of TLS 1.3, but its OpenSSL reads this before anything else.
OPENSSL_CONFIG = f"""\
openssl_conf = everything
[everything]
ssl_conf = programs
[programs]
system_default = suites
[suites]
Ciphersuites = {AES_128.name}
"""


def pynacl(data: bytes) -> Task:
    """The same records sealed and opened by PyNaCl, which is what the data costs without TLS."""
    key, nonce, header = bytes(32), bytes(12), bytes(5)
    records = [data[start : start + MAX_PLAINTEXT] + b"\x17" for start in range(0, len(data), MAX_PLAINTEXT)]

    def task() -> None:
        for _ in ("to the server", "to the client"):
            sealed = [crypto_aead_chacha20poly1305_ietf_encrypt(each, header, nonce, key) for each in records]
            for each in sealed:
                crypto_aead_chacha20poly1305_ietf_decrypt(each, header, nonce, key)

    return task


def seconds() -> dict[str, dict[str, float]]:
    """Of each amount what each takes to carry it to the server and back. For a process with OPENSSL_CONFIG."""
    openssl = OpenSSL("ed25519")
    return {
        name: race(
            {
                "ours, AES-128": our_bulk(AES_128, data),
                "OpenSSL": openssl.bulk(AES_128, data),
                "ours, ChaCha20": our_bulk(CHACHA20, data),
                "PyNaCl": pynacl(data),
            },
            ROUNDS,
            LAP,
        )
        for name, data in ((name, os.urandom(amount)) for name, amount in AMOUNTS.items())
    }


def measured_apart() -> dict[str, dict[str, float]]:
    """`seconds`, in a process whose OpenSSL has read OPENSSL_CONFIG."""
    with tempfile.TemporaryDirectory(prefix="tls13-bench-") as folder:
        config = Path(folder, "openssl.cnf")
        config.write_text(OPENSSL_CONFIG)
        done = subprocess.run(
            [sys.executable, "-c", "import json; from bench.bulk import seconds; print(json.dumps(seconds()))"],
            check=True,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENSSL_CONF": str(config)},
        )
    found: dict[str, dict[str, float]] = json.loads(done.stdout)
    return found


def comparisons(measured: Mapping[str, Mapping[str, float]]) -> list[Comparison]:
    """What the times say, for bulk against a goal."""
    return [
        Comparison(
            what=f"{suite}, {amount}",
            ours=seconds[ours],
            beside=beside,
            theirs=seconds[beside],
            ratio=Ratio.RATE,
            goal=goal if amount == BULK else None,
        )
        for suite, ours, beside, goal in (
            ("AES-128-GCM", "ours, AES-128", "OpenSSL", 0.5),
            ("ChaCha20-Poly1305", "ours, ChaCha20", "PyNaCl", 0.75),
        )
        for amount, seconds in measured.items()
    ]


def results() -> list[Comparison]:
    """Measured now."""
    return comparisons(measured_apart())


def main() -> int:
    measured = results()
    Console(width=None if sys.stdout.isatty() else 100).print(table(TITLE, measured))
    return 0 if all(each.reached for each in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
