"""Nanoseconds since the epoch as text, always UTC: captures travel, and their readers' clocks are set differently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 10**9


def iso(timestamp: int) -> str | None:
    """`2026-03-01T12:03:04.123456789Z`; None outside the years 1 to 9999."""
    second = _second(timestamp // _SECOND)
    return None if second is None else f"{second}.{timestamp % _SECOND:09}Z"


@lru_cache
def _second(number: int) -> str | None:
    """One second as text: what follows each other is often in the same one."""
    moment = _moment(number * _SECOND)
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}"


def day(timestamp: int) -> str:
    """`2026-03-01 12:03:04 UTC`."""
    moment = _moment(timestamp)
    return f"second {timestamp // _SECOND}" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def time_of_day(timestamp: int) -> str:
    """`12:03:04.123456`, cut to microseconds."""
    second = timestamp // _SECOND
    hours, minutes, seconds = second // 3600 % 24, second // 60 % 60, second % 60
    return f"{hours:02}:{minutes:02}:{seconds:02}.{timestamp % _SECOND // 1000:06}"


def elapsed(nanoseconds: int) -> str:
    """`0.25 ms`, `12 ms`, `1.5 s`."""
    milliseconds = nanoseconds / 10**6
    return f"{milliseconds / 1000:.3g} s" if abs(milliseconds) >= 1000 else f"{milliseconds:.3g} ms"


def _moment(timestamp: int) -> datetime | None:
    """The second, None where the calendar does not have it. A capture may hold any number."""
    try:
        return _EPOCH + timedelta(seconds=timestamp // _SECOND)
    except OverflowError:
        return None
