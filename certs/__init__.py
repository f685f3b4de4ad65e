"""A test PKI, minted on demand: an authority, and server and client certificates for every key type. RFC 5280.

    pki = mint(folder, names=["localhost", "127.0.0.1"], now=datetime.now(UTC))
    pki.ca                       # ca.pem: what a client is told to trust
    pki.server("rsa").key        # server-rsa.key, minted when it is first asked for
    pki.client("rsa")            # for TLS clients
    pki.flawed("expired")        # a certificate that every client must refuse, flawed_client for servers

For tests and demonstrations. The authorities' private keys live in memory alone and are never written: what a
folder holds can't sign anything more once the program that minted it has ended.
"""

from certs.authority import Authority, Identity, Profile, self_signed
from certs.flaws import CLIENT_FLAWS, Flaw, mint_flawed, mint_flawed_client
from certs.keys import KeyType, PrivateKey, generate
from certs.pki import KeyFiles, Pki, mint

__all__ = [
    "CLIENT_FLAWS",
    "Authority",
    "Flaw",
    "Identity",
    "KeyFiles",
    "KeyType",
    "Pki",
    "PrivateKey",
    "Profile",
    "generate",
    "mint",
    "mint_flawed",
    "mint_flawed_client",
    "self_signed",
]
