"""What takes part: this project, its interpreted path, and every peer that is installed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec

from bench.samples import Kind

Task = Callable[[], object]
"""What is timed."""

Preparation = Callable[[bytes], Task]
"""Makes the task for a sample; what it does beforehand is not timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way to parse and build, and in what it does less, or more, than ours does.

    `build` gives the bytes of a message object that is there, `construct` makes the object from plain values first.
    """

    name: str
    remark: str
    parse: Mapping[Kind, Preparation]
    build: Mapping[Kind, Preparation] = field(default_factory=dict)
    construct: Mapping[Kind, Preparation] = field(default_factory=dict)

    def preparations(self, operation: str) -> Mapping[Kind, Preparation]:
        """Those of one of the OPERATIONS."""
        return {"parse": self.parse, "build": self.build, "construct and build": self.construct}[operation]


OPERATIONS = ("parse", "build", "construct and build")
OURS = "tls13"
INTERPRETED = "interpreted"
PEERS = {"aioquic": "aioquic", "tlslite": "tlslite-ng", "scapy": "scapy", "dpkt": "dpkt"}
"""The peers' packages, and what they are called."""


def contenders() -> Iterator[Contender]:
    """Ours first, then those peers that are installed."""
    yield from import_module("bench.contenders.ours").CONTENDERS
    for package in PEERS:
        if installed(package):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # what a peer imports is not our concern
                yield import_module(f"bench.contenders.{package}").CONTENDER


def missing() -> list[str]:
    """The peers that are not installed."""
    return [name for package, name in PEERS.items() if not installed(package)]


def installed(package: str) -> bool:
    """Whether a peer can take part."""
    return find_spec(package) is not None
