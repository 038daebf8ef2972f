"""Issues credentials for the broker to things, and revokes them when a thing is at no place any more."""
