"""QUIC as far as it carries the hellos: Initial packets, opened with keys that everybody knows."""
