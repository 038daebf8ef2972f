"""Compares a model's detections with the boxes that people drew."""
