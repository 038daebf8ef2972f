"""Models that the platform has trained: their files, what they say of a hand, and how they come onto the box."""
