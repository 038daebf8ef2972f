"""Starts, supervises and ends the demo's programs."""
