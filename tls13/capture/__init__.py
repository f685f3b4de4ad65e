"""What others said: capture files to TCP streams, to TLS records, to messages, decrypted where a key log allows it.

A second client of the schemas and of record protection, beside the engine. Reading has no side effects, and several
captures can be read at once.
"""

from tls13.capture.diagnostics import CaptureError, CaptureWarning, WarningKind
from tls13.capture.limits import Limits
from tls13.capture.link import Endpoint
from tls13.capture.messages import Direction, Epoch, Gap, Message, Note, NoteKind
from tls13.capture.reader import Capture, Connection, Statistics, read_capture
from tls13.capture.records import GapReason
from tls13.capture.streams import Ending
from tls13.capture.writer import CaptureWriter, Recording

__all__ = [
    "Capture",
    "CaptureError",
    "CaptureWarning",
    "CaptureWriter",
    "Connection",
    "Direction",
    "Ending",
    "Endpoint",
    "Epoch",
    "Gap",
    "GapReason",
    "Limits",
    "Message",
    "Note",
    "NoteKind",
    "Recording",
    "Statistics",
    "WarningKind",
    "read_capture",
]
