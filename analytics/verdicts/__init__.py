"""What the numbers say: every comparison, usual range, forecast and change of level, and the words for them.

`period_numbers.py` reads all that the page of a site or device shows. `hour_series.py` reads the hours that are
compared, `matched.py` compares them, and `findings.py` decides what may be said of all comparisons of a page together.
"""
