"""Boxes that people draw, and what models propose."""
