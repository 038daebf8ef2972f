"""The demo's past: a history, the messages that cameras would have sent of it, and how they are loaded."""
