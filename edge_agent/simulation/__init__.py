"""Cameras that are not there: scenes composed from real photographs, and the messages of an old DeepLens."""
