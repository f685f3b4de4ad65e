"""Text of strangers, made fit for one line of a terminal or a log."""

MAX_SHOWN = 120


def printable(text: str, most: int = MAX_SHOWN) -> str:
    """A stranger's text, made fit for a terminal: no control characters, and no flood: so many characters of it."""
    shown = "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text[:most])
    return shown if len(text) <= most else f"{shown}…"
