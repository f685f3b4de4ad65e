"""Byte streams to messages: where TLS starts, its records, and the messages in them."""
