"""How fast messages, handshakes and data are here, beside other libraries, measured in the same run.

    python -m bench             # parsing and building, importing and first use, handshakes, application data
    python -m bench.handshake   # handshakes alone; `bulk` for application data
    python -m pytest bench      # the same under pytest-benchmark, which keeps our own figures: --benchmark-autosave

Ratios are of the shortest of many interleaved runs, so that neither a busy machine nor whoever comes first lies.
"""
