"""`tls13 certs`: which files it makes, for whom, and that it never overwrites one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from running import invoke, run


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_servers_are_certified_for_the_names_and_kinds_of_key_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pki"
    types = ("--key-type", "ecdsa-p256", "--key-type", "ed25519")
    ended = run("certs", folder, "--name", "example.test", "--name", "192.0.2.1", *types)
    assert (ended.status, ended.errors) == (0, "")
    assert sorted(each.name for each in folder.iterdir()) == [
        "ca.pem",
        "server-ecdsa-p256.key",
        "server-ecdsa-p256.pem",
        "server-ed25519.key",
        "server-ed25519.pem",
    ]
    authority = certificate(folder / "ca.pem")
    for stem, kind in (
        ("server-ecdsa-p256", ec.EllipticCurvePrivateKey),
        ("server-ed25519", ed25519.Ed25519PrivateKey),
    ):
        server, key = certificate(folder / f"{stem}.pem"), folder / f"{stem}.key"
        server.verify_directly_issued_by(authority)
        names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [str(name.value) for name in names] == ["example.test", "192.0.2.1"]
        private = load_pem_private_key(key.read_bytes(), None)
        assert isinstance(private, kind)
        assert private.public_key() == server.public_key()
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_what_it_prints_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    folder = tmp_path / "p k i"
    result = invoke("certs", folder)
    assert result.status == 0
    assert f"--cert '{folder}/server-ecdsa-p256.pem' --key '{folder}/server-ecdsa-p256.key'" in result.output.decode()
    assert f"tls13 connect localhost:4433 --ca '{folder}/ca.pem'" in result.output.decode()


def test_a_second_pki_in_a_folder_is_refused_and_the_first_kept(tmp_path: Path) -> None:
    assert invoke("certs", tmp_path).status == 0
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    ended = invoke("certs", tmp_path)
    assert ended.status == 2
    assert ended.error == f"Error: {tmp_path}/ca.pem is there already, and nothing is overwritten; name another folder"
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["certs", "made", "--name", "grüße.test"], "xn--"),
        (["certs", "made", "--key-type", "dsa"], "'--key-type'"),
        (["certs", "a-file/made"], "a-file"),
        (["certs"], "FOLDER"),
    ],
)
def test_what_cannot_be_minted_is_told(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a-file").touch()
    result = invoke(*arguments)
    assert result.status == 2
    assert says in result.error
    assert not Path("made").exists()
