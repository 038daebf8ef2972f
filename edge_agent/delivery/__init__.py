"""Keeps messages on disk until the platform has committed them, and sends them over MQTT and HTTPS."""
