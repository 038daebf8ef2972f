"""The pages on which the members of a site manage it: its settings, its devices and their places, its quarantine."""
