"""What fuzzing starts from: the bytes typed into tests/vectors, those of RFC 8448 among them, and whole captures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from targets import SCHEMAS, for_schema

from schemas import Node
from schemas.code_points import ExtensionType
from schemas.extension_block import ROWS
from schemas.vocabulary import node

TESTS = Path(__file__).resolve().parents[1]


def schema_seeds() -> Iterator[bytes]:
    """Every typed example, an extension's body within the block of the message that it is for."""
    sys.path.insert(0, str(TESTS / "vectors"))
    names = {id(schema): name for name, schema in SCHEMAS.items()}
    for example in examples():
        schema = node(example.schema)
        if id(schema) in names:
            yield for_schema(names[id(schema)], example.data)
        for message, extension_type in placed(schema, example.name):
            extension = int(extension_type).to_bytes(ExtensionType.width, "big") + behind_length(example.data)
            yield for_schema(f"extensions of {message}", behind_length(extension))


def examples() -> Iterator[Any]:
    """Whatever stands in a list of a module of the vectors and is one."""
    kind = import_module("annotated").Example
    for path in sorted((TESTS / "vectors").glob("wire_*.py")):
        for group in vars(import_module(path.stem)).values():
            yield from (each for each in group if isinstance(each, kind)) if isinstance(group, list) else ()


def placed(schema: Node[Any], name: str) -> Iterator[tuple[str, ExtensionType]]:
    """The messages in which the extension that the example's name starts with has this body."""
    for row in ROWS.values():
        if name.startswith(f"{row.extension_type} "):
            yield from ((message, row.extension_type) for message, body in row.bodies.items() if body.schema is schema)


def behind_length(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def capture_seeds() -> Iterator[bytes]:
    """A TLS 1.3 connection as pcap, and as pcapng with its secrets inside, so that it is decrypted."""
    sys.path.insert(0, str(TESTS / "tls13" / "capture"))
    made = import_module("made_captures")
    talk = made.Talk()
    talk.hellos()
    talk.rest_of_handshake()
    talk.say(made.CLIENT, b"ping")
    talk.update(made.CLIENT, "CLIENT_TRAFFIC_SECRET_0")
    talk.say(made.SERVER, b"pong")
    segments = talk.wire.close().segments
    yield made.pcap_of(segments)
    packets = [made.enhanced(number, made.datagram(each)) for number, each in enumerate(segments)]
    lines = [f"{label} {made.RANDOM.hex()} {secret.hex()}\n" for label, secret in made.SECRETS.items()]
    keys = made.secrets("".join(lines).encode())
    yield b"".join([made.section(), made.interface(), keys, *packets])


SEEDS: Mapping[str, Callable[[], Iterator[bytes]]] = {"schemas": schema_seeds, "captures": capture_seeds}
