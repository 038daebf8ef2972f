"""The notice of each display: what its camera does, for the people before it."""
