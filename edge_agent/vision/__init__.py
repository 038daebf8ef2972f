"""Detects faces, gestures and objects in a picture and embeds faces, offline, with small pinned models."""
