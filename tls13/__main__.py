"""The `tls13` command: finds the tools that are installed with this package, and runs them."""

from importlib import import_module

from tls13 import require_own


def main() -> None:
    """Runs the command line. Ends with one sentence where another package named `tools` is in the way."""
    try:
        require_own("tools")
    except ImportError as error:
        raise SystemExit(str(error)) from None
    import_module("tools.main").main()


if __name__ == "__main__":
    main()
