"""People, their consents, merges of two records, and the policies of sites."""
