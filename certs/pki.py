"""The PKI as files: what it writes into its folder, under which names, readable by whom."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from certs.authority import Authority, Identity, Profile, general_name
from certs.flaws import Flaw, mint_flawed, mint_flawed_client
from certs.keys import KeyType, generate


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """The two files that a TLS endpoint is configured with, both PEM: its chain, own certificate first, and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Pki:
    """A folder of certificates under one root, and the authority in memory that can still add to it.

    `names` are what its servers are called, `now` when it was minted. Certificates are minted when they are first
    asked for. One thread at a time.
    """

    folder: Path
    authority: Authority = field(repr=False)
    names: tuple[str, ...]
    now: datetime
    rsa_bits: int = 2048

    @property
    def ca(self) -> Path:
        """The root's certificate, `ca.pem`: what a client is told to trust."""
        return self.folder / "ca.pem"

    def server(self, key_type: KeyType | str) -> KeyFiles:
        """A server's files, `server-rsa.pem` and `server-rsa.key` for instance.

        Raises ValueError for a key type that is none, OSError where the files can't be written.
        """
        kind = KeyType(key_type)
        return self._files(f"server-{kind}", kind, Profile.server(self.names, now=self.now))

    def client(self, key_type: KeyType | str, name: str = "client") -> KeyFiles:
        """A client's files, `client-ed25519.pem` and `client-ed25519.key` for instance; raises as `server` does.

        `name` is whom the certificate is for, and the first part of the files' names.
        """
        kind = KeyType(key_type)
        return self._files(f"{name}-{kind}", kind, Profile.client(name, now=self.now))

    def flawed(self, flaw: Flaw | str) -> KeyFiles:
        """The files of a server that clients must refuse, `flawed-expired.pem` for instance; raises as `server`."""
        which = Flaw(flaw)
        files = self._paths(f"flawed-{which}")
        if not files.certificate.exists():
            _write(files, mint_flawed(which, self.authority, self.names, now=self.now))
        return files

    def flawed_client(self, flaw: Flaw | str, name: str = "client") -> KeyFiles:
        """The files of a client that servers must refuse, `flawed-client-expired.pem` for instance.

        Raises as `server` does, and ValueError for a flaw that is not among `certs.flaws.CLIENT_FLAWS`.
        """
        which = Flaw(flaw)
        files = self._paths(f"flawed-{name}-{which}")
        if not files.certificate.exists():
            _write(files, mint_flawed_client(which, self.authority, name, now=self.now))
        return files

    def _files(self, stem: str, key_type: KeyType, profile: Profile) -> KeyFiles:
        files = self._paths(stem)
        if not files.certificate.exists():
            _write(files, self.authority.issue(profile, generate(key_type, rsa_bits=self.rsa_bits)))
        return files

    def _paths(self, stem: str) -> KeyFiles:
        return KeyFiles(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")


def mint(
    folder: Path,
    *,
    names: Iterable[str],
    now: datetime,
    key_types: Iterable[KeyType | str] = (),
    intermediate: bool = False,
    rsa_bits: int = 2048,
) -> Pki:
    """A new PKI in `folder`, which is made where it is missing and must hold no PKI yet.

    `names` are the DNS names and IP addresses of its servers, at least one; `key_types` are the
    server certificates to mint at once, the others follow on demand. With `intermediate` an authority between the
    root and the servers signs them, as on the public Internet, and each server's file holds both certificates.
    `now` dates everything; a naive time is taken as UTC.

    Raises FileExistsError where a file of the same name is there (nothing is ever overwritten), other OSErrors
    where the folder can't be written, and ValueError for a bad name or key type.
    """
    listed = tuple(names)
    if not listed:
        raise ValueError("a server certificate needs at least one name, localhost for instance")
    for name in listed:
        general_name(name)
    wanted = [KeyType(each) for each in key_types]
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority.self_made("tls13 test authority", now=now)
    if intermediate:
        authority = authority.subordinate(Profile.authority("tls13 test intermediate", now=now))
    pki = Pki(folder, authority, listed, now, rsa_bits)
    _create(pki.ca, authority.root_pem, mode=0o644)
    for key_type in wanted:
        pki.server(key_type)
    return pki


def _write(files: KeyFiles, identity: Identity) -> None:
    _create(files.key, identity.key_pem, mode=0o600)
    _create(files.certificate, identity.certificate_pem, mode=0o644)


def _create(path: Path, content: bytes, *, mode: int) -> None:
    """A new file, born with its mode: a key is at no moment readable by others."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
