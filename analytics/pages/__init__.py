"""The overview, and the pages of sites and devices."""
