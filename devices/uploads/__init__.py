"""Pictures that are too large for a message."""
