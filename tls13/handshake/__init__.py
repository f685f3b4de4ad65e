"""The handshake, and what may follow it: states, messages, and a handler for each pair of them. RFC 9846 §4

`table` says which message each of the `states` allows, and who handles it: `client`, `server`, and `post` once both
are connected. A client's offer is made in `client_hello`; a server judges it in `choice`, sends it back in `retry`, and
answers it in `flight`. The others are what handlers of both roles share.
"""
