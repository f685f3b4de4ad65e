"""Packets to byte streams: link layer, IP and its fragments, tunnels, TCP; and what runs beside it."""
