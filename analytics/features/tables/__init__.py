"""Tables of detections by device, label, day and hour, each with its mean confidence."""
