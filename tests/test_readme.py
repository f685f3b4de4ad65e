"""What the README says a reader can type does what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certs import mint
from schemas.extensions import KeyShareEntry
from schemas.handshake import ClientHello, Handshake
from tls13 import ClientConfig, Connection, NoVerification

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
SHELL = re.findall(
    r"^(tls13 .*?)(?:  +#.*)?$", "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)), re.MULTILINE
)


def block(words: str) -> str:
    (found,) = (each for each in PYTHON if words in each)
    return found


def test_the_client_and_the_server_talk(tmp_path: Path) -> None:
    mint(tmp_path / "pki", names=["localhost"], now=datetime.now(UTC)).server("ecdsa-p256")
    done = subprocess.run(
        [sys.executable, "-c", block("with Server(")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "b'hello' TLS_AES_128_GCM_SHA256\n"


def test_the_engine_is_driven_by_hand() -> None:
    names = {"ClientConfig": ClientConfig, "Connection": Connection, "trust": NoVerification(), "received": b""}
    exec(block("data_to_send"), names)
    assert isinstance(names["wire"], bytes)
    assert names["wire"][:1] == b"\x16"


def test_the_schemas_stand_on_their_own() -> None:
    connection = Connection.client(ClientConfig(trust=NoVerification()), "localhost")
    hello = connection.data_to_send()[5:]
    names = {"data": hello}
    exec(block("craft(hello)"), names)
    at = Handshake.parse(hello).build().index(ClientHello.parse(hello[4:]).legacy_session_id)
    assert names["malformed"] == hello[: at - 1] + bytes([40]) + hello[at:]


def test_the_declaration_is_the_one_there_is() -> None:
    shown = block("class KeyShareEntry")
    for name, schema, doc in KeyShareEntry.schema.fields:
        assert f'"{doc}"' in shown, name
        assert schema.notation()
    assert (KeyShareEntry.__doc__ or "") in shown


@pytest.mark.parametrize("line", SHELL)
def test_a_command_takes_the_options_it_is_shown_with(line: str) -> None:
    command, *words = shlex.split(line.replace("…", ""))
    shown = subprocess.run(
        [sys.executable, "-m", command, words[0], "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    for word in words:
        if word.startswith("--"):
            assert word in shown.stdout
