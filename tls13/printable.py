"""Text of strangers, made fit for one line of a terminal or a log."""

MAX_SHOWN = 120


def printable(text: str) -> str:
    """A stranger's text, made fit for a terminal: no control characters, no flood."""
    shown = "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text[:MAX_SHOWN])
    return shown if len(text) <= MAX_SHOWN else f"{shown}…"
