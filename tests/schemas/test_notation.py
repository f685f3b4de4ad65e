"""Schemas in the RFC's notation: what is declared is what is printed, in a form that fits a page."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import rfc9846_structs as rfc
from every_schema import STRUCTS
from presentation import STRUCT, numbers

import schemas
from schemas.code_points import CipherSuite, HandshakeType, NamedGroup
from schemas.extension_block import ROWS, Extension, Row
from schemas.handshake import ClientHello
from schemas.notation import MODULES, declared, explanation, presentation, structs_of
from schemas.vocabulary import CodePoint, LengthsFirst, Select, Trailing

EVERYTHING = declared()
EVERY = pytest.mark.parametrize("name", EVERYTHING)

FIELD = re.compile(r"(\w+)\s+(\w+)\s*((?:<[^>]*>|\[[^]]*\])?)\s*;")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


@EVERY
def test_what_is_printed_fits_a_page_and_is_all_comment_or_declaration(name: str) -> None:
    text = presentation(EVERYTHING[name])
    assert max(map(len, text.splitlines())) <= 100
    assert not any(line != line.rstrip() for line in text.splitlines())
    assert text.count("/*") == text.count("*/")
    assert text.count("{") == text.count("}")
    assert COMMENT.sub("", text).count("struct") + COMMENT.sub("", text).count("enum") > 0


@pytest.mark.parametrize("name", STRUCTS)
def test_a_struct_shows_every_field_in_order_with_its_explanation(name: str) -> None:
    text = presentation(STRUCTS[name])
    position = 0
    for field, schema, doc in STRUCTS[name].schema.fields:
        # The fields that others have in front of themselves as a length may be called like them.
        found = re.search(rf"\b{field}\b(?!_length)", text[position:])
        assert found is not None, field
        position += found.end()
        assert words(doc) in words(text), doc
        assert not isinstance(schema, Trailing) or f"select ({field}_present)" in text
    assert text.endswith(f"}} {STRUCTS[name].__name__};")


def words(text: str) -> str:
    """The text without the line breaks and columns that comments are wrapped in."""
    return " ".join(text.replace("/*", "").replace("*/", "").split())


RFC_FIELDS = {
    name: [(of, field, numbers(bounds)) for of, field, bounds in FIELD.findall(fields)]
    for fields, name in STRUCT.findall(rfc.STRUCTS)
}
TYPEDEFS = {name: of + numbers(bounds) for of, name, bounds in FIELD.findall(rfc.TYPEDEFS)}


@pytest.mark.parametrize("name", RFC_FIELDS)
def test_what_is_printed_reads_like_the_struct_of_the_rfc(name: str) -> None:
    printed = re.sub(r" = [^;]+", "", COMMENT.sub("", presentation(STRUCTS[name])))
    declared_there = re.compile(r"([\w<>.^-]+)\s+(\w+)((?:<[^>]*>|\[[^]]*\])?)\s*;")
    ours = [
        (of + numbers(bounds), field)
        for of, field, bounds in declared_there.findall(numbers(printed))
        if field != name and of != "}"
    ]
    theirs = [(TYPEDEFS.get(of, of) + bounds, field) for of, field, bounds in RFC_FIELDS[name]]
    assert ours == theirs


def test_comments_stand_in_one_column_and_long_ones_go_on_below() -> None:
    assert presentation(ClientHello).splitlines() == [
        "/* RFC 9846 §4.2.2. The client's first message: everything that it can do. */",
        "struct {",
        "    ProtocolVersion legacy_version;               /* 0x0303; the real list is in",
        "                                                     supported_versions (default: TLS12) */",
        "    opaque random[32];                            /* fresh random bytes */",
        "    opaque legacy_session_id<0..32>;              /* 32 bytes in middlebox compatibility mode,",
        "                                                     else empty (default: empty) */",
        "    CipherSuite cipher_suites<2..2^16-2>;         /* AEAD and hash pairs, most wanted first */",
        "    opaque legacy_compression_methods<1..2^8-1>;  /* one byte, null (default: 0x00) */",
        "    select (extensions_present) {",
        "        case false: struct {};",
        "        case true:  Extension extensions<7..2^16-1>;",
        "    };                                            /* what is offered; absent before TLS 1.2 */",
        "} ClientHello;",
    ]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Handshake", "        case client_hello:           ClientHello;"),
        ("Handshake", "        case server_hello:           HelloRetryRequest or ServerHello;"),
        ("Handshake", "    uint24 length;"),
        ("ServerName", "        default:        opaque<0..2^16-1>;"),
        ("ECHConfig", "        case 0xfe0d: ECHConfigContents;"),
        ("MessageHash", "    opaque msg_type[1] = 0xfe;  /* message_hash(254) */"),
        ("HelloRetryRequest", '    opaque random[32] = 0xcf21ad74e59a...;  /* SHA-256 of "HelloRetryRequest" */'),
        ("EndOfEarlyData", "struct {} EndOfEarlyData;"),
        ("TLSInnerPlaintext", "    opaque content[...];    /* the fragment */"),
        ("HandshakeType", "    client_hello(1),"),
        ("HandshakeType", "    (255)"),
        ("NamedGroup", "    x25519(0x001D),"),
        ("NamedGroup", "    (65535)"),
        ("Extension", "    ExtensionType extension_type;      /* which extension */"),
    ],
)
def test_the_forms_of_the_notation(name: str, line: str) -> None:
    assert line in presentation(EVERYTHING[name]).splitlines()


@pytest.mark.parametrize("name", [str(each) for each in ROWS])
def test_an_extension_shows_its_form_in_each_message_and_the_structs_it_is_made_of(name: str) -> None:
    row = EVERYTHING[name]
    assert isinstance(row, Row)
    text = presentation(row)
    for message in row.bodies:
        assert re.search(rf"case {message}: +\S", text)
    assert text.count("case ") >= len(row.bodies)
    assert row.explanation in words(text)
    assert row.reference in words(text)
    for struct in structs_of(row):
        assert presentation(struct) in text
    assert presentation(row, alone=True) == text.split("\n\n")[0]


def test_the_structs_of_an_extension_are_found_however_deep() -> None:
    row = EVERYTHING["encrypted_client_hello"]
    assert isinstance(row, Row)
    names = [each.__name__ for each in structs_of(row)]
    assert names[:3] == ["ECHClientHello", "ECHOuter", "HpkeSymmetricCipherSuite"]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("registry", [HandshakeType, NamedGroup, CipherSuite])
def test_a_registry_shows_its_numbers_and_no_unknown_one(registry: type[CodePoint]) -> None:
    registry(registry.width * 0xFA)
    members = [line for line in presentation(registry).splitlines() if line.endswith("),")]
    assert len(members) == len(registry.__members__)
    for member, line in zip(registry, members, strict=True):
        name, value = line.strip(" ,)").split("(")
        assert (name, int(value, 0)) == (str(member), int(member))


def test_names_of_older_versions_are_told_from_those_of_tls_1_3() -> None:
    assert EVERYTHING["ClientHello"] is ClientHello
    older = EVERYTHING["tls12.ClientHello"]
    assert isinstance(older, type)
    assert older.__module__ == "schemas.tls12"
    assert EVERYTHING["Extension"] is Extension
    assert isinstance(EVERYTHING["cookie"], Row)


def test_everything_says_what_it_is_in_a_line() -> None:
    for name, of in EVERYTHING.items():
        _, text = explanation(of)
        assert text, name
        assert "\n" not in text


def test_no_module_that_declares_something_is_left_out() -> None:
    folder = Path(schemas.__file__).parent
    declaring = {path.stem for path in folder.glob("*.py") if declares(path)}
    assert declaring == {module.__name__.rpartition(".")[2] for module in MODULES}


def declares(path: Path) -> bool:
    """Whether a module has classes that are structs or registries."""
    classes = [each for each in ast.parse(path.read_text()).body if isinstance(each, ast.ClassDef)]
    bases = {ast.unparse(base) for each in classes for base in each.bases}
    return bool(bases & {"Struct", "CodePoint"})


def test_the_lengths_of_a_struct_that_has_them_first_are_fields() -> None:
    (of,) = [each for each in STRUCTS.values() if isinstance(each.schema, LengthsFirst)]
    declarations = [line.split("/*")[0].strip() for line in presentation(of).splitlines() if line.startswith("    ")]
    lengths = [index for index, each in enumerate(declarations) if each.endswith("_length;")]
    assert len(lengths) == len(of.schema.enclosed)
    assert lengths == list(range(lengths[0], lengths[0] + len(lengths)))


def selects() -> list[tuple[str, Select]]:
    return [
        (name, schema)
        for name, of in STRUCTS.items()
        for _, schema, _ in of.schema.fields
        if isinstance(schema, Select)
    ]


@pytest.mark.parametrize(("name", "schema"), selects(), ids=lambda each: str(each))
def test_a_select_shows_each_of_its_cases(name: str, schema: Select) -> None:
    text = presentation(STRUCTS[name])
    cases: list[Any] = re.findall(r"^        (?:case (\S+):|default:) +\S.*;$", text, re.MULTILINE)
    assert len(cases) == len(schema.variants) + (schema.otherwise is not None)
    assert f"select ({schema.tag}) {{" in text
