"""The process in which atheris runs one target: `engine.py TARGET [libFuzzer's options] [INPUT …]`. See fuzz.py.

With inputs in place of a corpus folder it tries just these, which is how a finding is looked at again.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["schemas", "tls13"]):
    from targets import TARGETS

atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
atheris.Fuzz()
