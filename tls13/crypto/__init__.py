"""Tables code point → implementation: which library does what, and how it is called. No primitive is written here."""

from __future__ import annotations

from collections.abc import Callable

Random = Callable[[int], bytes]
"""A source of randomness: as many bytes as it is asked for. `os.urandom` is one, a trace to replay another."""
