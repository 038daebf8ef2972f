"""Adds cameras: their names, the command that sets a box up, what the new camera shows, and unknown things."""
