"""The demo's cameras: scenes composed from real photographs, and an old DeepLens' messages."""
