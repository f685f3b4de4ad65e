"""Where both roles derive the same secrets: after each ClientHello, ServerHello and Finished. §7.1"""

from __future__ import annotations

import hmac

from schemas.code_points import NamedGroup
from schemas.errors import DecodeError
from schemas.handshake import Finished
from tls13.crypto.aead import Suite
from tls13.crypto.hkdf import HASHES
from tls13.errors import BadFinished, MalformedMessage
from tls13.handshake.states import ApplicationSecrets, EarlySecrets, HandshakeKeys
from tls13.key_schedule import EarlySecret, verify_data
from tls13.psk import Psk
from tls13.wire import Wire


def derive_handshake_keys(
    wire: Wire, suite: Suite, group: NamedGroup | None, shared_secret: bytes | None, psk: Psk | None = None
) -> HandshakeKeys:
    """The handshake traffic secrets over ClientHello...ServerHello, the last message of the transcript."""
    early = EarlySecret.of(suite.hash_name, None if psk is None else psk.key)
    stage = early.handshake(shared_secret)
    transcript_hash = wire.transcript.hash()
    client_secret = stage.client_handshake_traffic_secret(transcript_hash)
    server_secret = stage.server_handshake_traffic_secret(transcript_hash)
    wire.log_secret("early_secret", early.secret)
    if psk is not None:
        wire.log_secret("binder_key", early.binder_key(psk.binder_label))
    wire.log_secret("handshake_secret", stage.secret)
    wire.log_secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", client_secret, transcript_hash)
    wire.log_secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", server_secret, transcript_hash)
    return HandshakeKeys(suite, group, stage, client_secret, server_secret)


def derive_early_secrets(wire: Wire, psk: Psk, client_hello_hash: bytes) -> EarlySecrets:
    """The secrets of early data over the ClientHello."""
    stage = EarlySecret.of(psk.hash_name, psk.key)
    client_secret = stage.client_early_traffic_secret(client_hello_hash)
    exporter_secret = stage.early_exporter_secret(client_hello_hash)
    wire.log_secret("CLIENT_EARLY_TRAFFIC_SECRET", client_secret, client_hello_hash)
    wire.log_secret("EARLY_EXPORTER_SECRET", exporter_secret, client_hello_hash)
    return EarlySecrets(psk.hash_name, client_secret, exporter_secret)


def derive_application_secrets(wire: Wire, keys: HandshakeKeys) -> ApplicationSecrets:
    """The application and exporter secrets over ClientHello...server Finished, the last message of the transcript."""
    stage = keys.stage.main()
    transcript_hash = wire.transcript.hash()
    client_secret = stage.client_application_traffic_secret_0(transcript_hash)
    server_secret = stage.server_application_traffic_secret_0(transcript_hash)
    wire.log_secret("main_secret", stage.secret)
    wire.log_secret("CLIENT_TRAFFIC_SECRET_0", client_secret, transcript_hash)
    wire.log_secret("SERVER_TRAFFIC_SECRET_0", server_secret, transcript_hash)
    exporter_secret = stage.exporter_secret(transcript_hash)
    wire.log_secret("EXPORTER_SECRET", exporter_secret, transcript_hash)
    return ApplicationSecrets(stage, client_secret, server_secret, exporter_secret)


def derive_resumption_secret(wire: Wire, secrets: ApplicationSecrets) -> bytes:
    """The resumption secret over ClientHello...client Finished, the last message of the transcript."""
    transcript_hash = wire.transcript.hash()
    secret = secrets.stage.resumption_secret(transcript_hash)
    wire.log_secret("resumption_secret", secret, transcript_hash)
    return secret


def check_finished(message: Finished, suite: Suite, base_key: bytes, transcript_hash: bytes) -> None:
    """§4.5.3: the peer saw the same handshake. Raises MalformedMessage, BadFinished."""
    check_length(message, suite)
    if not hmac.compare_digest(message.verify_data, verify_data(suite.hash_name, base_key, transcript_hash)):
        raise BadFinished("verify_data is wrong: the two sides saw different handshakes", message="finished")


def check_length(message: Finished, suite: Suite) -> None:
    """verify_data is as long as the hash, which hangs on the suite, so that the schema can't know it. §4.5.3

    A wrong length is wrong syntax all the same. Raises MalformedMessage.
    """
    length = HASHES[suite.hash_name].digest_size
    if len(message.verify_data) != length:
        error = DecodeError(f"{length} bytes", f"{len(message.verify_data)}", offset=4, path="finished.verify_data")
        raise MalformedMessage(error, message="finished")
