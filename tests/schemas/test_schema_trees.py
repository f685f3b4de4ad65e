"""A walk over every schema there is: only words of the vocabulary, none of construct's that swallow errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import construct
import pytest
from every_schema import SCHEMAS

from schemas import Node, vocabulary
from schemas.extension_block import ExtensionBlock

SWALLOWING = (
    construct.GreedyRange,
    construct.Select,
    construct.Switch,
    construct.Prefixed,
    construct.Pass.__class__,
    construct.FocusedSeq,
    construct.StopIf,
)
"""What construct has that drops bytes, or errors, without a word. Optional is a Select."""

WORDS = {each for each in vars(vocabulary).values() if isinstance(each, type) and issubclass(each, Node)} | {
    ExtensionBlock
}


def tree(schema: Node[Any], path: str) -> Iterator[tuple[str, Node[Any]]]:
    yield path, schema
    for name, child in schema.children():
        yield from tree(child, f"{path}.{name}")


def constructs_within(schema: object) -> Iterator[construct.Construct]:
    """Every construct that an attribute of the schema holds, in lists and mappings too."""
    for value in vars(schema).values():
        held = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
        yield from (each for each in held if isinstance(each, construct.Construct))


EVERY_NODE = [pytest.param(schema, id=path) for name, root in SCHEMAS.items() for path, schema in tree(root, name)]


def test_the_walk_sees_every_struct_and_every_extension() -> None:
    paths = {path for name, root in SCHEMAS.items() for path, _ in tree(root, name)}
    assert "Handshake.message.server_hello.hello_retry_request.extensions.cookie" in paths
    assert "Certificate.certificate_list.[].extensions.status_request.response.ocsp" in paths
    assert "extensions of client_hello.encrypted_client_hello.content.outer.cipher_suite.kdf_id" in paths
    assert "ECHConfig.contents.otherwise" in paths
    assert len(paths) > 700


@pytest.mark.parametrize("schema", EVERY_NODE)
def test_a_schema_is_made_of_the_vocabulary_alone(schema: Node[Any]) -> None:
    assert type(schema) in WORDS
    assert not isinstance(schema, SWALLOWING)
    assert schema.notation()


@pytest.mark.parametrize("schema", EVERY_NODE)
def test_no_construct_hides_from_the_walk(schema: Node[Any]) -> None:
    # What a node holds is one of its children, or the number that its length or code point is written as.
    children = {id(child) for _, child in schema.children()}
    hidden = [each for each in constructs_within(schema) if id(each) not in children]
    assert all(type(each) is vocabulary.Uint for each in hidden)


@pytest.mark.parametrize(
    "swallowing",
    [
        construct.GreedyRange(construct.Byte),
        construct.Optional(construct.Byte),
        construct.Select(construct.Byte),
        construct.Switch(construct.this.a, {}),
        construct.Prefixed(construct.Byte, construct.GreedyBytes),
    ],
    ids=lambda each: type(each).__name__,
)
def test_the_walk_would_find_what_is_banned(swallowing: construct.Construct) -> None:
    assert isinstance(swallowing, SWALLOWING)

    class Holder(vocabulary.Rest):
        def __init__(self) -> None:
            super().__init__()
            self.inner = swallowing

    holder = Holder()
    assert type(holder) not in WORDS
    assert list(constructs_within(holder)) == [swallowing]


@pytest.mark.parametrize("root", SCHEMAS.values(), ids=SCHEMAS)
def test_names_within_a_schema_are_unique(root: Node[Any]) -> None:
    for path, schema in tree(root, ""):
        names = [name for name, _ in schema.children()]
        assert len(set(names)) == len(names), path
