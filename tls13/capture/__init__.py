"""What others said: capture files to TCP streams, to TLS records, to messages, decrypted where a key log allows it.

A second client of the schemas and of record protection, beside the engine. Reading has no side effects, and several
captures can be read at once.
"""

from tls13.capture.connections import Connection
from tls13.capture.diagnostics import CaptureError, CaptureWarning, WarningKind
from tls13.capture.files.folders import captures_in, read_captures
from tls13.capture.files.writer import CaptureWriter, Recording
from tls13.capture.judging.certificate_summary import (
    CertificateSummary,
    RevocationSummary,
    TimestampSummary,
    summary_of,
)
from tls13.capture.judging.judgement import (
    Anomaly,
    EarlyData,
    EncryptedHello,
    EncryptedHelloStatus,
    ExplainedAlert,
    Fingerprints,
    Flight,
    Judgement,
    Negotiated,
    NotTaken,
    Offer,
    PskOrigin,
    Resumption,
    Retry,
    Rule,
    Undecrypted,
)
from tls13.capture.limits import Limits
from tls13.capture.messages import Direction, Epoch, Gap, Message, Note, NoteKind
from tls13.capture.network.addresses import Endpoint
from tls13.capture.network.flows import Ending, Transport
from tls13.capture.parts import WHOLE, Exchange, Notice, Part
from tls13.capture.reader import Capture, Statistics, read_capture
from tls13.capture.tls.records import GapReason
from tls13.capture.tls.starttls import Cleartext

__all__ = [
    "WHOLE",
    "Anomaly",
    "Capture",
    "CaptureError",
    "CaptureWarning",
    "CaptureWriter",
    "CertificateSummary",
    "Cleartext",
    "Connection",
    "Direction",
    "EarlyData",
    "EncryptedHello",
    "EncryptedHelloStatus",
    "Ending",
    "Endpoint",
    "Epoch",
    "Exchange",
    "ExplainedAlert",
    "Fingerprints",
    "Flight",
    "Gap",
    "GapReason",
    "Judgement",
    "Limits",
    "Message",
    "Negotiated",
    "NotTaken",
    "Note",
    "NoteKind",
    "Notice",
    "Offer",
    "Part",
    "PskOrigin",
    "Recording",
    "Resumption",
    "Retry",
    "RevocationSummary",
    "Rule",
    "Statistics",
    "TimestampSummary",
    "Transport",
    "Undecrypted",
    "WarningKind",
    "captures_in",
    "read_capture",
    "read_captures",
    "summary_of",
]
