"""Certificates as TLS meets them: read, believed or refused, chosen, and the names that they are for. RFC 5280."""
