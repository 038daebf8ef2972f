"""Sets a box up and keeps it up to date: claims its credentials, finds cameras, runs and updates the agent."""
