"""Decides when a picture is taken, and encodes it for sending."""
