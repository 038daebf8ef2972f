"""Numbers of a stretch of time, read from tallies and episodes.

A page or an API view builds a `reads.Selection` and calls a `read_…` function of `reads.py`. The results are plain
dataclasses of `measures.py`. What the numbers say beside each other is in `analytics.verdicts`.
"""
