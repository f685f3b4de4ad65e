"""Capture files to packets: pcap, pcapng, either of them compressed, bare records; told by what they start with.

What stands around the headers and blocks that dpkt and python-pcapng declare is read here, because neither library
bounds what a length field makes it allocate or tells a file cut short from one that ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from tls13.capture.diagnostics import CaptureError, CaptureWarning, WarningKind, WarningLog
from tls13.capture.files.bare_records import bare_packets
from tls13.capture.files.compression import DECOMPRESSION_ERRORS, MAGIC_LENGTH, decompressed
from tls13.capture.files.framing import CorruptError, CutShortError, ExactReader
from tls13.capture.files.packets import Packet
from tls13.capture.files.pcap_files import PcapFile, is_pcap
from tls13.capture.files.pcapng_files import PcapngFile, is_pcapng
from tls13.capture.limits import Limits
from tls13.closing import Closing
from tls13.keylog import KeyLog

Source = str | os.PathLike[str] | BinaryIO
"""A path, or a binary stream, which need not be able to seek."""


def packets(source: Source, limits: Limits | None = None) -> PacketReader:
    """The packets of a capture. Raises CaptureError at once for what is none."""
    return PacketReader(source, limits or Limits())


def is_capture(path: str | os.PathLike[str]) -> bool:
    """Whether a file starts as pcap or pcapng does, compressed or not. False for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            stream = ExactReader(file, MAGIC_LENGTH)
            magic = stream.read(MAGIC_LENGTH)
            unpacked = decompressed(magic, stream)
            if unpacked is not None:
                magic = ExactReader(unpacked, MAGIC_LENGTH).take_or_end(MAGIC_LENGTH, "its first bytes")
    except (CutShortError, *_READ_ERRORS):
        return False
    return is_pcap(magic) or is_pcapng(magic)


class PacketReader(Closing, Iterator[Packet]):
    """Iterates over a capture's packets, and closes a file that it opened behind the last.

    After construction nothing raises: what is wrong ends in `warnings`.
    """

    def __init__(self, source: Source, limits: Limits) -> None:
        self.secrets = KeyLog()
        """What the capture's own decryption secrets blocks have given so far."""
        self._log = WarningLog()
        self._file, self._owned = _open(source)
        try:
            self._input = ExactReader(self._file, limits.block)
            self._packets = self._readable(_recognise(self._input, self._log, self.secrets, limits))
        except CaptureError:
            self.close()
            raise

    def __next__(self) -> Packet:
        return next(self._packets)

    def _readable(self, packets: Iterator[Packet]) -> Iterator[Packet]:
        """The packets up to where the capture ends, or cannot be read."""
        try:
            yield from packets
        except CutShortError as error:
            self._log.add(WarningKind.cut_short, f"the capture is cut short: {error}; all before it was read")
        except CorruptError as error:
            self._log.add(WarningKind.corrupt, f"the capture is damaged: {error}; nothing after it was read")
        except _READ_ERRORS as error:
            self._log.add(WarningKind.cut_short, f"the capture cannot be read further: {_reason(error)}")
        self.close()

    @property
    def position(self) -> int:
        """How many bytes of the file or stream have been read, compressed where it is."""
        return self._input.position

    @property
    def warnings(self) -> tuple[CaptureWarning, ...]:
        """What was wrong with the file so far."""
        secrets = (f"secrets in the capture: {each}" for each in self.secrets.warnings)
        return (*self._log, *(CaptureWarning(WarningKind.key_log, each) for each in secrets))

    def close(self) -> None:
        """Ends the iteration, and closes the file where it was given as a path."""
        self._packets = iter(())
        if self._owned:
            self._file.close()


_READ_ERRORS = (OSError, *DECOMPRESSION_ERRORS)
"""What a read can raise."""


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _open(source: Source) -> tuple[BinaryIO, bool]:
    if not isinstance(source, str | os.PathLike):
        return source, False
    try:
        return open(source, "rb"), True
    except OSError as error:
        raise CaptureError(
            f"cannot read {os.fspath(source)}: {error.strerror or error}", "name a capture file that can be read"
        ) from None


def _recognise(stream: ExactReader, log: WarningLog, secrets: KeyLog, limits: Limits) -> Iterator[Packet]:
    """The packets of the stream, whose file header has been read. Raises CaptureError for what is no capture."""
    try:
        magic = stream.take_or_end(MAGIC_LENGTH, "its first bytes")
        unpacked = decompressed(magic, stream)
        if unpacked is not None:
            stream = ExactReader(unpacked, limits.block)
            magic = stream.take_or_end(MAGIC_LENGTH, "its first bytes")
        if not magic:
            raise CaptureError("the capture is empty: it has no bytes", "record some packets into it first")
        if is_pcap(magic):
            return PcapFile(stream, magic).packets()
        if is_pcapng(magic):
            return PcapngFile(stream, log, secrets, limits.secrets).packets()
        bare = bare_packets(magic, stream)
        if bare is not None:
            return bare
    except (CutShortError, CorruptError) as error:
        raise CaptureError(f"not a capture that can be read: {error}", _EXPECTED) from None
    except _READ_ERRORS as error:
        raise CaptureError(f"the capture cannot be read: {_reason(error)}", _EXPECTED) from None
    raise CaptureError(f"not a capture: it starts with {magic.hex(' ')}", _EXPECTED)


_EXPECTED = "give pcap, pcapng (.gz, .zst) or TLS records"
