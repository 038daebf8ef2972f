"""Plotly figures, sparklines and their texts, made from numbers. Pure, but for `library.py`."""
