"""Pages of this floor, and what all pages share."""
