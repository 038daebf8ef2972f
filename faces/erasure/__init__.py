"""Erasing a person, and proving it."""
