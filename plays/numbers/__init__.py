"""Reads of contents, days and visits."""
