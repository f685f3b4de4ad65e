"""What the forms of a handshake message are called, as `tls13 parse --json` says which one a message is of."""

from __future__ import annotations

from schemas import tls10, tls12
from schemas.handshake import Handshake
from tls13.capture.messages import AnyHandshake

GRAMMARS: dict[str, type[AnyHandshake]] = {"tls13": Handshake, "tls12": tls12.Handshake, "tls10": tls10.Handshake}
"""TLS 1.1 has the messages of TLS 1.0."""

GRAMMAR_NAMES = {form: name for name, form in GRAMMARS.items()}
