"""DTLS records, which are named and not read. RFC 6347 §4.1"""

from __future__ import annotations

import re

from schemas.dtls import DtlsRecord, DtlsVersion
from schemas.errors import DecodeError

_RECORD = re.compile(rb"[\x14-\x1a]\xfe[\xfc-\xff]")
_MOST_RECORDS = 64
"""In a datagram."""
_NAMES = {DtlsVersion.DTLS10: "DTLS 1.0", DtlsVersion.DTLS12: "DTLS 1.2", DtlsVersion.DTLS13: "DTLS 1.3"}


def dtls_records(datagram: bytes) -> tuple[str, int]:
    """What the version of a datagram's records is called, and how many there are: 0 where it holds something else.

    The version is that of the first record; a ClientHello may say less there than it offers.
    """
    version, count = "DTLS", 0
    while count < _MOST_RECORDS and _RECORD.match(datagram):
        try:
            record = DtlsRecord.parse(datagram)
        except DecodeError:
            return version, 0
        if count == 0:
            version = _NAMES.get(record.version, "DTLS")
        count += 1
        datagram = record.following
    return version, count
