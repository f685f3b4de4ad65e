"""TLS 1.3 as data: an engine, sockets and captures, all clients of the declarations in `schemas`.

from tls13 import ClientConfig, TrustStore, connect

with connect("example.com", 443, ClientConfig(trust=TrustStore.system())) as tls:
    tls.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print(tls.recv())
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING


def require_own(name: str) -> None:
    """Raises ImportError unless the package `name` is the one that comes with this one.

    Its name is a common one, and Python takes the first on its path.
    """
    spec = find_spec(name)
    places = [] if spec is None else [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    own = Path(__file__).resolve().parent.parent / name / "__init__.py"
    if not places or Path(str(places[0])).resolve() != own:
        raise ImportError(
            f"tls13 needs the package '{name}' that comes with it ({own.parent}), "
            f"but {places[0] if places else 'nothing'} is what Python finds by that name: "
            "rename that one, or take its folder off sys.path"
        )


require_own("schemas")

if TYPE_CHECKING:
    from tls13.interface import *
else:

    def __getattr__(name: str) -> object:
        """Imports the engine when the first of its names is asked for: whoever reads captures does without. PEP 562"""
        if not name.startswith("__") and find_spec(f"{__name__}.{name}") is not None:
            return import_module(f"{__name__}.{name}")
        interface = import_module("tls13.interface")
        if name != "__all__" and name not in interface.__all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return globals().setdefault(name, getattr(interface, name))

    def __dir__() -> list[str]:
        return sorted({*globals(), *import_module("tls13.interface").__all__})
