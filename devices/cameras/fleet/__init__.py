"""All cameras at once: their state, settings for many of them, and the versions of the agent that they run."""
