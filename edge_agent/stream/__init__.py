"""Draws what the agent detects into its pictures, and serves them as a stream."""
