"""Cameras come, get their credentials, settings and versions, and are seen all at once."""
