"""`python -m demo`: Headcount on one machine, with cameras, from an empty folder."""
