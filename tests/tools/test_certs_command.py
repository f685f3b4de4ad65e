"""`tls13 certs`: which files it makes, for whom, and that it never overwrites one."""

from __future__ import annotations

import stat
from itertools import product
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from running import invoke, run


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_servers_and_clients_are_certified_for_the_names_and_kinds_of_key_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pki"
    types = ("--key-type", "ecdsa-p256", "--key-type", "ed25519")
    ended = run("certs", folder, "--name", "example.test", "--name", "192.0.2.1", *types)
    assert (ended.status, ended.errors) == (0, "")
    assert sorted(each.name for each in folder.iterdir()) == [
        "ca.pem",
        "client-ecdsa-p256.key",
        "client-ecdsa-p256.pem",
        "client-ed25519.key",
        "client-ed25519.pem",
        "server-ecdsa-p256.key",
        "server-ecdsa-p256.pem",
        "server-ed25519.key",
        "server-ed25519.pem",
    ]
    authority = certificate(folder / "ca.pem")
    expected = {
        "server": (["example.test", "192.0.2.1"], ExtendedKeyUsageOID.SERVER_AUTH),
        "client": (["client"], ExtendedKeyUsageOID.CLIENT_AUTH),
    }
    kinds = {"ecdsa-p256": ec.EllipticCurvePrivateKey, "ed25519": ed25519.Ed25519PrivateKey}
    for role, kind in product(expected, kinds):
        holder, key = certificate(folder / f"{role}-{kind}.pem"), folder / f"{role}-{kind}.key"
        holder.verify_directly_issued_by(authority)
        names = holder.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usages = holder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert ([str(name.value) for name in names], *usages) == expected[role]
        private = load_pem_private_key(key.read_bytes(), None)
        assert isinstance(private, kinds[kind])
        assert private.public_key() == holder.public_key()
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_what_it_prints_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    folder = tmp_path / "p k i"
    result = invoke("certs", folder)
    assert result.status == 0
    assert f"--cert '{folder}/server-ecdsa-p256.pem' --key '{folder}/server-ecdsa-p256.key'" in result.output.decode()
    assert f"tls13 connect localhost:4433 --ca '{folder}/ca.pem'" in result.output.decode()


def test_the_help_and_the_output_say_what_is_for_clients(tmp_path: Path) -> None:
    told = " ".join(invoke("certs", "--help").output.decode().split())
    assert "For each kind of key a server's and a client's" in told
    assert "ml-dsa-44" in told
    lines = invoke("certs", tmp_path, "--key-type", "ml-dsa-44").output.decode().splitlines()
    stem = f"{tmp_path}/client-ml-dsa-44"
    assert f"{stem}.pem  {stem}.key  a client's certificate and key" in lines


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
