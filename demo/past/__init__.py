"""Generates the demo's history and the messages that cameras would have sent about it, and loads the messages."""
