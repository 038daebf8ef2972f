"""People: what they agreed to, how two records are merged, and what a site's policy allows."""
