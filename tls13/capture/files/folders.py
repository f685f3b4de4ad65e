"""A folder of captures as one input."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from tls13.capture.diagnostics import CaptureError
from tls13.capture.files.formats import is_capture
from tls13.capture.limits import Limits
from tls13.capture.reader import Capture, read_capture
from tls13.keylog import KeyLog

_SUFFIXES = frozenset({".pcap", ".pcapng", ".cap"})
_COMPRESSED = frozenset({".gz", ".zst"})


def captures_in(folder: str | os.PathLike[str]) -> list[Path]:
    """The capture files of a folder and those below it, by path in sorted order.

    A file is one by its content, which is pcap or pcapng, compressed or not; and by its name (.pcap, .pcapng, .cap,
    perhaps with .gz or .zst), so that reading it tells what is wrong with it. Links to folders are not followed. Raises
    CaptureError where the folder cannot be read or holds no capture.
    """
    folder = Path(folder)
    try:
        os.listdir(folder)
    except OSError as error:
        raise CaptureError(f"cannot read {folder}: {error.strerror or error}", "name a folder with captures") from None
    found = sorted(path for path in _files(folder) if _is_named_so(path) or is_capture(path))
    if not found:
        raise CaptureError(f"there is no capture in {folder}", "name a folder with pcap or pcapng files in it")
    return found


def read_captures(
    folder: str | os.PathLike[str],
    *,
    keylog: KeyLog | None = None,
    limits: Limits | None = None,
    psks: Mapping[bytes, bytes] = MappingProxyType({}),
) -> Iterator[tuple[Path, Capture | CaptureError]]:
    """The captures of a folder one after the other, as `captures_in` finds and `read_capture` reads them.

    With each path comes the capture, or why it cannot be read; the iteration goes on behind it. A capture is closed
    when the next one is asked for. Connections are not followed from one file into the next. Raises CaptureError as
    `captures_in` does, at once.
    """
    paths = captures_in(folder)
    return _read(paths, keylog, limits, psks)


def _read(
    paths: list[Path], keylog: KeyLog | None, limits: Limits | None, psks: Mapping[bytes, bytes]
) -> Iterator[tuple[Path, Capture | CaptureError]]:
    for path in paths:
        try:
            capture = read_capture(path, keylog=keylog, limits=limits, psks=psks)
        except CaptureError as error:
            yield path, error
            continue
        with capture:
            yield path, capture


def _files(folder: Path) -> Iterator[Path]:
    """Regular files: nothing that reading could wait for, as a pipe."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if path.is_file():
                yield path


def _is_named_so(path: Path) -> bool:
    suffixes = path.suffixes
    while suffixes and suffixes[-1].lower() in _COMPRESSED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1].lower() in _SUFFIXES
