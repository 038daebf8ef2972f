"""What a picture shows: faces, hands, objects, and whose face it is. Offline, by small pinned models."""
