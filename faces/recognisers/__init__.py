"""Recognisers, which detect and identify faces on this machine or at Amazon, and their monthly budget."""
