"""From a capture to who and what it shows."""
