"""The pages of this app, and what the pages of all apps share."""
