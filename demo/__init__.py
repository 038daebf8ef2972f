"""`python -m demo` runs Headcount with simulated cameras on one machine, from an empty folder."""
