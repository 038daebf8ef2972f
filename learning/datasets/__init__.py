"""Data sets of pictures with labelled boxes: formats, import, export, split."""
