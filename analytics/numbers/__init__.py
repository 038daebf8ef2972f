"""Numbers of a stretch of time, read from tallies and episodes.

A page or an API view builds a `reads.Selection` and calls a `read_…` function of `reads.py`, or, for everything that
the page of a site or device shows, one of `period_numbers.py`. The results are plain dataclasses of `measures.py`.
"""
