"""What a start takes: a command imports what it needs, and no more."""

from __future__ import annotations

import subprocess
import sys

import pytest
from running import PATIENCE, ROOT

import tls13
from tls13 import interface


def imported_by(statement: str) -> set[str]:
    script = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, timeout=PATIENCE)
    return set(done.stdout.decode().split())


def test_reading_captures_takes_no_engine_and_nothing_for_certificates() -> None:
    modules = imported_by("import tools.parse")
    unwanted = {"tls13.engine", "tls13.x509", "tools.explain", "cryptography.x509", "Crypto", "nacl"}
    assert modules & unwanted == set()
    assert "tls13.capture" in modules


@pytest.mark.parametrize("statement", ["from tls13 import capture", "import tls13; tls13.keylog.KeyLog"])
def test_a_module_of_the_package_brings_no_more_than_itself(statement: str) -> None:
    assert "tls13.connection" not in imported_by(statement)


def test_a_name_of_the_package_brings_the_engine() -> None:
    assert "tls13.engine" in imported_by("from tls13 import Connection")


def test_the_package_gives_out_every_name_that_it_lists() -> None:
    names = tls13.__all__
    assert {"ClientConfig", "Connection", "DecodeError", "connect"} <= set(names)
    assert all(getattr(tls13, name) is vars(interface)[name] for name in names)
    assert set(names) <= set(dir(tls13))


def test_a_name_that_the_package_does_not_list_is_none_of_it() -> None:
    with pytest.raises(AttributeError, match="no attribute 'EndpointConfig'"):
        _ = vars(tls13)["__getattr__"]("EndpointConfig")
    assert not hasattr(tls13, "nonsense")
