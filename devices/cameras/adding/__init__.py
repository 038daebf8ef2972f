"""Adds cameras: their names, the command that sets a box up, and what the new camera shows."""
