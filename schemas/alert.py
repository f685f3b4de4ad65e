"""RFC 9846 §6: alerts."""

from __future__ import annotations

from schemas.code_points import AlertDescription, AlertLevel
from schemas.vocabulary import Struct, field, struct


@struct
class Alert(Struct):
    """RFC 9846 §6. Why a side stops sending: close_notify for the end of data, anything else a failure."""

    level: AlertLevel = field(AlertLevel, "warning or fatal; ignored in TLS 1.3", default=AlertLevel.fatal)
    description: AlertDescription = field(AlertDescription, "what happened")
