"""The annotated pictures, to be watched on the box."""
