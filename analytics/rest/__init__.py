"""The REST API of engagement, counts, episodes and detections."""
