"""How fast messages are parsed and built here, beside other libraries, measured in the same run.

    python -m bench             # the table of ratios, then what importing and first use cost
    python -m pytest bench      # the same under pytest-benchmark, which keeps our own figures: --benchmark-autosave

Ratios are of the shortest of many interleaved runs, so that neither a busy machine nor whoever comes first lies.
"""
