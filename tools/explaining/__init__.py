"""Bytes that somebody has: out of what they are written in, guessed at, taken apart, annotated."""
