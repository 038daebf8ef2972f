"""Tells people apart: follows faces from look to look, and reports each person's visit."""
