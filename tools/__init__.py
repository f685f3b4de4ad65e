"""What people run: thin over tls13 and schemas."""
