"""One run of parse by several processes: shared out, each reading its part, and what they print put together."""
