"""Coffees: counted, tallied, and ranked."""
