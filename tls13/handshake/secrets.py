"""The two points where both roles derive the same secrets: after ServerHello, after the server's Finished. §7.1"""

from __future__ import annotations

import hashlib

from schemas.code_points import NamedGroup
from schemas.errors import DecodeError
from schemas.handshake import Finished
from tls13.crypto.aead import Suite
from tls13.errors import MalformedMessage
from tls13.handshake.states import ApplicationSecrets, HandshakeKeys
from tls13.key_schedule import EarlySecret
from tls13.wire import Wire


def derive_handshake_keys(wire: Wire, suite: Suite, group: NamedGroup, shared_secret: bytes) -> HandshakeKeys:
    """The handshake traffic secrets over ClientHello...ServerHello, the last message of the transcript."""
    stage = EarlySecret.of(suite.hash_name).handshake(shared_secret)
    transcript_hash = wire.transcript.hash()
    client_secret = stage.client_handshake_traffic_secret(transcript_hash)
    server_secret = stage.server_handshake_traffic_secret(transcript_hash)
    wire.log_secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", client_secret)
    wire.log_secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", server_secret)
    return HandshakeKeys(suite, group, stage, client_secret, server_secret)


def derive_application_secrets(wire: Wire, keys: HandshakeKeys) -> ApplicationSecrets:
    """The application and exporter secrets over ClientHello...server Finished, the last message of the transcript."""
    stage = keys.stage.main()
    transcript_hash = wire.transcript.hash()
    client_secret = stage.client_application_traffic_secret_0(transcript_hash)
    server_secret = stage.server_application_traffic_secret_0(transcript_hash)
    wire.log_secret("CLIENT_TRAFFIC_SECRET_0", client_secret)
    wire.log_secret("SERVER_TRAFFIC_SECRET_0", server_secret)
    exporter_secret = stage.exporter_secret(transcript_hash)
    wire.log_secret("EXPORTER_SECRET", exporter_secret)
    return ApplicationSecrets(client_secret, server_secret, exporter_secret)


def check_length(message: Finished, suite: Suite) -> None:
    """verify_data is as long as the hash, which hangs on the suite, so that the schema can't know it. §4.5.3

    A wrong length is wrong syntax all the same. Raises MalformedMessage.
    """
    length = hashlib.new(suite.hash_name).digest_size
    if len(message.verify_data) != length:
        error = DecodeError(f"{length} bytes", f"{len(message.verify_data)}", offset=4, path="finished.verify_data")
        raise MalformedMessage(error, message="finished")
