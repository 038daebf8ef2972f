"""Simulates the demo's cameras: scenes composed from real photographs, and the messages of an old DeepLens."""
