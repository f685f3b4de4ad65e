"""What `import schemas` costs, that it compiles nothing, and what the first use of a message costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

RUNS = 9
IMPORT_TARGET = 0.150
"""Seconds."""

# Each measurement is a fresh interpreter. CPU time beside the clock's, for machines that are busy otherwise.
SCRIPT = """
import json, sys, time
hello = bytes.fromhex(sys.argv[1])
clock, cpu = time.perf_counter(), time.process_time()
import schemas
imported = {"import": time.perf_counter() - clock, "import, CPU": time.process_time() - cpu}
from schemas.compiler import builder_of, parser_of, whole_parser_of
compiled = sum(each.cache_info().misses for each in (builder_of, parser_of, whole_parser_of))
from schemas.handshake import Handshake
def timed(call):
    start = time.perf_counter()
    return call(), time.perf_counter() - start
message, first_parse = timed(lambda: Handshake.parse(hello))
_, first_build = timed(message.build)
print(json.dumps({**imported, "compiled": compiled, "first parse": first_parse, "first build": first_build}))
"""


def startup(hello: bytes) -> Mapping[str, float]:
    """The least of several runs, in seconds; "compiled" counts what was compiled before the first use."""
    runs: list[dict[str, float]] = []
    for _ in range(RUNS):
        command = [sys.executable, "-c", SCRIPT, hello.hex()]
        runs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return {name: min(run[name] for run in runs) for name in runs[0]}
