"""What the commands end with."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """130 and 141 are what a shell makes of the signals SIGINT and SIGPIPE."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130
    BROKEN_PIPE = 141


EXIT_STATUS_HELP = """\b
Exit status:
  0    all went well
  1    TLS, the peer or the network failed
  2    wrong usage; a file, key or port that can't be had
  130  stopped by Ctrl-C
  141  nobody reads the output any more"""
