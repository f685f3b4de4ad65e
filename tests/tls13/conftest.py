"""The endpoints under test, with one PKI for the whole session."""

from __future__ import annotations

import pytest
from by_hand import AEADS
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from endpoints import Endpoints
from modes import Clock, Sides, configs
from scripted import MINTED, Identity, clock

from certs import Pki, mint
from schemas.code_points import NamedGroup
from tls13.config import ClientConfig, ServerConfig
from tls13.x509.credentials import Credential
from tls13.x509.trust import TrustStore

# Named, so that what a test expects does not hang on what is implemented besides.
SUITES = tuple(AEADS)
GROUPS = (NamedGroup.x25519, NamedGroup.secp256r1)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """A test PKI for localhost and *.example.com."""
    return mint(tmp_path_factory.mktemp("pki"), names=["localhost", "*.example.com", "127.0.0.1"], now=MINTED)


@pytest.fixture(scope="session")
def endpoints(pki: Pki) -> Endpoints:
    """Clients that trust that PKI, and servers with its Ed25519 certificate."""
    files = pki.server("ed25519")
    credential = Credential.load(files.certificate, files.key)
    key = load_pem_private_key(files.key.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return Endpoints(
        ClientConfig(key_shares=1, trust=TrustStore.load(pki.ca), cipher_suites=SUITES, groups=GROUPS, clock=clock),
        ServerConfig(credentials=(credential,), cipher_suites=SUITES, groups=GROUPS, clock=clock),
        Identity(credential.certificate_list, key),
    )


@pytest.fixture
def alice(pki: Pki) -> Credential:
    """A client's."""
    files = pki.client("ed25519", "alice")
    return Credential.load(files.certificate, files.key)


@pytest.fixture
def watch() -> Clock:
    """The clock of both sides."""
    return Clock()


@pytest.fixture
def sides(endpoints: Endpoints, watch: Clock) -> Sides:
    """How a client and a server are configured that meet more than once."""
    return configs(endpoints, watch)
