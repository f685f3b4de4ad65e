"""An independent reading of captures, by tshark as a subprocess."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HINT = "needs tshark: apt-get install tshark"


@dataclass(frozen=True)
class Tshark:
    """tshark at some path. `ports` are to be read as TLS, whatever their number."""

    program: str

    def run(self, capture: Path, *options: str, keylog: Path | None = None, ports: Sequence[int] = ()) -> str:
        """Its standard output for a capture, with those options."""
        command = [self.program, "-n", "-r", str(capture), "-o", "tcp.reassemble_out_of_order:TRUE"]
        if keylog is not None:
            command += ["-o", f"tls.keylog_file:{keylog}"]
        for port in ports:
            command += ["-d", f"tcp.port=={port},tls"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120, check=True)
        return done.stdout

    def application_data(
        self, capture: Path, stream: int, server_port: int, *, keylog: Path | None = None
    ) -> tuple[bytes, bytes]:
        """The decrypted application data of a TCP stream: the client's, and that of the server on that port."""
        follow = ["-q", "-z", f"follow,tls,raw,{stream}"]
        lines = self.run(capture, *follow, keylog=keylog, ports=[server_port]).splitlines()
        (node,) = [line for line in lines if line.startswith("Node 0: ")]
        said = [b"", b""]
        for line in lines[lines.index(node) + 2 : -1]:
            said[line.startswith("\t")] += bytes.fromhex(line.strip())
        # Node 0 is who spoke first, and the other one's lines are indented.
        return (said[1], said[0]) if node.endswith(f":{server_port}") else (said[0], said[1])
